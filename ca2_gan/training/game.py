"""What a game is: who plays, whose turn it is, and what each player loses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ca2_gan.gan import GAN
from ca2_gan.training.batches import Images
from ca2_gan.training.settings import setting


@dataclass
class Batch:
    """What the players see in their turns.

    :param real: labelled real images [N, C, H, W] in [-1, 1]
    :param labels: their classes, int64 [N]; the generated images are made for the same ones, index by index
    :param unlabelled: real images whose labels the game may not know [N, C, H, W]; the labelled ones if all are labelled
    :param fake: generated images [N, C, H, W], with the generator's graph where it has a turn with this batch
    """

    real: Tensor
    labels: Tensor
    unlabelled: Tensor
    fake: Tensor


class Loss(NamedTuple):
    """What a player minimises.

    :param total: scalar
    :param parts: numbers for the log by name, scalars without graph
    """

    total: Tensor
    parts: dict[str, Tensor]

    def plus(self, weight: float, **term: Tensor) -> "Loss":
        """With a weighted term, which is in the log by its name."""
        (value,) = term.values()
        return Loss(self.total + weight * value, self.parts | detached(**term))


@dataclass(frozen=True)
class GameOptions:
    """What every game can be told. A game adds options of its own in a subclass; ``lr_PLAYER`` is that player's learning rate."""

    name: str = setting("adversarial", "who plays whom; `ca2-gan list games` shows all", name="game", is_common=True)
    label_fraction: float = setting(1.0, "share of the images whose labels may be used", above=0, high=1)


class Game(nn.Module):
    """The losses of one round. What it remembers between rounds are its buffers and the players that are its own.

    The player called NAME loses what the method ``NAME_loss`` returns for a batch.

    :param gan: the model's networks
    :param options: what is played
    :param source: the training images
    """

    Options: type[GameOptions] = GameOptions
    gan: GAN

    def __init__(self, gan: GAN, options: GameOptions, source: Images):
        super().__init__()
        object.__setattr__(self, "gan", gan)  # not a submodule: the model's state is not the game's

    @property
    def players(self) -> dict[str, nn.Module]:
        """The networks that learn, by name: those of the model, and those that the game adds."""
        return self.gan.players() | dict(self.named_children())

    @property
    def turns(self) -> tuple[str, ...]:
        """The players in the order of a round."""
        return ("discriminator", "generator")

    def loss(self, player: str, batch: Batch) -> Loss:
        """What a player minimises in its turn."""
        loss: Loss = getattr(self, f"{player}_loss")(batch)
        return loss

    def prepare(self) -> None:
        """What takes long and has to be done before the first round."""

    def compile_players(self) -> None:
        """Sends the networks through ``torch.compile``."""
        for player in self.players.values():
            player.compile()


def split_into_batches(turns: Sequence[str]) -> list[list[str]]:
    """The turns of a round, batch by batch: a new batch comes when a player has its turn that has seen the last one."""
    batches: list[list[str]] = [[]]
    for player in turns:
        if player in batches[-1]:
            batches.append([])
        batches[-1].append(player)
    return batches


def detached(**values: Tensor) -> dict[str, Tensor]:
    """Scalars for the log, cut off the graph."""
    return {name: value.detach() for name, value in values.items()}


def accuracy(class_logits: Tensor, labels: Tensor) -> Tensor:
    """Share of right answers: logits [N, K], labels [N] -> scalar."""
    return (class_logits.argmax(dim=1) == labels).float().mean()


def wrong_labels(labels: Tensor, num_classes: int) -> Tensor:
    """For each label another one, all equally likely: int64 [N] -> [N]."""
    return (labels + torch.randint(1, num_classes, labels.shape, device=labels.device)) % num_classes
