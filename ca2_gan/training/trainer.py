"""Training from Python; ``ca2-gan train`` does the same."""

import logging
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from ca2_core.arguments import folder
from ca2_core.errors import UserError
from ca2_core.files import partial_files
from ca2_gan.data import Dataset, load_data
from ca2_gan.folders import LOCK, own_folder, plain_name
from ca2_gan.gan import GAN, join_classes
from ca2_gan.metrics.samples import sample_like
from ca2_gan.metrics.suite import Suite, parse_metrics
from ca2_gan.registry import models
from ca2_gan.training.callbacks import Checkpoint, Evaluate, Keep, Log, ProgressBar, Samples
from ca2_gan.training.checkpoints import explained_disk_errors, read_state
from ca2_gan.training.config import BUDGET, CONFIG, Config, DataConfig, model_values, read_run, write_run
from ca2_gan.training.ema import standing_statistics
from ca2_gan.training.settings import entries
from ca2_gan.training.state import Callback, TrainingState
from ca2_gan.training.watch import Watch

EVALUATED = 2_000  # images, at most


class Trainer:
    """Trains a model on the training part of a data set.

    >>> gan = Trainer("letters_gan", "glyphs", seed=0).fit(minutes=5)  # doctest: +SKIP

    :param model: name in the registry, or all settings
    :param data: a Dataset, or what ``load_data`` takes, such as a path or (images, labels); its training split is used
    :param seed: of weights, noise and the order of the images
    :param out: the run folder; None to write nothing
    :param callbacks: run after the built-in ones, except the checkpoint and the log, which come last
    :param fabric: Lightning Fabric with the devices and processes to use; None to make one from the settings
    :param settings: any other setting of ``ca2-gan train --help-all`` by name, such as ``lr_g=1e-3``; overrides
        ``hyperparams/gan/MODEL.yml``
    :ivar state: the training, None before ``fit``; with one model per class, that of the class trained last
    :raises UserError: if there is no such model or setting, or a value is invalid
    """

    def __init__(
        self,
        model: str | Config,
        data: Dataset | str | Path | tuple[Any, Any],
        *,
        seed: int = 0,
        out: str | Path | None = None,
        callbacks: Sequence[Callback] = (),
        fabric: Fabric | None = None,
        **settings: Any,
    ):
        models.get(model.model.name if isinstance(model, Config) else model)  # reports a wrong name before anything else
        if not isinstance(callbacks, Sequence) or not all(isinstance(callback, Callback) for callback in callbacks):
            raise UserError("Trainer: callbacks: a list of objects of subclasses of ca2_gan.Callback is needed.")
        self.state: TrainingState | None = None
        self._data, self._callbacks, self._fabric = data, callbacks, fabric
        if isinstance(model, Config):
            self.config = model
        else:
            check_settings(settings, isinstance(data, Dataset))
            is_read = isinstance(data, str | Path)
            source = data.report.source if isinstance(data, Dataset) else str(data) if is_read else "arrays"
            own = model_values(model, settings.get("game"))
            self.config = Config.of(own | settings | {"seed": seed, "data": source})
            if not is_read:
                _ = self.data  # reports invalid arrays at once
        parse_metrics(self.config.run.eval_metrics)
        try:
            self.out = None if out is None else Path(folder(str(out)))
        except ArgumentTypeError as error:
            raise UserError(f"Trainer: out: {error}.") from None

    @cached_property
    def data(self) -> Dataset:
        """All images, read when they are first needed."""
        if isinstance(self._data, Dataset):
            return self._data
        settings = self.config.data
        options = {name: getattr(settings, name) for name in ("root", "classes", "transpose", "invert", "cases", "resize")}
        return load_data(self._data, **options)

    @cached_property
    def fabric(self) -> Fabric:
        """Devices, processes and precision."""
        return self._fabric or make_fabric(self.config)

    def fit(
        self, *, images: int | None = None, minutes: float | None = None, cpu_minutes: float | None = None, resume: bool = False
    ) -> GAN:
        """Trains until a budget is spent. Another call with a larger budget continues the training.

        :param images: budget of images shown to the discriminator, in total
        :param minutes: budget of wall-clock time from the first step on
        :param cpu_minutes: budget of CPU time, not counting evaluations and records
        :param resume: continue the run in ``out``, if there is one, as if it had not been interrupted
        :return: a copy of the model, with the averaged generator, in evaluation mode
        :raises UserError: if the data, a budget or the run folder is not right, training diverges, or the disk is full
        """
        self.train(images=images, minutes=minutes, cpu_minutes=cpu_minutes, resume=resume)
        return self.gan

    def train(self, *, resume: bool = False, **budget: float | None) -> None:
        """Trains as ``fit`` does, but returns no copy of the model.

        :param budget: as for ``fit``
        """
        self.config = self.config.with_values(**{name: value for name, value in budget.items() if value is not None})
        if resume and self.out is None and self.state is None:
            raise UserError("resume=True continues the run in a folder: name it by Trainer(..., out=FOLDER).")
        keeps_folder = self.out is not None and self.fabric.is_global_zero
        with own_folder(self.out) if keeps_folder and self.out else nullcontext():
            if self.config.data.per_class:
                self._train_each_class(resume)
                return
            if self.state is None:
                self.state = self._begin(resume)
            self.state.config = self.config
            with explained_disk_errors(self.out) if self.out else nullcontext():
                self.state.play()
            self.fabric.barrier()

    @cached_property
    def classes(self) -> dict[str, "Trainer"]:
        """With one model per class, the Trainer of each class, which has its own folder; otherwise empty."""
        if not self.config.data.per_class:
            return {}
        found = {}
        for label, name in enumerate(self.data.class_names):
            out = None if self.out is None else self.out / folder_name(name, label)
            config = self.config.with_values(per_class=False, classes=name)
            found[name] = Trainer(config, self.data.only(label), out=out, callbacks=self._callbacks, fabric=self.fabric)
        return found

    def _train_each_class(self, resume: bool) -> None:
        """Trains the classes one after the other, until a callback stops one early."""
        is_begun = self.state is not None
        if self.out is not None and not is_begun:
            check_folder(self.out, self.config, resume)
        self.fabric.launch()
        if self.out is not None and not is_begun and self.fabric.is_global_zero:
            folders = [trainer.out.name for trainer in self.classes.values() if trainer.out]
            prepare_folder(self.out, self.config, threads=torch.get_num_threads(), class_names=list(self.classes), folders=folders)
        run = self.config.run
        for trainer in self.classes.values():
            # This locks the class's folder, too: another process may be training this class alone
            trainer.train(images=run.images, minutes=run.minutes, cpu_minutes=run.cpu_minutes, resume=resume)
            self.state = trainer.state
            if self.state and not self.state.is_finished:
                break

    @property
    def gan(self) -> GAN:
        """A copy of the model as it is now, in evaluation mode; with one model per class, it has the classes begun so far."""
        if self.config.data.per_class:
            begun = {name: trainer.gan for name, trainer in self.classes.items() if trainer.state}
            if begun:
                return join_classes(begun)
        if self.state is None:
            raise UserError("nothing is trained yet: call fit first.")
        with torch.random.fork_rng(devices=[]):
            gan = GAN(**self.state.gan.config)
        gan.load_state_dict(self.state.averaged(standing=False).state_dict())
        standing_statistics(gan.to(self.fabric.device).eval())
        return gan

    def plan(self) -> str:
        """Describes what would be trained, in lines; nothing is trained or written."""
        if self.config.data.per_class:
            return "\n\n".join(trainer.plan() for trainer in self.classes.values())
        part = self.data.train
        players = TrainingState(self.config, part, self.fabric).parameters
        run, (channels, height, width) = self.config.run, part.image_shape
        budget = {"images": f"{run.images:,}", "minutes": run.minutes, "CPU minutes": run.cpu_minutes}
        settings = {name: value for name, value in self.config.not_default().items() if name not in ("model", "data", *BUDGET)}
        rows = {
            "model": self.config.model.name,
            "game": f"{self.config.game.name}: " + ", ".join(f"{name} of {count:,} parameters" for name, count in players.items()),
            "data": f"{part.report.source}: {len(part):,} of {len(self.data):,} images to train on; "
            f"{height}x{width}, {channels} channel{'s' * (channels > 1)}, {part.num_classes} classes",
            "budget": " or ".join(f"{value} {name}" for name, value in budget.items() if value is not None),
            "settings": ", ".join(f"{name} {value}" for name, value in settings.items()) or "the defaults",
            "folder": str(self.out or "none: nothing is written"),
        }
        return "\n".join(f"{name + ':':<9} {text}" for name, text in rows.items())

    def _begin(self, resume: bool) -> TrainingState:
        """A new training or, to resume one, a training at its last checkpoint."""
        if self.config.run.threads:
            torch.set_num_threads(self.config.run.threads)
        if self.out is not None:
            check_folder(self.out, self.config, resume)
        self.fabric.launch()
        part = self.data.train
        checkpoint = None if self.out is None else read_state(self.out, self.config.model.name, part.fingerprint)
        state = TrainingState(self.config, part, self.fabric, self.out)
        if checkpoint is not None:
            state.load_state_dict(checkpoint)
        with self.fabric.rank_zero_first():  # the others find in the cache what the first has computed
            state.game.prepare()
        # Makes the folder only now, so that a training that can't begin leaves none
        if self.fabric.is_global_zero:
            state.callbacks = self._all_callbacks()
            if self.out is not None:
                prepare_folder(self.out, self.config, threads=torch.get_num_threads(), data=self.data.fingerprint, images=len(part))
        self.fabric.barrier()
        if self.config.model.compile and compiler_works(self.fabric.device):
            state.game.compile_players()
        return state

    def _all_callbacks(self) -> list[Callback]:
        """The callbacks that the settings ask for, then the caller's, then checkpoint and log, in the order in which they run."""
        run, writes = self.config.run, self.out is not None
        found: list[Callback] = [Samples(run.sample_every)] if writes else []
        found += [Keep(run.keep)] if writes and run.keep else []
        if run.eval_every:
            found.append(Evaluate(self._evaluation(run.eval_metrics), run.eval_every))
        found += [Watch(run.sample_every)] if run.watch else []
        found += [ProgressBar()] if run.progress else []
        return [*found, *self._callbacks, *([Checkpoint(run.checkpoint_seconds), Log(run.tensorboard)] if writes else [])]

    def _evaluation(self, names: str) -> Callable[[GAN], dict[str, float]]:
        """A function that computes metrics of ``ca2-gan evaluate`` from at most 2,000 images.

        :raises UserError: if there are too few images for a metric, or one is unknown
        """
        part, held_out = self.data.train, self.data.test
        n = min(EVALUATED, len(held_out))
        suite = Suite(parse_metrics(names), part, held_out, n)

        def evaluate(gan: GAN) -> dict[str, float]:
            scores = suite.score(sample_like(gan, n, part, seed=0)).values
            return {name: float(value) for name, value in scores.items() if value is not None}

        return evaluate


