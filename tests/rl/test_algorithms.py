"""What holds for every algorithm of the package."""

import csv
import importlib
import inspect
import math
import pickle
from copy import deepcopy

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DDPG, DQN, HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.envs import BitFlippingEnv
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure
from stable_baselines3.common.save_util import load_from_zip_file
from stable_baselines3.common.vec_env import VecNormalize

import ca2_rl
from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN, Rainbow
from ca2_rl.common.diagnostics import GRADIENT_NORM, MEAN_Q, RETURN
from ca2_rl.fast.accelerator import has_cpp_compiler

# With arguments that are not the defaults, so that it shows where they get lost
ARGUMENTS = {
    DiscretizedDQN: {"n_bins": 5, "double_q": True, "dueling": True},
    NoisyDQN: {"n_bins": 7, "double_q": True, "dueling": True, "sigma0": 0.7},
    Rainbow: {"n_bins": 3, "n_quantiles": 4, "n_steps": 2, "priority_alpha": 0.6, "priority_beta": 0.5},
    OUDDPG: {
        "ou_sigma": 0.3,
        "ou_theta": 0.25,
        "ou_dt": 0.5,
        "ou_mu": 0.1,
        "critic_loss": "huber",
        "critic_aggregation": "mean",
        "target_policy_noise": 0.1,
        "target_noise_clip": 0.2,
    },
}
DQNS = (DiscretizedDQN, NoisyDQN, Rainbow)
PARENTS = {DiscretizedDQN: DQN, NoisyDQN: DQN, Rainbow: DQN, OUDDPG: DDPG}
OBSERVATIONS = gym.make("Pendulum-v1").observation_space.low * np.linspace(-1, 1, 9, dtype=np.float32)[:, None]

# What keeps each observation once, or has a replay buffer of its own, goes without these
PLAIN_REPLAY = {Rainbow: {"prioritized_replay": False, "n_steps": 1}}

# Both at once is what SB3 refuses
NO_TIMEOUTS = {"replay_buffer_kwargs": {"handle_timeout_termination": False}}

every_algorithm = pytest.mark.parametrize("algorithm", ARGUMENTS)
every_dqn = pytest.mark.parametrize("algorithm", DQNS)


def pendulum():
    return gym.make("Pendulum-v1", max_episode_steps=20)


def create(algorithm, env=None, policy="MlpPolicy", **kwargs):
    """A small agent that learns from step 20 on."""
    settings = {"seed": 0, "buffer_size": 500, "learning_starts": 20, "batch_size": 8, "device": "cpu"}
    network = {"policy_kwargs": {"net_arch": [16]}}
    return algorithm(policy, env or pendulum(), **settings | network | ARGUMENTS[algorithm] | kwargs)


def logged_by(algorithm):
    """SB3's keys and ours."""
    losses = {"train/actor_loss", "train/critic_loss"} if algorithm is OUDDPG else {"train/loss"}
    return losses | {GRADIENT_NORM, MEAN_Q, RETURN, "train/learning_rate", "rollout/ep_rew_mean"}


