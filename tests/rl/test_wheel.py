"""The package as it is installed: the checkout is not there."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TRAIN = """\
import json, sys
import ca2_rl
from ca2_rl.cli import main
from ca2_rl.zoo.plugins import register
print(json.dumps([ca2_rl.__file__, {key: str(plugin.hyperparams) for key, plugin in register().items()}]))
sys.argv = ["ca2-rl", "train", "--algo", "ouddpg", "--env", "Pendulum-v1", "-n", "300", "--eval-freq", "-1", "--final-episodes", "1"]
main()
"""

ENJOY = """\
import sys
from ca2_rl.cli import main
for algo in ("discretizeddqn", "noisydqn", "ouddpg", "rainbow"):
    sys.argv = ["ca2-rl", "enjoy", "--algo", algo, "--env", "Pendulum-v1", "-n", "1000", "--no-render"]
    main()
print("imported torch's compiler:", "torch._inductor.compile_fx" in sys.modules)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy, so that nothing is written to the checkout
    shutil.copytree(CHECKOUT, source, ignore=shutil.ignore_patterns(".*", "logs", "tests", "docs", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, source], check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """Where the package is installed: scripts run with -I, which leaves out PYTHONPATH and the current folder, and put it first."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target]
    subprocess.run([*pip, wheel], check=True, capture_output=True)
    return target


def test_the_wheel_holds_the_packages_and_the_hyperparameters_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"ca2_rl/py.typed", "ca2_rl/cli.py", "ca2_rl/hyperparams/noisydqn.yml"} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ca2_core", "ca2_rl", "ca2_gan"}
    assert not [name for name in names if name.endswith((".pyc", ".ipynb"))]
    agents = {name.split("/")[2] for name in names if name.endswith(".zip")}
    assert agents == {"discretizeddqn", "noisydqn", "ouddpg", "rainbow"}
    models = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "ca2_gan" / "pretrained").glob("*/*/*")}
    assert models
    assert models == {name for name in names if name.startswith("ca2_gan/pretrained/") and name.count("/") == 4}
    shipped = {Path(name).name for name in names if name.startswith("ca2_rl/hyperparams/")}
    assert shipped == {path.name for path in (CHECKOUT / "hyperparams" / "rl").iterdir()}


def test_the_installed_package_trains_from_any_folder(site, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(site)!r})\n{TRAIN}"
    result = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    imported_from, hyperparams = json.loads(result.stdout.splitlines()[0])
    assert Path(imported_from).is_relative_to(site)
    assert all(Path(path).is_relative_to(site) for path in hyperparams.values())
    assert hyperparams.keys() >= {"discretizeddqn", "noisydqn", "ouddpg"}
    assert (tmp_path / "logs" / "ouddpg" / "Pendulum-v1_1" / "Pendulum-v1.zip").exists()
    assert result.stderr == ""
    assert (site / "bin" / "ca2-rl").exists()


def test_the_agents_that_are_shipped_play_right_after_the_install(site, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(site)!r})\n{ENJOY}"
    result = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    rewards = re.findall(r"Mean reward: (-\d+\.\d+)", result.stdout)
    assert len(rewards) == 4
    assert min(map(float, rewards)) > -250  # five episodes each; a random agent has -1,200
    assert "imported torch's compiler: False" in result.stdout  # that takes seconds
    assert not list(tmp_path.iterdir())
