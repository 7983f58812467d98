"""What changes during a training: made from the settings, moved on by a round, saved and restored."""

import logging
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim import Adam

from ca2_core.errors import UserError
from ca2_gan.augment import augmentation
from ca2_gan.gan import GAN
from ca2_gan.registry import losses
from ca2_gan.spectral_norm import spectral_norms
from ca2_gan.trainers.batches import LAYERS, Images, draw_noise, stream_seed
from ca2_gan.trainers.checkpoints import STATE
from ca2_gan.trainers.ema import Average
from ca2_gan.trainers.game import Batch, Game, Rules
from ca2_gan.trainers.optimisers import clip, set_rates
from ca2_gan.trainers.processes import average_gradients, mean_over_processes
from ca2_gan.trainers.settings import Settings
from ca2_gan.weights import check_tensor, load_weights

Number = TypeVar("Number", int, float)


@dataclass
class Means:
    """Means of the numbers in the log since its last line."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    @classmethod
    def restored(cls, sums: Any, counts: Any, device: torch.device) -> "Means":
        """Those of a checkpoint.

        :raises ValueError: if they are something else
        """
        if sums.keys() != counts.keys() or any(type(count) is not int or count < 1 for count in counts.values()):
            raise ValueError(f"counts is {counts!r}")
        for name, value in sums.items():
            check_tensor(name, value, torch.zeros(()))
        return cls({name: value.to(device) for name, value in sums.items()}, counts)

    def take(self, fabric: Fabric) -> dict[str, float]:
        """The means over all processes; what follows starts anew."""
        means = {name: mean_over_processes(fabric, value / self.counts[name]) for name, value in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means


@dataclass
class Training:
    """A training in progress.

    :param settings: what the user wants
    :param source: where the images come from
    :param gan: the players
    :param game: what they play
    :param average: the averaged generator
    :param optimisers: one per player
    :param fingerprint: of the training images
    :param images: real images shown to the discriminator so far
    :param step: rounds played
    :param seconds: spent on them
    """

    settings: Settings
    source: Images
    gan: GAN
    game: Game
    average: Average
    optimisers: dict[str, Adam]
    fingerprint: str
    images: int = 0
    step: int = 0
    seconds: float = 0.0
    means: Means = field(default_factory=Means)

    @property
    def finished(self) -> bool:
        return self.images >= self.settings.max_images

    def play_round(self, fabric: Fabric) -> None:
        """Every player's turns, and a step of the average."""
        settings, turns = self.settings, self.game.turns
        before = self.images
        # Dropout and augmentation: other numbers in every process, the same after a resumption
        torch.manual_seed(stream_seed(settings.seed, LAYERS, self.step, fabric.global_rank))
        set_rates(self.optimisers, settings, self.images)
        norms = spectral_norms(self.gan.discriminator)
        for turn, player in enumerate(turns):
            judging = player == "discriminator"
            self.gan.discriminator.requires_grad_(judging)
            for norm in norms:
                norm.train(judging)  # see spectral_norms
            with fabric.autocast():
                if judging:
                    batch = self._next_batch(turn, keep_graph=turns[turn + 1] != "discriminator")
                with parametrize.cached():
                    loss = self.game.losses[player](batch)
            loss.total.backward()
            parameters = [p for p in getattr(self.gan, player).parameters() if p.grad is not None]
            average_gradients(fabric, parameters)
            clip(parameters, settings.clip)
            self.optimisers[player].step()
            self.optimisers[player].zero_grad()
            self.means.add(loss.shown)
        self.step += 1
        self.average.update(self.images - before, self.images)

    def _next_batch(self, turn: int, keep_graph: bool) -> Batch:
        settings, device = self.settings, self.source.device
        real, labels, unlabelled = self.source.draw(self.images)
        noise = draw_noise(settings.batch_size, settings.noise_dim, settings.seed, self.step, turn)
        with torch.set_grad_enabled(keep_graph):
            fake = self.gan.generator(self.source.share.of(noise).to(device), labels)
        self.images += settings.batch_size
        return Batch(real, labels, unlabelled, fake)

    def weights_are_finite(self) -> bool:
        return all(bool(value.isfinite().all()) for value in self.gan.state_dict().values())

    def state(self) -> dict[str, Any]:
        """For ``state.pt``. All randomness is a function of seed and step, so the counters are the generators' state."""
        return {
            "model": self.settings.model,
            "data": self.fingerprint,
            "players": self.gan.state_dict(),
            "average": self.average.network.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "game": self.game.state_dict(),
            "images": self.images,
            "step": self.step,
            "seconds": self.seconds,
            "sums": self.means.sums,
            "counts": self.means.counts,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what ``state`` returned, from a file that may hold anything.

        :raises UserError: if it doesn't fit
        """
        try:
            load_weights(self.gan, state["players"])
            load_weights(self.average.network, state["average"])
            load_weights(self.game, state["game"])
            for name, optimiser in self.optimisers.items():
                restore_optimiser(name, optimiser, state["optimisers"][name]["state"])
            self.images, self.step = _number(state, "images", int), _number(state, "step", int)
            self.seconds = _number(state, "seconds", float)
            self.means = Means.restored(state["sums"], state["counts"], self.source.device)
        except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error).partition("\n")[0]
            raise UserError(
                f"{self.settings.out / STATE}: the checkpoint doesn't fit {self.settings.model}: {what}. "
                "Take another --out, or delete it to start this run again from the beginning."
            ) from error


def _number(state: dict[str, Any], name: str, kind: type[Number]) -> Number:
    """A number of a checkpoint.

    :raises ValueError: if it is none from 0 up
    """
    value = state[name]
    if type(value) is not kind or not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value!r}")
    return value


def restore_optimiser(player: str, optimiser: Adam, moments: Any) -> None:
    """Gives an optimiser the moments of a checkpoint; what the settings say of it stays.

    :param player: whose it is, for messages
    :param moments: by number of the parameter
    :raises ValueError: if they are not those of these parameters
    """
    own = optimiser.state_dict()
    parameters = optimiser.param_groups[0]["params"]
    for number, found in moments.items():
        if number not in range(len(parameters)) or found.keys() != {"step", "exp_avg", "exp_avg_sq"}:
            raise ValueError(f"the {player}'s optimiser has other parameters")
        for name, value in found.items():
            check_tensor(f"{name} of the {player}'s optimiser", value, torch.zeros(()) if name == "step" else parameters[number])
    optimiser.load_state_dict(own | {"state": moments})


def make_rules(settings: Settings, class_counts: Tensor, frozen_features: Callable[[Tensor], Tensor] | None = None) -> Rules:
    """What a game is played with.

    :param settings: what the user wants
    :param class_counts: labelled images of each class [K]
    :param frozen_features: of images, for feature matching; None for the discriminator's own
    """
    augment = augmentation(settings.augment)
    return Rules(
        objective=losses.get(settings.loss),
        augment=augment,
        augment_fake=augment if settings.augment_on == "both" else augmentation(()),
        class_shares=class_counts / class_counts.sum(),
        critic_steps=settings.critic_steps,
        gradient_penalty=settings.gradient_penalty,
        r1=settings.r1,
        r2=settings.r2,
        auxiliary=settings.auxiliary,
        mismatched=settings.mismatched,
        feature_matching=settings.feature_matching,
        frozen_features=frozen_features,
    )


def compile_players(gan: GAN, settings: Settings) -> None:
    """Sends the networks through ``torch.compile``, but for a discriminator with gradient penalties: it can't differentiate twice.

    Where nothing can be compiled, as on a CPU without a C++ compiler, it says so and leaves the networks as they are.
    """
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # that there is no GPU is no news
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=next(gan.parameters()).device))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        print(f"ca2-gan: --compile: goes on without, since torch.compile doesn't work here: {reason}", file=sys.stderr)
        return
    torch._dynamo.config.suppress_errors = True  # a graph that can't be compiled runs as it is
    gan.generator.compile()
    if not (settings.r1 or settings.r2 or settings.gradient_penalty):
        discriminator: nn.Module = gan.discriminator
        discriminator.features = torch.compile(gan.discriminator.features)  # type: ignore[assignment]
    if gan.classifier is not None:
        gan.classifier.compile()
