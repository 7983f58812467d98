"""evaluate(a, b): any two things, and a clear answer where there is no number."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ca2_core.errors import UserError
from ca2_gan import create_model, evaluate, register_extractor, register_metric
from ca2_gan.data.cleaning import Raw, clean
from ca2_gan.metrics import Column, Metric, Number, frechet_distance, moments
from ca2_gan.registry import extractors, metrics


class Grey(nn.Module):
    """Mean grey of the image's quarters: [N, C, H, W] -> [N, 4]."""

    def forward(self, images):
        return nn.functional.adaptive_avg_pool2d(images, 2).mean(dim=1).flatten(1)


class Broken(nn.Module):
    def forward(self, images):
        features = images.flatten(1).clone()
        features[3] = torch.nan
        return features


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    """Extractors and metrics of a user, for one test."""
    monkeypatch.setattr(extractors, "_entries", dict(extractors._entries))
    monkeypatch.setattr(metrics, "_entries", dict(metrics._entries))
    extractors.list()
    metrics.list()
    register_extractor("grey")(lambda setup: Grey())
    register_extractor("broken")(lambda setup: Broken())


@pytest.fixture
def untrained(monkeypatch):
    """Fails if a classifier is trained."""
    monkeypatch.setattr("ca2_gan.metrics.classifier.train_network", None)


def gan(seed=0, model="cgan", names="ABC"):
    torch.manual_seed(seed)
    return create_model(model, num_classes=len(names), image_shape=(1, 16, 16), class_names=tuple(names))


def forms(images, labels, folder):
    """The same labelled images in every form."""
    data = clean(Raw("bars", images.copy(), labels.copy(), dict(enumerate("ABC"))))
    np.savez(folder / "bars.npz", x=images, y=labels, class_names=np.array(list("ABC")))
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / "pictures" / f"{i:06d}_{'ABC'[label]}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    return {
        "Dataset": data,
        "arrays": (images, labels),
        "tensors": (torch.from_numpy(images)[:, None], torch.from_numpy(labels)),
        "npz": folder / "bars.npz",
        "folder": str(folder / "pictures"),
    }


