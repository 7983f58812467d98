"""``ca2-gan train``."""

import dataclasses
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

import ca2_gan
from ca2_core.errors import UserError
from ca2_core.files import partial_files
from ca2_gan.arguments import Parser
from ca2_gan.data import Dataset, load_data
from ca2_gan.data.arguments import parse_sides, split_names
from ca2_gan.folders import LOCK, own_folder
from ca2_gan.gan import GAN
from ca2_gan.registry import models
from ca2_gan.trainers.loop import Evaluate, Outcome, resume, train
from ca2_gan.trainers.settings import CONFIG, Settings, read, read_run, shipped, write
from ca2_gan.trainers.stopping import Stop
from ca2_gan.typed_arguments import parse

PROG = "ca2-gan train"
EVALUATED = 2_000


def main(argv: list[str]) -> None:
    """Trains a model, or one per class, or goes on with that.

    :raises UserError: if it can't be done
    """
    settings = read_settings(argv)
    models.get(settings.model)  # before the data are read
    try:
        fabric = make_fabric(settings)
    except (ValueError, RuntimeError, ImportError) as error:
        raise UserError(f"{settings.devices} device(s), {settings.accelerator}, {settings.precision}: {error}") from error
    with own_folder(settings.out) if fabric.is_global_zero else nullcontext():
        check_folder(settings)
        fabric.launch()
        with Stop() as stop:
            if settings.per_class:
                train_per_class(settings, fabric, stop)
            else:
                data = read_data(settings)
                finish(train_on(data, settings, fabric, stop), settings, fabric)
    if stop.signal:
        sys.exit(128 + stop.signal)


def read_settings(argv: Sequence[str]) -> Settings:
    """Defaults, under the model's YAML file or the run's own if it is resumed, under the command line.

    :raises UserError: if there is something wrong with them, or a resumed run would get other settings
    """
    if "-h" in argv or "--help" in argv:
        return parse(Settings(), argv, PROG)
    first = Parser(prog=PROG, add_help=False, allow_abbrev=False)
    first.add_argument("--model")
    first.add_argument("--out", type=Path)
    first.add_argument("--config", type=Path)
    first.add_argument("--resume", action="store_true")
    known = first.parse_known_args(argv)[0]
    if known.resume and known.out is not None and (known.out / CONFIG).exists():
        before, facts = read_run(known.out)
        settings = parse(before, argv, PROG)
        changes = before.changes(settings)
        if changes:
            raise UserError(f"{known.out}: --resume goes on with the settings the run began with; changed: {', '.join(changes)}.")
        return dataclasses.replace(settings, threads=facts.threads)
    path = known.config or (shipped(known.model) if known.model else None)
    values = read(path) if path is not None and (known.config or path.is_file()) else {}
    if known.model is not None:
        values["model"] = known.model
    return parse(Settings(**values), argv, PROG)


def check_folder(settings: Settings) -> None:
    """Whether there is a run in the folder if one is to be resumed, and none if one is to begin.

    :raises UserError: if not
    """
    out = settings.out
    if (out / CONFIG).exists():
        if not settings.resume:
            raise UserError(f"{out}: there is a run in it already. `--resume` goes on with it; another --out begins a new one.")
    elif settings.resume and out.is_dir() and set(out.iterdir()) - partial_files(out) - {out / LOCK}:
        raise UserError(f"{out}: no {CONFIG}: no run of `ca2-gan train` to go on with.")


