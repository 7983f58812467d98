import gzip
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from ca2_core.errors import UserError
from ca2_gan.data import load_data


def write_csv(path, images, labels, header=None):
    rows = [",".join(map(str, [label, *image.reshape(-1)])) for image, label in zip(images, labels, strict=True)]
    text = "\n".join(([header] if header else []) + rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_idx(folder, name, images, labels):
    (folder / f"{name}images-idx3-ubyte.gz").write_bytes(gzip.compress(struct.pack(">4I", 0x803, *images.shape) + images.tobytes()))
    (folder / f"{name}labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, len(labels)) + labels.astype(np.uint8).tobytes())


@pytest.fixture
def check(images, labels):
    def same(data, transposed=False):
        expected = images.swapaxes(1, 2) if transposed else images
        np.testing.assert_array_equal(data.images[:, 0], expected)
        np.testing.assert_array_equal(data.labels, labels)
        assert data.images.dtype == np.uint8
        assert data.images.shape == (40, 1, 8, 8)

    return same


@pytest.mark.parametrize("name", ["letters.csv", "letters.csv.gz"])
@pytest.mark.parametrize("header", [None, "label" + "".join(f",pixel{i}" for i in range(64)), ",".join(map(str, range(65)))])
def test_csv(name, header, images, labels, tmp_path, check):
    check(load_data(write_csv(tmp_path / name, images, labels, header)))


def test_csv_of_emnist_is_set_upright(images, labels, tmp_path, check):
    path = write_csv(tmp_path / "emnist-letters.csv", images, labels)
    check(load_data(path), transposed=True)
    check(load_data(path, transpose=False))


def test_csv_drops_blanks_labelled_minus_one(images, labels, tmp_path):
    blank = np.zeros((3, 8, 8), dtype=np.uint8)
    data = load_data(write_csv(tmp_path / "x.csv", np.concatenate([images, blank]), [*labels, -1, -1, -1]))
    assert (data.report.rows, data.report.blanks, len(data)) == (43, 3, 40)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows[6].rsplit(",", 1)[0], r"row 7: 63 pixels where the rows before have 64"),
        (lambda rows: rows[6] + ",1", r"row 7: 65 pixels where the rows before have 64"),
        (lambda rows: rows[6].rsplit(",", 1)[0] + ",a", r"row 7, column 65: 'a' is not a pixel"),
        (lambda rows: rows[6].rsplit(",", 1)[0] + ",256", r"row 7, column 65: pixel 256 is not in 0 to 255"),
        (lambda rows: rows[6].rsplit(",", 1)[0] + ",", r"row 7, column 65: '' is not a pixel"),
        (lambda rows: rows[6].rsplit(",", 1)[0] + ",1.5", r"row 7, column 65: '1.5' is not a pixel"),
        (lambda rows: "Q" + rows[6][1:], r"row 7, column 1: label 'Q' is not a whole number"),
    ],
)
def test_spoilt_csv_names_the_row(spoil, message, images, labels, tmp_path):
    path = write_csv(tmp_path / "x.csv", images, labels)
    rows = path.read_text().splitlines()
    rows[6] = spoil(rows)
    path.write_text("\n".join(rows))
    with pytest.raises(UserError, match=message):
        load_data(path)


def test_csv_with_sides_that_make_no_square(tmp_path):
    (tmp_path / "x.csv").write_text("7,2,3,4,5,6,7,8\n")
    with pytest.raises(UserError, match="row 1: 7 pixels make no square image"):
        load_data(tmp_path / "x.csv")


def test_truncated_gzip(images, labels, tmp_path):
    path = write_csv(tmp_path / "x.csv.gz", images, labels)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged or cut off"):
        load_data(path)


def test_idx_pair_and_folder(images, labels, tmp_path, check):
    write_idx(tmp_path, "train-", images[:30], labels[:30])
    write_idx(tmp_path, "t10k-", images[30:], labels[30:])
    data = load_data(tmp_path / "train-images-idx3-ubyte.gz")
    np.testing.assert_array_equal(data.images[:, 0], images[:30])
    check(load_data(tmp_path))
    check(load_data("mnist", root=tmp_path))
    assert load_data("fashion-mnist", root=tmp_path).class_names == ("T-shirt", "Trouser", "Pullover", "Dress")


