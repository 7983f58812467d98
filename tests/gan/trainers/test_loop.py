import json
import math
import os
import shutil
import signal

import pytest
import torch
from torch import nn

from ca2_core.errors import UserError
from ca2_gan import list_models, load
from ca2_gan.registry import games
from ca2_gan.trainers.loop import explained_disk_errors, resume, train
from ca2_gan.trainers.optimisers import rate_factor
from ca2_gan.trainers.records import read_metrics
from ca2_gan.trainers.settings import read, shipped
from ca2_gan.trainers.stopping import Stop


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
    return {name: value for name, value in state.items() if name != "seconds"}


def stop_after(rounds, monkeypatch):
    """A stop that is wished for after so many rounds."""
    stop, played = Stop(), [0]
    from ca2_gan.trainers.training import Training

    play = Training.play_round

    def count(self, fabric):
        play(self, fabric)
        played[0] += 1
        if played[0] == rounds:
            stop.signal = signal.SIGTERM

    monkeypatch.setattr(Training, "play_round", count)
    return stop


def test_a_run_leaves_its_folder_complete(run, tmp_path):
    outcome = run(max_images=128, sample_every=64, tensorboard=True)
    folder = tmp_path / "run"
    assert outcome.finished
    assert outcome.images == 128
    rows = read_metrics(folder)
    assert [row["images"] for row in rows] == [32, 64, 96, 128]
    assert all({"d_loss", "g_loss", "images_per_s"} <= set(row) for row in rows)
    assert sorted(p.name for p in (folder / "samples").iterdir()) == ["00000064.png", "00000128.png"]
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    assert torch.equal(load(folder).sample(5, seed=0), outcome.gan.sample(5, seed=0))
    assert load(folder).class_names == ("A", "B", "C")


def test_same_seed_same_weights_whatever_is_recorded(run, settings, tmp_path):
    run(max_images=96)
    often = {"sample_every": 8, "log_every": 8, "checkpoint_seconds": 0.0}
    run(max_images=96, out=tmp_path / "b", evaluate=lambda gan: {"n": float(gan.sample(9).sum())}, eval_every=8, **often)
    run(max_images=96, out=tmp_path / "c", seed=1)
    a, b, c = weights(tmp_path / "run"), weights(tmp_path / "b"), weights(tmp_path / "c")
    for part in ("players", "average", "optimisers"):
        assert same(a[part], b[part])
    assert not same(a["players"], c["players"])


def test_it_is_the_plain_loop(begin, fabric):
    """Three rounds of the game by hand, in bare PyTorch with the same batches, give the same weights."""
    ours, theirs = begin(ema_half_life=0), begin(ema_half_life=0)
    g, d = theirs.gan.generator, theirs.gan.discriminator
    optimiser_g = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimiser_d = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    from ca2_gan.trainers.batches import draw_noise

    for step in range(3):
        ours.play_round(fabric)
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
def test_every_model_trains_with_its_own_settings_and_resumes_bit_for_bit(name, settings, data, fabric, tmp_path, monkeypatch):
    own = read(shipped(name)) | {"model": name, "options": (), "batch_size": 4, "log_every": 8}
    own["max_images"] = 16 * own.get("critic_steps", 1)
    train(resume(settings(**own), data, fabric), fabric, Stop())
    with monkeypatch.context() as patch:
        part = train(resume(settings(**own, out=tmp_path / "parts"), data, fabric), fabric, stop_after(3, patch))
    assert not part.finished
    assert train(resume(settings(**own, out=tmp_path / "parts"), data, fabric), fabric, Stop()).finished
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
def test_options_resume_bit_for_bit(changes, run, tmp_path, monkeypatch):
    run(**changes, max_images=64)
    with monkeypatch.context() as patch:
        run(stop_after(3, patch), **changes, max_images=64, out=tmp_path / "parts")
    assert weights(tmp_path / "parts")["step"] == 3
    run(**changes, max_images=64, out=tmp_path / "parts")
    assert same(without_clock(weights(tmp_path / "run")), without_clock(weights(tmp_path / "parts")))
    clocked = ("images_per_s",)
    whole, parts = ([{k: v for k, v in r.items() if k not in clocked} for r in read_metrics(tmp_path / n)] for n in ("run", "parts"))
    assert whole == parts


