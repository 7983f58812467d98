"""``ca2-gan study overview`` with two tiny models on bars, as a process that tests can kill."""

import dataclasses
import sys
from unittest.mock import patch

import numpy as np

from ca2_gan import cli
from ca2_gan.data.cleaning import Raw, clean
from ca2_gan.metrics import classifier
from ca2_gan.studies import command, overview
from ca2_gan.studies.bench import Bench
from ca2_gan.studies.jobs import Variant

TINY = {"model": "dcgan_radford", "options": ("width=8",)}


def main() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300, dtype=np.int64) % 3
    images = (rng.integers(0, 60, (300, 16, 16)) + 60 * labels[:, None, None]).astype(np.uint8)
    with patch.multiple(classifier, FEWEST=256, MOST=256):
        bench = Bench.prepare("bars", clean(Raw("bars", images, labels, dict(enumerate("ABC")))))
    variants = [Variant(f"batches of {n}", TINY | {"batch_size": n}) for n in (4, 8)]
    with (
        patch.object(overview, "STUDY", dataclasses.replace(overview.STUDY, variants=lambda: variants)),
        patch.object(command, "prepare", lambda _: {"bars": bench}),
        patch.object(sys, "argv", ["ca2-gan", "study", "overview", "--images", "24", *sys.argv[1:]]),
    ):
        cli.main()


if __name__ == "__main__":
    main()
