"""Random actions that last."""

import numpy as np
import pytest

from ca2_rl.common.ez_greedy import EZGreedy

GREEDY = -1


def played(longest, epsilon, steps=20_000, n_envs=2, episode_steps=None):
    """[steps, n_envs]: -1 where greedy, else the number of the random action, each drawn once."""
    np.random.seed(0)
    policy, drawn, rows = EZGreedy(n_envs, longest), iter(range(10**9)), []
    for step in range(steps):
        rows.append(policy.act(np.full(n_envs, GREEDY), epsilon, lambda n: np.array([next(drawn) for _ in range(n)])))
        if episode_steps and (step + 1) % episode_steps == 0:
            policy.end_episodes(np.array([True] + [False] * (n_envs - 1)))  # of the first env
    return np.array(rows)


@pytest.mark.parametrize("episode_steps", [None, 1, 7])
@pytest.mark.parametrize("longest", [1, 2, 10])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.6, 1.0])
def test_the_share_of_random_steps_depends_neither_on_how_long_they_last_nor_on_episodes(longest, epsilon, episode_steps):
    shares = (played(longest, epsilon, episode_steps=episode_steps) != GREEDY).mean(axis=0)
    np.testing.assert_allclose(shares, epsilon, atol=0.03)


@pytest.mark.parametrize("longest", [1, 4])
def test_durations_are_uniform_and_each_env_has_its_own(longest):
    choices = played(longest, 0.5)
    numbers, lengths = np.unique(choices[choices != GREEDY], return_counts=True)
    counts = np.bincount(lengths[2:-2], minlength=longest + 1)  # the first and last of each env may be cut short
    assert counts[0] == 0
    assert len(counts) == longest + 1
    np.testing.assert_allclose(counts[1:] / counts.sum(), 1 / longest, atol=0.03)
    assert not set(choices[:, 0]) & set(choices[:, 1]) - {GREEDY}
    for env in range(2):  # each without a gap
        ends = [np.flatnonzero(choices[:, env] == number)[[0, -1]] for number in numbers[:200] if number in choices[:, env]]
        assert all(last - first < longest for first, last in ends)


def test_random_actions_end_with_the_episode_of_their_env_only():
    choices = played(longest=10, epsilon=0.8, steps=2000, episode_steps=8)
    before, after = choices[7:-1:8], choices[8::8]  # the last step of each episode of the first env, and the next
    goes_on = (before[: len(after)] == after) & (after != GREEDY)
    assert goes_on.sum(axis=0)[0] == 0
    assert goes_on.sum(axis=0)[1] > 50


@pytest.mark.parametrize("step", [0, 1, 4])
def test_each_step_of_an_episode_is_random_with_the_same_probability(step):
    choices = played(longest=10, epsilon=0.3, steps=50_000, episode_steps=5)
    assert (choices[step::5, 0] != GREEDY).mean() == pytest.approx(0.3, abs=0.03)
