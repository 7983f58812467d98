import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ca2_core.errors import UserError
from ca2_gan import load
from ca2_gan.cli import COMMAND, run
from ca2_gan.commands.train import read_arguments
from ca2_gan.training.records import read_metrics

WAIT = 900  # seconds until a process counts as stuck, however busy the machine
SMALL = ["--options", "width=8", "--batch-size", "8", "--log-every", "32", "--no-tensorboard", "--no-progress", "--threads", "1"]


GIVEN = ["--model", "cgan", "--data", "x", "--out", "OUT"]


@pytest.fixture(scope="module")
def letters(tmp_path_factory) -> str:
    """An npz of 16x16 images with bars, three classes."""
    rng = np.random.default_rng(0)
    y = np.arange(180, dtype=np.int64) % 3
    x = rng.integers(0, 60, (180, 16, 16), dtype=np.uint8)
    for image, label in zip(x, y, strict=True):
        image[:, 2 + 4 * label : 5 + 4 * label] += 180
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, x=x, y=y)
    return str(path)


def command(data: str, out: Path, *more: str, model: str = "dcgan_radford", images: int = 64) -> list[str]:
    return ["train", "--model", model, "--data", data, "--out", str(out), "--images", str(images), *SMALL, *more]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state = torch.load(folder / "state.pt", weights_only=True)
    return {f"{part}.{name}": value for part in ("players", "average") for name, value in state[part].items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class TestSettings:
    def test_command_line_over_model_file_over_defaults(self, tmp_path):
        config = read_arguments(["--model", "wgan_gp", "--data", "x", "--out", str(tmp_path / "run"), "--lr-g", "0.5"]).config
        assert (config.game.loss, config.game.gradient_penalty) == ("wasserstein", 10.0)
        assert config.optimiser.lr_g == 0.5
        assert config.model.precision == "fp32"

    def test_config_instead_of_the_models_file(self, tmp_path):
        path = tmp_path / "my.yml"
        path.write_text("lr_d: 3e-4\noptions: {width: 16}\naugment: [diffaugment, 'noise:0.1']\n")
        config = read_arguments(["--model", "wgan_gp", "--data", "x", "--out", str(tmp_path / "run"), "--config", str(path)]).config
        assert (config.optimiser.lr_d, config.game.loss) == (3e-4, "non-saturating")
        assert config.game.augment == ("diffaugment", "noise:0.1")
        assert config.model.model_options == {"width": 16}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("lr: 1", r"no setting is called 'lr'\. Did you mean 'lr_"),
            ("lr_g: fast", "lr_g: 'fast' can't be read as a number"),
            ("precision: fp16", "precision: 'fp16' can't be read as 'fp32' or 'bf16'"),
            ("batch_size: 1.5", "batch_size: 1.5 can't be read as a whole number"),
            (f"lr_g: {10**400}", "can't be read as a number"),
            ("lr_g: .nan", r"my\.yml: lr_g=nan: a finite number is needed"),
            ("beta1: 1", r"beta1=1\.0: it has to be at least 0, below 1"),
            ("lr_g: 1\nlr_g: 2", "line 2: not YAML: the key 'lr_g' appears twice"),
            ("lr_c: 0.001", r"lr_classifier is an option of the game triple, not of adversarial"),
            ("schedule: [linear]", r"schedule: \['linear'\] can't be read as 'constant' or 'linear' or 'cosine'"),
            ("data: 2020-13-45", "not YAML: month must be in 1..12"),
            ("[" * 10_000, "not YAML"),
            ("a: !!python/object/apply:os.getcwd []", "not YAML: could not determine a constructor"),
            ("- 1", "'name: value' lines are needed"),
            ("a: [", "line 2: not YAML|line 1: not YAML"),
        ],
    )
    def test_wrong_files_are_explained(self, text, message, tmp_path):
        path = tmp_path / "my.yml"
        path.write_text(text + "\n")
        with pytest.raises(UserError, match=message):
            read_arguments(["--model", "cgan", "--data", "x", "--out", "y", "--config", str(path)])

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (["--model", "cgna", "--data", "x", "--out", "OUT"], r"no model named 'cgna'\. Did you mean 'cgan'"),
            (["--modle", "cgan"], r"no option --modle\. Did you mean '--model'"),
            (["--model", "cgan", "--data", "x"], r"--out is missing\. `ca2-gan train --help` shows the options"),
            (
                [*GIVEN, "--lr-g", "x"],
                "command line: --lr-g: 'x' can't be read as a number",
            ),
            ([*GIVEN, "--batch-size", "0"], "--batch-size=0: it has to be from 1 to 65536"),
            ([*GIVEN, "--batch-size", "5", "--devices", "2"], "can't be divided by 2 processes"),
            ([*GIVEN, "--options", "width"], "'name=value' is needed, such as width=32"),
            ([*GIVEN, "--options", "width=["], "'name=value' is needed, such as width=32"),
            ([*GIVEN, "--lr-g", "nan"], "--lr-g=nan: a finite number is needed"),
            ([*GIVEN, "--beta1", "1"], r"--beta1=1\.0: it has to be at least 0, below 1"),
            ([*GIVEN, "--seed", str(2**70)], "--seed=.*: it has to be from 0 to 4294967295"),
            (
                [*GIVEN, "--noise-dim", str(10**12)],
                "--noise-dim=.*: it has to be from 1 to 10000",
            ),
            (
                [*GIVEN, "--alpha", "0.2"],
                "--alpha is an option of the game triple, not of adversarial",
            ),
            ([*GIVEN, "--minutes", "-1"], r"--minutes=-1\.0: it has to be above 0"),
            ([*GIVEN, "--eval-every", "-1"], "--eval-every=-1: it has to be at least 0"),
            ([*GIVEN, "--threads", "1000000"], "--threads=1000000: it has to be from 0 to 1024"),
            (["--model", "cgan", "--data", "nowhere.csv", "--out", "OUT"], "nowhere.csv"),
        ],
    )
    def test_wrong_command_lines_are_one_line(self, argv, message, tmp_path):
        with pytest.raises(UserError, match=message):
            run(["train", *[str(tmp_path / "run") if a == "OUT" else a for a in argv]])
        assert not (tmp_path / "run").exists()


