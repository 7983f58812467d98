"""The pendulum playground: a page for watching, comparing and training agents."""

from ca2_rl.play.site import pages
from ca2_rl.play.weights import load_weights

__all__ = ["load_weights", "pages"]
