"""Rainbow: its parts alone and together, compiled and eager, saved and gone on with."""

import gymnasium as gym
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
from ca2_rl.state import register_env_state

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


# Every pair of values of the options that go together occurs in one of them
PAIRS = [
    {"sigma0": 0.0, "double_q": False, "dueling": False, "prioritized_replay": True, "n_steps": 3, **CATEGORICAL},
    {"sigma0": 0.5, "double_q": True, "dueling": True, "prioritized_replay": False, "n_steps": 1, **CATEGORICAL},
    {"sigma0": 0.5, "double_q": False, "dueling": True, "prioritized_replay": True, "n_steps": 3, "distribution": "quantile"},
    {"sigma0": 0.0, "double_q": True, "dueling": False, "prioritized_replay": False, "n_steps": 1, "distribution": "quantile"},
    {"sigma0": 0.5, "double_q": True, "dueling": False, "prioritized_replay": True, "n_steps": 3, "distribution": None},
    {"sigma0": 0.0, "double_q": False, "dueling": True, "prioritized_replay": False, "n_steps": 3, "distribution": None},
    {"sigma0": 0.0, "double_q": True, "dueling": True, "prioritized_replay": True, "n_steps": 1, "distribution": None},
    {"sigma0": 0.5, "double_q": False, "dueling": False, "prioritized_replay": False, "n_steps": 1, "distribution": None},
    {"sigma0": 0.5, "double_q": False, "dueling": False, "prioritized_replay": False, "n_steps": 3, "distribution": "quantile"},
    {"sigma0": 0.0, "double_q": True, "dueling": True, "prioritized_replay": False, "n_steps": 3, **CATEGORICAL},
    {"sigma0": 0.5, "double_q": False, "dueling": False, "prioritized_replay": True, "n_steps": 1, **CATEGORICAL},
    {"sigma0": 0.0, "double_q": True, "dueling": True, "prioritized_replay": True, "n_steps": 3, "distribution": "quantile"},
    # Munchausen goes with neither double Q-learning nor atoms
    {"munchausen": True, "sigma0": 0.5, "double_q": False, "dueling": True, "prioritized_replay": True, "distribution": None},
    {"munchausen": True, "sigma0": 0.0, "double_q": False, "dueling": False, "prioritized_replay": False, "n_steps": 1},
]


def test_the_pairs_cover_what_goes_together():
    on = [{name: settings.get(name, getattr(create(), name)) for name in (*PARTS_OFF, "munchausen")} for settings in PAIRS]
    names = sorted(on[0])
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            seen = {(settings[one], settings[other]) for settings in on}
            values = [len({settings[name] for settings in on}) for name in (one, other)]
            refused = {"munchausen", "double_q"} <= {one, other} or {"munchausen", "distribution"} <= {one, other}
            assert len(seen) >= values[0] * values[1] - refused, (one, other)


@with_compiler
@pytest.mark.parametrize("settings", [PAIRS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in PAIRS[1:])], ids=str)
def test_a_compiled_step_is_an_eager_step(settings):
    # The paper's eps: with a smaller one, Adam's first step makes a full step of a gradient that is all rounding
    policy_kwargs = {"net_arch": [16], "optimizer_kwargs": {"eps": 1.5e-4}}
    eager, compiled = (
        create(compile=choice, learning_starts=100, policy_kwargs=policy_kwargs, **settings).learn(100) for choice in (False, True)
    )
    for model in (eager, compiled):
        model.set_random_seed(1)
        model.train(1, 16)
    assert (compiled.fast.way, eager.fast.way) == ("program", "eager")
    assert_same(compiled, eager, tolerance=1e-5)
    if settings["prioritized_replay"]:
        np.testing.assert_allclose(compiled.replay_buffer.priorities, eager.replay_buffer.priorities, rtol=1e-4, atol=1e-5)
        assert len(set(eager.replay_buffer.priorities.tolist())) > 5


@pytest.mark.parametrize("settings", PAIRS, ids=str)
def test_acting_by_numpy_is_acting_by_torch(settings):
    model = create(**settings).learn(41)
    model.fast.begin(10)
    observations = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    with torch.no_grad():
        expected = model.q_net(torch.as_tensor(observations))
    np.testing.assert_allclose(model.fast.outputs(observations), expected, rtol=1e-4, atol=1e-5)


class Dicts(gym.ObservationWrapper):
    """CartPole with a Dict of observations."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Dict(cart=gym.spaces.Box(-9.0, 9.0, (2,)), pole=gym.spaces.Box(-9.0, 9.0, (2,)))

    def observation(self, observation):
        return {"cart": observation[:2].clip(-9, 9), "pole": observation[2:].clip(-9, 9)}


class Pictures(gym.ObservationWrapper):
    """CartPole as a small picture of four bars."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Box(0, 255, (1, 36, 36), np.uint8)

    def observation(self, observation):
        picture = np.zeros((1, 36, 36), np.uint8)
        for i, value in enumerate(observation):
            picture[0, 9 * i : 9 * i + 9, : 18 + int(np.clip(5 * value, -17, 17))] = 255
        return picture


register_env_state(Dicts)
ENVS = {"vector": ("MlpPolicy", None), "dict": ("MultiInputPolicy", Dicts), "image": ("CnnPolicy", Pictures)}


def env_of(kind, n_envs=1):
    return make_vec_env("CartPole-v1", n_envs, wrapper_class=ENVS[kind][1])


@pytest.mark.parametrize("kind", ENVS)
@pytest.mark.parametrize(
    "settings", [{}, CATEGORICAL, {"munchausen": True, "double_q": False}], ids=["rainbow", "categorical", "munchausen"]
)
def test_it_trains_saves_loads_and_goes_on(kind, settings, tmp_path):
    policy = ENVS[kind][0]
    small = {} if kind == "image" else {"policy_kwargs": {"net_arch": [16]}}
    steps = 12 if kind == "image" else 60
    arguments = {"batch_size": 8, "learning_starts": steps // 2, **small, **settings}
    model = create(Rainbow, env_of(kind), policy, **arguments).learn(steps)
    model.save(tmp_path / "model")
    loaded = Rainbow.load(tmp_path / "model", env=env_of(kind))
    observation = model.env.reset()
    np.testing.assert_array_equal(loaded.predict(observation, deterministic=True)[0], model.predict(observation, deterministic=True)[0])
    loaded.learn(steps, reset_num_timesteps=False)
    assert all(value.isfinite().all() for value in weights(loaded).values())


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("vector", {}), ("vector", {"exploration_hold": 3, "n_envs": 2}), ("dict", CATEGORICAL), ("vector", {"sigma0": 0.0, "n_steps": 1})],
    ids=str,
)
def test_a_whole_state_goes_on_bit_for_bit(kind, settings, tmp_path):
    settings = dict(settings)
    n_envs = settings.pop("n_envs", 1)
    buffer = {"buffer_size": 70 * n_envs}  # which is filled more than once

    def agent():
        return create(Rainbow, env_of(kind, n_envs), ENVS[kind][0], **buffer, **settings)

    model = agent()
    model.learn(100 * n_envs)
    model.save_state(tmp_path / "state")
    model.learn(60 * n_envs, reset_num_timesteps=False)
    resumed = Rainbow.load_state(tmp_path / "state", env_of(kind, n_envs))
    resumed.learn(60 * n_envs, reset_num_timesteps=False)
    assert_same(resumed, model)
    np.testing.assert_array_equal(resumed.replay_buffer.priorities, model.replay_buffer.priorities)
    np.testing.assert_array_equal(resumed.replay_buffer.actions, model.replay_buffer.actions)
