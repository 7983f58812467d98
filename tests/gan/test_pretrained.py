"""The models that come with the package, and how a model is made small enough to be one."""

import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ca2_core.errors import UserError
from ca2_gan import create_model, load
from ca2_gan.cli import run
from ca2_gan.data import load_data
from ca2_gan.registry import pretrained

LIMIT = 2 * 2**20  # bytes in the wheel
every_model = pytest.mark.parametrize("name", pretrained.list())


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    def refuse(*arguments: object) -> None:
        raise AssertionError("a model that comes with the package needs no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@every_model
def test_it_loads_and_samples_every_class(name):
    gan = load(name)
    images = gan.sample(2 * gan.spec.num_classes, seed=0)
    assert images.shape == (2 * gan.spec.num_classes, *gan.spec.image_shape)
    assert torch.equal(images, load(name).sample(len(images), seed=0))
    assert images.float().std(dim=0).mean() > 20  # gray levels: they differ
    assert gan.is_conditional
    assert not gan.training


@every_model
def test_it_is_small_and_has_a_card(name):
    folder = pretrained.get(name).folder
    assert (folder / "model.safetensors").stat().st_size <= LIMIT
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {name}\n\n{pretrained.get(name).summary}\n")
    for part in ("**Data:**", "**Settings:**", "FCD", "recall", "## Limits"):
        assert part in card


def test_glyphs_are_the_letters_that_were_asked_for():
    """Nearer to the mean image of their class than to another's, by about as often as real ones are."""
    gan, data = load("letters_gan/glyphs"), load_data("glyphs")
    pixels = data.images.reshape(len(data), -1) / 255.0
    means = np.stack([pixels[data.labels == k].mean(axis=0) for k in range(26)])

    def hits(x: np.ndarray, labels: np.ndarray) -> float:
        return float((((x[:, None] - means) ** 2).sum(axis=2).argmin(axis=1) == labels).mean())

    labels = np.arange(260) % 26
    fakes = gan.sample(260, labels.tolist(), seed=0).numpy().reshape(260, -1) / 255.0
    assert hits(fakes, labels) > hits(pixels[:260], data.labels[:260]) - 0.1


@pytest.mark.parametrize("name", ["letters_gan/mnits", "leters_gan/mnist", "letters_gan/mnist1"])
def test_a_slip_gets_the_nearest_name_and_no_network(name):
    with pytest.raises(UserError, match=rf"no pretrained model named '{name}'\. Did you mean 'letters_gan/mnist'\? .*list pretrained"):
        load(name)


def test_a_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    create_model("dcgan_radford", num_classes=3, image_shape=(1, 16, 16), width=8).save("letters_gan/mnist")
    assert load("letters_gan/mnist").spec.name == "dcgan_radford"


def test_another_package_adds_a_folder_of_models(tmp_path):
    site = tmp_path / "site"
    create_model("dcgan", num_classes=3, image_shape=(1, 28, 28), class_names="abc").export(site / "zoo" / "dcgan" / "abc")
    (site / "zoo" / "__init__.py").touch()
    (site / "zoo" / "dcgan" / "abc" / "README.md").write_text("# dcgan/abc\n\nThree letters.\n", encoding="utf-8")
    for name, value in {"zoo": "zoo", "broken": "no_such_module"}.items():
        facts = site / f"{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        (facts / "entry_points.txt").write_text(f"[ca2_gan.model_folders]\n{name} = {value}\n", encoding="utf-8")
    program = "import ca2_gan; print(ca2_gan.list_models('dcgan/*', pretrained=True), ca2_gan.load('dcgan/abc').class_names)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "['dcgan/abc'] ('a', 'b', 'c')\n"
    assert done.stderr == "ca2-gan: the trained models of no_such_module are left out: No module named 'no_such_module'\n"


def test_they_are_listed(capsys):
    run(["list"])
    header = capsys.readouterr().out.partition("\n")[0]
    assert all(name in header for name in pretrained)
    run(["list", "pretrained"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == pretrained.list()


def test_sampling_by_name_needs_no_more(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run(["sample", "letters_gan/mnist", "--labels", "0123", "--n", "2", "--seed", "0"])
    assert capsys.readouterr().out == "samples.png\n"
    with Image.open("samples.png") as picture:
        assert picture.size == (4 * 30 + 2, 2 * 30 + 2)


@pytest.mark.parametrize("model", ["letters_gan", "triplegan"])
def test_an_exported_model_is_the_generator_in_half_precision(model, tmp_path):
    gan = create_model(model, num_classes=3, image_shape=(1, 28, 28))
    gan.export(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    assert all(re.match(r"generator\.", name) for name in weights)
    assert all(weights[f"generator.{name}"].dtype == torch.float16 for name, _ in gan.generator.named_parameters())
    again = load(tmp_path)
    assert list(again.players()) == ["generator"]
    assert again.discriminator is None
    assert getattr(again, "classifier", None) is None
    assert {p.dtype for p in (*gan.parameters(), *again.parameters())} == {torch.float32}
    assert (again.sample(6, seed=0).int() - gan.sample(6, seed=0).int()).abs().max() <= 2  # gray levels


def test_an_export_may_have_the_discriminator_too(tmp_path):
    gan = create_model("letters_gan", num_classes=3, image_shape=(1, 28, 28))
    gan.export(tmp_path, networks=("generator", "discriminator"))
    again = load(tmp_path)
    images, labels = torch.rand(4, 1, 28, 28), torch.tensor([0, 1, 2, 0])
    assert list(again.players()) == ["generator", "discriminator"]
    with torch.no_grad():
        expected, found = gan.eval().discriminator(images, labels), again.discriminator(images, labels)
    assert torch.allclose(found, expected, atol=0.02)


def test_an_export_without_a_generator_is_no_model(tmp_path):
    gan = create_model("letters_gan", num_classes=3, image_shape=(1, 28, 28))
    gan._modules["generator"] = None
    gan.save(tmp_path)
    with pytest.raises(UserError, match="not the weights of the letters_gan that config"):
        load(tmp_path)


@pytest.mark.parametrize(("model", "accuracy"), [("dcgan_radford", None), ("acgan", 0.9)])
def test_a_model_of_the_zoo_is_published_on_the_hub_with_a_card_that_works(model, accuracy, monkeypatch, tmp_path):
    scripts = Path(__file__).parents[2] / "scripts"
    monkeypatch.syspath_prepend(scripts)
    script = runpy.run_path(str(scripts / "pretrain_gan.py"))
    scores = dict.fromkeys(("fcd", "intra", "precision", "recall", "copied"), 0.5) | {"acc": accuracy}
    hub = tmp_path / "hub"

    class Api:
        def create_repo(self, address, exist_ok):
            assert (address, exist_ok) == (f"me/ca2-{model}-glyphs", True)

        def upload_folder(self, repo_id, folder_path, commit_message):
            return shutil.copytree(folder_path, hub / repo_id)

    def train(name, data, minutes, run, seed):
        gan = create_model(model, num_classes=26, image_shape=(1, 28, 28))
        for folder in ("export", "kept/00000005", "kept/00000009"):
            gan.export(run / folder)
        rows = [{"cpu_minutes": minute, "images": 9, "images_per_s": 1.0, "scores": scores} for minute in minutes]
        facts = {"seed": seed, "image_shape": [1, 28, 28], "num_classes": 26, "class_names": list(data.class_names), "training_images": 9}
        made = {"parameters": 9, "precision": "int8", "networks": ["generator"], "rows": rows, "n": 9, "floor": scores}
        return facts | made | {"extractor": {"fingerprint": "f", "held_out_accuracy": 0.9}}

    main = script["main"]
    monkeypatch.setitem(main.__globals__, "train", train)
    monkeypatch.setitem(main.__globals__, "HfApi", Api)
    runs = ["--runs", str(tmp_path / "runs")]
    monkeypatch.setattr(sys, "argv", ["pretrain_gan.py", f"{model}/glyphs", "--cpu-minutes", "1", "--hub", "me", *runs])
    threads = torch.get_num_threads()
    main()
    torch.set_num_threads(threads)
    folder = hub / "me" / f"ca2-{model}-glyphs"
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(hub)  # where a folder has the name that the hub would have
    found = {}
    exec(code, found)  # the card's own example
    assert found["images"].shape == (8, 1, 28, 28)
    with Image.open(folder / "strip.png") as picture:
        assert picture.size == (2 * 30 + 2, 4 * 30 + 2)


@pytest.mark.slow
def test_a_model_is_trained_measured_and_packed(monkeypatch, tmp_path):
    scripts = Path(__file__).parents[2] / "scripts"
    monkeypatch.syspath_prepend(scripts)
    script = runpy.run_path(str(scripts / "pretrain_gan.py"))
    main = script["main"]
    for place in ("OURS", "OTHERS", "NUMBERS", "IMAGES"):
        monkeypatch.setitem(main.__globals__, place, tmp_path / place)
    command = ["pretrain_gan.py", "acgan/glyphs", "--cpu-minutes", "0.01", "0.03", "--runs", str(tmp_path / "runs")]
    monkeypatch.setattr(sys, "argv", command)
    threads = torch.get_num_threads()
    (tmp_path / "IMAGES").mkdir()
    main()
    first = script["read"](tmp_path / "NUMBERS" / "acgan-glyphs.json")
    main()  # goes on where it was: at the end
    torch.set_num_threads(threads)
    result = script["read"](tmp_path / "NUMBERS" / "acgan-glyphs.json")
    assert result == first
    assert [row["cpu_minutes"] for row in result["rows"]] == [0.01, 0.03]
    assert 0 < result["rows"][0]["images"] < result["rows"][1]["images"]
    gan = load(tmp_path / "OTHERS" / "acgan" / "glyphs")
    assert list(gan.players()) == ["generator", "discriminator"]
    assert result["parameters"] == sum(p.numel() for p in gan.parameters())
    assert (tmp_path / "OTHERS" / "acgan" / "glyphs" / "strip.png").is_file()
    assert (tmp_path / "IMAGES" / "acgan-glyphs.png").is_file()


@pytest.mark.parametrize("model", ["letters_gan", "triplegan", "r3gan"])
def test_with_int8_a_model_takes_half_the_place_and_draws_nearly_the_same(model, tmp_path):
    torch.manual_seed(0)
    gan = create_model(model, num_classes=3, image_shape=(1, 28, 28))
    gan.export(tmp_path / "half")
    gan.export(tmp_path / "int8", precision="int8")
    half, int8 = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "int8"))
    assert int8 < 0.6 * half
    again = load(tmp_path / "int8")
    for (name, before), after in zip(gan.generator.named_parameters(), again.generator.parameters(), strict=True):
        rows = before.flatten(1) if before.ndim > 1 else before[:, None]
        most = rows.abs().amax(dim=1, keepdim=True) / 254 * 1.001 if before.ndim > 1 else 1e-3 * rows.abs() + 1e-4
        assert ((after.flatten(1) if after.ndim > 1 else after[:, None]) - rows).abs().le(most + 1e-9).all(), name
    assert (again.sample(12, seed=0).float() - gan.sample(12, seed=0).float()).abs().mean() < 4  # gray levels


def test_int8_without_a_scale_is_damaged(tmp_path):
    create_model("letters_gan", num_classes=3, image_shape=(1, 28, 28)).export(tmp_path, precision="int8")
    weights = load_file(tmp_path / "model.safetensors")
    del weights[next(name for name in weights if name.endswith(".scale"))]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"is int8, but .*scale has not a number for each of its"):
        load(tmp_path)
