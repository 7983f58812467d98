"""Prioritised replay against brute force, and in the buffers of all kinds."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import NStepReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN
from ca2_rl.common.prioritized_replay import BUFFERS, PrioritizedNStepReplayBuffer, PrioritizedReplayBuffer, SumTree, padded
from ca2_rl.loading.pickles import unpickle

VECTOR = gym.spaces.Box(-100.0, 100.0, (2,))
DICT = gym.spaces.Dict(a=VECTOR, b=gym.spaces.Box(-100.0, 100.0, (1,)))


def tree_of(numbers):
    leaves = np.zeros(padded(len(numbers)))
    leaves[: len(numbers)] = numbers
    return SumTree(leaves), leaves


def filled(n_steps=1, steps=40, size=40, n_envs=1, space=VECTOR, prioritised=True, **kwargs):
    """A buffer whose rewards count the transitions; episodes of seven steps."""
    n_step = {"n_steps": n_steps, "gamma": 0.9} if n_steps > 1 else {}
    kind = BUFFERS[isinstance(space, gym.spaces.Dict), n_steps > 1, prioritised]
    buffer = kind(size * n_envs, space, gym.spaces.Discrete(3), "cpu", n_envs, **n_step, **kwargs)
    for step in range(steps):
        count = step * n_envs + np.arange(n_envs)
        obs, following = ({k: np.stack([s.sample() for _ in range(n_envs)]) for k, s in DICT.items()} for _ in range(2))
        if space is VECTOR:
            obs, following = obs["a"], following["a"]
        buffer.add(obs, following, np.zeros(n_envs, int), count.astype(float), np.full(n_envs, step % 7 == 6), [{}] * n_envs)
    return buffer


class TestSumTree:
    @given(
        st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=70),
        st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
    )
    def test_finds_what_a_running_sum_finds(self, numbers, shares):
        tree, leaves = tree_of(numbers)
        assert tree.total == pytest.approx(sum(numbers))
        if tree.total > 0:
            masses = np.array(shares) * tree.total
            found = tree.find(masses)
            ends = np.cumsum(leaves)
            slack = 1e-9 * tree.total
            assert (leaves[found] > 0).all()
            assert (masses < ends[found] + slack).all()
            assert (masses >= ends[found] - leaves[found] - slack).all()

    @pytest.mark.parametrize("n", [1, 31, 32, 33, 1024, 1025, 40_000])
    def test_updates_leave_the_very_tree_that_is_built_from_the_leaves(self, n):
        generator = np.random.default_rng(n)
        tree, leaves = tree_of(generator.random(n))
        for size in (1, 2, 50):
            for _ in range(20):
                tree.update(generator.integers(n, size=size), generator.random(size) * 10.0 ** generator.integers(-9, 9))
        built, _ = tree_of(leaves[:n])
        assert tree.total == built.total
        masses = np.linspace(0, tree.total, 1000, endpoint=False)
        np.testing.assert_array_equal(tree.find(masses), built.find(masses))

    @pytest.mark.parametrize("n", [100, 5000])
    def test_leaves_are_found_in_proportion(self, n):
        generator = np.random.default_rng(0)
        numbers = generator.exponential(size=n) * (generator.random(n) < 0.8)
        tree, _ = tree_of(numbers)
        counts = np.bincount(tree.find(generator.random(100 * n) * tree.total), minlength=n)
        expected = 100 * n * numbers[:n] / numbers.sum()
        there = expected > 0
        assert not counts[: len(there)][~there].any()
        chi_square = ((counts[there] - expected[there]) ** 2 / expected[there]).sum()
        degrees = there.sum() - 1
        assert abs(chi_square - degrees) < 5 * np.sqrt(2 * degrees + (1 / expected[there]).sum())

    def test_of_an_index_that_occurs_twice_the_last_value_counts(self):
        tree, leaves = tree_of([1.0, 2.0])
        tree.update(np.array([0, 0]), np.array([5.0, 7.0]))
        assert (leaves[0], tree.total) == (7.0, 9.0)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_draws_are_in_proportion_to_the_errors(alpha, n_envs):
    buffer = filled(n_envs=n_envs, alpha=alpha)
    n = 40 * n_envs
    errors = np.random.default_rng(0).exponential(size=n)
    buffer.draw(np.zeros(n))  # all priorities are equal: one row each
    rows = buffer._drawn.numpy()
    assert sorted(rows) == list(range(n))
    buffer.update_priorities(errors[rows])
    drawn = np.concatenate([buffer.draw(np.random.random_sample(30))[0].numpy() for _ in range(2000)])
    expected = (errors + 1e-6) ** alpha
    counts = np.bincount(drawn, minlength=n)
    assert counts.sum() == 60_000
    chi_square = ((counts - 60_000 * expected / expected.sum()) ** 2 / (60_000 * expected / expected.sum())).sum()
    assert chi_square < (n - 1) + 4 * np.sqrt(2 * (n - 1))  # stratified: less than multinomial


def test_draws_are_stratified():
    buffer = filled(alpha=1.0)
    rows, _ = buffer.draw(np.random.random_sample(40))
    assert rows.tolist() == list(range(40))


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_weights_are_those_of_the_paper(beta):
    buffer = filled(alpha=0.5, beta=beta)
    rows, _ = buffer.draw(np.random.random_sample(40))
    errors = np.random.default_rng(0).exponential(size=40)
    buffer.update_priorities(errors[rows])
    rows, weights = buffer.draw(np.random.random_sample(20))
    probability = (errors + 1e-6) ** 0.5 / ((errors + 1e-6) ** 0.5).sum()
    expected = (40 * probability[rows]) ** -beta
    np.testing.assert_allclose(weights[:, 0], expected / expected.max(), rtol=1e-5)


def test_with_beta_one_a_weighted_mean_is_unbiased():
    buffer = filled(alpha=1.0, beta=1.0)
    buffer.draw(np.random.random_sample(40))
    buffer.update_priorities(1 + np.arange(40))
    batches = [buffer.sample(400) for _ in range(50)]
    means = [((batch.weights * batch.rewards).sum() / batch.weights.sum()).item() for batch in batches]
    assert np.mean(means) == pytest.approx(19.5, abs=0.2)


def test_new_transitions_get_the_largest_priority_so_far_also_where_they_replace_old_ones():
    buffer = filled(steps=45, size=40, alpha=1.0)
    np.testing.assert_array_equal(buffer.priorities[:40], 1)
    buffer.draw(np.random.random_sample(40))
    buffer.update_priorities(np.where(np.arange(40) == 7, 9.0, 0.5))
    buffer.add(VECTOR.sample(), VECTOR.sample(), np.zeros(1, int), np.zeros(1), np.zeros(1, bool), [{}])
    assert buffer.priorities[5] == buffer.priorities[:40].max() == pytest.approx(9)
    assert buffer.tree.total == pytest.approx(buffer.priorities.sum())


def test_an_error_that_is_not_finite_counts_as_the_largest():
    buffer = filled(alpha=1.0)
    buffer.draw(np.random.random_sample(2))
    buffer.update_priorities(np.array([np.nan, np.inf]))
    assert np.isfinite(buffer.priorities).all()
    assert np.isfinite(buffer.tree.total)


@pytest.mark.parametrize("space", [VECTOR, DICT], ids=["vector", "dict"])
@pytest.mark.parametrize("n_steps", [1, 3])
@pytest.mark.parametrize("n_envs", [1, 2])
def test_a_batch_has_the_transitions_of_its_rows(space, n_steps, n_envs):
    buffer = filled(n_steps, 50, 40, n_envs, space)
    batch = buffer.sample(64)
    rows = buffer._drawn.numpy()
    newest = buffer.pos - 1
    for i, row in enumerate(rows):
        step, env = divmod(row, n_envs)
        total, last = 0.0, step
        for k in range(n_steps):
            last = (step + k) % 40
            total += 0.9**k * buffer.rewards[last, env]
            if buffer.dones[last, env] or last == newest:
                break
        assert batch.rewards[i].item() == pytest.approx(total)
        assert batch.dones[i].item() == buffer.dones[last, env]
        if n_steps > 1:
            assert batch.discounts[i].item() == pytest.approx(0.9 ** (k + 1))
        seen, following = batch.observations, batch.next_observations
        for key in DICT if space is DICT else [None]:
            ours, stored = (seen[key], buffer.observations[key]) if key else (seen, buffer.observations)
            np.testing.assert_array_equal(ours[i], stored[step, env])
            ours, stored = (following[key], buffer.next_observations[key]) if key else (following, buffer.next_observations)
            np.testing.assert_array_equal(ours[i], stored[last, env])


@pytest.mark.parametrize("n_steps", [1, 3])
def test_what_is_normalised_is_what_sb3_normalises(n_steps):
    env = VecNormalize(make_vec_env("CartPole-v1"))
    space, actions = env.observation_space, env.action_space
    for _ in range(30):
        env.reset()
        env.step(np.zeros(1, int))
    ours, theirs = (
        (PrioritizedNStepReplayBuffer if n_steps > 1 else PrioritizedReplayBuffer)(30, space, actions, "cpu"),
        NStepReplayBuffer(30, space, actions, "cpu", n_steps=n_steps),
    )
    for step in range(20):
        transition = space.sample() / 1e30, space.sample() / 1e30, np.zeros(1, int), np.array([5.0]), np.array([step == 9]), [{}]
        for buffer in (ours, theirs):
            buffer.add(*transition)
    batch = ours.sample(64, env)
    expected = theirs._get_samples(ours._drawn.numpy(), env)
    for name in ("observations", "next_observations", "rewards", "dones"):
        torch.testing.assert_close(getattr(batch, name), getattr(expected, name))


@pytest.mark.parametrize(
    "duplicate", [lambda b: pickle.loads(pickle.dumps(b)), lambda b: unpickle(pickle.dumps(b))], ids=["pickle", "safe"]
)
@pytest.mark.parametrize("n_steps", [1, 3])
def test_a_saved_buffer_goes_on_as_it_was(duplicate, n_steps):
    buffer = filled(n_steps, 50, 40)
    buffer.draw(np.random.random_sample(40))
    buffer.update_priorities(np.random.random_sample(40))
    twin = duplicate(buffer)
    uniforms = np.random.random_sample(32)
    for ours, theirs in zip(twin.draw(uniforms), buffer.draw(uniforms), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("option", "value"), [("alpha", -0.1), ("alpha", 1.5), ("beta", float("nan"))])
def test_an_exponent_out_of_its_range_is_refused(option, value):
    with pytest.raises(UserError, match=f"{option}="):
        filled(**{option: value})


def test_it_needs_both_observations_of_a_transition():
    with pytest.raises(UserError, match="optimize_memory_usage"):
        filled(optimize_memory_usage=True, handle_timeout_termination=False)


def test_sb3_s_dqn_takes_it_and_draws_uniformly():
    model = DQN("MlpPolicy", "CartPole-v1", replay_buffer_class=PrioritizedReplayBuffer, learning_starts=20, device="cpu").learn(60)
    assert model._n_updates > 0
    np.testing.assert_array_equal(model.replay_buffer.priorities[:60], 1)


SETTINGS = {"seed": 0, "buffer_size": 200, "learning_starts": 50, "batch_size": 16, "train_freq": 1, "device": "cpu", "compile": False}


class TestInAnAgent:
    def agent(self, env="CartPole-v1", policy="MlpPolicy", **kwargs):
        settings = SETTINGS | {"policy_kwargs": {"net_arch": [16]}} | kwargs
        return DiscretizedDQN(policy, env, prioritized_replay=True, **settings)

    def test_priorities_are_the_errors_of_the_last_batch_that_had_them(self, monkeypatch):
        model = self.agent(priority_alpha=1.0).learn(60)
        seen, loss = [], model.loss
        monkeypatch.setattr(model, "loss", lambda *args: seen.append(loss(*args)[2]) or loss(*args))
        model.train(1, 16)
        rows = model.replay_buffer._drawn.numpy()
        last = dict(zip(rows.tolist(), seen[0].tolist(), strict=True))
        for row, error in last.items():
            assert model.replay_buffer.priorities[row] == pytest.approx(error + 1e-6)
        assert (seen[0] > 0).any()

    def test_weights_scale_the_loss_of_each_transition(self):
        model = self.agent().learn(60)
        model.replay_buffer.beta = 1.0
        batch = model.replay_buffer.sample(16)
        single = [
            model.loss(
                type(batch)(*(None if field is None else field[i : i + 1] for field in batch))._replace(weights=torch.ones(1, 1)),
                torch.empty(0),
                model.settings,
            )[0].item()
            for i in range(16)
        ]
        loss = model.loss(batch, torch.empty(0), model.settings)[0].item()
        assert loss == pytest.approx(np.mean(batch.weights[:, 0].numpy() * single), rel=1e-5)

    def test_beta_rises_to_one(self):
        model = self.agent(priority_beta=0.2)
        betas = {}
        train = model.train

        def noted(**kwargs):
            train(**kwargs)
            betas[model.num_timesteps] = model.replay_buffer.beta

        model.train = noted
        model.learn(200)
        assert betas[100] == pytest.approx(0.6)
        assert betas[200] == pytest.approx(1.0)

    @pytest.mark.parametrize("settings", [{}, {"n_steps": 3}], ids=str)
    def test_observations_that_are_kept_once_are_refused(self, settings):
        with pytest.raises(UserError, match="optimize_memory_usage"):
            self.agent(optimize_memory_usage=True, replay_buffer_kwargs={"handle_timeout_termination": False}, **settings)

    def test_another_buffer_is_refused(self):
        with pytest.raises(UserError, match="prioritized_replay"):
            self.agent(replay_buffer_class=NStepReplayBuffer)

    def test_it_can_be_switched_off_when_an_agent_is_loaded(self, tmp_path):
        self.agent().learn(60).save(tmp_path / "model")
        loaded = DiscretizedDQN.load(tmp_path / "model", env=make_vec_env("CartPole-v1"), prioritized_replay=False)
        assert not isinstance(loaded.replay_buffer, PrioritizedReplayBuffer)
        loaded.learn(60)

    @pytest.mark.parametrize("normalised", [False, True])
    def test_rows_and_samples_are_weighted_alike(self, normalised):
        env = make_vec_env("CartPole-v1", 2)
        model = self.agent(VecNormalize(env) if normalised else env).learn(120)
        assert len(set(model.replay_buffer.priorities[:100])) > 10
