"""The traps of noisy networks in SB3."""

import itertools

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.vec_env import DummyVecEnv

from ca2_core.errors import UserError
from ca2_rl import NoisyDQN

SETTINGS = {
    "seed": 0,
    "n_bins": 11,
    "buffer_size": 500,
    "learning_starts": 0,
    "batch_size": 8,
    "policy_kwargs": {"net_arch": [16]},
    "device": "cpu",
}
SAME = np.tile(np.array([1.0, 0.0, 0.5], np.float32), (64, 1))


def create(env="Pendulum-v1", **kwargs):
    return NoisyDQN("MlpPolicy", env, **SETTINGS | kwargs)


def sigmas(network):
    return [parameter for layer in network.noisy_layers for parameter in (layer.weight_sigma, layer.bias_sigma)]


@pytest.fixture
def spy(monkeypatch):
    """Notes the random numbers that a network drew for its noise, [rows, n], in the order of the calls."""

    def watch(network):
        draws, sample = [], network.sample_roots

        def noted(*shape):
            draws.append(sample(*shape))
            return draws[-1]

        monkeypatch.setattr(network, "sample_roots", noted)
        return draws

    return watch


@pytest.mark.parametrize("training", [True, False])
def test_exploring_prediction_is_noisy_in_every_mode(training):
    model = create()
    model.policy.set_training_mode(training)
    draws = {model.predict(SAME[0], deterministic=False)[0].item() for _ in range(50)}
    assert len(draws) > 1


def test_every_observation_of_a_batch_has_its_own_noise():
    model = create()
    assert len(np.unique(model.predict(SAME, deterministic=False)[0])) > 1
    assert len(np.unique(model.predict(SAME, deterministic=True)[0])) == 1


def test_deterministic_prediction_is_by_the_mean_weights(spy):
    model = create()
    draws = spy(model.q_net)
    observations = np.random.default_rng(0).uniform(-1, 1, size=(30, 3)).astype(np.float32)
    x = torch.as_tensor(observations)
    with torch.no_grad():
        for layer in model.q_net.q_net:
            x = x @ layer.weight_mu.T + layer.bias_mu if hasattr(layer, "weight_mu") else layer(x)
    np.testing.assert_array_equal(model.predict(observations, deterministic=True)[0], model.bins.actions[x.argmax(dim=1)])
    assert not draws


def test_without_sigma_exploring_is_greedy():
    model = create(sigma0=0.0)
    observations = np.random.default_rng(0).uniform(-1, 1, size=(200, 3)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(observations, deterministic=False)[0], model.predict(observations, deterministic=True)[0])


@pytest.mark.parametrize("n_envs", [1, 2])
def test_noise_is_fresh_at_each_step_between_updates_and_of_each_env(n_envs, monkeypatch):
    model = create(make_vec_env("Pendulum-v1", n_envs), train_freq=8, gradient_steps=0)
    used, noise = [], model.acting_noise

    def noted():
        used.append([np.concatenate(each, axis=-1) for each in noise()])
        return iter([np.split(each, [layer.in_features], axis=-1) for each, layer in zip(used[-1], model.q_net.noisy_layers, strict=True)])

    monkeypatch.setattr(model, "acting_noise", noted)
    model.learn(40 * n_envs)
    rows = np.concatenate([np.concatenate(step, axis=-1) for step in used])
    assert len(used) == 40  # more than a block
    assert len(np.unique(rows, axis=0)) == len(np.unique(rows[:, 0])) == 40 * n_envs


@pytest.mark.parametrize("acts_by_numpy", [True, False])
def test_noise_is_held_for_as_long_as_random_actions(acts_by_numpy, monkeypatch):
    activation = torch.nn.ReLU if acts_by_numpy else torch.nn.GELU
    model = create(exploration_hold=4, learning_starts=0, train_freq=100, policy_kwargs={"net_arch": [8], "activation_fn": activation})
    used, noise = [], model.acting_noise

    def noted():
        used.append(list(noise()))
        return iter(used[-1])

    monkeypatch.setattr(model, "acting_noise", noted)
    model.learn(400)
    assert (model.fast.outputs(SAME) is not None) == acts_by_numpy
    firsts = [each[0][0].tolist() for each in used]
    lengths = [len(list(same)) for _, same in itertools.groupby(firsts)]
    assert len(firsts) == 400
    assert np.bincount(lengths[:-1])[1:].min() > 20  # 1 to 4 steps, 160 holds
    assert max(lengths) == 4


@pytest.mark.parametrize("double_q", [False, True])
def test_every_gradient_step_has_noise_for_online_target_and_selector_of_their_own(double_q, monkeypatch):
    model = create(double_q=double_q).learn(8)
    used, loss = [], model.loss
    monkeypatch.setattr(model, "loss", lambda batch, noise, settings: used.append(noise) or loss(batch, noise, settings))
    model.train(40, batch_size=8)
    assert [len(noise) for noise in used] == [3 if double_q else 2] * 40
    assert len(torch.cat(used).unique(dim=0)) == sum(len(noise) for noise in used)


def test_online_target_and_selector_evaluate_different_noise():
    model = create(double_q=True, target_update_interval=1)
    x = torch.as_tensor(SAME[:4])
    with torch.no_grad():
        noise, others = model.draw_noise(2, 8, model.settings)
        q = [function(x) for function in model.q_functions(noise, model.settings)]
        again = [function(x) for function in model.q_functions(others, model.settings)]
    assert all(torch.equal(values[0], row) for values in q for row in values)  # one noise for the whole batch
    # The networks have equal weights, so what differs is noise
    assert len(torch.stack([values[0] for values in [*q, *again]]).unique(dim=0)) == 6


