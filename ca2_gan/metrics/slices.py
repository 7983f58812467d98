"""How well the images of each group, such as capitals or one writer's, are covered."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ca2_gan.data.attributes import find_attribute
from ca2_gan.metrics.neighbours import precision_recall_density_coverage
from ca2_gan.metrics.view import View


@dataclass(frozen=True)
class Slice:
    """Real images of one group, compared with all generated ones.

    :param name: name of the group, such as "yes" or "-0.1 to 0.05"
    :param recall: which of them are within reach of a fake, bool [n]
    :param coverage: which of them have a fake within their reach, bool [n]
    """

    name: str
    recall: NDArray[np.bool_]
    coverage: NDArray[np.bool_]


def score_slices(real: View, fake: View, name: str) -> tuple[Slice, ...]:
    """Recall and coverage, as in ``prdc``, for each group of an attribute of the real images.

    :param name: name of the attribute
    :raises UserError: if the real images have no such attribute
    """
    attribute = find_attribute(real.samples.attributes, name, real.samples.name)
    found = precision_recall_density_coverage(real.features("classifier"), fake.features("classifier"))
    members = [attribute.groups == group for group in range(len(attribute.names))]
    return tuple(Slice(group, found["recall"][own], found["coverage"][own]) for group, own in zip(attribute.names, members, strict=True))
