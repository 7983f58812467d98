"""What a metric is, and what comes out of one."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ca2_gan.metrics.bootstrap import Missing, Number
from ca2_gan.metrics.view import Reference, View

Better = Literal["lower", "higher", "like real"]
Kind = Literal["distance", "share", "ratio"]


@dataclass(frozen=True)
class Column:
    """What one number of a metric says.

    :param key: of the number, unique among all metrics
    :param heading: what it is called in tables
    :param better: which direction is; "like real" if the best is what real images get
    :param kind: a distance has 0 for no difference, a share goes from 0 to 1, a ratio may exceed 1
    """

    key: str
    heading: str
    better: Better
    kind: Kind


@dataclass(frozen=True)
class Score:
    """One number of an evaluation.

    :param value: None if there is none; ``note`` says why
    :param low: lower end of its 95 % interval; None without one
    :param high: upper end
    :param better: which direction is: "lower", "higher" or "like real", that is what real images get
    :param kind: "distance", "share" or "ratio"
    :param note: what to know when reading it; empty if nothing
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    better: Better = "lower"
    kind: Kind = "distance"
    note: str = ""


Numbers = Mapping[str, Number | Missing]


class Metric:
    """Compares images with real ones, and gives one or several numbers. The first line of its docstring is what lists show.

    Subclasses say what differs from here, and compute. Instances are registered.
    """

    columns: tuple[Column, ...]
    extractor: str | None = "classifier"  # name of the network through which it looks at images; None if it needs none
    fewest = 2  # images that it needs on each side
    needs_training_images = False
    knows_training_images = False  # whether these would come out better than new ones: its floor is held-out images against themselves
    suffix = ""  # of its keys

    @property
    def learns_from_training_images(self) -> bool:
        """Whether it, or the network that it looks through, needs labelled images that are not compared."""
        return self.extractor == "classifier" or self.needs_training_images

    def compute(self, reference: Reference, fake: View) -> Numbers:
        """The numbers by key.

        :param reference: the real images, and what else is known of them
        :param fake: the images in question
        """
        raise NotImplementedError

    def through(self, extractor: str) -> "Metric":
        """The same metric with the features of another network; ``:extractor`` is added to its keys."""
        other = copy.copy(self)
        other.extractor, other.suffix = extractor, f":{extractor}"
        other.columns = tuple(
            replace(column, key=column.key + other.suffix, heading=f"{column.heading} ({extractor})") for column in self.columns
        )
        return other
