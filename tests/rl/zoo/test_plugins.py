import re
import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from rl_zoo3.utils import ALGOS
from stable_baselines3 import PPO

from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN, Rainbow, cli
from ca2_rl.zoo import plugins
from ca2_rl.zoo.plugins import GROUP, Plugin

PAGE = (Path(__file__).parents[3] / "docs" / "howto" / "own-algorithm.md").read_text(encoding="utf-8")


def shown(language: str) -> str:
    """The first block of a language in that part of the page."""
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


def build_wheel(folder: Path, name: str, files: dict[str, str], entry_points: str) -> Path:
    """A wheel is a zip file: made by hand it needs no build backend, and so no network."""
    info = f"{name}-1.0.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[{GROUP}]\n{entry_points}\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


def test_the_package_of_the_page_joins_and_a_broken_one_does_not_stop_it(ca2_rl, tmp_path):
    theirs = {"patient_dqn/__init__.py": shown("python"), "patient_dqn/patientdqn.yml": shown("yaml")}
    group, line = shown("toml").splitlines()
    assert group == f'[project.entry-points."{GROUP}"]'
    broken = {"broken_package.py": "import no_such_thing\n"}
    clashing = {"clashing_package.py": "from stable_baselines3 import A2C\n"}
    wheels = (
        build_wheel(tmp_path, "patient_dqn", theirs, line.replace('"', "")),
        build_wheel(tmp_path, "broken_package", broken, "brokendqn = broken_package:DQN"),
        build_wheel(tmp_path, "clashing_package", clashing, "ppo = clashing_package:A2C"),
    )
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([*install, *map(str, wheels)], check=True, capture_output=True)

    commands = [command.split()[1:] for command in shown("bash").splitlines()]
    result = ca2_rl(*commands[0], "--eval-freq", -1, env={"PYTHONPATH": str(target)})
    assert (tmp_path / "logs" / "patientdqn" / "CartPole-v1_1" / "CartPole-v1.zip").exists()
    assert "CartPole-v1_1" in ca2_rl(*commands[1], "--episodes", 1, env={"PYTHONPATH": str(target)}).stdout
    assert sorted(result.stderr.splitlines()) == [
        "ca2-rl: algorithm 'brokendqn' of broken_package left out: its import failed: No module named 'no_such_thing'",
        "ca2-rl: algorithm 'ppo' of clashing_package left out: rl-zoo3 has another algorithm with that name.",
    ]


def test_our_algorithms_come_by_the_same_entry_points():
    registered = plugins.register()
    assert {key: registered[key].algorithm for key in ("discretizeddqn", "noisydqn", "ouddpg", "rainbow")} == {
        "discretizeddqn": DiscretizedDQN,
        "noisydqn": NoisyDQN,
        "ouddpg": OUDDPG,
        "rainbow": Rainbow,
    }
    for key, plugin in registered.items():
        assert ALGOS[key] is plugin.algorithm
        assert plugin.algorithm.__name__.lower() == key  # the hub's look-up relies on it


def test_a_class_alone_is_a_plugin():
    plugin = plugins._load(EntryPoint("a2c", "stable_baselines3:A2C", GROUP))
    assert plugin == Plugin(ALGOS["a2c"])


@pytest.mark.parametrize(
    ("name", "target", "reason"),
    [
        ("mydqn", "no_such_package:DQN", "its import failed: No module named 'no_such_package'"),
        ("mydqn", "ca2_rl:MyDQN", "its import failed: module 'ca2_rl' has no attribute 'MyDQN'"),
        ("mydqn", "json:dumps", "is neither an SB3 algorithm nor a Plugin"),
        ("mydqn", "builtins:dict", "is neither an SB3 algorithm nor a Plugin"),
        ("dqn", "ca2_rl:DiscretizedDQN", "rl-zoo3 has another algorithm with that name"),
    ],
)
def test_what_is_wrong_with_a_plugin_is_one_line(name, target, reason, capsys):
    assert plugins._load(EntryPoint(name, target, GROUP)) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ca2-rl: algorithm {name!r} of an unknown package left out")
    assert reason in line


def test_the_zoo_s_own_class_under_its_own_name_is_no_clash(capsys):
    assert plugins._load(EntryPoint("ppo", "stable_baselines3:PPO", GROUP)) == Plugin(PPO)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("command", "words"),
    [(["train"], "has no shipped hyperparameters: give a file with --conf-file"), (["optimize"], "has no search space")],
)
def test_what_a_bare_class_can_not_do_is_said(command, words, tmp_path, monkeypatch, capsys):
    plugins.register()
    monkeypatch.setitem(ALGOS, "bare", DiscretizedDQN)
    monkeypatch.setattr("ca2_rl.zoo.manager.register", lambda: {"bare": Plugin(DiscretizedDQN)})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ca2-rl", *command, "--algo", "bare", "--env", "Pendulum-v1"])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == 2
    assert f"ca2-rl: bare {words}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
