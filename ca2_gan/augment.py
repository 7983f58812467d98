"""Augmentations: pure functions on batches of images [N, C, H, W] in [-1, 1].

Applied to real and generated images alike ("both"), an augmentation only makes the discriminator's task harder: the generator's
target is unchanged (Zhao et al. 2020). Applied to real images alone ("real"), it is part of the data, and the generator learns to
make noisy or shifted images. "both" is the default.

Letters can't be flipped or turned (b d p q n u): "flip" is for pictures without writing. What a shift or a cut uncovers is background:
-1 in gray images, whose ink is light, and 0, the middle, in pictures in colour.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ca2_core.errors import UserError, did_you_mean

Augmentation = Callable[[Tensor], Tensor]


def gaussian_noise(images: Tensor, sigma: float) -> Tensor:
    """Adds N(0, sigma^2) to every pixel; pixels are in [-1, 1], and stay there."""
    return (images + sigma * torch.randn_like(images)).clamp(-1, 1)


def salt_and_pepper(images: Tensor, density: float) -> Tensor:
    """Makes a share ``density`` of the pixels white or black, half each; all channels of a pixel alike."""
    chance = torch.rand_like(images[:, :1])
    noisy = torch.where(chance < density, 1.0, images)
    return torch.where(chance < density / 2, -1.0, noisy)


def brightness(images: Tensor) -> Tensor:
    """Adds to each image a number from -0.5 to 0.5."""
    return images + (_one_each(images) - 0.5)


def contrast(images: Tensor) -> Tensor:
    """Stretches each image around its mean by 0.5 to 1.5."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * (_one_each(images) + 0.5) + mean


def saturation(images: Tensor) -> Tensor:
    """Moves the channels of each image towards their mean or away from it, by 0 to 2 times their distance; gray images stay."""
    if images.shape[1] == 1:
        return images
    mean = images.mean(dim=1, keepdim=True)
    return (images - mean) * (2 * _one_each(images)) + mean


def flip(images: Tensor) -> Tensor:
    """Mirrors half of the images, left and right."""
    return torch.where(_one_each(images) < 0.5, images.flip(3), images)


def translation(images: Tensor, ratio: float = 1 / 8) -> Tensor:
    """Shifts each image by whole pixels, up to a share ``ratio`` of its sides; what comes in is background."""
    n, _, height, width = images.shape
    rows = _shifted(height, n, ratio, images.device)  # [N, H]
    columns = _shifted(width, n, ratio, images.device)  # [N, W]
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), value=_background(images))
    moved = padded.permute(0, 2, 3, 1)[torch.arange(n, device=images.device)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def cutout(images: Tensor, ratio: float = 1 / 2) -> Tensor:
    """Covers in each image a rectangle of ``ratio`` times its sides with background; part of it may lie outside."""
    n, _, height, width = images.shape
    rows, columns = _covered(height, n, ratio, images.device), _covered(width, n, ratio, images.device)
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], _background(images))


def diffaugment(images: Tensor) -> Tensor:
    """DiffAugment (Zhao et al. 2020): brightness, saturation, contrast, translation, cutout."""
    return cutout(translation(contrast(saturation(brightness(images)))))


def _background(images: Tensor) -> float:
    """What is where there is nothing."""
    return -1.0 if images.shape[1] == 1 else 0.0


def _one_each(images: Tensor) -> Tensor:
    """Uniform numbers in [0, 1), [N, 1, 1, 1]."""
    return torch.rand(len(images), 1, 1, 1, device=images.device)


def _shifted(side: int, n: int, ratio: float, device: torch.device) -> Tensor:
    """For each of n shifted images, where its pixels along one side come from, 0 and side + 1 being background: int64 [n, side]."""
    most = int(side * ratio + 0.5)
    shift = torch.randint(-most, most + 1, (n, 1), device=device)
    return (torch.arange(1, side + 1, device=device) + shift).clamp(0, side + 1)


def _covered(side: int, n: int, ratio: float, device: torch.device) -> Tensor:
    """For each of n images, which pixels along one side a piece of ``ratio`` times the side covers: bool [n, side]."""
    size = int(side * ratio + 0.5)
    start = torch.randint(0, side + (1 - size % 2), (n, 1), device=device) - size // 2
    pixels = torch.arange(side, device=device)
    return (pixels >= start) & (pixels < start + size)


AUGMENTATIONS: dict[str, tuple[Callable[..., Tensor], float | None]] = {
    "noise": (gaussian_noise, 0.1),
    "salt-pepper": (salt_and_pepper, 0.05),
    "diffaugment": (diffaugment, None),
    "brightness": (brightness, None),
    "contrast": (contrast, None),
    "saturation": (saturation, None),
    "flip": (flip, None),
    "translation": (translation, 1 / 8),
    "cutout": (cutout, 1 / 2),
}


def augmentation(steps: Sequence[str]) -> Augmentation:
    """One function of steps such as ``noise:0.1`` or ``diffaugment``, in their order; without steps it changes nothing.

    :raises UserError: for an unknown name, or a strength that is no number from 0 to 1
    """
    functions = [_parse(step) for step in steps]

    def apply(images: Tensor) -> Tensor:
        for function, strength in functions:
            images = function(images) if strength is None else function(images, strength)
        return images

    return apply


def _parse(step: str) -> tuple[Callable[..., Tensor], float | None]:
    name, colon, text = step.partition(":")
    if name not in AUGMENTATIONS:
        raise UserError(f"no augmentation named {name!r}.{did_you_mean(name, AUGMENTATIONS)} There are {', '.join(AUGMENTATIONS)}.")
    function, strength = AUGMENTATIONS[name]
    if not colon:
        return function, strength
    try:
        given = float(text)
    except ValueError:
        given = -1.0
    if strength is None or not 0 <= given <= 1:
        raise UserError(
            f"augmentation {step!r}: " + (f"{name} has no strength." if strength is None else "a strength from 0 to 1 is needed.")
        )
    return function, given