def test_train_comes_before_test(images, labels, tmp_path):
    for name, part in (("test-", slice(30, 40)), ("train-", slice(0, 30))):
        write_idx(tmp_path, f"emnist-letters-{name}", images[part], labels[part])
    np.testing.assert_array_equal(load_data(tmp_path).labels, labels)


def test_emnist_by_name_reads_only_the_letters(images, labels, tmp_path):
    folder = tmp_path / "EMNIST" / "raw"
    folder.mkdir(parents=True)
    write_idx(folder, "emnist-letters-train-", images, labels + 1)
    write_idx(folder, "emnist-digits-train-", images[:5], labels[:5])
    data = load_data("emnist-letters", root=tmp_path)
    np.testing.assert_array_equal(data.images[:, 0], images.swapaxes(1, 2))
    assert data.class_names == tuple("ABCD")
    with pytest.raises(UserError, match="emnist-digits, emnist-letters"):
        load_data(folder)


def test_idx_cut_off(images, labels, tmp_path):
    write_idx(tmp_path, "", images, labels)
    path = tmp_path / "labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(UserError, match="cut off: 37 bytes where its header promises 40"):
        load_data(tmp_path)


def test_idx_without_labels(images, labels, tmp_path):
    write_idx(tmp_path, "train-", images, labels)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(UserError, match="no train-labels-idx1-ubyte"):
        load_data(tmp_path)


@pytest.mark.parametrize("shape", [(40, 8, 8), (40, 1, 8, 8), (40, 8, 8, 1)])
def test_npz(shape, images, labels, tmp_path, check):
    np.savez(tmp_path / "x.npz", x=images.reshape(shape), y=labels)
    check(load_data(tmp_path / "x.npz"))


def test_npz_in_parts_in_colour_and_without_labels(images, labels, tmp_path, check):
    np.savez(tmp_path / "keras.npz", x_train=images[:30], y_train=labels[:30], x_test=images[30:], y_test=labels[30:])
    check(load_data(tmp_path / "keras.npz"))
    np.savez(tmp_path / "colour.npz", x=np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8))
    data = load_data(tmp_path / "colour.npz")
    assert data.image_shape == (3, 8, 8)
    assert data.class_names == ("all",)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": np.zeros(3)}, "no array 'x' in it, only z"),
        ({"x": np.full((3, 8, 8), 300.5)}, "pixels from 300.5 to 300.5; 0 to 255, 0 to 1"),
        ({"x": np.zeros((3, 63), dtype=np.uint8)}, r"an array \[3, 63\]; images are"),
        ({"x": np.ones((3, 8, 8), dtype=np.uint8), "y": np.zeros(2, dtype=int)}, "3 images but 2 labels"),
        ({"x": np.ones((3, 8, 8), dtype=np.uint8), "y": np.array([0, 1, 0.5])}, r"image 3: label 0\.5 is not a whole number"),
        ({"x": np.ones((3, 8, 8), dtype=np.uint8), "y": np.array([0, 1, {}])}, "can't be read as npz: Object arrays cannot be loaded"),
        ({"x": np.ones((3, 8, 8), dtype=np.uint8), "y": np.arange(3), "class_names": np.array("A")}, r"the class names are \[\]"),
    ],
)
def test_bad_npz(arrays, message, tmp_path):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match=message):
        load_data(tmp_path / "x.npz")


def test_damaged_npz(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.ones((300, 8, 8), dtype=np.uint8))
    content = (tmp_path / "x.npz").read_bytes()
    for damaged in (content[:-500], b"", b"no zip"):
        (tmp_path / "x.npz").write_bytes(damaged)
        with pytest.raises(UserError, match="damaged, or no npz"):
            load_data(tmp_path / "x.npz")


def test_npz_whose_header_promises_more_than_any_memory_holds(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 10**6, 28)})
    with pytest.raises(UserError, match="can't be read as npz"):
        load_data(tmp_path / "x.npz")


