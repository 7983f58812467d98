"""The table of settings, and YAML files with a key twice."""

import math
from typing import Literal

import pytest

from ca2_core.errors import UserError
from ca2_core.settings import Setting
from ca2_core.yaml_files import read_yaml


@pytest.mark.parametrize(
    ("setting", "good", "bad", "words"),
    [
        (Setting("", float, low=0, high=1), (0, 0.5, 1), (-0.1, 1.1), "from 0 to 1"),
        (Setting("", float, above=0), (1e-9, 3), (0, -1), "above 0"),
        (Setting("", float, low=0, below=1), (0, 0.999), (-0.1, 1, 2), "at least 0, below 1"),
        (Setting("", int, low=0, also=(-1,)), (-1, 0, 5), (-2,), "at least 0, or -1"),
        (Setting("", float), (-5, 1e30), (math.nan, math.inf, -math.inf), "a finite number is needed"),
        (Setting("", float, low=0, may_be_infinite=True), (math.inf,), (math.nan,), "a finite number is needed"),
        (Setting("", int), (3,), (3.5, True, "3", None), "a whole number is needed"),
        (Setting("", Literal["min", "mean"]), ("min",), ("max",), "'min' or 'mean' is needed"),
        (Setting("", int | None, low=1), (None, 1), (0,), "at least 1"),
    ],
)
def test_a_value_has_its_type_and_is_in_its_range(setting, good, bad, words):
    for value in good:
        setting.check("x", value, "a.yml")
    for value in bad:
        with pytest.raises(UserError, match=words) as error:
            setting.check("x", value, "a.yml")
        assert str(error.value).startswith("a.yml: x")


def test_a_key_twice_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("a: 1\nb: {c: 1}\na: 2\n")
    with pytest.raises(UserError, match=r"a\.yml, line 3: not YAML: the key 'a' appears twice"):
        read_yaml(path)


def test_anchors_may_be_merged_and_overridden(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("base: &base {a: 1, b: 2}\nmore:\n  <<: *base\n  b: 3\n")
    assert read_yaml(path)["more"] == {"a": 1, "b": 3}
