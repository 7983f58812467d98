"""What a constructor hands on to its parent's."""

import inspect

import pytest
from stable_baselines3 import DDPG, DQN

from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN
from ca2_rl.common.constructors import handed_on

GIVEN = {
    **{"learning_rate": 0.5, "buffer_size": 77, "learning_starts": 7, "batch_size": 9, "tau": 0.3, "gamma": 0.7, "gradient_steps": 3},
    **{"n_steps": 2, "tensorboard_log": "logs", "seed": 5, "target_update_interval": 8, "max_grad_norm": 4.0},
    **{"exploration_fraction": 0.4, "exploration_initial_eps": 0.9, "exploration_final_eps": 0.2, "n_bins": 3, "double_q": True},
    **{"dueling": True, "exploration_hold": 6},
}


@pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, OUDDPG])
def test_whatever_is_given_reaches_the_agent(algorithm):
    left_out = "exploration_" if algorithm is NoisyDQN else " "
    known = inspect.signature(algorithm).parameters
    given = {name: value for name, value in GIVEN.items() if name in known and not name.startswith(left_out)}
    model = algorithm("MlpPolicy", "Pendulum-v1", **given)
    assert {name: getattr(model, name) for name in given} == given


@pytest.mark.parametrize(("algorithm", "parent"), [(DiscretizedDQN, DQN), (NoisyDQN, DQN), (OUDDPG, DDPG)])
def test_parameters_are_the_parents_in_their_order_then_our_own(algorithm, parent):
    names = list(inspect.signature(parent).parameters)
    assert list(inspect.signature(algorithm).parameters)[: len(names)] == names


def test_what_the_parent_does_not_know_stays():
    class Parent:
        def __init__(self, a, b=1, _init_setup_model=True): ...

    assert handed_on({"self": None, "a": 2, "b": 3, "c": 4, "_init_setup_model": True}, Parent) == {
        "a": 2,
        "b": 3,
        "_init_setup_model": False,
    }
