"""Where the docs' measurements come from."""

import os
import sys
from importlib.metadata import version

from publishing import origin, read, save, spread


def test_a_record_says_by_which_command_with_what_and_where_it_was_made(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["/home/me/ca2/scripts/bench.py", "--data", "two words"])
    record = origin(["torch"], threads=1)
    assert record["command"] == "python scripts/bench.py --data 'two words'"
    assert record["versions"]["torch"] == version("torch")
    assert record["machine"]["cores"] == os.cpu_count()
    assert record["machine"]["threads"] == 1
    save(record, tmp_path / "record.json")
    assert read(tmp_path / "record.json") == record


def test_several_measurements_have_a_median_and_a_range():
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "least": 1.0, "most": 3.0}
