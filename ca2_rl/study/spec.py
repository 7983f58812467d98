"""Reads the file of a study of agents, and checks it before anything runs."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
from rl_zoo3.utils import ALGOS

from ca2_core.errors import UserError, did_you_mean
from ca2_core.study.cases import Case, Measure, Study
from ca2_core.study.file import Section, find_modules, read_file
from ca2_rl.environments import check_env, try_env
from ca2_rl.optimum import has_optimum
from ca2_rl.study.hyperparams import merged, of_the_zoo, shipped
from ca2_rl.study.training import MEASUREMENT, Bench, Recipe
from ca2_rl.zoo.hyperparams import check_values
from ca2_rl.zoo.plugins import register
from ca2_rl.zoo.printing import cause_text

METRICS = ("return", "regret")
BASES: dict[str, Callable[[str, str], dict[str, Any]]] = {"shipped": shipped, "zoo": of_the_zoo}
SEEDS = 10
STUDY_KEYS = ("title", "seeds", "n_timesteps", "evaluation", "gym_packages", "environments", "variants")
ENVIRONMENT_KEYS = ("id", "env_kwargs", "eval_env_kwargs", "n_timesteps", "evaluation")
EVALUATION_KEYS = ("metric", "episodes", "evaluations", "curve_episodes", "seed", "thresholds")
# Keys of a variant that are not hyperparameters
VARIANT_KEYS = ("algo", "base", "group", "seeds", "environments")
# --quick divides budgets and episodes by this
QUICK = 10


@dataclass(frozen=True)
class Environment:
    """An environment of the study, which is a task.

    :param env_id: Gymnasium's id
    :param env_kwargs: arguments of the env in training and evaluation
    :param eval_env_kwargs: further arguments in evaluations, which take precedence
    :param n_timesteps: steps of each training; None for those in each variant's hyperparameters
    :param evaluation: metric, number of episodes and evaluations, and seed
    :param measure: the number by which variants are compared
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    eval_env_kwargs: Mapping[str, Any]
    n_timesteps: int | None
    evaluation: Mapping[str, Any]
    measure: Measure


def read_study(path: Path, quick: bool = False) -> Study:
    """Reads a study's file.

    :param quick: whether to use a tenth of the budget and of the episodes
    :raises UserError: for the first mistake in the file, with file and key
    """
    return make_study(read_file(path), path.stem, path.parent, quick)


def make_study(content: Section, name: str, folder: Path, quick: bool = False) -> Study:
    """Makes a study from the content of a file; see ``read_study``.

    :param folder: searched for modules of ``gym_packages``
    """
    content.check_keys(STUDY_KEYS)
    register()
    packages = find_modules(content, "gym_packages", folder)
    seeds = content.seeds("seeds", SEEDS)
    environments = {key: _environment(key, section, content) for key, section in content.sections("environments").items()}
    cases = []
    for variant, section in content.sections("variants").items():
        chosen = section.names("environments", environments) or list(environments)
        cases += [_case(variant, section, task, environments[task], packages, quick) for task in chosen]
    title = content.get("title", str, name.replace("_", " ").capitalize())
    return Study(name, title, cases, seeds, {task: environment.measure for task, environment in environments.items()})


def _environment(key: str, section: Section, content: Section) -> Environment:
    section.check_keys(ENVIRONMENT_KEYS)
    env_id = section.get("id", str, key)
    try:
        check_env(env_id)
    except UserError:
        where, name = (section, "id") if "id" in section.values else (content.section("environments"), key)
        problem = f"no env {env_id!r}.{did_you_mean(env_id, gym.registry)} For an env of another package, add gym_packages: [PACKAGE]."
        raise where.error(name, problem) from None
    kwargs: Mapping[str, Any] = section.get("env_kwargs", dict, {})
    eval_kwargs: Mapping[str, Any] = section.get("eval_env_kwargs", dict, {})
    for name, values in {"env_kwargs": kwargs, "eval_env_kwargs": merged(kwargs, eval_kwargs)}.items():
        try_env(env_id, dict(values), section.place_of(name))
    n_timesteps = section.at_least("n_timesteps", 1, content.at_least("n_timesteps", 1, 0))
    evaluation, measure = _evaluation(content.section("evaluation"), section.section("evaluation"), env_id)
    return Environment(env_id, kwargs, eval_kwargs, n_timesteps or None, evaluation, measure)


