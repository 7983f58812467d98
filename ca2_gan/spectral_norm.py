"""Spectral normalisation (Miyato et al. 2018) as an option of any network."""

from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm, spectral_norm

_NORMALISED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)


def normalise_spectrally(network: nn.Module) -> None:
    """Divides every weight of convolutions, dense layers and embeddings by its largest singular value, in place.

    A network that has it already is left as it is. Weights that are zero, as R3GAN's last layers, have no direction to
    keep, so they are drawn anew.
    """
    for layer in network.modules():
        if isinstance(layer, _NORMALISED) and not parametrize.is_parametrized(layer):
            if not layer.weight.any():
                nn.init.xavier_uniform_(layer.weight)
            spectral_norm(layer)


def spectral_norms(network: nn.Module) -> list[nn.Module]:
    """What divides the weights of a network: in training mode each of them refines its singular value at every use.

    The loop has them in training mode in one pass of a step only, as in the paper, though a discriminator is run three times.
    """
    return [module for module in network.modules() if isinstance(module, _SpectralNorm)]
