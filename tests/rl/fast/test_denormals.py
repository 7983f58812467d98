"""The mode of the processor around a training."""

import pytest
import torch

from ca2_rl import OUDDPG, DiscretizedDQN
from ca2_rl.fast.denormals import flushed_denormals


def half_of_smallest_normal():
    return (torch.tensor(torch.finfo(torch.float32).tiny) / 2).item()


@pytest.fixture(autouse=True)
def _keep_the_mode():
    yield
    torch.set_flush_denormal(False)


def test_denormals_are_zero_within_and_as_before_after_it():
    assert half_of_smallest_normal() > 0
    with flushed_denormals():
        assert half_of_smallest_normal() == 0
    assert half_of_smallest_normal() > 0


def test_whoever_flushes_them_anyway_still_does_after_it():
    torch.set_flush_denormal(True)
    with flushed_denormals():
        pass
    assert half_of_smallest_normal() == 0


def test_the_mode_is_restored_after_an_error():
    with pytest.raises(RuntimeError, match="no"), flushed_denormals():
        raise RuntimeError("no")
    assert half_of_smallest_normal() > 0


@pytest.mark.parametrize("algorithm", [DiscretizedDQN, OUDDPG])
def test_a_training_leaves_no_denormals_behind(algorithm):
    """Weights and Adam's means of units that are dead from the start are 0 in the end, where they would shrink for ever."""
    model = algorithm("MlpPolicy", "Pendulum-v1", learning_starts=10, train_freq=1, seed=0, policy_kwargs={"net_arch": [16]})
    network = getattr(model, "critic", None) or model.q_net
    first = next(iter(network.parameters()))
    means = {"step": torch.tensor(1.0), "exp_avg": torch.full_like(first, 1e-37), "exp_avg_sq": torch.zeros_like(first)}
    optimizer = getattr(model, "critic", model.policy).optimizer
    optimizer.state[first] = means
    with torch.no_grad():
        for parameter in network.parameters():  # a negative bias: no unit is ever active
            parameter.copy_(-torch.ones_like(parameter) if parameter.dim() == 1 else torch.zeros_like(parameter))
    model.learn(200)
    assert (optimizer.state[first]["exp_avg"] == 0).all()
