"""Spectral normalisation (Miyato et al. 2018) as an option of any network."""

from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm, spectral_norm

_NORMALISED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)


def normalise_spectrally(network: nn.Module) -> None:
    """Divides every weight of convolutions, dense layers and embeddings by its largest singular value, in place.

    A network that has it already is left as it is.
    """
    for layer in network.modules():
        if isinstance(layer, _NORMALISED) and not parametrize.is_parametrized(layer):
            spectral_norm(layer)


def power_iterations(network: nn.Module, active: bool) -> None:
    """Lets the forward passes in training mode refine the estimate of the singular values, or not.

    The loop lets only one pass a step do so, as in the paper: a discriminator is run three times a step.
    """
    for module in network.modules():
        if isinstance(module, _SpectralNorm):
            module.train(active)
