import json
import re

import numpy as np
import pytest

from ca2_core.errors import UserError
from ca2_gan.data.explore import main


@pytest.fixture
def source(tmp_path):
    """60 images of two classes, of them 5 blank and 1 twice, in a file that EMNIST's name is in."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 100, (60, 12, 12))
    images[:30, :, :6] += 100
    images[:5], images[7] = 0, images[6]
    labels = np.where(np.arange(60) < 30, 1, 2)
    labels[:5] = -1
    path = tmp_path / "emnist.csv"
    path.write_text("\n".join(",".join(map(str, [label, *image.reshape(-1)])) for image, label in zip(images, labels, strict=True)))
    return path


def test_the_page_has_everything_inside(source, tmp_path, capsys):
    main(["--data", str(source), "--out", str(tmp_path / "out"), "--tsne-images", "50"])
    printed = capsys.readouterr().out
    assert "60 rows" in printed
    assert "5 blanks" in printed
    assert "2 classes" in printed
    names = {path.name for path in (tmp_path / "out").iterdir()}
    pictures = {f"{name}.png" for name in ("samples", "orientation", "counts", "averages", "pixels", "tsne", "duplicates", "augmentations")}
    assert names == pictures | {"index.html", "explore.json"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("data:image/png;base64,") == len(pictures)
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    content = json.loads((tmp_path / "out" / "explore.json").read_text())
    assert (content["rows"], content["blanks"], content["duplicates"], content["images"]) == (60, 5, 1, 55)
    assert content["tsne"]["same_class_neighbours"] > 0.9  # the two kinds are far apart


def test_tsne_can_be_left_out(source, tmp_path):
    main(["--data", str(source), "--out", str(tmp_path / "out"), "--tsne-images", "0"])
    assert not (tmp_path / "out" / "tsne.png").exists()


def test_bad_options(source):
    with pytest.raises(UserError, match="at least 50"):
        main(["--data", str(source), "--tsne-images", "7"])
    with pytest.raises(UserError, match="no class 'Z' in it"):
        main(["--data", str(source), "--classes", "Z"])
