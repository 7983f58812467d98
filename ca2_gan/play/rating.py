"""Blind ratings: samples of several sources mixed with real images, raters' answers, and the report on them."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from threading import Lock
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError
from ca2_core.files import whole_file, write_json
from ca2_core.play.server import Content, Receive
from ca2_gan.metrics.samples import Samples
from ca2_gan.play.agreement import cohen_kappa, fleiss_kappa, wilson
from ca2_gan.play.site import CORE, STATIC

ITEMS, RATINGS, REPORT = "items.npz", "ratings", "report.json"
ANSWERS = ("clear", "marginal", "nonsense")
REAL = "real"
LONGEST = 40  # of a rater's name and of a letter
UNKNOWN = -1  # label of an image of unknown class


@dataclass(frozen=True)
class Items:
    """The images to rate, in random order.

    :param images: uint8 [N, C, H, W]
    :param labels: class of each image, int64 [N]; -1 if unknown
    :param sources: source of each image, as a position in ``names``, [N]
    :param names: names of the sources
    :param class_names: names of the labels
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]
    names: tuple[str, ...]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def mix(samples: Sequence[Samples], class_names: Sequence[str], seed: int) -> Items:
    """Mixes all images in random order.

    :param samples: images of each source
    :raises UserError: if a label is not a class of the data
    """
    known = [sample.among(class_names) for sample in samples]
    labels = [np.full(len(sample), UNKNOWN) if sample.labels is None else sample.labels for sample in known]
    order = np.random.default_rng(seed).permutation(sum(map(len, known)))
    numbers = np.repeat(np.arange(len(known)), [len(sample) for sample in known])
    images = np.concatenate([sample.images for sample in known])
    return Items(images[order], np.concatenate(labels)[order], numbers[order], tuple(x.name for x in samples), tuple(class_names))


def write_items(items: Items, out: Path) -> None:
    """Writes the images to rate into a folder, whole or not at all."""
    with whole_file(out / ITEMS) as path:
        arrays: dict[str, Any] = {"images": items.images, "labels": items.labels, "sources": items.sources}
        np.savez_compressed(path, names=np.array(items.names), class_names=np.array(items.class_names), **arrays)


def read_items(out: Path) -> Items:
    """Reads the images to rate in a folder.

    :raises UserError: if there are none, or the file is damaged
    """
    path = out / ITEMS
    try:
        with np.load(path, allow_pickle=False) as found:
            names, classes = (tuple(found[key].tolist()) for key in ("names", "class_names"))
            items = Items(found["images"], found["labels"], found["sources"], names, classes)
    except FileNotFoundError:
        raise UserError(f"{out}: no {ITEMS}: nothing has been rated there. `ca2-gan rate X --data D --out {out}` begins.") from None
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        raise UserError(f"{path}: damaged ({error}). Give another --out.") from error
    return items


def check_rater(name: str) -> str:
    """:raises UserError: if a rater's name is not fit for a file name"""
    if not re.fullmatch(r"[\w-]+", name) or len(name) > LONGEST:
        raise UserError(f"rater {name!r}: letters, digits, _ and - are possible, at most {LONGEST}.")
    return name


def read_answers(path: Path) -> dict[int, dict[str, Any]]:
    """A rater's answers by number of the item, in their order; none if the rater is new.

    :raises UserError: if the file is damaged
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {int(item): _checked(answer) for item, answer in content["answers"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: not a rater's answers, or damaged ({error}). Remove the file to begin again.") from error


def _checked(answer: Any) -> dict[str, Any]:
    """:raises UserError: if it is not an answer"""
    kind, letter = (answer.get("answer"), answer.get("letter")) if isinstance(answer, dict) else (None, None)
    if kind not in ANSWERS or not (letter is None or (isinstance(letter, str) and 0 < len(letter) <= LONGEST)):
        raise UserError(f"an answer is one of {', '.join(ANSWERS)}, with a letter or without.")
    return {"answer": kind, "letter": letter}


class Session:
    """One rater's answers, which are written after each.

    :param out: folder of the items
    :raises UserError: if earlier answers are damaged, or the rater's name is not fit for a file name
    """

    def __init__(self, items: Items, out: Path, rater: str):
        self.items, self.rater = items, check_rater(rater)
        self.path = out / RATINGS / f"{rater}.json"
        self.answers = read_answers(self.path)
        self.lock = Lock()

    def order(self) -> list[int]:
        """Numbers of the items in this rater's order."""
        order: list[int] = np.random.default_rng(list(self.rater.encode())).permutation(len(self.items)).tolist()
        return order

    def describe(self) -> dict[str, Any]:
        """The content of the page, without the sources."""
        with self.lock:
            answers = [{"item": item} | answer for item, answer in self.answers.items()]
        shape = self.items.images.shape[1:]
        return {"rater": self.rater, "shape": shape, "classes": self.items.class_names, "order": self.order(), "answers": answers}

    def receive(self, sent: Any) -> dict[str, int]:
        """Saves an answer such as ``{"item": 3, "answer": "clear", "letter": "Q"}``; an answer of null removes the earlier one.

        :raises UserError: if it is not an answer
        """
        item = sent.get("item") if isinstance(sent, dict) else None
        if type(item) is not int or not 0 <= item < len(self.items):
            raise UserError("there is no such item.")
        with self.lock:
            changed = {number: answer for number, answer in read_answers(self.path).items() if number != item}
            if sent.get("answer") is not None:
                changed[item] = _checked(sent)
            write_json(self.path, {"rater": self.rater, "answers": changed})
            self.answers = changed
        return {"answered": len(changed)}


