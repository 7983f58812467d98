"""One loader for folders and the hub: a model comes whole or not at all, and what is wrong with it is one line."""

import copy
import json
import pickle
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from huggingface_hub import ModelCard, constants
from safetensors.torch import load_file, save_file

from ca2_core.errors import UserError
from ca2_gan import GAN, create_model, load

SHAPE = (1, 16, 16)
COMMITS = {"main": "a" * 40, "v1": "b" * 40}


def small(model: str = "dcgan_radford", num_classes: int = 3, **options: object) -> GAN:
    return create_model(model, num_classes=num_classes, image_shape=SHAPE, **({"width": 8} | options))


@pytest.fixture
def saved(tmp_path) -> Path:
    small().save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Puts the files of a model where the hub's library keeps what it has downloaded, and takes the network away."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def publish(folder: Path, name: str = "user/name", revision: str = "main") -> None:
        repository = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        shutil.copytree(folder, repository / "snapshots" / COMMITS[revision])
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / revision).write_text(COMMITS[revision])

    return publish


def ways(folder: Path, publish) -> dict:
    """All ways to load the model in a folder."""
    publish(folder)
    return {
        "load a folder": lambda: load(folder),
        "from_pretrained of a folder": lambda: GAN.from_pretrained(str(folder)),
        "load from the hub": lambda: load("user/name"),
        "from_pretrained from the hub": lambda: GAN.from_pretrained("user/name"),
    }


def refused(action, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        action()
    assert len(str(raised.value)) < 500
    assert "\n" not in str(raised.value)


def test_every_way_gives_the_same_model(saved, hub):
    expected = load(saved).sample(4, seed=0)
    for way in ways(saved, hub).values():
        gan = way()
        assert not gan.training
        assert torch.equal(gan.sample(4, seed=0), expected)


def test_weights_of_another_model_are_refused_in_every_way(saved, hub, tmp_path):
    small("wgan_gp").save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", saved)
    for way in ways(saved, hub).values():
        refused(way, r"model\.safetensors: not the weights of the dcgan_radford that config\.json describes")


def test_a_player_without_weights_is_left_out_in_every_way(hub, tmp_path):
    create_model("triplegan", num_classes=3, image_shape=SHAPE).export(tmp_path / "model")
    for way in ways(tmp_path / "model", hub).values():
        gan = way()
        assert list(gan.players()) == ["generator"]
        assert (gan.discriminator, gan.classifier) == (None, None)


def test_revision_and_cache_are_the_hubs(saved, hub, tmp_path):
    hub(saved, revision="main")
    torch.manual_seed(1)
    small(width=16).save(tmp_path / "older")
    hub(tmp_path / "older", revision="v1")
    assert GAN.from_pretrained("user/name").config["options"] == {"width": 8}
    assert GAN.from_pretrained("user/name", revision="v1").config["options"] == {"width": 16}
    assert GAN.from_pretrained("user/name", revision=COMMITS["v1"]).config["options"] == {"width": 16}
    here = {"cache_dir": tmp_path / "hub", "local_files_only": True, "token": False, "force_download": False}
    assert GAN.from_pretrained("user/name", **here).config["options"] == {"width": 8}
    refused(lambda: GAN.from_pretrained("user/name", revision="v2"), "user/name: no such folder, and it can't be loaded from the .* hub")
    refused(lambda: GAN.from_pretrained("user/name", cache_dir=tmp_path / "none"), "can't be loaded from the Hugging Face hub")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["user/nothing", "a b/c", "runs/cgna"])
