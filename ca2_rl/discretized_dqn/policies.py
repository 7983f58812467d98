"""Q-networks over action bins: plain or dueling, for vectors, images and dicts."""

from typing import Any

import torch as th
from gymnasium import spaces
from stable_baselines3.common.torch_layers import CombinedExtractor, NatureCNN, create_mlp
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import nn

from ca2_rl.common.action_bins import ActionBins
from ca2_rl.common.activations import NamesActivation
from ca2_rl.fast.numpy_network import Array, Layer, NumpyNoise, numpy_layers
from ca2_rl.fast.training_mode import SwitchesOnce


class DuelingHead(nn.Module):
    """Q = V + A - mean A from two streams (Wang et al. 2016, eq. 9): [N, features_dim] -> [N, n_actions].

    All but the last width of ``net_arch`` form the shared torso; each stream has a hidden layer of the last width.

    :param features_dim: width of the input
    :param n_actions: number of Q-values
    :param net_arch: hidden widths; empty for two linear streams
    :param activation_fn: activation between the layers
    """

    def __init__(self, features_dim: int, n_actions: int, net_arch: list[int], activation_fn: type[nn.Module]):
        super().__init__()
        torso, stream = net_arch[:-1], net_arch[-1:]
        torso_dim = torso[-1] if torso else features_dim
        self.torso = nn.Sequential(*create_mlp(features_dim, -1, torso, activation_fn))
        self.value = nn.Sequential(*create_mlp(torso_dim, 1, stream, activation_fn))
        self.advantage = nn.Sequential(*create_mlp(torso_dim, n_actions, stream, activation_fn))

    def forward(self, features: th.Tensor, *context: Any) -> th.Tensor:
        """Whatever follows ``features`` is handed on to the three parts, in their order."""
        hidden = self.torso(features, *context)
        value: th.Tensor = self.value(hidden, *context)  # [N, 1]
        advantage: th.Tensor = self.advantage(hidden, *context)  # [N, n_actions]
        return value + advantage - advantage.mean(dim=1, keepdim=True)


class DiscretizedQNetwork(QNetwork):
    """SB3's Q-network, whose head may be a dueling one.

    :param dueling: separate streams for value and advantage
    """

    q_net: nn.Sequential | DuelingHead  # type: ignore[assignment]

    def __init__(self, *args: Any, dueling: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.dueling = dueling
        if dueling:
            n_actions = int(self.action_space.n)
            self.q_net = DuelingHead(self.features_dim, n_actions, self.net_arch, self.activation_fn)

    def as_numpy(self) -> Layer | None:
        """The head as a function of features [N, d] and noise, evaluated by NumPy; None if it has layers that NumPy lacks."""
        if not isinstance(self.q_net, DuelingHead):
            return numpy_layers(self.q_net)
        torso, value, advantage = (numpy_layers(part) for part in (self.q_net.torso, self.q_net.value, self.q_net.advantage))
        if torso is None or value is None or advantage is None:
            return None

        def dueling(features: Array, noise: NumpyNoise | None) -> Array:
            hidden = torso(features, noise)
            values, advantages = value(hidden, noise), advantage(hidden, noise)
            q_values: Array = values + advantages - advantages.mean(axis=1, keepdims=True)
            return q_values

        return dueling

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "dueling": self.dueling}


class DiscretizedDQNPolicy(NamesActivation, SwitchesOnce, DQNPolicy):
    """DQN's policy for Box and Discrete spaces: its network ranks bins, its predictions are actions of the env.

    :param n_bins: values per dimension of a Box
    :param dueling: whether the Q-networks have a dueling head
    :param kwargs: as in SB3's ``DQNPolicy``; ``activation_fn`` may be a name in ``torch.nn``
    """

    q_network_class: type[DiscretizedQNetwork] = DiscretizedQNetwork
    action_table: th.Tensor

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        n_bins: int = 11,
        dueling: bool = False,
        **kwargs: Any,
    ):
        # SB3's constructor builds the networks, so what they depend on has to be known before it runs
        self.bins = ActionBins(action_space, n_bins)
        self.n_bins = n_bins
        self.dueling = dueling
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        self.net_args |= {"action_space": self.bins.index_space, **self._network_options()}
        self.register_buffer("action_table", th.as_tensor(self.bins.actions), persistent=False)
        super()._build(lr_schedule)

    def _network_options(self) -> dict[str, Any]:
        """What the Q-network takes beyond SB3's."""
        return {"dueling": self.dueling}

    def make_q_net(self) -> DiscretizedQNetwork:
        net_args = self._update_features_extractor(self.net_args, features_extractor=None)
        return self.q_network_class(**net_args).to(self.device)

    def predict_index(self, obs: PyTorchObs, deterministic: bool = True) -> th.Tensor:
        """Index of the best bin: observations [N, ...] -> int64 [N]."""
        return self.q_net._predict(obs, deterministic)

    def _predict(self, obs: PyTorchObs, deterministic: bool = True) -> th.Tensor:
        return self.action_table[self.predict_index(obs, deterministic)]

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "n_bins": self.n_bins, **self._network_options()}


MlpPolicy = DiscretizedDQNPolicy


class ForImages(DQNPolicy):
    """Makes SB3's ``NatureCNN`` the default features of the policy that follows."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{"features_extractor_class": NatureCNN, **kwargs})


class ForDicts(DQNPolicy):
    """Makes SB3's ``CombinedExtractor`` the default features of the policy that follows."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{"features_extractor_class": CombinedExtractor, **kwargs})


class CnnPolicy(ForImages, DiscretizedDQNPolicy):
    """For images."""


class MultiInputPolicy(ForDicts, DiscretizedDQNPolicy):
    """For dict observations."""
