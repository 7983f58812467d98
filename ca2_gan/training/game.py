"""The base of all games: players, order of turns, and losses."""

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
    """The images and labels that players see in their turns.

    :param real: labelled real images [N, C, H, W] in [-1, 1]
    :param labels: their classes, int64 [N]; the generated images are made for the same ones, index by index
    :param unlabelled: real images to use without labels [N, C, H, W]; the same tensor as ``real`` if all images are labelled
    :param fake: generated images [N, C, H, W], with the autograd graph if the generator has a turn with this batch
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
        """Adds a weighted term, which is logged by its name, without the weight."""
        (value,) = term.values()
        return Loss(self.total + weight * value, self.parts | detached(**term))


@dataclass(frozen=True)
class GameOptions:
    """Options of every game. A game adds its own in a subclass, where ``lr_PLAYER`` is that player's learning rate."""

    name: str = setting("adversarial", "name of the game; `ca2-gan list games` shows all", name="game", is_common=True)
    label_fraction: float = setting(1.0, "share of the images whose labels may be used", above=0, high=1)


class Game(nn.Module):
    """The players, their turns in a round and their losses. Its state between rounds is its buffers and its own players.

    The method ``NAME_loss`` returns the loss of the player called NAME for a batch.

    :param gan: the model's networks
    :param options: options of the game
    :param source: the training images
    """

    Options: type[GameOptions] = GameOptions
    gan: GAN

    def __init__(self, gan: GAN, options: GameOptions, source: Images):
        super().__init__()
        object.__setattr__(self, "gan", gan)  # not as a submodule: the game's state_dict leaves out the model

    @property
    def players(self) -> dict[str, nn.Module]:
        """The networks to train, by name: those of the model, and those that the game adds."""
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
        """Does what takes long and is needed before the first round."""

    def compile_players(self) -> None:
        """Compiles the networks with ``torch.compile``."""
        for player in self.players.values():
            player.compile()


def split_into_batches(turns: Sequence[str]) -> list[list[str]]:
    """Groups the turns of a round by batch: a player that has already seen the current batch gets a new one."""
    batches: list[list[str]] = [[]]
    for player in turns:
        if player in batches[-1]:
            batches.append([])
        batches[-1].append(player)
    return batches


def detached(**values: Tensor) -> dict[str, Tensor]:
    """Scalars for the log, without their autograd graph."""
    return {name: value.detach() for name, value in values.items()}


def accuracy(class_logits: Tensor, labels: Tensor) -> Tensor:
    """Share of correct predictions: logits [N, K], labels [N] -> scalar."""
    return (class_logits.argmax(dim=1) == labels).float().mean()


def wrong_labels(labels: Tensor, num_classes: int) -> Tensor:
    """A random wrong label for each label, all equally likely: int64 [N] -> [N]."""
    return (labels + torch.randint(1, num_classes, labels.shape, device=labels.device)) % num_classes
