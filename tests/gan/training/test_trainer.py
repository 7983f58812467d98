import json
import math
import os
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from ca2_core.errors import UserError
from ca2_gan import list_models, load
from ca2_gan.registry import games
from ca2_gan.training.callbacks import Evaluate, Log
from ca2_gan.training.checkpoints import explained_disk_errors, read_state
from ca2_gan.training.config import model_values
from ca2_gan.training.optimisers import rate_factor
from ca2_gan.training.records import read_metrics
from ca2_gan.training.state import Callback, TrainingState
from ca2_gan.training.trainer import Trainer


def weights(path):
    return torch.load(path / "state.pt", weights_only=True)


def same(a, b):
    """Whether two nested states are equal, bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def without_clock(state):
    return {name: value for name, value in state.items() if name not in ("seconds", "cpu_seconds")}


class StopAfter(Callback):
    """Stops after so many rounds."""

    def __init__(self, rounds):
        self.rounds = rounds

    def on_round(self, state):
        if state.step >= self.rounds:
            state.stop()


def test_a_run_leaves_its_folder_complete(run, tmp_path):
    trainer = run(images=128, sample_every=64, tensorboard=True)
    folder = tmp_path / "run"
    assert trainer.state.is_finished
    assert trainer.state.images == 128
    rows = read_metrics(folder)
    assert [row["images"] for row in rows] == [32, 64, 96, 128]
    assert all({"d_loss", "g_loss", "images_per_s"} <= set(row) for row in rows)
    assert sorted(p.name for p in (folder / "samples").iterdir()) == ["00000064.png", "00000128.png"]
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    assert torch.equal(load(folder).sample(5, seed=0), trainer.gan.sample(5, seed=0))
    assert load(folder).class_names == ("A", "B", "C")


def test_same_seed_same_weights_whatever_is_recorded(run, tmp_path):
    run(images=96)
    often = {"sample_every": 8, "log_every": 8, "checkpoint_seconds": 0.0}
    run(Evaluate(lambda gan: {"n": float(gan.sample(9).sum())}, 8), images=96, out=tmp_path / "b", **often)
    run(images=96, out=tmp_path / "c", seed=1)
    a, b, c = weights(tmp_path / "run"), weights(tmp_path / "b"), weights(tmp_path / "c")
    for part in ("players", "average", "optimisers"):
        assert same(a[part], b[part])
    assert not same(a["players"], c["players"])


def test_it_is_the_plain_loop(begin):
    """Three rounds of the game by hand, in bare PyTorch with the same batches, give the same weights."""
    ours, theirs = begin(ema_half_life=0), begin(ema_half_life=0)
    g, d = theirs.gan.generator, theirs.gan.discriminator
    optimiser_g = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimiser_d = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    from ca2_gan.training.batches import draw_noise

    for step in range(3):
        ours.play_round()
        real, labels, _ = theirs.source.draw(8 * step)
        fake = g(draw_noise(8, 100, 0, step, 0), labels)
        loss = nn.functional.binary_cross_entropy_with_logits
        optimiser_d.zero_grad()
        (loss(d(real, labels), torch.ones(8)) + loss(d(fake.detach(), labels), torch.zeros(8))).backward()
        optimiser_d.step()
        optimiser_g.zero_grad()
        loss(d(fake, labels), torch.ones(8)).backward()
        optimiser_g.step()
    for (name, a), b in zip(ours.gan.state_dict().items(), theirs.gan.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("name", list_models())
def test_every_model_trains_with_its_own_settings_and_resumes_bit_for_bit(name, run, tmp_path):
    own = model_values(name) | {"options": (), "batch_size": 4, "log_every": 8}
    own["images"] = 16 * own.get("critic_steps", 1)
    run(**own)
    assert not run(StopAfter(3), **own, out=tmp_path / "parts").state.is_finished
    assert run(**own, out=tmp_path / "parts").state.is_finished
    assert same(without_clock(weights(tmp_path / "run")), without_clock(weights(tmp_path / "parts")))


@pytest.mark.parametrize(
    "changes",
    [
        {"spectral_norm": True},
        {"augment": ("diffaugment", "noise:0.1"), "feature_matching": 1.0},
        {"schedule": "cosine", "clip": 0.5, "critic_steps": 2, "ema_half_life": 50},
        {"model": "triplegan", "game": "triple", "options": ("classifier_width=8",), "label_fraction": 0.5},
        {"precision": "bf16"},
        {"loss": "relativistic", "r1": 1.0, "r2": 1.0},
    ],
    ids=str,
)
def test_options_resume_bit_for_bit(changes, run, tmp_path):
    run(**changes, images=64)
    run(StopAfter(3), **changes, images=64, out=tmp_path / "parts")
    assert weights(tmp_path / "parts")["step"] == 3
    run(**changes, images=64, out=tmp_path / "parts")
    assert same(without_clock(weights(tmp_path / "run")), without_clock(weights(tmp_path / "parts")))
    clocked = ("images_per_s",)
    whole, parts = ([{k: v for k, v in r.items() if k not in clocked} for r in read_metrics(tmp_path / n)] for n in ("run", "parts"))
    assert whole == parts


def test_resuming_drops_what_was_noted_after_the_checkpoint(run, tmp_path):
    run(images=64)
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"images": 9999, "d_loss": 1.0, "g_loss": 1.0}\n{"images": 100')
    run(images=96)
    assert [row["images"] for row in read_metrics(tmp_path / "run")] == [32, 64, 96]


@pytest.mark.parametrize(("clock", "counted"), [("minutes", "seconds"), ("cpu_minutes", "cpu_seconds")])
def test_time_ends_it_too(clock, counted, run, tmp_path):
    trainer = run(images=10**9, **{clock: 0.01})
    assert trainer.state.is_finished
    assert 0.6 <= weights(tmp_path / "run")[counted] < 30
    assert [p.name for p in (tmp_path / "run" / "samples").iterdir()] == [f"{trainer.state.images:08d}.png"]
    assert read_metrics(tmp_path / "run")[-1]["images"] == trainer.state.images


def test_evaluation_is_noted_every_n_images(run, tmp_path):
    seen = []

    def evaluate(gan):
        seen.append(gan)
        return {"fcd": 3.0}

    run(Evaluate(evaluate, 64), images=128)
    assert [row["images"] for row in read_metrics(tmp_path / "run") if "fcd" in row] == [64, 128]


def test_spectral_norm_takes_one_power_iteration_a_step(begin):
    training = begin(spectral_norm=True, critic_steps=1)
    norm = next(m for m in training.gan.discriminator.modules() if type(m).__name__ == "_SpectralNorm")
    calls = []
    original = norm._power_method
    norm._power_method = lambda *a: (calls.append(1), original(*a))
    for _ in range(4):
        training.play_round()
    assert len(calls) == 4


def test_learning_rates_follow_their_schedule(config, begin):
    linear, cosine = config(schedule="linear").optimiser, config(schedule="cosine", final_lr=0.2).optimiser
    assert [rate_factor(linear, progress) for progress in (0, 0.25, 1, 2)] == [1, 0.75, 0, 0]
    assert rate_factor(cosine, 0.5) == pytest.approx(0.6)
    assert rate_factor(cosine, 0.25) == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert rate_factor(config().optimiser, 0.5) == 1
    training = begin(lr_g=1e-3, lr_d=4e-3, schedule="linear", images=32)
    training.play_round()
    training.play_round()  # with what 8 of 32 images leave
    rates = {name: optimiser.param_groups[0]["lr"] for name, optimiser in training.optimisers.items()}
    assert rates == pytest.approx({"generator": 0.75e-3, "discriminator": 3e-3})


def test_gradients_are_clipped(begin, monkeypatch):
    training = begin(clip=1e-3, beta1=0.0)
    norms = []
    step = torch.optim.Adam.step

    def spy(self):
        norms.append(sum(float(p.grad.norm()) ** 2 for p in self.param_groups[0]["params"]) ** 0.5)
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    training.play_round()
    assert norms == pytest.approx([1e-3, 1e-3], rel=1e-2)


def test_label_fraction_hides_labels_from_the_game(begin):
    """No labelled batch has a label that isn't of the chosen few, and the unlabelled images are of the whole set."""
    training = begin(model="triplegan", game="triple", options=("classifier_width=8",), label_fraction=0.05)
    assert training.source.class_shares.tolist() == pytest.approx([1 / 3] * 3)
    assert len(training.source.labelled) == 6
    seen = set()
    for position in range(0, 240, 8):
        real = training.source.draw(position)[0]
        seen |= {tuple(image.flatten().tolist()) for image in real}
    assert len(seen) == 6


