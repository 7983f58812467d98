"""Collects experience with less overhead than SB3, for vector observations."""

from collections.abc import Callable
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import RolloutReturn, TrainFreq, TrainFrequencyUnit
from stable_baselines3.common.utils import should_collect_more_steps
from stable_baselines3.common.vec_env import VecEnv

from ca2_rl.common.replay_buffer import QuickReplayBuffer


def collect_vectors(
    model: OffPolicyAlgorithm,
    env: VecEnv,
    callback: BaseCallback,
    train_freq: TrainFreq,
    replay_buffer: QuickReplayBuffer,
    stored: Callable[[list[dict[str, Any]], np.ndarray], None],
    action_noise: ActionNoise | None = None,
    learning_starts: int = 0,
    log_interval: int | None = None,
) -> RolloutReturn:
    """SB3's ``collect_rollouts``, step for step, for vector observations that are stored unchanged.

    Code for dicts and for ``VecNormalize`` is left out, and code for ended episodes runs only if one has ended.

    :param stored: called with the infos and dones of each step after it has been stored in the replay buffer
    """
    model.policy.set_training_mode(False)
    # SB3's checks, with its messages
    assert isinstance(env, VecEnv), "You must pass a VecEnv"
    assert train_freq.frequency > 0, "Should at least collect one step or episode."
    if env.num_envs > 1:
        assert train_freq.unit == TrainFrequencyUnit.STEP, "You must use only one env when doing episodic training."
    is_watched = not (type(callback) is CallbackList and not callback.callbacks)
    num_collected_steps, num_collected_episodes = 0, 0
    if is_watched:
        callback.on_rollout_start()
    while should_collect_more_steps(train_freq, num_collected_steps, num_collected_episodes):
        actions, buffer_actions = model._sample_action(learning_starts, action_noise, env.num_envs)
        new_obs, rewards, dones, infos = env.step(actions)
        model.num_timesteps += env.num_envs
        num_collected_steps += 1
        if is_watched:
            callback.update_locals({**locals(), "self": model})
            if not callback.on_step():
                return RolloutReturn(num_collected_steps * env.num_envs, num_collected_episodes, continue_training=False)
        ended = [i for i, done in enumerate(dones.tolist()) if done]
        next_obs = new_obs
        if ended:  # for these envs, ``new_obs`` is the first observation of the next episode
            model._update_info_buffer(infos, dones)
            assert isinstance(new_obs, np.ndarray)
            next_obs = new_obs.copy()
            for i in ended:
                if infos[i].get("terminal_observation") is not None:
                    next_obs[i] = infos[i]["terminal_observation"]
        replay_buffer.add(model._last_obs, next_obs, buffer_actions, rewards, dones, infos)  # type: ignore[arg-type]
        stored(infos, dones)
        model._last_obs = model._last_original_obs = new_obs  # type: ignore[assignment]
        model._update_current_progress_remaining(model.num_timesteps, model._total_timesteps)
        model._on_step()
        for i in ended:
            num_collected_episodes += 1
            model._episode_num += 1
            if action_noise is not None:
                action_noise.reset(**({"indices": [i]} if env.num_envs > 1 else {}))
            if log_interval is not None and model._episode_num % log_interval == 0:
                model.dump_logs()
    if is_watched:
        callback.on_rollout_end()
    return RolloutReturn(num_collected_steps * env.num_envs, num_collected_episodes, continue_training=True)