def weights(model):
    return {name: value.clone() for name, value in model.policy.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_public_algorithm_is_tested_here():
    public = {getattr(ca2_rl, name) for name in ca2_rl.__all__}
    assert {each for each in public if issubclass(each, BaseAlgorithm)} == ARGUMENTS.keys()


@every_algorithm
@pytest.mark.parametrize("settings", [{}, {"n_steps": 3}, {"gradient_steps": -1}, {"optimize_memory_usage": True, **NO_TIMEOUTS}], ids=str)
@pytest.mark.parametrize("n_envs", [1, 3])
def test_training_changes_the_weights_to_finite_ones(algorithm, settings, n_envs):
    if "optimize_memory_usage" in settings:
        settings = settings | PLAIN_REPLAY.get(algorithm, {})
    model = create(algorithm, make_vec_env(pendulum, n_envs), **settings)
    before = weights(model)
    model.learn(60 * n_envs)
    assert model.num_timesteps >= 60 * n_envs
    assert not same(weights(model), before)
    assert all(value.isfinite().all() for value in weights(model).values())


@every_algorithm
def test_updates_may_follow_every_episode(algorithm):
    model = create(algorithm, train_freq=(1, "episode"), gradient_steps=-1, learning_starts=0).learn(60)
    assert model._n_updates == 60


@every_algorithm
@pytest.mark.parametrize("deterministic", [True, False])
def test_predicted_actions_are_of_the_action_space(algorithm, deterministic):
    model = create(algorithm)
    space = pendulum().action_space
    actions, _ = model.predict(OBSERVATIONS, deterministic=deterministic)
    assert actions.shape == (len(OBSERVATIONS), 1)
    single, _ = model.predict(OBSERVATIONS[0], deterministic=deterministic)
    assert single.dtype == actions.dtype == space.dtype
    assert all(space.contains(action) for action in [*actions, single])


@every_algorithm
def test_deterministic_prediction_of_one_observation_is_that_of_the_batch(algorithm):
    model = create(algorithm)
    batched, _ = model.predict(OBSERVATIONS, deterministic=True)
    one_by_one = [model.predict(observation, deterministic=True)[0] for observation in OBSERVATIONS]
    np.testing.assert_allclose(batched, one_by_one, rtol=1e-5)


@every_algorithm
def test_deterministic_prediction_draws_no_random_number(algorithm):
    model = create(algorithm)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, _ = model.predict(OBSERVATIONS, deterministic=True)
    second, _ = model.predict(OBSERVATIONS, deterministic=True)
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)


@every_algorithm
def test_saved_model_predicts_the_same_and_keeps_its_arguments(algorithm, tmp_path):
    model = create(algorithm).learn(40)
    model.save(tmp_path / "model")
    loaded = algorithm.load(tmp_path / "model")
    assert {name: getattr(loaded, name) for name in ARGUMENTS[algorithm]} == ARGUMENTS[algorithm]
    assert same(weights(loaded), weights(model))
    np.testing.assert_array_equal(loaded.predict(OBSERVATIONS, deterministic=True)[0], model.predict(OBSERVATIONS, deterministic=True)[0])


@every_algorithm
@pytest.mark.parametrize("n_envs", [1, 3])
def test_loaded_model_learns_on(algorithm, n_envs, tmp_path):
    create(algorithm).learn(40).save(tmp_path / "model")
    loaded = algorithm.load(tmp_path / "model", env=make_vec_env(pendulum, n_envs))
    before = weights(loaded)
    loaded.learn(60, reset_num_timesteps=False)
    assert loaded.num_timesteps == 40 + 60
    assert not same(weights(loaded), before)


@every_algorithm
def test_loaded_replay_buffer_is_learned_from(algorithm, tmp_path):
    model = create(algorithm).learn(40)
    model.save_replay_buffer(tmp_path / "buffer")
    model.save(tmp_path / "model")
    loaded = algorithm.load(tmp_path / "model", env=pendulum())
    loaded.load_replay_buffer(tmp_path / "buffer")
    np.testing.assert_array_equal(loaded.replay_buffer.actions[:40], model.replay_buffer.actions[:40])
    loaded.learn(8, reset_num_timesteps=False)
    assert loaded.replay_buffer.size() == 48


@every_algorithm
def test_saved_policy_alone_predicts_the_same(algorithm, tmp_path):
    model = create(algorithm).learn(40)
    model.policy.save(tmp_path / "policy")
    policy = type(model.policy).load(tmp_path / "policy")
    np.testing.assert_array_equal(policy.predict(OBSERVATIONS, deterministic=True)[0], model.predict(OBSERVATIONS, deterministic=True)[0])


@every_algorithm
def test_the_seed_fixes_the_weights(algorithm):
    first, again, other = (weights(create(algorithm, seed=seed).learn(60)) for seed in (0, 0, 1))
    assert same(first, again)
    assert not same(first, other)


@every_algorithm
def test_the_arguments_given_are_not_changed(algorithm):
    """So that one dict of settings does for several agents."""
    policy_kwargs = {"net_arch": [16]}
    create(algorithm, policy_kwargs=policy_kwargs).learn(20)
    assert policy_kwargs == {"net_arch": [16]}


