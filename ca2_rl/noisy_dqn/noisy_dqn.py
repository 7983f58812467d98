from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch as th
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, PyTorchObs

from ca2_core.errors import UserError
from ca2_rl.common.blocks import in_blocks
from ca2_rl.common.noisy_linear import signed_root, split_noise
from ca2_rl.common.numpy_network import NumpyNoise, numpy_noise
from ca2_rl.discretized_dqn.discretized_dqn import DiscretizedDQN, QFunction
from ca2_rl.noisy_dqn.policies import CnnPolicy, MlpPolicy, MultiInputPolicy, NoisyDQNPolicy, NoisyQNetwork


class NoisyDQN(DiscretizedDQN):
    """DQN that explores by factorised Gaussian noise on its weights, learned with them (Fortunato et al. 2017).

    There is no epsilon-greedy: after ``learning_starts`` random steps, every action of ``collect_rollouts``, and every one
    of ``predict(deterministic=False)``, comes from a draw of the noise for each env; every gradient step draws it
    anew and independently for each network. ``predict(deterministic=True)`` uses the mean weights and draws nothing.
    https://arxiv.org/abs/1706.10295

    :param policy: "MlpPolicy", "CnnPolicy", "MultiInputPolicy" or a class
    :param env: the environment or its id
    :param sigma0: initial scale of the noise, >= 0
    :param kwargs: as in ``DiscretizedDQN``; of ``exploration_*`` only ``exploration_hold``, which a draw of the noise is held for as well
    :raises UserError: if ``sigma0`` is negative or another ``exploration_*`` argument is given; see also ``DiscretizedDQN``
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": MlpPolicy,
        "CnnPolicy": CnnPolicy,
        "MultiInputPolicy": MultiInputPolicy,
    }
    policy: NoisyDQNPolicy
    q_net: NoisyQNetwork
    q_net_target: NoisyQNetwork

    def __init__(
        self,
        policy: str | type[NoisyDQNPolicy],
        env: GymEnv | str,
        *,
        sigma0: float = 0.5,
        _init_setup_model: bool = True,
        **kwargs: Any,
    ):
        for name in kwargs:
            if name.startswith("exploration_") and name != "exploration_hold":
                raise UserError(f"{name}: NoisyDQN has no epsilon, it explores by noise of scale sigma0. Leave {name} out.")
        super().__init__(policy, env, _init_setup_model=False, **kwargs)
        self.sigma0 = sigma0
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        self.policy_kwargs = {**self.policy_kwargs, "sigma0": self.sigma0}
        super()._setup_model()

    def _update_exploration(self) -> None:
        """Nothing to anneal: the noise is learned."""

    def _log_exploration(self) -> None:
        for i, layer in enumerate(self.q_net.noisy_layers):
            self.logger.record(f"diagnostics/sigma_{i}", layer.mean_sigma())

    def _restart_draws(self) -> None:
        super()._restart_draws()
        self._acting_noises = in_blocks(lambda n: numpy_noise(self.q_net.noisy_layers, self.q_net.sample_normals(n, self.n_envs)))
        self._noise_steps_left = 0

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_acting_noises", "_held_noise", "_noise_steps_left"]

    def _acting_noise(self) -> NumpyNoise:
        if self._noise_steps_left == 0:
            self._held_noise = next(self._acting_noises)
            self._noise_steps_left = 1 if self.exploration_hold == 1 else np.random.randint(1, self.exploration_hold + 1)
        self._noise_steps_left -= 1
        return iter(self._held_noise)

    def _exploring_index(self, obs: PyTorchObs) -> th.Tensor:
        noise = [(th.as_tensor(into, device=self.device), th.as_tensor(out, device=self.device)) for into, out in self._acting_noise()]
        q_values: th.Tensor = self.q_net(obs, noise)
        return q_values.argmax(dim=1)

    def _draw_noise(self, n: int, batch_size: int) -> th.Tensor:
        # Independent draws, one each for online, target and double Q-learning's choice (eq. 18 and 19). The roots are drawn
        # here: a compiled step would take them anew for each weight
        return signed_root(self.q_net.sample_normals(n, 3 if self.double_q else 2))

    def _q_functions(self, noise: th.Tensor) -> tuple[QFunction, QFunction, QFunction | None]:
        online, target, *selector = (
            partial(network, noise=split_noise(network.noisy_layers, each))
            for network, each in zip((self.q_net, self.q_net_target, self.q_net), noise, strict=False)
        )
        return online, target, selector[0] if selector else None
