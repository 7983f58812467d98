"""The interface of metrics, and their results."""

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
    """Describes one number of a metric.

    :param key: key of the number, unique among all metrics
    :param heading: heading in tables
    :param better: which direction is better; "like real" if the number of real images is best
    :param kind: a distance is 0 for no difference, a share goes from 0 to 1, a ratio may exceed 1
    """

    key: str
    heading: str
    better: Better
    kind: Kind


@dataclass(frozen=True)
class Score:
    """One number of an evaluation.

    :param value: the number; None if there is none, for the reason in ``note``
    :param low: lower end of its 95 % interval; None without one
    :param high: upper end
    :param better: which direction is better, "lower" or "higher"; "like real" if the number of real images is best
    :param kind: "distance", "share" or "ratio"
    :param note: what readers of the number should know; may be empty
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    better: Better = "lower"
    kind: Kind = "distance"
    note: str = ""


Numbers = Mapping[str, Number | Missing]


class Metric:
    """Compares images with real ones by one or several numbers. Lists show the first line of its docstring.

    Subclasses override ``compute`` and the attributes that differ. Instances are registered.
    """

    columns: tuple[Column, ...]
    extractor: str | None = "classifier"  # name of the network whose features it uses; None if it uses none
    fewest = 2  # least number of images on each side
    needs_training_images = False
    knows_training_images = False  # whether training images score better than new ones can; then held-out ones give the floor
    suffix = ""  # of its keys

    @property
    def learns_from_training_images(self) -> bool:
        """Whether the metric or its network needs labelled training images, which are not compared."""
        return self.extractor == "classifier" or self.needs_training_images

    def compute(self, reference: Reference, fake: View) -> Numbers:
        """The numbers by key.

        :param reference: the real images, with training images and class names
        :param fake: the images to score
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