def _evaluation(common: Section, own: Section, env_id: str) -> tuple[dict[str, Any], Measure]:
    """The settings of an evaluation: an environment's own entries, then those for the whole study, then defaults."""
    for section in (common, own):
        section.check_keys(EVALUATION_KEYS)

    def place(key: str) -> Section:
        return own if key in own.values else common

    metric = place("metric").get("metric", str, "return")
    if metric not in METRICS:
        raise place("metric").error("metric", f"no metric {metric!r}.{did_you_mean(metric, METRICS)} There are {', '.join(METRICS)}.")
    if metric == "regret" and not has_optimum(env_id):
        raise place("metric").error("metric", f"the optimum of {env_id} is unknown, so there is no regret. Use return.")
    numbers = {
        key: place(key).at_least(key, least, default)
        for key, least, default in (("episodes", 1, 100), ("evaluations", 1, 20), ("curve_episodes", 1, 20), ("seed", 0, 10_000))
    }
    thresholds = place("thresholds").get("thresholds", list, [])
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) for value in thresholds):
        raise place("thresholds").error("thresholds", f"a list of numbers is needed, this is {thresholds}.")
    measure = Measure(metric, lower_is_better=metric == "regret", thresholds=tuple(map(float, thresholds)))
    return {"metric": metric} | numbers, measure


def _case(variant: str, section: Section, task: str, environment: Environment, packages: Sequence[str], quick: bool) -> Case:
    algo = section.get("algo", str, "")
    if algo not in ALGOS:
        raise section.error("algo", f"no algorithm {algo!r}.{did_you_mean(algo, ALGOS)} There are {', '.join(ALGOS)}.")
    own = {name: value for name, value in section.values.items() if name not in VARIANT_KEYS}
    hyperparams = merged(_base(section, algo, environment.env_id), own)
    if environment.n_timesteps is not None:
        hyperparams["n_timesteps"] = environment.n_timesteps
    check_values(hyperparams, ALGOS[algo], section.place)
    n_timesteps, evaluation = int(hyperparams.pop("n_timesteps")), dict(environment.evaluation)
    if quick:
        n_timesteps = max(n_timesteps // QUICK, 1)
        evaluation |= {name: max(evaluation[name] // QUICK, 1) for name in ("episodes", "curve_episodes", "evaluations")}
    of_the_variant = hyperparams.pop("env_kwargs", {})
    train_kwargs = merged(environment.env_kwargs, of_the_variant)
    if train_kwargs:
        hyperparams["env_kwargs"] = train_kwargs
    # max_episode_steps limits training episodes only: it is part of how an agent learns, not of the task
    of_the_task = {name: value for name, value in of_the_variant.items() if name != "max_episode_steps"}
    settings = {
        "measurement": MEASUREMENT,
        "algo": algo,
        "hyperparams": hyperparams,
        "n_timesteps": n_timesteps,
        "env": environment.env_id,
        "eval_env_kwargs": merged(merged(of_the_task, environment.env_kwargs), environment.eval_env_kwargs),
        "evaluation": evaluation,
        "gym_packages": list(packages),
    }
    return Case(variant, task, settings, bench_key(settings), section.get("group", str, ""), section.at_least("seeds", 1, 0) or None)


def _base(section: Section, algo: str, env_id: str) -> dict[str, Any]:
    """The hyperparameters to which a variant's own are added."""
    base = section.get("base", str, "shipped" if getattr(register().get(algo), "hyperparams", None) else "zoo")
    if base == "none":
        return {}
    source, _, other = base.partition("/")
    if source not in BASES:
        raise section.error(
            "base", f"no hyperparameters {base!r}. Give shipped, zoo, none, or shipped/ALGO for those of another algorithm."
        )
    try:
        return BASES[source](other or algo, env_id)
    except UserError as error:
        raise section.error("base", f"{base}: {error} With `base: none`, only the variant's own are used.") from error


def bench_key(settings: Mapping[str, Any]) -> str:
    """Key of a case's bench. Cases with the same key share a bench."""
    return json.dumps([settings[name] for name in ("env", "eval_env_kwargs", "evaluation", "gym_packages")], sort_keys=True)


def make_benches(cases: Iterable[Case], place: str) -> dict[str, Bench]:
    """Makes the benches of these cases. Each agent is built once before, so that settings that do not fit fail before any training.

    :param place: the study's file, for messages
    :raises UserError: if an agent can't be built
    """
    distinct = {json.dumps(case.settings, sort_keys=True): case for case in cases}
    for case in distinct.values():
        try:
            model = Recipe(case.settings, seed=0).build()
            assert model.env is not None
            model.env.close()
        except Exception as error:  # whatever SB3, rl-zoo3 or the environment raise
            raise UserError(f"{place}, variants.{case.variant}: on {case.task}: {cause_text(error)}") from error
    return {case.bench: Bench.prepare(case.settings) for case in {case.bench: case for case in distinct.values()}.values()}