def pages(session: Session) -> tuple[dict[str, Content], dict[str, Receive]]:
    """The server's content by path, and the functions that receive answers."""
    found: dict[str, Content] = {"/": STATIC / "rate.html"}
    found |= {f"/core/{name}": CORE / name for name in ("ask.js", "page.js", "style.css")}
    found |= {f"/{path.name}": path for path in STATIC.glob("rate*")} | {f"/{name}": STATIC / name for name in ("draw.js", "letters.css")}
    found["/session.json"] = lambda: json.dumps(session.describe()).encode()
    found["/images.bin"] = session.items.images.tobytes()
    return found, {"/answer": session.receive}


def report(out: Path) -> dict[str, Any]:
    """Summarises the answers of all raters of a folder.

    :return: ``sources`` by name: for each, the counts and shares of the answers and of the letters read right, with 95 % intervals;
        ``agreement`` of the raters
    :raises UserError: if nobody has rated, or files are damaged
    """
    items = read_items(out)
    raters = {path.stem: read_answers(path) for path in sorted((out / RATINGS).glob("*.json"))}
    raters = {name: {item: given for item, given in answers.items() if item < len(items)} for name, answers in raters.items() if answers}
    if not raters:
        raise UserError(f"{out}: nobody has rated yet.")
    sources = {name: _of_source(items, number, raters.values()) for number, name in enumerate(items.names)}
    return {"items": len(items), "raters": {name: len(answers) for name, answers in raters.items()}} | {
        "sources": sources,
        "agreement": _agreement(raters),
    }


def _of_source(items: Items, number: int, raters: Any) -> dict[str, Any]:
    given = [(item, answer) for answers in raters for item, answer in answers.items() if items.sources[item] == number]
    read = [
        (items.class_names[items.labels[item]], answer["letter"]) for item, answer in given if answer["letter"] and items.labels[item] >= 0
    ]
    right = sum(_is_same(letter, name, items.class_names) for name, letter in read)
    kinds = {kind: _share(sum(answer["answer"] == kind for _, answer in given), len(given)) for kind in ANSWERS}
    return {"answers": len(given), **kinds, "read_right": _share(right, len(read))}


def _is_same(letter: str, name: str, class_names: Sequence[str]) -> bool:
    """Whether a letter is the name of a class; case matters only where both cases are classes."""
    return letter == name or (letter not in class_names and letter.lower() == name.lower())


def _share(count: int, trials: int) -> dict[str, Any]:
    low, high = wilson(count, trials)
    return {"count": count, "of": trials, "share": count / trials if trials else None, "low": low, "high": high}


def _agreement(raters: Mapping[str, Mapping[int, dict[str, Any]]]) -> dict[str, Any]:
    """Agreement on the items that all have rated: Cohen's kappa of two raters, Fleiss' of more."""
    if len(raters) < 2:
        return {"statistic": None, "items": 0, "kappa": None}
    common = sorted(set.intersection(*(set(answers) for answers in raters.values())))
    table = [[answers[item]["answer"] for answers in raters.values()] for item in common]
    if len(raters) == 2:
        kappa = cohen_kappa([row[0] for row in table], [row[1] for row in table])
        return {"statistic": "Cohen's kappa", "items": len(common), "kappa": _or_none(kappa)}
    pairs = {
        f"{a} and {b}": _or_none(
            cohen_kappa([raters[a][item]["answer"] for item in common], [raters[b][item]["answer"] for item in common])
        )
        for a, b in combinations(raters, 2)
    }
    return {"statistic": "Fleiss' kappa", "items": len(common), "kappa": _or_none(fleiss_kappa(table)), "pairs": pairs}


def _or_none(value: float) -> float | None:
    """None for NaN, which JSON does not allow."""
    return None if math.isnan(value) else value
