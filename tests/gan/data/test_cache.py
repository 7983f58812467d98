"""Pictures are decoded once, as long as they stay as they are."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from ca2_core.errors import UserError
from ca2_gan import load_data
from ca2_gan.data import Raw
from ca2_gan.data.decoded import recall


@pytest.fixture
def folder(images, labels, tmp_path):
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = tmp_path / "letters" / "ABCD"[label] / f"{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return tmp_path / "letters"


def no_decoder(*_, **__):
    raise OSError("decoded again")


def test_a_folder_is_decoded_once(folder, monkeypatch):
    first = load_data(folder, classes=["A", "B"])
    monkeypatch.setattr(Image, "open", no_decoder)
    again = load_data(folder, classes=["A", "B"])
    assert again.fingerprint == first.fingerprint
    assert again.class_names == ("A", "B")
    assert again.report.findings() == first.report.findings()
    assert load_data(folder, transpose=True).report.transposed  # cleaning changes nothing of what is kept
    assert load_data(folder, classes=["A", "B"]).fingerprint == first.fingerprint
    monkeypatch.chdir(folder.parent)
    assert load_data("letters").report.source == "letters"


def test_own_split_and_attributes_are_kept(images, labels, tmp_path):
    raw = Raw("x", images, labels, {0: "A"}, True, labels > 2, {"writer": labels * 2}, ("Said.",))
    (tmp_path / "x").write_bytes(b"")
    kept, again = (recall(tmp_path / "x", (), read) for read in (lambda: raw, no_decoder))
    assert kept is raw
    for name, value in vars(again).items():
        np.testing.assert_equal(value, str(tmp_path / "x") if name == "source" else getattr(raw, name))


@pytest.mark.parametrize("change", ["content", "name", "more", "fewer", "resize"])
def test_another_folder_is_decoded_anew(change, folder, monkeypatch):
    load_data(folder)
    picture = folder / "A" / "000.png"
    times = picture.stat()
    if change == "content":  # of the same length and with the same time
        content = bytearray(picture.read_bytes())
        content[-1] ^= 1
        picture.write_bytes(content)
        os.utime(picture, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif change == "name":
        picture.rename(folder / "B" / "000.png")
    elif change == "more":
        shutil.copy(picture, folder / "B" / "new.png")
    elif change == "fewer":
        picture.unlink()
    monkeypatch.setattr(Image, "open", no_decoder)
    with pytest.raises(UserError, match="decoded again"):
        load_data(folder, resize=16 if change == "resize" else None)


def test_a_damaged_cache_is_made_anew(folder, cache):
    first = load_data(folder)
    (kept,) = cache.glob("data-*.npz")
    kept.write_bytes(kept.read_bytes()[:-100])
    assert load_data(folder).fingerprint == first.fingerprint
    kept.write_bytes(b"")
    assert load_data(folder).fingerprint == first.fingerprint


def test_a_cache_that_cannot_be_written_to_costs_one_line(folder, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CA2_GAN_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        assert len(load_data(folder)) == 40
    (line,) = capsys.readouterr().err.splitlines()
    assert "the cache can't be written to" in line


def test_kept_pictures_are_cleaned_as_fresh_ones(folder, monkeypatch):
    fresh = load_data(folder, invert=True)
    monkeypatch.setattr(Image, "open", no_decoder)
    np.testing.assert_array_equal(load_data(folder, invert=True).images, fresh.images)
