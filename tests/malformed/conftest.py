"""Valid files of every kind, changed into malformed ones, and what a command may do with them."""

import json
import signal
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import strategies as st

SECONDS = 60
ODD = [
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e-30, 1e300, float("nan"), float("inf"), 2**31, 2**63, 2**70),
    *("", " ", "\x00", "0", "-1", "nan", "1e5", "ja", "../..", "/dev/null", "x" * 5000, "{}", "[", "é\u202e", "lin_", "1_000"),
    *([], [None], [[]], [1, 2, 3], ["a", "a"], {}, {"": ""}, {"a": {"b": {"c": 1}}}),
]
odd_values = st.sampled_from(ODD)
Draw = Callable[[st.SearchStrategy[Any]], Any]


def damaged(draw: Draw, content: bytes) -> bytes:
    """Bytes of which some are lost, changed, doubled or put in."""
    if not content:
        return draw(st.binary(max_size=20))
    at = draw(st.integers(0, len(content) - 1))
    length = draw(st.integers(1, max(1, len(content) // 2)))
    return draw(
        st.sampled_from(
            [
                b"",
                content[:at],
                content[at:],
                content[:at] + content[at + length :],
                content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :],
                content[:at] + b"\x00" * length + content[at + length :],
                content[:at] + content,
                content + content,
                draw(st.binary(max_size=200)),
            ]
        )
    )


def changed(draw: Draw, tree: Any, foreign: Any = None) -> Any:
    """A tree of mappings and lists in which one entry has another value, is gone, or is new.

    :param foreign: a further value that an entry may get
    """
    values = odd_values if foreign is None else st.one_of(odd_values, st.just(foreign))
    if not isinstance(tree, (dict, list)) or not tree:
        return draw(values)
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    key = draw(st.sampled_from(keys))
    copy = tree.copy()
    what = draw(st.sampled_from(["deeper", "deeper", "deeper", "replace", "remove", "add"]))
    if what == "remove":
        del copy[key]
    elif what == "add":
        if isinstance(copy, dict):
            copy[draw(st.sampled_from(["", "x", "seed", "__class__", 0, None, f"{key}_"]))] = draw(values)
        else:
            copy.append(draw(values))
    else:
        copy[key] = changed(draw, copy[key], foreign) if what == "deeper" else draw(values)
    return copy


class Malformed:
    """Draws a malformed file from a valid one.

    :param canary: a path that only code in a file would make
    """

    def __init__(self, draw: Draw, canary: Path):
        self.draw, self.canary = draw, canary

    def of(self, path: Path) -> bytes:
        """The content of a malformed file: in three of four a valid one with one entry changed, else damaged."""
        content = path.read_bytes()
        changer = getattr(self, f"_{path.suffix[1:]}", None)
        if changer is None or self.draw(st.integers(0, 3)) == 0:
            return damaged(self.draw, content)
        return changer(content)

    def _yml(self, content: bytes) -> bytes:
        tree = changed(self.draw, yaml.load(content, Loader=_Plain), "CANARY")
        return yaml.dump(tree).replace("CANARY", f"!!python/object/apply:os.mkdir [{self.canary}]").encode()

    def _json(self, content: bytes) -> bytes:
        return json.dumps(changed(self.draw, json.loads(content))).encode()

    def _jsonl(self, content: bytes) -> bytes:
        lines = content.splitlines()
        at = self.draw(st.integers(0, len(lines) - 1))
        lines[at] = self._json(lines[at])
        return b"\n".join(lines) + b"\n"

    def _csv(self, content: bytes) -> bytes:
        rows = [line.split(",") for line in content.decode().splitlines()]
        row = self.draw(st.integers(0, len(rows) - 1))
        column = self.draw(st.integers(0, len(rows[row]) - 1))
        what = self.draw(st.sampled_from(["cell", "cell", "short", "long", "row", "quote"]))
        if what == "cell":
            rows[row][column] = str(self.draw(odd_values))
        elif what == "short":
            del rows[row][column]
        elif what == "long":
            rows[row].insert(column, "7")
        elif what == "row":
            rows.insert(row, ["label", *(f"pixel{i}" for i in range(len(rows[row]) - 1))])
        else:
            rows[row][column] = '"' + rows[row][column]
        return "\n".join(",".join(cells) for cells in rows).encode("utf-8", "surrogatepass")

    def _npz(self, content: bytes) -> bytes:
        with np.load(BytesIO(content)) as archive:
            arrays = dict(archive)
        name = self.draw(st.sampled_from(sorted(arrays)))
        array = arrays[name]
        flat = array.reshape(-1)
        others: dict[str, Any] = {
            "floats": array.astype(np.float64, copy=False) * 1e300 if array.dtype.kind in "iuf" else array,
            "nan": np.full(array.shape, np.nan),
            "negative": -np.ones(array.shape, np.int64),
            "flat": flat,
            "one": array[:1],
            "none": array[:0],
            "short": array[:-1],
            "deep": array[..., None, None, None],
            "text": np.full(array.shape[:1], "x" * 10),
            "complex": np.ones(array.shape, complex),
            "pickled": np.array([_Evil(self.canary)], dtype=object),
            "scalar": np.array(3),
            "bool": array.astype(bool) if array.dtype.kind in "iuf" else array,
        }
        what = self.draw(st.sampled_from([*others, "gone", "renamed"]))
        if what in others:
            arrays[name] = others[what]
        elif what == "gone":
            del arrays[name]
        else:
            arrays["other"] = arrays.pop(name)
        file = BytesIO()
        np.savez(file, allow_pickle=True, **arrays)
        return file.getvalue()

    def _zip(self, content: bytes) -> bytes:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        name = self.draw(st.sampled_from(sorted(files)))
        what = self.draw(st.sampled_from(["change", "change", "change", "damage", "remove", "outside"]))
        if what == "remove":
            del files[name]
        elif what == "outside":
            files["../../outside"] = b"x"
        elif what == "change" and name == "data":
            files[name] = json.dumps(changed(self.draw, json.loads(files[name]))).encode()
        else:
            files[name] = damaged(self.draw, files[name])
        file = BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for member, its in files.items():
                archive.writestr(member, its)
        return file.getvalue()

    def _safetensors(self, content: bytes) -> bytes:
        size = int.from_bytes(content[:8], "little")
        header = json.dumps(changed(self.draw, json.loads(content[8 : 8 + size]))).encode()
        return len(header).to_bytes(8, "little") + header + content[8 + size :]


class _Evil:
    """Its pickle makes a folder when it is loaded."""

    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.mkdir, (str(self.canary),)


class _Plain(yaml.SafeLoader):
    """Reads the tags of rl-zoo3's files as plain lists and mappings."""


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_scalar(node)


_Plain.add_multi_constructor("tag:yaml.org,2002:python/", _plain)


@contextmanager
def at_most(seconds: int):
    """Fails if the block takes longer."""

    def fail(*_: object) -> None:
        raise AssertionError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def survives(capsys, tmp_path):
    """Runs a command line in this process: it must end by itself, with 0, or with 2 and one line; no code of a file may run."""

    def survives(main: Callable[[list[str]], Any], argv: list[str], canary: Path, out: Path | None = None) -> None:
        capsys.readouterr()
        code = 0
        with at_most(SECONDS):
            try:
                main(argv)
            except SystemExit as left:
                code = left.code or 0
        said = capsys.readouterr().err
        assert code in (0, 2), said
        assert "Traceback" not in said
        assert not canary.exists()
        assert not list(tmp_path.rglob("*.partial*"))
        if code == 2 and out is not None:
            assert not out.exists(), said

    return survives


@pytest.fixture
def make_malformed():
    return Malformed


@pytest.fixture
def study_survives(make_malformed, survives, tmp_path):
    """Reports a study from a malformed version of a valid file.

    Arguments: what draws, the ``main`` of a command line, the valid file's text.
    """

    def check(draw, main, text):
        valid, path = tmp_path / "valid.yml", tmp_path / "study.yml"
        valid.write_text(text)
        path.write_bytes(make_malformed(draw, tmp_path / "canary").of(valid))
        survives(main, ["study", str(path), "--report-only", "--out", str(tmp_path / "out")], tmp_path / "canary")

    return check
