"""What a training is told, in groups of settings; the file ``config.yml`` of a run."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from ca2_core.arguments import MAX_SEED
from ca2_core.errors import UserError, did_you_mean
from ca2_core.files import whole_file
from ca2_core.yaml_files import read_yaml
from ca2_gan.gan import model_options
from ca2_gan.registry import games
from ca2_gan.training.game import GameOptions
from ca2_gan.training.settings import Entry, entries, flat, make_group, setting

CONFIG = "config.yml"
BUDGET = ("images", "minutes", "cpu_minutes")
# What settings of version 0.1.0 are called now
RENAMED = {"max_images": "images", "max_minutes": "minutes", "lr_c": "lr_classifier"}


@dataclass(frozen=True)
class DataConfig:
    """Which images."""

    source: str = setting(
        MISSING,
        "glyphs, emnist-letters, mnist, fashion-mnist, a CSV, IDX, npz or parquet file, or a folder of images",
        name="data",
        is_common=True,
    )
    root: Path | None = setting(None, "where data to be downloaded lies or goes", changes_result=False)
    classes: str | None = setting(None, "train on these classes only, by name, with commas between", is_common=True)
    transpose: bool | None = setting(None, "whether the images are stored transposed (default: told from the source)")
    invert: bool | None = setting(None, "make light of dark (default: grey images that are dark on white)")
    cases: bool = setting(False, "capitals and lower case are classes of their own (glyphs, and data that tell them apart)")
    resize: str | None = setting(None, "scale to NxN pixels, or HxW, keeping proportions (default: as they are)")
    per_class: bool = setting(False, "one model per class, each in a folder of its own inside --out")


@dataclass(frozen=True)
class ModelConfig:
    """Which networks."""

    name: str = setting(MISSING, "which networks; `ca2-gan list` shows all", name="model", is_common=True)
    noise_dim: int = setting(100, "width of the generator's noise", low=1, high=10_000)
    spectral_norm: bool = setting(False, "spectral normalisation of the discriminator")
    options: tuple[str, ...] = setting((), "options of the model, such as width=32", is_common=True)
    precision: Literal["fp32", "bf16"] = setting("fp32", "of the networks' arithmetic")
    compile: bool = setting(False, "run the networks through torch.compile")

    @property
    def model_options(self) -> dict[str, Any]:
        """``options`` by name, their values as YAML reads them.

        :raises UserError: if one is no name with a value, or a number below 0
        """
        found = {}
        for option in self.options:
            name, _, text = option.partition("=")
            try:
                found[name] = yaml.safe_load(text)
            except (yaml.YAMLError, ValueError):
                found[name] = None
            if found[name] is None:
                raise UserError(f"--options {option}: 'name=value' is needed, such as width=32.")
            if isinstance(found[name], int | float) and not found[name] >= 0:
                raise UserError(f"--options {option}: a number from 0 on is needed.")
        return found


@dataclass(frozen=True)
class OptimiserConfig:
    """How the networks learn."""

    batch_size: int = setting(64, "images in a batch, of all processes together", low=1, high=65_536, is_common=True)
    lr_g: float = setting(2e-4, "the generator's learning rate", above=0, is_common=True)
    lr_d: float = setting(2e-4, "the discriminator's", above=0, is_common=True)
    beta1: float = setting(0.5, "Adam's", low=0, below=1)
    beta2: float = setting(0.999, "Adam's", low=0, below=1)
    clip: float = setting(0.0, "largest norm of a player's gradient; 0 for no limit", low=0)
    schedule: Literal["constant", "linear", "cosine"] = setting("constant", "of the learning rates; it ends with the budget")
    final_lr: float = setting(0.0, "share of the learning rates that the schedule ends with", low=0, high=1)
    ema_half_life: int = setting(10_000, "of the averaged generator, in images; 0 for no averaging", low=0)


@dataclass(frozen=True)
class RunConfig:
    """How long, where, and what is recorded. Counts are in images shown to the discriminator."""

    seed: int = setting(0, "of weights, noise and the order of the images", low=0, high=MAX_SEED, is_common=True)
    images: int = setting(2_000_000, "budget: images", low=1, is_common=True)
    minutes: float | None = setting(None, "budget: minutes of the clock from the first step on", above=0, is_common=True)
    cpu_minutes: float | None = setting(None, "budget: minutes of CPU time, without what is recorded", above=0, is_common=True)
    accelerator: Literal["auto", "cpu", "cuda"] = setting("auto", "where the networks are")
    devices: int = setting(1, "processes on this machine, one per device", low=1)
    nodes: int = setting(1, "machines", low=1)
    threads: int = setting(0, "CPU threads; 0 for torch's choice", low=0, high=1_024)
    log_every: int = setting(2_000, "images between two lines of metrics.jsonl", low=1, changes_result=False)
    sample_every: int = setting(20_000, "images between two sample grids; 0 for none but the last", low=0, changes_result=False)
    keep: int = setting(0, "generators to keep along the training, more of them early", low=0, high=1_000, changes_result=False)
    eval_every: int = setting(0, "images between two evaluations; 0 for none", low=0, changes_result=False, is_common=True)
    eval_metrics: str = setting("fcd,kl", "what is evaluated then", changes_result=False)
    checkpoint_seconds: float = setting(60.0, "seconds between two savings", low=0, changes_result=False)
    tensorboard: bool = setting(True, "write TensorBoard events", changes_result=False)
    progress: bool = setting(True, "show a progress bar", changes_result=False)
    watch: bool = setting(True, "warn of collapse, ignored labels and diverging losses", changes_result=False)


@dataclass(frozen=True)
class Config:
    """All settings of a training. Their names are unique, so that files, calls and command lines need no groups."""

    data: DataConfig
    model: ModelConfig
    game: GameOptions
    optimiser: OptimiserConfig
    run: RunConfig

    @classmethod
    def of(cls, values: Mapping[str, Any], origin: str = "settings") -> "Config":
        """The groups of the values given, the others being their defaults.

        :param values: by the settings' names
        :param origin: where they stand, for messages
        :raises UserError: if there is something wrong with them
        """
        own = read_values(values, origin)
        for name in ("model", "data"):
            if name not in own:
                raise UserError(f"{origin}: --{name} is missing.")
        config = cls(**{group: make_group(kind, own) for group, kind in groups(game_of(own)).items()})
        processes = config.run.devices * config.run.nodes
        if config.optimiser.batch_size % processes:
            raise UserError(f"{origin}: batch_size={config.optimiser.batch_size} can't be divided by {processes} processes.")
        if config.data.per_class and (config.run.eval_every or getattr(config.game, "matched_features", "") == "classifier"):
            raise UserError("--eval-every and --matched-features classifier need several classes: they don't go with --per-class.")
        _ = config.model.model_options
        return config

    def with_values(self, **values: Any) -> "Config":
        """With other values of some settings."""
        return Config.of(self.flat() | values)

    def flat(self) -> dict[str, Any]:
        """All values by the settings' names."""
        parts = (self.data, self.model, self.game, self.optimiser, self.run)
        return {name: value for part in parts for name, value in flat(part).items()}

    def saved(self) -> dict[str, Any]:
        """The same as YAML can have it."""
        return {name: _plain(value) for name, value in self.flat().items()}

    def changes(self, other: "Config") -> list[str]:
        """What differs so that other weights would come out, such as ``lr_g 0.0002 -> 0.001``."""
        ours, theirs, known = self.saved(), other.saved(), table(self.game.name)
        harmless = {name for name, entry in known.items() if not entry.facts.changes_result}
        if self.optimiser.schedule == "constant":
            harmless |= set(BUDGET)
        return [f"{name} {ours[name]} -> {theirs.get(name)}" for name in ours if ours[name] != theirs.get(name) and name not in harmless]

    def not_default(self) -> dict[str, Any]:
        """The values that differ from the settings' defaults."""
        known = table(self.game.name)
        return {name: value for name, value in self.saved().items() if value != _plain(known[name].default)}


