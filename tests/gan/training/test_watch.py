import dataclasses
import re

import numpy as np
import pytest
import torch

from ca2_gan.training.linear import LinearClassifier
from ca2_gan.training.watch import Watch, variety


def test_variety_is_within_classes():
    images = torch.zeros(8, 1, 4, 4, dtype=torch.uint8)
    labels = torch.arange(8) % 2
    images[labels == 1] = 200
    assert variety(images, labels) == 0
    assert variety(images, torch.zeros_like(labels)) == pytest.approx(np.std([0, 200] * 4, ddof=1))


def test_collapse_is_told_once_and_again_after_it_went_away():
    watch = Watch()
    flat, varied = torch.full((16, 1, 4, 4), 7, dtype=torch.uint8), torch.randint(0, 256, (16, 1, 4, 4), dtype=torch.uint8)
    labels = torch.zeros(16, dtype=torch.int64)
    told = [watch.look_at_variety(x, labels, 50.0) for x in (varied, flat, flat, varied, flat)]
    assert [len(t) for t in told] == [0, 1, 0, 0, 1]
    assert "collapsed: try --augment diffaugment" in told[1][0]


def test_a_certain_discriminator_and_huge_losses():
    watch = Watch()
    certain = {"d_loss": 0.001, "g_loss": 9.0}
    assert [len(watch.look_at_losses(certain, "non-saturating")) for _ in range(4)] == [0, 0, 1, 0]
    assert "diverges" in watch.look_at_losses({"d_loss": 1.0, "g_loss": 1e5}, "hinge")[0]
    assert Watch().look_at_losses({"d_loss": -5.0, "g_loss": 1.0}, "wasserstein") == []
    assert Watch().look_at_losses({"fcd": 12.0}, "hinge") == []  # the line of an evaluation


class TestIgnoredLabels:
    """Real images stand for samples; labels in another order for labels that were ignored."""

    LABELS = torch.arange(510) % 3

    def images(self, data, labels):
        of_class = [torch.from_numpy(data.images[data.labels == label]) for label in range(3)]
        return torch.stack([of_class[label][i % len(of_class[label])] for i, label in enumerate(labels.tolist())])

    def test_are_told_once(self, data):
        watch, classifier = Watch(), LinearClassifier(data)
        assert classifier.real_accuracy > 0.9
        shuffled = self.LABELS[torch.randperm(510, generator=torch.Generator().manual_seed(0))]
        told = [watch.look_at_classes(self.images(data, y), self.LABELS, classifier) for y in (self.LABELS, shuffled, shuffled)]
        assert [len(t) for t in told] == [0, 1, 0]
        assert re.search(r"ignores its labels: .* of 3\d% of the samples \(by chance 33%; of (9\d|100)% of real images\)", told[1][0])

    def test_nothing_is_said_where_classes_look_alike(self, data):
        rng = np.random.default_rng(0)
        noise = dataclasses.replace(data, labels=rng.permutation(data.labels))
        assert Watch().look_at_classes(self.images(data, self.LABELS), self.LABELS, LinearClassifier(noise)) == []

    def test_only_after_ten_thousand_images_and_only_of_conditional_models(self, begin, monkeypatch, capsys):
        for model, images, expected in (("letters_gan", 9_999, 0), ("letters_gan", 10_000, 1), ("dcgan_radford", 10_000, 0)):
            state = begin(model=model)
            monkeypatch.setattr(type(state), "averaged", lambda state: state.gan)  # untrained: it knows nothing of labels
            state.images, watch = images, Watch()
            watch.on_start(state)
            watch.on_end(state)
            assert capsys.readouterr().err.count("ignores its labels") == expected


def test_the_linear_classifier_is_that_of_scikit_learn(data):
    from sklearn.linear_model import Ridge

    ours = LinearClassifier(data)
    chosen = np.random.default_rng(0).permutation(len(data))[: len(data) * 4 // 5]
    x, y = data.images[chosen].reshape(len(chosen), -1) / 255, np.eye(3)[data.labels[chosen]]
    theirs = Ridge(alpha=1e-2 * len(chosen), fit_intercept=False).fit(np.hstack([x, np.ones((len(x), 1))]), y)
    np.testing.assert_allclose(ours.weights.T.numpy(), theirs.coef_, atol=1e-8)
