"""Decodes picture files."""

import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ca2_core.errors import UserError

# Modes of more than 8 bits, which PIL would cut off
DEEP = ("I", "F", "I;16", "I;16L", "I;16B")
GREY = ("1", "L")


def decode(file: Path | BinaryIO, where: str) -> NDArray[Any]:
    """A picture [C, H, W]: grey or colour, with opacity if a part is transparent. Grey that is stored as colour becomes grey.

    :param where: name of the picture, for messages
    :raises UserError: if the picture can't be read
    """
    try:
        with warnings.catch_warnings(), Image.open(file) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if picture.mode in DEEP:
                return np.asarray(picture)[None]
            mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode in GREY else "RGB"
            pixels = np.atleast_3d(np.asarray(picture.convert(mode))).transpose(2, 0, 1)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(f"{where}: its header says more than {Image.MAX_IMAGE_PIXELS:,} pixels. It is damaged, or too large.") from None
    except Exception as error:  # whatever the bytes lead to
        raise UserError(f"{where}: can't be read as a picture: {' '.join(str(error).split())[:120]}.") from error
    colour, opacity = pixels[:3], pixels[3:]
    if (colour == colour[:1]).all():
        colour = colour[:1]
    return colour if (opacity == 255).all() else np.concatenate([colour, opacity])
