"""A checkpoint that can't be gone on with is one line, before anything takes long, and stays as it is."""

import copy
import math
import os
import pickle

import pytest
import torch

from ca2_core.errors import UserError

DAMAGED = r"state\.pt: damaged or cut off \(.*Delete it to start this run again from the beginning"
UNFIT = r"state\.pt: the checkpoint doesn't fit dcgan_radford: {}.*delete it to start this run again from the beginning"
WEIGHT = "generator.layers.1.weight"


@pytest.fixture(scope="module")
def kept():
    """State of a run of 8 images, taken once."""
    return {}


@pytest.fixture
def path(run, tmp_path, kept):
    """The checkpoint of a run."""
    path = tmp_path / "run" / "state.pt"
    run(images=8)
    if not kept:
        kept |= torch.load(path, weights_only=True)
    path.unlink()
    return path


def refused(run, path, message: str) -> None:
    before = path.read_bytes()
    with pytest.raises(UserError, match=message) as raised:
        run(images=32)
    assert len(str(raised.value)) < 500
    assert path.read_bytes() == before


def spoil(state: dict, where: str, value: object) -> None:
    """Puts a value where the names, with slashes between, lead; ... takes what is there away."""
    *names, last = (int(name) if name.isdigit() else name for name in where.split("/"))
    for name in names:
        state = state[name]
    if value is ...:
        del state[last]
    else:
        state[last] = value


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("images", -5, "images is -5"),
        ("images", 1.5, r"images is 1\.5"),
        ("images", True, "images is True"),
        ("images", None, "images is None"),
        ("images", ..., "'images' is missing"),
        ("step", "2", "step is '2'"),
        ("seconds", math.nan, "seconds is nan"),
        ("seconds", math.inf, "seconds is inf"),
        ("seconds", -1.0, r"seconds is -1\.0"),
        ("seconds", "long", "seconds is 'long'"),
        ("seconds", ..., "'seconds' is missing"),
        ("players", ..., "'players' is missing"),
        ("players", None, ""),
        ("players", [1], f"{WEIGHT} is missing"),
        (f"players/{WEIGHT}", ..., f"{WEIGHT} is missing"),
        ("players/more", torch.zeros(1), "more is not a weight of the model"),
        (f"players/{WEIGHT}", 5, f"{WEIGHT} is int"),
        (f"players/{WEIGHT}", torch.zeros(3), rf"{WEIGHT} is \[3\], not "),
        (f"players/{WEIGHT}", torch.full((100, 16, 4, 4), math.nan), f"{WEIGHT} is not finite"),
        (f"players/{WEIGHT}", torch.zeros((100, 16, 4, 4), dtype=torch.int64), rf"{WEIGHT} is torch\.int64"),
        ("average", {}, r"layers\.1\.weight is missing"),
        ("game/running_accuracy", torch.zeros(()), "running_accuracy is not a weight"),
        ("optimisers", {}, "'generator' is missing"),
        ("optimisers/generator", {}, "'state' is missing"),
        ("optimisers/generator/state", [], ""),
        ("optimisers/generator/state/0", {}, "the generator's optimiser has other parameters"),
        ("optimisers/generator/state/99", {}, "the generator's optimiser has other parameters"),
        ("optimisers/generator/state/0/exp_avg", ..., "the generator's optimiser has other parameters"),
        ("optimisers/generator/state/0/exp_avg", torch.zeros(3), r"exp_avg of the generator's optimiser is \[3\]"),
        ("optimisers/generator/state/0/exp_avg_sq", torch.full((100, 16, 4, 4), math.inf), "exp_avg_sq of the generator's .* not finite"),
        ("optimisers/generator/state/0/step", torch.zeros(2), r"step of the generator's optimiser is \[2\], not \[\]"),
        ("optimisers/generator/state/0/step", 3, "step of the generator's optimiser is int"),
        ("sums", None, ""),
        ("sums/d_loss", torch.ones(()), "counts is {}"),
        ("counts/d_loss", 1, "counts is {'d_loss': 1}"),
    ],
    ids=str,
)
def test_wrong_content(where, value, message, run, path, kept):
    state = copy.deepcopy(kept)
    spoil(state, where, value)
    torch.save(state, path)
    refused(run, path, UNFIT.format(message))


@pytest.mark.parametrize("count", [0, -1, 1.0, None])
def test_means_of_no_rounds_are_refused(count, run, path, kept):
    torch.save(kept | {"sums": {"d_loss": torch.ones(())}, "counts": {"d_loss": count}}, path)
    refused(run, path, UNFIT.format("counts is"))


def test_what_the_settings_say_of_the_optimiser_is_not_taken_from_the_file(begin, path, kept):
    state = copy.deepcopy(kept)
    state["optimisers"]["generator"]["param_groups"] = [{"lr": "fast", "betas": 7, "params": [0]}]
    training = begin()
    training.load_state_dict(state)
    assert training.optimisers["generator"].param_groups[0]["betas"] == (0.5, 0.999)
    assert training.images == 8


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04", pickle.dumps({"model": "dcgan_radford"}, protocol=2)], ids=str)
def test_what_is_no_checkpoint(content, run, path):
    path.write_bytes(content)
    refused(run, path, DAMAGED)


@pytest.mark.parametrize("state", [None, [], "text", {}, {"model": "dcgan_radford"}, torch.zeros(3)], ids=str)
def test_a_checkpoint_of_something_else(state, run, path):
    torch.save(state, path)
    refused(run, path, DAMAGED)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_cut_off(share, run, path, kept):
    torch.save(kept, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(run, path, DAMAGED)


class Canary:
    """Leaves a folder where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_does_not_run(run, path, kept, tmp_path):
    torch.save(kept | {"seconds": Canary(tmp_path / "canary")}, path)
    refused(run, path, DAMAGED)
    assert not (tmp_path / "canary").exists()


def test_a_checkpoint_that_is_a_folder(run, path):
    path.mkdir()
    with pytest.raises(UserError, match=r"state\.pt: can't be read: Is a directory"):
        run(images=32)
