"""Environments by id, and how long an agent is evaluated in them."""

import gymnasium as gym
import pytest

from ca2_rl import environments
from ca2_rl.environments import with_limit

CLIFF = next(env_id for env_id in ("CliffWalking-v1", "CliffWalking-v0") if env_id in gym.registry)


@pytest.fixture(autouse=True)
def _says_it_again():
    environments._is_endless.cache_clear()


def test_an_env_without_a_time_limit_gets_one_and_a_line_says_so_once(caplog):
    with caplog.at_level("INFO", "ca2_rl"):
        for _ in range(2):
            env = gym.make(CLIFF, **with_limit(CLIFF, {}))
    assert [record.getMessage() for record in caplog.records] == [
        f"{CLIFF} has no time limit: evaluations end its episodes after 5,000 steps."
    ]
    env.reset(seed=0)
    steps = 1
    while not env.step(0)[3]:  # against the wall
        steps += 1
    assert steps == 5_000


def test_a_limit_that_there_is_stays(caplog):
    gym.register_envs(pytest.importorskip("ale_py"))
    with caplog.at_level("INFO", "ca2_rl"):
        for env_id, given in (("CartPole-v1", {}), (CLIFF, {"max_episode_steps": 7}), ("ALE/Pong-v5", {"mode": 0})):
            assert with_limit(env_id, given) == given
    assert not caplog.records