def test_without_double_q_there_is_no_selector():
    model = create()
    assert model.q_functions(model.draw_noise(1, 8, model.settings)[0], model.settings)[2] is None


@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("net_arch", [[], [16], [16, 8]], ids=str)
def test_each_layer_gets_its_own_noise_in_the_order_of_the_forward_pass(dueling, net_arch):
    network = create(dueling=dueling, policy_kwargs={"net_arch": net_arch}).q_net
    x, noise = torch.randn(5, 3), network.sample_noise(5)
    remaining = iter(noise)

    def explicit(part, h):
        for layer in part:
            if hasattr(layer, "weight_mu"):
                noise_in, noise_out = next(remaining)
                weights = layer.weight_mu + layer.weight_sigma * noise_out[:, :, None] * noise_in[:, None, :]  # [N, out, in]
                h = torch.einsum("noi,ni->no", weights, h) + layer.bias_mu + layer.bias_sigma * noise_out
            else:
                h = layer(h)
        return h

    if dueling:
        hidden = explicit(network.q_net.torso, x)
        value, advantage = explicit(network.q_net.value, hidden), explicit(network.q_net.advantage, hidden)
        expected = value + advantage - advantage.mean(dim=1, keepdim=True)
    else:
        expected = explicit(network.q_net, x)
    assert next(remaining, None) is None
    torch.testing.assert_close(network(x, noise), expected)


@pytest.mark.parametrize("dueling", [False, True])
def test_every_linear_layer_of_the_head_is_noisy(dueling):
    network = create(dueling=dueling, policy_kwargs={"net_arch": [16, 8]}).q_net
    assert not [module for module in network.q_net.modules() if isinstance(module, torch.nn.Linear)]
    assert len(network.noisy_layers) == (5 if dueling else 3)


def test_target_starts_as_a_copy_and_its_sigma_is_polyak_averaged():
    model = create(tau=0.25, target_update_interval=1, learning_starts=10, train_freq=1)
    online, target = sigmas(model.q_net), sigmas(model.q_net_target)
    assert all(torch.equal(o, t) for o, t in zip(online, target, strict=True))
    before = [t.clone() for t in target]
    with torch.no_grad():
        for o in online:
            o.add_(1.0)
    model.learn(1)  # one step before any gradient step
    for o, t, b in zip(online, target, before, strict=True):
        torch.testing.assert_close(t, 0.25 * o + 0.75 * b)


def test_training_changes_every_sigma():
    model = create(learning_rate=1e-2, train_freq=1)
    before = [sigma.clone() for sigma in sigmas(model.q_net)]
    model.learn(40)
    assert not any(torch.equal(sigma, b) for sigma, b in zip(sigmas(model.q_net), before, strict=True))


def test_noise_is_no_part_of_the_saved_weights():
    assert not [name for name in create().policy.state_dict() if "noise" in name or "eps" in name]


@pytest.mark.parametrize("name", ["exploration_fraction", "exploration_initial_eps", "exploration_final_eps"])
def test_epsilon_greedy_is_refused_by_name(name):
    with pytest.raises(UserError, match=name):
        create(**{name: 0.1})


def test_epsilon_stays_zero():
    model = create().learn(20)
    assert model.exploration_rate == 0


@pytest.mark.parametrize("sigma0", [-0.5, float("nan")])
def test_a_wrong_scale_is_refused_when_the_agent_is_made(sigma0):
    with pytest.raises(UserError, match="sigma0"):
        create(sigma0=sigma0)


class LastDump(KVWriter):
    values = None

    def write(self, key_values, key_excluded, step=0):
        self.values = dict(key_values)

    def close(self):
        pass


@pytest.mark.parametrize("sigma0", [0.5, 0.1])
def test_mean_sigma_of_each_layer_is_logged_instead_of_epsilon(sigma0):
    dump = LastDump()
    model = create(sigma0=sigma0, gradient_steps=0)
    model.set_logger(Logger(folder=None, output_formats=[dump]))
    model.learn(200, log_interval=1)
    logged = {name: value for name, value in dump.values.items() if "sigma" in name}
    # Not trained: sigma0 over the roots of the fan-ins
    assert logged == pytest.approx({"train/sigma_0": sigma0 / 3**0.5, "train/sigma_1": sigma0 / 16**0.5})
    assert "rollout/exploration_rate" not in dump.values


@pytest.mark.parametrize("n_envs", [1, 2])
def test_held_noise_ends_with_the_episode_of_its_env(n_envs, monkeypatch):
    lengths = (5, 8)[:n_envs]
    env = DummyVecEnv([lambda steps=steps: gym.make("Pendulum-v1", max_episode_steps=steps) for steps in lengths])
    model = create(env, exploration_hold=1000, gradient_steps=0)
    used, noise = [], model.acting_noise

    def noted():
        layers = list(noise())
        used.append(layers[0][0][:, 0].copy())
        return iter(layers)

    monkeypatch.setattr(model, "acting_noise", noted)
    model.learn(40 * n_envs)
    for i, length in enumerate(lengths):
        changes = np.flatnonzero(np.diff([row[i] for row in used])) + 1
        ends = set(range(length, 40, length))
        assert ends <= set(changes.tolist())
        assert len(changes) <= len(ends) + 2  # hardly ever within an episode
