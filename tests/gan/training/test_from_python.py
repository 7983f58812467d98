"""``Trainer`` is what the command is, and leaves nothing behind but what it is asked for."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from ca2_core.errors import UserError
from ca2_gan import Callback, Trainer, create_model, load, load_data
from ca2_gan.cli import run
from ca2_gan.commands.train import read_arguments
from ca2_gan.registry import games
from ca2_gan.training.batches import ORDER, WEIGHTS, Shuffled, draw_noise, stream_seed
from ca2_gan.training.config import table
from ca2_gan.training.games import Adversarial
from ca2_gan.training.games.adversarial import AdversarialOptions
from ca2_gan.training.settings import setting

SMALL = {"options": {"width": 8}, "batch_size": 8, "progress": False}


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    """An npz of 16x16 images with bars, three classes."""
    rng = np.random.default_rng(0)
    y = np.arange(180, dtype=np.int64) % 3
    x = rng.integers(0, 60, (180, 16, 16), dtype=np.uint8)
    for image, label in zip(x, y, strict=True):
        image[:, 2 + 4 * label : 5 + 4 * label] += 180
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, x=x, y=y)
    return str(path)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("model", ["dcgan_radford", "letters_gan"])
def test_the_command_and_trainer_train_the_same_bits(model, path, tmp_path):
    argv = ["train", "--model", model, "--data", path, "--out", str(tmp_path / "run"), "--images", "40", "--seed", "3", "--lr-g", "5e-4"]
    run([*argv, "--options", "width=8", "--batch-size", "8", "--no-tensorboard", "--no-progress"])
    trainer = Trainer(model, load_data(path), seed=3, lr_g=5e-4, **SMALL)
    gan = trainer.fit(images=40)
    by_command = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert same(by_command["players"], trainer.state.gan.state_dict())
    assert torch.equal(gan.sample(6, seed=0), load(tmp_path / "run").sample(6, seed=0))


def test_three_rounds_are_those_of_a_loop_by_hand(data):
    """Plain PyTorch with the same streams of random numbers gives the same bits."""
    trainer = Trainer("dcgan_radford", data, seed=5, lr_g=1e-3, lr_d=2e-3, ema_half_life=0, **SMALL)
    trainer.fit(images=24)
    part = data.train
    torch.manual_seed(stream_seed(5, WEIGHTS))
    gan = create_model("dcgan_radford", num_classes=3, image_shape=(1, 16, 16), width=8)
    g, d = gan.generator, gan.discriminator
    adam_g, adam_d = (torch.optim.Adam(n.parameters(), lr=lr, betas=(0.5, 0.999), fused=True) for n, lr in ((g, 1e-3), (d, 2e-3)))
    order = Shuffled(len(part), 5, ORDER)
    images = torch.from_numpy(part.images.reshape(-1)).view(part.images.shape)  # NumPy gives a single channel any stride
    for step in range(3):
        chosen = order.take(8 * step, 8)
        real, labels = images[chosen].float() / 127.5 - 1, torch.from_numpy(part.labels)[chosen]
        fake = g(draw_noise(8, 100, 5, step, 0), labels)
        adam_d.zero_grad()
        (softplus(-d(real, labels)).mean() + softplus(d(fake.detach(), labels)).mean()).backward()
        adam_d.step()
        adam_g.zero_grad()
        softplus(-d(fake, labels)).mean().backward()
        adam_g.step()
    assert same(gan.state_dict(), trainer.state.gan.state_dict())


def test_going_on_in_memory_is_training_longer_at_once(data):
    whole, parts = Trainer("sngan", data, **SMALL), Trainer("sngan", data, **SMALL)
    whole.fit(images=64)
    first = parts.fit(images=32)
    before = first.sample(3, seed=0)
    for player in first.players().values():  # it is the caller's
        player.eval().requires_grad_(False)
    parts.fit(images=64)
    assert same(whole.state.gan.state_dict(), parts.state.gan.state_dict())
    assert torch.equal(first.sample(3, seed=0), before)
    assert not torch.equal(parts.gan.sample(3, seed=0), before)


def test_without_a_folder_nothing_is_written(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Trainer("dcgan_radford", data, sample_every=8, checkpoint_seconds=0, **SMALL).fit(images=16)
    assert list(tmp_path.iterdir()) == []


def test_only_the_training_part_is_seen(data):
    trainer = Trainer("dcgan_radford", data, **SMALL)
    trainer.fit(images=8)
    assert trainer.state.source.images.shape[0] == len(data.train)
    assert not set(trainer.state.data.digests) & set(data.test.digests)


def test_a_folder_is_gone_on_with_only_if_asked_and_with_the_same_settings(data, tmp_path):
    def trainer(**more):
        return Trainer("dcgan_radford", data, out=tmp_path / "run", tensorboard=False, **SMALL, **more)

    trainer().fit(images=16)
    with pytest.raises(UserError, match="there is a run in it already"):
        trainer().fit(images=32)
    with pytest.raises(UserError, match=r"changed: seed 0 -> 1, lr_d 0\.001 -> 0\.5|changed: lr_d 0\.001 -> 0\.5, seed 0 -> 1"):
        trainer(seed=1, lr_d=0.5).fit(images=32, resume=True)
    resumed = trainer()
    resumed.fit(images=32, resume=True)
    whole = Trainer("dcgan_radford", data, **SMALL)
    whole.fit(images=32)
    assert same(whole.state.gan.state_dict(), resumed.state.gan.state_dict())


class TestPerClass:
    def test_one_call_trains_what_the_command_trains(self, path, tmp_path):
        argv = ["train", "--model", "dcgan_radford", "--data", path, "--out", str(tmp_path / "run"), "--images", "16", "--per-class"]
        run([*argv, "--options", "width=8", "--batch-size", "8", "--no-tensorboard", "--no-progress"])
        gan = Trainer("dcgan_radford", load_data(path), per_class=True, **SMALL).fit(images=16)
        assert gan.class_names == ("0", "1", "2")
        assert torch.equal(gan.sample(6, labels="012210", seed=0), load(tmp_path / "run").sample(6, labels="012210", seed=0))

    def test_it_goes_on_from_a_folder_and_in_memory(self, data, tmp_path):
        options = {"per_class": True, "tensorboard": False} | SMALL
        whole = Trainer("dcgan_radford", data, **options).fit(images=24)
        kept, parts = Trainer("dcgan_radford", data, **options), Trainer("dcgan_radford", data, out=tmp_path / "run", **options)
        for trainer in (kept, parts):
            trainer.fit(images=8)
        parts.fit(images=16)
        resumed = Trainer("dcgan_radford", data, out=tmp_path / "run", **options).fit(images=24, resume=True)
        for gan in (kept.fit(images=24), resumed, load(tmp_path / "run")):
            assert torch.equal(gan.sample(6, seed=0), whole.sample(6, seed=0))
        with pytest.raises(UserError, match="there is a run in it already"):
            Trainer("dcgan_radford", data, out=tmp_path / "run", **options).fit(images=24)

    def test_stopped_early_it_has_the_classes_that_were_begun(self, data):
        gan = Trainer("dcgan_radford", data, per_class=True, callbacks=[StopAfter(1)], **SMALL).fit(images=80)
        assert gan.class_names == ("A",)
        assert gan.sample(2, labels="AA").shape == (2, 1, 16, 16)

    def test_what_needs_several_classes_is_refused(self, data):
        with pytest.raises(UserError, match="--eval-every and --matched-features classifier need several classes"):
            Trainer("dcgan_radford", data, per_class=True, eval_every=8, **SMALL)


class StopAfter(Callback):
    def __init__(self, rounds):
        self.rounds = rounds

    def on_round(self, state):
        if state.step >= self.rounds:
            state.stop()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr_g": float("nan")}, "settings: lr_g=nan: a finite number is needed"),
        ({"beta1": 1}, r"settings: beta1=1\.0: it has to be at least 0, below 1"),
        ({"lr": 1}, r"no setting is called 'lr'\. Did you mean 'lr_"),
        ({"alpha": 0.1}, r"alpha is an option of the game triple, not of adversarial"),
        ({"game": "tripel"}, r"no game named 'tripel'\. Did you mean 'triple'"),
        ({"loss": "hinges"}, r"no loss named 'hinges'\. Did you mean 'hinge'"),
        ({"images": 0}, "settings: images=0: it has to be at least 1"),
        ({"options": {"depth": 3}}, r"no model option 'depth'"),
        ({"options": {"width": 0}}, r"the model option width has to be at least 1, not 0"),
        ({"options": {"width": 10**9}}, r"can't be made with width=1000000000: not enough memory"),
        ({"resume": True}, r"resume is an argument of fit: Trainer\(\.\.\., out=FOLDER\)\.fit\(resume=True\)"),
        ({"width": 16}, r"width is an option of the model: give it in options, such as options=\{'width': 1\}"),
        ({"resize": "16"}, "the data are read already: give resize to load_data"),
        ({"eval_metrics": "fdc"}, r"no metric named 'fdc'\."),
        ({"augment": ["noise:"]}, "'noise:': a strength from 0 to 1 is needed"),
        ({"label_fraction": 0}, r"label_fraction=0\.0: it has to be above 0"),
        ({"callbacks": [3]}, "callbacks: a list of objects of subclasses of ca2_gan.Callback"),
        ({"callbacks": Callback()}, "callbacks: a list of objects"),
        ({"callbacks": [print]}, "callbacks: a list of objects"),
        ({"out": __file__}, r"out: .*test_from_python\.py is a file, a folder is needed"),
        ({"out": "/proc/x"}, r"/proc/x: can't be written to: .*Give another folder"),
        ({"options": {"width": -8}}, r"--options width=-8: a number of 0 or more is needed"),
    ],
)
def test_wrong_settings_are_one_line(settings, message, data):
    with pytest.raises(UserError, match=message):
        Trainer("dcgan_radford", data, **settings).fit(images=8)


def test_what_is_called_too_early_or_for_another_thing_is_one_line(data, tmp_path):
    with pytest.raises(UserError, match="nothing is trained yet: call fit first"):
        _ = Trainer("dcgan_radford", data).gan
    with pytest.raises(UserError, match="nothing is trained yet"):
        _ = Trainer("dcgan_radford", data, per_class=True).gan
    with pytest.raises(UserError, match=r"resume=True continues the run in a folder: name it by Trainer\(\.\.\., out=FOLDER\)"):
        Trainer("dcgan_radford", data, **SMALL).fit(images=8, resume=True)
    with pytest.raises(UserError, match="GAN: the name of a model is needed"):
        Trainer(create_model("dcgan_radford", num_classes=3, image_shape=(1, 16, 16), width=8), data)
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match=r"it contains thesis\.tex, but no run\. Give another --out"):
        Trainer("dcgan_radford", data, out=tmp_path, **SMALL).fit(images=8)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_options_of_data_hold_for_arrays_too(data):
    trainer = Trainer("dcgan_radford", (data.images, data.labels), classes="0,2", resize=20, **SMALL)
    assert (trainer.data.num_classes, trainer.data.image_shape) == (2, (1, 20, 20))


class Notes(Callback):
    def __init__(self):
        self.told = []

    def on_start(self, state):
        self.told.append("start")

    def on_round(self, state):
        self.told.append(state.images)
        if state.images == 16:
            state.log({"fcd": 3.0})
        if state.images == 24:
            state.stop()

    def on_log(self, state, values):
        self.told.append(sorted(values))

    def on_end(self, state):
        self.told.append("end")


def test_callbacks_are_told_in_order_and_can_log_and_stop(data):
    notes = Notes()
    trainer = Trainer("dcgan_radford", data, callbacks=[notes], log_every=8, **SMALL)
    trainer.fit(images=800)
    losses = ["d_fake", "d_loss", "d_real", "g_loss", "images_per_s"]
    assert notes.told == ["start", losses, 8, losses, 16, ["fcd"], losses, 24, "end"]
    assert not trainer.state.is_finished


class TestDryRun:
    def test_says_what_would_be_trained(self, path, tmp_path, capsys, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("ca2_gan.training.state.TrainingState.play", None)  # would fail if it were called
        run(["train", "--model", "triplegan", "--data", path, "--out", "run", "--minutes", "5", "--lr-d", "1e-3", "--dry-run"])
        said = capsys.readouterr().out
        assert re.search(r"^game: +triple: generator of [\d,]+ parameters, discriminator of [\d,]+ .*, classifier of [\d,]+ ", said, re.M)
        assert re.search(r"^data: .*bars\.npz: 157 of 180 images to train on; 16x16, 1 channel, 3 classes$", said, re.M)
        assert re.search(r"^budget: +2,000,000 images or 5\.0 minutes$", said, re.M)
        assert "lr_d 0.001" in said
        assert "beta2" not in said
        assert list(tmp_path.iterdir()) == []

    def test_needs_no_folder(self, path, capsys):
        run(["train", "--model", "dcgan_radford", "--data", path, "--per-class", "--dry-run"])
        assert capsys.readouterr().out.count("parameters") == 6


class TestSettings:
    def test_names_are_unique_in_every_game(self):
        for game in games:
            known = table(game)
            options = [entry.option for entry in known.values()]
            assert len(set(options)) == len(options)
            assert all(entry.facts.help for entry in known.values())

    def test_a_new_one_is_a_line_in_one_place(self, path, data, tmp_path, monkeypatch, capsys):
        @dataclass(frozen=True)
        class Options(AdversarialOptions):
            focus: float = setting(0.25, "how much of it", low=0, high=1)

        game = type("Focused", (Adversarial,), {"Options": Options})
        monkeypatch.setattr(games, "_entries", {name: games.get(name) for name in games} | {"focused": game})
        argv = ["--model", "dcgan_radford", "--data", path, "--out", str(tmp_path / "run"), "--game", "focused", "--images", "8"]
        with pytest.raises(SystemExit):
            read_arguments([*argv, "--help-all"])
        assert re.search(r"--focus X +how much of it \(from 0 to 1; default: 0\.25\)", capsys.readouterr().out)
        with pytest.raises(UserError, match=r"--focus=2\.0: it has to be from 0 to 1"):
            read_arguments([*argv, "--focus", "2"])
        run(["train", *argv, "--focus", "0.5", "--no-tensorboard", "--no-progress"])
        assert "focus: 0.5" in (tmp_path / "run" / "config.yml").read_text()
        with pytest.raises(UserError, match=r"changed: focus 0\.5 -> 0\.75"):
            run(["train", *argv, "--focus", "0.75", "--resume"])
        assert Trainer("dcgan_radford", data, game="focused", focus=0.75).config.game.focus == 0.75

    def test_the_short_help_fits_a_screen(self, monkeypatch, capsys):
        monkeypatch.setenv("COLUMNS", "100")
        for argv in (["--help"], ["--model", "triplegan", "--help"]):
            with pytest.raises(SystemExit):
                read_arguments(argv)
            assert len(capsys.readouterr().out.splitlines()) <= 45

    def test_old_options_work_with_a_warning(self, path, tmp_path, capsys):
        argv = ["--model", "triplegan", "--data", path, "--out", str(tmp_path / "run"), "--max-images", "9", "--lr-c=2e-3"]
        config = read_arguments(argv).config
        assert (config.run.images, config.game.lr_classifier) == (9, 2e-3)
        assert capsys.readouterr().err.splitlines() == [
            "ca2-gan train: --max-images is now --images; the old name will be removed in the next release.",
            "ca2-gan train: --lr-c is now --lr-classifier; the old name will be removed in the next release.",
        ]

    def test_the_config_of_version_0_1_0_is_read(self, tmp_path):
        old = {
            **{"model": "cgan", "data": "glyphs", "root": None, "classes": None, "transpose": None, "per_class": False, "seed": 3},
            **{"max_images": 50_000, "max_minutes": 5.0, "noise_dim": 100, "spectral_norm": False, "options": ["width=8"]},
            **{"game": "adversarial", "loss": "hinge", "lr_c": 0.001, "label_fraction": 1.0, "augment": ["noise:0.1"], "threads": 0},
        }
        import yaml

        (tmp_path / "config.yml").write_text(yaml.safe_dump(old | {"facts": {"threads": 2}}))
        config = read_arguments(["--out", str(tmp_path), "--resume"]).config
        assert (config.run.images, config.run.minutes, config.run.seed, config.game.loss) == (50_000, 5.0, 3, "hinge")
        assert config.model.model_options == {"width": 8}
