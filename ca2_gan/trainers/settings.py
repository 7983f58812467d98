"""The settings of a training: one dataclass, filled from a YAML file and the command line."""

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from reprlib import repr as short
from typing import Any, Literal

import tyro
import yaml

from ca2_core.errors import UserError, did_you_mean
from ca2_core.files import whole_file

CONFIG = "config.yml"
MOST_THREADS = 1_024
# Where a run is, and what can change without changing the weights that come out
_ELSEWHERE = ("out", "resume", "config")
_HARMLESS = (
    "max_minutes",
    "log_every",
    "sample_every",
    "eval_every",
    "eval_metrics",
    "checkpoint_seconds",
    "tensorboard",
    "root",
    "progress",
)


@dataclass(frozen=True)
class Settings:
    """Trains a GAN. What isn't given comes from hyperparams/gan/MODEL.yml. Counts are in images shown to the discriminator.

    :param model: which networks; `ca2-gan list` shows all
    :param data: glyphs, emnist-letters, mnist, fashion-mnist, a CSV, IDX, npz or parquet file, or a folder of images
    :param out: folder of the run
    :param resume: go on with the run in --out, as if it had not been interrupted
    :param config: a YAML file of settings instead of hyperparams/gan/MODEL.yml
    :param root: where data to be downloaded lies or goes
    :param classes: train on these classes only, by name, with commas between
    :param transpose: whether the images are stored transposed; by default told from the source
    :param invert: make light of dark; by default grey images that are dark on white
    :param resize: scale the images to so many pixels a side, such as 28 or 28x32
    :param per_class: one model per class, each in a folder of its own inside --out
    :param seed: of weights, noise and the order of the images
    :param max_images: when to stop; schedules end there
    :param max_minutes: when to stop at the latest
    :param noise_dim: width of the generator's noise
    :param spectral_norm: spectral normalisation of the discriminator
    :param options: options of the model, such as width=32
    :param game: adversarial or triple
    :param loss: non-saturating, hinge, wasserstein or relativistic
    :param critic_steps: turns of the discriminator to each of the generator
    :param gradient_penalty: weight of WGAN-GP's penalty
    :param r1: weight of the R1 penalty, at real images
    :param r2: weight of the R2 penalty, at generated images
    :param auxiliary: weight of the auxiliary classifier's loss, where the discriminator has one
    :param mismatched: share of what the discriminator rejects that is real images with a wrong label, 0 to 1
    :param feature_matching: weight of feature matching in the generator's loss
    :param matched_features: whose features: the discriminator's, or those of a frozen classifier of the data
    :param label_fraction: share of the images whose labels the game `triple` may use
    :param augment: steps such as noise:0.1 salt-pepper:0.05 diffaugment brightness contrast translation:0.125 cutout:0.5
    :param augment_on: both: real and generated images (the target stays the same); real: real ones only (they become the target)
    :param batch_size: of all processes together
    :param lr_g: the generator's learning rate
    :param lr_d: the discriminator's
    :param lr_c: the classifier's
    :param beta1: Adam's
    :param beta2: Adam's
    :param clip: largest norm of a player's gradient; 0 for no limit
    :param schedule: of the learning rates, over --max-images
    :param final_lr: share of the learning rates that the schedule ends with
    :param ema_half_life: of the averaged generator, in images; 0 for no averaging
    :param precision: of the networks' arithmetic
    :param compile: run the networks through torch.compile
    :param accelerator: auto, cpu or cuda
    :param devices: processes on this machine, one per device
    :param nodes: machines
    :param threads: CPU threads; 0 for torch's choice
    :param log_every: images between two lines of metrics.jsonl
    :param sample_every: images between two sample grids; 0 for none but the last
    :param eval_every: images between two evaluations; 0 for none
    :param eval_metrics: what is evaluated then
    :param checkpoint_seconds: seconds between two savings
    :param tensorboard: write TensorBoard events
    :param progress: show a progress bar
    """

    model: str = tyro.MISSING
    data: str = tyro.MISSING
    out: Path = tyro.MISSING
    resume: bool = False
    config: Path | None = None
    root: Path | None = None
    classes: str | None = None
    transpose: bool | None = None
    invert: bool | None = None
    resize: str | None = None
    per_class: bool = False
    seed: int = 0
    max_images: int = 2_000_000
    max_minutes: float | None = None
    noise_dim: int = 100
    spectral_norm: bool = False
    options: tuple[str, ...] = ()
    game: str = "adversarial"
    loss: str = "non-saturating"
    critic_steps: int = 1
    gradient_penalty: float = 0.0
    r1: float = 0.0
    r2: float = 0.0
    auxiliary: float = 1.0
    mismatched: float = 0.0
    feature_matching: float = 0.0
    matched_features: Literal["discriminator", "classifier"] = "discriminator"
    label_fraction: float = 1.0
    augment: tuple[str, ...] = ()
    augment_on: Literal["both", "real"] = "both"
    batch_size: int = 64
    lr_g: float = 2e-4
    lr_d: float = 2e-4
    lr_c: float = 1e-3
    beta1: float = 0.5
    beta2: float = 0.999
    clip: float = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    final_lr: float = 0.0
    ema_half_life: int = 10_000
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = 1
    nodes: int = 1
    threads: int = 0
    log_every: int = 2_000
    sample_every: int = 20_000
    eval_every: int = 0
    eval_metrics: str = "fcd,kl"
    checkpoint_seconds: float = 60.0
    tensorboard: bool = True
    progress: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not isfinite(value):
                raise UserError(f"{_flag(field.name)} {value}: a finite number is needed.")
        positive = ("max_images", "max_minutes", "batch_size", "critic_steps", "devices", "nodes", "log_every", "lr_g", "lr_d", "lr_c")
        for name in (*positive, "noise_dim"):
            if isinstance(getattr(self, name), int | float) and getattr(self, name) <= 0:
                raise UserError(f"{_flag(name)} {getattr(self, name)}: more than 0 is needed.")
        for name in ("beta1", "beta2", "label_fraction", "final_lr", "mismatched"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{_flag(name)} {getattr(self, name)}: a number from 0 to 1 is needed.")
        weights = ("gradient_penalty", "r1", "r2", "auxiliary", "feature_matching")
        for name in (*weights, "clip", "ema_half_life", "seed", "threads", "sample_every", "eval_every", "checkpoint_seconds"):
            if getattr(self, name) < 0:
                raise UserError(f"{_flag(name)} {getattr(self, name)}: 0 or more is needed.")
        if self.threads > MOST_THREADS:
            raise UserError(f"--threads {self.threads}: at most {MOST_THREADS:,} are possible.")
        if self.batch_size % (self.devices * self.nodes):
            raise UserError(f"--batch-size {self.batch_size} can't be divided by {self.devices * self.nodes} processes.")
        for option in self.options:
            try:
                is_right = yaml.safe_load(option.partition("=")[2]) is not None
            except (yaml.YAMLError, ValueError):
                is_right = False
            if not is_right:
                raise UserError(f"--options {option}: 'name=value' is needed, such as width=32.")

    @property
    def model_options(self) -> dict[str, Any]:
        """``options`` by name, their values as YAML reads them."""
        return {name: yaml.safe_load(value) for name, _, value in (option.partition("=") for option in self.options)}

    def saved(self) -> dict[str, Any]:
        """What belongs into ``config.yml``: all but where the run is."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _ELSEWHERE}
        return {name: _plain(value) for name, value in values.items()}

    def changes(self, other: "Settings") -> list[str]:
        """What differs so that other weights would come out, such as ``lr_g 0.0002 -> 0.001``."""
        ours, theirs = self.saved(), other.saved()
        harmless = {*_HARMLESS, "max_images"} if self.schedule == "constant" else {*_HARMLESS}
        return [f"{name} {ours[name]} -> {theirs[name]}" for name in ours if ours[name] != theirs[name] and name not in harmless]


def _plain(value: Any) -> Any:
    """As YAML has it."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def shipped(model: str) -> Path:
    """Where the package has the settings of a model: inside the wheel, or beside the package in a checkout. There may be none."""
    package = Path(__file__).parents[1]
    folder = package / "hyperparams"
    return (folder if folder.is_dir() else package.parent / "hyperparams" / "gan") / f"{model}.yml"


def read(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, checked by name and type.

    :raises UserError: if it can't be read, or has something else in it
    """
    return _checked(_content(path), path)


def _content(path: Path) -> dict[str, Any]:
    """What a YAML file has by name."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: can't be read: {error}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise UserError(f"{path}{where}: not YAML: {reason}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: 'name: value' lines are needed.")
    return content


def _checked(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    hints = typing.get_type_hints(Settings)
    values = {}
    for name, value in content.items():
        if name not in hints or name in _ELSEWHERE:
            raise UserError(f"{path}: no setting is called {name!r}.{did_you_mean(str(name), hints)} `ca2-gan train --help` shows all.")
        try:
            values[name] = _converted(value, hints[name])
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"{path}: {name}: {short(value)} can't be what is needed here, {_described(hints[name])}.") from None
    return values


def _converted(value: Any, hint: Any) -> Any:
    """A value of a YAML file as the annotation has it; raises ValueError where it can't be."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _converted(value, next(option for option in arguments if option is not type(None)))
    if origin is Literal:
        return arguments[arguments.index(value)]
    if origin is tuple and isinstance(value, dict):
        return tuple(f"{name}={item}" for name, item in value.items())
    if origin is tuple:
        return tuple(_converted(item, str) for item in ([value] if isinstance(value, str) else value))
    if hint is float and not isinstance(value, bool):
        return float(value)  # also of '2e-4', which YAML reads as text
    if hint is Path:
        return Path(value)
    if hint is int and isinstance(value, str | float) and float(value).is_integer():
        return int(float(value))
    if type(value) is not hint:
        raise ValueError(value)
    return value


def _described(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " or ".join(typing.get_args(hint))
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, str(hint))


@dataclass(frozen=True)
class Facts:
    """What a run folder says of the run beside its settings.

    :param threads: that torch had
    :param folders: of a ``--per-class`` run, each class's folder in the run's, by class name
    """

    threads: int
    folders: dict[str, str]


def write(settings: Settings, folder: Path, **facts: Any) -> None:
    """Writes ``config.yml`` into a run folder, whole or not at all.

    :param facts: what ``read_run`` hands back, and more that is only worth knowing
    """
    content = settings.saved() | {"facts": facts}
    with whole_file(folder / CONFIG) as path:
        path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def read_run(folder: Path) -> tuple[Settings, Facts]:
    """Settings and facts of a run folder.

    :raises UserError: if there is no ``config.yml``, or a damaged one
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"{folder}: no {CONFIG}: no run of `ca2-gan train`.")
    content = _content(path)
    facts = _read_facts(content.pop("facts", None), path)
    values = _checked(content, path)
    if not values.keys() >= {"model", "data"}:
        raise UserError(f"{path}: damaged: no model or no data among its settings. Train again, in another --out.")
    try:
        return Settings(**values, out=folder), facts
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _read_facts(facts: Any, path: Path) -> Facts:
    """:raises UserError: if they are something else, or name a folder that is not right in the run's"""
    threads = facts.get("threads") if isinstance(facts, dict) else None
    if type(threads) is not int or threads < 1:
        raise UserError(f"{path}: damaged: no number of threads among its facts. Train again, in another --out.")
    folders, names = facts.get("folders", []), facts.get("class_names", [])
    for found in (folders, names):
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found) or len(found) != len(folders):
            raise UserError(f"{path}: damaged: the facts need a name and a folder for each class. Train again, in another --out.")
    for folder in folders:
        if Path(folder).name != folder or folder in ("", ".."):
            raise UserError(f"{path}: the folder {folder!r} of a class is not right in the run's folder. It is not opened.")
    return Facts(threads, dict(zip(names, folders, strict=True)))