def test_exit_code_and_single_line(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "ca2_gan", "train", "--model", "cgna", "--data", "x", "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("ca2-gan: no model named 'cgna'")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_help_needs_no_torch():
    script = "import sys; from ca2_gan.cli import run; run(['--help']); assert 'torch' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout == COMMAND.usage + "\n"


def test_train_then_load_in_one_line(letters, tmp_path, capsys):
    run(command(letters, tmp_path / "run"))
    assert "dcgan_radford, 64 images." in capsys.readouterr().out
    assert load(tmp_path / "run").sample(3, seed=0).shape == (3, 1, 16, 16)
    config = yaml.safe_load((tmp_path / "run" / "config.yml").read_text())
    assert config["model"] == "dcgan_radford"
    assert config["options"] == ["width=8"]
    assert config["facts"]["threads"] == 1


def test_a_second_run_does_not_overwrite_the_first(letters, tmp_path):
    run(command(letters, tmp_path / "run", images=16))
    with pytest.raises(UserError, match=r"there is a run in it already\. `--resume` continues it"):
        run(command(letters, tmp_path / "run"))


def test_resume_refuses_changed_settings_by_name(letters, tmp_path):
    run(command(letters, tmp_path / "run", images=16))
    before = (tmp_path / "run" / "state.pt").read_bytes()
    with pytest.raises(UserError, match=r"changed: lr_g 0\.001 -> 0\.5, seed 0 -> 3\.|changed: seed 0 -> 3, lr_g 0\.001 -> 0\.5\."):
        run(command(letters, tmp_path / "run", "--resume", "--seed", "3", "--lr-g", "0.5", images=32))
    with pytest.raises(UserError, match="changed: model dcgan_radford -> cgan"):
        run(["train", "--model", "cgan", "--out", str(tmp_path / "run"), "--resume"])
    assert (tmp_path / "run" / "state.pt").read_bytes() == before


def test_nothing_to_resume_and_a_wrong_metric_are_told_before_anything(letters, tmp_path):
    with pytest.raises(UserError, match=r"none: no run in it to resume\. To begin one, give --model, --data\."):
        run(["train", "--out", str(tmp_path / "none"), "--resume"])
    with pytest.raises(UserError, match=r"no metric named 'fdc'\."):
        run(command(letters, tmp_path / "run", "--eval-metrics", "fdc", "--dry-run", images=32))
    with pytest.raises(UserError, match=r"--width is an option of the model: .* or --options width=1\."):
        run(command(letters, tmp_path / "run", "--width", "8", images=32))
    assert not list(tmp_path.glob("run*"))


def test_resume_may_train_longer_and_needs_only_the_folder(letters, tmp_path):
    run(command(letters, tmp_path / "whole", images=64))
    run(command(letters, tmp_path / "run", images=24))
    run(["train", "--out", str(tmp_path / "run"), "--resume", "--images", "64", "--log-every", "16"])
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "run"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"facts": None}, "damaged: no number of threads among its facts"),
        ({"facts": {"threads": "2"}}, "damaged: no number of threads among its facts"),
        ({"facts": {"threads": -2}}, "damaged: no number of threads among its facts"),
        ({"facts": {"threads": True}}, "damaged: no number of threads among its facts"),
        ({"model": None}, "model: None can't be read as text"),
        ({"model": ["cgan"]}, r"model: \['cgan'\] can't be read as text"),
        ({"batch_size": "many"}, "batch_size: 'many' can't be read as a whole number"),
        ({"batch_size": -8}, "batch_size=-8: it has to be from 1 to 65536"),
        ({"options": 5}, "options: 5 can't be read as"),
        ({"lr_q": 1}, "no setting is called 'lr_q'"),
        ({5: 1}, "no setting is called '5'"),
        ({"out": "/etc"}, "no setting is called 'out'"),
    ],
    ids=str,
)
def test_a_damaged_config_is_one_line(changes, message, tmp_path):
    content = {"model": "cgan", "data": "x", "facts": {"threads": 1}}
    (tmp_path / "config.yml").write_text(yaml.safe_dump(content))
    assert read_arguments(["--out", str(tmp_path), "--resume"]).config.model.name == "cgan"
    (tmp_path / "config.yml").write_text(yaml.safe_dump(content | changes))
    with pytest.raises(UserError, match=rf"config\.yml: {message}"):
        run(["train", "--out", str(tmp_path), "--resume"])


