"""The hyperparameters that ca2 ships: each entry makes an agent that trains on its env."""

from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import pytest
import yaml

from ca2_core.study.file import Section
from ca2_rl.study.spec import make_study
from ca2_rl.study.training import Recipe
from ca2_rl.zoo.hyperparams import check_file
from ca2_rl.zoo.plugins import HYPERPARAMS

UNHEARD_OF = "UnheardOfPendulum-v0"
STAND_INS = {"atari": "PongNoFrameskip-v4", "default": UNHEARD_OF}
ENTRIES = [(path.stem, entry) for path in sorted(HYPERPARAMS.glob("*.yml")) for entry in yaml.safe_load(path.read_text())]


@pytest.fixture(autouse=True)
def _an_env_without_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gym.registry, UNHEARD_OF, replace(gym.spec("Pendulum-v1"), id=UNHEARD_OF))


@pytest.mark.parametrize(("algo", "entry"), ENTRIES)
def test_an_entry_trains(algo: str, entry: str) -> None:
    env_id = STAND_INS.get(entry, entry)
    if entry not in STAND_INS:
        assert check_file(str(HYPERPARAMS / f"{algo}.yml"), entry) == entry
    content = {
        "n_timesteps": 60,
        "environments": {env_id: {}},
        "variants": {"agent": {"algo": algo, "learning_starts": 40, "buffer_size": 200, "train_freq": 10, "gradient_steps": 1}},
    }
    (case,) = make_study(Section(content, "study.yml"), "study", Path()).cases
    model = Recipe(case.settings, seed=0).build()
    model.learn(60)
    assert model.num_timesteps >= 60
    assert model._n_updates > 0
    model.env.close()
