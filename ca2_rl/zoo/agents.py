"""Loads saved agents by rl-zoo3's keys, and makes the envs that they play in."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_sb3 import EnvironmentName
from rl_zoo3.utils import ALGOS, create_test_env, get_latest_run_id, get_model_path
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from ca2_core.errors import UserError, did_you_mean
from ca2_core.settings import describe
from ca2_rl import DiscretizedDQN
from ca2_rl.common.action_masks import current_masks
from ca2_rl.environments import check_env, try_env, with_limit
from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
from ca2_rl.loading import agents as loading
from ca2_rl.loading.expressions import parse
from ca2_rl.loading.names import WRAPPERS, Name
from ca2_rl.loading.yaml_files import read_yaml
from ca2_rl.runs import Run, read_run
from ca2_rl.zoo.hyperparams import dotted_names
from ca2_rl.zoo.plugins import register
from ca2_rl.zoo.settings import ZOO

# Settings of ``config.yml`` that name classes to import
IMPORTED = ("callback", "env_wrapper", "policy", "vec_env_wrapper")
STATISTICS = "vecnormalize.pkl"


def plugin_names(algo: str) -> set[Name]:
    """Names of a plug-in's classes that its saved agents may contain."""
    plugin = register().get(algo)
    return set() if plugin is None else {(cls.__module__, cls.__qualname__) for cls in plugin.classes}


def load_agent(algo: str, path: Path, *, device: str = "cpu", trust: bool = False) -> BaseAlgorithm:
    """Loads an agent for prediction, without its replay buffer.

    :param algo: rl-zoo3's key of the algorithm
    :param path: zip file
    :param trust: whether the file may run code when it is loaded
    :raises UserError: if the algorithm is unknown, or the file is damaged, of another algorithm, or may run code
    """
    if algo not in ALGOS:
        raise UserError(f"{path}: no algorithm {algo!r}.{did_you_mean(algo, ALGOS)} Is its package installed?")
    # Prediction needs no replay buffer and no schedules, which another Python version may fail to unpickle
    changes: dict[str, Any] = {"custom_objects": {"learning_rate": 0.0, "lr_schedule": 0.0, "clip_range": 0.0}}
    if issubclass(ALGOS[algo], OffPolicyAlgorithm):
        changes |= {"buffer_size": 1, "optimize_memory_usage": False, "replay_buffer_class": None, "replay_buffer_kwargs": {}}
    return loading.load_agent(ALGOS[algo], path, device=device, trust=trust, also=plugin_names(algo), **changes)


def saved_hyperparams(params_folder: Path, *, trust: bool = False) -> dict[str, Any]:
    """The hyperparameters in ``config.yml`` of a training, with ``normalize`` as a mapping or False; {} if there is no such file.

    ``max_episode_steps`` in ``env_kwargs`` is left out, because it limits the episodes of the training and is not part of the task.

    :param trust: whether the file may name any class, which can run code
    :raises UserError: if the file is damaged, or names classes that are not known to be harmless
    """
    path = params_folder / "config.yml"
    if not path.is_file():
        return {}
    hyperparams = read_yaml(path, trust)
    check_imports(hyperparams, str(path), may_import=trust)
    normalize = hyperparams.get("normalize", False)
    if isinstance(normalize, str):
        normalize = parse(normalize, f"{path}, normalize")
    if not isinstance(normalize, (bool, dict)):
        raise UserError(f"{path}: normalize: true, false or a mapping is needed, this is {describe(normalize)}.")
    hyperparams["normalize"] = {} if normalize is True else normalize
    for name in ("env_kwargs", "frame_stack", "n_timesteps"):
        if hyperparams.get(name) is not None:
            ZOO[name].check(name, hyperparams[name], str(path))
    if hyperparams.get("env_kwargs"):
        hyperparams["env_kwargs"].pop("max_episode_steps", None)
    return hyperparams


def check_imports(hyperparams: Mapping[str, Any], origin: str, may_import: bool = False) -> None:
    """Checks the settings that name classes to import: their form, and that they name only classes known to be harmless.

    :param may_import: whether any class may be named
    :raises UserError: if a setting has a wrong form or names another class
    """
    for key in IMPORTED:
        for dotted in dotted_names(key, hyperparams.get(key), origin):
            module, _, name = dotted.rpartition(".")
            if module and not may_import and (module, name) not in WRAPPERS:
                raise UserError(f"{origin}: {key} imports {dotted}, which may run code. If you trust where it comes from, add --trust.")


def find_agent(
    algo: str, env_id: str, folder: str, number: int, load_best: bool, checkpoint: int | None, last_checkpoint: bool
) -> tuple[Run, Path]:
    """Finds the run and the zip file that a command line selects, by rl-zoo3's rules.

    :param number: number of the run; 0 for the latest, -1 for a model in the folder itself
    :param checkpoint: number of steps of the checkpoint to load; None for no checkpoint
    :raises UserError: if there is no such agent
    """
    env_name = EnvironmentName(env_id)
    steps: Any = checkpoint  # rl-zoo3 annotates it as str
    if number == 0 and checkpoint is None and not (load_best or last_checkpoint):
        number = _latest_finished(Path(folder, algo), env_name)
    try:
        with redirect_stdout(None):
            _, model, run_folder = get_model_path(number, folder, algo, env_name, load_best, steps, last_checkpoint)
    except (AssertionError, ValueError) as error:
        if get_latest_run_id(f"{folder}/{algo}", env_name) == 0:
            raise UserError(
                f"no run of {algo} on {env_id} in {folder}. "
                f"Train one with `ca2-rl train --algo {algo} --env {env_id} -f {folder}`, or give its folder with -f."
            ) from error
        raise UserError(f"{error}.") from error
    path = Path(run_folder)
    if (path / env_name / "args.yml").is_file():
        return replace(read_run(path), env_id=env_id, algo=algo), Path(model)
    return Run(path, path / env_name, {}, algo, env_id, 0), Path(model)


