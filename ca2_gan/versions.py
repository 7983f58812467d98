"""Versions of the packages that results depend on."""

from importlib.metadata import version

PACKAGES = ("ca2", "torch", "torchvision", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Version of each package, by name."""
    return {name: version(name) for name in PACKAGES}
