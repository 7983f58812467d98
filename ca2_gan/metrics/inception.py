"""pytorch-fid's Inception network: the extractor of the FID that papers report."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fuse_conv_bn_eval

from ca2_core.errors import UserError
from ca2_gan.metrics.extractors import Module, Setup
from ca2_gan.registry import extractors

BATCH_SIZE = 16  # larger batches take hundreds of MB more, and are no faster
TIMEOUT = 30


class UnavailableError(UserError):
    """The weights can't be downloaded; metrics that don't need them are still computed."""


class Inception(Module):
    """Pool features of the Inception-v3 that TensorFlow's FID uses, 2048-d.

    :param weights: the file ``pt_inception-2015-12-05-6726825d.pth``; None downloads it once
    :raises UnavailableError: if it can't be downloaded
    :raises UserError: if the file is missing or has other content
    """

    def __init__(self, weights: Path | None = None, device: str = "cpu"):
        from pytorch_fid.inception import FID_WEIGHTS_URL  # type: ignore[import-untyped]  # noqa: PLC0415  (imports torchvision)

        state = _read(weights) if weights else _download(FID_WEIGHTS_URL)
        try:
            network = PoolFeatures(state)
        except (RuntimeError, AttributeError, TypeError) as error:
            raise UserError(f"{weights}: not pytorch-fid's Inception weights: {str(error).splitlines()[0]}") from error
        super().__init__(network, "Inception-v3 of pytorch-fid", device, "bilinear to 299x299, gray repeated to RGB", BATCH_SIZE)
        fold_batch_norms(network)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


class PoolFeatures(nn.Module):
    """pytorch-fid's network up to its last pooling layer: [N, 1 or 3, H, W] in [0, 1] -> [N, 2048].

    Built here, since pytorch-fid's own function downloads the weights even if the file is there.

    :param state: weights as in pytorch-fid's file
    """

    def __init__(self, state: dict[str, Tensor]):
        from pytorch_fid import inception as fid  # type: ignore[import-untyped]  # noqa: PLC0415
        from torchvision.models import inception_v3  # type: ignore[import-untyped]  # noqa: PLC0415

        super().__init__()
        net = inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
        net.Mixed_5b, net.Mixed_5c, net.Mixed_5d = (fid.FIDInceptionA(width, pooled) for width, pooled in ((192, 32), (256, 64), (288, 64)))
        net.Mixed_6b, net.Mixed_6c, net.Mixed_6d, net.Mixed_6e = (fid.FIDInceptionC(768, width) for width in (128, 160, 160, 192))
        net.Mixed_7b, net.Mixed_7c = fid.FIDInceptionE_1(1280), fid.FIDInceptionE_2(2048)
        net.load_state_dict(state)
        pool = nn.MaxPool2d(3, stride=2)
        self.blocks = nn.ModuleList(  # named as in pytorch-fid: the hash of the weights depends on the names
            nn.Sequential(*block)
            for block in (
                (net.Conv2d_1a_3x3, net.Conv2d_2a_3x3, net.Conv2d_2b_3x3, pool),
                (net.Conv2d_3b_1x1, net.Conv2d_4a_3x3, pool),
                (net.Mixed_5b, net.Mixed_5c, net.Mixed_5d, net.Mixed_6a, net.Mixed_6b, net.Mixed_6c, net.Mixed_6d, net.Mixed_6e),
                (net.Mixed_7a, net.Mixed_7b, net.Mixed_7c, nn.AdaptiveAvgPool2d(1)),
            )
        )

    def forward(self, images: Tensor) -> Tensor:
        x = 2 * functional.interpolate(images.expand(-1, 3, -1, -1), size=(299, 299), mode="bilinear", align_corners=False) - 1
        for block in self.blocks:
            x = block(x)
        return x.flatten(1)


@extractors.register("inception")
def make_inception(setup: Setup) -> Inception:
    """pytorch-fid's Inception-v3, the network of the FID in papers (2048-d)."""
    return Inception(setup.inception_weights, setup.device)


def fold_batch_norms(network: nn.Module) -> None:
    """Merges each BatchNorm into the convolution before it: the same function except for rounding, in less time."""
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
            f"Inception's weights can't be downloaded ({reason}). Download {url} and give it with --inception-weights "
            "(inception_weights=... in Python)."
        ) from error
    return state


@contextmanager
def _timeout() -> Iterator[None]:
    """Sets a timeout: torch.hub sets none, and would wait forever behind a firewall."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