@pytest.mark.parametrize("text", ["", "- 1", "model: [", "model: cgan", "facts: {threads: 1}", "\0", b"\xff\xfe\x00"])
def test_a_config_that_was_cut_off_is_one_line(text, tmp_path):
    (tmp_path / "config.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=r"config\.yml"):
        run(["train", "--out", str(tmp_path), "--resume"])


def test_a_damaged_checkpoint_is_told_before_anything_takes_long(letters, tmp_path, monkeypatch):
    evaluated = ["--eval-every", "8", "--eval-metrics", "kl"]
    monkeypatch.setattr("ca2_gan.training.trainer.Trainer._evaluation", lambda *_: lambda gan: {})
    run(command(letters, tmp_path / "run", *evaluated, images=16))
    monkeypatch.setattr("ca2_gan.training.trainer.Trainer._evaluation", None)  # would fail if it were called
    (tmp_path / "run" / "state.pt").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"state\.pt: damaged or cut off"):
        run(["train", "--out", str(tmp_path / "run"), "--resume", "--images", "24"])


def test_a_schedule_fixes_the_number_of_images(letters, tmp_path):
    run(command(letters, tmp_path / "run", "--schedule", "linear", images=16))
    with pytest.raises(UserError, match="changed: images 16 -> 64"):
        run(["train", "--out", str(tmp_path / "run"), "--resume", "--images", "64"])


