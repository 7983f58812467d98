"""Losses and targets of means, atoms and quantiles, against slow ones written by hand and against sb3-contrib's."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sb3_contrib import QRDQN
from sb3_contrib.common.utils import quantile_huber_loss
from stable_baselines3.common.buffers import ReplayBuffer

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN
from ca2_rl.common.replay_buffer import Transitions
from ca2_rl.common.returns import Categorical, Mean, Munchausen, Quantiles
from ca2_rl.discretized_dqn.discretized_dqn import td_loss

ATOMS = Categorical(7, -3.0, 3.0)


def projected_by_hand(probabilities, reward, discount, atoms):
    """Algorithm 1 of Bellemare et al. 2017 for one transition."""
    support = np.linspace(atoms.v_min, atoms.v_max, atoms.n_atoms)
    found = np.zeros(atoms.n_atoms)
    for p, z in zip(probabilities, support, strict=True):
        b = (min(max(reward + discount * z, atoms.v_min), atoms.v_max) - atoms.v_min) / (support[1] - support[0])
        low, high = math.floor(b + 1e-9), math.ceil(b - 1e-9)
        if low == high:
            found[low] += p
        else:
            found[low] += p * (high - b)
            found[high] += p * (b - low)
    return found


@given(
    st.lists(st.floats(0.01, 1), min_size=7, max_size=7),
    st.floats(-10, 10, width=32),
    st.floats(0, 1, width=32),
)
def test_the_projection_is_the_one_by_hand(masses, reward, discount):
    probabilities = np.array(masses) / sum(masses)
    projected = ATOMS.targets(torch.tensor(probabilities)[None], torch.full((1, 1), reward).double(), torch.full((1, 1), discount).double())
    np.testing.assert_allclose(projected[0], projected_by_hand(probabilities, reward, discount, ATOMS), atol=1e-6)


def test_the_projection_keeps_mass_and_where_nothing_is_cut_off_the_mean():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(500, 7, generator=generator).softmax(dim=1)
    rewards, discounts = torch.rand(500, 1, generator=generator) - 0.5, torch.rand(500, 1, generator=generator) * 0.8
    projected = ATOMS.targets(probabilities, rewards, discounts)
    torch.testing.assert_close(projected.sum(dim=1), torch.ones(500))
    support = torch.linspace(-3, 3, 7)
    expected = rewards[:, 0] + discounts[:, 0] * (probabilities * support).sum(dim=1)
    torch.testing.assert_close((projected * support).sum(dim=1), expected)
    beyond = ATOMS.targets(probabilities, torch.full((500, 1), 50.0), discounts)
    torch.testing.assert_close(beyond, torch.eye(7)[6].expand(500, 7), rtol=1e-5, atol=1e-5)


def test_the_categorical_loss_is_the_divergence_and_has_the_gradient_of_the_cross_entropy():
    logits = torch.randn(5, 7, requires_grad=True)
    targets = torch.rand(5, 7).softmax(dim=1)
    losses = ATOMS.losses(logits, targets)
    expected = torch.nn.functional.kl_div(logits.log_softmax(dim=1), targets, reduction="none").sum(dim=1)
    torch.testing.assert_close(losses, expected)
    (ours,) = torch.autograd.grad(losses.sum(), logits)
    (theirs,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, targets, reduction="sum"), logits)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(ATOMS.losses(targets.log(), targets), torch.zeros(5), rtol=0, atol=1e-6)


@pytest.mark.parametrize("n", [1, 5, 32])
def test_the_quantile_loss_is_that_of_contrib(n):
    ours, targets = torch.randn(8, n, requires_grad=True), 3 * torch.randn(8, n)
    loss = Quantiles(n).losses(ours, targets).mean()
    expected = quantile_huber_loss(ours, targets, sum_over_quantiles=True)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(each, ours, retain_graph=True)[0] for each in (loss, expected)))


@pytest.mark.parametrize("returns", [Mean(), ATOMS, Quantiles(5)], ids=str)
def test_numpy_and_torch_have_the_same_q_values(returns):
    outputs = torch.randn(4, *returns.shape, 3)
    np.testing.assert_allclose(returns.numpy_q_values(outputs.numpy()), returns.q_values(outputs), rtol=1e-5, atol=1e-6)
    actions = torch.tensor([[0], [2], [1], [2]])
    taken = returns.taken_q(returns.taken(outputs, actions)).reshape(4, 1)
    torch.testing.assert_close(taken, returns.q_values(outputs).gather(1, actions))


SETTINGS = {
    "seed": 0,
    "buffer_size": 1000,
    "learning_starts": 50,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "target_update_interval": 40,
    "exploration_fraction": 0.5,
    "device": "cpu",
}


def test_a_training_by_quantiles_is_that_of_contrib():
    """From the same weights. Contrib does not clip the gradient by default, and its optimiser has another eps."""
    reference = QRDQN("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": [16], "n_quantiles": 5}, **SETTINGS)
    model = DiscretizedDQN(
        "MlpPolicy",
        "CartPole-v1",
        policy_kwargs={"net_arch": [16], "optimizer_kwargs": {"eps": reference.policy.optimizer.defaults["eps"]}},
        distribution="quantile",
        n_quantiles=5,
        max_grad_norm=math.inf,
        replay_buffer_class=ReplayBuffer,
        exploration_final_eps=reference.exploration_final_eps,
        train_freq=reference.train_freq,
        **SETTINGS,
    )
    names = {name.replace("quantile_net", "q_net"): value for name, value in reference.policy.state_dict().items()}
    model.policy.load_state_dict(names)
    for each in (model, reference):
        each.set_random_seed(0)
        each.learn(600)
    np.testing.assert_array_equal(model.replay_buffer.actions, reference.replay_buffer.actions)
    for name, value in reference.policy.state_dict().items():
        torch.testing.assert_close(model.policy.state_dict()[name.replace("quantile_net", "q_net")], value, rtol=1e-4, atol=1e-4)


def batch_of(n_actions=3, n=6, **fields):
    made = {
        "observations": torch.arange(n),
        "actions": torch.arange(n)[:, None] % n_actions,
        "next_observations": torch.arange(n).flip(0),
        "dones": (torch.arange(n)[:, None] == 2).float(),
        "rewards": torch.randn(n, 1),
    }
    return Transitions(**(made | fields))


def munchausen_target(q, q_next, action, reward, done, outputs_next, gamma, alpha, tau, clip):
    """Eq. 1 of Vieillard et al. 2020 for one transition, of the outputs [n_actions] of a mean or one quantile."""
    policy = np.exp(q / tau) / np.exp(q / tau).sum()
    policy_next = np.exp(q_next / tau) / np.exp(q_next / tau).sum()
    bonus = alpha * max(clip, tau * np.log(policy[action]))
    return reward + bonus + (1 - done) * gamma * sum(p * (z - tau * np.log(p)) for p, z in zip(policy_next, outputs_next, strict=True))


@pytest.mark.parametrize("returns", [Mean(), Quantiles(4)], ids=str)
def test_munchausen_targets_are_those_by_hand(returns):
    torch.manual_seed(0)
    munchausen = Munchausen(0.9, 0.5, -1.0)
    online, target = (torch.randn(6, *returns.shape, 3) for _ in range(2))
    batch = batch_of()
    seen = []

    class Watched(type(returns)):
        def losses(self, taken, targets):
            seen.append(targets)
            return super().losses(taken, targets)

    td_loss(batch, 0.9, online.__getitem__, target.__getitem__, None, Watched(*(vars(returns).values())), munchausen)
    q = returns.q_values(target).double().numpy()
    for i in range(6):
        following = int(batch.next_observations[i])
        outputs = target[following].double().numpy().reshape(-1, 3)
        fixed = (q[i], q[following], i % 3, batch.rewards[i].item(), batch.dones[i].item())
        expected = [munchausen_target(*fixed, each, 0.9, 0.9, 0.5, -1.0) for each in outputs]
        np.testing.assert_allclose(seen[0][i], expected, rtol=1e-5)


def test_the_log_probability_is_clipped():
    bonus = Munchausen(0.9, 0.03, -1.0).bonus(torch.tensor([[0.0, 50.0]]), torch.tensor([[0]]))
    assert bonus.item() == pytest.approx(-0.9)
    assert Munchausen(0.9, 0.03, -1.0).bonus(torch.tensor([[0.0, 50.0]]), torch.tensor([[1]])).item() == pytest.approx(0)


def test_as_the_temperature_falls_munchausen_without_its_bonus_becomes_dqn():
    online, target, batch = torch.randn(6, 3), torch.randn(6, 3), batch_of()
    losses = [td_loss(batch, 0.9, online.__getitem__, target.__getitem__, None, Mean(), each)[0] for each in (None, Munchausen(0.0, 1e-4))]
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-3)


@pytest.mark.parametrize("returns", [ATOMS, Quantiles(4)], ids=str)
def test_double_q_values_the_choice_of_the_selector(returns):
    torch.manual_seed(0)
    online, target, batch = torch.randn(6, *returns.shape, 3), torch.randn(6, *returns.shape, 3), batch_of()
    best = returns.q_values(online)[batch.next_observations].argmax(dim=1)
    chosen = torch.stack([target[s, :, a] for s, a in zip(batch.next_observations, best, strict=True)])
    targets = returns.targets(returns.values(chosen), batch.rewards, 0.9 * (1 - batch.dones))
    expected = returns.losses(torch.stack([online[i, :, i % 3] for i in range(6)]), targets).mean()
    loss, _ = td_loss(batch, 0.9, online.__getitem__, target.__getitem__, online.__getitem__, returns)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"distribution": "categorical"}, "needs v_min and v_max"),
        ({"distribution": "categorical", "v_min": 1.0, "v_max": 1.0}, "v_min below v_max"),
        ({"distribution": "categorical", "v_min": 0.0, "v_max": 1.0, "n_atoms": 1}, "n_atoms=1"),
        ({"distribution": "quantile", "n_quantiles": 0}, "n_quantiles=0"),
        ({"distribution": "quantiles"}, "has to be categorical, quantile or None"),
        ({"munchausen": True, "double_q": True}, "double_q"),
        ({"munchausen": True, "distribution": "categorical", "v_min": 0.0, "v_max": 1.0}, "categorical"),
        ({"munchausen": True, "munchausen_tau": 0.0}, "munchausen_tau=0.0"),
    ],
    ids=str,
)
def test_what_has_no_meaning_is_refused(settings, words):
    with pytest.raises(UserError, match=words):
        DiscretizedDQN("MlpPolicy", "CartPole-v1", **settings)
