"""Files as they come: each is recognised, and a line says so, or refused with the remedy."""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from ca2_core.errors import UserError
from ca2_gan import create_model, load_data

SIDE = 8


@pytest.fixture
def letters():
    """200 images of a light block on black, [200, 8, 8] uint8, and labels 0 to 4 in no order; the corners are mostly black."""
    rng = np.random.default_rng(0)
    images = np.zeros((200, SIDE, SIDE), dtype=np.uint8)
    images[:, 2:6, 2:6] = rng.integers(40, 256, (200, 4, 4))
    images[::20, -1, -1] = 9
    return images, rng.integers(0, 5, 200)


@pytest.fixture
def check(letters, capsys):
    """That data are the letters, within a rounding, and that one line says what was recognised."""

    def same(source, said, *, labels=True, within=0, **options):
        data = load_data(source, **options)
        difference = data.images[:, 0].astype(int) - letters[0]
        assert np.abs(difference).max() <= within
        np.testing.assert_array_equal(data.labels, letters[1] if labels else np.zeros(len(data)))
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1, lines
        assert said in lines[0]
        assert said in " ".join(data.report.findings())
        return data

    return same


def flat(images):
    return images.reshape(len(images), -1)


def frame(letters, names=None):
    """Labels, then pixels."""
    images, labels = letters
    table = pd.DataFrame(flat(images), columns=names or [f"pixel{i}" for i in range(SIDE * SIDE)])
    table.insert(0, "label", labels)
    return table


# --- CSV ---


def label_last(table):
    return table[[*table.columns[1:], "label"]]


def test_an_ordinary_csv_needs_no_line(letters, tmp_path, capsys):
    for header in (True, False):
        frame(letters).to_csv(tmp_path / "x.csv", index=False, header=header)
        np.testing.assert_array_equal(load_data(tmp_path / "x.csv").labels, letters[1])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("header", [True, False])
def test_csv_with_the_label_last(header, letters, tmp_path, check):
    label_last(frame(letters)).to_csv(tmp_path / "x.csv", index=False, header=header)
    check(tmp_path / "x.csv", "Labels are in the last column")


@pytest.mark.parametrize("table", [frame, lambda letters: label_last(frame(letters))])
@pytest.mark.parametrize("header", [True, False])
def test_csv_with_an_index(table, header, letters, tmp_path, check):
    table(letters).to_csv(tmp_path / "x.csv", header=header)
    check(tmp_path / "x.csv", "Column 1 numbers the rows: left out.")


def test_csv_with_an_index_and_no_label(letters, tmp_path, check):
    frame(letters).drop(columns="label").to_csv(tmp_path / "x.csv", header=False)
    check(tmp_path / "x.csv", "Column 1 numbers the rows: left out. No labels", labels=False)


def test_csv_without_labels(letters, tmp_path, check):
    frame(letters).drop(columns="label").to_csv(tmp_path / "x.csv", index=False)
    check(tmp_path / "x.csv", "No labels: all images are of one class.", labels=False)


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_csv_with_another_delimiter(delimiter, name, letters, tmp_path, check):
    frame(letters).to_csv(tmp_path / "x.csv", index=False, sep=delimiter)
    check(tmp_path / "x.csv", f"Cells are separated by {name}.")


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_image_that_pandas_took_for_a_header(index, dtype, letters, tmp_path, check):
    frame(letters).astype(dtype).to_csv(tmp_path / "plain.csv", index=False, header=False)
    pd.read_csv(tmp_path / "plain.csv").to_csv(tmp_path / "x.csv", index=index)
    assert (tmp_path / "x.csv").read_text().count("\n") == 200
    check(tmp_path / "x.csv", "The first row is an image that pandas turned into a header")


def test_image_with_a_label_of_text_that_pandas_took_for_a_header(letters, tmp_path, check):
    table = frame(letters)
    table["label"] = table["label"].map(dict(enumerate("vwxyz")))
    table.to_csv(tmp_path / "plain.csv", index=False, header=False)
    pd.read_csv(tmp_path / "plain.csv").to_csv(tmp_path / "x.csv")
    check(tmp_path / "x.csv", "The first row is an image that pandas turned into a header")


