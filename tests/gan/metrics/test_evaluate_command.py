import csv
import json
from importlib.metadata import version

import numpy as np
import pytest
import torch
from PIL import Image

from ca2_core.errors import UserError
from ca2_gan.commands.evaluate import main
from ca2_gan.gan import create_model
from ca2_gan.metrics.samples import Samples, open_source, sample_like
from ca2_gan.metrics.suite import Suite


@pytest.fixture
def source(data, tmp_path):
    """The data as a file."""
    path = tmp_path / "bars.npz"
    np.savez(path, x=data.images, y=data.labels, class_names=np.array(data.class_names))
    return str(path)


def write_npz(path, images, labels=None):
    np.savez(path, x=images, **({} if labels is None else {"y": labels}))
    return str(path)


def evaluate(out, *arguments):
    main([*map(str, arguments), "--metrics", "fcd,kl,prdc,acc", "--out", str(out)])
    return json.loads((out / "evaluation.json").read_text())


def test_good_fakes_are_near_the_floor_and_bad_ones_far(source, tmp_path, capsys, bars):
    good = write_npz(tmp_path / "good.npz", *bars(300, seed=1))
    noise = write_npz(tmp_path / "noise.npz", np.random.default_rng(0).integers(0, 256, (300, 16, 16), dtype=np.uint8))
    one = write_npz(tmp_path / "one.npz", np.repeat(bars(1, seed=2)[0], 300, axis=0))
    content = evaluate(tmp_path / "out", good, noise, one, "--data", source)
    floor, good_row, noise_row, one_row = (row["scores"] for row in content["rows"])
    assert content["rows"][0]["name"] == "real (floor)"
    assert good_row["fcd"] < 0.2 * min(noise_row["fcd"], one_row["fcd"])
    assert good_row["kl_class"] < 0.3 < one_row["kl_class"]
    assert noise_row["kl_pixel"] > 10 * max(good_row["kl_pixel"], floor["kl_pixel"])
    assert one_row["coverage"] < 0.2 < good_row["coverage"]
    assert good_row["acc"] > 0.9
    assert floor["acc"] > 0.9
    assert noise_row["acc"] is None
    assert content["n"] == {row["n"] for row in content["rows"]}.pop()
    table = capsys.readouterr().out
    assert "real (floor)" in table
    assert "from easy to hard" in table
    rows = list(csv.DictReader((tmp_path / "out" / "evaluation.csv").open()))
    assert float(rows[1]["fcd"]) == good_row["fcd"]
    assert rows[2]["acc"] == ""


def test_swapped_labels_lower_the_accuracy_of_their_classes_only(source, tmp_path, bars):
    images, labels = bars(300, seed=1)
    swapped = np.where(labels == 2, 2, 1 - labels)
    content = evaluate(tmp_path / "out", write_npz(tmp_path / "x.npz", images, swapped), "--data", source)
    by_class = {scores["name"]: scores for scores in content["classes"][str(tmp_path / "x.npz")]}
    assert by_class["A"]["acc"] < 0.1
    assert by_class["B"]["acc"] < 0.1
    assert by_class["C"]["acc"] > 0.9
    assert content["classes"][str(tmp_path / "x.npz")][0]["name"] == "C"  # the easiest
    assert len({scores["n"] for scores in by_class.values()}) == 1


def test_folders_of_png_count_as_what_they_show(source, data, tmp_path, bars):
    images, labels = bars(120, seed=1)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        for path in (tmp_path / "flat" / f"{i:06d}_{'ABC'[label]}.png", tmp_path / "nested" / "ABC"[label] / f"{i}.png"):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    flat, nested = (open_source(str(tmp_path / name)).origin.among("ABC") for name in ("flat", "nested"))
    np.testing.assert_array_equal(flat.images[:, 0], images)
    np.testing.assert_array_equal(flat.labels, labels)
    assert sorted(nested.labels) == sorted(labels)
    next((tmp_path / "flat").iterdir()).rename(tmp_path / "flat" / "loose.png")
    assert open_source(str(tmp_path / "flat")).origin.among("ABC").labels is None


def test_models_are_asked_for_the_classes_in_the_shares_of_the_training_split(data, source, tmp_path):
    train, _ = data.split()
    gan = create_model("cgan", num_classes=2, image_shape=(1, 16, 16), class_names=("C", "A"))
    samples = sample_like(gan, 200, train, seed=0)
    assert set(samples.labels) == {0, 2}
    expected = (train.labels == 0).sum() / np.isin(train.labels, [0, 2]).sum()
    assert abs((samples.labels == 0).mean() - expected) < 0.1
    first = samples.labels[:5]
    asked = [{2: 0, 0: 1}[int(label)] for label in samples.labels]
    np.testing.assert_array_equal(gan.sample(200, labels=asked, seed=0).numpy(), samples.images)
    np.testing.assert_array_equal(sample_like(gan, 200, train, seed=0).labels[:5], first)
    gan.save_pretrained(tmp_path / "model")
    content = evaluate(tmp_path / "out", tmp_path / "model", "--data", source, "--n", 60)
    assert content["rows"][1]["scores"]["acc"] is not None


