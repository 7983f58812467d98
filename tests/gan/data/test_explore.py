import json
import re

import numpy as np
import pytest

from ca2_core.errors import UserError
from ca2_gan.data.attributes import cut
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


def test_what_is_known_of_each_image_is_shown(tmp_path, capsys):
    main(["--data", "glyphs", "--size", "260", "--tsne-images", "0", "-o", str(tmp_path / "out")])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"attribute-upper.png", "attribute-script.png", "attribute-numbers.png"} <= names
    printed = capsys.readouterr().out
    assert "attribute    upper: no " in printed
    assert "attribute    slant: -0." in printed


@pytest.mark.parametrize(
    ("values", "names", "text"),
    [
        (np.array([True, False, True]), ("no", "yes"), "no 1, yes 2"),
        (np.array(["b", "a", "b"]), ("a", "b"), "a 1, b 2"),
        (np.arange(20) // 2 * 7, tuple(str(7 * i) for i in range(10)), ", ".join(f"{7 * i} 2" for i in range(10))),
        (np.arange(60) // 3, tuple(map(str, range(20))), "20 values, of 3 to 3 images each"),
        (np.linspace(0, 1, 50), ("0 to 0.2", "0.2 to 0.4", "0.4 to 0.6", "0.6 to 0.8", "0.8 to 1"), "0 to 1, mean 0.5"),
        (np.full(5, 0.5), ("0.5 to 0.5",), "0.5 to 0.5, mean 0.5"),
    ],
)
def test_an_attribute_is_cut_into_groups(values, names, text):
    attribute = cut("it", values)
    assert attribute.names == names
    assert attribute.text == text
    counts = np.bincount(attribute.groups, minlength=len(names))
    assert counts.sum() == len(values)
    assert counts.min() > 0
    if attribute.is_number:
        assert np.ptp(counts) <= 1
