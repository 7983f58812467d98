"""How good generated images are, measured in several ways against real ones."""

from ca2_gan.metrics import entries as _entries  # noqa: F401  (registers the metrics)
from ca2_gan.metrics.frechet import Moments, frechet_distance, moments
from ca2_gan.metrics.neighbours import PRDC, prdc
from ca2_gan.metrics.suite import Suite, Verdict

__all__ = ["PRDC", "Moments", "Suite", "Verdict", "frechet_distance", "moments", "prdc"]
