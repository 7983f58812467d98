"""Weights of reference classifiers that come with the package, so that everyone's numbers on the same data are by the same networks.

Training one again gives other weights, and so other distances, on another processor or with another PyTorch.
``scripts/publish_classifiers.py`` makes the files, DATA-FINGERPRINT-SEED.safetensors.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def shipped_weights(fingerprint: str, seed: int) -> Path:
    """Where the weights are, if there are any.

    :param fingerprint: of the training split
    :param seed: of the classifier's recipe
    """
    return next(FOLDER.glob(f"*-{fingerprint}-{seed}.safetensors"), FOLDER / "none")