def make_fabric(settings: Settings) -> Fabric:
    """Devices, processes and precision."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    several = settings.devices * settings.nodes > 1
    return Fabric(
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.nodes,
        strategy="ddp" if several else "auto",
        precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
    )


def read_data(settings: Settings) -> Dataset:
    """What the settings want to train on, before the split.

    :raises UserError: if it can't be read
    """
    try:
        classes = None if settings.classes is None else split_names(settings.classes)
        resize = None if settings.resize is None else parse_sides(settings.resize)
    except ArgumentTypeError as error:
        raise UserError(f"--classes or --resize: {error}.") from None
    transpose, invert = settings.transpose, settings.invert
    return load_data(settings.data, root=settings.root, classes=classes, transpose=transpose, invert=invert, resize=resize)


def train_on(data: Dataset, settings: Settings, fabric: Fabric, stop: Stop) -> Outcome:
    """One training, on the training part of the data."""
    part, held_out = data.split()
    # What can't be trained or evaluated leaves no folder
    training = resume(settings, part, fabric)
    evaluate = make_evaluate(settings, part, held_out) if settings.eval_every and fabric.is_global_zero else None
    if fabric.is_global_zero:
        prepare_folder(settings, {"threads": torch.get_num_threads(), "data": data.fingerprint, "images": len(part)} | versions())
    fabric.barrier()
    return train(training, fabric, stop, evaluate)


def train_per_class(settings: Settings, fabric: Fabric, stop: Stop) -> None:
    """One model per class, each in a folder of its own."""
    if settings.eval_every or settings.matched_features == "classifier":
        raise UserError("--eval-every and --matched-features classifier need several classes: they don't go with --per-class.")
    data = read_data(settings)
    names = [folder_name(name, i) for i, name in enumerate(data.class_names)]
    if fabric.is_global_zero:
        prepare_folder(settings, {"threads": torch.get_num_threads(), "class_names": list(data.class_names), "folders": names} | versions())
    for i, (name, folder) in enumerate(zip(data.class_names, names, strict=True)):
        if stop.signal:
            break
        alone = dataclasses.replace(data.subset(data.labels == i), class_names=(name,), labels=data.labels[data.labels == i] * 0)
        own = dataclasses.replace(settings, out=settings.out / folder, per_class=False, classes=name)
        # Someone may be training this class alone
        with own_folder(own.out) if fabric.is_global_zero else nullcontext():
            finish(train_on(alone, own, fabric, stop), own, fabric)


def folder_name(class_name: str, index: int) -> str:
    """A folder for a class: its name where a file system can take it, else its number too."""
    plain = "".join(c if c.isalnum() else "-" for c in class_name)
    return plain if plain == class_name else f"{index}-{plain}"


def prepare_folder(settings: Settings, facts: dict[str, Any]) -> None:
    """Makes the run folder with its ``config.yml``; clears away what a killed process left half-written."""
    try:
        settings.out.mkdir(parents=True, exist_ok=True)
        for partial in partial_files(settings.out):
            partial.unlink()
        if not (settings.out / CONFIG).exists():
            write(settings, settings.out, **facts)
    except OSError as error:
        raise UserError(f"{settings.out}: can't write: {error.strerror or error}.") from error


def versions() -> dict[str, str]:
    """Of what decides the numbers."""
    return {"ca2": ca2_gan.__version__, "torch": str(torch.__version__)}


def make_evaluate(settings: Settings, train_part: Dataset, held_out: Dataset) -> Evaluate:
    """The measurement during training: the metrics of ``ca2-gan evaluate``, on at most 2,000 images.

    :raises UserError: if there are too few images for a metric, or one is unknown
    """
    from ca2_gan.metrics.samples import sample_like  # noqa: PLC0415  (takes seconds)
    from ca2_gan.metrics.suite import Suite, parse_metrics  # noqa: PLC0415

    n = min(EVALUATED, len(held_out))
    suite = Suite(parse_metrics(settings.eval_metrics), train_part, held_out, n)

    def evaluate(gan: GAN) -> dict[str, float]:
        scores = suite.judge(sample_like(gan, n, train_part, seed=0)).scores
        return {name: float(value) for name, value in scores.items() if value is not None}

    return evaluate


def finish(outcome: Outcome, settings: Settings, fabric: Fabric) -> None:
    """Says how it ended."""
    if not fabric.is_global_zero:
        return
    print(f"{settings.out}: {settings.model}, {outcome.images:,} images" + ("." if outcome.finished else f" of {settings.max_images:,}."))
    if not outcome.finished:
        print(f"To go on: ca2-gan train --out {settings.out} --resume")
