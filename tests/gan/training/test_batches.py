import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ca2_gan.data.dataset import Dataset, digest_images
from ca2_gan.training.batches import Images, Share, Shuffled, draw_noise, pick_labelled, stream_seed

CPU = torch.device("cpu")


def dataset(images: torch.Tensor, labels: torch.Tensor) -> Dataset:
    names = tuple(map(str, range(int(labels.max()) + 1)))
    return Dataset(images.numpy(), labels.numpy(), names, digest_images(images.numpy()), None)


@given(n=st.integers(1, 40), count=st.integers(1, 100), seed=st.integers(0, 5))
def test_every_pass_shows_every_item_once(n, count, seed):
    sequence = Shuffled(n, seed, 0)
    passes = sequence.take(0, 3 * n).view(3, n)
    assert all(torch.equal(p.sort().values, torch.arange(n)) for p in passes)
    pieces = torch.cat([sequence.take(i, min(count, 3 * n - i)) for i in range(0, 3 * n, count)])
    assert torch.equal(pieces, passes.flatten())  # where the pieces are cut changes nothing


def test_passes_and_seeds_differ():
    order = Shuffled(100, 0, 0)
    assert not torch.equal(order.take(0, 100), order.take(100, 100))
    assert not torch.equal(order.take(0, 100), Shuffled(100, 1, 0).take(0, 100))
    assert not torch.equal(order.take(0, 100), Shuffled(100, 0, 1).take(0, 100))


def test_seeds_of_streams_and_steps_are_all_different():
    seeds = {stream_seed(seed, stream, step) for seed in range(4) for stream in range(4) for step in range(50)}
    assert len(seeds) == 4 * 4 * 50


def test_processes_share_the_batch_of_one():
    images, labels = torch.randint(0, 256, (50, 1, 4, 4), dtype=torch.uint8), torch.arange(50) % 5
    data = dataset(images, labels)
    whole = Images(data, 12, 0, 1.0, Share(), CPU).draw(24)
    parts = [Images(data, 12, 0, 1.0, Share(rank, 3), CPU).draw(24) for rank in range(3)]
    for i in range(3):
        assert torch.equal(torch.cat([part[i] for part in parts]), whole[i])


def test_images_are_scaled_and_keep_their_labels():
    images = torch.arange(256, dtype=torch.uint8).view(256, 1, 1, 1).repeat(1, 1, 2, 2)
    real, labels, unlabelled = Images(dataset(images, torch.arange(256)), 64, 0, 1.0, Share(), CPU).draw(0)
    assert real.dtype == torch.float32
    torch.testing.assert_close(real[:, 0, 0, 0], labels / 127.5 - 1)
    assert unlabelled is real


def test_batches_are_laid_out_alike_whatever_the_strides_of_the_data():
    images = np.random.default_rng(0).integers(0, 256, (8, 4, 4), dtype=np.uint8)
    for laid_out in (images[:, None], images.reshape(8, 1, 4, 4), np.moveaxis(images[..., None], 3, 1)):
        data = Dataset(laid_out, np.arange(8), tuple("01234567"), digest_images(laid_out), None)
        assert Images(data, 4, 0, 1.0, Share(), CPU).draw(0)[0].stride() == (16, 16, 4, 1)


def test_labelled_share_is_stratified_and_fixed_by_the_seed():
    labels = torch.tensor([0] * 100 + [1] * 50 + [2] * 3)
    chosen = pick_labelled(labels, 0.1, 0)
    assert torch.bincount(labels[chosen]).tolist() == [10, 5, 1]
    assert torch.equal(chosen, pick_labelled(labels, 0.1, 0))
    assert not torch.equal(chosen, pick_labelled(labels, 0.1, 1))
    source = Images(dataset(torch.zeros(153, 1, 2, 2, dtype=torch.uint8), labels), 16, 0, 0.1, Share(), CPU)
    assert source.class_shares.tolist() == pytest.approx([10 / 16, 5 / 16, 1 / 16])
    drawn, unlabelled = source.draw(0)[1:]
    assert len(drawn) == len(unlabelled) == 16


def test_noise_is_standard_normal_and_new_in_every_turn():
    a, b, c = draw_noise(4000, 10, 0, 0, 0), draw_noise(4000, 10, 0, 0, 1), draw_noise(4000, 10, 0, 1, 0)
    assert not torch.equal(a, b)
    assert not torch.equal(a, c)
    assert abs(float(a.mean())) < 0.03
    assert abs(float(a.std()) - 1) < 0.02
