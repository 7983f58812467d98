"""The package as it is installed: the checkout is not there."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
TRAIN = """\
import json, sys
import ca2_rl
from ca2_rl.cli import main
from ca2_rl.zoo.plugins import register
print(json.dumps([ca2_rl.__file__, {key: str(plugin.hyperparams) for key, plugin in register().items()}]))
sys.argv = ["ca2-rl", "train", "--algo", "ouddpg", "--env", "Pendulum-v1", "-n", "300", "--eval-freq", "-1"]
main()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling")  # else it would have to come from the network
    if not (CHECKOUT / "pyproject.toml").exists():
        pytest.skip("no checkout to build from")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy, so that nothing is written to the checkout
    shutil.copytree(CHECKOUT, source, ignore=shutil.ignore_patterns(".*", "logs", "tests", "docs", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, source], check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_the_packages_and_the_hyperparameters_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"ca2_rl/py.typed", "ca2_rl/cli.py", "ca2_rl/hyperparams/noisydqn.yml"} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} <= {"ca2_rl", "ca2_gan"}
    assert not [name for name in names if name.endswith((".pyc", ".ipynb", ".zip"))]
    models = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "ca2_gan" / "pretrained").glob("*/*/*")}
    assert models
    assert models == {name for name in names if name.startswith("ca2_gan/pretrained/") and name.count("/") == 4}
    shipped = {Path(name).name for name in names if name.startswith("ca2_rl/hyperparams/")}
    assert shipped == {path.name for path in (CHECKOUT / "hyperparams" / "rl").iterdir()}


def test_the_installed_package_trains_from_any_folder(wheel, tmp_path):
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target]
    subprocess.run([*pip, wheel], check=True, capture_output=True)
    # -I leaves out PYTHONPATH and the current folder, and the target comes before an editable install of the checkout
    code = f"import sys; sys.path.insert(0, {str(target)!r})\n{TRAIN}"
    result = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    imported_from, hyperparams = json.loads(result.stdout.splitlines()[0])
    assert Path(imported_from).is_relative_to(target)
    assert all(Path(path).is_relative_to(target) for path in hyperparams.values())
    assert hyperparams.keys() >= {"discretizeddqn", "noisydqn", "ouddpg"}
    assert (tmp_path / "logs" / "ouddpg" / "Pendulum-v1_1" / "Pendulum-v1.zip").exists()
    assert result.stderr == ""
    assert (target / "bin" / "ca2-rl").exists()