def groups(game: str) -> dict[str, type]:
    """The groups of settings with the options of a game."""
    return {"data": DataConfig, "model": ModelConfig, "game": games.get(game).Options, "optimiser": OptimiserConfig, "run": RunConfig}


def table(game: str) -> dict[str, Entry]:
    """All settings by name."""
    return {name: entry for group in groups(game).values() for name, entry in entries(group).items()}


def game_of(values: Mapping[str, Any]) -> str:
    """The game that is played with these values."""
    return str(values.get("game", GameOptions.name))


def read_values(
    values: Mapping[str, Any], origin: str, called: Callable[[Entry], str] | None = None, game: str | None = None
) -> dict[str, Any]:
    """Values of settings, checked and as the groups have them.

    :param origin: where they stand, for messages
    :param called: what a setting is called there, if not by its name
    :param game: where the values don't say which it is
    :raises UserError: if one is unknown or not what it should be
    """
    game = game_of(values) if game is None else game
    known = table(game)
    found = {}
    for name, value in values.items():
        if name not in known:
            nearest = f"no setting is called {str(name)!r}.{did_you_mean(str(name), known)} `ca2-gan train --help-all` shows all."
            elsewhere = of_other_game(name, str(name), game) or of_model(str(name), str(name), values.get("model"))
            raise UserError(f"{origin}: {elsewhere or nearest}")
        found[name] = known[name].read(value, origin, called(known[name]) if called else None)
    return found


