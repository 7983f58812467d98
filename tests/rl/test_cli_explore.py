import json
import sys

import numpy as np
import pytest
from PIL import Image

from ca2_rl import cli


@pytest.fixture
def explore(tmp_path, monkeypatch, capsys):
    """``ca2-rl explore`` in this process, in ``tmp_path``; what it wrote and what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(env_id, *argv, folder=None):
        monkeypatch.setattr(sys, "argv", ["ca2-rl", "explore", "--env", env_id, *map(str, argv)])
        cli.main()
        folder = tmp_path / (folder or f"explore-{env_id.replace('/', '-')}")
        assert {path.name for path in folder.iterdir()} == {"explore.png", "explore.json"}
        picture = np.asarray(Image.open(folder / "explore.png").convert("L"))
        assert picture.std() > 1
        return json.loads((folder / "explore.json").read_text()), capsys.readouterr().out

    return call


def test_explore_tells_ranges_starts_and_returns(ca2_rl, tmp_path):
    result = ca2_rl("explore", "--env", "Pendulum-v1", "--episodes", 20, "--seed", 3)
    assert result.stderr == ""
    found = json.loads((tmp_path / "explore-Pendulum-v1" / "explore.json").read_text())
    assert (found["env"], found["seed"]) == ("Pendulum-v1", 3)
    components = {record["component"]: record for record in found["spaces"]}
    assert list(components) == ["obs[0]", "obs[1]", "obs[2]", "action[0]"]
    assert (components["action[0]"]["low"], components["action[0]"]["high"]) == (-2, 2)
    speed = components["obs[2]"]
    assert (speed["low"], speed["high"]) == (-8, 8)
    assert -1 <= speed["start_low"] < 0 < speed["start_high"] <= 1  # Gymnasium starts within +-1 rad/s
    random, zero = found["returns"]
    assert (random["policy"], zero["policy"]) == ("random", "zero")
    for played in (random, zero):
        assert -1900 < played["min"] <= played["mean"] <= played["max"] <= 0
        assert (played["episodes"], played["length"]) == (20, 200)
    assert all(word in result.stdout for word in ("obs[2]", "action[0]", "random", "zero"))


def test_the_first_action_is_the_zero_policy_of_a_discrete_space(explore):
    found, printed = explore("CartPole-v1", "--episodes", 10)
    random, zero = found["returns"]
    assert zero["mean"] == zero["length"] < random["mean"] < 60  # pushing to one side falls in about 9 steps
    assert found["spaces"][-1] == {"component": "action", "space": "Discrete(2)"}
    assert "Discrete(2)" in printed


def test_more_components_than_a_picture_has_room_for_are_all_in_the_table(explore):
    found, _ = explore("Acrobot-v1", "--episodes", 3)
    assert sum(record["component"].startswith("obs[") for record in found["spaces"]) == 6
    assert found["returns"][1]["mean"] == -500  # without torque nothing is reached


@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "Blackjack-v1"])
def test_observations_that_are_no_numbers_in_a_range_are_described(env_id, explore):
    found, _ = explore(env_id, "--episodes", 5)
    observation, action = found["spaces"]
    assert observation["component"] == "obs"
    assert "Discrete" in observation["space"]
    assert action["space"].startswith("Discrete")
    assert all(-1 <= played["mean"] <= 1 for played in found["returns"])


def test_envs_of_other_packages_and_spaces_are_explored_where_they_can_be(explore, tmp_path, monkeypatch):
    (tmp_path / "image_env.py").write_text(
        "import gymnasium as gym\n"
        "class Odd(gym.Env):\n"
        "    observation_space = gym.spaces.Dict({'image': gym.spaces.Box(0, 255, (8, 8, 3), 'uint8')})\n"
        "    action_space = gym.spaces.MultiDiscrete([2, 3])\n"
        "    def reset(self, seed=None, options=None):\n"
        "        return self.observation_space.sample(), {}\n"
        "    def step(self, action):\n"
        "        return self.observation_space.sample(), 0.5, False, False, {}\n"
        "gym.register('odd/Odd-v0', entry_point=Odd)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found, _ = explore("odd/Odd-v0", "--episodes", 2, "--gym-packages", "image_env", "-o", "there", folder="there")
    (random,) = found["returns"]  # no action of a MultiDiscrete is zero
    assert (random["length"], random["mean"]) == (1000, 500)  # no time limit of its own


def test_the_same_seed_explores_the_same(explore):
    found = [explore("Blackjack-v1", "--episodes", 20, "--seed", seed)[0] for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0] != found[2]
