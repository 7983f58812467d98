"""Generators that are kept along a training."""

import pytest
import torch

from ca2_gan import Callback, Trainer, load
from ca2_gan.training.records import kept_generators

SMALL = {"options": {"width": 8}, "batch_size": 8, "progress": False, "tensorboard": False}


def names(folder):
    return [int(path.name) for path in kept_generators(folder)]


def test_more_are_kept_early_and_the_last_is_the_model(data, tmp_path):
    trainer = Trainer("dcgan_radford", data, out=tmp_path / "run", keep=4, **SMALL)
    gan = trainer.fit(images=256)
    assert names(tmp_path / "run") == [16, 64, 144, 256]
    first, *_, last = (load(path) for path in kept_generators(tmp_path / "run"))
    assert (
        torch.equal(last.sample(4, seed=0), load(tmp_path / "run").sample(4, seed=0))
        or (last.sample(4, seed=0).int() - gan.sample(4, seed=0).int()).abs().max() <= 2
    )  # half precision
    assert not torch.equal(first.sample(4, seed=0), last.sample(4, seed=0))


def test_a_resumed_training_keeps_the_same_ones(data, tmp_path):
    Trainer("dcgan_radford", data, out=tmp_path / "whole", keep=4, **SMALL).fit(images=128)

    class Kill(Callback):
        """Saves after 64 images, and fails after 72."""

        def on_round(self, state):
            if state.images == 64:
                state.save()
            if state.images == 72:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Trainer("dcgan_radford", data, out=tmp_path / "run", keep=4, callbacks=[Kill()], **SMALL).fit(images=128)
    Trainer("dcgan_radford", data, out=tmp_path / "run", keep=4, **SMALL).fit(images=128, resume=True)
    assert names(tmp_path / "run") == names(tmp_path / "whole")
    for ours, theirs in zip(kept_generators(tmp_path / "run"), kept_generators(tmp_path / "whole"), strict=True):
        assert torch.equal(load(ours).sample(2, seed=0), load(theirs).sample(2, seed=0))


def test_without_it_none_is_kept(data, tmp_path):
    Trainer("dcgan_radford", data, out=tmp_path / "run", **SMALL).fit(images=16)
    assert names(tmp_path / "run") == []
