import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ca2_core.errors import UserError
from ca2_gan import augment


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_gaussian_noise_has_its_sigma():
    noisy = augment.gaussian_noise(torch.zeros(50, 1, 28, 28), 0.2)
    assert float(noisy.std()) == pytest.approx(0.2, rel=0.02)
    assert augment.gaussian_noise(torch.ones(50, 1, 28, 28), 0.5).abs().max() <= 1


@given(density=st.floats(0, 1), channels=st.sampled_from([1, 3]))
def test_salt_and_pepper_affects_its_share_of_the_area_half_each(density, channels):
    noisy = augment.salt_and_pepper(torch.zeros(60, channels, 28, 28), density)
    n = 60 * 28 * 28
    for share, expected in (((noisy[:, 0] != 0).float().mean(), density), ((noisy[:, 0] == 1).float().mean(), density / 2)):
        assert float(share) == pytest.approx(expected, abs=6 * (expected * (1 - expected) / n) ** 0.5 + 1e-4)
    assert (noisy == noisy[:, :1]).all()  # all channels of a pixel alike


def test_translation_moves_whole_pixels_and_fills_with_background():
    images = torch.rand(64, 1, 16, 12)
    moved = augment.translation(images)
    shifts = set()
    for before, after in zip(images, moved, strict=True):
        candidates = []
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                padded = torch.nn.functional.pad(before, (2, 2, 2, 2), value=-1.0)
                if torch.equal(after, padded[:, 2 + dy : 18 + dy, 2 + dx : 14 + dx]):
                    candidates.append((dy, dx))
        assert len(candidates) == 1
        shifts.add(candidates[0])
    assert {dy for dy, _ in shifts} == {-2, -1, 0, 1, 2}  # 16 / 8
    assert {dx for _, dx in shifts} == {-2, -1, 0, 1, 2}  # round(12 / 8)


def test_cutout_covers_a_rectangle_with_background():
    images = torch.ones(200, 1, 16, 16)
    covered = augment.cutout(images) == -1
    sizes = covered.flatten(1).sum(dim=1)
    assert int(sizes.max()) == 8 * 8
    for mask in covered[:, 0]:
        rows, columns = mask.any(dim=1).sum(), mask.any(dim=0).sum()
        assert mask.sum() == rows * columns
    assert covered.any(dim=0).all()  # every pixel can be covered


def test_brightness_and_contrast_change_images_as_wholes():
    images = torch.rand(500, 1, 8, 8)
    shift = (augment.brightness(images) - images).flatten(1)
    assert float(shift.std(dim=1).max()) < 1e-6
    assert -0.5 <= float(shift.min()) < -0.45
    assert 0.45 < float(shift.max()) <= 0.5
    stretched = augment.contrast(images)
    torch.testing.assert_close(stretched.mean(dim=(1, 2, 3)), images.mean(dim=(1, 2, 3)))
    ratio = stretched.flatten(1).std(dim=1) / images.flatten(1).std(dim=1)
    assert 0.5 <= float(ratio.min()) < 0.55
    assert 1.45 < float(ratio.max()) <= 1.5001


@pytest.mark.parametrize("step", list(augment.AUGMENTATIONS))
def test_gradients_pass_through(step):
    images = torch.rand(8, 3, 16, 16).mul(1.6).sub(0.8).requires_grad_()
    augment.augmentation([step])(images).sum().backward()
    assert images.grad is not None
    assert images.grad.any()


def test_colours_get_stronger_or_weaker_and_gray_stays():
    images = torch.rand(400, 3, 8, 8)
    changed = augment.saturation(images)
    torch.testing.assert_close(changed.mean(dim=1), images.mean(dim=1))
    distance, before = (side - side.mean(dim=1, keepdim=True) for side in (changed, images))
    ratios = distance.flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)
    assert float(ratios.min()) < 0.05
    assert 1.9 < float(ratios.max()) <= 2
    torch.testing.assert_close(distance, before * ratios[:, None, None, None], atol=1e-5, rtol=1e-4)
    gray = images[:, :1]
    assert augment.saturation(gray) is gray


def test_half_of_the_images_are_mirrored():
    images = torch.rand(400, 3, 8, 8)
    changed = augment.flip(images)
    is_mirrored = (changed == images.flip(3)).flatten(1).all(dim=1)
    assert (is_mirrored | (changed == images).flatten(1).all(dim=1)).all()
    assert 0.4 < float(is_mirrored.float().mean()) < 0.6


def test_what_is_uncovered_is_black_in_gray_images_and_the_middle_in_colour():
    for channels, background in ((1, -1.0), (3, 0.0)):
        images = torch.full((50, channels, 16, 16), 0.5)
        for change in (augment.cutout, augment.translation):
            assert set(change(images).unique().tolist()) == {background, 0.5}


def test_letters_are_neither_flipped_nor_turned():
    """An image whose left upper quarter is bright keeps it there, whatever DiffAugment does."""
    images = torch.full((300, 1, 32, 32), -1.0)
    images[:, :, 4:14, 4:14] = 1.0
    result = augment.diffaugment(images)
    means = result.mean(dim=0)[0]
    assert means[4:14, 4:14].mean() > max(means[18:28, 18:28].mean(), means[4:14, 18:28].mean(), means[18:28, 4:14].mean())


def test_steps_are_parsed_and_applied_in_order():
    apply = augment.augmentation(["noise:0.0", "salt-pepper:1"])
    assert set(apply(torch.zeros(4, 1, 8, 8)).unique().tolist()) == {-1.0, 1.0}
    images = torch.rand(2, 1, 8, 8)
    assert augment.augmentation([])(images) is images


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("nois", "no augmentation named 'nois'. Did you mean 'noise'?"),
        ("noise:x", "a strength from 0 to 1 is needed"),
        ("noise:2", "a strength from 0 to 1 is needed"),
        ("diffaugment:1", "diffaugment has no strength"),
    ],
)
def test_wrong_steps_are_named(step, message):
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        augment.augmentation([step])