@pytest.mark.usefixtures("untrained")
def test_every_form_of_either_side_gives_the_same_scores(bars, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    fakes, reals = forms(*bars(60, seed=1), tmp_path / "a"), forms(*bars(60, seed=2), tmp_path / "b")
    asked = {"metrics": ["fcd:grey", "kid:grey", "prdc:grey", "intra:grey"], "resamples": 10}
    expected = evaluate(fakes["Dataset"], reals["Dataset"], **asked)
    assert list(expected) == [
        "fcd:grey",
        "kid:grey",
        *(f"{key}:grey" for key in ("precision", "recall", "density", "coverage")),
        "intra:grey",
    ]
    for form in fakes:
        found = {
            "Dataset on one side": evaluate(fakes[form], reals["Dataset"], **asked),
            "other": evaluate(fakes["npz"], reals[form], **asked),
        }
        for scores in found.values():
            for key in set(expected) - {"intra:grey"}:
                assert scores[key] == expected[key], (form, key)
    assert evaluate(fakes["folder"], reals["npz"], **asked)["intra:grey"] == expected["intra:grey"]


@pytest.mark.usefixtures("untrained")
def test_dark_ink_on_white_is_recognised_as_in_other_data(bars, tmp_path, capsys):
    (tmp_path / "dark").mkdir()
    images, labels = bars(60, seed=1)
    dark = forms(255 - images, labels, tmp_path / "dark")
    reals, asked = bars(60, seed=2)[0], {"metrics": ["fcd:grey", "prdc:grey"], "resamples": 0}
    expected = evaluate(images, reals, **asked)
    before = dark["arrays"][0].copy()
    for form in ("folder", "npz", "arrays"):
        assert evaluate(dark[form], reals, **asked) == expected
        assert "Ink is dark on white: inverted" in capsys.readouterr().err
    np.testing.assert_array_equal(dark["arrays"][0], before)


@pytest.mark.usefixtures("untrained")
def test_dark_samples_are_not_made_light(bars, tmp_path, capsys):
    """A model may have come to that; what is trained on is scaled."""
    images, labels = bars(60, seed=1)
    (tmp_path / "dark").mkdir()
    reals, asked = bars(60, seed=2)[0], {"metrics": ["fcd:grey"], "resamples": 0}
    dark = forms(images // 5, labels, tmp_path / "dark")
    scores = [evaluate(dark[form], reals, **asked) for form in ("folder", "npz", "arrays")]
    assert all(score == scores[0] for score in scores)
    assert scores[0]["fcd:grey"].value > 10 * evaluate(images, reals, **asked)["fcd:grey"].value
    assert "scaled" not in capsys.readouterr().err


@pytest.mark.usefixtures("untrained")
def test_models_and_runs_may_be_on_either_side(bars, tmp_path):
    model, (images, labels) = gan(), bars(60, seed=1)
    model.save(tmp_path / "model")
    asked = {"metrics": ["fcd:grey", "intra:grey"], "n": 60}
    expected = evaluate(model, (images, labels), **asked)
    assert evaluate(tmp_path / "model", (images, labels), **asked) == expected
    assert evaluate((images, labels), model, **asked)["fcd:grey"].value == pytest.approx(expected["fcd:grey"].value)
    two = evaluate(model, gan(seed=1), **asked)
    assert two["intra:grey"].value > 0


@pytest.mark.usefixtures("untrained")
def test_a_score_says_how_to_read_it(bars):
    found = evaluate(bars(50, seed=1)[0], bars(50, seed=2)[0], ["fcd:grey", "prdc:grey"])
    score = found["fcd:grey"]
    assert score.low <= score.value <= score.high
    assert {key: (it.better, it.kind) for key, it in found.items()} == {
        "fcd:grey": ("lower", "distance"),
        "precision:grey": ("higher", "share"),
        "recall:grey": ("higher", "share"),
        "density:grey": ("higher", "ratio"),
        "coverage:grey": ("higher", "share"),
    }


def test_every_metric_says_which_way_is_better_and_what_it_is():
    columns = [column for name in metrics for column in metrics.get(name).columns]
    assert len({column.key for column in columns}) == len(columns)
    for column in columns:
        assert column.better in ("lower", "higher", "like real")
        assert column.kind in ("distance", "share", "ratio")
        assert column.kind != "distance" or column.better == "lower"


def test_the_reference_classifier_learns_from_the_training_part_alone(data, monkeypatch):
    """Whatever the held-out images are, the classifier is the same; and it is trained on no image of theirs."""
    from ca2_gan.metrics import classifier

    trained = []

    def spy(images, *rest):
        trained.append(images)
        return train(images, *rest)

    train = classifier.train_network
    monkeypatch.setattr(classifier, "train_network", spy)
    # A cache of a training of these data would hide the spy
    shifted = clean(Raw("shifted", data.images ^ 1, data.labels.copy(), dict(enumerate("ABC"))))
    assert not set(shifted.train.digests) & set(shifted.test.digests)
    found = evaluate(gan(), shifted.test, ["fcd", "acc", "kl", "memorised"], resamples=0)
    assert found["fcd"].value > 0
    (images,) = trained
    np.testing.assert_array_equal(images, shifted.train.images)
    assert not {image.tobytes() for image in images} & {image.tobytes() for image in shifted.test.images}


def test_what_needs_training_images_says_how_to_give_them(data, bars):
    with pytest.raises(
        UserError, match=r"fcd needs labelled training images that are not compared: compare with `load_data\(\.\.\.\).test`, give train"
    ):
        evaluate(bars(50)[0], data, ["fcd"])
    of_part = evaluate(bars(50)[0], data.test, ["fcd"], resamples=0)
    assert evaluate(bars(50)[0], (data.test.images, data.test.labels), ["fcd"], train=data.train, resamples=0) == of_part


def test_it_is_the_number_of_its_parts(data, bars):
    from ca2_gan.metrics.classifier import reference_classifier

    n, rng = 60, [np.random.default_rng(0) for _ in range(2)]
    sides = [
        side[np.sort(rng.permutation(len(side))[:n])]
        for side, rng in zip((data.test.images, bars(90, seed=1)[0][:, None]), rng, strict=True)
    ]
    real, fake = (reference_classifier(data.train).see(side).features for side in sides)
    found = evaluate(bars(90, seed=1)[0], data.test, ["fcd"], n=n, resamples=0)["fcd"].value
    assert found == pytest.approx(frechet_distance(moments(real), moments(fake)), rel=1e-9)


@pytest.mark.usefixtures("untrained")
class TestClearAnswers:
    def test_identical_sets(self, bars):
        images = bars(60)[0]
        found = evaluate(images, images.copy(), ["fcd:grey", "kid:grey", "prdc:grey"])
        assert found["fcd:grey"].value == pytest.approx(0, abs=1e-9)
        assert found["precision:grey"].value == found["coverage:grey"].value == 1
        assert found["kid:grey"].value < 0
        assert all(score.note.startswith("both sides are the same images.") for score in found.values())

    def test_kid_below_zero_is_explained(self, bars):
        notes = [evaluate(bars(40, seed=2 * i)[0], bars(40, seed=2 * i + 1)[0], ["kid:grey"], resamples=0)["kid:grey"] for i in range(8)]
        assert {bool(score.note) == (score.value < 0) for score in notes} == {True}
        below = [score.note for score in notes if score.value < 0]
        assert below
        assert "it is unbiased" in below[0]
        assert "no difference" in below[0]

    def test_features_that_are_not_finite(self, bars):
        with pytest.raises(
            UserError, match="arrays: the features that broken makes of 1 of 50 images are NaN or infinite, first those of image 4"
        ):
            evaluate(bars(50)[0], bars(50, seed=1)[0], ["prdc:broken"])

    @pytest.mark.parametrize(
        ("n", "metric", "message"),
        [
            (1, "fcd:grey", "fcd:grey needs at least 2 images on each side, got 1"),
            (1, "kid:grey", "kid:grey needs at least 2 images on each side, got 1"),
            (1, "kl", "kl needs at least 2 images on each side, got 1"),
            (5, "prdc:grey", "prdc:grey needs at least 6 images on each side, got 5. Give more, or leave out prdc:grey"),
            (0, "fcd:grey", "arrays: no images in it"),
        ],
    )
    def test_too_few_images(self, n, metric, message, bars, data):
        with pytest.raises(UserError, match=message):
            evaluate(bars(n)[0], data.test, [metric])

    def test_few_images_are_noted(self, bars):
        score = evaluate(bars(4)[0], bars(50)[0], ["fcd:grey"])["fcd:grey"]
        assert score.note == "of 4 images: with at most 4, the covariance is singular; compare with the floor only."

    def test_what_has_no_number_says_why(self, bars, data):
        score = evaluate(bars(30)[0], (bars(50, seed=1)[0]), ["intra:grey"])["intra:grey"]
        assert (score.value, score.low) == (None, None)
        assert score.note == "no number: the classes are unknown."

    @pytest.mark.parametrize(
        ("a", "message"),
        [
            (np.zeros((9, 8, 8), dtype=np.uint8), "arrays: images of 8x8 with 1 channel, but arrays has 16x16 with 1 channel. Resize"),
            (np.zeros((9, 16, 16, 5), dtype=np.uint8), "arrays: .*images"),
            ((np.zeros((9, 16, 16), dtype=np.uint8), np.zeros(8, dtype=np.int64)), "9 images but 8 labels"),
            (5, "int: can't be compared"),
            ("nowhere", "nowhere: no such folder"),
            ("some/nowhere.npz", r"some/nowhere\.npz: no such file\.$"),
            (None, "NoneType: can't be compared"),
        ],
    )
    def test_what_cannot_be_compared(self, a, message, bars):
        with pytest.raises(UserError, match=message):
            evaluate(a, bars(50)[0], ["fcd:grey"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"metrics": ["fcdd"]}, "no metric named 'fcdd'. Did you mean 'fcd'"),
            ({"metrics": ["fcd:gray"]}, "no extractor named 'gray'. Did you mean 'grey'"),
            ({"metrics": ["kl:grey"], "train": "data"}, "grey does not classify the data"),
            ({"metrics": ["cas:grey"]}, "cas uses no network"),
            ({"metrics": ["fcd:grey"], "n": 51}, "arrays: 50 images, but 51 are asked for"),
            ({"metrics": ["fcd:grey"], "n": -1}, "n=-1: it has to be at least 1"),
            ({"metrics": ["fcd:grey"], "n": 50.5}, r"n: 50\.5 can't be read as"),
            ({"metrics": ["fcd:grey"], "seed": -1}, "seed=-1: it has to be from 0"),
            ({"metrics": ["fcd:grey"], "seed": 2**70}, r"seed=\d+: it has to be from 0"),
            ({"metrics": ["fcd:grey"], "resamples": -1}, "resamples=-1: it has to be at least 2, or 0"),
            ({"metrics": []}, "metrics: none named"),
            ({"metrics": 3}, "no metric named '3'"),
            ({"metrics": ["fcd:grey"], "device": "cuda:99"}, "device 'cuda:99' can't be used"),
        ],
    )
    def test_wrong_wishes(self, options, message, bars, data):
        options = options | ({"train": data.train} if "train" in options else {})
        with pytest.raises(UserError, match=message):
            evaluate(bars(50)[0], bars(50, seed=1)[0], **options)

    def test_training_images_that_are_compared_are_refused(self, data, bars):
        for train in (data.test, data, (data.images, data.labels)):
            with pytest.raises(UserError, match=r"train: 100% of the images of bars are in it.*train=data\.train"):
                evaluate(bars(50)[0], data.test, ["fcd:grey"], train=train)
        asked = {"n": 50, "resamples": 0}
        named = np.array(data.class_names)[data.train.labels]
        ours = evaluate(bars(50)[0], data.test, ["fcd:grey"], train=(data.train.images, named), **asked)
        assert ours == evaluate(bars(50)[0], data.test, "fcd:grey", **asked)

    @pytest.mark.usefixtures("untrained")
    def test_several_metrics_in_one_text(self, bars):
        found = evaluate(bars(50)[0], bars(50, seed=1)[0], "fcd:grey, kcd:grey", resamples=0)
        assert list(found) == ["fcd:grey", "kcd:grey"]

    @pytest.mark.parametrize(
        ("made", "message"),
        [
            (None, "extractor mine: the function that makes it returned NoneType; a torch.nn.Module is needed"),
            (lambda images: images, "returned function"),
            (nn.Linear(7, 2), r"extractor mine: its network failed on images \[50, 1, 16, 16\]: RuntimeError: mat1"),
        ],
    )
    def test_extractors_that_do_not_work_are_named(self, made, message, bars):
        register_extractor("mine")(lambda setup: made)
        with pytest.raises(UserError, match=message):
            evaluate(bars(50)[0], bars(50, seed=1)[0], ["fcd:mine"])
        with pytest.raises(UserError, match="extractor 'mine': the name is taken, by one of"):
            register_extractor("mine")(lambda setup: made)

    def test_a_model_of_nan_has_no_score(self, data):
        broken = gan()
        next(broken.generator.parameters()).data.fill_(torch.nan)
        with pytest.raises(UserError, match="not finite"):
            evaluate(broken, data.test, ["fcd:grey"])

    def test_inception_without_weights_is_left_out_with_a_warning(self, bars, monkeypatch):
        def offline(*_, **__):
            raise OSError("no network")

        monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
        with pytest.warns(UserWarning, match="fid left out: Inception's weights can't be downloaded"):
            found = evaluate(bars(50)[0], bars(50, seed=1)[0], ["fid", "fcd:grey"])
        assert list(found) == ["fcd:grey"]
        with pytest.raises(UserError, match=r"^Inception's weights .*inception_weights=\.\.\. in Python"):
            evaluate(bars(50)[0], bars(50, seed=1)[0])  # by default, without training images, there is Inception only


def test_by_default_everything_but_what_takes_a_minute(data, monkeypatch):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    with pytest.warns(UserWarning, match="left out"):
        found = evaluate(gan(), data.test, n=40, resamples=0)
    assert list(found) == [
        *("fcd", "kcd", "mind", "intra", "kl_class", "kl_pixel", "precision", "recall", "density", "coverage", "isc"),
        *("diversity", "diversity_min", "near_duplicates", "acc", "copied", "nearer"),
    ]
    assert all(dataclasses.is_dataclass(score) for score in found.values())


@pytest.mark.usefixtures("untrained")
def test_a_metric_of_a_user(bars):
    class Ink(Metric):
        """Difference of the mean grey."""

        columns = (Column("ink", "ink", "lower", "distance"),)
        extractor = None

        def compute(self, reference, fake):
            return {"ink": Number(abs(float(fake.samples.images.mean() - reference.real.samples.images.mean())))}

    register_metric("ink")(Ink())
    a, b = bars(50)[0], bars(50, seed=1)[0]
    assert evaluate(a, b, ["ink"])["ink"].value == pytest.approx(abs(a.mean() - b.mean()))
    assert evaluate(a, b, "ink") == evaluate(a, b, ["ink"])
