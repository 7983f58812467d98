"""A zoo of small GANs for letters and digits: one registry, one training loop, one evaluation.

>>> from ca2_gan import create_model
>>> gan = create_model("cgan", num_classes=26, image_shape=(1, 28, 28))
>>> gan.sample(4, labels=[0, 1, 2, 3], seed=0).shape
torch.Size([4, 1, 28, 28])
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ca2_gan import registry as _registry

if TYPE_CHECKING:
    from ca2_gan.data.dataset import Dataset
    from ca2_gan.data.sources import load_data
    from ca2_gan.gan import GAN, create_model
    from ca2_gan.loading import load
    from ca2_gan.losses import Objective
    from ca2_gan.metrics.evaluate import evaluate
    from ca2_gan.metrics.metric import Score
    from ca2_gan.models.players import Discriminator, Generator, ModelSpec, Players
    from ca2_gan.training.state import Callback
    from ca2_gan.training.trainer import Trainer

__all__ = [
    "GAN",
    "Callback",
    "Dataset",
    "Discriminator",
    "Generator",
    "ModelSpec",
    "Objective",
    "Players",
    "Score",
    "Trainer",
    "create_model",
    "evaluate",
    "list_models",
    "load",
    "load_data",
    "register_extractor",
    "register_format",
    "register_game",
    "register_loss",
    "register_metric",
    "register_model",
]

__version__ = version("ca2")

register_game = _registry.games.register
register_loss = _registry.losses.register
register_format = _registry.formats.register
register_model = _registry.models.register
register_metric = _registry.metrics.register
register_extractor = _registry.extractors.register


def list_models(pattern: str = "*", *, pretrained: bool = False) -> list[str]:
    """Names of models that match a shell pattern such as ``*dcgan*``, sorted.

    :param pretrained: list pretrained models instead, as the names MODEL/DATA that ``load`` takes
    """
    return (_registry.pretrained if pretrained else _registry.models).list(pattern)


_HOMES = {
    "data.dataset": ["Dataset"],
    "data.sources": ["load_data"],
    "gan": ["GAN", "create_model"],
    "loading": ["load"],
    "losses": ["Objective"],
    "metrics.evaluate": ["evaluate"],
    "metrics.metric": ["Score"],
    "models.players": ["Discriminator", "Generator", "ModelSpec", "Players"],
    "training.state": ["Callback"],
    "training.trainer": ["Trainer"],
}


def __getattr__(name: str) -> Any:
    # Imported on first use: torch takes seconds to import, and `ca2-gan --help` should be quick
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"ca2_gan.{home}"), name)
    raise AttributeError(f"module 'ca2_gan' has no attribute {name!r}")
