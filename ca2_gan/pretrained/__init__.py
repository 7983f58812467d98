"""Trained models, each in a folder MODEL/DATA: weights, configuration and a card. ``ca2_gan.load("MODEL/DATA")`` loads them.

Another package adds its own by an entry point that names the module in whose folder they are::

    [project.entry-points."ca2_gan.model_folders"]
    my_models = "my_models"

``scripts/pretrain_gan.py`` trains and measures those of this project.
"""

import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from ca2_gan.registry import pretrained

GROUP = "ca2_gan.model_folders"  # entry points


@dataclass(frozen=True)
class Pretrained:
    """A trained model.

    :param folder: with ``model.safetensors`` and ``config.json``
    :param summary: a line for ``ca2-gan list pretrained``
    """

    folder: Path
    summary: str


def summary(card: str) -> str:
    """The first line after the heading of a model card."""
    return card.partition("\n\n")[2].partition("\n")[0]


def register(folder: Path) -> None:
    """Adds the models in a folder to the registry.

    :raises UserError: if there is one of the same name
    """
    for card in sorted(folder.glob("*/*/README.md")):
        model = Pretrained(card.parent, summary(card.read_text(encoding="utf-8")))
        pretrained.register(f"{card.parent.parent.name}/{card.parent.name}")(model)


register(Path(__file__).parent)
for _entry_point in entry_points(group=GROUP):
    try:
        register(Path(_entry_point.load().__file__).parent)
    except Exception as error:  # one broken package should not hide the models of the others
        print(f"ca2-gan: the trained models of {_entry_point.value} are left out: {error}", file=sys.stderr)
