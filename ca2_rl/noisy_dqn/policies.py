"""Policies with Q-networks that explore by learned noise on their weights."""

from typing import Any

import torch as th
from stable_baselines3.common.type_aliases import PyTorchObs

from ca2_rl.common.noisy_linear import Noise, NoisyLinear, sample_noise, sample_roots, with_noisy_layers
from ca2_rl.discretized_dqn.policies import DiscretizedDQNPolicy, DiscretizedQNetwork, DuelingHead, ForDicts, ForImages


class NoisyQNetwork(DiscretizedQNetwork):
    """A Q-network in which every linear layer after the features extractor is noisy.

    :param sigma0: initial scale of the noise, >= 0; with 0, no layer is noisy
    :param kwargs: as in ``DiscretizedQNetwork``
    """

    def __init__(self, *args: Any, sigma0: float = 0.5, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.sigma0 = sigma0
        if sigma0 == 0:
            pass
        elif isinstance(self.q_net, DuelingHead):
            for part in ("torso", "value", "advantage"):
                setattr(self.q_net, part, with_noisy_layers(getattr(self.q_net, part), sigma0))
        else:
            self.q_net = with_noisy_layers(self.q_net, sigma0)
        # In the order of the forward pass
        self.noisy_layers = [module for module in self.q_net.modules() if isinstance(module, NoisyLinear)]

    def sample_noise(self, rows: int | None = None) -> list[Noise]:
        """New noise for ``forward``: one sample for the whole batch, or one for each of ``rows`` observations."""
        return sample_noise(self.noisy_layers, rows)

    def sample_roots(self, *shape: int) -> th.Tensor:
        """Random numbers for ``split_noise``, enough for ``shape`` noise samples: [*shape, width]."""
        return sample_roots(self.noisy_layers, *shape)

    def outputs(self, obs: PyTorchObs, noise: list[Noise] | None = None) -> th.Tensor:
        """Outputs under ``noise``; without noise, those of the mean weights."""
        return super().outputs(obs, *(() if noise is None else (iter(noise),)))

    def forward(self, obs: PyTorchObs, noise: list[Noise] | None = None) -> th.Tensor:
        """Q-values [N, n_actions] under ``noise``; without noise, those of the mean weights."""
        return self.returns.q_values(self.outputs(obs, noise))

    def _predict(self, observation: PyTorchObs, deterministic: bool = True) -> th.Tensor:
        return self.acting_q_values(observation, deterministic).argmax(dim=-1)

    def acting_q_values(self, obs: PyTorchObs, deterministic: bool) -> th.Tensor:
        """Q-values of the mean weights if deterministic, otherwise under new noise for each observation."""
        if deterministic or not self.noisy_layers:
            return self.forward(obs)
        rows = len(next(iter(obs.values())) if isinstance(obs, dict) else obs)
        return self.forward(obs, self.sample_noise(rows))

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "sigma0": self.sigma0}


class NoisyDQNPolicy(DiscretizedDQNPolicy):
    """Policy that acts by the mean weights if deterministic, otherwise under new noise for each observation.

    :param sigma0: initial scale of the noise, >= 0
    :param kwargs: as in ``DiscretizedDQNPolicy``
    """

    made_for = "NoisyDQN and Rainbow"
    q_network_class = NoisyQNetwork
    q_net: NoisyQNetwork
    q_net_target: NoisyQNetwork

    def __init__(self, *args: Any, sigma0: float = 0.5, **kwargs: Any):
        self.sigma0 = sigma0
        super().__init__(*args, **kwargs)

    def q_values(self, obs: PyTorchObs, deterministic: bool = True) -> th.Tensor:
        return self.q_net.acting_q_values(obs, deterministic)

    def _network_options(self) -> dict[str, Any]:
        return {**super()._network_options(), "sigma0": self.sigma0}


MlpPolicy = NoisyDQNPolicy


class CnnPolicy(ForImages, NoisyDQNPolicy):
    """For images."""


class MultiInputPolicy(ForDicts, NoisyDQNPolicy):
    """For dict observations."""
