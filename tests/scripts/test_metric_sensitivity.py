"""What each metric notices, on glyphs; docs/gan/metrics.md shows it on MNIST."""

import numpy as np
import pytest
from corruptions import CORRUPTIONS, NOTICED, Sweep, moved

from ca2_core.errors import UserError
from ca2_gan.data import load_data
from ca2_gan.registry import metrics

NAMES = [name for name in metrics.list() if metrics.get(name).extractor != "inception" and name != "cas"]  # cas: test_evaluate.py
N = 250  # with 100, some processors' classifier saw too little in them


def keys(name):
    return [column.key for column in metrics.get(name).columns]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By corruption and column: by how many deviations a number has moved, with half and with all of the strength."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CA2_GAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        for limit in ("FEWEST", "MOST"):
            patch.setattr(f"ca2_gan.metrics.classifier.{limit}", 12_800)
        data = load_data("glyphs", size=40_000, classes=tuple("AEKOQ"))
        sweep = Sweep(NAMES, data.train, data.test, N)
        untouched = list(sweep.untouched())
        moves = {}
        for run in sweep.run((0.5, 1.0)):
            for key, score in run["scores"].items():
                moves.setdefault((run["corruption"], key), []).append(moved(score, [scores[key] for scores in untouched], N))
    return moves


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_notices_something(name, found):
    assert any(abs(found[corruption, key][-1]) > NOTICED for corruption in CORRUPTIONS for key in keys(name))


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_every_corruption_is_noticed(corruption, found):
    assert any(abs(moves[-1]) > NOTICED for (name, _), moves in found.items() if name == corruption)


@pytest.mark.parametrize("corruption", ["noise", "blur", "bold strokes", "a hole", "blended", "classes dropped", "one image repeated"])
def test_distances_grow_with_what_is_seen_in_the_images(corruption, found):
    for key in ("fcd", "kcd", "mind"):
        half, whole = found[corruption, key]
        assert whole > NOTICED
        assert whole > half


@pytest.mark.parametrize(
    ("corruption", "key", "is_up"),
    [
        ("noise", "kl_pixel", True),
        ("classes dropped", "kl_class", True),
        ("classes dropped", "coverage", False),
        ("one image repeated", "recall", False),
        ("one image repeated", "coverage", False),
        ("training images copied", "copied", True),
        ("training images copied", "nearer", True),
        ("labels wrong", "acc", False),
        ("labels wrong", "intra", True),
        ("one class repeated", "diversity_min", False),
        ("one class repeated", "near_duplicates", True),
        ("nearly repeated", "diversity", False),
        ("nearly repeated", "near_duplicates", True),
        ("training images copied", "fld", True),
        ("blended", "mind", True),
        ("classes dropped", "isc", False),
    ],
)
def test_what_it_is_for(corruption, key, is_up, found):
    move = found[corruption, key][-1]
    assert abs(move) > NOTICED
    assert (move > 0) == is_up


@pytest.mark.parametrize("key", ["fcd", "kcd", "kl_class", "kl_pixel", "precision", "recall", "density", "coverage"])
def test_wrong_labels_do_not_reach_what_ignores_labels(key, found):
    assert abs(found["labels wrong", key][-1]) < NOTICED


def test_copies_are_noticed_by_the_metrics_of_copies_only(found):
    assert not [
        key
        for (name, key), moves in found.items()
        if name == "training images copied" and abs(moves[-1]) > 3 * NOTICED and key not in ("copied", "nearer", "fld")
    ]


def test_too_few_images():
    with pytest.raises(UserError, match="needs 4,000"):
        Sweep(["fcd"], (data := load_data("glyphs", size=2000)).train, data.test, 1000)


def test_a_number_that_is_gone_has_moved():
    assert moved(np.nan, [1.0, 2.0], 10) == np.inf
    assert moved(0.5, [0.0, 0.0], 10) == 5