def test_csv_whose_header_is_numbers(letters, tmp_path, check):
    frame(letters).to_csv(tmp_path / "plain.csv", index=False, header=False)
    pd.read_csv(tmp_path / "plain.csv", header=None).to_csv(tmp_path / "x.csv")
    check(tmp_path / "x.csv", "Column 1 numbers the rows")


def test_csv_with_columns_in_text_order(letters, tmp_path, check):
    table = frame(letters)
    table[sorted(table.columns)].to_csv(tmp_path / "x.csv", index=False)
    check(tmp_path / "x.csv", "Columns are sorted by the numbers in their names")


@pytest.mark.parametrize(("scale", "said"), [(255, "fractions from 0 to 1"), (1, "")])
def test_csv_of_fractions(scale, said, letters, tmp_path, check, capsys):
    images, labels = letters
    table = frame((images / scale, labels))
    table.to_csv(tmp_path / "x.csv", index=False, header=False)
    if said:
        check(tmp_path / "x.csv", said, within=0)
    else:
        np.testing.assert_array_equal(load_data(tmp_path / "x.csv").images[:, 0], images)


def test_csv_of_zeros_and_ones(letters, tmp_path, check):
    images, labels = letters
    images[:] = np.where(images > 100, 255, 0)
    images[:, 2, 2] = 255
    frame((images // 255, labels)).to_csv(tmp_path / "x.csv", index=False)
    check(tmp_path / "x.csv", "Pixels are 0 and 1: multiplied by 255.")


def test_csv_with_grey_rows_labelled_minus_one(letters, tmp_path, check):
    images, labels = letters
    grey = np.repeat(np.arange(256, dtype=np.uint8), SIDE * SIDE).reshape(-1, SIDE, SIDE)
    order = np.random.default_rng(1).permutation(len(images) + 256)
    mixed = np.concatenate([images, grey])[order], np.concatenate([labels, np.full(256, -1)])[order]
    frame(mixed).to_csv(tmp_path / "x.csv", index=False, header=False)
    images[:], labels[:] = images[order[order < 200]], labels[order[order < 200]]
    data = check(tmp_path / "x.csv", "Dropped as blank: 256, of them 256 labelled -1.")
    assert data.report.rows == 456


def test_csv_with_a_label_of_minus_two(letters, tmp_path):
    letters[1][6] = -2
    frame(letters).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(UserError, match=r"image 7 is labelled -2. Labels are 0 and up; -1 leaves an image out"):
        load_data(tmp_path / "x.csv")


def test_csv_with_a_junk_first_cell(letters, tmp_path):
    frame(letters).to_csv(tmp_path / "x.csv", index=False, header=False)
    text = (tmp_path / "x.csv").read_text()
    (tmp_path / "x.csv").write_text("junk" + text[1:])
    with pytest.raises(
        UserError, match=r"row 1, column 1: 'junk' among numbers: neither a header nor an image. Correct the cell or remove"
    ):
        load_data(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())  # a byte order mark, as Excel writes it
    np.testing.assert_array_equal(load_data(tmp_path / "x.csv").labels, letters[1])


def test_csv_with_a_constant_label(letters, tmp_path, capsys):
    letters[1][:] = 3
    frame(letters).to_csv(tmp_path / "x.csv", index=False)
    assert load_data(tmp_path / "x.csv").class_names == ("3",)
    assert "All images have the label 3: one class." in capsys.readouterr().err
    frame(letters).to_csv(tmp_path / "x.csv", index=False, header=False)
    load_data(tmp_path / "x.csv")
    assert "It is unclear which column has the labels: column 1 is taken." in capsys.readouterr().err


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("order", [list, lambda columns: [*columns[1:], columns[0]]])
def test_csv_with_labels_of_text(header, order, letters, tmp_path, check):
    table = frame(letters)
    table["label"] = table["label"].map(dict(enumerate("vwxyz")))
    table[order(list(table.columns))].to_csv(tmp_path / "x.csv", index=False, header=header)
    assert check(tmp_path / "x.csv", "Labels are text (v, w, x, ...)").class_names == tuple("vwxyz")


def test_csv_with_labels_of_another_name(letters, tmp_path, check):
    frame(letters).rename(columns={"label": "glyph"}).to_csv(tmp_path / "x.csv", index=False)
    check(tmp_path / "x.csv", "Labels are in the column 'glyph'.")


def test_csv_with_labels_that_are_floats(letters, tmp_path):
    table = frame(letters)
    table["label"] = table["label"].astype(float)
    table.to_csv(tmp_path / "x.csv", index=False)
    np.testing.assert_array_equal(load_data(tmp_path / "x.csv").labels, letters[1])


@pytest.mark.parametrize("cell", ["nan", "", "1e999"])
def test_csv_of_fractions_with_a_gap_names_the_row(cell, letters, tmp_path):
    frame((letters[0] / 255, letters[1])).to_csv(tmp_path / "x.csv", index=False, header=False)
    rows = (tmp_path / "x.csv").read_text().splitlines()
    rows[100] = rows[100].rsplit(",", 20)[0] + f",{cell}" + 19 * ",0.5"
    (tmp_path / "x.csv").write_text("\n".join(rows))
    with pytest.raises(UserError, match=rf"row 101, column 46: '{cell}' is not a pixel|NaN or infinite"):
        load_data(tmp_path / "x.csv")


def test_zip_of_a_csv(letters, tmp_path, capsys):
    frame(letters).to_csv(tmp_path / "emnist-letters.csv", index=False)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.write(tmp_path / "emnist-letters.csv", "data/emnist-letters.csv")
    data = load_data(tmp_path / "archive.zip")
    np.testing.assert_array_equal(data.images[:, 0], letters[0].swapaxes(1, 2))
    assert "Rows and columns are swapped: EMNIST's files" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "archive.zip", "a") as archive:
        archive.writestr("more.csv", "1")
    with pytest.raises(UserError, match=r"2 files such as data/emnist-letters.csv in it; a zip has to contain a single CSV. Unpack it"):
        load_data(tmp_path / "archive.zip")
    (tmp_path / "archive.zip").write_bytes((tmp_path / "archive.zip").read_bytes()[:-30])
    with pytest.raises(UserError, match="damaged or cut off"):
        load_data(tmp_path / "archive.zip")


# --- pixels of any kind, the same for all formats ---


@pytest.mark.parametrize(
    ("convert", "within", "said"),
    [
        (lambda images: images / 255, 0, "fractions from 0 to 1"),
        (lambda images: (images / 127.5 - 1).astype(np.float32), 0, "fractions from -1 to 1"),
        (lambda images: images.astype(np.uint16) * 257, 0, "16 bits"),
        (lambda images: images.astype(np.int64) * 16, 1, "12 bits"),
        (lambda images: images + 0.25, 0, "fractions from 0 to 255: rounded"),
    ],
)
@pytest.mark.parametrize("source", ["npz", "arrays", "parquet"])
def test_numbers_of_any_scale(convert, within, said, source, letters, tmp_path, check):
    images = letters[0].clip(1, 254) if within == 0 and "rounded" in said else letters[0]
    letters[0][:] = images
    images = convert(images)
    if source == "npz":
        np.savez(tmp_path / "x.npz", x=images, y=letters[1])
    elif source == "parquet":
        frame((images, letters[1])).to_parquet(tmp_path / "x.parquet", index=False)
    check((images, letters[1]) if source == "arrays" else tmp_path / f"x.{source}", said, within=within)


@pytest.mark.parametrize("value", [np.nan, np.inf, -3.0, 1e6])
def test_numbers_without_a_scale_are_refused(value, letters):
    images = letters[0] / 255
    images[3, 2, 2] = value
    with pytest.raises(UserError, match=r"NaN or infinite. Replace|pixels from .*; 0 to 255, 0 to 1"):
        load_data((images, letters[1]))


def test_dark_ink_on_white_is_inverted(letters, tmp_path, check):
    images, labels = letters
    np.savez(tmp_path / "x.npz", x=255 - images, y=labels)
    check(tmp_path / "x.npz", "Ink is dark on white: inverted")
    images[:] = 255 - images
    np.testing.assert_array_equal(load_data(tmp_path / "x.npz", invert=False).images[:, 0], images)


def test_pictures_in_colour_on_white_stay(letters, capsys):
    images = np.stack([255 - letters[0], 255 - letters[0] // 2, 255 - letters[0]], axis=1)
    np.testing.assert_array_equal(load_data((images, letters[1])).images, images)
    assert "--invert inverts them" in capsys.readouterr().err


def test_resizing_keeps_proportions(letters, check, capsys):
    images, labels = letters
    wide = np.kron(np.pad(images, ((0, 0), (4, 4), (0, 0))), np.ones((1, 5, 10), dtype=np.uint8))  # [200, 80, 80]
    shape = load_data((wide, labels)).image_shape
    with pytest.raises(UserError, match=r"its sides have to be multiples of 4 from 16 to 64. --resize 28"):
        create_model("cgan", num_classes=5, image_shape=shape)
    small = load_data((wide, labels), resize=16)
    assert small.image_shape == (1, 16, 16)
    assert "Resized to 16x16 from 80x80 (200)." in capsys.readouterr().err
    assert abs(float(small.images.mean()) - float(wide.mean())) < 1
    tall = load_data((wide[:, :, ::2], labels), resize=(16, 16))
    assert not tall.images[:, 0, :, :4].any()  # the sides are padded with the border's black
    assert tall.images[:, 0, :, 4:12].any()


@pytest.mark.parametrize("resize", [0, (28, 5000)])
def test_sizes_out_of_range(resize, letters):
    with pytest.raises(UserError, match="sides from 1 to 1,024"):
        load_data(letters, resize=resize)


# --- pictures ---


def write(folder, pictures, labels):
    """A subfolder per class, a PNG or TIFF per picture; names sort as the pictures do."""
    for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        path = folder / str(label) / f"{i:03d}{'.tif' if picture.mode[0] in 'IF' else '.png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)


@pytest.fixture
def check_folder(letters, check, tmp_path):
    """The same for a folder of pictures, which are sorted by class."""

    def same(pictures, said, within=0):
        images, labels = letters
        write(tmp_path / "letters", pictures, labels)
        order = np.argsort(labels, kind="stable")
        images[:], labels[:] = images[order], labels[order]
        return check(tmp_path / "letters", said, within=within)

    return same


def big_endian(image):
    picture = Image.fromarray(image.astype(np.uint16) * 257)
    return Image.frombytes("I;16B", picture.size, (image.astype(">u2") * 257).astype(">u2").tobytes())


@pytest.mark.parametrize(
    ("convert", "said"),
    [
        (lambda image: Image.fromarray((image / 255).astype(np.float32)), "fractions from 0 to 1"),
        (lambda image: Image.fromarray(image.astype(np.uint16) * 257), "16 bits"),
        (big_endian, "16 bits"),
    ],
)
def test_tiff_of_more_than_8_bits(convert, said, letters, check_folder):
    check_folder([convert(image) for image in letters[0]], said)


@pytest.mark.parametrize(
    ("ink", "said"), [(0, "put on white, as their ink is dark. Ink is dark on white: inverted"), (255, "put on black")]
)
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_ink_that_is_only_in_the_opacity(ink, said, mode, letters, check_folder):
    colour = [Image.new("L", (SIDE, SIDE), ink)] * (len(mode) - 1)
    check_folder([Image.merge(mode, [*colour, Image.fromarray(image)]) for image in letters[0]], said)


def test_pictures_with_a_palette_and_transparency(letters, check_folder):
    def palette(image):
        picture = Image.fromarray(np.where(image, 255, 0).astype(np.uint8)).convert("P")
        picture.info["transparency"] = 0
        return picture

    pictures = [palette(image) for image in letters[0]]
    letters[0][:] = np.where(letters[0], 255, 0)
    check_folder(pictures, "put on black")


def test_pictures_of_different_sizes(letters, tmp_path, capsys):
    images, labels = letters
    pictures = [Image.fromarray(image[: 8 - i % 2]) for i, image in enumerate(images)]
    write(tmp_path / "x", pictures, labels)
    with pytest.raises(UserError, match=r"images of different sizes, 8x8 \(100\), 7x8 \(100\). --resize 28 makes all of them 28x28"):
        load_data(tmp_path / "x")
    assert load_data(tmp_path / "x", resize=16).image_shape == (1, 16, 16)
    assert "Resized to 16x16 from 8x8 (100), 7x8 (100)." in capsys.readouterr().err


def nested(folder, letters, held_out="test"):
    images, labels = letters
    pictures = [Image.fromarray(image) for image in images]
    write(folder / "train", pictures[:150], labels[:150])
    write(folder / held_out, pictures[150:], labels[150:])


@pytest.mark.parametrize("held_out", ["test", "Validation"])
def test_folders_train_and_test_are_the_split(held_out, letters, tmp_path, capsys):
    nested(tmp_path / "x", letters, held_out)
    data = load_data(tmp_path / "x")
    assert data.class_names == tuple("01234")
    assert {(i.tobytes(), label) for i, label in zip(data.test.images, data.test.labels, strict=True)} == {
        (i.tobytes(), label) for i, label in zip(letters[0][150:], letters[1][150:], strict=True)
    }
    assert len(data.train) == 150
    said = capsys.readouterr().err
    assert "The pictures in train/ are to train on" in said
    assert "Its own test part is held out, 50 images." in said


def test_folders_one_level_too_deep(letters, tmp_path):
    write(tmp_path / "x" / "letters", [Image.fromarray(image) for image in letters[0]], letters[1])
    with pytest.raises(UserError, match=r"x/letters: class without a picture. Its subfolders have some: give .*x/letters"):
        load_data(tmp_path / "x")


def test_empty_class_folder(letters, tmp_path):
    nested(tmp_path / "x", letters)
    (tmp_path / "x" / "test" / "7").mkdir()
    with pytest.raises(UserError, match=r"x/test/7: class without a picture. Add some \(.png, .jpg\) or remove it"):
        load_data(tmp_path / "x")


def test_other_files_beside_pictures(letters, check_folder, tmp_path):
    (tmp_path / "letters" / "0").mkdir(parents=True)
    (tmp_path / "letters" / "0" / "notes.txt").write_text("")
    check_folder([Image.fromarray(image) for image in letters[0]], "1 file that is no picture is left out.")


def test_header_of_a_png_that_promises_60000_x_60000(letters, tmp_path):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b""))
    with pytest.raises(UserError, match=r"0\.png: its header says more than 89,478,485 pixels. It is damaged, or too large"):
        load_data(tmp_path / "x")


# --- npz ---


def test_npz_with_extra_arrays(letters, tmp_path, capsys):
    images, labels = letters
    rng = np.random.default_rng(2)
    upper, writer, test = rng.random(200) < 0.5, np.arange(200, dtype=np.int16) // 10, np.arange(200) >= 160
    np.savez(
        tmp_path / "x.npz",
        x=images,
        y=labels,
        upper=upper,
        writer=writer,
        test=test,
        source=np.array(["a"] * 20),
        label_names=list("VWXYZ"),
    )
    data = load_data(tmp_path / "x.npz")
    assert data.class_names == tuple("VWXYZ")
    np.testing.assert_array_equal(data.attributes["upper"], upper)
    np.testing.assert_array_equal(data.test.attributes["writer"], writer[160:])
    np.testing.assert_array_equal(data.test.images[:, 0], images[160:])
    np.testing.assert_array_equal(data.train.images[:, 0], images[:160])
    (said,) = capsys.readouterr().err.splitlines()
    assert "Attributes of each image: upper, writer; left out, without one entry for each image: source." in said
    assert "Its own test part is held out, 40 images." in said


def test_copies_of_test_images_are_not_trained_on(letters, tmp_path, capsys):
    images, labels = letters
    images[3], images[5] = images[190], images[191]
    np.savez(tmp_path / "x.npz", x_train=images[:160], y_train=labels[:160], x_test=images[160:], y_test=labels[160:])
    data = load_data(tmp_path / "x.npz")
    assert (len(data.train), len(data.test)) == (158, 40)
    assert "2 exact copies of them are left out of the training part" in capsys.readouterr().err


@pytest.mark.parametrize("value", [False, True])
def test_npz_whose_test_says_nothing(value, letters, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", x=letters[0], y=letters[1], test=np.full(200, value))
    assert 0 < len(load_data(tmp_path / "x.npz").test) < 60
    assert "a seventh is held out by hash instead" in capsys.readouterr().err


def test_npz_whose_test_does_not_fit(letters, tmp_path):
    np.savez(tmp_path / "x.npz", x=letters[0], y=letters[1], test=np.arange(200))
    with pytest.raises(UserError, match=r"'test' is int64.*true or false for each of 200 images"):
        load_data(tmp_path / "x.npz")


def test_labels_of_shape_n_1(letters, tmp_path, check):
    np.savez(tmp_path / "x.npz", x=letters[0], y=letters[1][:, None])
    check(tmp_path / "x.npz", "Labels of shape [200, 1] are taken as [200]")
    with pytest.raises(UserError, match=r"labels of shape \[200, 5\].*One-hot labels become numbers by argmax"):
        load_data((letters[0], np.eye(5)[letters[1]]))


@pytest.mark.parametrize("dtype", ["U", "S", object])
def test_labels_of_text(dtype, letters, check):
    texts = np.array(list("vwxyz"))[letters[1]].astype(dtype)
    assert check((letters[0], texts), "Labels are text (v, w, x, ...), numbered in alphabetical order.").class_names == tuple("vwxyz")


def test_names_as_bytes(letters, tmp_path):
    np.savez(tmp_path / "x.npz", x=letters[0], y=letters[1], class_names=np.array([b"v", b"w", b"x", b"y", b"z"]))
    assert load_data(tmp_path / "x.npz").class_names == tuple("vwxyz")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (list("vwxvz"), "class name 'v' is that of labels 0 and 3. Each class needs a name of its own"),
        (["v", "w", "", "y", "z"], "label 2 has an empty name"),
        (list("vwx"), "label 3 has no name; there are 3 names, the last for 2"),
        ([], "label 0 has no name; there are no names"),
    ],
)
def test_names_that_name_no_class(names, message, letters, tmp_path):
    np.savez(tmp_path / "x.npz", x=letters[0], y=letters[1], class_names=names)
    with pytest.raises(UserError, match=message):
        load_data(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("labels", "shapes"), [({"y": np.array(3)}, r"\[\]"), ({"y": np.zeros(5, int), "y_test": np.zeros((5, 1), int)}, r"\[5\] and \[5, 1\]")]
)
def test_labels_of_a_shape_that_is_not_one_for_each_image(labels, shapes, letters, tmp_path):
    parts = {name.replace("y", "x"): letters[0][:5] for name in labels}
    np.savez(tmp_path / "x.npz", **parts, **labels)
    with pytest.raises(UserError, match=f"labels of shape {shapes}; one for each image is needed"):
        load_data(tmp_path / "x.npz")