def _latest_finished(folder: Path, env_name: EnvironmentName) -> int:
    """Number of the latest run with a model; 0 if there is none."""
    for number in range(get_latest_run_id(str(folder), env_name), 0, -1):
        if (folder / f"{env_name}_{number}" / f"{env_name}.zip").is_file():
            return number
    return 0


def import_packages(run: Run, packages: Iterable[str], trust: bool) -> None:
    """Imports the packages that the user names, and with ``trust`` those that the run names, then checks that the run's env exists.

    :raises UserError: if a package can't be imported, or the env is unknown
    """
    named = [str(package) for package in run.args.get("gym_packages") or []]
    known = [*packages, *(named if trust else [])]
    try:
        check_env(run.env_id, known)
    except UserError as error:
        if named and not known:
            raise UserError(
                f"{run.folder}: {run.env_id} is in a package that the run names. If you trust it, add --gym-packages {' '.join(named)}"
            ) from error
        raise


def make_env(
    run: Run,
    *,
    n_envs: int = 1,
    seed: int = 0,
    env_kwargs: dict[str, Any] | None = None,
    log_folder: str | None = None,
    norm_reward: bool = False,
    trust: bool = False,
) -> VecEnv:
    """Makes the env of a training for evaluation: episodes have a time limit, and running statistics are fixed.

    :param env_kwargs: arguments of the env that take precedence over those of the run
    :param log_folder: folder for the files of a ``Monitor``; None for no files
    :param norm_reward: whether rewards are normalised by the running statistics as well
    :param trust: whether the run's files may run code
    :raises UserError: if the run's files are damaged or may run code, or the env can't be made
    """
    hyperparams = saved_hyperparams(run.params_folder, trust=trust)
    own = run.args.get("eval_env_kwargs") or run.args.get("env_kwargs") or hyperparams.get("env_kwargs") or {}
    if not isinstance(own, dict):
        raise UserError(f"{run.params_folder / 'args.yml'}: env_kwargs: a mapping is needed, this is {describe(own)}.")
    if own:
        try_env(run.env_id, own, f"{run.folder}: env_kwargs")
    statistics = run.params_folder / STATISTICS
    is_normalised = hyperparams.get("normalize", False) is not False
    if is_normalised and not statistics.is_file():
        raise UserError(f"{statistics}: missing, but the agent needs normalised observations. Copy the file from where it was trained.")
    try:
        env = create_test_env(
            run.env_id,
            n_envs=n_envs,
            seed=seed,
            log_dir=log_folder,
            should_render=False,
            hyperparams={key: hyperparams[key] for key in ("env_wrapper", "vec_env_wrapper") if hyperparams.get(key)},
            env_kwargs=with_limit(run.env_id, own | (env_kwargs or {})),
            vec_env_cls=ClassicControlVecEnv,
        )
        if is_normalised:
            env = loading.load_vec_normalize(statistics, env, trust=trust)
            env.training, env.norm_reward = False, norm_reward
        frames = hyperparams.get("frame_stack") or 0
        return VecFrameStack(env, frames) if frames else env
    except UserError:
        raise
    except Exception as error:  # whatever an env or a wrapper raises
        raise UserError(f"{run.folder}: its env can't be made: {error}") from error


Step = tuple[np.ndarray, np.ndarray, list[dict[str, Any]]]


def play(agent: BaseAlgorithm, env: VecEnv, deterministic: bool = True, observations: Any = None) -> Iterator[Step]:
    """Plays an agent in an env forever. Yields for each step: rewards [n_envs], whether an episode ended [n_envs], infos.

    :param observations: current observations of the env; None to reset it first
    """
    if observations is None:
        observations = env.reset()
    state, starts = None, np.ones(env.num_envs, dtype=bool)
    infos: list[dict[str, Any]] | None = None
    while True:
        masks = {}
        if isinstance(agent, DiscretizedDQN) and agent.action_masks:
            masks["action_masks"] = current_masks(env, (env.num_envs, agent.bins.width), infos, starts)
        actions, state = agent.predict(observations, state, starts, deterministic=deterministic, **masks)
        observations, rewards, starts, infos = env.step(actions)
        yield rewards, starts, infos


def first_episodes(agent: BaseAlgorithm, env: VecEnv, observations: Any = None) -> list[tuple[float, int]]:
    """Return and length of the first deterministic episode in each env, as recorded by SB3's ``Monitor``: not normalised, not wrapped.

    :param observations: current observations of the env; None to reset it first
    """
    episodes: dict[int, tuple[float, int]] = {}
    for _, _, infos in play(agent, env, observations=observations):
        for i, info in enumerate(infos):
            if "episode" in info:
                episodes.setdefault(i, (float(info["episode"]["r"]), int(info["episode"]["l"])))
        if len(episodes) == env.num_envs:
            break
    return [episodes[i] for i in range(env.num_envs)]
