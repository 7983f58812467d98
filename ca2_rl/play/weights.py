"""Loads networks that were trained on the page as agents of this package."""

from pathlib import Path

import gymnasium
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ca2_core.errors import UserError
from ca2_rl.discretized_dqn.discretized_dqn import DiscretizedDQN
from ca2_rl.noisy_dqn.noisy_dqn import NoisyDQN


def load_weights(path: str | Path) -> DiscretizedDQN:
    """Loads an agent for Pendulum-v1 from a file that the page saved.

    :param path: safetensors file with the names of SB3's Q-network, ``q_net.0.weight`` and so on
    :return: a ``NoisyDQN`` if the network is noisy
    :raises UserError: if the file is missing, damaged or holds another network
    """
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: damaged, or not a safetensors file: {error}.") from error
    is_noisy = "q_net.0.weight_mu" in weights
    ends = sorted((name for name in weights if name.endswith("bias_mu" if is_noisy else ".bias")), key=lambda name: int(name.split(".")[1]))
    widths = [len(weights[name]) for name in ends]
    if len(widths) < 2 or widths[-1] < 2:
        raise UserError(f"{path}: not a Q-network of the page: it contains {', '.join(sorted(weights)) or 'nothing'}.")
    env = gymnasium.make("Pendulum-v1")
    algorithm = NoisyDQN if is_noisy else DiscretizedDQN
    agent = algorithm("MlpPolicy", env, n_bins=widths[-1], buffer_size=1, policy_kwargs={"net_arch": widths[:-1]}, device="cpu")
    for network in (agent.q_net, agent.q_net_target):
        try:
            network.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})
        except RuntimeError as error:
            raise UserError(f"{path}: not a Q-network of the page: {str(error).splitlines()[-1].strip()}") from error
    return agent
