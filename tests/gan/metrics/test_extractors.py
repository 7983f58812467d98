import dataclasses
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ca2_core.errors import UserError
from ca2_gan import reference_classifiers as shipped
from ca2_gan.data import load_data
from ca2_gan.metrics import inception
from ca2_gan.metrics.classifier import CLASSIFIERS, Network, recipe_of, reference_classifier
from ca2_gan.metrics.suite import Suite

both = pytest.mark.parametrize("recipe", CLASSIFIERS.values(), ids=CLASSIFIERS)


@pytest.fixture
def cache(tmp_path):
    """A new one for each test."""
    return tmp_path / "cache"


@pytest.fixture
def hardly_trained(monkeypatch):
    """The extractor sees 512 images: where it doesn't matter what it has learned."""
    monkeypatch.setattr("ca2_gan.metrics.classifier.FEWEST", 512)
    monkeypatch.setattr("ca2_gan.metrics.classifier.MOST", 512)


quickly = pytest.mark.usefixtures("hardly_trained")


@both
def test_the_classifier_learns_and_is_trained_once(recipe, data, cache, monkeypatch):
    train, test = data.split()
    classifier = reference_classifier(train, recipe)
    seen = classifier.see(test.images)
    assert seen.features.shape == (len(test), 64)
    assert (seen.classes == test.labels).mean() > 0.9
    monkeypatch.setattr("ca2_gan.metrics.classifier.train_network", None)  # would fail if it were called
    again = reference_classifier(train, recipe)
    assert again.fingerprint == classifier.fingerprint
    np.testing.assert_array_equal(again.see(test.images).features, seen.features)
    assert [path.suffix for path in cache.iterdir()] == [".safetensors"]


@quickly
@both
def test_the_same_seed_trains_the_same_classifier_and_damage_is_repaired(recipe, data, cache):
    train, _ = data.split()
    first = reference_classifier(train, recipe)
    next(cache.iterdir()).write_bytes(b"damaged")
    assert reference_classifier(train, recipe).fingerprint == first.fingerprint
    assert reference_classifier(train, dataclasses.replace(recipe, seed=7)).fingerprint != first.fingerprint


@quickly
def test_the_classifiers_are_networks_of_their_own_kept_side_by_side(data, cache):
    train, test = data.split()
    first, second = (reference_classifier(train, recipe) for recipe in CLASSIFIERS.values())
    assert len(list(cache.iterdir())) == 2
    assert first.name != second.name
    assert first.recipe.seed != second.recipe.seed
    kinds = [{type(layer) for layer in classifier.network.body.modules()} for classifier in (first, second)]
    assert torch.nn.ReLU in kinds[0] - kinds[1]
    assert torch.nn.SiLU in kinds[1] - kinds[0]
    features = [classifier.see(test.images).features for classifier in (first, second)]
    assert features[0].shape == features[1].shape
    assert not np.allclose(*features)


@both
def test_classifiers_of_data_that_everyone_has_come_with_the_package(recipe, cache, monkeypatch):
    monkeypatch.setattr("ca2_gan.metrics.classifier.train_network", None)  # would fail if it were called
    train, test = load_data("glyphs").split()
    classifier = reference_classifier(train, recipe)
    assert (classifier.see(test.images).classes == test.labels).mean() > 0.96
    assert not cache.exists()


def test_every_shipped_classifier_is_small_and_fits_its_recipe():
    paths = list(shipped.FOLDER.glob("*.safetensors"))
    assert {path.name.partition("-")[0] for path in paths} == {"glyphs", "mnist"}
    for path in paths:
        recipe = next(recipe for recipe in CLASSIFIERS.values() if path.stem.endswith(f"-{recipe.seed}"))
        weights = load_file(path)
        classes = len(weights["head.bias"])
        Network(recipe.body(1), classes).load_state_dict(weights)
        assert path.stat().st_size < 2**20


@quickly
def test_a_shipped_classifier_that_fits_no_more_is_replaced_by_training(data, monkeypatch, tmp_path):
    train, _ = data.split()
    expected = reference_classifier(train).fingerprint
    monkeypatch.setattr("ca2_gan.reference_classifiers.FOLDER", tmp_path)
    save_file({"body.0.weight": torch.zeros(1)}, tmp_path / f"letters-{train.fingerprint}-0.safetensors")
    assert reference_classifier(train).fingerprint == expected


