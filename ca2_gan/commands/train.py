"""``ca2-gan train``."""

import sys
from argparse import SUPPRESS
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from ca2_core.arguments import Parser, Renamed, folder
from ca2_core.errors import UserError, did_you_mean
from ca2_gan.training.config import (
    CONFIG,
    RENAMED,
    Config,
    game_of,
    groups,
    model_values,
    of_model,
    of_other_game,
    read_file,
    read_run,
    read_values,
    table,
)
from ca2_gan.training.settings import entries
from ca2_gan.training.state import Callback, TrainingState
from ca2_gan.training.stopping import StopOnSignal
from ca2_gan.training.trainer import Trainer

PROG = "ca2-gan train"


class Request(NamedTuple):
    """What a command line asks for.

    :param out: folder of the run; None only for a dry run
    """

    config: Config
    out: Path | None
    resume: bool
    dry_run: bool


class Said(Callback):
    """Prints how long the setup took, which no budget counts, and how many images the training reached."""

    def __init__(self) -> None:
        self.began = monotonic()

    def on_start(self, state: TrainingState) -> None:
        seconds = monotonic() - self.began
        print(f"{state.folder}: {state.config.model.name} on {len(state.data):,} images; first step after {seconds:.1f} s.", flush=True)

    def on_end(self, state: TrainingState) -> None:
        clock = f" in {state.seconds / 60:.1f} minutes" if state.seconds >= 60 else ""
        print(f"{state.folder}: {state.config.model.name}, {state.images:,} images{clock}.", flush=True)
        self.began = monotonic()


def main(argv: list[str]) -> None:
    """Trains a model, or one per class, or resumes such a training.

    :raises UserError: if an option, the data or the run folder is not right, or training diverges
    """
    config, out, resume, is_dry = read_arguments(argv)
    with StopOnSignal() as stop:
        trainer = Trainer(config, config.data.source, out=out, callbacks=[stop, Said()])
        if is_dry:
            print(trainer.plan())
        else:
            trainer.train(resume=resume)
    if stop.signal:
        if trainer.fabric.is_global_zero:
            print(f"To go on: ca2-gan train --out {out} --resume")
        sys.exit(128 + stop.signal)


def read_arguments(argv: Sequence[str]) -> Request:
    """Reads the command line, whose options override the model's YAML file (or the resumed run's), which overrides the defaults.

    :raises UserError: if an option is unknown, missing or invalid
    """
    first = Parser(prog=PROG, add_help=False, allow_abbrev=False)
    for option in ("--model", "--game"):
        first.add_argument(option)
    for option in ("--out", "--config"):
        first.add_argument(option, type=Path)
    first.add_argument("--resume", action="store_true")
    known = first.parse_known_args(argv)[0]
    if known.resume and known.out is not None and (known.out / CONFIG).exists():
        values = read_run(known.out)[0].flat()
    elif known.config is not None:
        values = read_file(known.config, known.game)
    else:
        values = model_values(known.model, known.game) if known.model else {}
    game = known.game or game_of(values)
    help_wanted = {"-h", "--help", "--help-all"}.intersection(argv)
    parser = make_parser(game, values, is_whole="--help-all" in help_wanted)
    if help_wanted:
        parser.print_help()
        sys.exit()
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        option = unknown[0].partition("=")[0]
        nearest = f"no option {option}.{did_you_mean(option, parser._option_string_actions)}"
        name = option.removeprefix("--").replace("-", "_")
        elsewhere = of_other_game(name, option, game) or of_model(name, option, values.get("model"))
        raise UserError(f"{elsewhere or nearest} `{PROG} --help-all` shows all.")
    options = vars(given)
    out, resume, is_dry, _ = (options.pop(name) for name in ("out", "resume", "dry_run", "config"))
    values |= {"game": game} | read_values(options, "command line", lambda entry: entry.option, game)
    missing = [f"--{name}" for name in ("model", "data") if name not in values]
    missing += ["--out"] if out is None and not is_dry else []
    if missing and resume and out is not None:
        raise UserError(f"{out}: no run in it to resume. To begin one, give {', '.join(missing)}.")
    if missing:
        raise UserError(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. `{PROG} --help` shows the options.")
    return Request(Config.of(values, "command line"), out, resume, is_dry)


def make_parser(game: str, values: Mapping[str, Any], is_whole: bool) -> Parser:
    """The parser with the options of a game.

    :param values: values of options that are not given, for the help
    :param is_whole: whether the help shows all options, or only the common ones
    """
    parser = Parser(
        prog=PROG,
        usage="ca2-gan train --model M --data D --out FOLDER [options]",
        description="Trains a GAN. Options that are not given come from hyperparams/gan/MODEL.yml.",
        add_help=False,
        allow_abbrev=False,
    )
    section = parser.add_argument_group("run folder")
    section.add_argument("--out", type=lambda text: Path(folder(text)), metavar="FOLDER", help="folder of the run")
    section.add_argument("--resume", action="store_true", help="resume the run in --out, as if it had not been interrupted")
    section.add_argument("--config", metavar="FILE", help="a YAML file of settings instead of hyperparams/gan/MODEL.yml")
    section.add_argument("--dry-run", action="store_true", help="print what would be trained, and exit")
    section.add_argument(
        "--help-all", action="store_true", default=SUPPRESS, help="show all options, those of a game with --game or --model"
    )
    for title, group in groups(game).items():
        section = parser.add_argument_group(title if title != "game" else f"game: {game}")
        for name, entry in entries(group).items():
            entry.add_to(section, values.get(name, entry.default), is_hidden=not (is_whole or entry.is_common))
    known = table(game)
    for old, new in RENAMED.items():
        if new in known:
            parser.add_argument("--" + old.replace("_", "-"), dest=new, action=Renamed, new=known[new].option)
    return parser
