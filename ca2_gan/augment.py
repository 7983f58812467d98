"""Augmentations: pure functions on batches of images [N, C, H, W] in [-1, 1].

Applied to real and generated images alike ("both"), an augmentation only makes the discriminator's task harder: the generator's
target is unchanged (Zhao et al. 2020). Applied to real images alone ("real"), it is part of the data, and the generator learns to
make noisy or shifted images. "both" is the default.

A flipped or rotated letter is another letter (b d p q n u), so "flip" is for pictures without writing. Shifts and cutouts fill with
background: -1 (black) in gray images, whose ink is light, and 0 (mid-gray) in colour images.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ca2_core.errors import UserError, did_you_mean

Augmentation = Callable[[Tensor], Tensor]


def gaussian_noise(images: Tensor, sigma: float) -> Tensor:
    """Adds N(0, sigma^2) noise to every pixel, then clamps to [-1, 1]."""
    return (images + sigma * torch.randn_like(images)).clamp(-1, 1)


def salt_and_pepper(images: Tensor, density: float) -> Tensor:
    """Makes a fraction ``density`` of the pixels white or black, half of them each; all channels of a pixel change alike."""
    chance = torch.rand_like(images[:, :1])
    noisy = torch.where(chance < density, 1.0, images)
    return torch.where(chance < density / 2, -1.0, noisy)


def brightness(images: Tensor) -> Tensor:
    """Adds one random number from [-0.5, 0.5) to all pixels of each image."""
    return images + (_one_each(images) - 0.5)


def contrast(images: Tensor) -> Tensor:
    """Scales each image around its mean by a random factor from [0.5, 1.5)."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * (_one_each(images) + 0.5) + mean


def saturation(images: Tensor) -> Tensor:
    """Scales the channels of each image around their mean by a random factor from [0, 2); gray images stay as they are."""
    if images.shape[1] == 1:
        return images
    mean = images.mean(dim=1, keepdim=True)
    return (images - mean) * (2 * _one_each(images)) + mean


def flip(images: Tensor) -> Tensor:
    """Mirrors each image left to right with probability 1/2."""
    return torch.where(_one_each(images) < 0.5, images.flip(3), images)


def translation(images: Tensor, ratio: float = 1 / 8) -> Tensor:
    """Shifts each image at random by whole pixels, at most ``ratio`` times its sides; uncovered pixels become background."""
    n, _, height, width = images.shape
    rows = _shifted(height, n, ratio, images.device)  # [N, H]
    columns = _shifted(width, n, ratio, images.device)  # [N, W]
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), value=_background(images))
    moved = padded.permute(0, 2, 3, 1)[torch.arange(n, device=images.device)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def cutout(images: Tensor, ratio: float = 1 / 2) -> Tensor:
    """Covers a random rectangle of each image, ``ratio`` times its sides, with background; it may lie partly outside."""
    n, _, height, width = images.shape
    rows, columns = _covered(height, n, ratio, images.device), _covered(width, n, ratio, images.device)
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], _background(images))


def diffaugment(images: Tensor) -> Tensor:
    """DiffAugment (Zhao et al. 2020): brightness, saturation, contrast, translation, cutout."""
    return cutout(translation(contrast(saturation(brightness(images)))))


def _background(images: Tensor) -> float:
    """Value of pixels without content: black in gray images, mid-gray in colour images."""
    return -1.0 if images.shape[1] == 1 else 0.0


def _one_each(images: Tensor) -> Tensor:
    """One uniform random number from [0, 1) for each image: [N, 1, 1, 1]."""
    return torch.rand(len(images), 1, 1, 1, device=images.device)


def _shifted(side: int, n: int, ratio: float, device: torch.device) -> Tensor:
    """Source positions of the pixels along one side of n randomly shifted images, int64 [n, side]; 0 and side + 1 mean background."""
    most = int(side * ratio + 0.5)
    shift = torch.randint(-most, most + 1, (n, 1), device=device)
    return (torch.arange(1, side + 1, device=device) + shift).clamp(0, side + 1)


def _covered(side: int, n: int, ratio: float, device: torch.device) -> Tensor:
    """Pixels along one side that a random segment of ``ratio`` times the side covers, for each of n images: bool [n, side]."""
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
    """Combines steps such as ``noise:0.1`` or ``diffaugment``, in order, into one function; without steps, it changes nothing.

    :raises UserError: for an unknown name, a strength that is not a number from 0 to 1, or a strength where a step has none
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
