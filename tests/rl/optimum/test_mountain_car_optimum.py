"""The optima of the mountain cars, against Gymnasium's own envs, searches and finer grids."""

import gymnasium as gym
import numpy as np
import platformdirs
import pytest
from gymnasium.envs.classic_control import Continuous_MountainCarEnv, MountainCarEnv
from stable_baselines3.common.env_util import make_vec_env

from ca2_rl.optimum import ContinuousMountainCarOptimum, MountainCarOptimum, has_optimum, optimal_returns

OPTIMA = {"MountainCar-v0": MountainCarOptimum, "MountainCarContinuous-v0": ContinuousMountainCarOptimum}
SMALL = (120, 121)
each_car = pytest.mark.parametrize("env_id", OPTIMA)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *args: str(tmp_path / "cache"))


@pytest.fixture
def starts():
    """Of the env: a position in the valley, at rest."""
    return np.stack([np.linspace(-0.6, -0.4, 40), np.zeros(40)], axis=1)


@pytest.mark.parametrize(
    ("inner", "kind"), [(MountainCarEnv, MountainCarOptimum), (Continuous_MountainCarEnv, ContinuousMountainCarOptimum)]
)
@pytest.mark.parametrize("goal_velocity", [0.0, 0.03])
def test_steps_are_gymnasium_s(inner, kind, goal_velocity):
    rng, env, optimum = np.random.default_rng(0), inner(goal_velocity=goal_velocity), kind(goal_velocity)
    states = rng.uniform(optimum.low, optimum.high, (2000, 2)).astype(np.float32).astype(float)
    states[:50, 0] = -1.2  # at the wall
    actions = rng.choice(optimum.actions, len(states))
    next_states, rewards = optimum.step(states, actions)
    is_goal = optimum.is_goal(next_states)
    for i, (state, action) in enumerate(zip(states, actions, strict=True)):
        env.state = state
        _, reward, is_over, *_ = env.step(int(action) + 1 if inner is MountainCarEnv else np.array([action], np.float32))
        np.testing.assert_allclose(env.state, next_states[i], atol=1e-6)
        assert is_over == is_goal[i]
        assert reward == pytest.approx(rewards[i] + optimum.prize * is_goal[i], abs=1e-6)


@each_car
def test_returns_are_those_of_the_greedy_policy_in_gymnasium_s_env(env_id, starts):
    optimum = OPTIMA[env_id](grid=SMALL)
    env = gym.make(env_id)
    for start, expected in zip(starts[5:6], optimum.returns(starts[5:6]), strict=True):
        env.reset()
        env.unwrapped.state, total, is_over, left = start, 0.0, False, optimum.horizon
        while not is_over:
            action = optimum.greedy_actions(np.array([env.unwrapped.state], dtype=float), left)
            _, reward, terminated, truncated, _ = env.step(action.astype(np.float32) if optimum.prize else int(action[0]) + 1)
            total, left, is_over = total + float(reward), left - 1, terminated or truncated
        assert terminated
        assert total == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("kind", "horizon"), [(MountainCarOptimum, 12), (ContinuousMountainCarOptimum, 6)])
def test_near_the_goal_it_is_the_best_of_all_sequences(kind, horizon):
    """Of which breadth-first search finds the fewest steps, and all combinations the least force."""
    optimum = kind(horizon=horizon, grid=(600, 601))
    states = np.random.default_rng(0).uniform([0.2, 0.01], [0.44, 0.06], (20, 2)).astype(np.float32).astype(float)
    choices = optimum.actions if kind is MountainCarOptimum else optimum.actions[::4]  # six of the 21 forces
    best = []
    for state in states:
        level, paid, found = state[None], np.zeros(1), [-np.inf if optimum.prize == 0 else 0.0]
        for _ in range(horizon):
            repeated = np.repeat(level, len(choices), axis=0)
            level, rewards = optimum.step(repeated, np.tile(choices, len(paid)))
            paid = np.repeat(paid, len(choices)) + rewards
            is_goal = optimum.is_goal(level)
            found += (paid[is_goal] + optimum.prize).tolist()
            level, paid = level[~is_goal], paid[~is_goal]
            if optimum.prize == 0 and found[1:]:
                break
        best.append(max(found) if found[1:] or optimum.prize else -horizon)
    difference = optimum.returns(states) - best
    assert difference.min() > (-1.01 if optimum.prize == 0 else -0.05)
    assert np.mean(difference) > -0.05


