"""What a Q-network learns about the return: its mean, probabilities of fixed returns (atoms), or its quantiles.

A network's outputs are [B, n_actions] for the mean and [B, n, n_actions] for a distribution; for one action [B, 1] and [B, n].
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch as th
from numpy.typing import NDArray
from torch.nn import functional as F

from ca2_core.errors import UserError


class Returns(Protocol):
    """Interface of the three. Objects with equal fields compare equal, because compiled steps are looked up by them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the outputs for one action: () or (n,)."""

    def q_values(self, outputs: th.Tensor) -> th.Tensor:
        """Expected returns [..., n_actions]."""

    def numpy_q_values(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """``q_values`` in NumPy."""

    def taken(self, outputs: th.Tensor, actions: th.Tensor) -> th.Tensor:
        """The outputs for the given actions, int64 [..., 1]: [..., n]."""

    def taken_q(self, taken: th.Tensor) -> th.Tensor:
        """Expected returns from the outputs of ``taken``: [...] or [..., 1]."""

    def values(self, taken: th.Tensor) -> th.Tensor:
        """The ``values`` argument of ``targets``, from the outputs of ``taken``: [..., n]."""

    def targets(self, values: th.Tensor, rewards: th.Tensor, discounts: th.Tensor) -> th.Tensor:
        """Targets [..., n] from the next state's ``values`` [..., n], and from rewards and discounts [..., 1]."""

    def losses(self, taken: th.Tensor, targets: th.Tensor) -> th.Tensor:
        """Loss of each transition: [...]."""

    def errors(self, taken: th.Tensor, targets: th.Tensor) -> th.Tensor:
        """Error of each transition, >= 0, from which its priority is computed: [...]."""


