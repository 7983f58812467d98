"""Attributes: what a source says about each image apart from its class, such as its case or who wrote it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_core.errors import UserError, did_you_mean

# Largest number of values that are shown one by one
FEW = 12
# Number of ranges into which numbers are cut
PARTS = 5


@dataclass(frozen=True)
class Attribute:
    """An attribute, cut into groups of images.

    :param values: value of each image, [N]
    :param names: names of the G groups
    :param groups: group of each image, [N]
    """

    name: str
    values: NDArray[Any]
    names: tuple[str, ...]
    groups: NDArray[np.intp]

    @property
    def is_number(self) -> bool:
        """Whether its groups are ranges of a number."""
        return self.values.dtype.kind == "f"

    @property
    def text(self) -> str:
        """A summary in a few words."""
        counts = np.bincount(self.groups, minlength=len(self.names))
        if self.is_number:
            return f"{self.values.min():.3g} to {self.values.max():.3g}, mean {self.values.mean():.3g}"
        if len(self.names) > FEW:
            return f"{len(self.names):,} values, of {counts.min():,} to {counts.max():,} images each"
        return ", ".join(f"{name} {count:,}" for name, count in zip(self.names, counts, strict=True))


def attributes_of(attributes: Mapping[str, NDArray[Any]]) -> Iterator[Attribute]:
    """The attributes that have one value for each image."""
    for name, values in attributes.items():
        if values.ndim == 1 and len(values) and values.dtype.kind in "biufUS":
            yield cut(name, values)


def find_attribute(attributes: Mapping[str, NDArray[Any]], name: str, source: str) -> Attribute:
    """The attribute of that name.

    :raises UserError: if the data have no such attribute
    """
    known = {attribute.name: attribute for attribute in attributes_of(attributes)}
    if name not in known:
        has = f"There are {', '.join(known)}." if known else "Its images have none."
        raise UserError(f"{source}: no attribute {name!r}.{did_you_mean(name, known)} {has}")
    return known[name]


def cut(name: str, values: NDArray[Any]) -> Attribute:
    """Groups images by value; floats are cut into five ranges with about as many images each."""
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, 0)
        bounds = np.unique(np.quantile(values, np.linspace(0, 1, PARTS + 1)))
        groups = np.clip(np.searchsorted(bounds, values, "right") - 1, 0, max(len(bounds) - 2, 0))
        ends = list(pairwise(bounds)) or [(bounds[0], bounds[0])]
        return Attribute(name, values, tuple(f"{low:.3g} to {high:.3g}" for low, high in ends), groups)
    found, groups = np.unique(values, return_inverse=True)
    names = [{True: "yes", False: "no"}[bool(value)] if values.dtype.kind == "b" else str(value) for value in found]
    return Attribute(name, values, tuple(names), groups)
