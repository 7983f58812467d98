"""The accelerator: makes an algorithm's training several times as fast, and knows nothing about the algorithm.

An algorithm is written as SB3 writes them, with a ``train`` that reads from top to bottom, and derives from
``Accelerated``. How a gradient step is run, how actions are chosen and how experience is collected is decided here; without
it, or where it can't help, SB3's own way is taken.
"""

from ca2_rl.fast.accelerator import Accelerated, Accelerator

__all__ = ["Accelerated", "Accelerator"]
