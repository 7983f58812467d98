"""Constructors that repeat their parent's parameters, so that a user sees them, check them, and hand them on."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from ca2_core.errors import UserError
from ca2_core.settings import Setting

# What SB3's and contrib's constructors take, and what ours add. Where no type is named, the annotation says it
ARGUMENTS = {
    "action_masks": Setting("takes only actions that the env allows: info['action_mask'] or action_masks()"),
    "action_noise": Setting("noise on the actions; rl-zoo3 makes it of noise_type and noise_std"),
    "alpha0": Setting("ratio of the step size to the parameter change", above=0),
    "batch_size": Setting("transitions of a gradient step", low=1),
    "buffer_size": Setting("transitions that the replay buffer keeps", low=1),
    "branching": Setting("chooses in each dimension of an action on its own, in place of a grid"),
    "clip_range": Setting("PPO's limit of the policy's change", above=0),
    "clip_range_vf": Setting("PPO's limit of the value's change"),
    "compile": Setting("compile gradient steps; by default where it pays", changes_result=False),
    "critic_aggregation": Setting("how several critics make one value: min or mean"),
    "critic_loss": Setting("loss of the critic: mse or huber"),
    "delta_std": Setting("ARS's size of the parameters' changes", above=0),
    "distribution": Setting("what is learned of the return: categorical, quantile, or null for its mean alone"),
    "double_q": Setting("the online network chooses the next action, the target network values it"),
    "dueling": Setting("separate streams for value and advantage"),
    "ent_coef": Setting("weight of the entropy, or auto"),
    "exploration_final_eps": Setting("share of random actions at the end", low=0, high=1),
    "exploration_fraction": Setting("share of the training over which that share falls", low=0, high=1),
    "exploration_hold": Setting("most steps that a random action, or a draw of the noise, lasts", low=1),
    "exploration_initial_eps": Setting("share of random actions at the beginning", low=0, high=1),
    "gae_lambda": Setting("weight of long returns in the advantage estimate", low=0, high=1),
    "gamma": Setting("discount factor", low=0, high=1),
    "gradient_steps": Setting("gradient steps after each rollout; -1 for as many as it had steps", low=0, also=(-1,)),
    "learning_rate": Setting("of the optimiser; `lin_1e-3` falls linearly to 0", low=0),
    "learning_starts": Setting("random steps before the first gradient step", low=0),
    "max_grad_norm": Setting("largest norm of a gradient", above=0, may_be_infinite=True),
    "munchausen": Setting("rewards with the action's log-probability added, and soft targets"),
    "munchausen_alpha": Setting("weight of the log-probability", low=0),
    "munchausen_clip": Setting("least value of the temperature times the log-probability", high=0),
    "munchausen_tau": Setting("temperature of the soft policy", above=0),
    "n_atoms": Setting("returns whose probabilities are learned (categorical)", low=2),
    "n_bins": Setting("actions for each dimension of a Box, end points included", low=2),
    "n_critics": Setting("number of critics", low=1),
    "n_epochs": Setting("passes over each rollout", low=1),
    "n_eval_episodes": Setting("episodes for each candidate", low=1),
    "n_quantiles": Setting("quantiles of the return", low=1),
    "n_steps": Setting("steps of a rollout (on-policy), or of the returns in the target (off-policy)", low=1),
    "optimize_memory_usage": Setting("replay buffer that keeps each observation once", changes_result=False),
    "ou_dt": Setting("time between two steps of the noise", above=0),
    "ou_mu": Setting("mean of the noise"),
    "ou_sigma": Setting("scale of the noise", low=0),
    "ou_theta": Setting("rate of the noise's return to its mean", low=0),
    "policy_delay": Setting("gradient steps of the critic for each of the actor", low=1),
    "policy_kwargs": Setting("arguments of the policy: net_arch, activation_fn, optimizer_class, optimizer_kwargs ..."),
    "prioritized_replay": Setting("draws transitions in proportion to their errors"),
    "priority_alpha": Setting("exponent of the errors that make priorities; 0 draws uniformly", low=0, high=1),
    "priority_beta": Setting("exponent of the importance weights at the beginning; it rises to 1", low=0, high=1),
    "replay_buffer_class": Setting("class of the replay buffer"),
    "replay_buffer_kwargs": Setting("its arguments"),
    "sde_sample_freq": Setting("steps between draws of gSDE's noise", low=-1),
    "sigma0": Setting("initial scale of the noise on the weights; 0 explores by epsilon instead", low=0),
    "stats_window_size": Setting("episodes that logged means are over", low=1, changes_result=False),
    "target_kl": Setting("largest divergence of an update", above=0),
    "target_noise_clip": Setting("limit of the noise on the target's actions", low=0),
    "target_policy_noise": Setting("standard deviation of the noise on the target's actions", low=0),
    "target_update_interval": Setting("steps between updates of the target network", low=1),
    "tau": Setting("share of the online network in an update of the target; 1 copies it", low=0, high=1),
    "train_freq": Setting("steps, or [1, episode], between updates", low=1),
    "use_sde": Setting("generalised state-dependent exploration"),
    "v_max": Setting("largest discounted return (categorical)"),
    "v_min": Setting("smallest discounted return (categorical)"),
    "vf_coef": Setting("weight of the value's loss", low=0),
}


def handed_on(arguments: Mapping[str, Any], parent: type) -> dict[str, Any]:
    """Those of a constructor's arguments that its parent's has too, by name; but for SB3's ``_init_setup_model``, which is off.

    :param arguments: ``locals()`` of the constructor
    :param parent: the class that lists them
    """
    known = inspect.signature(parent).parameters
    return {name: value for name, value in arguments.items() if name in known} | {"_init_setup_model": False}


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Checks the types and ranges of a constructor's arguments.

    :param arguments: ``locals()`` of the constructor, which calls ``super()``
    :raises UserError: if an argument has a value that it can't have
    """
    algorithm = type(arguments["self"]).__name__
    for name, parameter in inspect.signature(arguments["__class__"]).parameters.items():
        value = arguments[name]
        if name in ARGUMENTS and value is not parameter.default:
            ARGUMENTS[name].check(name, value.item() if isinstance(value, np.generic) else value, algorithm, parameter.annotation)


def check_policy_kwargs(policy_kwargs: Mapping[str, Any] | None, decided: Mapping[str, Any], algorithm: str) -> None:
    """Sees that ``policy_kwargs`` does not contradict arguments of the algorithm.

    :param decided: what arguments of the algorithm say of the policy
    :raises UserError: if it does
    """
    given = policy_kwargs or {}
    for name in decided.keys() & given.keys():
        if given[name] != decided[name]:
            raise UserError(f"{algorithm}: policy_kwargs: {name} is an argument of its own: {algorithm}(..., {name}={given[name]!r}).")
