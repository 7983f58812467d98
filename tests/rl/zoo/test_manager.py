"""Which vectorised env a training gets."""

import pytest
from rl_zoo3.exp_manager import ExperimentManager
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("chosen", [DummyVecEnv, SubprocVecEnv])
def test_trainings_get_quick_pendulums_unless_processes_are_asked_for(chosen, monkeypatch):
    from ca2_rl.envs.pendulum_vec_env import PendulumVecEnv
    from ca2_rl.zoo.manager import Manager

    def initialise(manager):
        manager.vec_env_class, manager.args = chosen, type("Arguments", (), {"resume": None})
        manager.optimize_hyperparameters, manager.algo = False, "ppo"

    monkeypatch.setattr(ExperimentManager, "__init__", initialise)
    assert Manager().vec_env_class is (PendulumVecEnv if chosen is DummyVecEnv else chosen)
