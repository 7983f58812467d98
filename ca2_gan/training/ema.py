"""The averaged generator, which is sampled and saved."""

import copy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from ca2_gan.gan import GAN

STANDING_BATCHES, STANDING_BATCH = 8, 64


class Average:
    """Exponential moving average of a network's parameters, its half-life counted in images; buffers are copied.

    Averaging the buffers would break spectral norm (its vectors have to stay unit vectors). For those of BatchNorm, see
    ``standing_statistics``.

    :param network: network to average
    :param half_life: in images; 0 for a plain copy
    """

    def __init__(self, network: nn.Module, half_life: int):
        self.half_life = half_life
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._averaged: list[Tensor] = list(self.network.parameters())
        self._current: list[Tensor] = list(network.parameters())
        self._buffers, self._current_buffers = list(self.network.buffers()), list(network.buffers())

    @torch.no_grad()
    def update(self, batch: int, seen: int) -> None:
        """Updates the average after one step of training.

        :param batch: images of this step
        :param seen: images so far, this step's included; early on, the half-life is a twentieth of these
        """
        beta = 0.5 ** (batch / max(min(self.half_life, 0.05 * seen), 1e-8))
        torch._foreach_lerp_(self._averaged, self._current, 1 - beta)
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._current_buffers)


class _AllClasses(nn.Module):
    """A generator as a function of the noise alone, [N, noise_dim] -> [N, C, H, W], with the classes in equal shares."""

    def __init__(self, gan: GAN):
        super().__init__()
        self.generator, self.num_classes = gan.generator, gan.spec.num_classes

    def forward(self, noise: Tensor) -> Tensor:
        images: Tensor = self.generator(noise, torch.arange(len(noise), device=noise.device) % self.num_classes)
        return images


def standing_statistics(gan: GAN) -> None:
    """Recomputes the statistics of the generator's BatchNorms from its own images (Brock et al. 2019, "standing statistics").

    The running statistics belong to the weights before averaging, and lag behind by a hundred steps at Keras' momentum of .99:
    a short training would give gray blobs as samples, whatever it had learned.
    """
    batch = gan.spec.num_classes * -(-STANDING_BATCH // gan.spec.num_classes)  # a multiple of the classes
    noise = gan.draw_noise(STANDING_BATCHES * batch, seed=0).to(next(gan.generator.parameters()).device)
    update_bn(noise.split(batch), _AllClasses(gan).eval())
