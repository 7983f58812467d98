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
    from ca2_gan.data import load as load_data
    from ca2_gan.gan import GAN, create_model
    from ca2_gan.loading import load
    from ca2_gan.metrics.evaluate import evaluate
    from ca2_gan.metrics.metric import Score
    from ca2_gan.models.players import Discriminator, Generator, ModelSpec, Players

__all__ = [
    "GAN",
    "Discriminator",
    "Generator",
    "ModelSpec",
    "Players",
    "Score",
    "create_model",
    "evaluate",
    "list_models",
    "load",
    "load_data",
    "register_extractor",
    "register_metric",
    "register_model",
]

__version__ = version("ca2")

register_model = _registry.models.register
register_metric = _registry.metrics.register
register_extractor = _registry.extractors.register


def list_models(pattern: str = "*", *, pretrained: bool = False) -> list[str]:
    """Names that match a shell pattern such as ``*dcgan*``, sorted.

    :param pretrained: list trained models, MODEL/DATA, which ``load`` takes
    """
    return (_registry.pretrained if pretrained else _registry.models).list(pattern)


# Module and name of what is loaded on first use
_HOMES = {
    "GAN": ("gan", "GAN"),
    "create_model": ("gan", "create_model"),
    "load": ("loading", "load"),
    "load_data": ("data", "load"),
    "evaluate": ("metrics.evaluate", "evaluate"),
    "Score": ("metrics.metric", "Score"),
    "Discriminator": ("models.players", "Discriminator"),
    "Generator": ("models.players", "Generator"),
    "ModelSpec": ("models.players", "ModelSpec"),
    "Players": ("models.players", "Players"),
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: torch takes seconds, `ca2-gan --help` should not
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(f"ca2_gan.{module}"), attribute)
    raise AttributeError(f"module 'ca2_gan' has no attribute {name!r}")
