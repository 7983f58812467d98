"""Gradient norm, loss, mean Q-value and return, averaged over each logging interval.

SB3's ``logger.record`` keeps only the last value before a dump, which may be one minibatch of hundreds.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch as th
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import nn
from torch.utils.hooks import RemovableHandle

# Keys that we add to SB3's log, next to its own train/loss and train/critic_loss
GRADIENT_NORM = "train/gradient_norm"
MEAN_Q = "train/mean_q"
RETURN = "rollout/return"
SIGMA = "train/sigma_"
# Keys of each quantity in a log, in order of preference. Version 0.1.0 logged under diagnostics/, which is read for one more release
COLUMNS: dict[str, tuple[str, ...]] = {
    "gradient_norm": ("diagnostics/gradient_norm", GRADIENT_NORM),
    "loss": ("diagnostics/loss", "train/loss", "train/critic_loss", "train/value_loss"),
    "mean_q": ("diagnostics/mean_q", MEAN_Q),
    "return": ("diagnostics/return", RETURN, "rollout/ep_rew_mean"),
}


def find_diagnostics(logged: Mapping[str, float]) -> dict[str, float]:
    """The quantities of ``COLUMNS`` in a dump of SB3's logger, and NoisyDQN's sigmas, by their short names.

    :param logged: values by key
    """
    found = {name: next((logged[key] for key in keys if key in logged), None) for name, keys in COLUMNS.items()}
    sigmas = {key.removeprefix("train/"): value for key, value in logged.items() if key.startswith(SIGMA)}
    return {name: float(value) for name, value in (found | sigmas).items() if value is not None}


class Averages:
    """Means of named scalars since the last ``pop``. Tensors are converted only there, so that adding never waits for the device."""

    def __init__(self) -> None:
        self._sums: dict[str | tuple[str, ...], th.Tensor | float] = defaultdict(float)
        self._counts: dict[str | tuple[str, ...], int] = defaultdict(int)
        self._totals: dict[tuple[str, ...], th.Tensor] = {}

    def totals(self, names: tuple[str, ...]) -> th.Tensor:
        """A tensor [n], always the same object, to which the caller adds n values in place. Report each addition by ``count``."""
        return self._totals.setdefault(names, th.zeros(len(names)))

    def count(self, names: tuple[str, ...]) -> None:
        """Counts one addition to ``totals``."""
        self._counts[names] += 1

    def add(self, name: str | tuple[str, ...], value: th.Tensor | float) -> None:
        """Adds a scalar under a name, or a tensor [n] under n names."""
        self._sums[name] = self._sums[name] + value
        self._counts[name] += 1

    def state_dict(self) -> dict[str, Any]:
        return {"sums": dict(self._sums), "counts": dict(self._counts), "totals": dict(self._totals)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._sums.clear()
        self._sums.update(state["sums"])
        self._counts.clear()
        self._counts.update(state["counts"])
        for names, totals in state["totals"].items():
            self.totals(names).copy_(totals)

    def pop(self) -> dict[str, float]:
        """Returns the means by name and starts a new interval."""
        means: dict[str, float] = {}
        for counted in self._totals.keys() & self._counts.keys():
            self._sums[counted] = self._sums[counted] + self._totals[counted].clone()
            self._totals[counted].zero_()
        for name, total in self._sums.items():
            names, totals = ((name,), [float(total)]) if isinstance(name, str) else (name, th.as_tensor(total).tolist())
            means |= {each: value / self._counts[name] for each, value in zip(names, totals, strict=True)}
        self._sums.clear()
        self._counts.clear()
        return means


class WithDiagnostics(OffPolicyAlgorithm):
    """Logs the means of the values that ``train`` adds to ``self.averages``, and of the returns of finished episodes."""

    averages: Averages

    def _setup_model(self) -> None:
        self.averages = Averages()
        super()._setup_model()

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "averages"]

    def state_parts(self) -> dict[str, Any]:
        """The state beyond that of all SB3 algorithms, by name: objects with ``state_dict`` and ``load_state_dict``."""
        return {"averages": self.averages}

    def _update_info_buffer(self, infos: list[dict[str, Any]], dones: np.ndarray | None = None) -> None:
        super()._update_info_buffer(infos, dones)
        for episode_return in finished_returns(infos):
            self.averages.add(RETURN, episode_return)

    def dump_logs(self) -> None:
        for name, mean in self.averages.pop().items():
            self.logger.record(name, mean)
        super().dump_logs()


def finished_returns(infos: list[dict[str, Any]]) -> list[float]:
    """Returns of the episodes that ended at this step, as SB3's ``Monitor`` reports them."""
    return [float(info["episode"]["r"]) for info in infos if "episode" in info]