def test_no_graph_is_kept_for_the_critics_extra_turns(begin, monkeypatch):
    training = begin(critic_steps=3)
    grads, original = [], training.game.loss
    monkeypatch.setattr(training.game, "loss", lambda player, batch: (grads.append(batch.fake.requires_grad), original(player, batch))[1])
    training.play_round()
    assert grads == [False, False, True, True]
    assert training.images == 24


class TestTrouble:
    def test_divergence_keeps_the_last_good_checkpoint(self, run, tmp_path, monkeypatch):
        run(images=64)
        before = (tmp_path / "run" / "state.pt").read_bytes(), (tmp_path / "run" / "model.safetensors").read_bytes()
        game = games.get("adversarial")
        original = game.generator_loss

        def spoiled(self, batch):
            loss = original(self, batch)
            return loss._replace(total=loss.total * math.nan, parts={"g_loss": loss.total.detach() * math.nan})

        monkeypatch.setattr(game, "generator_loss", spoiled)
        message = r"training diverged: .*g_loss.* not finite after 96 images; the last good checkpoint is kept\. Try smaller --lr-g"
        with pytest.raises(UserError, match=message):
            run(images=128)
        assert before == ((tmp_path / "run" / "state.pt").read_bytes(), (tmp_path / "run" / "model.safetensors").read_bytes())

    def test_infinite_weights_are_not_saved(self, run, tmp_path, monkeypatch):
        step = torch.optim.Adam.step

        def spoil(self):
            step(self)
            self.param_groups[0]["params"][0].data.fill_(math.inf)

        monkeypatch.setattr(torch.optim.Adam, "step", spoil)
        with pytest.raises(UserError, match="training diverged"):
            run(images=8)
        assert not (tmp_path / "run" / "state.pt").exists()

    @pytest.mark.parametrize("keep", [0, 100, -50])
    def test_truncated_checkpoint(self, keep, run, tmp_path):
        run(images=16)
        state = tmp_path / "run" / "state.pt"
        state.write_bytes(state.read_bytes()[:keep])
        with pytest.raises(UserError, match=r"state\.pt: damaged or cut off"):
            run(images=32)

    def test_checkpoint_of_another_model(self, run, tmp_path, config, data, fabric):
        run(images=16)
        with pytest.raises(UserError, match=r"changed: options \['width=8'\] -> \['width=16'\]"):
            run(images=32, options=("width=16",))
        with pytest.raises(UserError, match="the checkpoint of a dcgan_radford, not of a acgan"):
            read_state(tmp_path / "run", "acgan", data.fingerprint)
        with pytest.raises(ValueError, match="generator"):
            TrainingState(config(options=("width=16",)), data, fabric).load_state_dict(weights(tmp_path / "run"))

    def test_other_data(self, run, config, data, tmp_path):
        run(images=16)
        with pytest.raises(UserError, match="the run was trained on other data"):
            Trainer(config(images=32), data.subset(np.arange(len(data)) > 2), out=tmp_path / "run").fit(resume=True)

    def test_full_disk(self, run, tmp_path, monkeypatch):
        run(images=16)
        before = (tmp_path / "run" / "state.pt").read_bytes()
        monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(UserError, match="can't write: No space left on device; the last good checkpoint is kept"):
            run(images=32)
        assert before == (tmp_path / "run" / "state.pt").read_bytes()
        assert list((tmp_path / "run").glob(".*partial*")) == []

    def test_disk_error_without_a_checkpoint(self, tmp_path):
        with pytest.raises(UserError, match="nothing was saved yet"), explained_disk_errors(tmp_path):
            raise OSError(28, "No space left on device")


