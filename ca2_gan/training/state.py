"""A training in progress: it plays rounds, calls callbacks, and can be saved and restored."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, process_time
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.utils import parametrize
from torch.optim import Adam

from ca2_core.errors import UserError
from ca2_gan.data import Dataset
from ca2_gan.gan import GAN, create_model
from ca2_gan.registry import games
from ca2_gan.spectral_norm import spectral_norms
from ca2_gan.training.batches import LAYERS, WEIGHTS, Images, Share, draw_noise, seed_layers, stream_seed
from ca2_gan.training.checkpoints import STATE, write_state
from ca2_gan.training.config import Config
from ca2_gan.training.ema import Average, standing_statistics
from ca2_gan.training.game import Batch, Game, split_into_batches
from ca2_gan.training.optimisers import make_optimisers, set_rates
from ca2_gan.training.processes import any_process, average_gradients, mean_over_processes, share_batch_norm
from ca2_gan.weights import check_tensor, load_weights

Number = TypeVar("Number", int, float)


class Callback:
    """Observes a training. Sampling and computing in a callback do not change the trained weights.

    With several processes, callbacks run only in the first.
    """

    def on_start(self, state: "TrainingState") -> None:
        """Before the first round."""

    def on_round(self, state: "TrainingState") -> None:
        """After each round."""

    def on_log(self, state: "TrainingState", values: dict[str, float]) -> None:
        """With numbers for the log: means of the losses, results of an evaluation."""

    def on_end(self, state: "TrainingState") -> None:
        """After the last round."""


@dataclass
class Means:
    """Means of the numbers for the log since its last line."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    @classmethod
    def restored(cls, sums: Any, counts: Any, device: torch.device) -> "Means":
        """The means in a checkpoint.

        :raises ValueError: if they are damaged
        """
        if sums.keys() != counts.keys() or any(type(count) is not int or count < 1 for count in counts.values()):
            raise ValueError(f"counts is {counts!r}")
        for name, value in sums.items():
            check_tensor(name, value, torch.zeros(()))
        return cls({name: value.to(device) for name, value in sums.items()}, counts)

    def take(self, fabric: Fabric) -> dict[str, float]:
        """Returns the means over all processes, and starts new ones."""
        means = {name: mean_over_processes(fabric, value / self.counts[name]) for name, value in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means


class TrainingState:
    """A training: its networks, optimisers and counters, the same in every process, at first those of a new training.

    :param config: settings of the training
    :param data: images to train on
    :param fabric: after ``launch``; its processes share each batch
    :param out: the run folder; None if nothing is to be written
    :ivar gan: the model in training; ``averaged`` returns the one to sample and save
    :ivar players: all networks in training, by name
    :ivar callbacks: objects that observe the training
    :ivar images: real images shown so far
    :ivar step: rounds played
    :ivar seconds: wall-clock time since the first step
    :ivar cpu_seconds: CPU time of the rounds in this process
    :ivar is_finished: whether the budget is spent
    :raises UserError: if the settings don't fit each other or the data
    """

    def __init__(self, config: Config, data: Dataset, fabric: Fabric, out: Path | None = None):
        self.config, self.data, self.fabric, self.out = config, data, fabric, out
        seed = config.run.seed
        torch.manual_seed(stream_seed(seed, WEIGHTS))
        self.gan = create_model(
            config.model.name,
            num_classes=data.num_classes,
            image_shape=data.image_shape,
            class_names=data.class_names,
            noise_dim=config.model.noise_dim,
            spectral_norm=config.model.spectral_norm,
            **config.model.model_options,
        )
        empty = [name for name, value in self.gan.named_parameters() if not value.numel()]
        if empty:
            raise UserError(f"{config.model.name}: can't be trained with {', '.join(config.model.options)}: {empty[0]} is empty.")
        self.gan.to(fabric.device).train()
        share = Share(fabric.global_rank, fabric.world_size)
        self.source = Images(data, config.optimiser.batch_size, seed, config.game.label_fraction, share, fabric.device)
        self.game: Game = games.get(config.game.name)(self.gan, config.game, self.source).to(fabric.device)
        self.average = Average(self.gan.generator, config.optimiser.ema_half_life)
        self.players = self.game.players
        for player in self.players.values():
            share_batch_norm(player, fabric)
        self.optimisers = make_optimisers(self.players, config)
        self._batches = split_into_batches(self.game.turns)
        self._norms = {name: spectral_norms(player) for name, player in self.players.items() if name != "generator"}
        self._parameters = {name: list(player.parameters()) for name, player in self.players.items()}
        self.callbacks: Sequence[Callback] = ()
        self.images, self.step, self.seconds, self.cpu_seconds = 0, 0, 0.0, 0.0
        self.means = Means()
        self.is_finished = self.is_stopping = False
        self._images_before = 0

    @property
    def parameters(self) -> dict[str, int]:
        """Number of parameters of each player."""
        return {name: sum(p.numel() for p in player.parameters()) for name, player in self.players.items()}

    @property
    def folder(self) -> Path:
        """The run folder, for callbacks that write into it."""
        assert self.out is not None
        return self.out

    @property
    def spent(self) -> float:
        """Share of the budget that is spent; with several budgets, the largest share."""
        run = self.config.run
        clocks = ((self.seconds, run.minutes), (self.cpu_seconds, run.cpu_minutes))
        return max([self.images / run.images, *(seconds / (60 * minutes) for seconds, minutes in clocks if minutes is not None)])

    def play(self) -> None:
        """Plays rounds until the budget is spent or ``stop`` is called.

        :raises UserError: if training diverges
        """
        for player in self.players.values():
            player.train()
        began = monotonic() - self.seconds
        logged_at, logged_images = monotonic(), self.images
        self.is_stopping = False
        self.is_finished = any_process(self.fabric, self.spent >= 1)
        self._tell("on_start")
        while not (self.is_finished or any_process(self.fabric, self.is_stopping)):
            used = process_time()
            self.play_round()
            self.cpu_seconds += process_time() - used
            self.seconds = monotonic() - began
            self.is_finished = any_process(self.fabric, self.spent >= 1)
            if self.is_finished or self.passed(self.config.run.log_every):
                values = self.means.take(self.fabric)
                self._check_finite(values)
                speed = (self.images - logged_images) / (monotonic() - logged_at)
                logged_at, logged_images = monotonic(), self.images
                self.log(values | {"images_per_s": speed})
            self._tell("on_round")
        self.check_weights()
        self._tell("on_end")

    def stop(self) -> None:
        """Ends the training after this round."""
        self.is_stopping = True

    def passed(self, every: int) -> bool:
        """Whether the last round reached a multiple of ``every`` images; False for 0, and at the end, which calls ``on_end``."""
        return not self.is_finished and every > 0 and self.images // every > self._images_before // every

    def log(self, values: dict[str, float]) -> None:
        """Passes numbers for the log to all callbacks."""
        self._tell("on_log", values)

    def _tell(self, what: str, *values: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, what)(self, *values)

    def play_round(self) -> None:
        """Plays every player's turns, and updates the averaged generator."""
        self._images_before = self.images
        # For dropout and augmentation: other numbers in every process, the same ones after a resumption
        seed_layers(stream_seed(self.config.run.seed, LAYERS, self.step, self.fabric.global_rank), self.fabric.device)
        set_rates(self.optimisers, self.config, self.spent)
        turn = 0
        for players in self._batches:
            with self.fabric.autocast():
                batch = self._next_batch(turn, keep_graph="generator" in players)
            for player in players:
                self._take_turn(player, batch)
            turn += len(players)
        self.step += 1
        self.average.update(self.images - self._images_before, self.images)

    def _take_turn(self, player: str, batch: Batch) -> None:
        for other, norms in self._norms.items():
            for parameter in self._parameters[other]:
                parameter.requires_grad_(other == player)
            for norm in norms:
                norm.train(other == player)  # see spectral_norms
        with self.fabric.autocast(), parametrize.cached():
            loss = self.game.loss(player, batch)
        loss.total.backward()
        parameters = self._parameters[player]
        average_gradients(self.fabric, parameters)
        if self.config.optimiser.clip:
            torch.nn.utils.clip_grad_norm_(parameters, self.config.optimiser.clip)
        self.optimisers[player].step()
        self.optimisers[player].zero_grad()
        self.means.add(loss.parts)

    def _next_batch(self, turn: int, keep_graph: bool) -> Batch:
        size = self.config.optimiser.batch_size
        real, labels, unlabelled = self.source.draw(self.images)
        noise = draw_noise(size, self.config.model.noise_dim, self.config.run.seed, self.step, turn)
        with torch.set_grad_enabled(keep_graph):
            fake = self.gan.generator(self.source.share.of(noise).to(self.source.device), labels)
        self.images += size
        return Batch(real, labels, unlabelled, fake)

    def averaged(self, standing: bool = True) -> GAN:
        """The model to sample and save, with the averaged generator; it shares its other networks with the training.

        :param standing: whether its BatchNorms get standing statistics
        :raises UserError: if training has diverged
        """
        self.check_weights()
        gan = self.gan.with_generator(self.average.network)
        if standing:
            standing_statistics(gan)
        return gan

    def save(self) -> None:
        """Writes the checkpoint, unless training has diverged: then the last good one stays.

        :raises UserError: if training has diverged
        """
        self._check_finite({name: float(value) for name, value in self.means.sums.items()})
        self.check_weights()
        write_state(self.folder, self.state_dict())

    def check_weights(self) -> None:
        """Raises UserError if a weight is NaN or infinite."""
        if not all(bool(value.isfinite().all()) for player in self.players.values() for value in player.state_dict().values()):
            raise self._diverged("the weights are")

    def _check_finite(self, values: dict[str, float]) -> None:
        """Raises UserError if one of the numbers is NaN or infinite."""
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            raise self._diverged(f"{' and '.join(bad)} {'is' if len(bad) == 1 else 'are'}")

    def _diverged(self, what: str) -> UserError:
        kept = "the last good checkpoint is kept" if self.out and (self.out / STATE).exists() else "there is no checkpoint yet"
        return UserError(
            f"training diverged: {what} not finite after {self.images:,} images; {kept}. "
            "Try smaller --lr-g and --lr-d, --clip 1, or --precision fp32, in another --out."
        )

    def state_dict(self) -> dict[str, Any]:
        """Content of ``state.pt``. All random numbers depend on seed and step alone, so no generator's state is in it."""
        return {
            "model": self.config.model.name,
            "data": self.data.fingerprint,
            "players": self.gan.state_dict(),
            "average": self.average.network.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "game": self.game.state_dict(),
            "images": self.images,
            "step": self.step,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "sums": self.means.sums,
            "counts": self.means.counts,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what ``state_dict`` returned, after checks, since a file may contain anything.

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
            self.cpu_seconds = _number({"cpu_seconds": 0.0} | state, "cpu_seconds", float)  # since 0.2.0
            self.means = Means.restored(state["sums"], state["counts"], self.source.device)
        except (RuntimeError, LookupError, TypeError, AttributeError, ValueError) as error:
            problem = f"{error} is missing" if isinstance(error, KeyError) else str(error).partition("\n")[0]
            raise UserError(
                f"{(self.out or Path()) / STATE}: the checkpoint doesn't fit {self.config.model.name}: {problem}. "
                "Take another --out, or delete it to start this run again from the beginning."
            ) from error


def _number(state: dict[str, Any], name: str, kind: type[Number]) -> Number:
    """A number of a checkpoint.

    :raises ValueError: if it is not a finite number of 0 or more
    """
    value = state[name]
    if type(value) is not kind or not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value!r}")
    return value


def restore_optimiser(player: str, optimiser: Adam, moments: Any) -> None:
    """Restores an optimiser's moments from a checkpoint, but not its settings, such as the learning rate.

    :param player: name of the optimiser's player, for messages
    :param moments: by number of the parameter
    :raises ValueError: if they don't fit the parameters
    """
    own = optimiser.state_dict()
    parameters = optimiser.param_groups[0]["params"]
    for number, found in moments.items():
        if number not in range(len(parameters)) or found.keys() != {"step", "exp_avg", "exp_avg_sq"}:
            raise ValueError(f"the {player}'s optimiser has other parameters")
        for name, value in found.items():
            check_tensor(f"{name} of the {player}'s optimiser", value, torch.zeros(()) if name == "step" else parameters[number])
    optimiser.load_state_dict(own | {"state": moments})
