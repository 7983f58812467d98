"""Search spaces of ``ca2-rl optimize`` for the algorithms of this package.

Optuna stores the parameters as they were drawn. ``convert`` turns them into hyperparameters, both for a new trial and for one
that is trained again (``--trial-id``).
"""

from typing import Any

from optuna import Trial
from rl_zoo3.exp_manager import ExperimentManager

from ca2_core.errors import UserError
from ca2_rl.common.action_bins import MAX_ACTIONS
from ca2_rl.noisy_dqn.noisy_dqn import EPSILON

NET_ARCHS = {"32x32": [32, 32], "64x64": [64, 64], "128x128": [128, 128], "256x256": [256, 256]}
ACTIVATIONS = ["ReLU", "SiLU", "Tanh"]
IN_POLICY = ("activation_fn", "critic_activation_fn", "n_critics")  # arguments of the policy that need no conversion


def sample_discretized_dqn(trial: Trial, n_actions: int, n_envs: int, additional_args: dict[str, Any]) -> dict[str, Any]:
    return _finish(_sample_common(trial) | _sample_dqn(trial, n_actions) | _sample_epsilon(trial))


def sample_noisy_dqn(trial: Trial, n_actions: int, n_envs: int, additional_args: dict[str, Any]) -> dict[str, Any]:
    return _finish(_sample_common(trial) | _sample_dqn(trial, n_actions) | _sample_noise(trial))


def sample_rainbow(trial: Trial, n_actions: int, n_envs: int, additional_args: dict[str, Any]) -> dict[str, Any]:
    """Switches Rainbow's improvements on or off, and draws the settings of those that are on."""
    drawn = _sample_common(trial) | _sample_dqn(trial, n_actions)
    drawn["noise"] = trial.suggest_categorical("noise", [True, False])
    drawn |= _sample_noise(trial) if drawn["noise"] else _sample_epsilon(trial)
    drawn["distribution"] = trial.suggest_categorical("distribution", ["quantile", None])
    if drawn["distribution"]:
        drawn["n_quantiles"] = trial.suggest_int("n_quantiles", 10, 100, log=True)
    drawn["prioritized_replay"] = trial.suggest_categorical("prioritized_replay", [True, False])
    if drawn["prioritized_replay"]:
        drawn["priority_alpha"] = trial.suggest_float("priority_alpha", 0.1, 0.8)
        drawn["priority_beta"] = trial.suggest_float("priority_beta", 0.2, 1.0)
    return _finish(drawn)


def sample_ou_ddpg(trial: Trial, n_actions: int, n_envs: int, additional_args: dict[str, Any]) -> dict[str, Any]:
    drawn = _sample_common(trial)
    drawn["ou_sigma"] = trial.suggest_float("ou_sigma", 0.02, 1.0, log=True)
    drawn["ou_theta"] = trial.suggest_float("ou_theta", 0.02, 1.0, log=True)
    drawn["n_critics"] = trial.suggest_int("n_critics", 1, 2)
    drawn["critic_activation_fn"] = trial.suggest_categorical("critic_activation_fn", ACTIVATIONS)
    drawn["critic_loss"] = trial.suggest_categorical("critic_loss", ["mse", "huber"])
    if drawn["n_critics"] > 1:
        drawn["critic_aggregation"] = trial.suggest_categorical("critic_aggregation", ["min", "mean"])
    drawn["target_policy_noise"] = trial.suggest_float("target_policy_noise", 0.0, 0.3)
    drawn["decay_actor"] = trial.suggest_categorical("decay_actor", [True, False])
    return _finish(drawn)


def convert(drawn: dict[str, Any]) -> dict[str, Any]:
    """Converts the parameters of a trial to hyperparameters as in a YAML file."""
    hyperparams = dict(drawn)
    learning_rate = hyperparams.pop("learning_rate")
    policy_kwargs = {
        "net_arch": NET_ARCHS[hyperparams.pop("net_arch")],
        "optimizer_kwargs": {"weight_decay": hyperparams.pop("weight_decay")},
    } | {name: hyperparams.pop(name) for name in IN_POLICY if name in hyperparams}
    if not hyperparams.pop("decay_actor", True):
        policy_kwargs["actor_optimizer_kwargs"] = {}
    if not hyperparams.pop("noise", True):
        hyperparams["sigma0"] = 0.0
    elif "sigma0" in hyperparams:
        hyperparams |= dict.fromkeys(EPSILON)  # the file may explore by epsilon
    return hyperparams | {
        "gamma": 1 - hyperparams.pop("one_minus_gamma"),
        "batch_size": 2 ** hyperparams.pop("batch_size_pow"),
        "learning_rate": f"lin_{learning_rate}" if hyperparams.pop("lr_decays") else learning_rate,
        "policy_kwargs": policy_kwargs,
    }


def _finish(drawn: dict[str, Any]) -> dict[str, Any]:
    # rl-zoo3 has already turned the YAML's strings into schedules when it asks for a sample
    hyperparams: dict[str, Any] = ExperimentManager._preprocess_schedules(convert(drawn))
    return hyperparams


def _sample_common(trial: Trial) -> dict[str, Any]:
    return {
        "one_minus_gamma": trial.suggest_float("one_minus_gamma", 0.001, 0.05, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "lr_decays": trial.suggest_categorical("lr_decays", [True, False]),
        "batch_size_pow": trial.suggest_int("batch_size_pow", 5, 8),
        "tau": trial.suggest_float("tau", 0.001, 0.05, log=True),
        "net_arch": trial.suggest_categorical("net_arch", list(NET_ARCHS)),
        "activation_fn": trial.suggest_categorical("activation_fn", ACTIVATIONS),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
    }


def _sample_noise(trial: Trial) -> dict[str, Any]:
    return {"sigma0": trial.suggest_float("sigma0", 0.05, 1.0, log=True)}


def _sample_epsilon(trial: Trial) -> dict[str, Any]:
    return {
        "exploration_fraction": trial.suggest_float("exploration_fraction", 0.02, 0.5),
        "exploration_final_eps": trial.suggest_float("exploration_final_eps", 0.0, 0.2),
    }


def _sample_dqn(trial: Trial, n_actions: int) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "double_q": trial.suggest_categorical("double_q", [True, False]),
        "dueling": trial.suggest_categorical("dueling", [True, False]),
        "n_steps": trial.suggest_int("n_steps", 1, 3),
        "exploration_hold": trial.suggest_int("exploration_hold", 1, 32, log=True),
    }
    if n_actions > 0:  # n_actions is the number of dimensions of a Box; 0 for a Discrete space, which has no bins
        sizes = [n_bins for n_bins in (2, 3, 5, 7, 11, 15, 21) if n_bins**n_actions <= MAX_ACTIONS]
        if not sizes:
            raise UserError(f"a grid of {n_actions} dimensions has over {MAX_ACTIONS:,} actions: add -params branching:True.")
        drawn["n_bins"] = trial.suggest_categorical("n_bins", sizes)
    return drawn
