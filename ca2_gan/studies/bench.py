"""What the models of a study are trained on and judged by: data, held-out images, extractors. Made once, sent to every training."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ca2_gan.data import Dataset
from ca2_gan.metrics.samples import Samples
from ca2_gan.metrics.suite import MOST, Suite, Verdict

METRICS = ("fcd", "kl", "prdc", "acc")
# A claim should hold by another network too
SECOND_METRICS = ("fcd", "prdc", "acc")
# Images that a point of a curve is made of: sampling takes longer than all metrics. The last model is judged with as many as there are
WATCHED = 500
# Of the samples, and of the choice of real images: the same for all
EVALUATION_SEED = 0


@dataclass(frozen=True)
class Bench:
    """One data set with its judges.

    :param name: as the user gave it
    :param train: training split
    :param suite: compares samples with the held-out split
    :param second: the same in the eyes of the second judge
    :param watched: images of a point of a curve
    """

    name: str
    train: Dataset
    suite: Suite
    second: Suite
    watched: int

    @classmethod
    def prepare(cls, name: str, data: Dataset) -> "Bench":
        """Splits the data, and trains the extractors unless they are in the cache.

        :raises UserError: if the data are too few
        """
        train, held_out = data.split()
        n = min(MOST, len(held_out))
        suite = Suite(METRICS, train, held_out, n, EVALUATION_SEED)
        second = Suite(SECOND_METRICS, train, held_out, n, EVALUATION_SEED, judge="second")
        return cls(name, train, suite, second, min(WATCHED, n))

    @property
    def extractors(self) -> dict[str, dict[str, Any]]:
        """By judge. Numbers of other hashes can't be compared."""
        return {
            judge: {"fingerprint": suite.extractors["classifier"].fingerprint, "held_out_accuracy": suite.accuracy}
            for judge, suite in (("first", self.suite), ("second", self.second))
        }

    @property
    def key(self) -> str:
        """Hash of the data and of all that judges."""
        judges = [extractor["fingerprint"] for extractor in self.extractors.values()]
        decides = [self.train.fingerprint, self.suite.n, self.watched, EVALUATION_SEED, METRICS, SECOND_METRICS, judges]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:16]

    def fcd(self, samples: Samples) -> float:
        """Only this, for a point of a curve."""
        number = self.suite.metrics["fcd"].compute(self.suite.reference, self.suite.view(samples))["fcd"]
        assert number is not None
        return number.value

    def facts(self) -> dict[str, Any]:
        """What tables and figures say of the data: the floor, and what could make a class easy or hard."""
        train, floor = self.train, self.suite.floor()
        chosen = np.random.default_rng(EVALUATION_SEED).permutation(len(train))[: self.watched]
        return {
            "fingerprint": train.fingerprint,
            "training_images": len(train),
            "n": self.suite.n,
            "extractors": self.extractors,
            "floor": judgement(floor) | {"second": scores(self.second.floor())},
            "watched": self.watched,
            "watched_floor": self.fcd(Samples("", train.images[chosen], train.labels[chosen])),
            "classes": {name: looks(train, label) for label, name in enumerate(train.class_names)},
        }


def judgement(verdict: Verdict) -> dict[str, Any]:
    """A verdict, ready for JSON."""
    return {
        "scores": scores(verdict),
        "classes": {
            row.name: {
                "n": row.n,
                "fcd": None if row.fcd is None else digits(row.fcd),
                "acc": None if row.acc is None else digits(row.acc),
                "share": digits(row.share),
            }
            for row in verdict.classes
        },
    }


def scores(verdict: Verdict) -> dict[str, float | None]:
    """Its numbers, ready for JSON."""
    return {name: None if value is None else digits(value) for name, value in verdict.scores.items()}


def looks(data: Dataset, label: int) -> dict[str, float]:
    """Share of ink of a class, and the variance of a pixel within it, mean over the pixels, white being 1."""
    images = data.images[data.labels == label].astype(np.float32) / 255
    return {"ink": digits(float(images.mean())), "variance": digits(float(images.var(axis=0).mean()))}


def digits(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")
