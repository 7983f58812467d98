"""Data as people have them: pixels of a scale of their own, labels that tables hold as other types, folders in folders."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from ca2_core.errors import UserError
from ca2_gan import Trainer, load_data


def write(source, images, labels, folder):
    """What ``load_data`` takes: the arrays themselves, or a file of them."""
    path = folder / f"x.{source}"
    table = pd.DataFrame(images.reshape(len(images), -1)).assign(label=labels)
    table.columns = table.columns.astype(str)
    match source:
        case "npz":
            np.savez(path, x=images, y=labels)
        case "csv":
            table.to_csv(path, index=False)
        case "parquet":
            table.to_parquet(path, index=False)
        case _:
            return images, labels
    return path


@pytest.mark.parametrize("source", ["arrays", "npz", "csv", "parquet"])
@pytest.mark.parametrize(("most", "dtype"), [(15, np.uint8), (16, np.uint8), (16, np.float64), (63, np.int64), (100, np.float32)])
def test_small_scales_become_bytes_and_a_line_says_so(source, most, dtype, images, labels, tmp_path, capsys):
    scaled = images / 255.0 * most
    if most != 100:
        scaled = np.rint(scaled)
    scaled.flat[0] = most
    data = load_data(write(source, scaled.astype(dtype), labels, tmp_path))
    np.testing.assert_allclose(data.images[:, 0], scaled * 255 / most, atol=0.51)
    assert f"Pixels go up to {most}: taken as 0 to {most} and scaled to 0 to 255." in capsys.readouterr().err


def test_dark_images_of_bytes_stay(images, labels, capsys):
    np.testing.assert_array_equal(load_data((images // 3, labels)).images[:, 0], images // 3)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("convert", [float, bool, str, lambda label: f"{label}".encode()])
@pytest.mark.parametrize("name", ["label", "digit"])
def test_pictures_in_a_parquet_keep_labels_of_any_type(convert, name, images, labels, tmp_path, capsys):
    pictures = []
    for image in images:
        Image.fromarray(image).save(buffer := io.BytesIO(), "PNG")
        pictures.append({"bytes": buffer.getvalue(), "path": None})
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pa.table({"image": pictures, name: [convert(label) for label in labels.tolist()]}), path)
    data = load_data(path)
    np.testing.assert_array_equal(data.labels, labels > 0 if convert is bool else labels)
    assert "Left out" not in capsys.readouterr().err
    pyarrow.parquet.write_table(pa.table({"image": pictures, name: [[1.0, 0.0]] * len(labels)}), path)
    with pytest.raises(UserError, match=rf"column '{name}': labels are list<.*Make them whole numbers or text"):
        load_data(path)


@pytest.mark.parametrize("where", [0, 64])
def test_minus_one_tells_the_column_of_the_labels(where, images, tmp_path, capsys):
    images[:, [0, -1], [0, -1]] = np.random.default_rng(0).integers(20, 26, (40, 2))  # corners that look like labels
    labels = np.arange(40) % 4 - 1
    np.savetxt(tmp_path / "x.csv", np.insert(images.reshape(40, -1).astype(int), where, labels, axis=1), "%d", ",")
    data = load_data(tmp_path / "x.csv")
    assert (data.class_names, len(data)) == (("0", "1", "2"), 30)
    np.testing.assert_array_equal(data.images[:, 0], images[labels >= 0])
    assert "unclear" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("0;5", r"row 7: 65 pixels"),
        ("", r"'' is not a pixel, 0 to 255\. Fill in"),
        ("w0", r"'w0' is not a pixel.*'label' in a header"),
        ("-1", r"pixel -1 is not in 0 to 255\. Scale the pixels\. .*'label' in a header"),
        ('"0,5"', r"'0,5' is not a pixel.*Write 0\.5, not 0,5"),
    ],
)
def test_what_is_no_pixel_gets_a_remedy(cell, message, images, labels, tmp_path):
    rows = [";".join(map(str, [label, *image.ravel()])) for label, image in zip(labels, images, strict=True)]
    cells = rows[6].split(";")
    rows[6] = ";".join([*cells[:30], cell, *cells[31:]])
    (tmp_path / "x.csv").write_text("\n".join(rows))
    with pytest.raises(UserError, match=message):
        load_data(tmp_path / "x.csv")


def test_pixels_in_hexadecimal_are_named(images, labels, tmp_path):
    rows = [",".join([str(label), *map(hex, image.ravel())]) for label, image in zip(labels, images, strict=True)]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    with pytest.raises(UserError, match=r"row 2: most cells are no numbers, such as '0x\w+'\. Pixels are decimal"):
        load_data(tmp_path / "x.csv")


def test_text_in_other_codes_is_named(images, labels, tmp_path):
    path = tmp_path / "x.csv"
    np.savetxt(path, np.insert(images.reshape(40, -1), 0, labels, axis=1), "%d", ",", encoding="utf-16")
    with pytest.raises(UserError, match=r"UTF-16 or no text\. Save it as UTF-8"):
        load_data(path)
    np.savez(tmp_path / "x.npz", x=images, y=labels.astype(str).astype(object))
    with pytest.raises(UserError, match=r"\.astype\(str\)"):
        load_data(tmp_path / "x.npz")
    with pytest.raises(UserError, match=r"image 1: label 1e\+20 is too large"):
        load_data((images, ["1e20", *labels[1:].astype(str)]))


def test_npz_of_medmnist(images, labels, tmp_path):
    parts = dict(zip(("train", "val", "test"), (slice(0, 24), slice(24, 32), slice(32, 40)), strict=True))
    arrays = {f"{part}_images": images[chosen] for part, chosen in parts.items()}
    np.savez(tmp_path / "x.npz", **arrays, **{f"{part}_labels": labels[chosen, None] for part, chosen in parts.items()})
    data = load_data(tmp_path / "x.npz")
    np.testing.assert_array_equal(data.images[:, 0], images)
    np.testing.assert_array_equal(data.labels, labels)
    np.testing.assert_array_equal(data.test.images[:, 0], images[32:])


@pytest.mark.parametrize(("inner", "file"), [("a/b", "train/A/0.png"), ("a", "train/A/0.png"), ("data", "train-0.parquet")])
def test_a_folder_around_the_data_names_the_one_inside(inner, file, images, tmp_path):
    path = tmp_path / "outer" / "around" / inner / file
    path.parent.mkdir(parents=True)
    if path.suffix == ".png":
        Image.fromarray(images[0]).save(path)
    else:
        pd.DataFrame({"x": [1]}).to_parquet(path)
    with pytest.raises(UserError, match=r"outer: nothing to read directly in it\. Give .*outer/around") as error:
        load_data(tmp_path / "outer")
    inside = str(error.value).rpartition("Give ")[2].rstrip(".")
    with pytest.raises(UserError) as error:  # which is of the format at least
        load_data(inside)
    assert "nothing to read" not in str(error.value)


@pytest.mark.parametrize("source", [None, 3, np.zeros((3, 8, 8)), pd.DataFrame(), object()])
def test_what_is_no_source_is_named(source):
    with pytest.raises(UserError, match=rf"{type(source).__name__}: a name, a path, or a pair \(images, labels\)"):
        load_data(source)
    with pytest.raises(UserError, match=rf"{type(source).__name__}: a name, a path, or a pair \(images, labels\)"):
        Trainer("cgan", source)


def test_python_converts_options_as_the_command_does(images, labels):
    for classes in ("1, 3", [1, 3], ("1", "3"), np.array([3, 1])):
        data = load_data((images, labels), classes=classes, resize="16x20")
        assert (data.class_names, data.image_shape) == (("1", "3"), (1, 16, 20))
    with pytest.raises(UserError, match="Dataset: is a Dataset already"):
        load_data(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resize": "x"}, "resize: 'x' is not like 28 or 28x32"),
        ({"resize": 2.5}, r"resize: 2\.5 is not like"),
        ({"resize": (1, 2, 3)}, r"resize: \(1, 2, 3\) is not like"),
        ({"resize": 0}, "resize 0x0: sides from 1"),
        ({"transpose": "no"}, "load_data: transpose: 'no' can't be .*true, false or None"),
        ({"invert": 1}, "load_data: invert: 1 can't be"),
        ({"classes": ","}, "classes: no name in it"),
        ({"classes": []}, "classes: no name in it"),
        ({"classes": 2.5}, r"classes: 2\.5: names are needed"),
    ],
)
def test_options_that_are_none_are_named(options, message, images, labels):
    with pytest.raises(UserError, match=message):
        load_data((images, labels), **options)


def test_a_class_of_the_test_part_alone_is_named(images, labels, tmp_path):
    np.savez(tmp_path / "x.npz", x=images, y=labels, test=labels == 3)
    with pytest.raises(UserError, match=r"x\.npz: class '3' is only in the test part\. Give images of it to train on"):
        _ = load_data(tmp_path / "x.npz").train


def test_a_dataset_says_what_it_holds(images, labels):
    assert repr(load_data((images, labels))) == "Dataset(arrays: 40 images [1, 8, 8], classes 0 1 2 3)"
