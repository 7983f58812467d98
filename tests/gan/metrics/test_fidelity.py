"""torch-fidelity through the reference classifiers, beside our own metrics."""

import pytest
import torch
import torch_fidelity
from torch.utils.data import Dataset

from ca2_gan import evaluate
from ca2_gan.fidelity import register_classifier


class RGB(Dataset):
    """What torch-fidelity takes: uint8 images of three channels."""

    def __init__(self, images):
        self.images = torch.from_numpy(images)[:, None].repeat(1, 3, 1, 1)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i]


@pytest.fixture
def calculate(data, request):
    """calculate_metrics with the classifier of the bars."""
    name = request.node.name
    register_classifier(name, data)

    def call(a, b, **asked):
        return torch_fidelity.calculate_metrics(
            input1=RGB(a), input2=RGB(b), feature_extractor=name, cuda=False, cache=False, verbose=False, save_cpu_ram=True, **asked
        )

    return call


def test_its_numbers_are_ours(calculate, bars, data):
    fake, real = bars(150, seed=1)[0], bars(150, seed=2)[0]
    ours = evaluate(fake, real, ["fcd", "kcd", "isc", "prdc"], train=data, resamples=0)
    theirs = calculate(
        fake, real, fid=True, isc=True, isc_splits=1, kid=True, kid_subsets=1, kid_subset_size=150, prc=True, prc_neighborhood=5
    )
    assert theirs["frechet_inception_distance"] == pytest.approx(ours["fcd"].value, rel=1e-5)
    assert theirs["inception_score_mean"] == pytest.approx(ours["isc"].value, rel=1e-5)
    assert theirs["kernel_inception_distance_mean"] == pytest.approx(ours["kcd"].value, rel=1e-4)
    assert theirs["precision"] == pytest.approx(ours["precision"].value, abs=0.02)
    assert theirs["recall"] == pytest.approx(ours["recall"].value, abs=0.02)


def test_images_of_another_size_are_refused(calculate, bars):
    images = bars(10, seed=1)[0]
    with pytest.raises(ValueError, match="images of 16x16 are needed, got 8x8"):
        calculate(images[:, :8, :8], images, fid=True)
