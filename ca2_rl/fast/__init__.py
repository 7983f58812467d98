"""The accelerator: makes trainings several times as fast, independently of the algorithm.

An algorithm is written in SB3's style, with a ``train`` that reads from top to bottom, and derives from ``Accelerated``.
The accelerator decides how gradient steps run, how actions are chosen and how experience is collected. Where it can't help,
SB3's own code runs.
"""

from ca2_rl.fast.accelerator import Accelerated, Accelerator

__all__ = ["Accelerated", "Accelerator"]