def test_resuming_drops_what_was_noted_after_the_checkpoint(run, tmp_path):
    run(max_images=64)
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"images": 9999, "d_loss": 1.0, "g_loss": 1.0}\n{"images": 100')
    run(max_images=96)
    assert [row["images"] for row in read_metrics(tmp_path / "run")] == [32, 64, 96]


def test_time_ends_it_too(run, tmp_path):
    outcome = run(max_images=10**9, max_minutes=0.01)
    assert not outcome.finished
    assert weights(tmp_path / "run")["seconds"] >= 0.6
    assert [p.name for p in (tmp_path / "run" / "samples").iterdir()] == [f"{outcome.images:08d}.png"]


def test_evaluation_is_noted_every_n_images(run, tmp_path):
    seen = []

    def evaluate(gan):
        seen.append(gan)
        return {"fcd": 3.0}

    run(max_images=128, evaluate=evaluate, eval_every=64)
    assert [row["images"] for row in read_metrics(tmp_path / "run") if "fcd" in row] == [64, 128]


def test_spectral_norm_takes_one_power_iteration_a_step(begin, fabric):
    training = begin(spectral_norm=True, critic_steps=1)
    norm = next(m for m in training.gan.discriminator.modules() if type(m).__name__ == "_SpectralNorm")
    calls = []
    original = norm._power_method
    norm._power_method = lambda *a: (calls.append(1), original(*a))
    for _ in range(4):
        training.play_round(fabric)
    assert len(calls) == 4


def test_learning_rates_follow_their_schedule(settings, begin, fabric):
    linear, cosine = settings(schedule="linear", max_images=100), settings(schedule="cosine", max_images=100, final_lr=0.2)
    assert [rate_factor(linear, i) for i in (0, 25, 100, 200)] == [1, 0.75, 0, 0]
    assert rate_factor(cosine, 50) == pytest.approx(0.6)
    assert rate_factor(cosine, 25) == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert rate_factor(settings(), 50) == 1
    training = begin(lr_g=1e-3, lr_d=4e-3, schedule="linear", max_images=32)
    training.play_round(fabric)
    training.play_round(fabric)  # with what 8 of 32 images leave
    rates = {name: optimiser.param_groups[0]["lr"] for name, optimiser in training.optimisers.items()}
    assert rates == pytest.approx({"generator": 0.75e-3, "discriminator": 3e-3})


def test_gradients_are_clipped(begin, fabric, monkeypatch):
    training = begin(clip=1e-3, beta1=0.0)
    norms = []
    step = torch.optim.Adam.step

    def spy(self):
        norms.append(sum(float(p.grad.norm()) ** 2 for p in self.param_groups[0]["params"]) ** 0.5)
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    training.play_round(fabric)
    assert norms == pytest.approx([1e-3, 1e-3], rel=1e-2)


def test_label_fraction_hides_labels_from_the_game(begin, fabric, monkeypatch):
    """No labelled batch has a label that isn't of the chosen few, and the unlabelled images are of the whole set."""
    training = begin(model="triplegan", game="triple", options=("classifier_width=8",), label_fraction=0.05)
    assert training.source.class_counts.tolist() == [2, 2, 2]
    seen = set()
    for position in range(0, 240, 8):
        real = training.source.draw(position)[0]
        seen |= {tuple(image.flatten().tolist()) for image in real}
    assert len(seen) == 6


def test_no_graph_is_kept_for_the_critics_extra_turns(begin, fabric):
    training = begin(critic_steps=3)
    grads = []
    game = training.game
    original = game.losses["discriminator"]
    game.losses["discriminator"] = lambda batch: (grads.append(batch.fake.requires_grad), original(batch))[1]
    training.play_round(fabric)
    assert grads == [False, False, True]
    assert training.images == 24


class TestTrouble:
    def test_divergence_keeps_the_last_good_checkpoint(self, run, tmp_path, monkeypatch):
        run(max_images=64)
        before = (tmp_path / "run" / "state.pt").read_bytes(), (tmp_path / "run" / "model.safetensors").read_bytes()
        game = games.get("adversarial")
        original = game.generator_loss

        def spoiled(self, batch):
            loss = original(self, batch)
            return loss._replace(total=loss.total * math.nan, shown={"g_loss": loss.total.detach() * math.nan})

        monkeypatch.setattr(game, "generator_loss", spoiled)
        message = r"training diverged: .*g_loss.* not finite after 96 images; the last good checkpoint is kept\. Try smaller --lr-g"
        with pytest.raises(UserError, match=message):
            run(max_images=128)
        assert before == ((tmp_path / "run" / "state.pt").read_bytes(), (tmp_path / "run" / "model.safetensors").read_bytes())

    def test_infinite_weights_are_not_saved(self, run, tmp_path, monkeypatch):
        step = torch.optim.Adam.step

        def spoil(self):
            step(self)
            self.param_groups[0]["params"][0].data.fill_(math.inf)

        monkeypatch.setattr(torch.optim.Adam, "step", spoil)
        with pytest.raises(UserError, match="training diverged"):
            run(max_images=8)
        assert not (tmp_path / "run" / "state.pt").exists()

    @pytest.mark.parametrize("keep", [0, 100, -50])
    def test_truncated_checkpoint(self, keep, run, tmp_path):
        run(max_images=16)
        state = tmp_path / "run" / "state.pt"
        state.write_bytes(state.read_bytes()[:keep])
        with pytest.raises(UserError, match=r"state\.pt: damaged or cut off"):
            run(max_images=32)

    def test_checkpoint_of_another_model(self, run):
        run(max_images=16)
        with pytest.raises(UserError, match="the checkpoint of a dcgan_radford, not of a acgan"):
            run(max_images=32, model="acgan")
        with pytest.raises(UserError, match="the checkpoint doesn't fit dcgan_radford"):
            run(max_images=32, options=("width=16",))

    def test_other_data(self, run, settings, data, fabric):
        run(max_images=16)
        with pytest.raises(UserError, match="the run saw other data"):
            train(resume(settings(max_images=32), data.subset(data.labels < 2), fabric), fabric, Stop())

    def test_full_disk(self, run, tmp_path, monkeypatch):
        run(max_images=16)
        before = (tmp_path / "run" / "state.pt").read_bytes()
        monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(UserError, match="can't write: No space left on device; the last good checkpoint is kept"):
            run(max_images=32)
        assert before == (tmp_path / "run" / "state.pt").read_bytes()
        assert list((tmp_path / "run").glob(".*partial*")) == []

    def test_disk_error_without_a_checkpoint(self, tmp_path):
        with pytest.raises(UserError, match="nothing was saved yet"), explained_disk_errors(tmp_path):
            raise OSError(28, "No space left on device")


def test_metrics_lines_are_json_even_with_infinite_numbers(tmp_path):
    from ca2_gan.trainers.records import Records

    records = Records(tmp_path, 0, tensorboard=False)
    records.note(8, {"d_loss": math.nan, "g_loss": 1.0})
    records.close()
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"images": 8, "d_loss": None, "g_loss": 1.0}


