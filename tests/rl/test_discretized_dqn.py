"""DQN on action bins, against SB3's DQN."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN
from ca2_rl.common.replay_buffer import Transitions
from ca2_rl.discretized_dqn.discretized_dqn import td_loss
from ca2_rl.discretized_dqn.policies import DuelingHead

SETTINGS = {
    "seed": 0,
    "buffer_size": 1000,
    "learning_starts": 50,
    "batch_size": 16,
    "learning_rate": 1e-2,
    "target_update_interval": 40,
    "max_grad_norm": 0.5,
    "exploration_fraction": 0.5,
    "policy_kwargs": {"net_arch": [32, 16]},
    "device": "cpu",
}


class EndPointTorques(gym.ActionWrapper):
    """Pendulum with a Discrete space, for SB3."""

    def __init__(self, env, n):
        super().__init__(env)
        self.torques = np.linspace(env.action_space.low, env.action_space.high, n, dtype=np.float32)
        self.action_space = gym.spaces.Discrete(n)

    def action(self, action):
        return self.torques[action]


def assert_same_training(model, reference):
    for name, value in reference.policy.state_dict().items():
        torch.testing.assert_close(model.policy.state_dict()[name], value, rtol=0, atol=0, msg=name)
    ours, theirs = model.replay_buffer, reference.replay_buffer
    for name in ("observations", "actions", "rewards", "dones"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


@pytest.mark.parametrize("change", [{}, {"n_steps": 3}, {"tau": 0.05, "target_update_interval": 1, "train_freq": 1}], ids=str)
def test_on_a_discrete_space_it_is_sb3_s_dqn(change):
    buffer = {"replay_buffer_class": ReplayBuffer}  # ours draws other rows
    if "n_steps" in change:
        n_step_kwargs = {"n_steps": change["n_steps"], "gamma": 0.99}
        buffer = {"replay_buffer_class": NStepReplayBuffer, "replay_buffer_kwargs": n_step_kwargs, "n_steps": 1}
    model = DiscretizedDQN("MlpPolicy", "CartPole-v1", **SETTINGS | change | buffer).learn(600)
    reference = DQN("MlpPolicy", "CartPole-v1", **SETTINGS | change).learn(600)
    assert_same_training(model, reference)
    observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_array_equal(
        model.predict(observations, deterministic=True)[0], reference.predict(observations, deterministic=True)[0]
    )


def test_on_a_box_it_is_sb3_s_dqn_on_a_wrapped_env():
    def pendulum():
        return gym.make("Pendulum-v1", max_episode_steps=50)

    model = DiscretizedDQN("MlpPolicy", pendulum(), n_bins=5, replay_buffer_class=ReplayBuffer, **SETTINGS).learn(400)
    reference = DQN("MlpPolicy", EndPointTorques(pendulum(), 5), **SETTINGS).learn(400)
    assert_same_training(model, reference)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("n_steps", [1, 3])
def test_replay_buffer_keeps_indices_of_the_torques_played(n_envs, n_steps):
    played = []

    class Watched(gym.Wrapper):
        def step(self, action):
            played.append(action.copy())
            return self.env.step(action)

    env = make_vec_env("Pendulum-v1", n_envs, wrapper_class=Watched)
    model = DiscretizedDQN("MlpPolicy", env, n_bins=5, n_steps=n_steps, **SETTINGS).learn(60 * n_envs)
    buffer = model.replay_buffer
    assert buffer.actions.dtype == np.int64
    assert buffer.actions.shape == (1000 // n_envs, n_envs, 1)
    indices = buffer.actions[: buffer.pos]
    assert set(np.unique(indices)) <= set(range(5))
    np.testing.assert_array_equal(model.bins.actions[indices[..., 0]], np.reshape(played, (-1, n_envs, 1)))
    assert buffer.sample(4).actions.dtype == torch.int64


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("shape", [(3,), (1, 3), (6, 3)])
def test_predicted_torques_are_on_the_grid(shape, deterministic):
    model = DiscretizedDQN("MlpPolicy", "Pendulum-v1", n_bins=5, **SETTINGS)
    model.exploration_rate = 0.5
    torques, _ = model.predict(np.zeros(shape, np.float32), deterministic=deterministic)
    assert torques.shape == (*shape[:-1], 1)
    assert torques.dtype == np.float32
    assert set(torques.ravel().tolist()) <= {-2.0, -1.0, 0.0, 1.0, 2.0}


def test_greedy_action_has_the_highest_q_value():
    model = DiscretizedDQN("MlpPolicy", "Pendulum-v1", n_bins=9, **SETTINGS).learn(100)
    observations = np.random.default_rng(0).uniform(-1, 1, size=(40, 3)).astype(np.float32)
    with torch.no_grad():
        best = model.q_net(torch.as_tensor(observations)).argmax(dim=1)
    np.testing.assert_array_equal(model.predict(observations, deterministic=True)[0], model.bins.actions[best])


@pytest.mark.parametrize(("rate", "n_bins"), [(0.0, 4), (0.3, 4), (1.0, 11)])
def test_exploring_actions_are_uniform_at_the_exploration_rate_and_drawn_for_each_observation(rate, n_bins):
    model = DiscretizedDQN("MlpPolicy", "Pendulum-v1", n_bins=n_bins, **SETTINGS)
    model.exploration_rate = rate
    observations = np.zeros((20_000, 3), np.float32)
    greedy = model.predict(observations, deterministic=True)[0][0, 0]
    torques = model.predict(observations, deterministic=False)[0][:, 0]
    shares = [(torques == torque).mean() for torque in model.bins.actions[:, 0]]
    expected = [rate / n_bins + (1 - rate) * (torque == greedy) for torque in model.bins.actions[:, 0]]
    np.testing.assert_allclose(shares, expected, atol=5 * 0.5 / np.sqrt(20_000))


def test_each_env_explores_for_itself():
    model = DiscretizedDQN(
        "MlpPolicy", make_vec_env("Pendulum-v1", 40), n_bins=5, **SETTINGS | {"learning_starts": 0, "exploration_final_eps": 1.0}
    )
    first, second = model.learn(160).replay_buffer.actions[2:4, :, 0]
    assert len(np.unique(first)) == len(np.unique(second)) == 5
    assert 0 < (first == second).sum() < 40


@pytest.mark.parametrize("n_bins", [1, True, 2.5, 5000])
def test_a_wrong_number_of_bins_is_refused_when_the_agent_is_made(n_bins):
    with pytest.raises(UserError, match="n_bins"):
        DiscretizedDQN("MlpPolicy", "Pendulum-v1", n_bins=n_bins)


def test_target_network_follows_after_the_interval_only():
    model = DiscretizedDQN("MlpPolicy", "Pendulum-v1", n_bins=3, **SETTINGS | {"learning_starts": 5, "target_update_interval": 32})
    initial = [p.clone() for p in model.q_net_target.parameters()]
    model.learn(28)
    assert all(torch.equal(p, q) for p, q in zip(model.q_net_target.parameters(), initial, strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(model.q_net.parameters(), initial, strict=True))
    model.learn(4, reset_num_timesteps=False)
    assert not all(torch.equal(p, q) for p, q in zip(model.q_net_target.parameters(), initial, strict=True))


class TestTDLoss:
    """Three transitions between the states 0, 1 and 2 with two actions; Q-values are rows of tables."""

    ONLINE = torch.tensor([[1.0, 2.0], [5.0, 3.0], [0.0, 4.0]])
    TARGET = torch.tensor([[10.0, 20.0], [30.0, 50.0], [70.0, 60.0]])
    BATCH = Transitions(
        observations=torch.tensor([0, 1, 2]),
        actions=torch.tensor([[1], [0], [1]]),
        next_observations=torch.tensor([1, 2, 0]),
        dones=torch.tensor([[0.0], [0.0], [1.0]]),
        rewards=torch.tensor([[-22.0], [-30.75], [4.25]]),
    )
    # Q of the actions taken
    TAKEN = torch.tensor([2.0, 5.0, 4.0])

    @staticmethod
    def huber(errors):
        return sum(0.5 * e * e if abs(e) < 1 else abs(e) - 0.5 for e in errors) / len(errors)

    def loss(self, online=ONLINE, target=TARGET, selector=None, **fields):
        batch = self.BATCH._replace(**fields)
        select = None if selector is None else selector.__getitem__
        return td_loss(batch, 0.5, online.__getitem__, target.__getitem__, select)

    def test_plain_targets_take_the_highest_target_value(self):
        # -22 + 0.5 * 50 = 3, -30.75 + 0.5 * 70 = 4.25, and 4.25 at the end of an episode
        loss, mean_q = self.loss()
        assert loss.item() == pytest.approx(self.huber([3 - 2, 4.25 - 5, 4.25 - 4]))
        assert mean_q.item() == pytest.approx(11 / 3)

    def test_double_targets_value_the_choice_of_the_selector(self):
        # In state 1 the selector takes action 0, worth 30; in state 2 action 1, worth 60
        loss, _ = self.loss(selector=self.ONLINE)
        assert loss.item() == pytest.approx(self.huber([-22 + 15 - 2, -30.75 + 30 - 5, 4.25 - 4]))

    def test_a_selector_that_is_the_target_changes_nothing(self):
        assert self.loss(selector=self.TARGET)[0] == self.loss()[0]

    def test_discounts_of_an_n_step_batch_replace_gamma(self):
        loss, _ = self.loss(discounts=torch.tensor([[0.25], [0.125], [0.125]]))
        assert loss.item() == pytest.approx(self.huber([-22 + 12.5 - 2, -30.75 + 8.75 - 5, 4.25 - 4]))

    def test_gradient_reaches_the_actions_taken_of_the_online_network_only(self):
        online, target = self.ONLINE.clone().requires_grad_(), self.TARGET.clone().requires_grad_()
        loss, mean_q = self.loss(online, target, online)
        loss.backward()
        assert target.grad is None
        assert not mean_q.requires_grad
        # Huber's slope is the error, clipped to +-1, over the batch size; errors are -9, -5.75, 0.25
        np.testing.assert_allclose(online.grad, [[0, 1 / 3], [1 / 3, 0], [0, -0.25 / 3]])


class TestDuelingHead:
    @pytest.mark.parametrize("net_arch", [[], [8], [8, 6], [8, 7, 6]], ids=str)
    def test_q_is_value_plus_advantage_minus_its_mean(self, net_arch):
        head = DuelingHead(4, 3, net_arch, nn.ReLU)
        features = torch.randn(5, 4)
        hidden = head.torso(features)
        value, advantage = head.value(hidden), head.advantage(hidden)
        assert (value.shape, advantage.shape) == ((5, 1), (5, 3))
        q = head(features)
        for i, a in np.ndindex(5, 3):
            torch.testing.assert_close(q[i, a], value[i, 0] + advantage[i, a] - advantage[i].sum() / 3)
        torch.testing.assert_close(q.mean(dim=1), value[:, 0])

    @pytest.mark.parametrize(("net_arch", "torso", "stream"), [([], [], []), ([8], [], [(4, 8)]), ([8, 6], [(4, 8)], [(8, 6)])], ids=str)
    def test_last_width_is_that_of_the_streams_and_the_others_form_the_torso(self, net_arch, torso, stream):
        head = DuelingHead(4, 3, net_arch, nn.Tanh)

        def widths(part):
            return [(layer.in_features, layer.out_features) for layer in part if isinstance(layer, nn.Linear)]

        last = (net_arch or [4])[-1]
        assert widths(head.torso) == torso
        assert widths(head.value) == [*stream, (last, 1)]
        assert widths(head.advantage) == [*stream, (last, 3)]

    def test_agent_s_networks_have_it(self):
        model = DiscretizedDQN("MlpPolicy", "Pendulum-v1", n_bins=5, dueling=True, **SETTINGS)
        assert isinstance(model.q_net.q_net, DuelingHead)
        assert isinstance(model.q_net_target.q_net, DuelingHead)
        assert model.q_net(torch.zeros(2, 3)).shape == (2, 5)


@pytest.mark.parametrize("n_envs", [1, 3])
def test_random_actions_are_held(n_envs):
    env = make_vec_env("Pendulum-v1", n_envs=n_envs)
    model = DiscretizedDQN("MlpPolicy", env, n_bins=101, exploration_hold=20, seed=0, learning_starts=10_000, buffer_size=3000)
    model.learn(300 * n_envs)
    actions = model.replay_buffer.actions[:300, :, 0]
    changes = np.count_nonzero(np.diff(actions, axis=0), axis=0)
    assert 15 <= changes.min() <= changes.max() <= 50  # 300 steps in pieces of 10.5 on average
    assert len({tuple(each) for each in actions.T}) == n_envs


def test_greedy_actions_are_not_held():
    model = DiscretizedDQN(
        "MlpPolicy", "Pendulum-v1", exploration_hold=20, learning_starts=0, exploration_initial_eps=0, exploration_final_eps=0, seed=0
    )
    model.learn(50)
    buffer = model.replay_buffer
    torques = model.predict(buffer.observations[40:50, 0], deterministic=True)[0]
    assert torques.shape == (10, 1)
    reference = DiscretizedDQN(
        "MlpPolicy", "Pendulum-v1", learning_starts=0, exploration_initial_eps=0, exploration_final_eps=0, seed=0
    ).learn(4)  # before the first update
    np.testing.assert_array_equal(buffer.actions[:4], reference.replay_buffer.actions[:4])


def test_a_hold_of_less_than_a_step_is_refused():
    with pytest.raises(UserError, match="exploration_hold=0"):
        DiscretizedDQN("MlpPolicy", "Pendulum-v1", exploration_hold=0)


def test_random_actions_end_with_their_episode():
    env = make_vec_env(lambda: gym.make("Pendulum-v1", max_episode_steps=5), n_envs=1)
    model = DiscretizedDQN("MlpPolicy", env, n_bins=1001, exploration_hold=1000, seed=0, learning_starts=10_000, buffer_size=100).learn(50)
    episodes = model.replay_buffer.actions[:50, 0, 0].reshape(10, 5)
    assert (episodes == episodes[:, :1]).mean() > 0.9  # held
    assert len(np.unique(episodes[:, 0])) == 10  # never into the next


def test_a_reset_of_the_envs_ends_random_actions():
    model = DiscretizedDQN(
        "MlpPolicy", "Pendulum-v1", n_bins=1001, exploration_hold=1000, seed=0, learning_starts=99, buffer_size=99, train_freq=1
    )
    model.learn(3).learn(3, reset_num_timesteps=False).learn(3)
    first, going_on, anew = model.replay_buffer.actions[:9, 0, 0].reshape(3, 3)
    assert first[-1] == going_on[0]
    assert going_on[-1] != anew[0]
