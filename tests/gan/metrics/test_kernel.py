import numpy as np
import pytest
import torch
from torchmetrics.image import kid

from ca2_gan.metrics.kernel import kernel_distance


def features(n, d, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def by_hand(x, y):
    """Binkowski et al. (2018), eq. 3, pair by pair."""

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    within = [np.mean([k(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j]) for side in (x, y)]
    return sum(within) - 2 * np.mean([k(a, b) for a in x for b in y])


def test_equals_the_formula():
    x, y = features(20, 4, 0), features(15, 4, 1, 0.5)
    assert kernel_distance(x, y).value == pytest.approx(by_hand(x, y), rel=1e-10)


def test_equals_torchmetrics_on_the_same_features():
    class Flat(torch.nn.Module):
        """A "network" whose features are its input."""

        num_features = 16

        def forward(self, images):
            return images.flatten(1)

    real, fake = (torch.from_numpy(features(200, 16, seed, 0.2 * seed)).view(200, 1, 1, 16) for seed in (0, 1))
    metric = kid.KernelInceptionDistance(feature=Flat(), subsets=1, subset_size=200, normalize=True).set_dtype(torch.float64)
    metric.real_features, metric.fake_features = [real.flatten(1)], [fake.flatten(1)]
    expected = metric.compute()[0].item()
    assert kernel_distance(real.flatten(1).numpy(), fake.flatten(1).numpy()).value == pytest.approx(expected, rel=1e-6)


def test_no_bias_between_few_images_of_the_same_distribution():
    found = [kernel_distance(features(20, 8, 2 * i), features(20, 8, 2 * i + 1)).value for i in range(300)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 300**0.5
    assert min(found) < 0


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_chunk_and_the_order_change_rounding_only(chunk):
    x, y = features(60, 8, 0), features(50, 8, 1, 0.3)
    assert kernel_distance(x, y, chunk).value == pytest.approx(kernel_distance(x[::-1], y).value, rel=1e-10)


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="at least 2"):
        kernel_distance(features(1, 3, 0), features(9, 3, 1))
    with pytest.raises(ValueError, match="dimensions"):
        kernel_distance(features(9, 3, 0), features(9, 4, 1))
