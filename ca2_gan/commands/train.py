"""``ca2-gan train``."""

import sys
from argparse import SUPPRESS
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from ca2_core.arguments import Parser, folder
from ca2_core.errors import UserError, did_you_mean
from ca2_gan.folders import own_folder
from ca2_gan.registry import models
from ca2_gan.training.config import (
    CONFIG,
    RENAMED,
    Config,
    game_of,
    games_with,
    groups,
    model_values,
    read_file,
    read_run,
    read_values,
    table,
)
from ca2_gan.training.settings import entries
from ca2_gan.training.state import Callback, TrainingState
from ca2_gan.training.stopping import StopOnSignal
from ca2_gan.training.trainer import Trainer, check_folder, prepare_folder

PROG = "ca2-gan train"


@dataclass(frozen=True)
class Request:
    """What a command line asks for.

    :param out: folder of the run
    """

    config: Config
    out: Path
    resume: bool = False
    dry_run: bool = False


class FirstStep(Callback):
    """Says how long it took until the first round, which budgets don't count."""

    def __init__(self) -> None:
        self.began = monotonic()

    def on_start(self, state: TrainingState) -> None:
        seconds = monotonic() - self.began
        print(f"{state.folder}: {state.config.model.name} on {len(state.data):,} images; first step after {seconds:.1f} s.", flush=True)


def main(argv: list[str]) -> None:
    """Trains a model, or one per class, or goes on with that.

    :raises UserError: if it can't be done
    """
    request = read_arguments(argv)
    config = request.config
    models.get(config.model.name)  # before the data are read
    with StopOnSignal() as stop:
        trainer = Trainer(config, config.data.source, out=request.out, callbacks=[stop, FirstStep()])
        if config.data.per_class and (config.run.eval_every or getattr(config.game, "matched_features", "") == "classifier"):
            raise UserError("--eval-every and --matched-features classifier need several classes: they don't go with --per-class.")
        if request.dry_run:
            plans = [each.plan() for each in one_per_class(trainer, stop)] if config.data.per_class else [trainer.plan()]
            print("\n\n".join(plans))
        elif config.data.per_class:
            train_per_class(trainer, stop, request.resume)
        else:
            train(trainer, request.resume)
    if stop.signal:
        sys.exit(128 + stop.signal)


def train(trainer: Trainer, resume: bool) -> None:
    """One training; says how it ended."""
    trainer.fit(resume=resume)
    state = trainer.state
    if not trainer.fabric.is_global_zero or state is None:
        return
    clock = f" in {state.seconds / 60:.1f} minutes" if state.seconds >= 60 else ""
    print(f"{trainer.out}: {state.config.model.name}, {state.images:,} images{clock}.")
    if not state.is_finished:
        print(f"To go on: ca2-gan train --out {trainer.out} --resume")


def train_per_class(whole: Trainer, stop: StopOnSignal, resume: bool) -> None:
    """One model per class, each in a folder of its own."""
    config, out, fabric = whole.config, whole.out, whole.fabric
    assert out is not None
    with own_folder(out) if fabric.is_global_zero else nullcontext():
        check_folder(out, config, resume)
        fabric.launch()
        names = whole.data.class_names
        if fabric.is_global_zero:
            folders = [folder_name(name, label) for label, name in enumerate(names)]
            prepare_folder(out, config, threads=torch.get_num_threads(), class_names=list(names), folders=folders)
        for trainer in one_per_class(whole, stop):
            if stop.signal:
                break
            train(trainer, resume)  # which keeps the class's folder: someone may be training this class alone


def one_per_class(whole: Trainer, stop: StopOnSignal) -> Iterator[Trainer]:
    """A training for each class."""
    for label, name in enumerate(whole.data.class_names):
        config = whole.config.with_values(per_class=False, classes=name)
        out = None if whole.out is None else whole.out / folder_name(name, label)
        yield Trainer(config, whole.data.only(label), out=out, callbacks=[stop, FirstStep()], fabric=whole.fabric)


def folder_name(class_name: str, index: int) -> str:
    """A folder for a class: its name where a file system can take it, else its number too."""
    plain = "".join(c if c.isalnum() else "-" for c in class_name)
    return plain if plain == class_name else f"{index}-{plain}"


