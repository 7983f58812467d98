"""Evaluates small networks by NumPy, for one or a few observations at a time: PyTorch's dispatch costs more than the matrix products."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch as th
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

from ca2_rl.common.minatar_cnn import KERNEL, MinAtarCNN
from ca2_rl.common.noisy_linear import NoisyLinear, split_noise

Array = NDArray[Any]
NumpyNoise = Iterator[tuple[Array, Array]]
"""Iterator over ``noisy_linear.Noise`` of the layers, as arrays."""

Layer = Callable[[Array, NumpyNoise | None], Array]
"""(input [N, in], noise of this and the following layers or None) -> output [N, out]."""

ZERO = np.float32(0)
ACTIVATIONS: dict[type[nn.Module], Callable[[Array], Array]] = {
    nn.ReLU: lambda x: np.maximum(x, ZERO),
    nn.SiLU: lambda x: x / (1 + np.exp(-x)),
    nn.Tanh: np.tanh,
    nn.Identity: lambda x: x,
}


def numpy_layers(network: nn.Module) -> Layer | None:
    """A function that evaluates a sequence of linear, noisy and activation layers; None if there is another kind of layer.

    The function shares the network's memory, so that it uses the current weights as long as they are updated in place.
    """
    if not isinstance(network, nn.Sequential):
        return None
    layers = []
    for module in network:
        layer = _layer(module)
        if layer is None:
            return None
        layers.append(layer)

    def forward(x: Array, noise: NumpyNoise | None) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):  # PyTorch does not warn about a diverged network either
            for layer in layers:
                x = layer(x, noise)
        return x

    return forward


def numpy_features(extractor: nn.Module) -> Layer | None:
    """A function that evaluates a features extractor on flattened observations [N, d]; None if there is no NumPy version of it."""
    if type(extractor) is FlattenExtractor:
        return lambda x, noise: x
    if type(extractor) is MinAtarCNN:
        return chained(_minatar_maps(extractor), numpy_layers(extractor.linear))
    return None


def _minatar_maps(extractor: MinAtarCNN) -> Layer:
    weight, bias = (_view(parameter) for parameter in extractor.cnn.parameters())
    columns = weight.reshape(len(weight), -1).T  # [C * 3 * 3, 16]
    pixels = np.arange(math.prod(extractor.shape)).reshape(extractor.shape)
    windows = sliding_window_view(pixels, (KERNEL, KERNEL), axis=(0, 1)).reshape(-1, len(columns))  # [places, C * 3 * 3]

    def maps(x: Array, noise: NumpyNoise | None) -> Array:
        found: Array = np.maximum(x.take(windows, axis=1) @ columns + bias, ZERO)  # [N, places, 16]
        return found.swapaxes(1, 2).reshape(len(x), -1)

    return maps


def chained(*parts: Layer | None) -> Layer | None:
    """The composition of the functions; None if one of them is None."""
    if any(part is None for part in parts):
        return None
    present = [part for part in parts if part is not None]

    def forward(x: Array, noise: NumpyNoise | None) -> Array:
        for part in present:
            x = part(x, noise)
        return x

    return forward


def _layer(module: nn.Module) -> Layer | None:
    if type(module) in ACTIVATIONS:
        activation = ACTIVATIONS[type(module)]
        return lambda x, noise: activation(x)
    if type(module) is nn.Linear and module.bias is not None:
        weight, bias = _view(module.weight).T, _view(module.bias)

        def linear(x: Array, noise: NumpyNoise | None) -> Array:
            y: Array = x.dot(weight)
            y += bias
            return y

        return linear
    if type(module) is NoisyLinear:
        return _noisy_layer(module)
    return None


def _noisy_layer(module: NoisyLinear) -> Layer:
    weight_mu, bias_mu = _view(module.weight_mu).T, _view(module.bias_mu)
    weight_sigma, bias_sigma = _view(module.weight_sigma).T, _view(module.bias_sigma)

    def layer(x: Array, noise: NumpyNoise | None) -> Array:
        y: Array = x.dot(weight_mu)
        y += bias_mu
        if noise is not None:
            noise_in, noise_out = next(noise)
            noisy: Array = (x * noise_in).dot(weight_sigma)
            noisy += bias_sigma
            noisy *= noise_out
            y += noisy
        return y

    return layer


def numpy_noise(layers: Sequence[NoisyLinear], roots: th.Tensor) -> list[list[tuple[Array, Array]]]:
    """``noisy_linear.split_noise`` for many steps at once, as arrays.

    :param layers: the noisy layers of a network, in the order of its forward pass
    :param roots: [steps, N, width]
    :return: for each step, for each layer: f(eps_in) [N, in] and f(eps_out) [N, out]
    """
    by_layer = [zip(noise_in.numpy(), noise_out.numpy(), strict=True) for noise_in, noise_out in split_noise(layers, roots.cpu())]
    return [list(step) for step in zip(*by_layer, strict=True)]


def _view(parameter: th.Tensor) -> Array:
    """A NumPy array that shares the parameter's memory."""
    array: Array = parameter.detach().numpy()
    return array
