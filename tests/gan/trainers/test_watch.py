import numpy as np
import pytest
import torch

from ca2_gan.trainers.watch import Watch, variety


def test_variety_is_within_classes():
    images = torch.zeros(8, 1, 4, 4, dtype=torch.uint8)
    labels = torch.arange(8) % 2
    images[labels == 1] = 200
    assert variety(images, labels) == 0
    assert variety(images, torch.zeros_like(labels)) == pytest.approx(np.std([0, 200] * 4, ddof=1))


def test_collapse_is_told_once_and_again_after_it_went_away():
    watch = Watch(50.0, "non-saturating")
    flat, varied = torch.full((16, 1, 4, 4), 7, dtype=torch.uint8), torch.randint(0, 256, (16, 1, 4, 4), dtype=torch.uint8)
    labels = torch.zeros(16, dtype=torch.int64)
    told = [watch.samples(x, labels) for x in (varied, flat, flat, varied, flat)]
    assert [len(t) for t in told] == [0, 1, 0, 0, 1]
    assert "collapsed: try --augment diffaugment" in told[1][0]


def test_a_certain_discriminator_and_huge_losses():
    watch = Watch(50.0, "non-saturating")
    certain = {"d_loss": 0.001, "g_loss": 9.0}
    assert [len(watch.losses(certain)) for _ in range(4)] == [0, 0, 1, 0]
    assert "diverges" in watch.losses({"d_loss": 1.0, "g_loss": 1e5})[0]
    assert Watch(50.0, "wasserstein").losses({"d_loss": -5.0, "g_loss": 1.0}) == []
