"""The options of the DQN family, in a set of agents in which every pair of their values occurs that goes together."""

from functools import partial
from itertools import combinations, product

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN, NoisyDQN, Rainbow
from ca2_rl.fast.accelerator import has_cpp_compiler
from ca2_rl.state import register_env_state

# By option: off, then on
OPTIONS = {
    "sigma0": (0.0, 0.5),
    "double_q": (False, True),
    "dueling": (False, True),
    "prioritized_replay": (False, True),
    "n_steps": (1, 3),
    "distribution": (None, "categorical", "quantile"),
    "munchausen": (False, True),
    "branching": (False, True),
    "action_masks": (False, True),
    "exploration_hold": (1, 4),
}
OFF = {name: values[0] for name, values in OPTIONS.items()}
REFUSED = {
    *(("munchausen", other) for other in ("double_q", "categorical", "branching", "action_masks")),
    ("branching", "action_masks"),
}
RANGE = {"v_min": -20.0, "v_max": 20.0, "n_atoms": 11, "n_quantiles": 5}


def pairs_of(settings):
    return set(combinations(settings.items(), 2))


def goes_together(settings):
    on = {value if isinstance(value, str) else name for name, value in settings.items() if value != OFF[name]}
    return not any(set(pair) <= on for pair in REFUSED)


def covering_set():
    """Greedily: each next agent has as many new pairs as possible."""
    agents = [dict(zip(OPTIONS, values, strict=True)) for values in product(*OPTIONS.values())]
    pairs = [(agent, pairs_of(agent)) for agent in agents if goes_together(agent)]
    missing, chosen = set().union(*(each for _, each in pairs)), []
    while missing:
        agent, new = max(pairs, key=lambda entry: len(entry[1] & missing))
        chosen.append(agent)
        missing -= new
    return chosen


AGENTS = covering_set()
BRANCHING, MASKED = (next(agent for agent in AGENTS if agent[name]) for name in ("branching", "action_masks"))


def name_of(agent):
    words = [value if isinstance(value, str) else name for name, value in agent.items() if value != OFF[name]]
    return "-".join(words) or "off"


def agents(*quick):
    """All of the set; those but for ``quick`` are slow."""
    slow = [agent for agent in AGENTS if quick and agent not in quick]
    marked = [pytest.param(agent, marks=pytest.mark.slow if agent in slow else (), id=name_of(agent)) for agent in AGENTS]
    return pytest.mark.parametrize("agent", marked)


class Masked(gym.Wrapper):
    """CartPole that must not be pushed outwards where the cart is far out."""

    def mask(self, observation):
        return np.array([observation[0] > -0.05, observation[0] < 0.05], np.int8)

    def reset(self, **kwargs):
        observation, info = self.env.reset(**kwargs)
        return observation, info | {"action_mask": self.mask(observation)}

    def step(self, action):
        observation, *outcome, info = self.env.step(action)
        return observation, *outcome, info | {"action_mask": self.mask(observation)}


class Hands(gym.ActionWrapper):
    """CartPole pushed by two hands, the second of which has a third choice."""

    def __init__(self, env):
        super().__init__(env)
        self.action_space = spaces.MultiDiscrete([2, 3])

    def action(self, action):
        return int(action[0] if action[1] == 2 else action[1])


class Dicts(gym.ObservationWrapper):
    """CartPole with a Dict of observations."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = spaces.Dict(cart=spaces.Box(-9.0, 9.0, (2,)), pole=spaces.Box(-9.0, 9.0, (2,)))

    def observation(self, observation):
        return {"cart": observation[:2].clip(-9, 9), "pole": observation[2:].clip(-9, 9)}


class Pictures(gym.ObservationWrapper):
    """CartPole as a small picture of four bars."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = spaces.Box(0, 255, (1, 36, 36), np.uint8)

    def observation(self, observation):
        picture = np.zeros((1, 36, 36), np.uint8)
        for i, value in enumerate(observation):
            picture[0, 9 * i : 9 * i + 9, : 18 + int(np.clip(5 * value, -17, 17))] = 255
        return picture


for wrapper in (Masked, Hands, Dicts, Pictures):
    register_env_state(wrapper)
POLICIES = {"vector": "MlpPolicy", "dict": "MultiInputPolicy", "image": "CnnPolicy"}
WRAPPERS = {"dict": Dicts, "image": Pictures}


def cart_pole(kind, agent):
    env = gym.make("CartPole-v1")
    env = Masked(env) if agent["action_masks"] else Hands(env) if agent["branching"] else env
    return WRAPPERS[kind](env) if kind in WRAPPERS else env


def env_of(kind, agent, n_envs=1):
    return make_vec_env(partial(cart_pole, kind, agent), n_envs, seed=0)


def create(agent, kind="vector", algorithm=Rainbow, env=None, **kwargs):
    """A small agent that learns from step 40 on."""
    settings = {"seed": 0, "buffer_size": 300, "learning_starts": 40, "batch_size": 16, "train_freq": 1, "device": "cpu"}
    dqn = {"target_update_interval": 1, "tau": 0.05, "learning_rate": 1e-3, "compile": False, "n_bins": 3}
    small = {} if kind == "image" else {"policy_kwargs": {"net_arch": [16]}}
    return algorithm(POLICIES[kind], env or env_of(kind, agent), **settings | dqn | small | RANGE | agent | kwargs)


