"""The pendulum playground: a page on which agents are watched, compared and trained."""

from ca2_rl.play.site import pages
from ca2_rl.play.weights import load_weights

__all__ = ["load_weights", "pages"]
