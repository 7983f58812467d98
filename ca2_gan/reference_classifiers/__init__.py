"""Shipped weights of reference classifiers, so that everyone's numbers on the same data come from the same networks.

A classifier that is retrained on another CPU or with another PyTorch has other weights, and so gives other distances.
``scripts/publish_classifiers.py`` makes the files, DATA-FINGERPRINT-SEED.safetensors.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def shipped_weights(fingerprint: str, seed: int) -> Path:
    """Path of the shipped weights; if there are none, a path that does not exist.

    :param fingerprint: fingerprint of the training split
    :param seed: seed of the classifier's recipe
    """
    return next(FOLDER.glob(f"*-{fingerprint}-{seed}.safetensors"), FOLDER / "none")