def test_resume_of_what_never_began_begins(letters, tmp_path):
    run(command(letters, tmp_path / "run", "--resume", images=16))
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_resume_of_what_was_killed_at_its_first_file_begins(letters, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".config.1234.partial.yml").write_text("model: dc")
    run(command(letters, folder, "--resume", images=16))
    assert (folder / "model.safetensors").exists()
    assert list(folder.glob(".*")) == []


def test_resume_of_a_folder_that_is_no_run(letters, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"no config\.yml, so there is no run of `ca2-gan train` to resume"):
        run(command(letters, tmp_path, "--resume"))


def test_classes_and_one_model_per_class(letters, tmp_path):
    names = load_names(letters)
    run(command(letters, tmp_path / "two", "--classes", ",".join(names[:2]), images=16))
    assert load(tmp_path / "two").class_names == tuple(names[:2])
    run(command(letters, tmp_path / "each", "--per-class", images=16))
    gan = load(tmp_path / "each")
    assert gan.class_names == tuple(names)
    assert gan.is_conditional
    images = gan.sample(6, labels=[2, 0, 1, 0, 2, 2], seed=0)
    alone = load(tmp_path / "each" / names[1])
    noise = gan.draw_noise(6, seed=0)
    assert torch.equal(images[2:3], alone.images_from(noise[2:3], torch.tensor([0])))
    run(["train", "--out", str(tmp_path / "each"), "--resume", "--images", "24"])
    assert torch.load(tmp_path / "each" / names[2] / "state.pt", weights_only=True)["images"] == 24


def load_names(data: str) -> list[str]:
    from ca2_gan.data import load_data

    return list(load_data(data).class_names)


