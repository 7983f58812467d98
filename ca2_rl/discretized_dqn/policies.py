"""Policies with Q-networks over action bins: plain or dueling, for vectors, images and dicts."""

import math
from typing import Any, ClassVar

import torch as th
from gymnasium import spaces
from stable_baselines3.common.torch_layers import CombinedExtractor, NatureCNN, create_mlp
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import nn

from ca2_rl.common.action_bins import ActionBins, Bins, BranchBins
from ca2_rl.common.activations import NamesActivation
from ca2_rl.common.returns import MEAN, Returns, returns_of
from ca2_rl.fast.numpy_network import Array, Layer, NumpyNoise, chained, numpy_features, numpy_layers
from ca2_rl.fast.training_mode import SwitchesOnce


class DuelingHead(nn.Module):
    """Q = V + A - mean A from two streams (Wang et al. 2016, eq. 9): [N, features_dim] -> [N, n_actions].

    All but the last width of ``net_arch`` form the shared torso; each stream has a hidden layer of the last width. With several outputs per
    action, the formula applies to each output. With several branches, it applies to each branch, and all branches share V; the result is
    [N, n_branches * n_outputs * n_actions].

    :param features_dim: width of the input
    :param n_actions: number of Q-values
    :param net_arch: hidden widths; empty for two linear streams
    :param activation_fn: activation between the layers
    :param n_outputs: number of outputs per action
    :param n_branches: number of branches
    """

    def __init__(
        self,
        features_dim: int,
        n_actions: int,
        net_arch: list[int],
        activation_fn: type[nn.Module],
        n_outputs: int = 1,
        n_branches: int = 1,
    ):
        super().__init__()
        self.shape = n_branches, n_outputs, n_actions
        torso, stream = net_arch[:-1], net_arch[-1:]
        torso_dim = torso[-1] if torso else features_dim
        self.torso = nn.Sequential(*create_mlp(features_dim, -1, torso, activation_fn))
        self.value = nn.Sequential(*create_mlp(torso_dim, n_outputs, stream, activation_fn))
        self.advantage = nn.Sequential(*create_mlp(torso_dim, math.prod(self.shape), stream, activation_fn))

    def forward(self, features: th.Tensor, *context: Any) -> th.Tensor:
        """Computes the outputs. ``context`` is passed to torso, value stream and advantage stream, in this order."""
        hidden = self.torso(features, *context)
        value: th.Tensor = self.value(hidden, *context).unsqueeze(1).unsqueeze(-1)  # [N, 1, n_outputs, 1]
        advantage: th.Tensor = self.advantage(hidden, *context).unflatten(1, self.shape)
        return (value + advantage - advantage.mean(dim=-1, keepdim=True)).flatten(1)


class DiscretizedQNetwork(QNetwork):
    """SB3's Q-network with optional dueling head, distribution of returns, and branches.

    :param dueling: separate streams for value and advantage
    :param returns: what is learned about the return
    :param n_branches: number of branches; None for outputs without an axis for branches
    """

    q_net: nn.Sequential | DuelingHead  # type: ignore[assignment]

    def __init__(self, *args: Any, dueling: bool = False, returns: Returns = MEAN, n_branches: int | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.dueling, self.returns, self.n_branches = dueling, returns, n_branches
        n_actions, n_outputs = int(self.action_space.n), math.prod(returns.shape)
        self.shape = *(() if n_branches is None else (n_branches,)), *returns.shape, n_actions
        if dueling:
            self.q_net = DuelingHead(self.features_dim, n_actions, self.net_arch, self.activation_fn, n_outputs, n_branches or 1)
        elif len(self.shape) > 1:
            self.q_net = nn.Sequential(*create_mlp(self.features_dim, math.prod(self.shape), self.net_arch, self.activation_fn))

    def outputs(self, obs: PyTorchObs, *context: Any) -> th.Tensor:
        """Outputs for all actions: [N, n_actions] or [N, n, n_actions], with branches [N, n_branches, ...].

        :param context: further arguments of the head
        """
        flat: th.Tensor = self.q_net(self.extract_features(obs, self.features_extractor), *context)
        return flat.unflatten(1, self.shape) if len(self.shape) > 1 else flat

    def forward(self, obs: PyTorchObs, *context: Any) -> th.Tensor:
        """Q-values [N, n_actions], with branches [N, n_branches, n_actions]."""
        return self.returns.q_values(self.outputs(obs, *context))

    def _predict(self, observation: PyTorchObs, deterministic: bool = True) -> th.Tensor:
        return self.forward(observation).argmax(dim=-1)

    def as_numpy(self) -> Layer | None:
        """``forward`` in NumPy, as a function of flattened observations [N, d] and noise; None if a layer has no NumPy version."""
        head = chained(numpy_features(self.features_extractor), self._numpy_head())
        if head is None or len(self.shape) == 1:
            return head
        returns, shape = self.returns, self.shape

        def q_values(observations: Array, noise: NumpyNoise | None) -> Array:
            return returns.numpy_q_values(head(observations, noise).reshape(len(observations), *shape))

        return q_values

    def _numpy_head(self) -> Layer | None:
        if not isinstance(self.q_net, DuelingHead):
            return numpy_layers(self.q_net)
        torso, value, advantage = (numpy_layers(part) for part in (self.q_net.torso, self.q_net.value, self.q_net.advantage))
        if torso is None or value is None or advantage is None:
            return None
        shape = self.q_net.shape

        def dueling(features: Array, noise: NumpyNoise | None) -> Array:
            hidden = torso(features, noise)
            values, advantages = value(hidden, noise), advantage(hidden, noise)
            advantages = advantages.reshape(-1, *shape)
            q_values: Array = values[:, None, :, None] + advantages - advantages.mean(axis=-1, keepdims=True)
            return q_values.reshape(len(features), -1)

        return dueling

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "dueling": self.dueling, "returns": self.returns, "n_branches": self.n_branches}


