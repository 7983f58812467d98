"""What docs/howto/own-data.md says of formats works as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from ca2_core.errors import UserError
from ca2_gan import load_data, register_format
from ca2_gan.registry import formats

PAGE = (Path(__file__).parents[3] / "docs" / "howto" / "own-data.md").read_text(encoding="utf-8").partition("## A data format")[2]


@pytest.fixture
def _svhn(monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.partition("\n## ")[0], re.DOTALL)
    names = {}
    exec(compile(code, "svhn.py", "exec"), names)
    monkeypatch.setattr(formats, "_entries", {name: formats.get(name) for name in formats})
    register_format("svhn")(names["SVHN"])


@pytest.mark.usefixtures("_svhn")
def test_a_format_in_one_file(tmp_path, capsys):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 3, 8, 8), dtype=np.uint8), 1 + np.arange(40) % 10
    savemat(tmp_path / "train_32x32.mat", {"X": images.transpose(2, 3, 1, 0), "y": labels[:, None]})
    data = load_data(tmp_path / "train_32x32.mat")
    np.testing.assert_array_equal(data.images, images)
    np.testing.assert_array_equal(data.labels, labels % 10)
    assert "Labels of shape [40, 1] are taken as [40]" in capsys.readouterr().err
    savemat(tmp_path / "other.mat", {"Z": images})
    with pytest.raises(UserError, match="no arrays X and y in it"):
        load_data(tmp_path / "other.mat")
    (tmp_path / "x.md").write_text("")
    with pytest.raises(UserError, match=r"of no known format\..*a \.mat of SVHN"):
        load_data(tmp_path / "x.md")


def test_the_page_names_the_group_of_entry_points():
    assert f'[project.entry-points."{formats.group}"]' in PAGE