@pytest.fixture(scope="module")
def trained(letters, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "run"
    run(command(letters, folder, model="sngan", images=16))
    return folder


class TestSample:
    def test_grid_spells_the_labels(self, trained, letters, tmp_path):
        names = load_names(letters)
        run(["sample", str(trained), "--labels", "".join(names), "--n", "5", "--seed", "0", "--out", str(tmp_path / "f.png")])
        picture = np.asarray(Image.open(tmp_path / "f.png"))
        assert picture.shape == (5 * 18 + 2, 3 * 18 + 2)  # 16 pixels and a gap of 2
        images = load(trained).sample(15, labels=[0, 1, 2] * 5, seed=0)
        np.testing.assert_array_equal(picture[2:18, 20:36], images[1, 0].numpy())

    def test_arrays_in_equal_shares(self, trained, tmp_path):
        run(["sample", str(trained), "--n", "30", "--seed", "1", "--out", str(tmp_path / "f.npz")])
        with np.load(tmp_path / "f.npz") as saved:
            assert saved["x"].shape == (30, 16, 16)
            assert saved["x"].dtype == np.uint8
            assert saved["y"].dtype == np.int64
            assert np.bincount(saved["y"]).tolist() == [10, 10, 10]

    def test_folder_of_pictures(self, trained, tmp_path):
        run(["sample", str(trained), "--n", "7", "--out", str(tmp_path / "many")])
        assert len(list((tmp_path / "many").glob("*.png"))) == 7

    def test_animation_is_endless_and_comes_back(self, trained, tmp_path):
        run(["sample", str(trained), "--n", "2", "--frames", "8", "--seed", "0", "--out", str(tmp_path / "f.gif")])
        with Image.open(tmp_path / "f.gif") as animation:
            assert animation.info["loop"] == 0
            assert 1 < animation.n_frames <= 8

    @pytest.mark.parametrize(
        ("argv", "message"),
        [
            (["--labels", "Q"], "no class 'Q' in this model"),
            (["--n", "0"], "at least 1 is needed"),
            (["--n", "1000000000000"], "at most 1,000,000"),
            (["--seed", str(2**70)], "at most"),
            (["--labels", ""], "no class is named"),
            (["--noise-scale", "0"], "a finite number above 0"),
            (["--noise-scale", "nan"], "a finite number above 0"),
            (["--frames", "3", "--out", "f.gif"], "at least 4 is needed"),
            (["--out", "f.jpeg"], r"\.jpeg can't be written"),
        ],
    )
    def test_mistakes_are_explained(self, argv, message, trained, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UserError, match=message):
            run(["sample", str(trained), "--out", "f.png", *argv])
        assert list(tmp_path.iterdir()) == []

    def test_truncation_is_the_old_name_of_noise_scale(self, trained, tmp_path, capsys):
        for option in ("--noise-scale", "--truncation"):
            run(["sample", str(trained), "--n", "3", "--seed", "0", option, "0.3", "--out", str(tmp_path / f"{option}.npz")])
        assert (
            capsys.readouterr().err
            == "ca2-gan sample: --truncation is now --noise-scale; the old name will be removed in the next release.\n"
        )
        with np.load(tmp_path / "--noise-scale.npz") as new, np.load(tmp_path / "--truncation.npz") as old:
            np.testing.assert_array_equal(new["x"], old["x"])
            np.testing.assert_array_equal(new["x"], load(trained).sample(3, seed=0, noise_scale=0.3)[:, 0])

    def test_unconditional_models_have_no_labels(self, letters, tmp_path):
        run(command(letters, tmp_path / "run", images=8))
        with pytest.raises(UserError, match=r"dcgan_radford is unconditional.*train one per class"):
            run(["sample", str(tmp_path / "run"), "--labels", "A", "--out", str(tmp_path / "f.png")])


def start(argv: list[str]) -> multiprocessing.process.BaseProcess:
    """The command in a process of its own, which begins with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ca2_gan.commands.train", "torch"])
    process = context.Process(target=run, args=(argv,), daemon=True)  # no failed test leaves one behind
    process.start()
    return process


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--model", "dcgan"], "dcgan: no model option 'width'; it has none"),
        (["--game", "triple"], "the game 'triple' needs a classifier"),
        (["--augment", "blurr"], "blurr"),
        (["--mismatched", "0.5"], "--mismatched needs a conditional model"),
        (["--eval-every", "64", "--eval-metrics", "fdi"], "fdi"),
        (["--classes", "0,Q"], "Q"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(argv, message, letters, tmp_path):
    with pytest.raises(UserError, match=message):
        run([*command(letters, tmp_path / "run"), *argv])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_save_and_leave(number, letters, tmp_path):
    """A run that would not end by itself, however late the signal comes, is gone on with for ten steps."""
    folder = tmp_path / "run"
    process = start(command(letters, folder, "--checkpoint-seconds", "100000", images=10**9))
    while process.is_alive() and not read_metrics(folder):
        time.sleep(0.01)
    os.kill(process.pid, number)
    process.join(WAIT)
    assert process.exitcode == 128 + number
    left_at = reached(folder)
    assert left_at > 0
    run(["train", "--out", str(folder), "--resume", "--images", str(left_at + 80)])
    run(command(letters, tmp_path / "whole", images=left_at + 80))
    assert same(weights(tmp_path / "whole"), weights(folder))


def test_kill_9_at_20_random_moments_changes_nothing(letters, tmp_path):
    """Each kill hits the same run; each time the run goes on from what it left on the disk."""
    often = ["--checkpoint-seconds", "0.03", "--sample-every", "64"]
    start(["--help"]).join(WAIT)  # whatever follows begins at once
    began = time.monotonic()
    process = start(command(letters, tmp_path / "whole", *often, images=160))
    process.join(WAIT)
    assert process.exitcode == 0
    duration = time.monotonic() - began
    expected, rng, kills = weights(tmp_path / "whole"), random.Random(0), 0
    for i in itertools.count():
        folder = tmp_path / f"run{i}"
        for attempt in range(5):
            began = time.monotonic()
            process = start(command(letters, folder, *often, "--resume", images=160))
            process.join(rng.uniform(0, duration))
            if process.exitcode is not None:
                if attempt == 0:  # a whole run in less time than expected: the machine was busy when it was measured
                    duration = time.monotonic() - began
                break
            process.kill()
            process.join()
            kills += 1
            print(f"kill {kills}: {reached(folder)} images")
        process = start(command(letters, folder, *often, "--resume", images=160))
        process.join(WAIT)
        assert process.exitcode == 0
        assert same(expected, weights(folder))
        assert torch.equal(load(folder).sample(9, seed=0), load(tmp_path / "whole").sample(9, seed=0))
        assert list(folder.glob(".*partial*")) == []
        if kills >= 20:
            break


def reached(folder: Path) -> int:
    """Images at the last checkpoint."""
    path = folder / "state.pt"
    return torch.load(path, weights_only=True)["images"] if path.exists() else 0


@pytest.mark.parametrize("model", ["dcgan_radford", "sngan"])
def test_two_processes_train_the_model_of_one(model, letters, tmp_path):
    """Same global batch: BatchNorm's statistics, spectral norm and gradients are those of the whole batch."""
    slow = ("--lr-g", "2e-4", "--lr-d", "2e-4")  # Adam makes of a rounding error near a gradient of 0 a step of this size
    run(command(letters, tmp_path / "one", *slow, model=model, images=80))
    argv = command(letters, tmp_path / "two", *slow, "--devices", "2", "--accelerator", "cpu", model=model, images=80)
    result = subprocess.run([sys.executable, "-m", "ca2_gan", *argv], capture_output=True, text=True, check=False, timeout=WAIT)
    assert result.returncode == 0, result.stderr
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert one.keys() == two.keys()
    begun = {name: value for name, value in one.items() if value.is_floating_point()}
    largest = max(float((begun[name] - two[name]).abs().max()) for name in begun)
    print(f"{model}: largest difference {largest:.1e}")
    for name in begun:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=2e-5, msg=name)