def test_metrics_lines_are_json_even_with_infinite_numbers(begin, tmp_path):
    state, log = begin(), Log(tensorboard=False)
    state.out, state.images = tmp_path, 8
    log.on_start(state)
    log.on_log(state, {"d_loss": math.nan, "g_loss": 1.0})
    log.on_end(state)
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"images": 8, "d_loss": None, "g_loss": 1.0}


def test_feature_matching_of_a_frozen_classifier_trains_and_resumes(run, tmp_path, monkeypatch):
    """The classifier stands in as a fixed network here; training it is tested with the metrics."""
    from ca2_gan.metrics import classifier

    torch.manual_seed(0)
    network = classifier.Network(classifier.strided(1), 3).eval().requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    monkeypatch.setattr(classifier, "reference_classifier", lambda data: type("Frozen", (), {"network": network}))
    options = {"feature_matching": 1.0, "matched_features": "classifier", "images": 32}
    run(**options)
    assert read_metrics(tmp_path / "run")[0]["g_matching"] > 0
    assert same(before, network.state_dict())
    run(StopAfter(2), **options, out=tmp_path / "parts")
    run(**options, out=tmp_path / "parts")
    assert same(without_clock(weights(tmp_path / "run")), without_clock(weights(tmp_path / "parts")))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_networks_train_the_same_weights(run, tmp_path):
    run(images=24)
    run(images=24, compile=True, out=tmp_path / "compiled")
    eager, compiled = weights(tmp_path / "run")["players"], weights(tmp_path / "compiled")["players"]
    for name, value in eager.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_without_a_compiler_it_says_so_and_trains(run, capfd, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda *_: raise_(RuntimeError("No working C++ compiler found\nand so on")))
    assert run(images=16, compile=True).state.is_finished
    assert (
        "--compile: training continues without, since torch.compile doesn't work here: No working C++ compiler found\n"
        in capfd.readouterr().err
    )


def raise_(error):
    raise error
