"""Rainbow: its parts alone and together, compiled and eager, saved and gone on with."""

import numpy as np
import pytest
import torch
from stable_baselines3.common.env_util import make_vec_env

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN, NoisyDQN, Rainbow
from ca2_rl.common.prioritized_replay import Prioritized
from ca2_rl.common.replay_buffer import QuickNStepReplayBuffer
from ca2_rl.discretized_dqn.policies import DuelingHead
from ca2_rl.fast.accelerator import has_cpp_compiler

PARTS_OFF = {
    "sigma0": 0.0,
    "double_q": False,
    "dueling": False,
    "prioritized_replay": False,
    "n_steps": 1,
    "distribution": None,
}
CATEGORICAL = {"distribution": "categorical", "v_min": -20.0, "v_max": 20.0, "n_atoms": 11}
with_compiler = pytest.mark.skipif(not has_cpp_compiler(), reason="no C++ compiler")


def create(algorithm=Rainbow, env="CartPole-v1", policy="MlpPolicy", **kwargs):
    """A small agent that learns from step 40 on."""
    settings = {"seed": 0, "buffer_size": 300, "learning_starts": 40, "batch_size": 16, "train_freq": 1, "device": "cpu"}
    dqn = {"target_update_interval": 1, "tau": 0.05, "learning_rate": 1e-3, "compile": False, "n_bins": 3}
    quantiles = {} if "n_quantiles" in kwargs else {"n_quantiles": 5}
    return algorithm(policy, env, **settings | dqn | quantiles | {"policy_kwargs": {"net_arch": [16]}} | kwargs)


def weights(model):
    return {name: value.clone() for name, value in model.policy.state_dict().items()}


def assert_same(model, other, tolerance=0.0):
    ours, theirs = weights(model), weights(other)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}")


def test_all_six_parts_are_on():
    model = create()
    assert model.double_q
    assert isinstance(model.replay_buffer, (Prioritized, QuickNStepReplayBuffer))
    assert model.replay_buffer.n_steps == 3
    assert isinstance(model.q_net.q_net, DuelingHead)
    assert len(model.q_net.noisy_layers) == 4
    assert model.q_net.outputs(torch.zeros(2, 4)).shape == (2, 5, 2)
    assert model.q_net(torch.zeros(2, 4)).shape == (2, 2)


@pytest.mark.parametrize("compile", [False, pytest.param(True, marks=[pytest.mark.slow, with_compiler])])
def test_without_its_parts_it_is_dqn(compile):
    ours, reference = (
        create(each, compile=compile, **options).learn(150) for each, options in ((Rainbow, PARTS_OFF), (DiscretizedDQN, {}))
    )
    assert_same(ours, reference)
    np.testing.assert_array_equal(ours.replay_buffer.actions, reference.replay_buffer.actions)


def test_with_noise_alone_it_is_noisy_dqn():
    alone = {name: value for name, value in PARTS_OFF.items() if name != "sigma0"}
    assert_same(create(Rainbow, **alone).learn(150), create(NoisyDQN).learn(150))


@pytest.mark.parametrize("part", PARTS_OFF)
def test_each_part_is_an_option_of_its_own(part):
    ours = create(Rainbow, **{part: PARTS_OFF[part]}).learn(80)
    others = {"sigma0": 0.5, "double_q": True, "dueling": True, "prioritized_replay": True, "n_steps": 3, "distribution": "quantile"}
    others[part] = PARTS_OFF[part]
    reference = create(NoisyDQN, **others).learn(80)
    assert_same(ours, reference)
    differs = create(Rainbow).learn(80)
    assert any(not torch.equal(a, b) for a, b in zip(weights(ours).values(), weights(differs).values(), strict=False))


def test_without_noise_epsilon_falls():
    model = create(sigma0=0, exploration_final_eps=0.5, exploration_fraction=0.5).learn(100)
    assert model.exploration_rate == pytest.approx(0.5)
    with pytest.raises(UserError, match="exploration_final_eps: "):
        create(exploration_final_eps=0.5)


@pytest.mark.parametrize("settings", [{}, {"exploration_hold": 3, "n_envs": 2}, {"sigma0": 0.0, "n_steps": 1, "n_envs": 2}], ids=str)
def test_a_whole_state_goes_on_bit_for_bit(settings, tmp_path):
    settings = dict(settings)
    n_envs = settings.pop("n_envs", 1)
    buffer = {"buffer_size": 70 * n_envs}  # which is filled more than once

    def agent():
        return create(Rainbow, make_vec_env("CartPole-v1", n_envs), **buffer, **settings)

    model = agent()
    model.learn(100 * n_envs)
    model.save_state(tmp_path / "state")
    model.learn(60 * n_envs, reset_num_timesteps=False)
    resumed = Rainbow.load_state(tmp_path / "state", make_vec_env("CartPole-v1", n_envs))
    resumed.learn(60 * n_envs, reset_num_timesteps=False)
    assert_same(resumed, model)
    np.testing.assert_array_equal(resumed.replay_buffer.priorities, model.replay_buffer.priorities)
    np.testing.assert_array_equal(resumed.replay_buffer.actions, model.replay_buffer.actions)
