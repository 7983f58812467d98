"""The files of the pendulum playground: pages, and agents exported as programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.vec_env import VecNormalize

from ca2_core.errors import UserError
from ca2_core.play import server
from ca2_core.play.lessons import read_lessons
from ca2_core.play.program import to_program
from ca2_core.play.server import Content, static
from ca2_rl.discretized_dqn.policies import DiscretizedDQNPolicy
from ca2_rl.noisy_dqn.policies import NoisyQNetwork
from ca2_rl.play.networks import networks_of
from ca2_rl.runs import Run, find_runs, finished, latest_of_each
from ca2_rl.zoo.agents import load_agent, make_env, saved_hyperparams
from ca2_rl.zoo.plugins import TRAINED_AGENTS, register

ENV_ID = "Pendulum-v1"
STATIC = Path(__file__).parent / "static"
LESSONS = Path(__file__).parent / "lessons"
SHARED = Path(server.__file__).parent / "static"


def shipped_runs() -> list[Run]:
    """The latest shipped run of each algorithm on Pendulum-v1."""
    return [run for run in latest_of_each(finished(find_runs([TRAINED_AGENTS]))) if run.env_id == ENV_ID]


def pages(runs: Sequence[str | Path] = ()) -> dict[str, Content]:
    """All files of the playground, by path on the server.

    :param runs: folders of runs whose agents are shown next to the shipped ones
    :raises UserError: if a run does not exist, is not on Pendulum-v1, or its agent can't be loaded
    """
    register()
    given = finished(find_runs(runs)) if runs else []
    for run in given:
        if run.env_id != ENV_ID:
            raise UserError(f"{run.folder}: an agent for {run.env_id}; the playground shows only {ENV_ID}. `ca2-rl enjoy` plays others.")
    found: dict[str, Content] = static(STATIC) | static(SHARED, "/core/")
    found["/"] = STATIC / "pendulum.html"
    agents: list[dict[str, Any]] = []
    for run in [*given, *shipped_runs()]:
        label = f"{run.folder.parent.name}/{run.folder.name}" if run in given else ""
        agents.append(_add_agent(found, run, label, f"agent{len(agents)}" if run in given else run.algo))
    found["/agents.json"] = json.dumps(agents).encode()
    found["/lessons.json"] = json.dumps(read_lessons(LESSONS)).encode()
    return found


def _add_agent(pages: dict[str, Content], run: Run, label: str, name: str) -> dict[str, Any]:
    """Adds the programs of an agent to the pages. Returns its entry in ``agents.json``."""
    agent = load_agent(run.algo, run.model_path)
    if agent.observation_space.shape != (3,) or agent.action_space.shape != (1,):
        raise UserError(f"{run.model_path}: not an agent for {ENV_ID}: its spaces are {agent.observation_space} and {agent.action_space}.")
    try:
        network, critic = networks_of(agent, _statistics(run))
        example = torch.zeros(1, 3)
        pages[f"/agents/{name}.bin"] = to_program(network, {"observation": example}).pack_whole()
        if critic is not None:
            inputs = {"observation": example, "torque": torch.zeros(1, 1)}
            pages[f"/agents/{name}.critic.bin"] = to_program(critic, inputs).pack_whole()
    except UserError as error:
        raise UserError(f"{run.folder}: {error}") from error
    policy: Any = agent.policy
    has_bins = isinstance(policy, DiscretizedDQNPolicy)
    q_net = getattr(policy, "q_net", None)
    return {
        "name": name,
        "label": label or type(agent).__name__,
        "file": f"agents/{name}.bin",
        "critic": None if critic is None else f"agents/{name}.critic.bin",
        "torques": policy.bins.actions.flatten().tolist() if has_bins else None,
        "sigmas": [layer.mean_sigma() for layer in q_net.noisy_layers] if isinstance(q_net, NoisyQNetwork) else [],
        "gamma": getattr(agent, "gamma", None),
    }


def _statistics(run: Run) -> VecNormalize | None:
    """Running statistics by which the agent's observations are normalised; None without normalisation.

    :raises UserError: if the env had wrappers, which the page does not support
    """
    hyperparams = saved_hyperparams(run.params_folder)
    wrapped = [name for name in ("env_wrapper", "vec_env_wrapper", "frame_stack") if hyperparams.get(name)]
    if wrapped:
        raise UserError(f"trained with {' and '.join(wrapped)}, which the page does not support.")
    if hyperparams.get("normalize", False) is False:
        return None
    env = make_env(run)
    env.close()
    return env if isinstance(env, VecNormalize) else None
