"""Actions that the env does not allow are neither taken nor learned from."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.callbacks import MaskableEvalCallback
from sb3_contrib.common.maskable.evaluation import evaluate_policy as evaluate_masked_policy
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN, NoisyDQN, Rainbow
from ca2_rl.common.replay_buffer import Transitions
from ca2_rl.common.returns import Categorical, Mean, Quantiles
from ca2_rl.discretized_dqn.discretized_dqn import td_loss
from ca2_rl.state import register_env_state
from ca2_rl.zoo.agents import first_episodes, play

N_ACTIONS = 4


class Doors(gym.Env):
    """Each observation is where one is, and allows some of four actions. The mask is in the infos."""

    def __init__(self, length=6):
        self.observation_space, self.action_space = spaces.Box(0, 20, (1,)), spaces.Discrete(N_ACTIONS)
        self.length, self.place, self.left = length, 0, 0

    def mask(self):
        return np.array([(self.place * 7 + action * 3) % 4 != 0 for action in range(N_ACTIONS)], dtype=np.int8)

    def seen(self):
        return np.array([self.place], np.float32), {"action_mask": self.mask()}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.left = int(self.np_random.integers(20)), self.length
        return self.seen()

    def step(self, action):
        assert self.mask()[action], "not allowed"
        self.place, self.left = (self.place + int(action) + 1) % 20, self.left - 1
        observation, info = self.seen()
        return observation, float(action), False, self.left == 0, info


class DoorsOfContrib(Doors):
    """The mask comes by a method, as sb3-contrib has it."""

    def action_masks(self):
        return self.mask().astype(bool)

    def seen(self):
        return np.array([self.place], np.float32), {}


register_env_state(Doors, "place", "left")
MASKS = np.array([[(place * 7 + action * 3) % 4 != 0 for action in range(N_ACTIONS)] for place in range(20)])


def create(algorithm=DiscretizedDQN, env=Doors, n_envs=1, **kwargs):
    settings = {"seed": 0, "buffer_size": 200 * n_envs, "learning_starts": 40, "batch_size": 16, "train_freq": 1, "device": "cpu"}
    quick = {"target_update_interval": 1, "tau": 0.05, "compile": False, "policy_kwargs": {"net_arch": [16]}, "action_masks": True}
    env = make_vec_env(env, n_envs, seed=0) if isinstance(env, type) else env
    return algorithm("MlpPolicy", env, **settings | quick | kwargs)


@pytest.mark.parametrize("env", [Doors, DoorsOfContrib])
@pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, Rainbow])
@pytest.mark.parametrize("settings", [{}, {"exploration_hold": 5, "n_envs": 2}], ids=["plain", "held"])
def test_only_allowed_actions_are_taken_and_the_buffer_keeps_what_is_allowed_next(algorithm, env, settings):
    model = create(algorithm, env, **settings)
    model.learn(150 * model.n_envs)  # the env would fail
    buffer = model.replay_buffer
    places = buffer.next_observations[:150, :, 0].astype(int)
    expected = MASKS[places]
    if env is DoorsOfContrib:  # which can't be asked after the reset
        expected[buffer.dones[:150].astype(bool)] = True
    np.testing.assert_array_equal(buffer.next_masks[:150], expected)
    assert len(np.unique(buffer.actions[:150])) == N_ACTIONS


def test_random_actions_are_uniform_over_what_is_allowed():
    model = create(learning_starts=20_000, buffer_size=20_000).learn(8000)
    buffer = model.replay_buffer
    places, actions = buffer.observations[:8000, 0, 0].astype(int), buffer.actions[:8000, 0, 0]
    for place in range(20):
        shares = np.bincount(actions[places == place], minlength=4) / (places == place).sum()
        np.testing.assert_allclose(shares, MASKS[place] / MASKS[place].sum(), atol=5 * 0.5 / np.sqrt((places == place).sum()))


@pytest.mark.parametrize("returns", [Mean(), Categorical(7, -3.0, 3.0), Quantiles(4)], ids=str)
@pytest.mark.parametrize("double_q", [False, True])
def test_targets_are_those_of_a_network_without_the_forbidden_actions(returns, double_q):
    torch.manual_seed(0)
    online, target = (torch.randn(6, *returns.shape, 4) for _ in range(2))
    masks = torch.rand(6, 4) < 0.5
    masks[:, 1] = True
    batch = Transitions(
        torch.arange(6), torch.ones(6, 1, dtype=int), torch.arange(6), torch.zeros(6, 1), torch.randn(6, 1), next_masks=masks
    )
    loss, _ = td_loss(batch, 0.9, online.__getitem__, target.__getitem__, online.__getitem__ if double_q else None, returns)
    singles = []
    for i in range(6):
        kept = masks[i].nonzero().ravel()
        one = Transitions(*(field[i : i + 1] for field in batch[:5]))
        choice = (lambda rows, kept=kept: online[rows][..., kept]) if double_q else None
        singles.append(td_loss(one, 0.9, online.__getitem__, lambda rows, kept=kept: target[rows][..., kept], choice, returns)[0])
    torch.testing.assert_close(loss, torch.stack(singles).mean())


@pytest.mark.parametrize("masks", [1, [1], [None, None], [float("nan"), 1.0], [[1, 1, 1]], "yes"])
def test_what_is_no_mask_is_refused(masks):
    model = create(DiscretizedDQN, "CartPole-v1")
    with pytest.raises(UserError, match="action_masks: a mask needs true or false for each of the 2 actions"):
        model.predict(np.zeros(4, np.float32), action_masks=masks)


def test_an_agent_with_branches_has_no_masks():
    model = create(DiscretizedDQN, "Pendulum-v1", branching=True, action_masks=False)
    with pytest.raises(UserError, match="an agent with branching=True has no masks"):
        model.predict(np.zeros(3, np.float32), action_masks=np.ones(3))


def test_a_replay_buffer_without_masks_is_not_loaded(tmp_path):
    create(DiscretizedDQN, action_masks=False).save_replay_buffer(tmp_path / "buffer")
    model = create(DiscretizedDQN)
    with pytest.raises(UserError, match="action_masks=False, the agent True"):
        model.load_replay_buffer(tmp_path / "buffer")


@pytest.mark.parametrize("n_steps", [1, 3])
@pytest.mark.parametrize("prioritized_replay", [False, True])
@pytest.mark.parametrize("normalised", [False, True])
def test_each_transition_of_a_batch_has_the_mask_of_what_follows(n_steps, prioritized_replay, normalised):
    venv = make_vec_env(Doors, 2, seed=0)
    env = VecNormalize(venv, norm_obs=False) if normalised else venv
    model = create(Rainbow, env, n_steps=n_steps, prioritized_replay=prioritized_replay)
    seen, loss = [], model.loss
    model.loss = lambda batch, *rest: seen.append(batch) or loss(batch, *rest)
    model.learn(120)
    assert seen
    for batch in seen:
        np.testing.assert_array_equal(batch.next_masks, MASKS[batch.next_observations[:, 0].long()])


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN])
def test_predictions_heed_the_masks_that_they_are_given(algorithm, deterministic):
    model = create(algorithm)
    model.exploration_rate = 0.5
    places = np.arange(20, dtype=np.float32)[:, None]
    actions, _ = model.predict(places, deterministic=deterministic, action_masks=MASKS)
    assert MASKS[np.arange(20), actions].all()
    single, _ = model.predict(places[3], deterministic=deterministic, action_masks=MASKS[3])
    assert MASKS[3, single]


@pytest.mark.parametrize("env", [Doors, DoorsOfContrib])
def test_agents_are_played_with_the_masks_of_the_env(env):
    steps = play(create(env=env), make_vec_env(env, 3, seed=1))  # the env would fail
    assert sum(int(ends.sum()) for _, (_, ends, _) in zip(range(60), steps, strict=False)) == 30


def test_a_state_goes_on_bit_for_bit(tmp_path):
    model = create(Rainbow, n_envs=2).learn(120)
    model.save_state(tmp_path / "state")
    model.learn(60, reset_num_timesteps=False)
    resumed = Rainbow.load_state(tmp_path / "state", make_vec_env(Doors, 2, seed=0))
    resumed.learn(60, reset_num_timesteps=False)
    np.testing.assert_array_equal(resumed.replay_buffer.next_masks, model.replay_buffer.next_masks)
    np.testing.assert_array_equal(resumed.replay_buffer.actions, model.replay_buffer.actions)
    assert all(torch.equal(value, model.policy.state_dict()[name]) for name, value in resumed.policy.state_dict().items())


def test_an_agent_is_saved_and_goes_on(tmp_path):
    model = create(Rainbow).learn(80)
    model.save(tmp_path / "model")
    Rainbow.load(tmp_path / "model", env=make_vec_env(Doors)).learn(60, reset_num_timesteps=False)


def test_in_taxi_no_move_is_wasted():
    env = gym.make(next(name for name in ("Taxi-v4", "Taxi-v3") if name in gym.registry))
    model = create(env=env, learning_starts=150, buffer_size=300).learn(300)
    table, buffer = env.unwrapped, model.replay_buffer
    masks = np.array([table.action_mask(state) for state in buffer.observations[:300, 0, 0]])
    assert masks[np.arange(300), buffer.actions[:300, 0, 0]].all()


def test_an_env_without_masks_and_what_does_not_go_with_them_is_refused():
    with pytest.raises(UserError, match="neither info"):
        DiscretizedDQN("MlpPolicy", "CartPole-v1", action_masks=True, buffer_size=10).learn(10)
    with pytest.raises(UserError, match="Discrete actions"):
        DiscretizedDQN("MlpPolicy", "Pendulum-v1", action_masks=True)
    with pytest.raises(UserError, match="munchausen"):
        DiscretizedDQN("MlpPolicy", "CartPole-v1", action_masks=True, munchausen=True)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("env", [Doors, DoorsOfContrib])
def test_evaluations_during_a_training_heed_the_masks(env, normalised, n_envs):
    def make():
        venv = make_vec_env(env, n_envs, seed=0)
        return VecNormalize(venv, norm_obs=False) if normalised else venv

    model, evaluation_env = create(env=make()), make()
    evaluation = EvalCallback(evaluation_env, n_eval_episodes=2 * n_envs, eval_freq=20, verbose=0)
    model.learn(60, evaluation)  # the env would fail
    model.learn(60, [evaluation], reset_num_timesteps=False)
    assert evaluation.eval_env is evaluation_env
    assert np.isfinite(evaluation.best_mean_reward)
    expected = [score for score, _ in first_episodes(model, make())]
    again = EvalCallback(make(), n_eval_episodes=n_envs, eval_freq=1, verbose=0)
    model.learning_starts = 10_000
    model.learn(1, again, reset_num_timesteps=False)
    assert again.last_mean_reward == pytest.approx(np.mean(expected))


def test_contrib_s_evaluations_heed_the_masks():
    model = create(env=DoorsOfContrib)
    evaluation = MaskableEvalCallback(make_vec_env(DoorsOfContrib, seed=0), n_eval_episodes=3, eval_freq=20, verbose=0)
    model.learn(60, evaluation)
    assert np.isfinite(evaluation.last_mean_reward)
    mean, _ = evaluate_masked_policy(model, make_vec_env(DoorsOfContrib, seed=1), 5)
    assert np.isfinite(mean)


def test_an_evaluation_in_an_env_without_masks_is_one_line():
    class Open(Doors):
        def seen(self):
            return np.array([self.place], np.float32), {}

    with pytest.raises(UserError, match="neither info"):
        create().learn(60, EvalCallback(make_vec_env(Open), eval_freq=20, verbose=0))