def test_evaluation_during_training_is_that_of_the_evaluate_command(letters, tmp_path, monkeypatch):
    """The suite itself is tested with the metrics; here it is what it is asked for that counts."""
    from ca2_gan.training import trainer

    asked = []

    class Spy:
        def __init__(self, names, train, test, n):
            asked.append((names, len(train) + len(test), n == len(test)))

        def score(self, samples):
            asked.append(samples.images.shape)
            return type("Evaluation", (), {"values": {"fcd": 1.5, "kl_classes": None}})

    monkeypatch.setattr(trainer, "Suite", Spy)
    run(command(letters, tmp_path / "run", "--eval-every", "32", "--eval-metrics", "fcd,kl", images=64))
    rows = [row for row in read_metrics(tmp_path / "run") if "fcd" in row]
    assert [(row["images"], row["fcd"]) for row in rows] == [(32, 1.5), (64, 1.5)]
    assert asked[0] == (["fcd", "kl"], 180, True)
    assert len(asked) == 3


def test_a_collapse_is_told_on_stderr(letters, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ca2_gan.training.watch.UNTRAINED", 0)
    monkeypatch.setattr("ca2_gan.training.watch.NO_VARIETY", 100.0)
    run(command(letters, tmp_path / "run", "--sample-every", "32", images=64))
    told = [line for line in capsys.readouterr().err.splitlines() if "collapsed" in line]
    assert len(told) == 1
    assert told[0].startswith("ca2-gan: after 32 images: the samples hardly differ")


def test_images_of_another_size_are_resized_and_inverted(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (200, 80, 80), dtype=np.uint8)
    np.savez(tmp_path / "large.npz", x=images, y=np.arange(200) % 3)
    run(command(str(tmp_path / "large.npz"), tmp_path / "run", "--resize", "16x20", "--invert", images=8))
    assert load(tmp_path / "run").spec.image_shape == (1, 16, 20)
    for wrong, message in ((["--resize", "16y"], "'16y' is not like 28"), (["--classes", ","], "no name in it")):
        with pytest.raises(UserError, match=message):
            run(command(str(tmp_path / "large.npz"), tmp_path / "wrong", *wrong))
