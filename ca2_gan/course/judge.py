"""Checks of the exercise ``judge``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca2_core.course.exercise import expect
from ca2_core.course.student import Student
from ca2_core.course.values import as_number
from ca2_gan.metrics.frechet import frechet_distance, moments

Array = NDArray[np.float64]

DIMENSIONS = 24
SIZES = {"fake": 1200, "train": 3000, "test": 150}
DRAWS, EXPERIMENTS = 30, 12


def is_the_formula(student: Student) -> None:
    """`frechet` is |mu_x - mu_y|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2))."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(5, 5))
    cases = {
        "two sets that differ in the mean only": (x := rng.normal(size=(2000, 5)), x + 2.0),
        "two sets that differ in scale only": (x, 3 * (x - x.mean(axis=0)) + x.mean(axis=0)),
        "two sets with correlated features": (x @ mixed, rng.normal(size=(1500, 5)) + 0.5),
    }
    for what, (one, other) in cases.items():
        found, wanted = _frechet(student, one, other, what), frechet_distance(moments(one), moments(other))
        expect(abs(found - np.sqrt(max(wanted, 0))) > 1e-2 * found, f"of {what}, frechet is the root of what the formula gives.")
        expect(_near(found, wanted), f"of {what}, frechet is {found:.4f}, where {wanted:.4f} is right.")