@dataclass(frozen=True)
class Mean:
    """Only the expected return, learned with the Huber loss (Mnih et al. 2015)."""

    shape: ClassVar[tuple[int, ...]] = ()

    def q_values(self, outputs: th.Tensor) -> th.Tensor:
        return outputs

    def numpy_q_values(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return outputs

    def taken(self, outputs: th.Tensor, actions: th.Tensor) -> th.Tensor:
        return outputs.gather(-1, actions)

    def taken_q(self, taken: th.Tensor) -> th.Tensor:
        return taken

    def values(self, taken: th.Tensor) -> th.Tensor:
        return taken

    def targets(self, values: th.Tensor, rewards: th.Tensor, discounts: th.Tensor) -> th.Tensor:
        return rewards + discounts * values

    def losses(self, taken: th.Tensor, targets: th.Tensor) -> th.Tensor:
        return F.smooth_l1_loss(taken, targets.expand_as(taken), reduction="none").squeeze(-1)

    def errors(self, taken: th.Tensor, targets: th.Tensor) -> th.Tensor:
        return (targets - taken).abs().squeeze(-1)


MEAN = Mean()


def taken(outputs: th.Tensor, actions: th.Tensor) -> th.Tensor:
    """Selects from a distribution's outputs [..., n, n_actions] those for the given actions [..., 1]: [..., n]."""
    # In compiled code, a masked sum is faster than gather, forward and backward
    is_taken = th.arange(outputs.shape[-1], device=outputs.device) == actions
    return outputs.where(is_taken.unsqueeze(-2), 0).sum(dim=-1)


@dataclass(frozen=True)
class Categorical:
    """Probabilities of ``n_atoms`` evenly spaced returns from ``v_min`` to ``v_max`` (Bellemare et al. 2017, C51).

    Outputs are logits. The loss is the Kullback-Leibler divergence from the projected target, whose gradient is that of the cross-entropy.
    https://arxiv.org/abs/1707.06887
    """

    n_atoms: int
    v_min: float
    v_max: float

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.n_atoms,)

    @property
    def spacing(self) -> float:
        return (self.v_max - self.v_min) / (self.n_atoms - 1)

    def support(self, like: th.Tensor) -> th.Tensor:
        return self.v_min + self.spacing * th.arange(self.n_atoms, device=like.device, dtype=like.dtype)

    def q_values(self, outputs: th.Tensor) -> th.Tensor:
        return (outputs.softmax(dim=-2) * self.support(outputs).unsqueeze(1)).sum(dim=-2)

    def numpy_q_values(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        exponentials = np.exp(outputs - outputs.max(axis=-2, keepdims=True))
        support = np.float32(self.v_min) + np.float32(self.spacing) * np.arange(self.n_atoms, dtype=np.float32)
        q_values: NDArray[np.float32] = (exponentials * support[:, None]).sum(axis=-2) / exponentials.sum(axis=-2)
        return q_values

    def taken(self, outputs: th.Tensor, actions: th.Tensor) -> th.Tensor:
        return taken(outputs, actions)

    def taken_q(self, taken: th.Tensor) -> th.Tensor:
        return (taken.softmax(dim=-1) * self.support(taken)).sum(dim=-1)

    def values(self, taken: th.Tensor) -> th.Tensor:
        return taken.softmax(dim=-1)

    def targets(self, values: th.Tensor, rewards: th.Tensor, discounts: th.Tensor) -> th.Tensor:
        """Projected target: the probability of each shifted atom is split linearly between its two neighbours in the support."""
        support = self.support(values)
        moved = (rewards + discounts * support).clamp(self.v_min, self.v_max)  # [..., n]
        shares = (1 - (moved.unsqueeze(-2) - support.unsqueeze(-1)).abs() / self.spacing).clamp(min=0)  # [..., n to, n from]
        return (shares * values.unsqueeze(-2)).sum(dim=-1)

    def losses(self, taken: th.Tensor, targets: th.Tensor) -> th.Tensor:
        gained: th.Tensor = th.special.xlogy(targets, targets) - targets * taken.log_softmax(dim=-1)
        return gained.sum(dim=-1)

    def errors(self, taken: th.Tensor, targets: th.Tensor) -> th.Tensor:
        return self.losses(taken, targets).clamp(min=0)  # non-negative except for rounding


@dataclass(frozen=True)
class Quantiles:
    """``n`` quantiles, at the midpoints of n equal parts of [0, 1], learned with the quantile Huber loss (Dabney et al. 2018, QR-DQN).

    https://arxiv.org/abs/1710.10044
    """

    n: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.n,)

    def q_values(self, outputs: th.Tensor) -> th.Tensor:
        return outputs.mean(dim=-2)

    def numpy_q_values(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        q_values: NDArray[np.float32] = np.add.reduce(outputs, axis=-2) / np.float32(self.n)
        return q_values

    def taken(self, outputs: th.Tensor, actions: th.Tensor) -> th.Tensor:
        return taken(outputs, actions)

    def taken_q(self, taken: th.Tensor) -> th.Tensor:
        return taken.mean(dim=-1)

    def values(self, taken: th.Tensor) -> th.Tensor:
        return taken

    def targets(self, values: th.Tensor, rewards: th.Tensor, discounts: th.Tensor) -> th.Tensor:
        # A contiguous copy: a compiled step would otherwise read both from the replay buffer again for each pair of quantiles
        rewards, discounts = th.cat((rewards, discounts), dim=-1).split(1, dim=-1)
        return rewards + discounts * values

    def losses(self, taken: th.Tensor, targets: th.Tensor) -> th.Tensor:
        levels = (th.arange(self.n, device=taken.device, dtype=taken.dtype) + 0.5) / self.n
        errors = targets.unsqueeze(-2) - taken.unsqueeze(-1)  # [..., n learned, n of the target]
        slopes = errors.detach().clamp(-1, 1)  # derivative of the Huber loss
        huber = slopes * (errors - 0.5 * slopes)
        return ((levels.unsqueeze(-1) - (slopes < 0).to(taken.dtype)).abs() * huber).sum(dim=-2).mean(dim=-1)

    def errors(self, taken: th.Tensor, targets: th.Tensor) -> th.Tensor:
        return self.losses(taken, targets)


DISTRIBUTIONS = ("categorical", "quantile")


def returns_of(distribution: str | None, n_atoms: int, v_min: float | None, v_max: float | None, n_quantiles: int) -> Returns:
    """The ``Returns`` for the arguments of an algorithm.

    :raises UserError: if the distribution is unknown, or a size or the range is missing or wrong
    """
    if distribution is None:
        return Mean()
    if distribution not in DISTRIBUTIONS:
        raise UserError(f"distribution={distribution!r}: it has to be {', '.join(DISTRIBUTIONS)} or None.")
    if distribution == "quantile":
        if n_quantiles < 1:
            raise UserError(f"n_quantiles={n_quantiles}: at least 1 is needed.")
        return Quantiles(n_quantiles)
    if v_min is None or v_max is None:
        raise UserError(
            'distribution="categorical" needs v_min and v_max, the smallest and the largest discounted return. '
            'If you don\'t know them, use distribution="quantile".'
        )
    if not (-np.inf < v_min < v_max < np.inf):
        raise UserError(f"v_min={v_min}, v_max={v_max}: finite numbers are needed, v_min below v_max.")
    if n_atoms < 2:
        raise UserError(f"n_atoms={n_atoms}: at least 2 are needed, because both ends of the range are atoms.")
    return Categorical(n_atoms, float(v_min), float(v_max))


@dataclass(frozen=True)
class Munchausen:
    """Adds the log-probability of the action taken to the reward, and uses soft targets (Vieillard et al. 2020, M-DQN and M-IQN).

    The policy is the softmax of Q / ``tau``. https://arxiv.org/abs/2007.14430

    :param alpha: weight of the log-probability
    :param tau: temperature, > 0, in units of the return
    :param clip: lower bound of tau times the log-probability, <= 0
    """

    alpha: float = 0.9
    tau: float = 0.03
    clip: float = -1.0

    def bonus(self, q_values: th.Tensor, actions: th.Tensor) -> th.Tensor:
        """What is added to the rewards of actions [..., 1], given the target network's Q-values [..., n_actions]."""
        log_policy = self.tau * (q_values / self.tau).log_softmax(dim=-1)
        return self.alpha * log_policy.gather(-1, actions).clamp(self.clip, 0)

    def values(self, outputs: th.Tensor, q_values: th.Tensor) -> th.Tensor:
        """Soft value of the next state, with the policy's entropy: outputs [B, n_actions] -> [B, 1], or [B, n, n_actions] -> [B, n]."""
        log_policy = (q_values / self.tau).log_softmax(dim=-1)
        if outputs.dim() > log_policy.dim():
            log_policy = log_policy.unsqueeze(-2)
        return (log_policy.exp() * (outputs - self.tau * log_policy)).sum(dim=-1).reshape(len(q_values), -1)