@each_car
def test_a_finer_grid_changes_little(env_id, starts):
    coarse, fine = (OPTIMA[env_id](grid=(n, n + 1)).returns(starts[::4]) for n in ((200, 400) if env_id == "MountainCar-v0" else (60, 120)))
    assert fine.mean() > coarse.mean()
    assert fine.mean() - coarse.mean() < (0.8 if env_id == "MountainCar-v0" else 0.2)


def test_the_discrete_car_is_as_fast_as_the_best_full_force_that_changes_its_direction_twice(starts):
    """Bang-bang control is optimal for the shortest time (Pontryagin); a coarse grid loses a fifth of a step."""
    optimum = MountainCarOptimum(grid=(400, 401))
    first, second = (times.ravel() for times in np.meshgrid(np.arange(50), np.arange(1, 110)))
    sequences = np.array([(sign, i, j) for sign in (-1.0, 1.0) for i, j in zip(first, second, strict=True) if i < j])
    sign, first, second = sequences.T
    best = []
    for start in starts[::5]:
        states, is_there = np.tile(start, (len(sign), 1)), np.zeros(len(sign), dtype=bool)
        steps = 0
        while not is_there.any():
            states, _ = optimum.step(states, np.where((first <= steps) & (steps < second), -sign, sign))
            is_there, steps = optimum.is_goal(states), steps + 1
        best.append(-steps)
    loss = best - optimum.returns(starts[::5])
    assert loss.min() >= 0
    assert loss.mean() < 0.3


def least_cost(start, steps, goal):
    """Of a swing with so many steps: forces with the least sum of squares that end at the goal, by Newton's method (minimum norm)."""
    forces = np.full(steps, 0.2)
    for _ in range(30):
        position, speed, positions = *start, []
        for force in forces:
            positions.append(position)
            speed += force * 0.0015 - 0.0025 * np.cos(3 * position)
            position += speed
        gradient, by_position, by_speed = np.empty(steps), 1.0, 0.0
        for t in reversed(range(steps)):
            by_speed += by_position
            gradient[t] = by_speed * 0.0015
            by_position += by_speed * 0.0075 * np.sin(3 * positions[t])
        wanted = gradient * (goal - position + gradient @ forces) / (gradient @ gradient)
        forces = forces + 0.5 * (wanted - forces)
    assert position == pytest.approx(goal, abs=1e-6)
    return 0.1 * (forces**2).sum()


def test_from_the_wall_the_continuous_car_needs_hardly_more_force_than_the_best_single_swing():
    """At the wall it has lost all its speed, so earlier swings don't help."""
    best = 100 - min(least_cost((-1.2, 0.0), steps, 0.45) for steps in range(64, 74, 2))
    attained = ContinuousMountainCarOptimum(horizon=150, grid=(200, 201)).returns(np.array([[-1.2, 0.0]]))[0]
    assert best - 0.05 < attained < best + 1e-4


def test_more_time_never_hurts(starts):
    returns = [ContinuousMountainCarOptimum(horizon=horizon, grid=SMALL).returns(starts[::4]).mean() for horizon in (90, 150, 300, 999)]
    assert (np.diff(returns) > 0).all()
    assert returns[0] < 98
    assert returns[-1] == pytest.approx(99.6, abs=0.1)


def test_who_does_not_arrive_pays_for_every_step_or_nothing(starts):
    np.testing.assert_array_equal(MountainCarOptimum(horizon=60, grid=SMALL).returns(starts), -60)
    np.testing.assert_allclose(ContinuousMountainCarOptimum(horizon=20, grid=SMALL).returns(starts), 0, atol=1e-4)


@each_car
def test_the_envs_optimum_is_of_their_states_and_settings(env_id, monkeypatch):
    kind = OPTIMA[env_id]
    monkeypatch.setattr(f"ca2_rl.optimum.envs.{kind.__name__}", lambda speed, horizon: kind(speed, horizon, grid=SMALL))
    env = make_vec_env(env_id, 3, seed=0, env_kwargs={"goal_velocity": 0.02, "max_episode_steps": 150})
    env.reset()
    assert has_optimum(env_id)
    assert optimal_returns(env, computes=False) is None
    np.testing.assert_array_equal(optimal_returns(env), kind(0.02, 150, SMALL).returns(np.array(env.get_attr("state"))))
    assert optimal_returns(env, computes=False) is not None
