"""The command line of ``ca2-rl study``."""

import pytest

from ca2_core.errors import UserError
from ca2_rl.studies.command import STUDIES, load, main, parse, select
from ca2_rl.studies.jobs import Variant


def test_help_has_a_line_for_each_study(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for name in STUDIES:
        assert f"  {name:<12} {load(name).summary}" in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "required: NAME"),
        (["overvew"], "no study named 'overvew'. Did you mean 'overview'?"),
        (["overview", "--seeds", "0"], "--seeds 0: at least 1"),
        (["overview", "--first-seed", "-1"], "--first-seed -1: at least 0"),
        (["overview", "--jobs", "0"], "--jobs 0: at least 1"),
        (["overview", "--steps", "-5"], "--steps -5: at least 1"),
        (["overview", "--seeds", "many"], "invalid int value: 'many'"),
        (["overview", "--backend", "dask"], "invalid choice: 'dask'"),
        (["overview", "--only", "ppo"], "--only ppo: no such variant. There are DiscretizedDQN; NoisyDQN"),
        (["overview", "--out", "a_file"], "--out a_file: a file; give a folder"),
        (["overview", "--out", "a_file/below"], "--out a_file/below: a_file is a file"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").touch()
    with pytest.raises(UserError) as raised:
        main(argv)
    assert message in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a_file"]


def test_only_takes_parts_of_labels_and_patterns_in_any_case():
    variants = load("overview").variants()
    assert [variant.label for variant in select(variants, ["noisy"])] == ["NoisyDQN"]
    assert {variant.algo for variant in select(variants, ["t[dq][3c], zoo"])} == {"td3", "tqc"}
    assert [variant.label for variant in select(variants, ["dqn, sb3", "noisy"])] == ["NoisyDQN", "DQN, SB3"]
    assert select(variants, None) == variants


def test_only_takes_a_label_for_itself_alone():
    longer, label = Variant("a [1, 2], later", "dqn", {}), Variant("A [1, 2]", "dqn", {})
    assert select([longer, label], ["a [1, 2]"]) == [label]
    assert select([longer, label], ["a *"]) == [longer, label]


def test_options_have_defaults():
    arguments = parse(["tuning"])
    assert (arguments.seeds, arguments.first_seed, arguments.backend, arguments.steps, arguments.only) == (None, 0, "processes", None, None)
    assert load("overview").seeds == load("coursework").seeds == load("exploration").seeds == 10
