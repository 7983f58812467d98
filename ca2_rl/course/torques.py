"""Checks of the exercise ``torques``."""

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ca2_core.course.exercise import expect
from ca2_core.course.student import Student
from ca2_core.course.values import as_array
from ca2_rl.envs.pendulum import MAX_TORQUE

Array = NDArray[np.float64]

SIZES = (2, 3, 5, 8)
ROWS = 20_000


def has_n_torques(student: Student) -> None:
    """`torques(n)` has n values, float32."""
    for n in SIZES:
        as_array(student["torques"](n), f"torques({n})", (n,), "float32")


def reaches_both_ends(student: Student) -> None:
    """The torques go from -2 to 2, both included."""
    for n in SIZES:
        found = np.sort(_torques(student, n))
        low, high = float(found[0]), float(found[-1])
        if abs(low + MAX_TORQUE) < 1e-6 and abs(high - MAX_TORQUE) < 1e-6:
            continue
        given = f"torques({n}) goes from {low:.4g} to {high:.4g}"
        expect(max(-low, high) <= MAX_TORQUE + 1e-6, f"{given}: the environment clips torques beyond 2, so two bins do the same.")
        cause = ""
        if np.allclose(found, -2 + 4 * (np.arange(n) + 0.5) / n, atol=1e-6):
            cause = " These are the centres of n intervals."
        elif np.allclose(found, -2 + 4 * np.arange(n) / n, atol=1e-6):
            cause = " The last step is missing: from end to end there are n - 1 steps, not n."
        expect(False, f"{given}.{cause} A swing-up needs the full torque both ways: without it, the best possible return is far lower.")


def is_evenly_spaced(student: Student) -> None:
    """The torques increase in equal steps."""
    for n in SIZES:
        steps = np.diff(_torques(student, n))
        expect((steps > 0).all(), f"torques({n}) does not increase from bin to bin: bin 0 is the lowest torque, bin n - 1 the highest.")
        expect(np.allclose(steps, steps[0], atol=1e-5), f"the steps of torques({n}) differ: {np.round(steps, 3).tolist()}.")


def chooses_the_best(student: Student) -> None:
    """`best` finds the bin with the highest Q-value in each row."""
    rng = np.random.default_rng(1)
    q_values = rng.normal(size=(50, 5)) - 10  # all negative, as the pendulum's are
    chosen = as_array(student["best"](q_values.copy(), rng), "best(q_values, rng)", (50,))
    expect(chosen.dtype.kind in "iu", f"best(q_values, rng) has the dtype {chosen.dtype}: bins are whole numbers.")
    if np.array_equal(chosen, q_values.argmin(axis=1)):
        expect(False, "best(q_values, rng) chooses the lowest Q-value. Q is a return: more is better, also below 0.")
    wrong = int((chosen != q_values.argmax(axis=1)).argmax())
    said = f"of {np.round(q_values[wrong], 2).tolist()} it chooses bin {chosen[wrong]}, not {q_values[wrong].argmax()}"
    expect(np.array_equal(chosen, q_values.argmax(axis=1)), f"best(q_values, rng): {said}.")


def breaks_ties_by_chance(student: Student) -> None:
    """Among equal Q-values, `best` takes each with the same probability."""
    rng = np.random.default_rng(2)
    q_values = np.tile([-3.0, -1.0, -1.0, -2.0, -1.0], (ROWS // 10, 1))
    chosen = as_array(student["best"](q_values.copy(), rng), "best(q_values, rng)", (len(q_values),))
    shares = np.bincount(chosen.astype(int), minlength=5)[:5] / len(chosen)
    expect(
        shares[[1, 2, 4]].sum() > 0.999, f"of [-3, -1, -1, -2, -1] it takes bin {chosen[~np.isin(chosen, [1, 2, 4])][:1]}, not the best."
    )
    why = "An agent that knows nothing yet would always push the same way and see only where that leads."
    expect(shares.max() < 0.999, f"of equal Q-values it always takes bin {shares.argmax()}, as argmax does. {why}")
    each = "Draw for each row separately."
    expect(np.abs(shares[[1, 2, 4]] - 1 / 3).max() < 0.05, f"of three equal Q-values it takes {_percent(shares[[1, 2, 4]])}. {each}")


def explores(student: Student) -> None:
    """`explore` replaces each bin, independently and with probability epsilon, by a random one of all n bins."""
    rng = np.random.default_rng(3)
    bins = np.full(ROWS, 2)

    def explore(epsilon: float) -> Array:
        call = f"explore(bins, 4, {epsilon}, rng)"
        found = as_array(student["explore"](bins.copy(), 4, epsilon, rng), call, (ROWS,))
        expect(np.isin(found, range(4)).all(), f"{call} returns bins that do not exist: {np.setdiff1d(found, range(4))[:3].tolist()}.")
        return found

    expect((explore(0.0) == 2).all(), "with epsilon 0, bins still change.")
    shares = np.bincount(explore(1.0).astype(int), minlength=4) / ROWS
    never = np.flatnonzero(shares == 0).tolist()
    expect(never != [2], "with epsilon 1 it never takes the bin that was there. A random action may be the greedy one, too.")
    expect(not never, f"with epsilon 1 it never takes bin {never}. `integers` and `range` leave out their end.")
    expect(np.abs(shares - 0.25).max() < 0.02, f"with epsilon 1 the four bins come up {_percent(shares)} of the time, not 25 % each.")
    changed = float((explore(0.4) != 2).mean())
    one = "One draw for the whole batch makes all rows explore together."
    expect(0 < changed < 0.5, f"with epsilon 0.4, {changed:.0%} of the rows change at once. {one}")
    expect(abs(changed - 0.3) < 0.02, f"with epsilon 0.4 and 4 bins, {changed:.1%} of the bins change, not 30 % (0.4 times 3/4).")


def acts_in_the_environment(student: Student) -> None:
    """`actions` converts bins to actions of Pendulum-v1."""
    actions = as_array(student["actions"](np.array([4, 0, 2]), 5), "actions(bins, 5)")
    form = "Each action of the environment is a vector of length 1, so N actions are an array [N, 1]."
    expect(actions.shape == (3, 1), f"actions([4, 0, 2], 5) has the shape {list(actions.shape)}, where [3, 1] is needed. {form}")
    expect(actions.dtype == np.float32, f"actions(bins, 5) has the dtype {actions.dtype}: the space is of float32 and rejects others.")
    wanted = _torques(student, 5)[[4, 0, 2]]
    expect(
        np.allclose(actions[:, 0], wanted, atol=1e-6), f"of the bins [4, 0, 2] it makes {actions[:, 0].tolist()}, not {wanted.tolist()}."
    )
    env = gym.make("Pendulum-v1")
    expect(env.action_space.contains(actions[0]), f"{actions[0]} is not in the environment's action space, {env.action_space}.")
    env.close()


def _torques(student: Student, n: int) -> Array:
    return as_array(student["torques"](n), f"torques({n})", (n,), "number").astype(np.float64)


def _percent(shares: Array) -> str:
    return ", ".join(f"{share:.0%}" for share in shares)


CHECKS = (
    has_n_torques,
    reaches_both_ends,
    is_evenly_spaced,
    chooses_the_best,
    breaks_ties_by_chance,
    explores,
    acts_in_the_environment,
)
