"""A model: its players, what it was made with, sampling, saving, loading."""

import copy
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors
import torch
from huggingface_hub import PyTorchModelHubMixin
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn

from ca2_core.errors import UserError, did_you_mean
from ca2_core.files import whole_file
from ca2_gan.models.players import ModelSpec
from ca2_gan.registry import models
from ca2_gan.spectral_norm import normalise_spectrally

WEIGHTS, CONFIG = "model.safetensors", "config.json"
SAMPLING_BATCH = 250


class GAN(nn.Module, PyTorchModelHubMixin):
    """The players of a model of the registry, and the configuration that makes them again.

    :param model: name in the registry
    :param num_classes: number of classes K
    :param image_shape: channels, height, width
    :param noise_dim: width of the generator's noise
    :param class_names: K names; None for "0" to "K-1"
    :param spectral_norm: whether every weight of the discriminator is spectrally normalised
    :param options: what this model's builder takes beyond that, by name
    """

    def __init__(
        self,
        model: str,
        num_classes: int,
        image_shape: Sequence[int],
        noise_dim: int = 100,
        class_names: Sequence[str] | None = None,
        spectral_norm: bool = False,
        options: dict[str, Any] | None = None,
    ):
        super().__init__()
        channels, height, width = image_shape
        self.spec = ModelSpec(model, num_classes, (channels, height, width), noise_dim)
        names = tuple(map(str, range(num_classes) if class_names is None else class_names))
        if len(names) != num_classes:
            raise UserError(f"{model}: {len(names)} class names for {num_classes} classes.")
        self.config: dict[str, Any] = {
            "model": model,
            "num_classes": num_classes,
            "image_shape": list(self.spec.image_shape),
            "noise_dim": noise_dim,
            "class_names": list(names),
            "spectral_norm": spectral_norm,
            "options": options or {},
        }
        self._hub_mixin_config = self.config  # what the hub's mixin writes
        players = _build(self.spec, options or {})
        self.generator, self.discriminator, self.classifier = players[:3]
        self.is_conditional = players.is_conditional
        if spectral_norm:
            normalise_spectrally(self.discriminator)

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.config["class_names"])

    def players(self) -> dict[str, nn.Module]:
        """The networks by name: generator, discriminator, and classifier where there is one."""
        return dict(self.named_children())

    def with_generator(self, generator: nn.Module) -> "GAN":
        """The same model, its other players shared, with another generator such as an average of it."""
        twin = copy.copy(self)
        twin._modules = self._modules | {"generator": generator}
        return twin

    def draw_noise(self, n: int, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """Noise for n images, float32 [n, noise_dim], on the CPU, so that a seed gives the same on every device.

        :param seed: None for a new one each time
        :param truncation: factor on the noise; below 1 more typical and less varied images
        """
        rng = torch.Generator()
        if seed is None:
            rng.seed()
        else:
            rng.manual_seed(seed)
        return torch.randn(n, self.spec.noise_dim, generator=rng) * truncation

    def sample(self, n: int, labels: Sequence[int] | Tensor | None = None, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """Images, uint8 [n, C, H, W] on the CPU.

        :param labels: n classes from 0 to K-1; None for all in equal shares, 0, 1, ..., K-1, 0, ...
        :param seed: same seed, same images; None for new ones each time
        :param truncation: factor on the noise, over 0; below 1 more typical and less varied images
        :raises UserError: if the labels aren't n classes
        """
        if labels is None:
            labels = torch.arange(n) % self.spec.num_classes
        labels = torch.as_tensor(labels, dtype=torch.int64)
        if labels.shape != (n,):
            raise UserError(f"{labels.numel()} labels for {n} images.")
        if n and not 0 <= int(labels.min()) <= int(labels.max()) < self.spec.num_classes:
            raise UserError(
                f"labels go from {int(labels.min())} to {int(labels.max())}; this model's from 0 to {self.spec.num_classes - 1}."
            )
        return self.images_from(self.draw_noise(n, seed, truncation), labels)

    @torch.inference_mode()
    def images_from(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Images for given noise [n, noise_dim] and labels [n], uint8 [n, C, H, W] on the CPU."""
        device = next(self.generator.parameters()).device
        training = self.generator.training
        self.generator.eval()
        batches = [
            to_uint8(self.generator(z.to(device), y.to(device)).float()).cpu()
            for z, y in zip(noise.split(SAMPLING_BATCH), labels.split(SAMPLING_BATCH), strict=True)
        ]
        self.generator.train(training)
        return torch.cat(batches)

    def save(self, folder: str | Path) -> None:
        """Writes ``model.safetensors`` and ``config.json`` into a folder, each whole or not at all."""
        folder = Path(folder)
        with whole_file(folder / CONFIG) as path:
            path.write_text(json.dumps(self.config, indent=2) + "\n", encoding="utf-8")
        with whole_file(folder / WEIGHTS) as path:
            path.write_bytes(serialise({name: value.contiguous() for name, value in self.state_dict().items()}))

    def export(self, folder: str | Path) -> None:
        """Writes what sampling needs and no more: ``save`` with the generator alone, its parameters as float16."""
        lean = copy.copy(self)
        lean._modules = {"generator": copy.deepcopy(self.generator)}
        for parameter in lean.generator.parameters():
            parameter.data = parameter.data.half()
        lean.save(folder)

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory)


def _build(spec: ModelSpec, options: dict[str, Any]) -> Any:
    builder = models.get(spec.name)
    known = list(inspect.signature(builder).parameters)[1:]
    for name in options:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UserError(f"{spec.name}: no model option {name!r}; {has}.{did_you_mean(name, known)}")
    return builder(spec, **options)


def to_uint8(images: Tensor) -> Tensor:
    """[-1, 1] -> 0..255, rounded."""
    return images.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def to_float(images: Tensor) -> Tensor:
    """0..255 -> float32 in [-1, 1]."""
    return images.float().div_(127.5).sub_(1)


def create_model(
    name: str, *, num_classes: int, image_shape: Sequence[int], class_names: Sequence[str] | None = None, **options: Any
) -> GAN:
    """A new model, by its name in the registry.

    :param name: such as ``cgan``; ``list_models()`` has them all
    :param num_classes: number of classes K
    :param image_shape: channels (1 or 3), height, width (16 to 64)
    :param class_names: K names; None for "0" to "K-1"
    :param options: ``noise_dim``, ``spectral_norm``, and what the model's builder takes
    :raises UserError: for an unknown name or option, or an image shape that the model can't make
    """
    common = {key: options.pop(key) for key in ("noise_dim", "spectral_norm") if key in options}
    return GAN(model=name, num_classes=num_classes, image_shape=image_shape, class_names=class_names, options=options, **common)


def load_gan(folder: Path) -> GAN:
    """The model in a folder with ``model.safetensors`` and ``config.json``, in evaluation mode, in float32.

    Players other than the generator that have no weights there are None.

    :raises UserError: if one of the files is missing, damaged, or doesn't fit the other
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        gan = GAN(**config)
    except FileNotFoundError:
        raise UserError(f"{folder}: no {CONFIG}: neither a saved model nor a run of `ca2-gan train` that has saved one.") from None
    except (TypeError, KeyError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{folder / CONFIG}: not the configuration of a model: {error}.") from error
    try:
        weights = load_file(folder / WEIGHTS)
        for player in gan.players().keys() - {"generator"} - {name.partition(".")[0] for name in weights}:
            setattr(gan, player, None)
        gan.load_state_dict(weights)
    except FileNotFoundError:
        raise UserError(f"{folder}: no {WEIGHTS}: the model's weights are missing.") from None
    except safetensors.SafetensorError as error:
        raise UserError(f"{folder / WEIGHTS}: damaged or cut off ({error}). Copy it again, or train again.") from error
    except RuntimeError as error:
        raise UserError(f"{folder / WEIGHTS}: the weights are of another model than {CONFIG} says, {config['model']}.") from error
    return gan.eval()