class DiscretizedDQNPolicy(NamesActivation, SwitchesOnce, DQNPolicy):
    """DQN's policy whose network evaluates bins and whose predictions are actions of the env.

    :param n_bins: values per dimension of a Box
    :param dueling: whether the Q-networks have a dueling head
    :param branching: whether each dimension of an action is chosen separately
    :param distribution: how the distribution of returns is learned; for this and the next four parameters see ``DiscretizedDQN``
    :param kwargs: as in SB3's ``DQNPolicy``; ``activation_fn`` may be a name in ``torch.nn``
    """

    made_for: ClassVar[str] = "DiscretizedDQN"
    q_network_class: type[DiscretizedQNetwork] = DiscretizedQNetwork
    action_table: th.Tensor

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        n_bins: int = 11,
        dueling: bool = False,
        branching: bool = False,
        distribution: str | None = None,
        n_atoms: int = 51,
        v_min: float | None = None,
        v_max: float | None = None,
        n_quantiles: int = 25,
        **kwargs: Any,
    ):
        # SB3's constructor builds the networks, so these attributes must exist before it runs
        self.bins: Bins = (BranchBins if branching else ActionBins)(action_space, n_bins)
        self.branching = branching
        self.n_bins = n_bins
        self.dueling = dueling
        self.distribution = {
            "distribution": distribution,
            "n_atoms": n_atoms,
            "v_min": v_min,
            "v_max": v_max,
            "n_quantiles": n_quantiles,
        }
        self.returns = returns_of(distribution, n_atoms, v_min, v_max, n_quantiles)
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        self.net_args |= {"action_space": spaces.Discrete(self.bins.width), **self._network_options()}
        self.register_buffer("action_table", th.as_tensor(self.bins.actions), persistent=False)
        super()._build(lr_schedule)

    def _network_options(self) -> dict[str, Any]:
        """Arguments of the Q-network that SB3's does not have."""
        return {"dueling": self.dueling, "returns": self.returns, "n_branches": self.bins.n_branches}

    def make_q_net(self) -> DiscretizedQNetwork:
        net_args = self._update_features_extractor(self.net_args, features_extractor=None)
        return self.q_network_class(**net_args).to(self.device)

    def q_values(self, obs: PyTorchObs, deterministic: bool = True) -> th.Tensor:
        """Q-values: observations [N, ...] -> [N, n_actions], with branches [N, n_branches, n_actions].

        :param deterministic: False for the Q-values that exploration uses, which noisy networks draw under noise
        """
        return self.q_net.forward(obs)

    def predict_index(self, obs: PyTorchObs, deterministic: bool = True) -> th.Tensor:
        """Index of the best bin: observations [N, ...] -> int64 [N], with branches [N, n_branches]."""
        return self.q_net._predict(obs, deterministic)

    def _predict(self, obs: PyTorchObs, deterministic: bool = True) -> th.Tensor:
        index = self.predict_index(obs, deterministic)
        if self.branching:
            return self.action_table[th.arange(index.shape[1], device=index.device), index]
        return self.action_table[index]

    def _get_constructor_parameters(self) -> dict[str, Any]:
        options = {name: value for name, value in self._network_options().items() if name not in ("returns", "n_branches")}
        own = {"n_bins": self.n_bins, "branching": self.branching}
        return {**super()._get_constructor_parameters(), **own, **options, **self.distribution}


MlpPolicy = DiscretizedDQNPolicy


class ForImages(DQNPolicy):
    """Mixin that makes SB3's ``NatureCNN`` the default features extractor."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{"features_extractor_class": NatureCNN, **kwargs})


class ForDicts(DQNPolicy):
    """Mixin that makes SB3's ``CombinedExtractor`` the default features extractor."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{"features_extractor_class": CombinedExtractor, **kwargs})


class CnnPolicy(ForImages, DiscretizedDQNPolicy):
    """For images."""


class MultiInputPolicy(ForDicts, DiscretizedDQNPolicy):
    """For dict observations."""
