"""Arguments of the algorithms: what can't be meant is refused in one line, by the constructor, before anything is trained."""

import argparse

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.her import HerReplayBuffer

import ca2_rl
from ca2_core.errors import UserError
from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN, PrioritizedReplayBuffer, Rainbow
from ca2_rl.arguments import Named
from ca2_rl.common.prioritized_replay import PrioritizedNStepReplayBuffer

every_dqn = pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, Rainbow])
SMALL = {"buffer_size": 100, "learning_starts": 10, "batch_size": 4, "policy_kwargs": {"net_arch": [8]}}


def create(algorithm=DiscretizedDQN, env="CartPole-v1", **kwargs):
    return algorithm("MlpPolicy", env, **(SMALL | kwargs))


@every_dqn
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        *((name, "x", "a number is needed, this is text: 'x'") for name in ("priority_alpha", "priority_beta", "munchausen_tau", "gamma")),
        *((name, None, "is needed, this is empty") for name in ("priority_alpha", "n_quantiles", "n_atoms", "exploration_hold", "n_steps")),
        *((name, 1.5, "a whole number is needed") for name in ("n_quantiles", "n_atoms", "n_steps", "exploration_hold", "gradient_steps")),
        ("n_quantiles", True, "a whole number is needed, this is true/false: True"),
        *((name, 0, "=0: it has to be at least 1") for name in ("n_steps", "batch_size", "buffer_size", "target_update_interval")),
        *((name, 2, "=2: it has to be from 0 to 1") for name in ("gamma", "tau", "priority_alpha")),
        *((name, float("nan"), "=nan: a finite number is needed") for name in ("gamma", "tau", "munchausen_alpha", "munchausen_clip")),
        ("munchausen_alpha", -1, "=-1: it has to be at least 0"),
        ("munchausen_clip", 1, "=1: it has to be at most 0"),
        ("gradient_steps", -2, "=-2: it has to be at least 0, or -1"),
        ("max_grad_norm", -1, "=-1: it has to be above 0"),
        ("learning_rate", "lin_1e-3", "a number"),
        *((name, "False", "true or false is needed, this is text: 'False'") for name in ("double_q", "dueling", "prioritized_replay")),
        ("compile", "x", "true, false or None is needed, this is text: 'x'"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(algorithm, name, value, words):
    with pytest.raises(UserError, match=f"{algorithm.__name__}: {name}") as error:
        create(algorithm, **{name: value})
    assert words in str(error.value)


@pytest.mark.parametrize(("name", "value"), [("ou_sigma", -1), ("target_noise_clip", float("inf")), ("tau", "x"), ("batch_size", 0)])
def test_a_value_of_an_actor_critic_is_named(name, value):
    with pytest.raises(UserError, match=f"OUDDPG: {name}"):
        create(OUDDPG, "Pendulum-v1", **{name: value})


@every_dqn
def test_numbers_of_numpy_and_schedules_are_taken(algorithm):
    numbers = {"gamma": np.float64(0.9), "n_steps": np.int64(2), "batch_size": np.int32(8), "max_grad_norm": float("inf")}
    model = create(algorithm, learning_rate=lambda progress: 1e-3 * progress, train_freq=(1, "episode"), **numbers)
    assert (model.n_steps, model.gamma) == (2, 0.9)


@every_dqn
@pytest.mark.parametrize(("name", "value"), [("n_quantiles", 5), ("dueling", None), ("n_bins", 4)])
def test_what_an_argument_decides_cannot_be_in_policy_kwargs(algorithm, name, value, tmp_path):
    with pytest.raises(UserError, match=rf"policy_kwargs: {name} is an argument of the algorithm: {algorithm.__name__}\(\.\.\., {name}="):
        create(algorithm, policy_kwargs={name: value})
    model = create(algorithm, n_quantiles=5)
    assert create(algorithm, n_quantiles=5, policy_kwargs=model.policy_kwargs).n_quantiles == 5
    model.save(tmp_path / "model")
    assert algorithm.load(tmp_path / "model").n_quantiles == 5


def test_the_noise_of_policy_kwargs_is_refused():
    with pytest.raises(UserError, match="policy_kwargs: sigma0 is an argument of the algorithm"):
        create(NoisyDQN, policy_kwargs={"sigma0": 0.1})


@pytest.mark.parametrize("buffer", [PrioritizedReplayBuffer, PrioritizedNStepReplayBuffer])
def test_a_prioritised_buffer_is_never_replaced_in_silence(buffer):
    with pytest.raises(UserError, match="set prioritized_replay=True instead"):
        create(replay_buffer_class=buffer)
    assert isinstance(create(replay_buffer_class=PrioritizedReplayBuffer, prioritized_replay=True).replay_buffer, PrioritizedReplayBuffer)


@pytest.mark.parametrize(
    ("algorithm", "kwargs", "words"),
    [
        (Rainbow, {"replay_buffer_kwargs": {"alpha": 0.1}}, "alpha is set by the argument priority_alpha"),
        (Rainbow, {"replay_buffer_kwargs": {"n_steps": 7}}, "n_steps is set by the argument n_steps"),
        (
            DiscretizedDQN,
            {"n_steps": 3, "replay_buffer_class": NStepReplayBuffer, "replay_buffer_kwargs": {"n_steps": 5, "gamma": 0.9}},
            "is set by the argument",
        ),
    ],
)
def test_arguments_of_a_buffer_are_never_ignored(algorithm, kwargs, words):
    with pytest.raises(UserError, match=words):
        create(algorithm, **kwargs)


def test_sb3_s_own_buffer_keeps_its_arguments():
    buffer = {"replay_buffer_class": NStepReplayBuffer, "replay_buffer_kwargs": {"n_steps": 5, "gamma": 0.9}}
    assert create(**buffer).replay_buffer.n_steps == 5


@pytest.mark.parametrize(
    ("saved", "loading", "words"),
    [
        ({"prioritized_replay": True}, {}, "prioritized_replay=True, the agent has not"),
        ({}, {"prioritized_replay": True}, "prioritized_replay=False, the agent has not"),
        ({"n_steps": 3}, {}, "n_steps=3, the agent 1"),
        ({"env": "Pendulum-v1", "n_bins": 3}, {"env": "Pendulum-v1", "n_bins": 11}, r"actions=Discrete\(3\), the agent Discrete\(11\)"),
        ({"env": "Acrobot-v1"}, {}, r"actions=Discrete\(3\), the agent Discrete\(2\)"),
        ({"env": "MountainCar-v0"}, {"env": "Acrobot-v1"}, "observations=Box"),
        (
            {"prioritized_replay": True, "priority_alpha": 0.5},
            {"prioritized_replay": True, "priority_alpha": 0.9},
            "priority_alpha=0.5, the agent 0.9",
        ),
    ],
)
def test_a_replay_buffer_of_another_kind_is_not_loaded(saved, loading, words, tmp_path):
    create(**saved).learn(20).save_replay_buffer(tmp_path / "buffer")
    model = create(**loading)
    made = model.replay_buffer
    with pytest.raises(UserError, match=words):
        model.load_replay_buffer(tmp_path / "buffer")
    assert model.replay_buffer is made


def test_a_loaded_replay_buffer_discounts_as_the_agent_does(tmp_path):
    create(Rainbow, gamma=0.99).learn(20).save_replay_buffer(tmp_path / "buffer")
    model = create(Rainbow, gamma=0.5)
    model.load_replay_buffer(tmp_path / "buffer")
    assert set(model.replay_buffer.sample(50).discounts.flatten().tolist()) <= {0.5, 0.25, 0.125}


@pytest.mark.parametrize("buffer", [ReplayBuffer, HerReplayBuffer])
def test_a_buffer_without_the_parts_that_are_on_is_refused(buffer):
    name, instead = buffer.__name__, "add prioritized_replay=False, n_steps=1, or leave it out"
    with pytest.raises(UserError, match=f"{name} has no prioritized_replay and no n_steps: {instead}"):
        create(Rainbow, replay_buffer_class=buffer)
    with pytest.raises(UserError, match=f"{name} has no n_steps: add n_steps=1, or leave it out"):
        create(DiscretizedDQN, n_steps=3, replay_buffer_class=buffer)
    assert create(Rainbow, prioritized_replay=False, n_steps=1, replay_buffer_class=ReplayBuffer).n_steps == 1


@every_dqn
def test_an_agent_of_another_class_is_not_loaded(algorithm, tmp_path):
    other = {DiscretizedDQN: Rainbow, NoisyDQN: DiscretizedDQN, Rainbow: DiscretizedDQN}[algorithm]
    for each, name in ((DQN, "DQNPolicy"), (other, "DiscretizedDQN" if other is DiscretizedDQN else "NoisyDQN and Rainbow")):
        create(each).save(tmp_path / "model")
        with pytest.raises(UserError, match=f"{algorithm.__name__} can't use a policy of .*{name}"):
            algorithm.load(tmp_path / "model")


def test_the_weights_exponent_ends_at_one_though_the_last_episode_goes_on():
    model = create(Rainbow, "Pendulum-v1", train_freq=(1, "episode")).learn(50)
    assert model.num_timesteps == 200
    assert model.replay_buffer.beta == 1


class Choice(gym.Env):
    """Its masks are those that a test sets."""

    observation_space = spaces.Box(-1, 1, (1,))
    action_space = spaces.Discrete(3)

    def __init__(self, info):
        self.info, self.steps = info, 0

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), self.info(self.steps)

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), 0.0, False, False, self.info(self.steps)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (lambda step: {"action_mask": np.zeros(3)}, "allows no action"),
        (lambda step: {"action_mask": np.ones(2)}, "needs true or false for each of the 3 actions"),
        (lambda step: {"action_mask": "x"}, "needs true or false for each of the 3 actions"),
        (lambda step: {"action_mask": np.ones(3)} if step < 5 else {}, "is missing after a step"),
    ],
)
def test_masks_that_cannot_be_heeded_end_the_training(info, words):
    with pytest.raises(UserError, match=words):
        create(env=Choice(info), action_masks=True).learn(20)


