"""Linear layers with learned, factorised Gaussian noise (Fortunato et al. 2017, https://arxiv.org/abs/1706.10295).

Noise is an argument of ``forward``, not a mode or state of the layer: the caller draws it and decides whether to use it.
"""

import math
from collections.abc import Iterator, Sequence

import torch as th
from torch import nn
from torch.nn import functional as F

from ca2_core.errors import UserError

Noise = tuple[th.Tensor, th.Tensor]
"""f(eps_in) and f(eps_out) of one layer: [in] and [out] for the whole batch, or [N, in] and [N, out] for one sample per row."""


class NoisyLinear(nn.Module):
    """y = (mu_w + sigma_w * eps_w) x + mu_b + sigma_b * eps_b: [N, in] -> [N, out].

    The noise is eps_w = f(eps_out) f(eps_in)^T and eps_b = f(eps_out). Weight and bias start with mu uniform in +-1/sqrt(in) and sigma
    sigma0/sqrt(in) (section 3.2).

    :param in_features: width of the input
    :param out_features: width of the output
    :param sigma0: initial scale of the noise, >= 0
    :raises UserError: if ``sigma0`` is negative or not finite
    """

    def __init__(self, in_features: int, out_features: int, sigma0: float = 0.5):
        super().__init__()
        if not 0 <= sigma0 < math.inf:
            raise UserError(f"sigma0={sigma0}: the scale of the noise must be at least 0 and finite; Fortunato et al. use 0.5.")
        bound = in_features**-0.5
        self.in_features = in_features
        self.out_features = out_features
        self.weight_mu = nn.Parameter(th.empty(out_features, in_features).uniform_(-bound, bound))
        self.weight_sigma = nn.Parameter(th.full((out_features, in_features), sigma0 * bound))
        self.bias_mu = nn.Parameter(th.empty(out_features).uniform_(-bound, bound))
        self.bias_sigma = nn.Parameter(th.full((out_features,), sigma0 * bound))

    def forward(self, x: th.Tensor, noise: Noise | None = None) -> th.Tensor:
        if noise is None:
            return F.linear(x, self.weight_mu, self.bias_mu)
        noise_in, noise_out = noise
        if noise_in.dim() == 1:  # one sample for all rows: one noisy weight matrix, half as many products
            weight = self.weight_mu + self.weight_sigma * th.outer(noise_out, noise_in)
            return F.linear(x, weight, self.bias_mu + self.bias_sigma * noise_out)
        # (sigma o eps_out eps_in^T) x = eps_out o (sigma (eps_in o x)), which avoids a weight matrix per row
        noisy = noise_out * F.linear(x * noise_in, self.weight_sigma, self.bias_sigma)
        return F.linear(x, self.weight_mu, self.bias_mu) + noisy

    def mean_sigma(self) -> float:
        """Mean |sigma| over weight and bias: how much noise is left."""
        return th.cat([self.weight_sigma.flatten(), self.bias_sigma]).abs().mean().item()

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"


class NoisySequential(nn.Sequential):
    """``nn.Sequential`` that gives each of its noisy layers the next noise sample; without noise, the layers use their mean weights."""

    def forward(self, x: th.Tensor, noise: Iterator[Noise] | None = None) -> th.Tensor:
        for layer in self:
            x = layer(x, next(noise)) if noise is not None and isinstance(layer, NoisyLinear) else layer(x)
        return x


def with_noisy_layers(network: nn.Sequential, sigma0: float) -> NoisySequential:
    """The same layers, with every ``nn.Linear`` replaced by a new ``NoisyLinear``."""
    return NoisySequential(
        *(NoisyLinear(layer.in_features, layer.out_features, sigma0) if isinstance(layer, nn.Linear) else layer for layer in network)
    )


def sample_noise(layers: Sequence[NoisyLinear], rows: int | None = None) -> list[Noise]:
    """New noise for each layer: one sample for the whole batch, [width], or one per row, [rows, width]."""
    return split_noise(layers, sample_roots(layers, *(() if rows is None else (rows,))))


def sample_roots(layers: Sequence[NoisyLinear], *shape: int) -> th.Tensor:
    """f(x) = sgn(x) sqrt|x| of standard normal numbers (eq. 10), enough for the noise of all layers: [*shape, width]."""
    width = sum(layer.in_features + layer.out_features for layer in layers)
    normals = th.randn((*shape, width), device=layers[0].weight_mu.device)
    return normals.sign() * normals.abs().sqrt()


def split_noise(layers: Sequence[NoisyLinear], roots: th.Tensor) -> list[Noise]:
    """Splits random numbers into the noise of each layer (eq. 11).

    :param layers: the noisy layers of a network, in the order of its forward pass
    :param roots: from ``sample_roots``: [width] for the whole batch, [N, width] for one sample per row
    """
    widths = [width for layer in layers for width in (layer.in_features, layer.out_features)]
    parts = roots.split(widths, dim=-1)
    return list(zip(parts[::2], parts[1::2], strict=True))
