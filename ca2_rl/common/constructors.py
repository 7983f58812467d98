"""Helpers for constructors that repeat their parent's parameters, so that users see them, check them, and pass them on."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from ca2_core.errors import UserError
from ca2_core.settings import Setting

# Arguments of SB3's and sb3-contrib's constructors and of ours. The types are those of the annotations
ARGUMENTS = {
    "action_masks": Setting("take only actions that the env allows by info['action_mask'] or action_masks()"),
    "action_noise": Setting("noise on the actions; rl-zoo3 makes it from noise_type and noise_std"),
    "batch_size": Setting("transitions in each gradient step", low=1),
    "buffer_size": Setting("size of the replay buffer in transitions", low=1),
    "branching": Setting("choose in each dimension of an action separately, instead of from a grid"),
    "clip_range": Setting("PPO's limit on the change of the policy", above=0),
    "clip_range_vf": Setting("PPO's limit on the change of the value function"),
    "compile": Setting("compile gradient steps; by default if that saves time", changes_result=False),
    "critic_aggregation": Setting("how the values of several critics are combined: min or mean"),
    "critic_loss": Setting("loss of the critic: mse or huber"),
    "delta_std": Setting("standard deviation of ARS's parameter noise", above=0),
    "distribution": Setting("how the distribution of returns is learned: categorical or quantile; null learns only the mean"),
    "double_q": Setting("the online network chooses the next action, the target network evaluates it"),
    "dueling": Setting("separate streams for value and advantage"),
    "ent_coef": Setting("weight of the entropy, or auto to learn it"),
    "exploration_final_eps": Setting("final probability of a random action", low=0, high=1),
    "exploration_fraction": Setting("share of the training over which the probability of a random action falls", low=0, high=1),
    "exploration_hold": Setting("longest duration of a random action, or of a noise sample, in steps", low=1),
    "exploration_initial_eps": Setting("initial probability of a random action", low=0, high=1),
    "gae_lambda": Setting("lambda of the generalised advantage estimate", low=0, high=1),
    "gamma": Setting("discount factor", low=0, high=1),
    "gradient_steps": Setting("gradient steps after each rollout; -1 for one per step of the rollout", low=0, also=(-1,)),
    "learning_rate": Setting("learning rate of the optimiser; `lin_1e-3` falls linearly to 0", low=0),
    "learning_starts": Setting("random steps before the first gradient step", low=0),
    "max_grad_norm": Setting("gradients are clipped to this norm", above=0, may_be_infinite=True),
    "munchausen": Setting("add the action's log-probability to the reward, and use soft targets"),
    "munchausen_alpha": Setting("weight of the log-probability", low=0),
    "munchausen_clip": Setting("lower bound of the temperature times the log-probability", high=0),
    "munchausen_tau": Setting("temperature of the soft policy", above=0),
    "n_atoms": Setting("number of returns whose probabilities are learned (categorical)", low=2),
    "n_bins": Setting("values per dimension of a Box action, end points included", low=2),
    "n_critics": Setting("number of critics", low=1),
    "n_epochs": Setting("passes over each rollout", low=1),
    "n_eval_episodes": Setting("episodes of each candidate", low=1),
    "n_quantiles": Setting("number of quantiles of the return (quantile)", low=1),
    "n_steps": Setting("steps of a rollout (on-policy), or of the n-step returns (off-policy)", low=1),
    "optimize_memory_usage": Setting("store each observation once in the replay buffer", changes_result=False),
    "ou_dt": Setting("time between two steps of the noise", above=0),
    "ou_mu": Setting("mean of the noise"),
    "ou_sigma": Setting("scale of the noise", low=0),
    "ou_theta": Setting("rate at which the noise returns to its mean", low=0),
    "policy_delay": Setting("gradient steps of the critic per gradient step of the actor", low=1),
    "policy_kwargs": Setting("arguments of the policy: net_arch, activation_fn, optimizer_class, optimizer_kwargs ..."),
    "prioritized_replay": Setting("draw transitions with large errors more often"),
    "priority_alpha": Setting("priorities are errors to this power; 0 draws uniformly", low=0, high=1),
    "priority_beta": Setting("initial exponent of the importance weights; it rises to 1", low=0, high=1),
    "replay_buffer_class": Setting("class of the replay buffer"),
    "replay_buffer_kwargs": Setting("arguments of the replay buffer"),
    "sde_sample_freq": Setting("steps between samples of gSDE's noise; -1 for one per rollout", low=-1),
    "sigma0": Setting("initial scale of the noise on the weights; 0 for epsilon-greedy exploration instead", low=0),
    "stats_window_size": Setting("number of episodes over which logged means are taken", low=1, changes_result=False),
    "target_kl": Setting("limit on the KL divergence of an update", above=0),
    "target_noise_clip": Setting("limit of the noise on the target's actions", low=0),
    "target_policy_noise": Setting("standard deviation of the noise on the target's actions", low=0),
    "target_update_interval": Setting("steps between updates of the target network", low=1),
    "tau": Setting("share of the online network in a target network update; 1 copies it", low=0, high=1),
    "train_freq": Setting("length of a rollout in steps, or [1, episode]", low=1),
    "use_sde": Setting("use generalised state-dependent exploration (gSDE)"),
    "v_max": Setting("largest discounted return (categorical)"),
    "v_min": Setting("smallest discounted return (categorical)"),
    "vf_coef": Setting("weight of the value function's loss", low=0),
}


def handed_on(arguments: Mapping[str, Any], parent: type) -> dict[str, Any]:
    """The arguments of a constructor that its parent's constructor also has, by name; ``_init_setup_model`` is set to False.

    :param arguments: ``locals()`` of the constructor
    :param parent: the parent class, or another ancestor
    """
    known = inspect.signature(parent).parameters
    return {name: value for name, value in arguments.items() if name in known} | {"_init_setup_model": False}


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Checks the types and ranges of a constructor's arguments.

    :param arguments: ``locals()`` of the constructor, which calls ``super()``
    :raises UserError: if an argument has a wrong type or is out of its range
    """
    algorithm = type(arguments["self"]).__name__
    for name, parameter in inspect.signature(arguments["__class__"]).parameters.items():
        value = arguments[name]
        if name in ARGUMENTS and value is not parameter.default:
            ARGUMENTS[name].check(name, value.item() if isinstance(value, np.generic) else value, algorithm, parameter.annotation)


def check_policy_kwargs(policy_kwargs: Mapping[str, Any] | None, decided: Mapping[str, Any], algorithm: str) -> None:
    """Checks that ``policy_kwargs`` does not contradict the algorithm's own arguments.

    :param decided: the algorithm's arguments that it passes to the policy
    :raises UserError: if ``policy_kwargs`` has another value for one of them
    """
    given = policy_kwargs or {}
    for name in decided.keys() & given.keys():
        if given[name] != decided[name]:
            raise UserError(
                f"{algorithm}: policy_kwargs: {name} is an argument of the algorithm: {algorithm}(..., {name}={given[name]!r})."
            )