def read_arguments(argv: Sequence[str]) -> Request:
    """Defaults, under the model's YAML file or the run's own if it is resumed, under the command line.

    :raises UserError: if there is something wrong with them
    """
    words = with_new_names(argv)
    first = Parser(prog=PROG, add_help=False, allow_abbrev=False)
    for option in ("--model", "--game"):
        first.add_argument(option)
    for option in ("--out", "--config"):
        first.add_argument(option, type=Path)
    first.add_argument("--resume", action="store_true")
    known = first.parse_known_args(words)[0]
    if known.resume and known.out is not None and (known.out / CONFIG).exists():
        values = read_run(known.out)[0].flat()
    elif known.config is not None:
        values = read_file(known.config, known.game)
    else:
        values = model_values(known.model, known.game) if known.model else {}
    game = known.game or game_of(values)
    help_wanted = {"-h", "--help", "--help-all"}.intersection(words)
    parser = make_parser(game, values, is_whole="--help-all" in help_wanted)
    if help_wanted:
        parser.print_help()
        sys.exit()
    given, unknown = parser.parse_known_args(words)
    if unknown:
        raise UserError(f"{_unknown(unknown[0], game)} `{PROG} --help-all` shows all.")
    options = vars(given)
    paths = {name: options.pop(name) for name in ("out", "resume", "dry_run")}
    del options["config"]
    values |= {"game": game} | read_values(options, "command line", lambda entry: entry.option, game)
    missing = [f"--{name}" for name in ("model", "data") if name not in values]
    missing += ["--out"] if paths["out"] is None and not paths["dry_run"] else []
    if missing:
        raise UserError(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. `{PROG} --help` shows the options.")
    return Request(Config.of(values, "command line"), **paths)


def with_new_names(argv: Sequence[str]) -> list[str]:
    """The command line with today's names for options of version 0.1.0, of which a line on stderr tells."""
    renamed = {"--" + old.replace("_", "-"): "--" + new.replace("_", "-") for old, new in RENAMED.items()}
    words = []
    for word in argv:
        option, equals, value = word.partition("=")
        if option in renamed:
            print(f"ca2-gan: {option} is called {renamed[option]} now; the next release won't know the old name.", file=sys.stderr)
        words.append(renamed.get(option, option) + equals + value)
    return words


def make_parser(game: str, values: Mapping[str, Any], is_whole: bool) -> Parser:
    """The options that there are in a game.

    :param values: that hold where an option is not given, for the help
    :param is_whole: whether the help shows all of them, or the common ones
    """
    parser = Parser(
        prog=PROG,
        usage="ca2-gan train --model M --data D --out FOLDER [options]",
        description="Trains a GAN. What isn't given comes from hyperparams/gan/MODEL.yml.",
        add_help=False,
        allow_abbrev=False,
    )
    section = parser.add_argument_group("run folder")
    section.add_argument("--out", type=lambda text: Path(folder(text)), metavar="FOLDER", help="folder of the run")
    section.add_argument("--resume", action="store_true", help="go on with the run in --out, as if it had not been interrupted")
    section.add_argument("--config", metavar="FILE", help="a YAML file of settings instead of hyperparams/gan/MODEL.yml")
    section.add_argument("--dry-run", action="store_true", help="say what would be trained, and leave it at that")
    section.add_argument("--help-all", action="store_true", default=SUPPRESS, help="all options; those of a game with --game or --model")
    for title, group in groups(game).items():
        section = parser.add_argument_group(title if title != "game" else f"game: {game}")
        for name, entry in entries(group).items():
            entry.add_to(section, values.get(name, entry.default), is_hidden=not (is_whole or entry.is_common))
    return parser


def _unknown(word: str, game: str) -> str:
    option = word.partition("=")[0]
    others = games_with(option.removeprefix("--").replace("-", "_"))
    if others:
        return f"{option} is an option of the game {' and of '.join(others)}, not of {game}."
    known = [entry.option for entry in table(game).values()] + ["--out", "--resume", "--config", "--dry-run"]
    return f"no option {option}.{did_you_mean(option, known)}"
