"""The pages of ``ca2-gan play`` by path: static files, and files that are made from models on request."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import ca2_core.play
from ca2_core.play.lessons import read_lessons
from ca2_core.play.server import Content, static
from ca2_gan.folders import plain_name
from ca2_gan.gan import GAN
from ca2_gan.loading import is_pretrained, load
from ca2_gan.models.per_class import PerClassGenerator
from ca2_gan.play import judges, programs
from ca2_gan.training.config import CONFIG, read_run
from ca2_gan.training.records import kept_generators

STATIC = Path(__file__).parent / "static"
LESSONS = Path(__file__).parent / "lessons"
CORE = Path(ca2_core.play.__file__).parent / "static"
RATING = "/rate"  # start of the paths of the rating page


@dataclass(frozen=True)
class Shown:
    """A model on the page.

    :param name: name or path that the user gave
    :param data: name of the data that it was trained on, such as ``glyphs``; empty if unknown
    :param kept: folders of the generators kept during the training, by the images that they have seen
    """

    name: str
    gan: GAN
    data: str
    kept: dict[int, Path]


def open_models(names: Iterable[str]) -> list[Shown]:
    """Opens models and runs by name or folder.

    :raises UserError: if one can't be loaded
    """
    return [_open(name) for name in names]


def _open(name: str) -> Shown:
    folder = Path(name)
    if folder.is_dir() and (folder / CONFIG).is_file():
        config, _ = read_run(folder)
        changed = config.data.resize or config.data.cases
        kept = {int(path.name): path for path in kept_generators(folder)}
        return Shown(name, load(name), "" if changed else config.data.source, kept)
    return Shown(name, load(name), name.partition("/")[2] if not folder.is_dir() and is_pretrained(name) else "", {})


def pages(models: Iterable[Shown]) -> dict[str, Content]:
    """The server's content by path."""
    shown = dict(zip(*_keys(models), strict=True))
    found: dict[str, Content] = {path: file for path, file in static(STATIC).items() if not path.startswith(RATING)} | {
        "/": STATIC / "letters.html"
    }
    found |= static(CORE, "/core/")
    found["/lessons.json"] = json.dumps(read_lessons(LESSONS)).encode()
    found["/models.json"] = json.dumps([_describe(key, model) for key, model in shown.items()]).encode()
    for key, model in shown.items():
        found |= {f"/models/{key}/{path}": once(make) for path, make in _files(model).items()}
    for data in {model.data for model in shown.values()} & set(judges.CLASS_NAMES):
        found[f"/data/{data}/classifier.bin"] = once(lambda data=data: judges.classifier_program(data).pack_whole())  # type: ignore[misc]
        if data in judges.OPEN_DATA:
            found[f"/data/{data}/nearest.bin"] = once(lambda data=data: judges.pack_training_images(data))  # type: ignore[misc]
    return found


def _keys(models: Iterable[Shown]) -> tuple[list[str], list[Shown]]:
    """A unique name in paths for each model."""
    models, keys = list(models), []
    for model in models:
        key = plain_name(model.name).strip("-") or "model"
        while key in keys:
            key += "-"
        keys.append(key)
    return keys, models


def _describe(key: str, model: Shown) -> dict[str, Any]:
    """The description of a model that the page gets."""
    gan = model.gan
    return {
        "key": key,
        "name": model.name,
        "model": gan.spec.name,
        "shape": gan.spec.image_shape,
        "noise": gan.spec.noise_dim,
        "classes": gan.class_names if gan.is_conditional else [],
        "perClass": isinstance(gan.generator, PerClassGenerator),
        "kept": sorted(model.kept),
        "discriminator": gan.discriminator is not None,
        "data": model.data,
        "guesses": judges.CLASS_NAMES.get(model.data, []) if gan.spec.image_shape == (1, 28, 28) else [],
        "nearest": judges.NEIGHBOURS if model.data in judges.OPEN_DATA and gan.spec.image_shape == (1, 28, 28) else 0,
    }


def _files(model: Shown) -> dict[str, Callable[[], bytes]]:
    """Functions that make the files of a model, by paths in its folder."""
    files: dict[str, Callable[[], bytes]] = {
        "generator.bin": lambda: programs.generator_program(model.gan).pack_whole(),
        "directions.bin": lambda: programs.directions(model.gan).numpy().astype("<f4").tobytes(),
    }
    if model.gan.discriminator is not None:
        files["discriminator.bin"] = lambda: programs.discriminator_program(model.gan).pack_whole()
    if isinstance(model.gan.generator, PerClassGenerator):
        for label in range(model.gan.spec.num_classes):
            files[f"classes/{label}.bin"] = lambda label=label: programs.generator_program(model.gan, label).pack_whole()  # type: ignore[misc]
    for images, folder in model.kept.items():
        files[f"kept/{images}.bin"] = lambda folder=folder: programs.generator_program(load(folder)).pack_whole()  # type: ignore[misc]
    return files


# One at a time: PyTorch's export is not thread-safe
_MAKING = Lock()


def once(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """A function that makes bytes at its first call and keeps them for later calls."""
    kept: list[bytes] = []

    def get() -> bytes:
        with _MAKING:
            if not kept:
                kept.append(make())
            return kept[0]

    return get