def test_several_models_of_a_kind_get_a_row_of_mean_and_deviation(source, tmp_path):
    for seed in range(2):
        torch.manual_seed(seed)
        gan = create_model("dcgan_radford", num_classes=3, image_shape=(1, 16, 16), class_names=tuple("ABC"))
        gan.save_pretrained(tmp_path / f"model{seed}")
    content = evaluate(tmp_path / "out", tmp_path / "model0", tmp_path / "model1", "--data", source, "--n", 60)
    one, two, both = (row["scores"]["fcd"] for row in content["rows"][1:])
    assert content["rows"][3]["name"] == "dcgan_radford: 2 models"
    assert both == pytest.approx((one + two) / 2)
    assert content["rows"][3]["std"]["fcd"] == pytest.approx(abs(one - two) / 2**0.5)
    assert both is not None
    assert content["rows"][1]["scores"]["acc"] is None  # unconditional


def test_without_inceptions_weights_the_rest_goes_on(source, tmp_path, monkeypatch, capsys, bars):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    main([write_npz(tmp_path / "x.npz", *bars(100, seed=1)), "--data", source, "--metrics", "fid,fcd"])
    printed = capsys.readouterr().out
    assert "fid left out" in printed
    assert "FCD" in printed


def test_the_order_of_the_images_does_not_matter(data, tmp_path, bars):
    train, test = data.split()
    suite = Suite(["fcd", "kl", "prdc", "acc"], train, test, 60)
    images, labels = bars(60, seed=1)
    npz = open_source(write_npz(tmp_path / "x.npz", images, labels))
    samples = npz.draw(60, train, 0)
    order = np.random.default_rng(0).permutation(60)
    other = type(samples)("shuffled", samples.images[order], samples.labels[order])
    first, second = suite.score(samples).values, suite.score(other).values
    for key, value in first.items():
        assert second[key] == pytest.approx(value, rel=1e-4, abs=1e-6), key


def test_copies_of_training_images_are_noticed_by_the_metric_of_copies_only(data, source, tmp_path):
    train, _ = data.split()
    copies = write_npz(tmp_path / "copies.npz", train.images[:90], train.labels[:90])
    out = tmp_path / "out"
    main([copies, "--data", source, "--metrics", "fcd,memorised", "--out", str(out)])
    floor, found = (row["scores"] for row in json.loads((out / "evaluation.json").read_text())["rows"])
    assert floor["copied"] < 0.05
    assert floor["nearer"] == pytest.approx(0.5)
    assert found["copied"] > 0.9
    assert found["nearer"] > 0.95
    with Image.open(out / "nearest.png") as picture:
        assert picture.size[0] > 500


def test_images_in_the_training_split_twice_can_still_be_copied(data):
    train, test = data.split()
    twice = train.subset(np.concatenate([np.arange(len(train)), np.arange(60)]))
    suite = Suite(["memorised"], twice, test, 60)
    assert suite.score(Samples("copies", train.images[:60])).values["copied"] > 0.9


def test_cas_of_real_images_is_good_and_of_wrong_labels_bad(data, bars):
    train, test = data.split()
    suite = Suite(["cas"], train, test, 80)
    images, labels = bars(300, seed=1)
    scores = [suite.score(Samples("x", images[:, None], given)).values["cas"] for given in (labels, (labels + 1) % 3, None)]
    assert scores[0] > 0.9
    assert scores[1] < 0.1
    assert scores[2] is None


def test_intra_class_distance_is_the_mean_of_the_classes(data, bars):
    train, test = data.split()
    suite = Suite(["intra"], train, test, 90)
    images, labels = bars(90, seed=1)
    evaluation = suite.score(Samples("x", images[:, None], labels))
    assert evaluation.values["intra"] == pytest.approx(np.mean([scores.fcd for scores in evaluation.classes]))
    one_missing = suite.score(Samples("x", images[labels > 0][:, None], labels[labels > 0]))
    assert one_missing.values["intra"] is None
    assert one_missing.scores["intra"].note == "no number: fewer than 10 images of A on one side."


