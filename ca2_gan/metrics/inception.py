"""pytorch-fid's Inception network: the extractor of the FID that papers report."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from ca2_core.errors import UserError
from ca2_gan.metrics.extractors import Seen, batches, weights_hash

BATCH_SIZE = 50
TIMEOUT = 30


class UnavailableError(UserError):
    """The weights can't be had; what does not need them goes on."""


class Inception:
    """Pool features of the Inception-v3 that TensorFlow's FID uses, 2048-d.

    :param weights: the file ``pt_inception-2015-12-05-6726825d.pth``; None downloads it once
    :raises UnavailableError: if it can't be downloaded
    :raises UserError: if the file is missing or another
    """

    name = "Inception-v3 of pytorch-fid"
    resize = "bilinear to 299x299, gray repeated to RGB"
    dimensions = 2048

    def __init__(self, weights: Path | None = None):
        from pytorch_fid import inception  # type: ignore[import-untyped]  # noqa: PLC0415  (imports torchvision)

        state = _read(weights) if weights else _download(inception.FID_WEIGHTS_URL)
        # pytorch-fid has no argument for weights that are there already
        with mock.patch.object(inception, "load_state_dict_from_url", return_value=state):
            try:
                self._network: nn.Module = inception.InceptionV3([inception.InceptionV3.DEFAULT_BLOCK_INDEX]).eval()
            except (RuntimeError, AttributeError, TypeError) as error:
                raise UserError(f"{weights}: not pytorch-fid's Inception weights: {str(error).splitlines()[0]}") from error
        self.fingerprint = weights_hash(self._network)
        fold_batch_norms(self._network)
        self._network.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def see(self, images: NDArray[np.uint8], batch_size: int | None = None) -> Seen:
        """:param images: [N, C, H, W]"""
        features = [
            self._network(batch.expand(-1, 3, -1, -1))[0].flatten(1).numpy()
            for batch in batches(images, batch_size or BATCH_SIZE, "Inception")
        ]
        return Seen(np.concatenate(features), None)


def fold_batch_norms(network: nn.Module) -> None:
    """Puts each BatchNorm into the convolution before it: the same function but for rounding, in less time."""
    for block in network.modules():
        convolution, norm = getattr(block, "conv", None), getattr(block, "bn", None)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            block.conv, block.bn = fuse_conv_bn_eval(convolution, norm), nn.Identity()


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Inception's weights are pt_inception-2015-12-05-6726825d.pth of pytorch-fid.") from None
    except Exception as error:  # torch.load raises whatever the bytes lead it to
        raise UserError(f"{path}: can't be read as weights: {' '.join(str(error).split())[:100]}") from error
    return state


def _download(url: str) -> dict[str, torch.Tensor]:
    try:
        with _timeout():
            state: dict[str, torch.Tensor] = torch.hub.load_state_dict_from_url(url, map_location="cpu", progress=True, weights_only=True)
    except Exception as error:  # whatever the network answers, or the bytes of a damaged download lead to
        reason = " ".join(str(error).split())[:200]
        raise UnavailableError(
            f"Inception's weights can't be had ({reason}). Download {url} and give it with --inception-weights."
        ) from error
    return state


@contextmanager
def _timeout() -> Iterator[None]:
    """torch.hub sets none, and behind a firewall it would wait forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