def test_feature_matching_of_a_frozen_classifier_trains_and_resumes(run, tmp_path, monkeypatch):
    """The classifier stands in as a fixed network here; training it is tested with the metrics."""
    from ca2_gan.metrics import classifier

    torch.manual_seed(0)
    network = classifier.Network(classifier.strided(1), 3).eval().requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    monkeypatch.setattr(classifier, "trained_on", lambda data: type("Frozen", (), {"network": network}))
    options = {"feature_matching": 1.0, "matched_features": "classifier", "max_images": 32}
    run(**options)
    assert read_metrics(tmp_path / "run")[0]["g_matching"] > 0
    assert same(before, network.state_dict())
    with monkeypatch.context() as patch:
        run(stop_after(2, patch), **options, out=tmp_path / "parts")
    run(**options, out=tmp_path / "parts")
    assert same(without_clock(weights(tmp_path / "run")), without_clock(weights(tmp_path / "parts")))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_networks_train_the_same_weights(run, tmp_path):
    run(max_images=24)
    run(max_images=24, compile=True, out=tmp_path / "compiled")
    eager, compiled = weights(tmp_path / "run")["players"], weights(tmp_path / "compiled")["players"]
    for name, value in eager.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_without_a_compiler_it_says_so_and_trains(run, capfd, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda *_: raise_(RuntimeError("No working C++ compiler found\nand so on")))
    assert run(max_images=16, compile=True).finished
    assert "--compile: goes on without, since torch.compile doesn't work here: No working C++ compiler found\n" in capfd.readouterr().err


def raise_(error):
    raise error