def is_zero_for_the_same(student: Student) -> None:
    """The distance of a set to itself is 0, and both directions are alike."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(400, 6)), rng.normal(size=(300, 6)) * 2
    same = _frechet(student, x, x.copy(), "a set and its copy")
    expect(abs(same) < 1e-3, f"the distance of a set to itself is {same:.4f}.")
    there, back = _frechet(student, x, y, "two sets"), _frechet(student, y, x, "the same, exchanged")
    expect(_near(there, back), f"frechet(x, y) is {there:.4f}, frechet(y, x) is {back:.4f}.")


def stays_real(student: Student) -> None:
    """It is a real number also where the covariances have no inverse."""
    rng = np.random.default_rng(2)
    few, dead = rng.normal(size=(2, 20, 64)), np.maximum(rng.normal(size=(2, 400, 12)), 0)
    dead[:, :, 7:] = 0
    plane = rng.normal(size=(2, 400, 3)) @ rng.normal(size=(3, 30))
    cases = {
        "20 vectors of 64 features": few,
        "features that are always 0, as after a ReLU": dead,
        "30 features that are mixtures of 3": plane + np.array([0.0, 0.2])[:, None, None],
        "the same 30 features of one set, twice": np.stack([plane[0], plane[0]]),
    }
    for what, (one, other) in cases.items():
        found, wanted = _frechet(student, one, other, what), frechet_distance(moments(one), moments(other))
        expect(found > -1e-2, f"of {what}, frechet is {found:.4f}: no distance is below 0.")
        expect(_near(found, wanted), f"of {what}, frechet is {found:.4f}, where {wanted:.4f} is right.")


def compares_with_held_out_images(student: Student) -> None:
    """`judge` compares the fakes with held-out images, not with those that the generator learned from."""
    sets = _sets(3)
    sets["fake"] = sets["train"][: SIZES["fake"]].copy()  # a generator that memorised its images
    found, _ = _judged(student, sets)
    low, high = _range(sets["fake"], sets["test"])
    heart = "A generator that has memorised its images gets 0 then"
    expect(
        found > low / 4, f"copies of the training images get a score of {found:.3f}. Fakes are compared with the training images. {heart}."
    )
    whole = frechet_distance(moments(sets["fake"]), moments(sets["test"]))
    uneven = "Take as many vectors of each set as the smallest has: the fewer vectors, the larger the distance."
    expect(
        low <= found <= high or not _near(found, whole),
        f"the score is that of {len(sets['fake'])} fakes against {len(sets['test'])}. {uneven}",
    )
    expect(
        low <= found <= high,
        f"the score is {found:.3f}; with {SIZES['test']} vectors on each side it lies between {low:.3f} and {high:.3f}.",
    )


def has_a_floor(student: Student) -> None:
    """The floor is the distance of real images to other real images, with as many vectors as the score."""
    sets = _sets(4)
    score, floor = _judged(student, sets)
    low, high = _range(sets["train"], sets["test"])
    expect(abs(floor) > 1e-6, "the floor is 0: a set is compared with itself. New images always differ, so no generator can be that good.")
    train = frechet_distance(moments(sets["train"][::2]), moments(sets["train"][1::2]))
    expect(
        not _near(floor, train),
        "the floor compares the training images with each other. It has to be against the held-out ones, as the score.",
    )
    why = "With fewer vectors, the same distributions are further apart: score and floor need as many on each side"
    expect(
        floor >= low,
        f"the floor is {floor:.3f}. {why}; then it lies between {low:.3f} and {high:.3f}. Are all training images used?",
    )
    expect(floor <= high, f"the floor is {floor:.3f}, where {low:.3f} to {high:.3f} is right.")
    expect(score > floor, f"the score of these fakes, {score:.3f}, is not above the floor, {floor:.3f}; they are shifted.")


def ranks_by_equal_numbers(student: Student) -> None:
    """`ranking` is not misled by sets of different sizes."""
    wrong = 0
    for seed in range(EXPERIMENTS):
        rng = np.random.default_rng([5, seed])
        models = {
            "bad": rng.normal(size=(1500, DIMENSIONS)) + 0.5,
            "good": rng.normal(size=(120, DIMENSIONS)),
            "fair": rng.normal(size=(3000, DIMENSIONS)) + 0.22,
        }
        result = student["ranking"]({name: x.copy() for name, x in models.items()}, rng.normal(size=(2000, DIMENSIONS)))
        expect(
            isinstance(result, list | tuple) and sorted(result) == sorted(models), f"ranking(...) returns {result!r}; all names are needed."
        )
        expect(list(result) != ["bad", "fair", "good"], "ranking(...) begins with the worst. The lowest distance is the best.")
        wrong += list(result) != ["good", "fair", "bad"]
    why = "The best model has the fewest samples, and a distance by N vectors is too large by about 1/N. Take as many of each model."
    expect(wrong <= EXPERIMENTS / 4, f"in {wrong} of {EXPERIMENTS} cases the order is wrong. {why}")


def _frechet(student: Student, one: Array, other: Array, what: str) -> float:
    result = student["frechet"](one.copy(), other.copy())
    is_complex = np.iscomplexobj(result)
    cause = (
        "scipy.linalg.sqrtm of a product that has no inverse rounds into the complex plane. The trace is a sum of roots of eigenvalues >= 0"
    )
    expect(not is_complex, f"of {what}, frechet returns {result}: a distance has no imaginary part. {cause}; take it, or drop a tiny rest.")
    return as_number(result, f"frechet of {what}")


def _sets(seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    sets = {name: rng.normal(size=(size, DIMENSIONS)) for name, size in SIZES.items()}
    sets["fake"] += 0.3
    return sets


def _judged(student: Student, sets: Mapping[str, Array]) -> tuple[float, float]:
    """Score and floor."""
    result: Any = student["judge"](*(sets[name].copy() for name in SIZES))
    expect(isinstance(result, Mapping) and {"score", "floor"} <= set(result), 'judge(...) has to return {"score": ..., "floor": ...}.')
    return as_number(result["score"], 'judge(...)["score"]'), as_number(result["floor"], 'judge(...)["floor"]')


def _range(many: Array, few: Array) -> tuple[float, float]:
    """Lower and upper limit of the distance with equally many vectors on each side, whichever are chosen."""
    rng = np.random.default_rng(6)
    n = len(few)
    drawn = [frechet_distance(moments(many[rng.permutation(len(many))[:n]]), moments(few)) for _ in range(DRAWS)]
    middle, spread = float(np.mean(drawn)), float(np.std(drawn))
    return middle - 4 * spread, middle + 4 * spread


def _near(found: float, wanted: float) -> bool:
    return bool(np.isclose(found, wanted, rtol=1e-2, atol=1e-3))


CHECKS = (
    is_the_formula,
    is_zero_for_the_same,
    stays_real,
    compares_with_held_out_images,
    has_a_floor,
    ranks_by_equal_numbers,
)