# --- parquet ---


def test_parquet_with_labels_of_another_name(letters, tmp_path, check):
    frame(letters).rename(columns={"label": "glyph"}).to_parquet(tmp_path / "x.parquet", index=False)
    check(tmp_path / "x.parquet", "Labels are in the column 'glyph'.")


def test_parquet_with_columns_in_text_order(letters, tmp_path, check):
    table = frame(letters)
    table[sorted(table.columns)].to_parquet(tmp_path / "x.parquet", index=False)
    check(tmp_path / "x.parquet", "Columns are sorted by the numbers in their names")


def test_parquet_whose_columns_differ_in_type(letters, tmp_path, check):
    table = frame((letters[0] / 255, letters[1]))
    table["pixel0"] = table["pixel0"].astype(int)
    table.to_parquet(tmp_path / "x.parquet", index=False)
    check(tmp_path / "x.parquet", "fractions from 0 to 1")
    table = frame(letters).astype("Int64")
    table.loc[3, "pixel7"] = None
    table.to_parquet(tmp_path / "x.parquet", index=False)
    with pytest.raises(UserError, match="some pixels are NaN or infinite"):
        load_data(tmp_path / "x.parquet")


def encoded(letters):
    def png(image):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": None}

    return [png(image) for image in letters[0]]


