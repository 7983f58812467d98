"""Which vectorised env a training gets."""

from argparse import Namespace

import pytest
from rl_zoo3.exp_manager import ExperimentManager
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("chosen", [DummyVecEnv, SubprocVecEnv])
def test_trainings_get_quick_envs_unless_processes_are_asked_for(chosen, monkeypatch):
    from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
    from ca2_rl.zoo.manager import Manager

    def initialise(manager, args, **settings):
        manager.vec_env_class, manager.args = chosen, args
        manager.optimize_hyperparameters, manager.algo = False, "ppo"

    monkeypatch.setattr(ExperimentManager, "__init__", initialise)
    arguments = Namespace(resume=None, verbose=None, uuid=False, conf_file=None, save_every=5.0, save_buffer=False)
    assert Manager(arguments).vec_env_class is (ClassicControlVecEnv if chosen is DummyVecEnv else chosen)
