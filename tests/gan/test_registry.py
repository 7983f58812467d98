import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ca2_core.errors import UserError
from ca2_gan import create_model, list_models, register_model
from ca2_gan.registry import Registry, games, losses, models

DECK = {"dcgan", "dcgan_enhanced", "cgan", "triplegan"}


def test_every_model_is_listed():
    assert set(list_models()) >= DECK | {"dcgan_radford", "sngan", "acgan", "wgan_gp", "r3gan", "letters_gan"}
    assert list_models("dcgan*") == ["dcgan", "dcgan_enhanced", "dcgan_radford"]
    assert list_models("nothing like it") == []


def test_losses_and_games_are_listed():
    assert losses.list() == ["hinge", "non-saturating", "relativistic", "wasserstein"]
    assert games.list() == ["adversarial", "triple"]


def test_a_wrong_name_gets_the_nearest_right_one():
    with pytest.raises(UserError, match=r"no model named 'cgna'\. Did you mean 'cgan'\? `ca2-gan list models` shows all"):
        create_model("cgna", num_classes=2, image_shape=(1, 28, 28))


def test_registering_a_name_twice_raises():
    with pytest.raises(ValueError, match=r"model 'cgan': the name is taken, by one of ca2_gan\.models"):
        register_model("cgan")(models.get("dcgan"))


def test_an_entry_can_register_itself_while_the_registry_loads():
    registry: Registry[str] = Registry("thing", "things", "json")  # any module can be the home
    registry.register("one")("1")
    assert list(registry) == ["one"]
    assert registry.get("one") == "1"


def test_entries_of_an_installed_package_join_by_their_entry_points(tmp_path):
    """A broken entry and one whose name is taken are left out with a line each; the rest works."""
    source = shutil.copytree(Path(__file__).parent / "plugin", tmp_path / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", tmp_path / "site", source], check=True, capture_output=True)
    (tmp_path / "x.text").write_text("0010 0101")
    script = (
        "from ca2_gan import create_model, list_models, load_data\n"
        f"assert len(load_data({str(tmp_path / 'x.text')!r})) == 2\n"
        "assert 'tiny' in list_models() and 'broken' not in list_models()\n"
        "gan = create_model('tiny', num_classes=3, image_shape=(3, 16, 16))\n"
        "assert gan.sample(5, seed=0).shape == (5, 3, 16, 16)\n"
        "assert type(create_model('cgan', num_classes=3, image_shape=(1, 16, 16)).generator).__name__ == 'ResidualGenerator'\n"
        "import numpy as np\n"
        "from ca2_gan import evaluate\n"
        "noise = np.random.default_rng(0).integers(0, 256, (2, 30, 16, 16), dtype=np.uint8)\n"
        "assert evaluate(*noise, ['fcd:pixels'])['fcd:pixels'].value > 0\n"
    )
    path = {"PYTHONPATH": str(tmp_path / "site")}
    result = subprocess.run([sys.executable, "-c", script], env=os.environ | path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert any("x.text: Pixels are 0 and 1: multiplied by 255. No labels" in line for line in lines)
    assert any("model 'broken' of tiny-gan left out" in line for line in lines)
    assert any("model 'cgan' of tiny-gan left out" in line for line in lines)
