"""Layers that several families share."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """Convolution with Keras' ``same`` padding, with an odd pixel below and right: [N, in, H, W] -> [N, out, ceil(H/s), ceil(W/s)]."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, bias: bool = True):
        super().__init__(in_channels, out_channels, kernel_size, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        height, width = (
            max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            for side, stride, kernel in zip(x.shape[2:], self.stride, self.kernel_size, strict=True)
        )
        if height % 2 == 0 and width % 2 == 0:
            return functional.conv2d(x, self.weight, self.bias, self.stride, (height // 2, width // 2))
        return super().forward(functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2)))


class SameConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution with Keras' ``same`` padding: the transpose of ``SameConv2d``, [N, in, H, W] -> [N, out, sH, sW]."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, bias: bool = True):
        surplus = max(kernel_size - stride, 0)  # pixels to cut off, an odd one below and right
        missing = max(stride - kernel_size, 0)
        super().__init__(in_channels, out_channels, kernel_size, stride, surplus // 2, missing, bias=bias)
        self.cut = surplus % 2

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        y = super().forward(x, output_size)
        return y[:, :, : -self.cut, : -self.cut] if self.cut else y


def keras_batch_norm(features: int, *, flat: bool = False) -> nn.Module:
    """BatchNorm with Keras' defaults, for [N, features] if flat and [N, features, H, W] else; its momentum .99 is torch's .01."""
    return (nn.BatchNorm1d if flat else nn.BatchNorm2d)(features, eps=1e-3, momentum=0.01)


@torch.no_grad()
def initialise_as_keras(module: nn.Module) -> None:
    """Glorot-uniform weights and zero biases, Keras' defaults. For ``module.apply``."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@torch.no_grad()
def initialise_as_radford(module: nn.Module) -> None:
    """Weights N(0, .02), BatchNorm scales N(1, .02), zero biases (Radford et al. 2015). For ``module.apply``."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
    if getattr(module, "bias", None) is not None and isinstance(module.bias, Tensor):
        nn.init.zeros_(module.bias)


class ConditionalBatchNorm2d(nn.Module):
    """BatchNorm whose scale and shift depend on the class (de Vries et al. 2017): [N, F, H, W], [N] -> [N, F, H, W]."""

    def __init__(self, features: int, num_classes: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(features, affine=False)
        self.scale = nn.Embedding(num_classes, features)
        self.shift = nn.Embedding(num_classes, features)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        scale: Tensor = self.scale(labels)  # [N, F]
        shift: Tensor = self.shift(labels)
        normed: Tensor = self.norm(x)
        return normed * scale[:, :, None, None] + shift[:, :, None, None]


class _LeakyTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        y: Tensor = ctx.saved_tensors[0]
        slope = 1 - y**2
        return gradient * torch.where(gradient * y > 0, slope.clamp_min(0.1), slope)


def leaky_tanh(x: Tensor) -> Tensor:
    """Tanh, elementwise, with a backward slope of at least 0.1 where gradient descent moves the output towards zero.

    A generator whose first steps go too far makes only black images; tanh alone lets almost no gradient through, so it can't recover.
    """
    y: Tensor = _LeakyTanh.apply(x)
    return y
