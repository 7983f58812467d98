"""The command line of ``ca2-gan study``."""

import sys
from pathlib import Path

import pytest

from ca2_core.errors import UserError
from ca2_gan import cli
from ca2_gan.studies import command
from ca2_gan.studies.command import QUICK, STUDIES, budgets, load, main, parse, prepare, seeds, select
from ca2_gan.studies.jobs import Budget


def test_help_has_a_line_for_each_study(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for name in STUDIES:
        assert f"  {name:<10} {load(name).summary}" in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "required: NAME"),
        (["overvew"], "no study named 'overvew'. Did you mean 'overview'?"),
        (["overview", "--seeds", "0"], "--seeds 0: at least 1"),
        (["overview", "--first-seed", "-1"], "--first-seed -1: at least 0"),
        (["overview", "--jobs", "0"], "--jobs 0: at least 1"),
        (["overview", "--images", "-5"], "--images -5: at least 1"),
        (["overview", "--minutes", "0"], "--minutes 0: more than 0 is needed"),
        (["overview", "--minutes", "nan"], "--minutes nan: more than 0 is needed"),
        (["overview", "--seeds", "many"], "invalid int value: 'many'"),
        (["overview", "--backend", "dask"], "invalid choice: 'dask'"),
        (["overview", "--only", "vae"], "--only vae: no such variant. There are dcgan; dcgan_enhanced"),
        (["all", "--only", "vae"], "--only vae: no such variant"),
        (["overview", "--out", "a_file"], "--out a_file: a file; give a folder"),
        (["overview", "--out", "a_file/below"], "--out a_file/below: a_file is a file"),
        (["overview", "--data", "nowhere.csv"], "nowhere.csv"),
        (["overview", "--root", "here"], "--root here: it is for emnist-letters, mnist, fashion-mnist"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").touch()
    with pytest.raises(UserError) as raised:
        main(argv)
    assert message in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a_file"]


def test_a_mistake_is_code_2(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ca2-gan", "study", "overview", "--minutes", "-1"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 2
    assert capsys.readouterr().err == "ca2-gan: --minutes -1: more than 0 is needed.\n"


def test_root_is_for_the_data_that_are_downloaded(monkeypatch):
    asked = {}
    monkeypatch.setattr(command, "load_data", lambda name, root: asked.update({name: root}))
    monkeypatch.setattr(command.Bench, "prepare", lambda name, data: name)
    prepare(parse(["overview", "--data", "mnist", "--data", "glyphs", "--root", "files"]))
    assert asked == {"mnist": Path("files"), "glyphs": None}


def test_only_takes_parts_of_labels_and_patterns_in_any_case():
    variants = load("overview").variants()
    assert {variant.label for variant in select(variants, ["DCGAN*"])} == {"dcgan", "dcgan_enhanced", "dcgan_radford"}
    assert {variant.label for variant in select(variants, ["CGAN_"])} == {"dcgan_enhanced", "dcgan_radford"}
    assert [variant.label for variant in select(variants, ["[wx]gan*gp", "letters"])] == ["letters_gan", "wgan_gp"]
    assert select(variants, None) == variants


def test_only_takes_a_label_for_itself_alone():
    variants = load("overview").variants()
    assert [variant.label for variant in select(variants, ["CGAN"])] == ["cgan"]
    assert [variant.label for variant in select(variants, ["triplegan", "cgan"])] == ["cgan", "triplegan"]


def test_options_decide_budgets_and_seeds():
    def of(*argv):
        arguments = parse(["overview", *argv])
        return budgets(arguments, "overview"), list(seeds(arguments, "overview"))

    assert of() == ([Budget(minutes=5.0)], [0, 1, 2])
    assert of("--images", "7", "--first-seed", "3", "--seeds", "2") == ([Budget(images=7)], [3, 4])
    assert of("--images", "7", "--minutes", "2")[0] == [Budget(minutes=2.0), Budget(images=7)]
    assert of("--quick") == (QUICK["overview"][0], list(range(QUICK["overview"][1])))
    assert of("--quick", "--seeds", "1", "--minutes", "1") == ([Budget(minutes=1.0)], [0])
    assert parse([], default="all").names == list(STUDIES)
