"""The quick ways of acting and storing, against SB3's."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from ca2_core.errors import UserError
from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN
from ca2_rl.common.noisy_linear import split_noise
from ca2_rl.common.replay_buffer import QuickNStepReplayBuffer, QuickReplayBuffer
from ca2_rl.fast import Accelerated, Accelerator
from ca2_rl.fast.numpy_network import numpy_layers, numpy_noise

SETTINGS = {"seed": 0, "buffer_size": 500, "learning_starts": 20, "batch_size": 8, "device": "cpu"}
OBSERVATIONS = np.random.default_rng(0).uniform(-1, 1, size=(200, 3)).astype(np.float32)
every_algorithm = pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, OUDDPG])


def create(algorithm, n_envs=1, **kwargs):
    return algorithm("MlpPolicy", make_vec_env("Pendulum-v1", n_envs), **SETTINGS | {"policy_kwargs": {"net_arch": [16, 16]}} | kwargs)


@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN])
@pytest.mark.parametrize("activation", [torch.nn.ReLU, torch.nn.SiLU, torch.nn.Tanh])
def test_numpy_s_q_values_are_torch_s(algorithm, dueling, activation):
    model = create(algorithm, dueling=dueling, policy_kwargs={"net_arch": [16, 8], "activation_fn": activation}).learn(60)
    x = torch.as_tensor(OBSERVATIONS)
    with torch.no_grad():
        np.testing.assert_allclose(model.fast.outputs(OBSERVATIONS), model.q_net(x), rtol=1e-4, atol=1e-5)
        if algorithm is NoisyDQN:
            roots = model.q_net.sample_roots(len(x))
            (noise,) = numpy_noise(model.q_net.noisy_layers, roots[None])
            expected = model.q_net(x, split_noise(model.q_net.noisy_layers, roots))
            np.testing.assert_allclose(model.fast.outputs(OBSERVATIONS, iter(noise)), expected, rtol=1e-4, atol=1e-5)


@every_algorithm
@pytest.mark.parametrize("n_envs", [1, 3])
def test_acting_by_numpy_chooses_what_torch_chooses(algorithm, n_envs, monkeypatch):

    played = []
    for outputs in (Accelerator.outputs, lambda *_: None):
        monkeypatch.setattr(Accelerator, "outputs", outputs)
        model = create(algorithm, n_envs, learning_starts=10, gradient_steps=0)
        played.append(model.learn(60 * n_envs).replay_buffer.actions[:60])
    np.testing.assert_allclose(*played, rtol=1e-4, atol=1e-5)


@every_algorithm
def test_networks_that_numpy_lacks_act_by_torch(algorithm):
    model = create(algorithm, policy_kwargs={"net_arch": [16], "activation_fn": torch.nn.SELU}).learn(40)
    assert model.fast.outputs(OBSERVATIONS) is None


def test_numpy_follows_weights_that_change_in_place():
    network = torch.nn.Sequential(torch.nn.Linear(3, 2))
    layers = numpy_layers(network)
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.fill_(0.5)
    np.testing.assert_allclose(layers(np.ones((1, 3), np.float32), None), [[3.5, 3.5]])


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("n_steps", [30, 70])
@pytest.mark.parametrize(
    "kwargs", [{}, {"handle_timeout_termination": False}, {"handle_timeout_termination": False, "optimize_memory_usage": True}]
)
def test_quick_buffer_gives_the_batches_of_sb3_s(n_envs, n_steps, kwargs):
    spaces = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Box(-1, 1, (2,))
    buffers = [buffer(50 * n_envs, *spaces, device="cpu", n_envs=n_envs, **kwargs) for buffer in (QuickReplayBuffer, ReplayBuffer)]
    rng = np.random.default_rng(0)
    for _ in range(n_steps):
        obs, next_obs, action = (rng.normal(size=(n_envs, d)).astype(np.float32) for d in (3, 3, 2))
        done = rng.random(n_envs) < 0.3
        infos = [{"TimeLimit.truncated": bool(rng.random() < 0.5)} for _ in range(n_envs)]
        for buffer in buffers:
            buffer.add(obs, next_obs, action, action[:, 0], done, infos)
    assert (buffers[0].pos, buffers[0].full) == (buffers[1].pos, buffers[1].full)
    for _ in range(5):
        batches = []
        for buffer in buffers:
            np.random.seed(3)
            batches.append(buffer.sample(16))
        for name, theirs in batches[1]._asdict().items():
            quick = getattr(batches[0], name)
            assert (quick is None) == (theirs is None)
            if quick is not None:
                assert quick.dtype == theirs.dtype
                assert torch.equal(quick, theirs)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("n_added", [30, 50, 70])  # of 50 places
@pytest.mark.parametrize("n_steps", [2, 5])
def test_n_steps_are_read_as_sb3_s_buffer_gives_them(n_envs, n_added, n_steps):
    spaces = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Box(-1, 1, (2,))
    kwargs = {"device": "cpu", "n_envs": n_envs, "n_steps": n_steps, "gamma": 0.9}
    quick, reference = (buffer(50 * n_envs, *spaces, **kwargs) for buffer in (QuickNStepReplayBuffer, NStepReplayBuffer))
    read = quick.reader()  # before anything is there
    rng = np.random.default_rng(0)
    for _ in range(n_added):
        obs, next_obs, action = (rng.normal(size=(n_envs, d)).astype(np.float32) for d in (3, 3, 2))
        done = rng.random(n_envs) < 0.2
        infos = [{"TimeLimit.truncated": bool(each and rng.random() < 0.5)} for each in done]
        for buffer in (quick, reference):
            buffer.add(obs, next_obs, action, action[:, 0], done, infos)
    steps = np.arange(min(n_added, 50))
    np.random.seed(3)
    expected = reference._get_samples(steps)
    np.random.seed(3)
    envs = np.random.randint(0, n_envs, size=steps.shape)
    found = read(torch.from_numpy(steps * n_envs + envs))
    assert len(expected.discounts.unique()) > 1
    for one, other in zip(found[: len(expected)], expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


@every_algorithm
def test_n_steps_of_a_loaded_agent_are_read_quickly_too(algorithm, tmp_path):
    model = create(algorithm, n_steps=3, gamma=0.9).learn(40)
    model.save(tmp_path / "model")
    model.save_replay_buffer(tmp_path / "buffer")
    loaded = algorithm.load(tmp_path / "model", env=make_vec_env("Pendulum-v1"))
    loaded.load_replay_buffer(tmp_path / "buffer")
    for each in (model, loaded):
        assert type(each.replay_buffer) is QuickNStepReplayBuffer
        assert (each.replay_buffer.n_steps, each.replay_buffer.gamma) == (3, 0.9)
    rows = torch.arange(40)
    for one, other in zip(model.replay_buffer.reader()(rows), loaded.replay_buffer.reader()(rows), strict=True):
        assert (one is other is None) or torch.equal(one, other)


def test_what_was_stored_does_not_change_with_the_env_s_arrays():
    buffer = QuickReplayBuffer(10, gym.spaces.Box(-1, 1, (3,)), gym.spaces.Box(-1, 1, (1,)), device="cpu")
    obs = np.ones((1, 3), np.float32)
    buffer.add(obs, obs, np.ones((1, 1)), np.ones(1), np.zeros(1), [{}])
    obs[:] = 5
    assert (buffer.observations[0] == 1).all()
    assert (buffer.next_observations[0] == 1).all()


class Watcher(BaseCallback):
    """Notes the calls that it gets and what the local variables were; may stop the training."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.calls, self.stop_at = [], stop_at

    def _on_rollout_start(self):
        self.calls.append(("start", self.num_timesteps))

    def _on_step(self):
        names = ("actions", "buffer_actions", "new_obs", "rewards", "dones")
        self.calls.append((self.num_timesteps, *(self.locals[name].tolist() for name in names)))
        assert self.locals["replay_buffer"] is self.model.replay_buffer
        assert len(self.locals["infos"]) == self.locals["env"].num_envs
        return self.num_timesteps != self.stop_at

    def _on_rollout_end(self):
        self.calls.append(("end", self.num_timesteps))


