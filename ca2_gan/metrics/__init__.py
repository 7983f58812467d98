"""Metrics that compare generated images with real ones: one file for each metric, named as in the registry."""

from ca2_gan.metrics import (  # noqa: F401  (they register themselves)
    acc,
    cas,
    classifier,
    diversity,
    fcd,
    fid,
    fld,
    inception,
    intra,
    isc,
    kcd,
    kid,
    kl,
    memorised,
    mind,
    prdc,
)
from ca2_gan.metrics.bootstrap import Missing, Number, mean
from ca2_gan.metrics.extractors import Module, Seen, Setup
from ca2_gan.metrics.frechet import Moments, frechet_distance, moments
from ca2_gan.metrics.metric import Column, Metric, Score
from ca2_gan.metrics.view import Reference, View

__all__ = [
    "Column",
    "Metric",
    "Missing",
    "Module",
    "Moments",
    "Number",
    "Reference",
    "Score",
    "Seen",
    "Setup",
    "View",
    "frechet_distance",
    "mean",
    "moments",
]