@pytest.mark.parametrize(("masks", "words"), [([1, 1], "this is"), ("x", "this is 'x'"), ([0, 0, 0], "allows no action")])
def test_masks_that_cannot_be_heeded_are_not_predicted_with(masks, words):
    model = create(env=Choice(lambda step: {"action_mask": np.ones(3)}), action_masks=True)
    with pytest.raises(UserError, match=words):
        model.predict(np.zeros(1, np.float32), action_masks=masks)


@pytest.mark.parametrize(
    ("space", "branching", "words"),
    [
        (spaces.MultiDiscrete([2, 3]), False, r"Set branching=True\."),
        (spaces.Discrete(3), True, r"Box and MultiDiscrete as action spaces with branching=True .* Leave out branching=True\."),
        (spaces.MultiBinary(2), False, "only supports"),
    ],
)
def test_an_action_space_that_is_not_supported_comes_with_the_way_out(space, branching, words):
    env = Choice(lambda step: {})
    env.action_space = space
    with pytest.raises(AssertionError, match=words):
        create(env=env, branching=branching)


def test_munchausen_says_how_rainbow_takes_it():
    with pytest.raises(UserError, match="Set double_q=False"):
        create(Rainbow, munchausen=True)
    assert create(Rainbow, munchausen=True, double_q=False).munchausen


def test_parts_for_other_algorithms_are_in_the_package():
    assert {"MinAtarCNN", "PrioritizedReplayBuffer"} <= set(dir(ca2_rl))
    assert ca2_rl.MinAtarCNN.__name__ == "MinAtarCNN"


def test_values_of_the_command_line_are_written_as_in_python_or_yaml():
    parser = argparse.ArgumentParser()
    parser.add_argument("-params", nargs="+", action=Named)
    given = {
        "distribution:null": None,
        "distribution:None": None,
        "double_q:false": False,
        "train_freq:[1, episode]": [1, "episode"],
        "train_freq:(1,'episode')": (1, "episode"),
        "net_arch:[64, 64]": [64, 64],
        "activation_fn:[nn.ReLU]": [torch.nn.ReLU],
        "learning_rate:lin_1e-3": "lin_1e-3",
    }
    for text, value in given.items():
        (found,) = parser.parse_args(["-params", text]).params.values()
        assert found == value
        assert type(found) is type(value)
