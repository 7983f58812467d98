"""The optimum of toy-text environments, against searches and recursions through Gymnasium's own steps."""

from functools import cache

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env

from ca2_rl.optimum import TabularOptimum, has_optimum, optimal_returns

TAXI = next(env_id for env_id in ("Taxi-v4", "Taxi-v3") if env_id in gym.registry)
CLIFF = next(env_id for env_id in ("CliffWalking-v1", "CliffWalking-v0") if env_id in gym.registry)


def recursive(transitions, state, steps):
    """Best expected return by the definition."""

    @cache
    def value(state, steps):
        if steps == 0:
            return 0.0
        return max(
            sum(p * (reward + (0.0 if is_over else value(int(following), steps - 1))) for p, following, reward, is_over in outcomes)
            for outcomes in transitions[state].values()
        )

    return value(state, steps)


@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "FrozenLake8x8-v1", CLIFF, TAXI])
@pytest.mark.parametrize("steps", [1, 7, 40])
def test_values_are_those_of_the_definition(env_id, steps):
    transitions = gym.make(env_id).unwrapped.P
    starts = np.random.default_rng(0).integers(len(transitions), size=5)
    expected = [recursive(transitions, int(start), steps) for start in starts]
    np.testing.assert_allclose(TabularOptimum(transitions, steps).returns(starts), expected, atol=1e-12)


def test_of_taxis_it_is_the_shortest_way_that_a_search_finds():
    """Breadth first, by the env's own steps: 1 less for each step, 20 more in the end, none lets anybody out in between."""
    env = gym.make(TAXI).unwrapped
    starts = [int(env.reset(seed=seed)[0]) for seed in range(5)]
    for start in starts:
        level, seen, steps, is_found = {start}, {start}, 0, False
        while not is_found:
            steps, following = steps + 1, set()
            for state in level:
                for action in range(6):
                    env.s = state
                    next_state, reward, is_over, *_ = env.step(action)
                    is_found |= is_over and reward == 20
                    following.add(next_state)
            level = following - seen
            seen |= following
        assert TabularOptimum(env.P, 200).returns(np.array([start])) == [21 - steps]


def test_the_way_along_the_cliff_takes_13_steps_without_a_time_limit():
    env = gym.make(CLIFF).unwrapped
    assert TabularOptimum(env.P).returns(np.array([env.reset()[0]])) == [-13]


def test_a_lake_without_a_time_limit_is_crossed_in_14_of_17_cases():
    """Known of the map 4x4; within 100 steps, Gymnasium's own threshold says 0.74."""
    transitions = gym.make("FrozenLake-v1").unwrapped.P
    assert TabularOptimum(transitions).returns(np.array([0])) == pytest.approx([14 / 17], abs=1e-6)
    assert TabularOptimum(transitions, 100).returns(np.array([0])) == pytest.approx([0.74], abs=0.005)


def test_the_env_s_settings_and_its_time_limit_count():
    def optimum(**kwargs):
        env = make_vec_env("FrozenLake-v1", 2, env_kwargs=kwargs)
        env.reset()
        return optimal_returns(env).tolist()

    assert optimum(is_slippery=False) == [1, 1]
    assert optimum(is_slippery=False, max_episode_steps=5) == [0, 0]  # six are needed
    assert 0 < optimum(max_episode_steps=20)[0] < optimum()[0] < optimum(max_episode_steps=1000)[0]


def test_starts_are_those_of_the_envs():
    env = make_vec_env(TAXI, 20, seed=0)
    observations = env.reset()
    np.testing.assert_array_equal(optimal_returns(env), TabularOptimum(env.get_attr("P")[0], 200).returns(observations))


def test_a_passenger_who_changes_the_destination_is_not_in_the_table():
    env = make_vec_env(TAXI, 1, env_kwargs={"fickle_passenger": True})
    env.reset()
    assert optimal_returns(env) is None


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Blackjack-v1", "Acrobot-v1"])
def test_others_are_not_known(env_id):
    assert not has_optimum(env_id)
    env = make_vec_env(env_id, 1) if env_id != "Blackjack-v1" else None  # SB3 has no spaces for its cards
    assert env is None or optimal_returns(env) is None
