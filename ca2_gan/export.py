"""Exports a trained generator for other programs, as ONNX or as a ``torch.export`` program."""

import copy
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_gan.gan import GAN
from ca2_gan.models.per_class import PerClassGenerator

NOISE, LABELS, IMAGES = "noise", "labels", "images"
ONNX_NEEDS = ("onnx", "onnxscript")


class Pictures(nn.Module):
    """A generator with images in [0, 1]: noise [N, noise_dim] and, if conditional, labels [N] -> images [N, C, H, W]."""

    def __init__(self, gan: GAN):
        super().__init__()
        self.generator = copy.deepcopy(gan.generator).eval().float().cpu()
        self.generator.to(memory_format=torch.contiguous_format)  # torch.export.save warns about channels-last weights

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is None:
            labels = torch.zeros(noise.shape[0], dtype=torch.int64)
        if isinstance(self.generator, PerClassGenerator):  # torch.export can't branch on labels: each generator makes all
            made = torch.stack([generator(noise, labels * 0) for generator in self.generator.of_class])
            images = made[labels, torch.arange(noise.shape[0])]
        else:
            images = self.generator(noise, labels)
        return (images.clamp(-1, 1) + 1) / 2


def export_program(gan: GAN) -> ExportedProgram:
    """The generator as a ``torch.export`` program. ``torch.export.save`` writes it, ``program.module()(noise, labels)`` runs it.

    Inputs: noise float32 [N, noise_dim] and, if the model is conditional, labels int64 [N]. Output: images float32 [N, C, H, W] in [0, 1].

    :raises UserError: if PyTorch can't export it
    """
    inputs = (gan.draw_noise(3, 0), gan.choose_classes(3))[: 2 if gan.is_conditional else 1]
    try:
        with torch.no_grad(), _quiet():
            return torch.export.export(Pictures(gan), inputs, dynamic_shapes=({0: Dim("n", min=1)},) * len(inputs))
    except Exception as error:  # a generator of another package may raise anything
        raise UserError(f"{gan.spec.name}: PyTorch can't export it: {str(error).strip().splitlines()[0]}") from error


def export_onnx(gan: GAN, path: str | Path) -> None:
    """Writes the generator as ONNX, whole or not at all, with the inputs and output of ``export_program``.

    The file's metadata contain ``class_names`` as JSON, ``model`` and ``noise_dim``.

    :raises UserError: if packages are missing, or PyTorch can't export it
    """
    missing = [name for name in ONNX_NEEDS if find_spec(name) is None]
    if missing:
        raise UserError(f"{' and '.join(missing)} not installed: ONNX needs the extra `export`: run pip install '.[export]' in a clone.")
    program, names = export_program(gan), [NOISE, LABELS][: 2 if gan.is_conditional else 1]
    try:
        with _quiet():
            converted = torch.onnx.export(program, dynamo=True, input_names=names, output_names=[IMAGES], verbose=False)
    except Exception as error:  # operations that ONNX lacks
        raise UserError(f"{gan.spec.name}: can't be written as ONNX: {str(error).strip().splitlines()[0]}") from error
    assert converted is not None
    facts = {"model": gan.spec.name, "noise_dim": str(gan.spec.noise_dim), "class_names": json.dumps(gan.class_names)}
    converted.model.metadata_props.update(facts)
    with whole_file(path) as partial:
        converted.save(str(partial))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the warnings and log lines of PyTorch's exporters."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
