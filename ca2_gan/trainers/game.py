"""What a game is: whose turn it is, and what each player loses in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ca2_gan.augment import Augmentation
from ca2_gan.gan import GAN
from ca2_gan.losses import Objective


@dataclass
class Batch:
    """What one turn sees.

    :param real: labelled real images [N, C, H, W] in [-1, 1]
    :param labels: their classes, int64 [N]; the generated images are made for the same ones, index by index
    :param unlabelled: real images whose labels the game may not know [N, C, H, W]; the labelled ones if all are labelled
    :param fake: generated images [N, C, H, W], with the generator's graph where its own turn comes next
    """

    real: Tensor
    labels: Tensor
    unlabelled: Tensor
    fake: Tensor


class Loss(NamedTuple):
    """What a player minimises.

    :param total: scalar
    :param shown: parts and other numbers for the log, by name, scalars without graph
    """

    total: Tensor
    shown: dict[str, Tensor]


@dataclass(frozen=True)
class Rules:
    """What a game is played with; weights of 0 switch a term off.

    :param objective: what discriminator and generator minimise
    :param augment: changes the real images before the discriminator sees them
    :param augment_fake: the same for the generated ones
    :param critic_steps: turns of the discriminator to each of the generator
    :param gradient_penalty: weight of WGAN-GP's penalty, (|grad D| - 1)^2
    :param r1: weight gamma of R1, gamma/2 |grad D|^2 at real images
    :param r2: the same for R2, at generated ones
    :param auxiliary: weight of the cross-entropy of the discriminator's auxiliary classifier, where it has one
    :param mismatched: share of what the discriminator has to reject that is real images with a wrong label (Reed et al. 2016)
    :param feature_matching: weight of the squared distance between mean features
    :param frozen_features: images [N, C, H, W] -> features [N, d] for feature matching; None for the discriminator's own
    :param class_shares: share of each class among the labelled images [K]
    """

    objective: Objective
    augment: Augmentation
    augment_fake: Augmentation
    class_shares: Tensor
    critic_steps: int = 1
    gradient_penalty: float = 0.0
    r1: float = 0.0
    r2: float = 0.0
    auxiliary: float = 1.0
    mismatched: float = 0.0
    feature_matching: float = 0.0
    frozen_features: Callable[[Tensor], Tensor] | None = None


class Game(nn.Module):
    """The losses of one round. It has no parameters of its own; what it remembers between rounds are its buffers.

    :param gan: the players
    :param rules: what is played
    """

    def __init__(self, gan: GAN, rules: Rules):
        super().__init__()
        object.__setattr__(self, "gan", gan)  # not a submodule: the players' state is not the game's
        self.rules = rules
        self.losses = {"discriminator": self.discriminator_loss, "generator": self.generator_loss}

    gan: GAN

    @property
    def turns(self) -> tuple[str, ...]:
        """The players in the order of a round. Each turn of the discriminator gets a new batch."""
        return ("discriminator",) * self.rules.critic_steps + ("generator",)

    def discriminator_loss(self, batch: Batch) -> Loss:
        raise NotImplementedError

    def generator_loss(self, batch: Batch) -> Loss:
        raise NotImplementedError


def shown(**values: Tensor) -> dict[str, Tensor]:
    """Scalars for the log, cut off the graph."""
    return {name: value.detach() for name, value in values.items()}


def accuracy(class_logits: Tensor, labels: Tensor) -> Tensor:
    """Share of right answers: logits [N, K], labels [N] -> scalar."""
    return (class_logits.argmax(dim=1) == labels).float().mean()


def wrong_labels(labels: Tensor, num_classes: int) -> Tensor:
    """For each label another one, all equally likely: int64 [N] -> [N]."""
    return (labels + torch.randint(1, num_classes, labels.shape, device=labels.device)) % num_classes


def random_weights(images: Tensor) -> Tensor:
    """One number in [0, 1) per image, [N]."""
    return torch.rand(len(images), device=images.device)
