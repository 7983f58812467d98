"""The agents that come with the package, made by version 0.1.0, against their weights evaluated by hand."""

import io
import warnings
import zipfile
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN
from ca2_rl.cli import COMMAND
from ca2_rl.evaluate import evaluate
from ca2_rl.runs import find_runs

AGENTS = Path(__file__).parents[2] / "rl-trained-agents"
every_algorithm = pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, OUDDPG])


def path_of(algorithm):
    return AGENTS / algorithm.__name__.lower() / "Pendulum-v1_1" / "Pendulum-v1.zip"


def load(algorithm, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as of an attribute that can't be read
        return algorithm.load(path_of(algorithm), device="cpu", **kwargs)


def by_hand(algorithm, n_bins):
    """Observations [N, 3] -> torques [N, 1], from the file's weights alone."""
    with zipfile.ZipFile(path_of(algorithm)) as file:
        weights = torch.load(io.BytesIO(file.read("policy.pth")), weights_only=True, map_location="cpu")
    prefix, weight, bias = {
        DiscretizedDQN: ("q_net.q_net", "weight", "bias"),
        NoisyDQN: ("q_net.q_net", "weight_mu", "bias_mu"),
        OUDDPG: ("actor.mu", "weight", "bias"),
    }[algorithm]
    numbers = sorted({int(name.split(".")[2]) for name in weights if name.startswith(f"{prefix}.")})
    layers = [(weights[f"{prefix}.{i}.{weight}"], weights[f"{prefix}.{i}.{bias}"]) for i in numbers]
    activation = load(algorithm).policy.activation_fn()

    def torques(observations):
        x = torch.as_tensor(observations)
        for i, (matrix, offset) in enumerate(layers):
            x = x @ matrix.T + offset
            x = activation(x) if i < len(layers) - 1 else x
        return (
            (2 * torch.tanh(x)).numpy()
            if algorithm is OUDDPG
            else np.linspace(-2, 2, n_bins, dtype=np.float32)[x.argmax(dim=1).numpy()][:, None]
        )

    return torques


def played(policy, seeds):
    returns = []
    for seed in seeds:
        env, total, is_over = gym.make("Pendulum-v1"), 0.0, False
        observation, _ = env.reset(seed=seed)
        while not is_over:
            observation, reward, _, is_over, _ = env.step(policy(observation[None])[0])
            total += reward
        returns.append(total)
    return returns


@every_algorithm
def test_a_shipped_agent_plays_by_its_weights(algorithm):
    model = load(algorithm)
    policy = by_hand(algorithm, getattr(model, "n_bins", None))
    expected = played(policy, range(3))
    found = played(lambda observation: model.predict(observation, deterministic=True)[0], range(3))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.mean(found) > -300  # it has learned


@every_algorithm
def test_a_shipped_agent_learns_on(algorithm):
    model = load(algorithm, env=gym.make("Pendulum-v1"), buffer_size=500, learning_starts=0)
    steps, updates = model.num_timesteps, model._n_updates
    with torch.no_grad():
        before = [parameter.clone() for parameter in model.policy.parameters()]
    model.learn(20, reset_num_timesteps=False)
    assert (model.num_timesteps, model._n_updates - updates) == (steps + 20, 20)
    assert any(not torch.equal(old, new) for old, new in zip(before, model.policy.parameters(), strict=True))


RAINBOWS = find_runs([AGENTS / "rainbow"])
SOLVED = {"CartPole-v1": 450, "LunarLander-v3": 150, "MinAtar/Breakout-v1": 7, "Pendulum-v1": -250}


def test_rainbows_are_shipped_in_six_megabytes():
    assert {run.env_id for run in RAINBOWS} == set(SOLVED)
    assert sum(path.stat().st_size for path in (AGENTS / "rainbow").rglob("*")) <= 6_000_000


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("run", RAINBOWS, ids=lambda run: run.env_id)
def test_a_shipped_rainbow_plays_and_has_a_card(run, capsys):
    assert evaluate(run, 10).returns.mean() > SOLVED[run.env_id]
    COMMAND.run(["enjoy", "--algo", "rainbow", "--env", run.env_id, "--no-render", "-n", "50"])
    assert f"`{run.params_folder.name}/config.yml`" in (run.folder / "README.md").read_text()
