import json
import re

import pytest

from ca2_core.errors import UserError
from ca2_gan import create_model
from ca2_gan.commands.compare import find_runs, main
from ca2_gan.training.config import Config, write_run


@pytest.fixture
def run(tmp_path):
    """Makes a run folder with a log and, if asked, sample grids."""

    def make(name, rows, grids=0):
        import numpy as np
        from PIL import Image

        folder = tmp_path / name
        folder.mkdir(parents=True)
        write_run(Config.of({"model": "cgan", "data": "glyphs"}), folder, threads=1)
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for i in range(grids):
            (folder / "samples").mkdir(exist_ok=True)
            Image.fromarray(np.full((30, 30), i, dtype=np.uint8)).save(folder / "samples" / f"{i * 1000:08d}.png")
        return folder

    return make


ROWS = [{"images": i * 1000, "d_loss": 1 / i, "g_loss": float(i), "images_per_s": 250.0} for i in range(1, 9)]


def test_page_has_every_run_its_curves_and_its_samples_inside(run, tmp_path, capsys):
    first = run("first", [*ROWS, {"images": 8000, "fcd": 12.5, "kl_class": 0.25}], grids=8)
    second = run("second", ROWS, grids=1)
    main([str(first), str(second), "--out", str(tmp_path / "page.html")])
    page = (tmp_path / "page.html").read_text()
    assert "2 runs: first, second" in page
    assert "<td>12.5</td>" in page
    assert "7,000 images" in page
    assert page.count("data:image/png;base64,") == 1 + 2 + 5
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "Written to" in capsys.readouterr().out


def test_rows_of_a_conditional_model_are_named(run, tmp_path):
    for model in ("cgan", "dcgan"):
        gan = create_model(model, num_classes=3, image_shape=(1, 16, 16), class_names="QRT")
        gan.save(run(model, ROWS, grids=1))
    main([str(tmp_path / "cgan"), str(tmp_path / "dcgan"), "--out", str(tmp_path / "page.html")])
    page = (tmp_path / "page.html").read_text()
    assert "cgan, 0 images; rows: Q R T<" in page
    assert "dcgan, 0 images<" in page


def test_numbers_that_were_not_finite_leave_a_gap(run):
    folder = run("run", [{"images": 1, "d_loss": None, "g_loss": 1.0}, {"images": 2, "d_loss": 3.0, "g_loss": 1.0}])
    assert find_runs([folder])[0].curve("d_loss") == [(2, 3.0)]


def test_damaged_lines_are_left_out(run):
    folder = run("run", ROWS)
    good = (folder / "metrics.jsonl").read_bytes()
    damaged = [
        b"5",
        b"[]",
        b"{}",
        b'{"images": "8"}',
        b'{"images": null}',
        b'{"images": 9, "d_loss": "x"}',
        b'{"images": 9, "d_loss": NaN}',
    ]
    damaged += [b'{"images": 9, "d_loss": 1e999}', b'{"images": 9, "fcd": %d}' % 10**400, b"\xff\xfe", b"[" * 100_000, b'{"images": 100']
    (folder / "metrics.jsonl").write_bytes(b"\n".join([*damaged[:5], good.rstrip(), *damaged[5:]]))
    assert find_runs([folder])[0].rows == ROWS


def test_folder_of_runs_and_names_that_occur_twice(run, tmp_path):
    run("a/cgan", ROWS)
    run("b/cgan", ROWS)
    assert [found.folder.name for found in find_runs([tmp_path / "a"])] == ["cgan"]
    assert len({found.label for found in find_runs([tmp_path / "a", tmp_path / "b"])}) == 2


def test_what_cannot_be_compared(run, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        main([str(tmp_path / "nowhere")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no run of"):
        main([str(tmp_path / "empty")])
    with pytest.raises(UserError, match="nothing logged"):
        main([str(run("fresh", []))])
    with pytest.raises(UserError, match="has to end in"):
        main([str(run("run", ROWS)), "--out", "page.png"])