@every_algorithm
def test_a_second_learn_starts_anew_or_goes_on(algorithm):
    model = create(algorithm).learn(40)
    assert model.learn(40).num_timesteps == 40
    assert model.learn(40, reset_num_timesteps=False).num_timesteps == 80


class Stop(BaseCallback):
    def __init__(self, at):
        super().__init__()
        self.at, self.events = at, []

    def _on_training_start(self):
        self.events.append("start")

    def _on_rollout_start(self):
        self.events.append("rollout")

    def _on_step(self):
        return self.num_timesteps < self.at

    def _on_training_end(self):
        self.events.append("end")


@every_algorithm
def test_callbacks_are_called_and_may_stop_the_training(algorithm):
    callback = Stop(at=30)
    model = create(algorithm).learn(100, callback)
    assert model.num_timesteps == 30
    assert (callback.events[0], callback.events[1], callback.events[-1]) == ("start", "rollout", "end")


@every_algorithm
def test_evaluate_policy_gets_returns_within_the_bounds_of_the_env(algorithm):
    env = make_vec_env(pendulum, 2)
    returns, lengths = evaluate_policy(create(algorithm), env, n_eval_episodes=4, return_episode_rewards=True)
    assert lengths == [20] * 4
    assert all(-16.28 * 20 <= episode_return <= 0 for episode_return in returns)


@every_algorithm
def test_normalised_envs_are_learned_from(algorithm):
    env = VecNormalize(make_vec_env(pendulum, 2))
    model = create(algorithm, env).learn(80)
    assert all(value.isfinite().all() for value in weights(model).values())


