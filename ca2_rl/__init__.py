"""Algorithms for Stable-Baselines3 and rl-zoo3 that neither of them has.

>>> from ca2_rl import NoisyDQN
>>> model = NoisyDQN("MlpPolicy", "Pendulum-v1").learn(20_000)
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ca2_rl.common.minatar_cnn import MinAtarCNN
    from ca2_rl.common.prioritized_replay import PrioritizedReplayBuffer
    from ca2_rl.discretized_dqn import DiscretizedDQN
    from ca2_rl.noisy_dqn import NoisyDQN
    from ca2_rl.ou_ddpg import OUDDPG
    from ca2_rl.rainbow import Rainbow

__all__ = ["OUDDPG", "DiscretizedDQN", "MinAtarCNN", "NoisyDQN", "PrioritizedReplayBuffer", "Rainbow"]

__version__ = version("ca2")

_HOMES = {
    "DiscretizedDQN": "discretized_dqn",
    "MinAtarCNN": "common.minatar_cnn",
    "NoisyDQN": "noisy_dqn",
    "OUDDPG": "ou_ddpg",
    "PrioritizedReplayBuffer": "common.prioritized_replay",
    "Rainbow": "rainbow",
}


def __getattr__(name: str) -> type:
    # Imported on first use: importing torch takes seconds, which `ca2-rl --help` should not wait for
    if name in _HOMES:
        import_module("ca2_rl.environments")  # registers the MinAtar environments
        found: type = getattr(import_module(f"ca2_rl.{_HOMES[name]}"), name)
        return found
    raise AttributeError(f"module 'ca2_rl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
