import pytest
import torch
from torchvision.utils import make_grid

from ca2_gan.pictures import GAP, tile


@pytest.mark.parametrize(("n", "columns", "channels"), [(7, 3, 1), (4, 9, 3), (6, 2, 3), (5, 1, 1)])
def test_tiling_is_torchvisions(n, columns, channels):
    images = torch.randint(0, 256, (n, channels, 6, 5), dtype=torch.uint8)
    assert torch.equal(tile(images, columns), make_grid(images, nrow=columns, padding=GAP, pad_value=128)[:channels])