def of_other_game(name: object, called: str, game: str) -> str:
    """A sentence on an option that other games have; empty if none has it.

    :param called: what it is called where it stands
    """
    others = [other for other in games if name in entries(games.get(other).Options)]
    return f"{called} is an option of the game {' and of '.join(others)}, not of {game}." if others else ""


def of_model(name: str, called: str, model: Any) -> str:
    """A sentence on an option that is the model's own; empty if it is not.

    :param called: what it is called where it stands
    """
    is_own = isinstance(model, str) and name in model_options(model)
    return (
        f"{called} is an option of the model: give it in options, such as options={{'{name}': 1}} or --options {name}=1." if is_own else ""
    )


def shipped(model: str) -> Path:
    """Where the package has the settings of a model: inside the wheel, or beside the package in a checkout. There may be none."""
    package = Path(__file__).parents[1]
    folder = package / "hyperparams"
    return (folder if folder.is_dir() else package.parent / "hyperparams" / "gan") / f"{model}.yml"


def read_file(path: Path, game: str | None = None) -> dict[str, Any]:
    """The settings in a YAML file, checked.

    :param game: that is played in place of the file's; options of others are left out then
    :raises UserError: if it can't be read, or has something else in it
    """
    content = _content(path)
    if game is not None:
        content = _without_options_of_others(content, game)
    return read_values(content, str(path))


def model_values(model: str, game: str | None = None) -> dict[str, Any]:
    """The settings that the package has for a model.

    :param game: that is played in place of the model's own
    """
    path = shipped(model)
    return (read_file(path, game) if path.is_file() else {}) | {"model": model}


def _without_options_of_others(content: dict[str, Any], game: str) -> dict[str, Any]:
    known = table(game)
    return {name: value for name, value in content.items() if name in known or not of_other_game(name, "", game)} | {"game": game}


def _content(path: Path) -> dict[str, Any]:
    """What a YAML file has by name."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: 'name: value' lines are needed.")
    for old, new in RENAMED.items():
        if old in content:
            content[new] = content.pop(old)
    return content


def _plain(value: Any) -> Any:
    """As YAML has it."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Facts:
    """What a run folder says of the run beside its settings.

    :param threads: that torch had
    :param folders: of a ``--per-class`` run, each class's folder in the run's, by class name
    """

    threads: int
    folders: dict[str, str]


def write_run(config: Config, folder: Path, **facts: Any) -> None:
    """Writes ``config.yml`` into a run folder, whole or not at all.

    :param facts: what ``read_run`` hands back, and more that is only worth knowing
    """
    with whole_file(folder / CONFIG) as path:
        path.write_text(yaml.safe_dump(config.saved() | {"facts": facts}, sort_keys=False, allow_unicode=True), encoding="utf-8")


def read_run(folder: Path) -> tuple[Config, Facts]:
    """Settings and facts of a run folder.

    :raises UserError: if there is no ``config.yml``, or a damaged one
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"{folder}: no {CONFIG}: no run of `ca2-gan train`.")
    content = _content(path)
    facts = _read_facts(content.pop("facts", None), path)
    return Config.of(_without_options_of_others(content, game_of(content)), str(path)), facts


def _read_facts(facts: Any, path: Path) -> Facts:
    """:raises UserError: if they are something else, or name a folder that is not right in the run's"""
    threads = facts.get("threads") if isinstance(facts, dict) else None
    if type(threads) is not int or threads < 1:
        raise UserError(f"{path}: damaged: no number of threads among its facts. Train again, in another --out.")
    folders, names = facts.get("folders", []), facts.get("class_names", [])
    are_texts = all(isinstance(found, list) and all(isinstance(item, str) for item in found) for found in (folders, names))
    if not are_texts or len(folders) != len(names):
        raise UserError(f"{path}: damaged: the facts need a name and a folder for each class. Train again, in another --out.")
    outside = next((folder for folder in folders if Path(folder).name != folder or folder in ("", "..")), None)
    if outside is not None:
        raise UserError(f"{path}: the folder {outside!r} of a class is not right in the run's folder. It is not opened.")
    return Facts(threads, dict(zip(names, folders, strict=True)))
