"""DDPG with Ornstein-Uhlenbeck noise, against SB3's DDPG."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy import stats
from stable_baselines3 import DDPG, TD3
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv

from ca2_core.errors import UserError
from ca2_rl import OUDDPG
from ca2_rl.common.diagnostics import GRADIENT_NORM
from ca2_rl.common.ou_noise import OUNoise

SETTINGS = {
    "seed": 0,
    "buffer_size": 500,
    "learning_starts": 50,
    "batch_size": 16,
    "policy_kwargs": {"net_arch": [16]},
    "device": "cpu",
}


def pendulum(steps=50):
    return gym.make("Pendulum-v1", max_episode_steps=steps)


@pytest.mark.parametrize(
    "change",
    [{}, {"n_steps": 3}, {"policy_kwargs": {"net_arch": [16], "n_critics": 2}}, {"train_freq": 4, "gradient_steps": 2}],
    ids=str,
)
def test_without_noise_it_is_sb3_s_ddpg(change):
    silence = NormalActionNoise(np.zeros(1), np.zeros(1))
    buffer = {"replay_buffer_class": ReplayBuffer}  # ours draws other rows
    if "n_steps" in change:
        n_step_kwargs = {"n_steps": change["n_steps"], "gamma": 0.99}
        buffer = {"replay_buffer_class": NStepReplayBuffer, "replay_buffer_kwargs": n_step_kwargs, "n_steps": 1}
    model = OUDDPG("MlpPolicy", pendulum(), ou_sigma=0.0, **SETTINGS | change | buffer).learn(250)
    reference = DDPG("MlpPolicy", pendulum(), action_noise=silence, **SETTINGS | change).learn(250)
    np.testing.assert_allclose(model.replay_buffer.actions, reference.replay_buffer.actions, rtol=1e-4, atol=1e-5)
    for name, value in reference.policy.state_dict().items():
        torch.testing.assert_close(model.policy.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_with_target_noise_and_two_critics_it_is_sb3_s_td3_without_delay(monkeypatch):
    def drawn_as_td3_does(model, n, batch_size, settings):
        noise = [torch.empty(batch_size, 1).normal_(0, settings.target_policy_noise) for _ in range(n)]
        return torch.stack(noise).clamp(-settings.target_noise_clip, settings.target_noise_clip)

    monkeypatch.setattr(OUDDPG, "draw_noise", drawn_as_td3_does)
    settings = SETTINGS | {"target_policy_noise": 0.3, "target_noise_clip": 0.4, "policy_kwargs": {"net_arch": [16], "n_critics": 2}}
    model = OUDDPG("MlpPolicy", pendulum(), ou_sigma=0.0, replay_buffer_class=ReplayBuffer, **settings).learn(250)
    silence = NormalActionNoise(np.zeros(1), np.zeros(1))
    reference = TD3("MlpPolicy", pendulum(), action_noise=silence, policy_delay=1, learning_rate=1e-3, **settings).learn(250)
    np.testing.assert_allclose(model.replay_buffer.actions, reference.replay_buffer.actions, rtol=1e-4, atol=1e-5)
    for name, value in reference.policy.state_dict().items():
        torch.testing.assert_close(model.policy.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_target_noise_is_gaussian_and_clipped():
    model = OUDDPG("MlpPolicy", pendulum(), target_policy_noise=0.2, target_noise_clip=0.3, **SETTINGS)
    noise = model.draw_noise(100, 200, model.settings)
    assert noise.shape == (100, 200, 1)
    inside = noise[noise.abs() < 0.3]
    assert noise.abs().max() == np.float32(0.3)
    assert len(inside) / noise.numel() == pytest.approx(stats.norm.cdf(1.5) - stats.norm.cdf(-1.5), abs=0.01)
    assert inside.std().item() == pytest.approx(stats.truncnorm.std(-1.5, 1.5) * 0.2, rel=0.03)


@pytest.mark.parametrize(("loss", "oracle"), [("mse", torch.nn.MSELoss()), ("huber", torch.nn.SmoothL1Loss())])
def test_loss_of_the_critics_is_that_of_the_library(loss, oracle):
    model = OUDDPG("MlpPolicy", pendulum(), critic_loss=loss, **SETTINGS).learn(60)
    batch = model.replay_buffer.sample(16)
    found, _ = model.loss(batch, torch.empty(0), model.settings)
    with torch.no_grad():
        next_q = model.critic_target(batch.next_observations, model.actor_target(batch.next_observations))[0]
        targets = batch.rewards + (1 - batch.dones) * model.gamma * next_q
        errors = (targets - model.critic(batch.observations, batch.actions)[0]).abs()
    assert errors.min() < 1 < errors.max()  # both branches
    torch.testing.assert_close(found, oracle(model.critic(batch.observations, batch.actions)[0], targets))


def test_mean_of_the_critics_makes_targets_and_leads_the_actor():
    policy_kwargs = {"net_arch": [8], "n_critics": 3}
    model = OUDDPG("MlpPolicy", pendulum(), critic_aggregation="mean", **SETTINGS | {"policy_kwargs": policy_kwargs}).learn(60)
    batch = model.replay_buffer.sample(16)
    found, _ = model.loss(batch, torch.empty(0), model.settings)
    with torch.no_grad():
        next_actions = model.actor_target(batch.next_observations)
        next_qs = model.critic_target(batch.next_observations, next_actions)
        assert len({round(q.mean().item(), 6) for q in next_qs}) == 3
        targets = batch.rewards + (1 - batch.dones) * model.gamma * sum(next_qs) / 3
    losses = [torch.nn.functional.mse_loss(q, targets) for q in model.critic(batch.observations, batch.actions)]
    torch.testing.assert_close(found, sum(losses))
    led_by = sum(model.critic(batch.observations, model.actor(batch.observations))) / 3
    torch.testing.assert_close(model.actor_loss(batch, model.settings), -led_by.mean())


def test_aggregation_of_one_critic_changes_nothing():
    weights = [OUDDPG("MlpPolicy", pendulum(), critic_aggregation=how, **SETTINGS).learn(60).get_parameters() for how in ("min", "mean")]
    torch.testing.assert_close(*(each["policy"] for each in weights))


@pytest.mark.parametrize("given", ["ReLU", torch.nn.ReLU])
def test_critics_may_have_an_activation_of_their_own(given, tmp_path):
    policy_kwargs = {"net_arch": [8], "activation_fn": "SiLU", "critic_activation_fn": given}
    model = OUDDPG("MlpPolicy", pendulum(), **SETTINGS | {"policy_kwargs": policy_kwargs})
    model.save(tmp_path / "model.zip")
    for each in (model, OUDDPG.load(tmp_path / "model.zip")):
        assert type(each.actor.mu[1]) is torch.nn.SiLU
        assert all(type(critic.qf0[1]) is torch.nn.ReLU for critic in (each.critic, each.critic_target))


def test_a_wrong_activation_of_the_critics_is_refused_by_name():
    with pytest.raises(UserError, match=r"^critic_activation_fn: .*Did you mean 'SiLU'"):
        OUDDPG("MlpPolicy", pendulum(), **SETTINGS | {"policy_kwargs": {"critic_activation_fn": "SiLu"}})


def test_noise_is_added_to_the_scaled_action():
    """A noise that is a constant 0.25 moves the torque by 0.5, half of a quarter of the range of 4."""
    model = OUDDPG("MlpPolicy", pendulum(), ou_sigma=0.0, ou_mu=0.25, gradient_steps=0, **SETTINGS | {"learning_starts": 0})
    model.learn(40)
    buffer = model.replay_buffer
    torques, _ = model.predict(buffer.observations[:40, 0], deterministic=True)
    np.testing.assert_allclose(buffer.actions[:40, 0], np.clip(torques / 2 + 0.25, -1, 1), atol=1e-6)


def test_exploring_actions_stay_in_the_range_of_the_env():
    model = OUDDPG("MlpPolicy", pendulum(), ou_sigma=5.0, **SETTINGS | {"learning_starts": 0}).learn(40)
    assert abs(model.replay_buffer.actions).max() == 1


def test_prediction_has_no_noise():
    model = OUDDPG("MlpPolicy", pendulum(), ou_sigma=5.0, **SETTINGS)
    observations = np.random.default_rng(0).uniform(-1, 1, size=(20, 3)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(observations)[0], model.predict(observations, deterministic=True)[0])


def test_every_env_has_a_process_that_restarts_at_its_own_episode_ends_only(monkeypatch):
    lengths, restarts = (5, 8), []
    env = DummyVecEnv([lambda steps=steps: pendulum(steps) for steps in lengths])
    model = OUDDPG("MlpPolicy", env, gradient_steps=0, **SETTINGS | {"learning_starts": 0})
    reset = OUNoise.reset

    def noted(noise):
        reset(noise)
        if model.num_timesteps:
            restarts.append((model.num_timesteps // 2, [noise is other for other in model.action_noise.noises].index(True)))

    monkeypatch.setattr(OUNoise, "reset", noted)
    model.learn(2 * 20)
    assert sorted(restarts) == sorted([(step, i) for i in (0, 1) for step in range(lengths[i], 21, lengths[i])])


def test_processes_of_the_envs_differ():
    model = OUDDPG("MlpPolicy", DummyVecEnv([pendulum] * 3), **SETTINGS).learn(6)
    assert len(np.unique(model.action_noise())) == 3


def test_every_training_starts_at_the_mean():
    model = OUDDPG("MlpPolicy", pendulum(), gradient_steps=0, **SETTINGS | {"learning_starts": 0}).learn(10)
    model.learn(0)
    np.random.seed(0)
    found = model.action_noise()
    np.random.seed(0)
    assert found == OUNoise((1,), model.ou_sigma, model.ou_theta, model.ou_dt, model.ou_mu)() != 0


def test_noise_has_the_arguments_given():
    arguments = {"ou_sigma": 0.3, "ou_theta": 0.25, "ou_dt": 0.5, "ou_mu": 0.1}
    noise = OUDDPG("MlpPolicy", pendulum(), **arguments, **SETTINGS).action_noise
    assert {f"ou_{name}": getattr(noise, name) for name in ("sigma", "theta", "dt", "mu")} == arguments


def test_loaded_agent_s_noise_can_be_changed(tmp_path):
    OUDDPG("MlpPolicy", pendulum(), ou_sigma=0.3, **SETTINGS).save(tmp_path / "model")
    assert OUDDPG.load(tmp_path / "model").action_noise.sigma == 0.3
    assert OUDDPG.load(tmp_path / "model", ou_sigma=0.1).action_noise.sigma == 0.1


def test_noise_of_another_kind_is_refused():
    with pytest.raises(UserError, match="action_noise"):
        OUDDPG("MlpPolicy", pendulum(), action_noise=NormalActionNoise(np.zeros(1), np.ones(1)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ou_sigma", -0.1),
        ("ou_theta", -1.0),
        ("ou_dt", 0.0),
        ("ou_dt", -1.0),
        ("ou_mu", float("nan")),
        ("critic_loss", "hubert"),
        ("critic_aggregation", "median"),
        ("target_policy_noise", -0.1),
        ("target_policy_noise", float("nan")),
        ("target_noise_clip", -0.1),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(name, value):
    with pytest.raises(UserError, match=name):
        OUDDPG("MlpPolicy", pendulum(), **{name: value}, **SETTINGS)


def test_target_networks_are_polyak_averages():
    model = OUDDPG("MlpPolicy", pendulum(), tau=0.25, **SETTINGS).learn(60)
    pairs = [(model.actor, model.actor_target), (model.critic, model.critic_target)]
    before = [[p.clone() for p in target.parameters()] for _, target in pairs]
    model.train(1, 16)
    for (online, target), old in zip(pairs, before, strict=True):
        for o, t, b in zip(online.parameters(), target.parameters(), old, strict=True):
            torch.testing.assert_close(t, 0.25 * o + 0.75 * b)
            assert not torch.equal(t, b)


def test_actor_s_update_leaves_no_gradient_in_the_critic():
    """The critic's gradients are those of its own loss, whose norm is logged."""
    model = OUDDPG("MlpPolicy", pendulum(), **SETTINGS).learn(60)
    model.averages.pop()
    model.train(1, batch_size=16)
    left = torch.nn.utils.get_total_norm([p.grad for p in model.critic.parameters()])
    assert left.item() == pytest.approx(model.averages.pop()[GRADIENT_NORM])


@pytest.mark.parametrize(("own", "expected"), [(None, 0.1), ({}, 0.0), ({"weight_decay": 0.2}, 0.2)])
def test_the_actor_s_optimizer_may_have_settings_of_its_own(own, expected, tmp_path):
    policy_kwargs = {"net_arch": [8], "optimizer_kwargs": {"weight_decay": 0.1}, "actor_optimizer_kwargs": own}
    model = OUDDPG("MlpPolicy", "Pendulum-v1", learning_rate=0.02, buffer_size=10, policy_kwargs=policy_kwargs)
    model.save(tmp_path / "model.zip")
    for each in (model, OUDDPG.load(tmp_path / "model.zip")):
        actor, critic = (network.optimizer.param_groups[0] for network in (each.actor, each.critic))
        assert (actor["weight_decay"], critic["weight_decay"]) == (expected, 0.1)
        assert actor["lr"] == critic["lr"] == 0.02
    model.policy.save(tmp_path / "policy.pth")
    assert type(model.policy).load(tmp_path / "policy.pth").actor_optimizer_kwargs == own
