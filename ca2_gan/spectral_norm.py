"""Spectral normalisation (Miyato et al. 2018) as an option of any network."""

from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm, spectral_norm

_NORMALISED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)


def normalise_spectrally(network: nn.Module) -> None:
    """Divides every weight of convolutions, dense layers and embeddings by its largest singular value, in place.

    Layers that are normalised already stay as they are. A weight of all zeros, such as R3GAN's last layers have, can't be
    normalised, so it is initialised again at random.
    """
    for layer in network.modules():
        if isinstance(layer, _NORMALISED) and not parametrize.is_parametrized(layer):
            if not layer.weight.any():
                nn.init.xavier_uniform_(layer.weight)
            spectral_norm(layer)


def spectral_norms(network: nn.Module) -> list[nn.Module]:
    """The modules that normalise a network's weights; in training mode, each use of a weight refines its singular value.

    The training loop puts those of a player into training mode only in that player's own turn, as in the paper.
    """
    return [module for module in network.modules() if isinstance(module, _SpectralNorm)]
