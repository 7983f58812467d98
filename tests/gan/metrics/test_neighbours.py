import numpy as np
import pytest
import torch

from ca2_gan.metrics import prdc
from ca2_gan.metrics.neighbours import reach


def features(n, d, seed, shift=0.0, dtype=np.float64):
    return (np.random.default_rng(seed).normal(size=(n, d)) + shift).astype(dtype)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_the_authors_exactly(k, shift, dtype):
    theirs = pytest.importorskip("prdc").compute_prdc
    real, fake = features(300, 6, 0, dtype=dtype), features(220, 6, 1, shift, dtype=dtype)
    expected = theirs(real.astype(np.float64), fake.astype(np.float64), nearest_k=k)
    found = prdc(real, fake, k)
    assert found.precision == expected["precision"]
    assert found.recall == expected["recall"]
    assert found.coverage == expected["coverage"]
    assert found.density == pytest.approx(expected["density"], rel=1e-12)  # 1 / k times a mean, or a mean over k


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_the_chunk_changes_nothing(chunk):
    real, fake = features(150, 64, 0), features(130, 64, 1, 0.1)
    assert prdc(real, fake, chunk=chunk) == prdc(real, fake)


def test_reach_on_a_line():
    line = torch.arange(5, dtype=torch.float64)[:, None]
    assert reach(line, 1).tolist() == [1, 1, 1, 1, 1]
    assert reach(line, 2).tolist() == [2, 1, 1, 1, 2]


def test_copies_of_one_real_image_are_precise_but_cover_nothing():
    real = features(100, 4, 0)
    found = prdc(real, np.repeat(real[:1], 50, axis=0))
    assert found.precision == 1
    assert found.recall == 0
    assert found.coverage < 0.2


def test_too_few():
    with pytest.raises(ValueError, match="more than 5"):
        prdc(features(5, 2, 0), features(9, 2, 1))
