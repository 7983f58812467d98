"""Models that come with the package, each in a folder MODEL/DATA: weights of the generator, configuration, and a card.

``scripts/pretrain_gan.py`` makes them; ``ca2_gan.load("MODEL/DATA")`` loads them.
"""

from dataclasses import dataclass
from pathlib import Path

from ca2_gan.registry import pretrained


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


for _card in Path(__file__).parent.glob("*/*/README.md"):
    _folder = _card.parent
    pretrained.register(f"{_folder.parent.name}/{_folder.name}")(Pretrained(_folder, summary(_card.read_text(encoding="utf-8"))))