@every_algorithm
def test_diagnostics_are_in_the_log(algorithm, tmp_path):
    model = create(algorithm)
    model.set_logger(configure(str(tmp_path), ["csv"]))
    model.learn(120, log_interval=2)
    model.logger.close()
    with (tmp_path / "progress.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert all(math.isfinite(float(last[name])) for name in logged_by(algorithm))
    assert float(last["time/total_timesteps"]) == 120
    assert float(last["train/n_updates"]) > 0
    assert ("rollout/exploration_rate" in last) == (algorithm is DiscretizedDQN)


@every_algorithm
def test_tensorboard_run_has_the_diagnostics_and_the_name_of_the_class(algorithm, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    create(algorithm, tensorboard_log=str(tmp_path)).learn(120, log_interval=2)
    events = EventAccumulator(str(tmp_path / f"{algorithm.__name__}_1")).Reload()
    assert logged_by(algorithm) <= set(events.Tags()["scalars"])


@every_algorithm
def test_the_name_of_the_tensorboard_run_may_be_chosen(algorithm, tmp_path):
    create(algorithm, tensorboard_log=str(tmp_path)).learn(20, tb_log_name="mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine_1"]


@every_dqn
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Acrobot-v1", "MountainCarContinuous-v0"])
def test_dqns_learn_in_discrete_and_continuous_spaces(algorithm, env_id):
    model = create(algorithm, env_id).learn(60)
    action, _ = model.predict(model.env.reset(), deterministic=True)
    assert model.action_space.contains(action[0])


@every_dqn
@pytest.mark.parametrize("double_q", [False, True])
@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("net_arch", [[], [16], [16, 8]], ids=str)
def test_options_of_dqns_combine(algorithm, double_q, dueling, net_arch, tmp_path):
    model = create(algorithm, double_q=double_q, dueling=dueling, policy_kwargs={"net_arch": net_arch}).learn(40)
    model.save(tmp_path / "model")
    loaded = algorithm.load(tmp_path / "model")
    assert (loaded.double_q, loaded.dueling) == (double_q, dueling)
    assert same(weights(loaded), weights(model))


class PointEnv(gym.Env):
    """A few steps in any observation space."""

    def __init__(self, observation_space, action_space):
        self.observation_space, self.action_space = observation_space, action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 10
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.left -= 1
        return self.observation_space.sample(), float(np.sum(action)), False, self.left == 0, {}


TORQUE = gym.spaces.Box(-2.0, 2.0, (1,))
IMAGE = gym.spaces.Box(0, 255, (1, 36, 36), np.uint8)
DICT = gym.spaces.Dict(position=gym.spaces.Box(-1.0, 1.0, (2,)), image=IMAGE)


@every_algorithm
@pytest.mark.parametrize(("policy", "observation_space"), [("CnnPolicy", IMAGE), ("MultiInputPolicy", DICT)])
def test_images_and_dicts_are_learned_from(algorithm, policy, observation_space, tmp_path):
    settings = {"policy_kwargs": {}, "learning_starts": 8, "train_freq": 4, "batch_size": 4, "buffer_size": 50}
    model = create(algorithm, PointEnv(observation_space, TORQUE), policy, **settings).learn(16)
    observation = observation_space.sample()
    action, _ = model.predict(observation, deterministic=True)
    assert TORQUE.contains(action)
    if policy == "CnnPolicy":
        model.save(tmp_path / "model")
        assert np.array_equal(algorithm.load(tmp_path / "model").predict(observation, deterministic=True)[0], action)


@pytest.mark.slow
@pytest.mark.skipif(not has_cpp_compiler(), reason="no C++ compiler")
@every_algorithm
def test_a_compiled_step_on_images_is_an_eager_step(algorithm, same_step):
    settings = {"policy_kwargs": {"optimizer_kwargs": {"eps": 1e-4}}, "learning_starts": 20, "gradient_steps": 0, "buffer_size": 50}
    env = PointEnv(IMAGE, TORQUE)
    eager, compiled = (create(algorithm, env, "CnnPolicy", compile=choice, **settings).learn(20) for choice in (False, True))
    compiled.replay_buffer = deepcopy(eager.replay_buffer)
    same_step(eager, compiled)


@every_algorithm
def test_a_box_of_two_dimensions_is_acted_in(algorithm):
    space = gym.spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([1.0, 5.0], np.float32))
    env = PointEnv(gym.spaces.Box(-1.0, 1.0, (3,)), space)  # which checks its actions
    model = create(algorithm, env).learn(40)
    actions, _ = model.predict(np.zeros((4, 3), np.float32), deterministic=False)
    assert actions.shape == (4, 2)
    assert all(space.contains(action) for action in actions)


@every_dqn
def test_discrete_actions_may_start_anywhere(algorithm):
    space = gym.spaces.Discrete(3, start=5)
    model = create(algorithm, PointEnv(gym.spaces.Box(-1.0, 1.0, (3,)), space)).learn(40)
    assert set(np.unique(model.replay_buffer.actions[:40])) <= {0, 1, 2}
    assert space.contains(model.predict(np.zeros(3, np.float32), deterministic=True)[0][()])


@every_algorithm
def test_arguments_come_in_the_order_of_the_parent_and_ours_by_name(algorithm):
    ours, theirs = (inspect.signature(each.__init__).parameters for each in (algorithm, PARENTS[algorithm]))
    assert list(ours)[: len(theirs)] == list(theirs)
    rest = [parameter for name, parameter in ours.items() if name not in theirs]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in rest)
    assert (ARGUMENTS[algorithm].keys() - theirs.keys()) | {"compile"} <= {parameter.name for parameter in rest}
    not_there = {"action_noise", "exploration_fraction", "exploration_initial_eps", "exploration_final_eps"}
    not_there |= {"n_steps"} if algorithm is Rainbow else set()
    for name in theirs.keys() - not_there:
        assert ours[name].default == theirs[name].default, name
    model = algorithm("MlpPolicy", pendulum(), 0.5, 300, device="cpu")
    assert (model.learning_rate, model.buffer_size) == (0.5, 300)


@every_algorithm
def test_a_misspelt_argument_is_refused(algorithm):
    with pytest.raises(TypeError, match="unexpected keyword argument 'learning_rat'"):
        create(algorithm, learning_rat=1e-3)


@every_algorithm
def test_the_package_exports_the_policies_and_lists_the_class(algorithm):
    package = importlib.import_module(algorithm.__module__.rpartition(".")[0])
    assert {algorithm.__name__, "MlpPolicy", "CnnPolicy", "MultiInputPolicy"} <= set(package.__all__)
    assert algorithm.policy_aliases == {name: getattr(package, name) for name in ("MlpPolicy", "CnnPolicy", "MultiInputPolicy")}
    assert algorithm.__name__ in dir(ca2_rl)
    assert isinstance(create(algorithm, policy=package.MlpPolicy).policy, package.MlpPolicy)