def test_parquet_with_several_candidates_for_labels(letters, tmp_path, check):
    table = pa.table({"image": encoded(letters), "fine": letters[1], "coarse": letters[1] // 2})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(UserError, match="which column has the labels, fine, coarse\\? Rename it to 'label'"):
        load_data(tmp_path / "x.parquet")
    features = {"info": {"features": {"fine": {"names": list("vwxyz"), "_type": "ClassLabel"}}}}
    pyarrow.parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), tmp_path / "x.parquet")
    assert check(tmp_path / "x.parquet", "Labels are in the column 'fine'. Left out: the columns coarse.").class_names == tuple("vwxyz")


def test_parquet_files_train_and_test_are_the_split(letters, tmp_path):
    table = pa.table({"image": encoded(letters), "label": letters[1]})
    (tmp_path / "x").mkdir()
    pyarrow.parquet.write_table(table.slice(0, 150), tmp_path / "x" / "train-00000-of-00001.parquet")
    pyarrow.parquet.write_table(table.slice(150), tmp_path / "x" / "test-00000-of-00001.parquet")
    np.testing.assert_array_equal(load_data(tmp_path / "x").test.images[:, 0], letters[0][150:])


def test_parquet_with_gaps(letters, tmp_path):
    values = [*letters[1][:-1].tolist(), None]
    pyarrow.parquet.write_table(pa.table({"image": encoded(letters), "label": values}), tmp_path / "x.parquet")
    with pytest.raises(UserError, match="row 200: no label"):
        load_data(tmp_path / "x.parquet")