def test_every_number_comes_with_its_conditions_and_interval(source, tmp_path, capsys, bars):
    x = write_npz(tmp_path / "x.npz", *bars(90, seed=1))
    main([x, "--data", source, "--metrics", "fcd,kcd,intra,kl,prdc,acc,memorised", "--bootstrap", "20", "--out", str(tmp_path / "out")])
    content = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    extractor = content["extractors"]["classifier"]
    assert extractor["held_out_accuracy"] > 0.9
    assert content["resamples"] == 20
    for row in content["rows"]:
        for key, value in row["scores"].items():
            low, high = row["intervals"][key]
            assert low <= value <= high, key
    printed = capsys.readouterr().out
    for shown in (
        extractor["fingerprint"],
        f"{extractor['held_out_accuracy']:.2%}",
        "90 images",
        "resize: none",
        f"torch {version('torch')}",
    ):
        assert shown in printed
    assert printed.count("95 % interval") == 4  # two candidates, two tables


def test_the_second_classifier_agrees_and_says_who_it_is(source, tmp_path, capsys, bars):
    good = write_npz(tmp_path / "good.npz", *bars(90, seed=1))
    noise = write_npz(tmp_path / "noise.npz", np.random.default_rng(0).integers(0, 256, (90, 16, 16), dtype=np.uint8))
    first, second = (evaluate(tmp_path / which, good, noise, "--data", source, "--classifier", which) for which in ("first", "second"))
    extractors = [content["extractors"]["classifier"] for content in (first, second)]
    assert extractors[0]["fingerprint"] != extractors[1]["fingerprint"]
    assert extractors[1]["name"].startswith("residual CNN trained on")
    assert extractors[1]["held_out_accuracy"] > 0.9
    assert extractors[1]["fingerprint"] in capsys.readouterr().out
    for content in (first, second):
        _, good_row, noise_row = (row["scores"] for row in content["rows"])
        assert good_row["fcd"] < 0.2 * noise_row["fcd"]
        assert good_row["acc"] > 0.9


def test_without_resamples_there_are_no_intervals(source, tmp_path, capsys, bars):
    main([write_npz(tmp_path / "x.npz", *bars(90, seed=1)), "--data", source, "--metrics", "fcd", "--bootstrap", "0"])
    assert "interval" not in capsys.readouterr().out


def test_what_so_few_images_do_not_carry_is_said(data):
    train, test = data.split()
    for n, expected in (
        (20, {"fcd": "of 20 images", "kl_class": "of 20 images", "kl_pixel": ""}),
        (80, dict.fromkeys(["fcd", "kl_class", "kl_pixel"], "")),
    ):
        assert {key: score.note.partition(":")[0] for key, score in Suite(["fcd", "kl"], train, test, n).floor().scores.items()} == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["good.npz", "--metrics", "prcd"], r"no metric named 'prcd'. Did you mean 'prdc'\?"),
        (["good.npz", "--metrics", ","], "none named"),
        (["good.npz", "--metrics", "prdc", "--n", "5"], "prdc needs at least 6 images on each side, got 5"),
        (["good.npz", "--bootstrap", "-1"], "--bootstrap: at least 2 is needed, not -1"),
        (["good.npz", "--device", "cudda"], "device 'cudda' can't be used"),
        (["good.npz", "--metrics", "prdc:inceptoin"], r"no extractor named 'inceptoin'. Did you mean 'inception'\?"),
        (["good.npz", "--metrics", "cas:inception"], "cas uses no network"),
        (["good.npz", "--classifier", "secnd"], r"--classifier: invalid choice: 'secnd' \(choose from .*first.*second.*\)"),
        (["good.npz", "--n", "301"], r"held-out split: \d+ images, but 301 are asked for"),
        (["few.npz", "--n", "50"], "few.npz: 20 images, but 50 are asked for"),
        (["small.npz"], "images of 8x8 with 1 channel, but held-out split has 16x16"),
        (["labels.npz"], "label 7, but the data have 3 classes"),
        (["nowhere"], "no such folder"),
        (["empty"], "neither a run, nor a saved model"),
        (["text.txt"], "of no known format"),
    ],
)
def test_bad_input(arguments, message, source, tmp_path, monkeypatch, bars):
    monkeypatch.chdir(tmp_path)
    images, labels = bars(400, seed=1)
    write_npz("good.npz", images, labels)
    write_npz("few.npz", images[:20], labels[:20])
    write_npz("small.npz", images[:, :8, :8])
    write_npz("labels.npz", images, labels + 5)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("x")
    defaults = [] if "--metrics" in arguments else ["--metrics", "kl"]
    with pytest.raises(UserError, match=message):
        main([*arguments, "--data", source, *defaults])
