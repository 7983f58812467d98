import pytest

from ca2_core.errors import UserError
from ca2_gan import list_models
from ca2_gan.cli import run
from ca2_gan.commands.list import REGISTRIES


def test_models_are_listed_with_their_parameters(capsys):
    run(["list"])
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()[1:]}
    assert list(lines) == list_models()
    assert lines["dcgan"][1:3] == ["2,305,472", "212,865"]
    assert lines["triplegan"][1:3] == ["2,219,616", "1,429,169"]
    assert lines["triplegan"][3].replace(",", "").isdigit()  # the classifier's
    assert not lines["cgan"][3].replace(",", "").isdigit()


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_kind_is_listed_with_a_summary(kind, capsys):
    run(["list", kind])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(REGISTRIES[kind].list()) + (kind == "models")
    assert all(len(line.split()) > 1 for line in lines)


def test_a_pattern_chooses_models(capsys):
    run(["list", "*dcgan*"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == list_models("*dcgan*")
    with pytest.raises(UserError, match="none of the models is like 'x'"):
        run(["list", "x"])