@every_algorithm
@pytest.mark.parametrize("space", [gym.spaces.MultiDiscrete([2, 3]), gym.spaces.MultiBinary(2)], ids=str)
def test_other_action_spaces_are_refused_as_by_sb3(algorithm, space):
    with pytest.raises(AssertionError, match="The algorithm only supports"):
        create(algorithm, PointEnv(gym.spaces.Box(-1.0, 1.0, (3,)), space))


@every_algorithm
def test_parameters_got_from_one_agent_make_another_the_same(algorithm):
    model, other = create(algorithm).learn(60), create(algorithm, seed=1).learn(60)
    assert not same(weights(model), weights(other))
    other.set_parameters(deepcopy(model.get_parameters()))  # torch shares the moments of an optimiser otherwise
    assert same(weights(model), weights(other))
    buffer = deepcopy(model.replay_buffer)
    for each in (model, other):
        each.set_random_seed(0)
        each.replay_buffer = deepcopy(buffer)
        each.train(3, 8)
    assert same(weights(model), weights(other))


@every_algorithm
def test_the_best_agent_of_an_eval_callback_can_be_loaded(algorithm, tmp_path):
    callback = EvalCallback(make_vec_env(pendulum), eval_freq=25, n_eval_episodes=2, best_model_save_path=str(tmp_path), verbose=0)
    create(algorithm).learn(60, callback)
    best = algorithm.load(tmp_path / "best_model")
    mean, _ = evaluate_policy(best, make_vec_env(pendulum), n_eval_episodes=2)
    assert -16.28 * 20 <= mean <= 0
    assert callback.best_mean_reward <= 0


@every_algorithm
def test_an_agent_with_hindsight_is_played_evaluated_loaded_and_trained_further(algorithm, tmp_path):
    def goals():
        return BitFlippingEnv(n_bits=3, continuous=algorithm is OUDDPG, max_steps=3)

    her = {"replay_buffer_class": HerReplayBuffer, "replay_buffer_kwargs": {"n_sampled_goal": 2, "goal_selection_strategy": "future"}}
    model = create(algorithm, goals(), "MultiInputPolicy", **her, **PLAIN_REPLAY.get(algorithm, {})).learn(60)
    model.save(tmp_path / "model")
    model.save_replay_buffer(tmp_path / "buffer")
    observation, _ = goals().reset(seed=0)
    action, _ = model.predict(observation, deterministic=True)
    assert model.action_space.contains(action if algorithm is OUDDPG else int(action))
    loaded = algorithm.load(tmp_path / "model", env=goals())
    np.testing.assert_array_equal(loaded.predict(observation, deterministic=True)[0], action)
    mean, _ = evaluate_policy(loaded, make_vec_env(goals), n_eval_episodes=3)
    assert -3 <= mean <= 0
    loaded.load_replay_buffer(tmp_path / "buffer")
    before = weights(loaded)
    loaded.learn(30, reset_num_timesteps=False)
    assert loaded.num_timesteps >= 90
    assert not same(weights(loaded), before)


@every_algorithm
def test_nothing_of_the_accelerator_is_saved(algorithm, tmp_path):
    create(algorithm).learn(40).save(tmp_path / "model")
    data, _, _ = load_from_zip_file(tmp_path / "model")
    assert {"fast", "averages", "bins"}.isdisjoint(data)
    assert not [name for name, value in data.items() if type(value).__module__.startswith("ca2_rl.fast")]


@pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, Rainbow, OUDDPG])
@pytest.mark.parametrize("duplicate", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copied", "pickled"])
def test_a_model_that_has_learned_can_be_copied_and_pickled(algorithm, duplicate):
    model = algorithm("MlpPolicy", "Pendulum-v1", learning_starts=20, buffer_size=200, policy_kwargs={"net_arch": [8]}, seed=0)
    twin = duplicate(model.learn(40))
    observation = model.observation_space.sample()
    assert np.array_equal(twin.predict(observation, deterministic=True)[0], model.predict(observation, deterministic=True)[0])
    assert twin.learn(20, reset_num_timesteps=False).num_timesteps == 60
