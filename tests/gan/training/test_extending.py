"""What docs/howto says of losses, games and training works as it stands."""

import re
from pathlib import Path

import pytest
import torch

from ca2_core.errors import UserError
from ca2_gan import Callback, Trainer, register_game, register_loss
from ca2_gan.commands.train import read_arguments
from ca2_gan.registry import games, losses

HOWTO = Path(__file__).parents[3] / "docs" / "howto"
PAGE = "\n".join((HOWTO / f"own-{what}.md").read_text(encoding="utf-8") for what in ("loss", "data"))
SMALL = {"options": {"width": 8}, "batch_size": 8, "progress": False}


def code_of(title: str) -> dict:
    """What the code of a section defines."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    names: dict = {}
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    exec(compile(code, f"{title}.py", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def _registries(monkeypatch):
    for registry in (games, losses):
        monkeypatch.setattr(registry, "_entries", {name: registry.get(name) for name in registry})


def test_a_loss(data):
    register_loss("least-squares")(code_of("A loss")["LEAST_SQUARES"])
    objective, real, fake = losses.get("least-squares"), torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 1.0])
    assert float(objective.discriminator(real, fake)) == (2 + 1) / 2
    assert float(objective.generator(real, fake)) == 2 / 2
    gan = Trainer("dcgan_radford", data, loss="least-squares", **SMALL).fit(images=16)
    assert gan.sample(2).shape == (2, 1, 16, 16)


class StopAtOnce(Callback):
    def on_round(self, state):
        state.stop()


class TestTwoDiscriminators:
    @pytest.fixture(autouse=True)
    def _game(self):
        register_game("two-discriminators")(code_of("A game with two discriminators")["TwoDiscriminators"])

    def trainer(self, data, **more):
        return Trainer("dcgan_radford", data, game="two-discriminators", **SMALL, **more)

    def test_all_three_players_learn_each_at_its_rate_from_one_batch(self, data):
        trainer = self.trainer(data, lr_second=1e-2, lr_d=2e-3, share=0.25)
        trainer.fit(images=8)
        state = trainer.state
        rates = {name: optimiser.param_groups[0]["lr"] for name, optimiser in state.optimisers.items()}
        assert rates == {"generator": 1e-3, "discriminator": 2e-3, "second": 1e-2}
        assert (state.images, state.step) == (8, 1)
        first = {name: player.state_dict() for name, player in state.players.items()}
        trainer.fit(images=16)
        assert list(first) == ["generator", "discriminator", "second"]
        moved = {name: (optimiser.state[optimiser.param_groups[0]["params"][0]]["step"]) for name, optimiser in state.optimisers.items()}
        assert {name: int(step) for name, step in moved.items()} == dict.fromkeys(first, 2)

    def test_it_resumes_bit_for_bit(self, data, tmp_path):
        options = {"tensorboard": False, "images": 32}
        self.trainer(data, out=tmp_path / "whole", **options).fit()
        self.trainer(data, out=tmp_path / "parts", callbacks=[StopAtOnce()], **options).fit()
        self.trainer(data, out=tmp_path / "parts", **options).fit(resume=True)
        whole, parts = (torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("whole", "parts"))
        for part in ("players", "game", "average"):
            assert whole[part]
            assert all(torch.equal(value, parts[part][name]) for name, value in whole[part].items())

    def test_its_options_are_checked_and_belong_to_it_alone(self, tmp_path):
        argv = ["--model", "sngan", "--data", "x", "--out", str(tmp_path)]
        config = read_arguments([*argv, "--game", "two-discriminators", "--lr-second", "1e-3"]).config
        assert (config.game.name, config.game.lr_second) == ("two-discriminators", 1e-3)
        with pytest.raises(UserError, match=r"--share=2\.0: it has to be from 0 to 1"):
            read_arguments([*argv, "--game", "two-discriminators", "--share", "2"])
        with pytest.raises(UserError, match="--share is an option of the game two-discriminators, not of adversarial"):
            read_arguments([*argv, "--share", "0.5"])


def test_training_on_arrays():
    names = code_of("Training on arrays")
    assert names["images"].shape == (10, 1, 16, 16)
    assert names["data"].image_shape == (1, 16, 16)
    assert len(names["data"].train) + len(names["data"].test) <= 1_797
