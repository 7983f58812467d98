"""Statistics of ratings: intervals of shares, and agreement of raters."""

import math
from collections.abc import Sequence

import numpy as np

Z = 1.959963984540054  # of the normal distribution, for 95 %


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927): the shares that a score test would not reject; 0 to 1 without trials."""
    if not trials:
        return 0.0, 1.0
    share, spread = successes / trials, Z**2 / trials
    middle = share + spread / 2
    half = Z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    # Rounding would move ends of exactly 0 and 1
    return 0.0 if successes == 0 else low, 1.0 if successes == trials else high


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Agreement of two raters beyond chance (Cohen 1960): 1 at best, 0 as by chance; NaN if chance alone would always agree.

    :param first: categories, one for each item
    :param second: the other rater's, of the same items
    """
    categories = sorted({*first, *second})
    a, b = (np.array([[answer == category for category in categories] for answer in answers], dtype=float) for answers in (first, second))
    return _beyond_chance(float((a * b).sum(axis=1).mean()), float((a.mean(axis=0) * b.mean(axis=0)).sum())) if len(first) else math.nan


def fleiss_kappa(answers: Sequence[Sequence[str]]) -> float:
    """Agreement of two or more raters beyond chance (Fleiss 1971); NaN if chance alone would always agree.

    :param answers: categories, [items][raters]
    """
    categories = sorted({answer for item in answers for answer in item})
    counts = np.array([[list(item).count(category) for category in categories] for item in answers], dtype=float)
    if not counts.size:
        return math.nan
    raters = counts[0].sum()
    agreement = ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1))
    return _beyond_chance(float(agreement.mean()), float((counts.mean(axis=0) / raters) @ (counts.mean(axis=0) / raters)))


def _beyond_chance(observed: float, by_chance: float) -> float:
    return math.nan if by_chance >= 1 else (observed - by_chance) / (1 - by_chance)