@every_algorithm
@pytest.mark.parametrize(
    ("n_envs", "settings"),
    [
        (1, {"train_freq": 1}),
        (3, {"train_freq": 1}),
        (3, {"train_freq": 1, "n_steps": 3}),
        (1, {"train_freq": (1, "episode")}),
        (1, {"train_freq": 4, "gradient_steps": -1}),
    ],
)
@pytest.mark.parametrize("stop_at", [None, 45])
def test_rollouts_are_those_of_sb3_s_loop(algorithm, n_envs, settings, stop_at, monkeypatch):
    def learn():
        env = make_vec_env(lambda: gym.make("Pendulum-v1", max_episode_steps=20), n_envs, seed=1)
        model = algorithm("MlpPolicy", env, **SETTINGS | {"policy_kwargs": {"net_arch": [16]}} | settings)
        return model.learn(90, callback=watcher, log_interval=1)

    watchers, models = [], []
    for is_quick in (True, False):
        if not is_quick:
            monkeypatch.setattr(Accelerated, "collect_rollouts", OffPolicyAlgorithm.collect_rollouts)
        watcher = Watcher(stop_at)
        models.append(learn())
        watchers.append(watcher)
    assert watchers[0].calls == watchers[1].calls
    quick, slow = models
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(quick.replay_buffer, name), getattr(slow.replay_buffer, name))
    assert (quick.num_timesteps, quick._episode_num, quick._n_updates) == (slow.num_timesteps, slow._episode_num, slow._n_updates)
    assert [each["r"] for each in quick.ep_info_buffer] == [each["r"] for each in slow.ep_info_buffer]
    np.testing.assert_array_equal(quick._last_obs, slow._last_obs)