def test_idx_whose_header_promises_more_than_any_number_holds(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**31, 4))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1]) + struct.pack(">I", 0))
    with pytest.raises(UserError, match="cut off: 0 bytes where its header promises 18,446,744,073,709,551,616"):
        load_data(tmp_path / "train-images-idx3-ubyte")


@pytest.mark.parametrize("metadata", [b"", b"{", b"[]", b'{"info": null}', b'{"info": {"features": {"label": {"names": 5}}}}'])
def test_damaged_metadata_of_a_parquet_only_cost_the_names(metadata, images, labels, tmp_path):
    table = pa.table({"image": [image.ravel().tolist() for image in images], "label": labels})
    pyarrow.parquet.write_table(table.replace_schema_metadata({b"huggingface": metadata}), tmp_path / "x.parquet")
    assert load_data(tmp_path / "x.parquet").class_names[0].isdigit()


def write_png(path, image):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def test_folder_with_a_subfolder_per_class(images, labels, tmp_path):
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        stored = np.stack([image] * 3, axis=2) if i % 2 else image  # grey pictures are often stored in colour
        write_png(tmp_path / "ABCD"[label] / f"{i:03d}.png", stored)
    data = load_data(tmp_path)
    assert data.class_names == tuple("ABCD")
    order = np.argsort(labels, kind="stable")
    np.testing.assert_array_equal(data.images[:, 0], images[order])
    np.testing.assert_array_equal(data.labels, labels[order])


def test_one_picture_in_colour_makes_all_of_them_colour(images, tmp_path):
    write_png(tmp_path / "0.png", images[0])
    write_png(tmp_path / "1.png", images[:3].transpose(1, 2, 0).copy())
    data = load_data(tmp_path)
    np.testing.assert_array_equal(data.images[0], images[[0, 0, 0]])
    np.testing.assert_array_equal(data.images[1], images[:3])


def test_bad_folders(images, tmp_path):
    with pytest.raises(UserError, match="nothing to read in it"):
        load_data(tmp_path)
    write_png(tmp_path / "A" / "0.png", images[0])
    (tmp_path / "B").mkdir()
    with pytest.raises(UserError, match="B: class without a picture"):
        load_data(tmp_path)
    write_png(tmp_path / "B" / "0.png", images[0][:, :5].copy())
    with pytest.raises(UserError, match=r"different sizes, 8x8 \(1\), 8x5 \(1\). --resize 28"):
        load_data(tmp_path)
    (tmp_path / "B" / "0.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"0\.png: can't be read as a picture"):
        load_data(tmp_path)


def test_parquet_as_the_hub_stores_it(images, labels, tmp_path, check):
    import io
    import json

    def png(image):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": None}

    table = pa.table({"image": [png(image) for image in images], "label": labels})
    features = {"info": {"features": {"label": {"names": ["w", "x", "y", "z"], "_type": "ClassLabel"}}}}
    pyarrow.parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), tmp_path / "x.parquet")
    data = load_data(tmp_path / "x.parquet")
    check(data)
    assert data.class_names == ("w", "x", "y", "z")


def test_parquet_with_lists_or_a_column_per_pixel(images, labels, tmp_path, check):
    flat = images.reshape(40, -1)
    pyarrow.parquet.write_table(pa.table({"label": labels, "image": list(flat)}), tmp_path / "lists.parquet")
    check(load_data(tmp_path / "lists.parquet"))
    columns = {"label": labels} | {f"pixel{i}": flat[:, i] for i in range(64)}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "columns.parquet")
    check(load_data(tmp_path / "columns.parquet"))


def test_damaged_parquet(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="can't be read as parquet"):
        load_data(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("mnsit", {}, r"no data 'mnsit'.*Did you mean 'mnist'\?"),
        ("glyphs", {"root": "x"}, "drawn, not read"),
        ("mnist", {"size": 3}, "mnist has no option 'size'"),
        ("glyphs", {"size": 0}, "size=0: it has to be from 1"),
        (__file__, {}, "of no known format"),
    ],
)
def test_bad_source(source, options, message):
    with pytest.raises(UserError, match=message):
        load_data(source, **options)