class DiagnosticsCallback(BaseCallback):
    """Logs the same quantities for SB3's own DQN, DDPG, TD3 and SAC, by hooks in their networks and optimisers.

    The gradient norm is that of the Q-networks, before clipping. The mean Q-value is over the actions in the minibatch.

    :raises TypeError: at the start of training, for an algorithm without a Q-network
    """

    def __init__(self) -> None:
        super().__init__()
        self._handles: list[RemovableHandle] = []
        self._gradient_norms: dict[th.Tensor, th.Tensor] = {}
        self._mean_q: th.Tensor | None = None
        self._mean_loss = 0.0

    def _on_training_start(self) -> None:
        model = self.model
        network: nn.Module
        keep_q: Callable[..., None]
        if isinstance(model, DQN):
            network, optimizer, keep_q = model.q_net, model.policy.optimizer, self._keep_q_of_taken_actions
            self._loss_name = "train/loss"
        elif isinstance(model, (TD3, SAC)):  # DDPG is a TD3
            network, optimizer, keep_q = model.critic, model.critic.optimizer, self._keep_q_of_critics
            self._loss_name = "train/critic_loss"
        else:
            raise TypeError(f"{type(model).__name__} has no Q-network. This callback works with DQN, DDPG, TD3 and SAC.")
        self._handles = [
            network.register_forward_hook(keep_q),
            optimizer.register_step_pre_hook(self._record_gradient_step),
            *(p.register_post_accumulate_grad_hook(self._keep_gradient_norm) for p in network.parameters() if p.requires_grad),
        ]

    def _keep_q_of_critics(self, module: nn.Module, args: Any, q_values: tuple[th.Tensor, ...]) -> None:
        if th.is_grad_enabled():
            self._mean_q = th.stack(q_values).detach().mean()

    def _keep_q_of_taken_actions(self, module: nn.Module, args: Any, q_values: th.Tensor) -> None:
        def keep(gradient: th.Tensor) -> None:
            # The loss depends only on the Q-values of the actions taken, so the gradient of all others is zero
            self._mean_q = q_values.detach()[gradient != 0].mean()

        if q_values.requires_grad:
            q_values.register_hook(keep)

    def _keep_gradient_norm(self, parameter: th.Tensor) -> None:
        # Recorded before DQN clips it. The actor's backward pass writes here too; the critic's next one replaces that
        assert parameter.grad is not None
        self._gradient_norms[parameter] = parameter.grad.norm()

    def _record_gradient_step(self, *_: Any) -> None:
        self.logger.record_mean(GRADIENT_NORM, th.stack(list(self._gradient_norms.values())).norm().item())
        if self._mean_q is not None:
            self.logger.record_mean(MEAN_Q, self._mean_q.item())

    def _on_rollout_start(self) -> None:
        # Each call of train() records the mean of its losses under this key; average these means
        loss = self.logger.name_to_value.get(self._loss_name)
        if loss is not None:
            if self.logger.name_to_count[self._loss_name]:  # already recorded in this interval, which a dump ends
                self.logger.record(self._loss_name, self._mean_loss)
            self.logger.record_mean(self._loss_name, loss)
            self._mean_loss = self.logger.name_to_value[self._loss_name]

    def _on_step(self) -> bool:
        for episode_return in finished_returns(self.locals["infos"]):
            self.logger.record_mean(RETURN, episode_return)
        return True

    def _on_training_end(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