@quickly
def test_a_cache_that_cannot_be_written_to_is_said_once_and_changes_no_number(data, tmp_path, monkeypatch, capsys):
    train, test = data.split()
    expected = Suite(["fcd"], train, test, 40).floor().values
    assert capsys.readouterr().err == ""
    (tmp_path / "file").touch()
    monkeypatch.setenv("CA2_GAN_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        assert Suite(["fcd"], train, test, 40).floor().values == expected
    told = capsys.readouterr().err
    assert told == (
        f"ca2-gan: {tmp_path / 'file' / 'cache'}: the cache can't be written to (Not a directory); "
        "results are right, but recomputed each time. Set CA2_GAN_CACHE to another folder.\n"
    )


@quickly
def test_damage_in_the_cache_is_repaired(data, cache):
    train, test = data.split()
    expected = Suite(["fcd"], train, test, 40).floor().values
    for content in (b"", b"damaged", b"PK\x03\x04", pickle.dumps([1])):
        for path in cache.iterdir():
            path.write_bytes(content)
        assert Suite(["fcd"], train, test, 40).floor().values == expected
    (weights,) = cache.glob("*.safetensors")
    save_file({name: value * torch.nan for name, value in load_file(weights).items() if value.is_floating_point()}, weights)
    assert Suite(["fcd"], train, test, 40).floor().values == expected


def test_an_unknown_classifier_is_named():
    with pytest.raises(UserError, match=r"no reference classifier named 'secnd'. Did you mean 'second'\? There are first and second."):
        recipe_of("secnd")


@quickly
def test_training_leaves_the_global_random_state_alone(data):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    reference_classifier(data.split()[0])
    assert torch.equal(torch.rand(3), expected)


@quickly
@pytest.mark.parametrize("batch_size", [1, 17, 1000])
def test_features_do_not_depend_on_the_batch_size(batch_size, data):
    classifier = reference_classifier(data.split()[0])
    expected = classifier.see(data.images[:40])
    found = classifier.see(data.images[:40], batch_size)
    np.testing.assert_allclose(found.features, expected.features, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found.classes, expected.classes)


def test_weights_that_cannot_be_had_say_so(monkeypatch):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    with pytest.raises(inception.UnavailableError, match=r"can't be downloaded \(no network\).*--inception-weights"):
        inception.Inception()


def test_a_download_that_was_cut_off_leaves_the_metric_out(monkeypatch, tmp_path):
    from pytorch_fid import inception as theirs

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = tmp_path / "checkpoints" / theirs.FID_WEIGHTS_URL.rpartition("/")[2]
    path.parent.mkdir()
    for content in (b"", b"PK\x03\x04", b"no weights"):
        path.write_bytes(content)
        with pytest.raises(inception.UnavailableError, match="Inception's weights can't be downloaded"):
            inception.Inception()


def test_wrong_weights_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        inception.Inception(tmp_path / "x.pth")
    (tmp_path / "x.pth").write_bytes(b"no weights")
    with pytest.raises(UserError, match="can't be read as weights"):
        inception.Inception(tmp_path / "x.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(UserError, match="not pytorch-fid's Inception weights"):
        inception.Inception(tmp_path / "x.pth")


def test_inception_gives_the_features_that_pytorch_fids_network_gives(tmp_path):
    """With weights from a file; random ones will do."""
    from unittest import mock

    from pytorch_fid import inception as theirs

    state = {}

    def keep_initial(module, _):
        state.update({name: value.clone() for name, value in module.state_dict().items()})

    with mock.patch.object(torch.nn.Module, "load_state_dict", keep_initial), mock.patch.object(theirs, "load_state_dict_from_url"):
        network = theirs.InceptionV3([3]).eval()
    torch.save(state, tmp_path / "weights.pth")
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    ours = inception.Inception(tmp_path / "weights.pth")
    with torch.inference_mode():
        expected = network(torch.from_numpy(images).expand(-1, 3, -1, -1).float() / 255)[0].flatten(1).numpy()
    np.testing.assert_allclose(ours.see(images).features, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.see(images, batch_size=2).features, expected, rtol=1e-4, atol=1e-5)