def assert_same(model, other, tolerance=0.0):
    ours, theirs = model.policy.state_dict(), other.policy.state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}")


def test_the_set_is_small_and_has_every_pair_that_goes_together():
    assert len(AGENTS) <= 16
    seen = set().union(*map(pairs_of, AGENTS))
    for (one, its), (other, others) in combinations(OPTIONS.items(), 2):
        for pair in product(its, others):
            assert goes_together(dict(zip((one, other), pair, strict=True))) == (tuple(zip((one, other), pair, strict=True)) in seen)


@pytest.mark.parametrize("pair", list(combinations(OPTIONS, 2)), ids="-".join)
def test_pairs_that_do_not_go_together_are_refused_and_no_others(pair):
    for values in product(*(OPTIONS[name][1:] for name in pair)):
        agent = OFF | dict(zip(pair, values, strict=True))
        if goes_together(agent):
            create(agent, buffer_size=10)
        else:
            with pytest.raises((UserError, AssertionError)):
                create(agent, buffer_size=10)


@pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, Rainbow])
def test_with_all_options_off_an_agent_is_sb3_s_dqn(algorithm):
    off = {name: value for name, value in OFF.items() if name != "sigma0" or algorithm is not DiscretizedDQN}
    settings = {"seed": 0, "buffer_size": 300, "learning_starts": 40, "train_freq": 1, "target_update_interval": 50, "device": "cpu"}
    settings |= {"exploration_fraction": 0.5, "exploration_final_eps": 0.1, "exploration_initial_eps": 0.9, "learning_rate": 1e-2}
    own = {"replay_buffer_class": ReplayBuffer, **off}  # our buffer draws other rows
    ours = algorithm("MlpPolicy", "CartPole-v1", **settings, **own).learn(200)
    reference = DQN("MlpPolicy", "CartPole-v1", **settings).learn(200)
    assert_same(ours, reference)
    np.testing.assert_array_equal(ours.replay_buffer.actions, reference.replay_buffer.actions)


@agents()
def test_an_option_that_is_off_leaves_the_agent_as_if_it_had_none(agent):
    on = {name: value for name, value in agent.items() if value != OFF[name]}
    algorithm = NoisyDQN if "sigma0" in on else DiscretizedDQN
    assert_same(create(agent).learn(80), create(on, algorithm=algorithm, env=env_of("vector", agent)).learn(80))


def test_masks_that_allow_everything_change_nothing():
    class AllAllowed(Masked):
        def mask(self, observation):
            return np.ones(2, np.int8)

    env = partial(make_vec_env, lambda: AllAllowed(gym.make("CartPole-v1")), seed=0)
    masked, plain = (create(OFF | {"double_q": True, "action_masks": on}, env=env()).learn(150) for on in (True, False))
    assert_same(masked, plain)
    np.testing.assert_array_equal(masked.replay_buffer.actions, plain.replay_buffer.actions)


@pytest.mark.skipif(not has_cpp_compiler(), reason="no C++ compiler")
@agents(BRANCHING, MASKED)
def test_a_compiled_step_is_an_eager_step(agent):
    # The paper's eps: with a smaller one, Adam's first step makes a full step of a gradient that is all rounding
    policy_kwargs = {"net_arch": [16], "optimizer_kwargs": {"eps": 1.5e-4}}
    eager, compiled = (
        create(agent, compile=choice, learning_starts=100, policy_kwargs=policy_kwargs).learn(100) for choice in (False, True)
    )
    for model in (eager, compiled):
        model.set_random_seed(1)
        model.train(1, 16)
    assert (compiled.fast.way, eager.fast.way) == ("program", "eager")
    assert_same(compiled, eager, tolerance=1e-5)
    if agent["prioritized_replay"]:
        np.testing.assert_allclose(compiled.replay_buffer.priorities, eager.replay_buffer.priorities, rtol=1e-4, atol=1e-5)
        assert len(set(eager.replay_buffer.priorities.tolist())) > 5


@agents()
def test_acting_by_numpy_is_acting_by_torch(agent):
    model = create(agent).learn(41)
    model.fast.begin(10)
    observations = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    with torch.no_grad():
        expected = model.q_net(torch.as_tensor(observations))
    np.testing.assert_allclose(model.fast.outputs(observations), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", POLICIES)
@agents()
def test_it_trains_saves_loads_and_goes_on_bit_for_bit(agent, kind, tmp_path):
    steps = 24 if kind == "image" else 60
    model = create(agent, kind, batch_size=8, learning_starts=steps // 2, buffer_size=steps - 4).learn(steps)
    model.save(tmp_path / "model")
    loaded = Rainbow.load(tmp_path / "model", env=env_of(kind, agent))
    observation = env_of(kind, agent).reset()
    np.testing.assert_array_equal(loaded.predict(observation, deterministic=True)[0], model.predict(observation, deterministic=True)[0])
    loaded.learn(steps, reset_num_timesteps=False)
    assert all(value.isfinite().all() for value in loaded.policy.state_dict().values())
    model.save_state(tmp_path / "state")
    model.learn(steps, reset_num_timesteps=False)
    resumed = Rainbow.load_state(tmp_path / "state", env_of(kind, agent))
    resumed.learn(steps, reset_num_timesteps=False)
    assert_same(resumed, model)
    np.testing.assert_array_equal(resumed.replay_buffer.actions, model.replay_buffer.actions)
