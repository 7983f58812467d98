"""Files that are there whole or not at all."""

import os

import numpy as np
import pytest

from ca2_core.files import whole_file


def test_file_is_there_once_the_block_has_succeeded(tmp_path):
    with whole_file(tmp_path / "a.txt") as partial:
        partial.write_text("whole")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_an_old_file_stays_until_the_block_has_succeeded(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half():
        with whole_file(path) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_before_anything_is_written_is_not_hidden(tmp_path):
    with pytest.raises(RuntimeError, match="the reason"), whole_file(tmp_path / "a.txt"):
        raise RuntimeError("the reason")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.npy", "a.tar.gz"])
def test_partial_file_has_the_suffix_and_the_folder_of_the_whole(tmp_path, name):
    path = tmp_path / name
    with whole_file(path) as partial:
        assert partial.suffix == path.suffix
        assert partial.parent == path.parent
        partial.touch()


def test_a_writer_that_adds_a_missing_suffix_finds_it_there(tmp_path):
    with whole_file(tmp_path / "a.npy") as partial:
        np.save(partial, np.arange(3))
    assert np.array_equal(np.load(tmp_path / "a.npy"), [0, 1, 2])


def test_missing_folders_are_made(tmp_path):
    with whole_file(tmp_path / "b" / "c" / "a.txt") as partial:
        partial.write_text("whole")
    assert (tmp_path / "b" / "c" / "a.txt").is_file()


def test_a_path_may_be_a_string(tmp_path):
    with whole_file(f"{tmp_path}{os.sep}a.txt") as partial:
        partial.write_text("whole")
    assert (tmp_path / "a.txt").is_file()
