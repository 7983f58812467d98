"""Random choices that last."""

import numpy as np
import pytest

from ca2_rl.common.held_choices import HeldChoices

GREEDY = -1


def played(longest, share, steps=20_000, n_envs=2):
    """[steps, n_envs]: -1 where greedy, else the number of the choice, each drawn once."""
    np.random.seed(0)
    held, drawn = HeldChoices(n_envs, longest), iter(range(10**9))
    greedy = np.full(n_envs, GREEDY)
    return np.array([held.over(greedy, share, lambda n: np.array([next(drawn) for _ in range(n)])) for _ in range(steps)])


@pytest.mark.parametrize("longest", [1, 2, 10])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_the_share_of_random_steps_does_not_depend_on_how_long_they_last(longest, share):
    assert (played(longest, share) != GREEDY).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("longest", [1, 4])
def test_durations_are_uniform_and_each_env_has_its_own(longest):
    choices = played(longest, 0.5)
    numbers, lengths = np.unique(choices[choices != GREEDY], return_counts=True)
    counts = np.bincount(lengths[:-2], minlength=longest + 1)  # the last of each env may be cut short
    assert counts[0] == 0
    assert len(counts) == longest + 1
    np.testing.assert_allclose(counts[1:] / counts.sum(), 1 / longest, atol=0.03)
    assert not set(choices[:, 0]) & set(choices[:, 1]) - {GREEDY}
    for env in range(2):  # each without a gap
        ends = [np.flatnonzero(choices[:, env] == number)[[0, -1]] for number in numbers[:200] if number in choices[:, env]]
        assert all(last - first < longest for first, last in ends)
