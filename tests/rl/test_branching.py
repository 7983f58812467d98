"""A head for each dimension of an action (Tavakoli et al. 2018)."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN, NoisyDQN, Rainbow
from ca2_rl.common.action_bins import BranchBins
from ca2_rl.common.replay_buffer import Transitions
from ca2_rl.common.returns import Categorical, Mean, Quantiles
from ca2_rl.discretized_dqn.discretized_dqn import td_loss

SIX = spaces.Box(np.array([-1, -2, 0, 5, -1, -1], np.float32), np.array([1, 2, 1, 6, 0, 3], np.float32))
UNEQUAL = spaces.MultiDiscrete([2, 5, 3])
SPACES = {"box": SIX, "square": spaces.Box(-1.0, 1.0, (2, 2)), "multi": UNEQUAL, "from": spaces.MultiDiscrete([3, 2], start=[4, -1])}


class Reach(gym.Env):
    """Rewards an action of which every dimension is near its highest value."""

    def __init__(self, space):
        self.action_space, self.observation_space = space, spaces.Box(-1.0, 1.0, (2,))
        if isinstance(space, spaces.Box):
            self.low, self.high = space.low, space.high
        else:
            self.low, self.high = space.start, space.start + space.nvec - 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 5
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.left -= 1
        share = (action - self.low) / (self.high - self.low)
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), float(share.mean()), False, self.left == 0, {}


def create(algorithm=DiscretizedDQN, space=SIX, n_envs=1, **kwargs):
    settings = {"seed": 0, "buffer_size": 500, "learning_starts": 40, "batch_size": 16, "train_freq": 1, "device": "cpu", "n_bins": 5}
    quick = {"target_update_interval": 1, "tau": 0.05, "learning_rate": 3e-3, "compile": False, "policy_kwargs": {"net_arch": [16]}}
    env = make_vec_env(lambda: Reach(space), n_envs, seed=0)
    return algorithm("MlpPolicy", env, branching=True, **settings | quick | kwargs)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_every_combination_of_values_is_an_action(space):
    bins = BranchBins(space, 3)
    indices = np.stack([bins.index_space.sample() for _ in range(300)])
    actions = bins.of(indices)
    assert actions.shape == (300, *space.shape)
    assert all(space.contains(action) for action in actions)
    sizes = [3] * int(np.prod(space.shape)) if isinstance(space, spaces.Box) else space.nvec.ravel()
    for dimension, size in enumerate(sizes):
        values = np.unique(actions.reshape(300, -1)[:, dimension])
        assert len(values) == size
        if isinstance(space, spaces.Box):
            expected = np.linspace(space.low.ravel()[dimension], space.high.ravel()[dimension], size)
            np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_shorter_dimensions_repeat_their_last_value():
    np.testing.assert_array_equal(BranchBins(UNEQUAL, 3).actions, [[0, 1, 1, 1, 1], [0, 1, 2, 3, 4], [0, 1, 2, 2, 2]])


@pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, Rainbow])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_it_acts_learns_saves_and_loads(algorithm, space, tmp_path):
    model = create(algorithm, space, n_envs=2, exploration_hold=3).learn(120)
    model.save(tmp_path / "model")
    loaded = algorithm.load(tmp_path / "model", env=make_vec_env(lambda: Reach(space), 2))
    observations = np.random.default_rng(0).uniform(-1, 1, (30, 2)).astype(np.float32)
    for deterministic in (True, False):
        actions, _ = model.predict(observations, deterministic=deterministic)
        assert all(space.contains(action) for action in actions)
    np.testing.assert_array_equal(*(each.predict(observations, deterministic=True)[0] for each in (model, loaded)))
    loaded.learn(60, reset_num_timesteps=False)
    n = int(np.prod(space.shape))
    assert model.replay_buffer.actions.shape == (250, 2, n)
    assert model.q_net(torch.zeros(4, 2)).shape == (4, n, 5 if isinstance(space, spaces.Box) else space.nvec.max())


@pytest.mark.parametrize("space", [SIX, UNEQUAL], ids=["box", "multi"])
def test_it_learns_what_pays_in_each_dimension(space):
    model = create(DiscretizedDQN, space, exploration_final_eps=0.5, gamma=0.0).learn(2000)
    actions, _ = model.predict(np.random.default_rng(0).uniform(-1, 1, (50, 2)).astype(np.float32), deterministic=True)
    best = SIX.high if space is SIX else UNEQUAL.nvec - 1
    assert (actions == best).mean() > 0.9


def target_by_hand(next_outputs, choice, returns, reward, discount):
    """Eq. 5 for one transition: outputs [n_branches, (n,) n_actions]."""
    values = []
    for branch, q in zip(next_outputs, returns.q_values(choice), strict=True):
        values.append(returns.values(branch[..., q.argmax()].reshape(-1)))
    return returns.targets(torch.stack(values).mean(dim=0), reward, discount)


@pytest.mark.parametrize("returns", [Mean(), Categorical(7, -3.0, 3.0), Quantiles(4)], ids=str)
@pytest.mark.parametrize("double_q", [False, True])
def test_the_loss_is_the_one_by_hand(returns, double_q):
    torch.manual_seed(0)
    online, target = (torch.randn(6, 3, *returns.shape, 4) for _ in range(2))
    batch = Transitions(
        torch.arange(6), torch.randint(4, (6, 3)), torch.arange(6).flip(0), torch.zeros(6, 1), torch.randn(6, 1), weights=torch.rand(6, 1)
    )
    selector = online.__getitem__ if double_q else None
    loss, mean_q, errors = td_loss(batch, 0.9, online.__getitem__, target.__getitem__, selector, returns, branching=True)
    expected, q_values = [], []
    for i in range(6):
        after = 5 - i
        wanted = target_by_hand(target[after], (online if double_q else target)[after], returns, batch.rewards[i], torch.tensor([0.9]))
        taken = torch.stack([online[i, d, ..., batch.actions[i, d]].reshape(-1) for d in range(3)])
        expected.append(torch.stack([returns.losses(taken[d], wanted) for d in range(3)]).mean())
        q_values += [returns.q_values(online[i])[d, batch.actions[i, d]] for d in range(3)]
        each = torch.stack([returns.errors(taken[d], wanted) for d in range(3)]).mean()
        torch.testing.assert_close(errors[i], each)
    torch.testing.assert_close(loss, (torch.stack(expected) * batch.weights[:, 0]).mean())
    torch.testing.assert_close(mean_q, torch.stack(q_values).mean())


def test_branches_of_one_dimension_are_the_grid_of_one_dimension():
    space = spaces.Box(-1.0, 1.0, (1,))
    settings = {"dueling": True, "double_q": True, "learning_starts": 20}
    ours = create(space=space, **settings).learn(200)
    reference = DiscretizedDQN(
        "MlpPolicy",
        make_vec_env(lambda: Reach(space), seed=0),
        **{"seed": 0, "buffer_size": 500, "batch_size": 16, "train_freq": 1, "device": "cpu", "n_bins": 5, "target_update_interval": 1},
        **{"tau": 0.05, "learning_rate": 3e-3, "compile": False, "policy_kwargs": {"net_arch": [16]}},
        **settings,
    )
    for each in (ours, reference):
        each.learning_starts = 0
    rows = torch.arange(64)
    batch = ours.replay_buffer.reader()(rows)
    reference.policy.load_state_dict(ours.policy.state_dict())
    noise = torch.empty(0)
    for one, other in zip(ours.loss(batch, noise, ours.settings), reference.loss(batch, noise, reference.settings), strict=True):
        torch.testing.assert_close(one, other)


def test_a_whole_state_goes_on_bit_for_bit(tmp_path):
    model = create(Rainbow, UNEQUAL, exploration_hold=3, sigma0=0).learn(100)
    model.save_state(tmp_path / "state")
    resumed = Rainbow.load_state(tmp_path / "state", make_vec_env(lambda: Reach(UNEQUAL), seed=0))
    assert resumed.replay_buffer.actions.tobytes() == model.replay_buffer.actions.tobytes()
    assert all(torch.equal(value, model.policy.state_dict()[name]) for name, value in resumed.policy.state_dict().items())


def test_a_grid_that_is_too_large_names_it():
    with pytest.raises(UserError, match="branching=True"):
        DiscretizedDQN("MlpPolicy", Reach(SIX), n_bins=11)
    DiscretizedDQN("MlpPolicy", Reach(SIX), n_bins=11, branching=True, buffer_size=10)


def test_what_has_no_dimensions_or_no_single_action_is_refused():
    with pytest.raises(AssertionError, match="only supports"):
        DiscretizedDQN("MlpPolicy", "CartPole-v1", branching=True)
    with pytest.raises(UserError, match="needs a Box or MultiDiscrete space"):
        BranchBins(spaces.Discrete(3), 3)
    with pytest.raises(UserError, match="munchausen"):
        create(munchausen=True)
    with pytest.raises(UserError, match="n_bins=5000"):
        create(n_bins=5000)