@every_algorithm
def test_last_observations_of_episodes_are_stored_and_not_the_first_of_the_next(algorithm):
    env = make_vec_env(lambda: gym.make("Pendulum-v1", max_episode_steps=5), 2)
    model = algorithm("MlpPolicy", env, **SETTINGS | {"gradient_steps": 0}).learn(2 * 12)
    buffer = model.replay_buffer
    ends = np.flatnonzero(buffer.dones[:12, 0])
    assert ends.tolist() == [4, 9]
    assert (buffer.timeouts[ends] == 1).all()
    within = np.setdiff1d(np.arange(11), ends)
    np.testing.assert_array_equal(buffer.next_observations[within], buffer.observations[within + 1])
    assert not np.allclose(buffer.next_observations[ends], buffer.observations[ends + 1])
    speed_change = abs(buffer.next_observations[ends, :, 2] - buffer.observations[ends, :, 2])
    assert (speed_change < 1.1).all()  # one step of the pendulum


@every_algorithm
def test_updates_after_episodes_take_one_env_as_in_sb3(algorithm):
    model = create(algorithm, n_envs=2, train_freq=(1, "episode"))
    with pytest.raises(AssertionError, match="only one env when doing episodic training"):
        model.learn(40)


@every_algorithm
def test_a_frequency_of_zero_is_refused(algorithm):
    with pytest.raises(UserError, match="train_freq=0: it has to be at least 1"):
        create(algorithm, train_freq=0)


class InDict(gym.ObservationWrapper):
    """The same observations, in a dict."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Dict(vector=env.observation_space)

    def observation(self, observation):
        return {"vector": observation}


@every_algorithm
@pytest.mark.parametrize("n_envs", [1, 3])
def test_a_dict_and_the_same_vector_train_alike(algorithm, n_envs):

    settings = SETTINGS | {"policy_kwargs": {"net_arch": [16, 16]}, "train_freq": 1}
    vectors = algorithm("MlpPolicy", make_vec_env("Pendulum-v1", n_envs), **settings).learn(80 * n_envs)
    dicts = algorithm("MultiInputPolicy", make_vec_env("Pendulum-v1", n_envs, wrapper_class=InDict), **settings).learn(80 * n_envs)
    np.testing.assert_allclose(dicts.replay_buffer.actions, vectors.replay_buffer.actions, rtol=1e-4, atol=1e-4)
    for one, other in zip(dicts.policy.parameters(), vectors.policy.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