def make_fabric(config: Config) -> Fabric:
    """Devices, processes and precision.

    :raises UserError: if they are not available
    """
    run = config.run
    try:
        return Fabric(
            accelerator=run.accelerator,
            devices=run.devices,
            num_nodes=run.nodes,
            strategy="ddp" if run.devices * run.nodes > 1 else "auto",
            precision="bf16-mixed" if config.model.precision == "bf16" else "32-true",
        )
    except (ValueError, RuntimeError, ImportError) as error:
        raise UserError(f"{run.devices} device(s), {run.accelerator}, {config.model.precision}: {error}") from error


def check_settings(settings: Mapping[str, Any], is_read: bool) -> None:
    """Checks that no setting of a ``Trainer`` belongs to ``fit`` or ``load_data``.

    :param is_read: whether the data are a ``Dataset`` already
    :raises UserError: if one does
    """
    if "resume" in settings:
        raise UserError("Trainer: resume is an argument of fit: Trainer(..., out=FOLDER).fit(resume=True).")
    of_data = [name for name in entries(DataConfig) if name in settings and name != "per_class"]
    if is_read and of_data:
        raise UserError(f"Trainer: the data are read already: give {', '.join(of_data)} to load_data.")


def check_folder(out: Path, config: Config, resume: bool) -> None:
    """Checks that a run to resume has these settings, and that a new run's folder is empty.

    Sets the number of torch's threads to that of the run to resume.

    :raises UserError: if the folder is not right
    """
    if (out / CONFIG).exists():
        if not resume:
            raise UserError(f"{out}: there is a run in it already. `--resume` continues it; another --out begins a new one.")
        before, facts = read_run(out)
        changes = before.changes(config)
        if changes:
            raise UserError(f"{out}: --resume needs the settings that the run began with; changed: {', '.join(changes)}.")
        torch.set_num_threads(facts.threads)
    elif out.is_dir() and (others := set(out.iterdir()) - partial_files(out) - {out / LOCK}):
        if resume:
            raise UserError(f"{out}: no {CONFIG}, so there is no run of `ca2-gan train` to resume.")
        raise UserError(f"{out}: it contains {min(others).name}, but no run. Give another --out, a new or an empty folder.")


def prepare_folder(out: Path, config: Config, **facts: Any) -> None:
    """Makes the run folder with its ``config.yml``; removes files that a killed process left half-written."""
    versions = {"ca2": version("ca2"), "torch": str(torch.__version__)}
    with explained_disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        for partial in partial_files(out):
            partial.unlink()
        if not (out / CONFIG).exists():
            write_run(config, out, **facts, **versions)


def folder_name(class_name: str, index: int) -> str:
    """Name of a class's folder: the class name, or its number and what a file system takes of its name."""
    plain = plain_name(class_name)
    return plain if plain == class_name else f"{index}-{plain}"


def compiler_works(device: torch.device) -> bool:
    """Whether ``torch.compile`` works; if not, as on a CPU without a C++ compiler, prints a warning."""
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # hides its warning that there is no GPU
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=device))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        print(f"ca2-gan: --compile: training continues without, since torch.compile doesn't work here: {reason}", file=sys.stderr)
        return False
    torch._dynamo.config.suppress_errors = True  # a graph that can't be compiled runs uncompiled
    return True