def test_what_neither_a_folder_nor_the_hub_has_is_one_line(name):
    refused(lambda: load(name), f"{name}: no such folder, and it can't be loaded from the Hugging Face hub")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "model has to be a name, not None"),
        ({"model": ["cgan"]}, r"model has to be a name, not \['cgan'\]"),
        ({"model": "dcgan_radfrod"}, "no model named 'dcgan_radfrod'. Did you mean 'dcgan_radford'"),
        ({"num_classes": 2.0}, "num_classes has to be a whole number, not 2.0"),
        ({"num_classes": True}, "num_classes has to be a whole number"),
        ({"num_classes": 10**12}, "1,000,000,000,000 classes"),
        ({"num_classes": 0}, "0 classes"),
        ({"num_classes": 4}, "3 class names for 4 classes"),
        ({"class_names": "ABC"}, "class_names has to be a list of names, not 'ABC'"),
        ({"class_names": [1, 2, 3]}, "class_names has to be a list of names"),
        ({"class_names": ["A", "B", "A"]}, "two classes have the same name among"),
        ({"class_names": ["A", "B"]}, "2 class names for 3 classes"),
        ({"image_shape": [16, 16]}, "an image shape of 2 numbers; channels, height and width are needed"),
        ({"image_shape": [1, 16, "16"]}, "image_shape has to be channels, height and width"),
        ({"image_shape": [1, 10**12, 16]}, "images are 1000000000000x16"),
        ({"noise_dim": 10**12}, "1,000,000,000,000 noise values"),
        ({"noise_dim": 10**40}, "noise values"),
        ({"noise_dim": -1}, "-1 noise values"),
        ({"noise_dim": "100"}, "noise_dim has to be a whole number, not '100'"),
        ({"noise_dim": 50}, r"generator\.layers\.1\.weight is \[100, .*\], not \[50, "),
        ({"spectral_norm": "no"}, "spectral_norm has to be true or false"),
        ({"options": [8]}, "options has to be the model's options by name"),
        ({"options": {"width": "8"}}, "the model option width has to be a whole number, not '8'"),
        ({"options": {"width": -8}}, "dcgan_radford: the model option width has to be at least 1, not -8"),
        ({"options": {"width": 10**9}}, "dcgan_radford: can't be made with width=1000000000"),
        ({"options": {"glorot": 1}}, "the model option glorot has to be true or false, not 1"),
        ({"options": {"widht": 8}}, "no model option 'widht'"),
        ({"modell": "cgan"}, "no entry is called 'modell'. Did you mean 'model'"),
        ({"self": 1}, "no entry is called 'self'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("loader", [load, GAN.from_pretrained], ids=["load", "from_pretrained"])
def test_wrong_configurations_are_explained(loader, changes, message, saved):
    path = saved / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    refused(lambda: loader(saved), message)
    with pytest.raises(UserError, match=str(saved)):  # where
        loader(saved)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[1, 2]", "null", "1", '"cgan"', "{}", '{"model": "cgan"}', "[" * 100_000, b"\xff\xfe\x00"]
)
def test_what_is_no_configuration_is_said_to_be_none(text, saved):
    (saved / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    for loader in (load, GAN.from_pretrained):
        refused(lambda loader=loader: loader(saved), r"config\.json: not the configuration of a model")


def half_a_discriminator(weights):
    return {name: value for name, value in weights.items() if not name.startswith("discriminator.layers.2")}


def replace(weights, change):
    name = "generator.layers.1.weight"
    return weights | {name: change(weights[name].clone())}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (half_a_discriminator, r"discriminator\.layers\.2\.weight is missing"),
        (lambda w: {name: value for name, value in w.items() if name.startswith("discriminator")}, r"generator\S+ is missing"),
        (lambda w: {}, r"generator\S+ is missing"),
        (lambda w: w | {"classifier.bias": torch.zeros(3)}, r"classifier\.bias is not a weight of the model"),
        (lambda w: replace(w, lambda x: x[1:]), r"generator\.layers\.1\.weight is \[99, .*, not \[100,"),
        (lambda w: replace(w, lambda x: x.transpose(0, 1).contiguous()), r"generator\.layers\.1\.weight is "),
        (lambda w: replace(w, lambda x: x.long()), r"generator\.layers\.1\.weight is torch\.int64, not torch\.float32"),
        (lambda w: replace(w, lambda x: x.to(torch.complex64)), r"generator\.layers\.1\.weight is torch\.complex64"),
        (lambda w: replace(w, lambda x: x.index_fill(0, torch.tensor([5]), torch.nan)), r"generator\.layers\.1\.weight is not finite"),
        (lambda w: replace(w, lambda x: x.double() + 1e300), r"generator\.layers\.1\.weight is not finite"),
        (
            lambda w: w | {"generator.layers.2.num_batches_tracked": torch.tensor(1.5)},
            r"generator\.layers\.2\.num_batches_tracked is torch\.float32",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(spoil, message, saved):
    path = saved / "model.safetensors"
    save_file(spoil(load_file(path)), path)
    for loader in (load, GAN.from_pretrained):
        refused(lambda loader=loader: loader(saved), rf"model\.safetensors: not the weights of the dcgan_radford .*: {message}")


@pytest.mark.parametrize("keep", [0, 7, 100, -100])
def test_cut_off_weights_are_refused(keep, saved):
    path = saved / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    for loader in (load, GAN.from_pretrained):
        refused(lambda loader=loader: loader(saved), r"model\.safetensors: damaged or cut off")


def test_missing_files_are_named(saved):
    (saved / "model.safetensors").unlink()
    refused(lambda: GAN.from_pretrained(saved), r"no model\.safetensors: the model's weights are missing")
    (saved / "config.json").unlink()
    refused(lambda: GAN.from_pretrained(saved), r"no config\.json")


def test_load_takes_what_the_hub_needs(saved, hub, monkeypatch, tmp_path):
    small(width=16).save(tmp_path / "older")
    hub(saved)
    hub(tmp_path / "older", revision="v1")
    assert load("user/name", revision="v1").config["options"] == {"width": 16}
    asked = {}
    monkeypatch.setattr("ca2_gan.gan.snapshot_download", lambda name, **options: asked.update(options) or saved)
    load("user/name", revision="v2", token="secret")
    assert (asked["revision"], asked["token"]) == ("v2", "secret")
    refused(lambda: load(saved, revision="v1"), "revision='v1' is for models on the Hugging Face hub")
    refused(lambda: load("letters_gan/mnist", revision="v1"), "revision='v1' is for models on the Hugging Face hub")


class TestCard:
    """What the hub shows of a model."""

    @pytest.fixture
    def pushed(self, tmp_path, monkeypatch):
        """What a push would upload."""

        class Api:
            def __init__(self, token):
                assert token == "secret"

            def create_repo(self, repo_id, private, exist_ok):
                return SimpleNamespace(repo_id=repo_id)

            def upload_folder(self, folder_path, **_):
                shutil.copytree(folder_path, tmp_path / "pushed")
                return "address"

        monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Api)
        return tmp_path / "pushed"

    @pytest.mark.parametrize("model", ["dcgan_radford", "acgan"])
    def test_a_new_model_gets_one_whose_example_works(self, model, pushed, hub):
        gan = small(model)
        assert gan.push_to_hub("user/name", token="secret") == "address"
        card = ModelCard.load(pushed / "README.md")
        assert card.data.library_name == "ca2"
        assert f"`{model}`, width=8" in card.text
        hub(pushed)
        (code,) = re.findall(r"```python\n(.*?)```", card.text, re.DOTALL)
        exec(code, found := {})
        assert torch.equal(found["images"], gan.sample(8, [0] * 8 if gan.is_conditional else None, seed=0))

    def test_a_shipped_model_keeps_its_own(self, pushed):
        load("letters_gan/mnist").push_to_hub("user/name", token="secret")
        card = ModelCard.load(pushed / "README.md")
        assert "## Measured" in card.text
        assert 'load("user/name")' in card.text
        assert 'load("letters_gan/mnist")' not in card.text

    def test_a_saved_model_has_one_too(self, tmp_path):
        small().save_pretrained(tmp_path)
        assert ModelCard.load(tmp_path / "README.md").data.library_name == "ca2"


class TestPerClass:
    @pytest.fixture
    def run(self, tmp_path) -> Path:
        """A run of one model per class."""
        folder = tmp_path / "run"
        for name in "AB":
            small(num_classes=1).save(folder / name)
        return self.describe(folder)

    @staticmethod
    def describe(folder: Path, **facts: object) -> Path:
        known = {"threads": 1, "class_names": ["A", "B"], "folders": ["A", "B"]}
        config = {"model": "dcgan_radford", "data": "bars", "per_class": True, "facts": known | facts}
        (folder / "config.yml").write_text(yaml.safe_dump(config))
        return folder

    def test_it_has_no_network_that_nobody_trained(self, run):
        gan = load(run)
        assert gan.class_names == ("A", "B")
        assert gan.players() == {"generator": gan.generator}
        for name in "AB":
            noise = gan.draw_noise(5, seed=0)
            assert torch.equal(gan.images_from(noise, name * 5), load(run / name).images_from(noise, [0] * 5))

    def test_it_is_saved_and_pickled_as_one_model(self, run, tmp_path):
        gan = load(run)
        gan.save(tmp_path / "saved")
        for again in (load(tmp_path / "saved"), pickle.loads(pickle.dumps(gan)), copy.deepcopy(gan)):
            assert again.class_names == ("A", "B")
            assert torch.equal(again.sample(5, seed=0), gan.sample(5, seed=0))
        gan.export(tmp_path / "exported")
        assert (load(tmp_path / "exported").sample(5, seed=0).int() - gan.sample(5, seed=0).int()).abs().max() <= 2

    @pytest.mark.parametrize("folder", ["../../x", "..", "../run/B", "/etc", "B/../B", "", "a/b", "."])
    def test_folders_elsewhere_are_not_opened(self, folder, run):
        refused(lambda: load(self.describe(run, folders=["A", folder])), r"config\.yml: the folder .* is not directly inside the run")

    @pytest.mark.parametrize(
        "facts",
        [
            {"folders": ["A"]},
            {"folders": "AB"},
            {"folders": None},
            {"folders": [1, 2]},
            {"class_names": ["A", None]},
            {"class_names": 5},
            {"threads": "many"},
            {"threads": 0},
        ],
        ids=str,
    )
    def test_wrong_facts_are_damage(self, facts, run):
        refused(lambda: load(self.describe(run, **facts)), r"config\.yml: damaged: .* facts")

    @pytest.mark.parametrize("text", ["", "[]", "a: [", "model: dcgan\nper_class: true\nfacts: [1]\n", "\0"])
    def test_a_damaged_run_is_said_to_be_damaged(self, text, run):
        (run / "config.yml").write_text(text)
        refused(lambda: load(run), rf"{run / 'config.yml'}")

    def test_classes_that_do_not_go_together_are_refused(self, run):
        small(num_classes=1, noise_dim=7).save(run / "B")
        refused(lambda: load(run), r"B: its model differs from the first class's in images, noise or layers")

    def test_a_class_without_its_weights_is_named(self, run):
        (run / "B" / "model.safetensors").unlink()
        refused(lambda: load(run), r"run/B: no model\.safetensors")
