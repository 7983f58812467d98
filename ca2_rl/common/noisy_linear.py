"""Linear layers with learned, factorised Gaussian noise (Fortunato et al. 2017, https://arxiv.org/abs/1706.10295).

Noise is an argument, never a mode or a state: whoever calls decides whether there is any, and draws it.
"""

import math
from collections.abc import Iterator, Sequence

import torch as th
from torch import nn
from torch.nn import functional as F

from ca2_core.errors import UserError

Noise = tuple[th.Tensor, th.Tensor]
"""f(eps_in) and f(eps_out) of one layer: [in] and [out] for the whole batch, or [N, in] and [N, out], one for each row."""


class NoisyLinear(nn.Module):
    """y = (mu + sigma * eps) x + ..., with eps_w = f(eps_out) f(eps_in)^T and eps_b = f(eps_out): [N, in] -> [N, out].

    mu starts uniform in +-1/sqrt(in), sigma at sigma0/sqrt(in), for the weight and the bias alike (section 3.2).

    :param in_features: width of the input
    :param out_features: width of the output
    :param sigma0: initial scale of the noise, >= 0
    :raises UserError: if ``sigma0`` is negative or no number
    """

    def __init__(self, in_features: int, out_features: int, sigma0: float = 0.5):
        super().__init__()
        if not 0 <= sigma0 < math.inf:
            raise UserError(f"sigma0={sigma0}: the scale of the noise is at least 0; Fortunato et al. take 0.5.")
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
        if noise_in.dim() == 1:  # one noise for all rows: one noisy weight, half of the products
            weight = self.weight_mu + self.weight_sigma * th.outer(noise_out, noise_in)
            return F.linear(x, weight, self.bias_mu + self.bias_sigma * noise_out)
        # (sigma o eps_out eps_in^T) x = eps_out o (sigma (eps_in o x)): no weight for each row is ever made
        noisy = noise_out * F.linear(x * noise_in, self.weight_sigma, self.bias_sigma)
        return F.linear(x, self.weight_mu, self.bias_mu) + noisy

    def mean_sigma(self) -> float:
        """Mean |sigma| over weight and bias: how much noise is left."""
        return th.cat([self.weight_sigma.flatten(), self.bias_sigma]).abs().mean().item()

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"


class NoisySequential(nn.Sequential):
    """``nn.Sequential`` that gives each of its noisy layers the next noise; without noise, their means."""

    def forward(self, x: th.Tensor, noise: Iterator[Noise] | None = None) -> th.Tensor:
        for layer in self:
            x = layer(x, next(noise)) if noise is not None and isinstance(layer, NoisyLinear) else layer(x)
        return x


def with_noisy_layers(network: nn.Sequential, sigma0: float) -> NoisySequential:
    """The same layers with every ``nn.Linear`` replaced by a fresh noisy one."""
    return NoisySequential(
        *(NoisyLinear(layer.in_features, layer.out_features, sigma0) if isinstance(layer, nn.Linear) else layer for layer in network)
    )


def sample_noise(layers: Sequence[NoisyLinear], rows: int | None = None) -> list[Noise]:
    """Fresh noise for each layer: one for the whole batch, [width], or one for each of so many rows, [rows, width]."""
    return split_noise(layers, sample_roots(layers, *(() if rows is None else (rows,))))


def sample_roots(layers: Sequence[NoisyLinear], *shape: int) -> th.Tensor:
    """f(x) = sgn(x) sqrt|x| of standard normals (eq. 10), as many as the noise of all the layers takes: [*shape, width]."""
    width = sum(layer.in_features + layer.out_features for layer in layers)
    normals = th.randn((*shape, width), device=layers[0].weight_mu.device)
    return normals.sign() * normals.abs().sqrt()


def split_noise(layers: Sequence[NoisyLinear], roots: th.Tensor) -> list[Noise]:
    """Noise for each layer (eq. 11).

    :param layers: the noisy layers of a network, in the order of its forward pass
    :param roots: as ``sample_roots`` draws them: [width] for the whole batch, [N, width] for one noise for each of N rows
    """
    widths = [width for layer in layers for width in (layer.in_features, layer.out_features)]
    parts = roots.split(widths, dim=-1)
    return list(zip(parts[::2], parts[1::2], strict=True))
