"""The settings of a training, in groups, and the file ``config.yml`` of a run."""

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
# New names of settings that had another name in version 0.1.0
RENAMED = {"max_images": "images", "max_minutes": "minutes", "lr_c": "lr_classifier"}


@dataclass(frozen=True)
class DataConfig:
    """Settings of the data."""

    source: str = setting(
        MISSING,
        "glyphs, emnist-letters, mnist, fashion-mnist, a CSV, IDX, npz or parquet file, or a folder of images",
        name="data",
        is_common=True,
    )
    root: Path | None = setting(None, "folder of downloaded data, such as MNIST's files (default: the cache)", changes_result=False)
    classes: str | None = setting(None, "train on these classes only: names separated by commas", is_common=True)
    transpose: bool | None = setting(None, "swap rows and columns of the images (default: for EMNIST's files only)")
    invert: bool | None = setting(None, "invert gray values (default: of gray images that are dark on white)")
    cases: bool = setting(False, "make capitals and lower case separate classes (glyphs, and data that tell them apart)")
    resize: str | None = setting(None, "scale to NxN pixels, or HxW, keeping proportions (default: as they are)")
    per_class: bool = setting(False, "train one model per class, each in its own folder inside --out")


@dataclass(frozen=True)
class ModelConfig:
    """Settings of the networks."""

    name: str = setting(MISSING, "name of the model; `ca2-gan list` shows all", name="model", is_common=True)
    noise_dim: int = setting(100, "width of the generator's noise", low=1, high=10_000)
    spectral_norm: bool = setting(False, "spectral normalisation of the discriminator")
    options: tuple[str, ...] = setting((), "options of the model, such as width=32", is_common=True)
    precision: Literal["fp32", "bf16"] = setting("fp32", "precision of the networks' arithmetic")
    compile: bool = setting(False, "compile the networks with torch.compile")

    @property
    def model_options(self) -> dict[str, Any]:
        """``options`` by name, their values as YAML reads them.

        :raises UserError: if one is not a name with a value, or is a number below 0
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
                raise UserError(f"--options {option}: a number of 0 or more is needed.")
        return found


@dataclass(frozen=True)
class OptimiserConfig:
    """Settings of the optimisers."""

    batch_size: int = setting(64, "images in a batch, over all processes", low=1, high=65_536, is_common=True)
    lr_g: float = setting(2e-4, "the generator's learning rate", above=0, is_common=True)
    lr_d: float = setting(2e-4, "the discriminator's learning rate", above=0, is_common=True)
    beta1: float = setting(0.5, "Adam's beta1", low=0, below=1)
    beta2: float = setting(0.999, "Adam's beta2", low=0, below=1)
    clip: float = setting(0.0, "largest norm of a player's gradient, which is clipped to it; 0 for no clipping", low=0)
    schedule: Literal["constant", "linear", "cosine"] = setting("constant", "schedule of the learning rates over the budget")
    final_lr: float = setting(0.0, "factor on the learning rates at the end of the schedule", low=0, high=1)
    ema_half_life: int = setting(10_000, "half-life of the averaged generator (EMA), in images; 0 for no averaging", low=0)


@dataclass(frozen=True)
class RunConfig:
    """Settings of the budget, the devices and the records. Images are those shown to the discriminator."""

    seed: int = setting(0, "seed of weights, noise and the order of the images", low=0, high=MAX_SEED, is_common=True)
    images: int = setting(2_000_000, "budget: images shown to the discriminator", low=1, is_common=True)
    minutes: float | None = setting(None, "budget: minutes of wall-clock time from the first step on", above=0, is_common=True)
    cpu_minutes: float | None = setting(None, "budget: minutes of CPU time, not counting evaluations and records", above=0, is_common=True)
    accelerator: Literal["auto", "cpu", "cuda"] = setting("auto", "device of the networks")
    devices: int = setting(1, "processes on this machine, one per device", low=1)
    nodes: int = setting(1, "number of machines", low=1)
    threads: int = setting(0, "CPU threads; 0 for torch's choice", low=0, high=1_024)
    log_every: int = setting(2_000, "images between two lines of metrics.jsonl", low=1, changes_result=False)
    sample_every: int = setting(20_000, "images between two sample grids; 0 for the last grid only", low=0, changes_result=False)
    keep: int = setting(0, "number of generators to keep during the training, more of them early", low=0, high=1_000, changes_result=False)
    eval_every: int = setting(0, "images between two evaluations; 0 for none", low=0, changes_result=False, is_common=True)
    eval_metrics: str = setting("fcd,kl", "metrics of these evaluations", changes_result=False)
    checkpoint_seconds: float = setting(60.0, "seconds between two checkpoints", low=0, changes_result=False)
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
        """Makes the groups from the values given and the defaults of the others.

        :param values: by the settings' names
        :param origin: where the values come from, for messages
        :raises UserError: if a setting is unknown, missing or invalid, or settings contradict each other
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
        """A copy with other values of some settings."""
        return Config.of(self.flat() | values)

    def flat(self) -> dict[str, Any]:
        """All values by the settings' names."""
        parts = (self.data, self.model, self.game, self.optimiser, self.run)
        return {name: value for part in parts for name, value in flat(part).items()}

    def saved(self) -> dict[str, Any]:
        """All values by the settings' names, in types that YAML can write."""
        return {name: _plain(value) for name, value in self.flat().items()}

    def changes(self, other: "Config") -> list[str]:
        """The differences that would change the trained weights, such as ``lr_g 0.0002 -> 0.001``."""
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
    """The name of the game in these values, or of the default game."""
    return str(values.get("game", GameOptions.name))