@pytest.mark.parametrize("seed", range(40))
def test_parquet_with_broken_metadata(seed, letters, tmp_path):
    pyarrow.parquet.write_table(pa.table({"image": encoded(letters)[:50], "label": letters[1][:50]}), tmp_path / "x.parquet")
    content = bytearray((tmp_path / "x.parquet").read_bytes())
    length = int.from_bytes(content[-8:-4], "little")
    rng = np.random.default_rng(seed)
    for position in len(content) - 8 - rng.integers(0, length + 1, 5):
        content[position] = rng.integers(256)
    (tmp_path / "x.parquet").write_bytes(content)
    try:
        load_data(tmp_path / "x.parquet")
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017


# --- options ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--classes", ""], "classes: no name in it"),
        (["--classes", ","], "classes: no name in it"),
        (["--resize", "28x"], "'28x' is not like 28 or 28x32"),
        (["--resize", "0"], "sides from 1 to"),
        (["--resize", "9999999999"], "sides from 1 to"),
        (["--size", "1000000000000"], "--size: at most"),
        (["--seed", str(2**70)], "--seed: at most"),
        (["--seed", "-1"], "--seed: at least 0"),
        (["--tsne-images", "-5"], "--tsne-images: at least 50"),
        (["--data", ""], "no data ''"),
    ],
)
def test_bad_options(options, message):
    from ca2_gan.data.explore import main

    with pytest.raises(UserError, match=message):
        main(["--data", "glyphs", *options])
