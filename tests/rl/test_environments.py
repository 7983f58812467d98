"""Environments by id: those that ca2 has extras for, and how long an agent is evaluated in them."""

import json
import subprocess
import sys

import gymnasium as gym
import pytest

from ca2_core.errors import UserError
from ca2_rl import environments
from ca2_rl.environments import MINATAR_GAMES, check_env, with_limit

CLIFF = next(env_id for env_id in ("CliffWalking-v1", "CliffWalking-v0") if env_id in gym.registry)


@pytest.mark.parametrize(
    ("env_id", "extra"),
    [("LunarLander-v3", "box2d"), ("BipedalWalker-v3", "box2d"), ("MinAtar/Breakout-v1", "minatar"), ("ALE/Pong-v5", "atari")],
)
def test_an_env_whose_package_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch, env_id: str, extra: str) -> None:
    check_env(env_id)
    monkeypatch.setattr(environments, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=rf"{env_id} needs .*pip install 'ca2\[{extra}\]'"):
        check_env(env_id)


def test_atari_without_its_package_is_not_in_the_registry_and_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(gym.registry, "PongNoFrameskip-v4", raising=False)
    monkeypatch.setattr(environments, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'ca2\[atari\]'"):
        check_env("PongNoFrameskip-v4")


def test_minatar_is_registered_as_its_package_does() -> None:
    ours = {f"MinAtar/{game}-v{version}": gym.registry[f"MinAtar/{game}-v{version}"].kwargs for game in MINATAR_GAMES for version in (0, 1)}
    code = (
        "import json, gymnasium, minatar.gym; minatar.gym.register_envs();"
        "print(json.dumps({i: [s.entry_point, s.kwargs] for i, s in gymnasium.registry.items() if i.startswith('MinAtar/')}))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    theirs = json.loads(printed)
    assert {env_id: ["minatar.gym:BaseEnv", kwargs] for env_id, kwargs in ours.items()} == theirs


@pytest.mark.parametrize("game", MINATAR_GAMES)
def test_minatar_plays(game: str) -> None:
    env = gym.make(f"MinAtar/{game}-v1")
    observation, _ = env.reset(seed=0)
    assert observation.shape[:2] == (10, 10)
    env.step(0)


@pytest.fixture(autouse=True)
def _says_it_again():
    environments.tell_limit.cache_clear()


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


def test_a_module_in_the_current_folder_need_not_be_installed(tmp_path, monkeypatch):
    (tmp_path / "hallway.py").write_text("import gymnasium as gym\ngym.register('Hallway-v0', entry_point='nowhere:Hallway')\n")
    (tmp_path / "gymnasium.py").write_text("raise RuntimeError('an installed package comes first')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    check_env("Hallway-v0", ["hallway"])
    gym.registry.pop("Hallway-v0", None)