def read_values(
    values: Mapping[str, Any], origin: str, called: Callable[[Entry], str] | None = None, game: str | None = None
) -> dict[str, Any]:
    """Checks values of settings and converts them to the types that the groups need.

    :param origin: where the values come from, for messages
    :param called: returns the name by which messages call a setting; None for its own name
    :param game: name of the game, if the values don't contain it
    :raises UserError: if a setting is unknown or its value is invalid
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

    :param called: name of the option in the sentence
    """
    others = [other for other in games if name in entries(games.get(other).Options)]
    return f"{called} is an option of the game {' and of '.join(others)}, not of {game}." if others else ""


def of_model(name: str, called: str, model: Any) -> str:
    """A sentence on an option that is the model's own; empty if it is not.

    :param called: name of the option in the sentence
    """
    is_own = isinstance(model, str) and name in model_options(model)
    return (
        f"{called} is an option of the model: give it in options, such as options={{'{name}': 1}} or --options {name}=1." if is_own else ""
    )


def shipped(model: str) -> Path:
    """Path of the settings that ship for a model, in the wheel or next to the package in a checkout. The file may not exist."""
    package = Path(__file__).parents[1]
    folder = package / "hyperparams"
    return (folder if folder.is_dir() else package.parent / "hyperparams" / "gan") / f"{model}.yml"


def read_file(path: Path, game: str | None = None) -> dict[str, Any]:
    """The settings in a YAML file, checked.

    :param game: replaces the file's game; options of other games are left out then
    :raises UserError: if the file can't be read, or a setting is unknown or invalid
    """
    content = _content(path)
    if game is not None:
        content = _without_options_of_others(content, game)
    return read_values(content, str(path))


def model_values(model: str, game: str | None = None) -> dict[str, Any]:
    """The settings that ship for a model.

    :param game: replaces the model's game
    """
    path = shipped(model)
    return (read_file(path, game) if path.is_file() else {}) | {"model": model}


def _without_options_of_others(content: dict[str, Any], game: str) -> dict[str, Any]:
    known = table(game)
    return {name: value for name, value in content.items() if name in known or not of_other_game(name, "", game)} | {"game": game}


def _content(path: Path) -> dict[str, Any]:
    """The entries of a YAML file, by today's names."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: 'name: value' lines are needed.")
    for old, new in RENAMED.items():
        if old in content:
            content[new] = content.pop(old)
    return content


def _plain(value: Any) -> Any:
    """A value in a type that YAML can write."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Facts:
    """What a run folder says about the run apart from its settings.

    :param threads: number of torch's CPU threads
    :param folders: names of the class folders inside a ``--per-class`` run, by class name
    """

    threads: int
    folders: dict[str, str]


def write_run(config: Config, folder: Path, **facts: Any) -> None:
    """Writes ``config.yml`` into a run folder, whole or not at all.

    :param facts: what ``read_run`` returns, and further facts for the reader
    """
    with whole_file(folder / CONFIG) as path:
        path.write_text(yaml.safe_dump(config.saved() | {"facts": facts}, sort_keys=False, allow_unicode=True), encoding="utf-8")


def read_run(folder: Path) -> tuple[Config, Facts]:
    """Settings and facts of a run folder.

    :raises UserError: if there is no ``config.yml``, or a damaged one
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"{folder}: no {CONFIG}, so it is not a run of `ca2-gan train`.")
    content = _content(path)
    facts = _read_facts(content.pop("facts", None), path)
    return Config.of(_without_options_of_others(content, game_of(content)), str(path)), facts


def _read_facts(facts: Any, path: Path) -> Facts:
    """:raises UserError: if the facts are damaged, or name a folder that is not directly inside the run folder"""
    threads = facts.get("threads") if isinstance(facts, dict) else None
    if type(threads) is not int or threads < 1:
        raise UserError(f"{path}: damaged: no number of threads among its facts. Train again, in another --out.")
    folders, names = facts.get("folders", []), facts.get("class_names", [])
    are_texts = all(isinstance(found, list) and all(isinstance(item, str) for item in found) for found in (folders, names))
    if not are_texts or len(folders) != len(names):
        raise UserError(f"{path}: damaged: the facts need a name and a folder for each class. Train again, in another --out.")
    outside = next((folder for folder in folders if Path(folder).name != folder or folder in ("", "..")), None)
    if outside is not None:
        raise UserError(f"{path}: the folder {outside!r} of a class is not directly inside the run folder. It is not opened.")
    return Facts(threads, dict(zip(names, folders, strict=True)))
