"""Versions of the packages that decide numbers."""

from importlib.metadata import version

PACKAGES = ("ca2", "torch", "torchvision", "numpy", "scipy")


def versions() -> dict[str, str]:
    """By package."""
    return {name: version(name) for name in PACKAGES}
