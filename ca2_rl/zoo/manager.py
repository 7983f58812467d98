"""rl-zoo3's experiment manager, with our algorithms' hyperparameters, logs for ``ca2-rl plot``, states to resume from, and atomic files."""

import argparse
import errno
import inspect
import io
import logging
import re
import shutil
import sys
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
import optuna
import torch as th
from optuna import Study, Trial
from rl_zoo3.exp_manager import ExperimentManager
from rl_zoo3.hyperparams_opt import HYPERPARAMS_CONVERTER, HYPERPARAMS_SAMPLER
from rl_zoo3.utils import ALGOS, get_latest_run_id
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback, EvalCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_core.files import locked, whole_file
from ca2_rl.common.diagnostics import DiagnosticsCallback, WithDiagnostics
from ca2_rl.environments import tell_limit, with_limit
from ca2_rl.envs.classic_control_vec_env import ClassicControlVecEnv
from ca2_rl.loading.agents import load_agent, load_replay_buffer, load_vec_normalize
from ca2_rl.loading.expressions import parse
from ca2_rl.loading.yaml_files import read_yaml
from ca2_rl.runs import read_run
from ca2_rl.state.callback import SaveStates, newest_state
from ca2_rl.state.hashes import HashChain, Link
from ca2_rl.state.model import fits_settings
from ca2_rl.zoo import resume, studies
from ca2_rl.zoo.agents import STATISTICS, check_imports, plugin_names
from ca2_rl.zoo.callbacks import CheckRewards, ProgressLog, StopOnSignal
from ca2_rl.zoo.hyperparams import PARSED, as_entry, check_file, check_values, import_class, resolve_classes, with_trial
from ca2_rl.zoo.plugins import register
from ca2_rl.zoo.printing import EvaluationLine, ProgressBar, Tables, cause_text, say

log = logging.getLogger(__name__)

# Number of evaluations in a training shorter than --eval-freq, which would otherwise have none
EVALUATIONS_OF_A_SHORT_TRAINING = 10
# Options that have another name in rl-zoo3's manager
ZOO_NAMES = {"env": "env_id", "eval_episodes": "n_eval_episodes", "vec_env": "vec_env_type", "conf_file": "config"}


class Manager(ExperimentManager):
    """Runs the trainings of ``ca2-rl train`` and the searches of ``ca2-rl optimize``.

    It prints one line for each evaluation; with ``args.quiet`` only the last lines, with ``args.verbose`` everything that SB3 and rl-zoo3
    print.

    :param args: the parsed command line
    :param recorded: ``config.yml`` of a run that is repeated or resumed
    :param see_hash: called with each entry of the training's chain of hashes
    """

    def __init__(self, args: argparse.Namespace, recorded: Path | None = None, see_hash: Callable[[Link], None] | None = None):
        named = {ZOO_NAMES.get(name, name): value for name, value in vars(args).items()}
        known = inspect.signature(ExperimentManager).parameters
        settings = {name: value for name, value in named.items() if name in known} | {"verbose": args.verbose or 0}
        super().__init__(args, **settings, uuid_str=f"_{uuid.uuid4()}" if args.uuid else "")
        if self.vec_env_class is DummyVecEnv:
            self.vec_env_class = ClassicControlVecEnv  # which steps any other env as DummyVecEnv does
        self._recorded, self._see_hash = recorded, see_hash
        self._stdout = sys.stdout
        self.study: Study | None = None  # the search, once this process has made a trial
        self.failure: UserError | None = None  # why the search was stopped
        self.entry_values: dict[str, Any] = {}  # the hyperparameters as a file has them
        can_save = issubclass(ALGOS[self.algo], (OffPolicyAlgorithm, OnPolicyAlgorithm)) and "Recurrent" not in ALGOS[self.algo].__name__
        self.states = SaveStates(Path(), args.save_every, args.save_buffer, self._facts) if can_save else None
        self.stop_on_signal = StopOnSignal(self.states)
        self.has_own_limit = True  # whether the evaluations' env has its own time limit
        self.made_folders: list[Path] = []  # the run folder, then its parents that were created with it
        self.set_aside: list[tuple[Path, Path]] = []  # monitor files of a resumed run: old and new path
        self.lock = ExitStack()  # lock on the run folder, entered when the folder is created
        self.resumed = Path(self.args.resume) if self.args.resume else None
        if self.resumed is not None:
            resume.remove_partial(self.resumed)
            self.save_path = str(self.resumed)
            self.params_path = str(self.resumed / self.env_name)
        self.state = newest_state(self.resumed / resume.STATES) if self.resumed is not None else None
        # Resumes from a model, because there is no whole state
        self.resumes_model = self.resumed is not None and self.state is None and Path(self.trained_agent).parent == self.resumed
        if self.optimize_hyperparameters and self.algo not in HYPERPARAMS_SAMPLER:
            raise UserError(f"{self.algo} has no search space. These have one: {', '.join(HYPERPARAMS_SAMPLER)}.")
        plugin = register().get(self.algo)
        if args.conf_file is None and plugin is not None:
            if plugin.hyperparams is None:
                raise UserError(f"{self.algo} has no shipped hyperparameters: give a file with --conf-file.")
            self.config = str(plugin.hyperparams)

    def read_hyperparameters(self) -> tuple[dict[str, Any], dict[str, Any]]:
        entry = check_file(self.config, self.env_name.gym_id)
        self.entry = "atari" if self._is_atari and entry == "default" else entry
        number, self.trial_id = self.trial_id, None  # rl-zoo3 would replace policy_kwargs as a whole
        hyperparams, saved = super().read_hyperparameters()
        self.trial_id = number
        if self.storage and self.study_name and (number is not None or not self.optimize_hyperparameters):
            trial = self.load_trial(self.storage, self.study_name, number)  # the best one without a number
            hyperparams = with_trial(hyperparams, trial) | (self.custom_hyperparams or {})
            saved = OrderedDict(sorted(hyperparams.items()))
        origin = f"{self.config}, {self.env_name.gym_id}"
        if self._recorded is not None:  # the shipped hyperparameters may have changed since
            origin = str(self._recorded)
            hyperparams = read_yaml(self._recorded, self.args.trust) | (self.custom_hyperparams or {})
            saved = OrderedDict(sorted(hyperparams.items()))
        self.entry_values = dict(saved)
        may_import = self._recorded is None or self.args.trust
        check_imports(hyperparams, origin, may_import)
        check_values(hyperparams, ALGOS[self.algo], origin, self.custom_hyperparams or {})
        for name in PARSED & hyperparams.keys():  # rl-zoo3 would evaluate them
            if isinstance(hyperparams[name], str):
                place = f"-params {name}" if name in (self.custom_hyperparams or {}) else f"{origin}, {name}"
                is_class = name == "replay_buffer_class" and may_import and "." in hyperparams[name]
                hyperparams[name] = import_class(name, hyperparams[name], place) if is_class else parse(hyperparams[name], place)
        if isinstance(hyperparams.get("policy_kwargs"), dict):
            hyperparams["policy_kwargs"] = resolve_classes(hyperparams["policy_kwargs"], origin, may_import)
        return hyperparams, saved

    def load_trial(self, storage: str, study_name: str, trial_id: int | None = None, convert: bool = True) -> dict[str, Any]:
        studies.find(storage)
        try:
            trial: dict[str, Any] = super().load_trial(storage, study_name, trial_id, convert)
        except studies.ERRORS as error:
            raise studies.unusable(storage, error) from error
        except (KeyError, IndexError, ValueError) as error:
            which = "finished trial" if trial_id is None else f"trial {trial_id}"
            raise UserError(f"--study-name {study_name}: no {which} of {self.algo} in a study of that name in {storage}.") from error
        return trial

    def setup_experiment(self) -> tuple[BaseAlgorithm, dict[str, Any]] | None:
        if self.args.num_threads < 1 and not self._is_atari:
            th.set_num_threads(1)  # small networks are slower with several threads
        try:
            with self._zoo_s_prints():
                experiment = super().setup_experiment()
            if experiment is not None:
                if self.state is not None and self.states is not None:
                    self.states.resume(experiment[0], self.state)
                if not any(isinstance(callback, HashChain) for callback in self.callbacks):
                    Path(self.save_path, resume.HASHES).unlink(missing_ok=True)  # the old hashes do not belong to this continuation
                self._save_record(experiment[1])
        except BaseException as error:
            self._remove_folder()
            resume.put_back(self.set_aside)
            if isinstance(error, MemoryError):
                raise UserError(f"buffer_size: not enough memory ({error}). Give a smaller size.") from error
            if isinstance(error, OSError) and error.errno == errno.EMFILE:  # each env has a monitor file
                raise UserError(f"n_envs={self.n_envs}: each opens a file, and this system does not allow so many. Give fewer.") from error
            if is_about_settings(error):
                raise UserError(f"{self.algo} on {self.env_name.gym_id}: {cause_text(error)}") from error
            raise
        if not self.verbose and not self.args.quiet:
            say(self._summary())
            if self.entry == "default" and self.args.conf_file is None:
                say(
                    f"{self.algo} ships no hyperparameters for {self.env_name.gym_id}: training with its general ones, which are not tuned."
                )
            steps, starts = self.n_timesteps, getattr(experiment[0], "learning_starts", 0) if experiment else 0
            if 0 < steps <= starts:
                say(f"Nothing is learned in {steps:,} steps: the agent learns from step {starts:,} on (learning_starts).")
            if experiment is not None and experiment[0].device.type != "cpu":
                say(f"device: {experiment[0].device}")
        return experiment

    def _save_config(self, saved_hyperparams: dict[str, Any]) -> None:
        """Saves nothing yet: settings that do not fit the state of a resumed run must not replace the run's own."""

    def _save_record(self, hyperparams: dict[str, Any]) -> None:
        """Saves the settings of a training as rl-zoo3 does, but each file atomically."""
        folder = Path(self.params_path)
        try:
            with TemporaryDirectory(dir=folder, prefix=".", suffix=".partial") as partial, self._zoo_s_prints():
                self.params_path = partial
                super()._save_config(hyperparams)
                for path in sorted(Path(partial).iterdir(), key=lambda path: path.name == "args.yml"):  # args.yml last: it marks a run
                    path.replace(folder / path.name)
        finally:
            self.params_path = str(folder)

    def _facts(self) -> dict[str, Any]:
        """Further content of a state: the number of lines of each log."""
        return {"lines": resume.count_lines(Path(self.save_path))}

    def _zoo_s_prints(self) -> AbstractContextManager[Any]:
        """Hides what rl-zoo3 prints during the block, except with ``--verbose``."""
        return nullcontext() if self.verbose else redirect_stdout(io.StringIO())

    def _summary(self) -> str:
        """Describes what is trained, the source of the hyperparameters, and the run folder."""
        origin = f"hyperparameters: {self.config}"
        if self.entry != self.env_name.gym_id:
            origin += f", entry {self.entry!r}"
        if self.custom_hyperparams:
            origin += f", and {_listed(self.custom_hyperparams)}"
        env = self.env_name.gym_id + (f" ({_listed(self.env_kwargs)})" if self.env_kwargs else "")
        title = f"{self.algo} on {env}, seed {self.seed}"
        if self.optimize_hyperparameters:
            return f"{title}: search around the {origin}"
        if self.continue_training and self.resumed is None:
            title += f", from {self.trained_agent}"
        return f"{title}: {self.n_timesteps:,} steps in {self.save_path}\n{origin}"

    def _remove_folder(self) -> None:
        """Removes the folders that ``create_log_folder`` made."""
        self.lock.close()
        for path in self.made_folders[:1]:
            shutil.rmtree(path, ignore_errors=True)
        for path in self.made_folders[1:]:
            with suppress(OSError):  # it contains another run
                path.rmdir()
        self.made_folders = []

    def create_log_folder(self) -> None:
        while not self.made_folders and self.resumed is None:
            path = Path(self.save_path)
            missing = [folder for folder in (path, *path.parents) if not folder.exists()]
            try:
                path.mkdir(parents=True)
                self.made_folders = missing
                self.lock.enter_context(locked(path))
            except FileExistsError:  # another process took this number first
                number = get_latest_run_id(self.log_path, self.env_name) + 1
                self.save_path = str(Path(self.log_path, f"{self.env_name}_{number}"))
                self.params_path = str(Path(self.save_path, self.env_name))
        super().create_log_folder()  # type: ignore[no-untyped-call]

    def create_envs(self, n_envs: int, eval_env: bool = False, no_log: bool = False) -> VecEnv:
        monitor_kwargs = self.monitor_kwargs
        if eval_env:
            given = self.eval_env_kwargs
            self.eval_env_kwargs = with_limit(self.env_name.gym_id, given, tell=self.optimize_hyperparameters)
            self.has_own_limit = self.eval_env_kwargs is given
        if self.resumes_model and not eval_env:
            self.set_aside = resume.set_aside_monitors(Path(self.save_path))
        elif self.resumed is not None and not eval_env:
            resume.cut_logs(self.resumed, {} if self.state is None else self.state["facts"]["lines"])
            goes_on = all(Path(self.save_path, f"{i}.monitor.csv").is_file() for i in range(n_envs))
            self.monitor_kwargs = monitor_kwargs | {"override_existing": not goes_on}
        try:
            with redirect_stdout(self._stdout):  # the user's env may print
                return super().create_envs(n_envs, eval_env, no_log)
        finally:
            self.monitor_kwargs = monitor_kwargs

    def _maybe_normalize(self, env: VecEnv, eval_env: bool) -> VecEnv:
        path = resume.beside_model(Path(self.trained_agent), "vecnormalize", Path(self.env_name, STATISTICS))
        if not (self.continue_training and path.is_file()):
            return super()._maybe_normalize(env, eval_env)
        statistics = load_vec_normalize(path, env, trust=self.args.trust)
        if eval_env:
            statistics.training, statistics.norm_reward = False, False
        return statistics

    def _load_pretrained_agent(self, hyperparams: dict[str, Any], env: VecEnv) -> BaseAlgorithm:
        path = Path(self.trained_agent)
        changes = {name: value for name, value in hyperparams.items() if name not in ("policy", "policy_kwargs")}
        changes |= {"seed": self.seed, "tensorboard_log": self.tensorboard_log, "verbose": self.verbose}
        model = load_agent(ALGOS[self.algo], path, env, device=self.device, trust=self.args.trust, also=plugin_names(self.algo), **changes)
        replay_buffer = resume.beside_model(path, "replay_buffer", Path("replay_buffer.pkl"))
        has_buffer = replay_buffer.is_file()
        if isinstance(model, OffPolicyAlgorithm) and has_buffer:
            load_replay_buffer(model, replay_buffer, truncate_last_trajectory=self.truncate_last_trajectory, trust=self.args.trust)
        if self.resumes_model:
            lost = [] if has_buffer or not isinstance(model, OffPolicyAlgorithm) else ["the replay buffer"]
            lost += ["the episode it was in", "the random numbers"]
            log.info(
                f"Resuming from {path.name}, because there is no whole state. Lost are {', '.join(lost[:-1])} and {lost[-1]}: "
                "the results will differ from those of an uninterrupted training."
            )
        return model

    def create_callbacks(self) -> None:
        if self.eval_freq > self.n_timesteps:
            self.eval_freq = max(self.n_timesteps // EVALUATIONS_OF_A_SHORT_TRAINING, 1)
        user_s, self.callbacks = self.callbacks, []
        super().create_callbacks()  # type: ignore[no-untyped-call]
        if self.optimize_hyperparameters:
            self.callbacks = user_s
            return
        if not self.verbose:
            self._print_less(self.callbacks)
        bar = [ProgressBar()] if self.args.progress else []  # first, because rl-zoo3 ends the first callback even after an error
        self.callbacks = [*bar, *user_s, *self.callbacks]
        self.callbacks += [self.stop_on_signal, CheckRewards(), ProgressLog(Path(self.save_path, "progress.csv"))]
        algorithm = ALGOS[self.algo]
        if issubclass(algorithm, (DQN, TD3, SAC)) and not issubclass(algorithm, WithDiagnostics):
            self.callbacks.append(DiagnosticsCallback())
        if self.resumes_model:
            for callback in self.callbacks:
                if isinstance(callback, EvalCallback):
                    resume.restore_evaluations(callback, Path(self.save_path))
        hashes = Path(self.save_path, resume.HASHES)
        if self.states is not None and self._follows_from_record(hashes):
            self.callbacks.append(HashChain(hashes, self._see_hash))
        if self.states is not None:
            self.states.folder = Path(self.save_path, resume.STATES)
            self.callbacks.append(self.states)

    def _follows_from_record(self, hashes: Path) -> bool:
        """Whether the recorded command line would reproduce this training. A resumed training without hashes was not reproducible before.

        :param hashes: file of the run's hashes
        """
        if self.resumed is None or (self.state is None and not self.resumes_model):  # it begins from the first step
            return True
        if self.state is None or not hashes.is_file():
            return False
        model, recorded = self.state["model"], read_run(self.resumed, self.args.trust).args
        has_buffer = model["buffer"] is not None or not issubclass(ALGOS[self.algo], OffPolicyAlgorithm)
        is_same = all(vars(self.args)[name] == recorded.get(name) for name in resume.DECISIVE)
        with fits_settings():
            return model["env"]["envs"] is not None and has_buffer and is_same

    def _print_less(self, callbacks: list[BaseCallback]) -> None:
        """Silences rl-zoo3's callbacks and adds callbacks that print less."""
        for callback in callbacks:
            if isinstance(callback, (CheckpointCallback, EvalCallback)):
                callback.verbose = 0
            if isinstance(callback, EvalCallback) and not self.args.quiet:
                callback.callback = EvaluationLine()
                callback.callback.parent = callback
        if self._stdout.isatty() and not self.args.quiet:
            callbacks.append(Tables())

    def learn(self, model: BaseAlgorithm) -> None:
        try:
            self._learn(model)
        finally:
            self.stop_on_signal.restore()

    def _learn(self, model: BaseAlgorithm) -> None:
        if not self.has_own_limit:
            tell_limit(self.env_name.gym_id)
        if self.state is None and not self.resumes_model:
            try:
                super().learn(model)
            except Exception as error:
                if model.num_timesteps == 0:
                    self._remove_folder()
                    if is_about_settings(error):
                        raise UserError(f"{self.algo} on {self.env_name.gym_id}: {cause_text(error)}") from error
                raise
            if model.num_timesteps == 0:  # Ctrl-C before the first step, such as while the gradient step is compiled
                self._remove_folder()
                print("Stopped before the first step: nothing is saved.")
                raise KeyboardInterrupt
            return
        if not self.args.quiet:
            say(f"Resuming at step {model.num_timesteps:,} of {self.n_timesteps:,}")
        if self.state is None:  # otherwise the state contains it
            for callback in self.callbacks:
                callback.n_calls = model.num_timesteps // model.n_envs  # keeps evaluations and checkpoints at their regular steps
        log_interval: dict[str, Any] = {} if self.log_interval == -1 else {"log_interval": max(self.log_interval, 0) or None}
        assert model.env is not None
        try:
            model.learn(self.n_timesteps - model.num_timesteps, self.callbacks, reset_num_timesteps=False, **log_interval)
        except KeyboardInterrupt:
            if not self.stop_on_signal.stopped:
                raise
        finally:
            self.callbacks[0].on_training_end()
            model.env.close()

    def save_trained_model(self, model: BaseAlgorithm) -> None:
        stopped = self.stop_on_signal.stopped and model.num_timesteps < self.n_timesteps
        with whole_file(Path(self.save_path, f"{self.env_name}.zip")) as partial:
            model.save(partial)
        replay_buffer = Path(self.save_path, "replay_buffer.pkl")
        needs_buffer = self.save_replay_buffer or (stopped and self.states is None)
        if isinstance(model, OffPolicyAlgorithm) and needs_buffer:
            with whole_file(replay_buffer) as partial:
                model.save_replay_buffer(partial)
        elif self.resumed is not None:
            replay_buffer.unlink(missing_ok=True)  # it was only needed for resuming
        if self.normalize:
            vec_normalize = model.get_vec_normalize_env()
            assert vec_normalize is not None
            with whole_file(Path(self.params_path, "vecnormalize.pkl")) as partial:
                vec_normalize.save(str(partial))
        print(f"Saved to {self.save_path}")
        if not stopped:
            resume.remove_states(Path(self.save_path))
        if stopped:
            print(f"Stopped at step {model.num_timesteps:,} of {self.n_timesteps:,}. Resume with:")
            print(f"  ca2-rl train --resume {self.save_path}")
            raise KeyboardInterrupt

    def objective(self, trial: Trial) -> float:
        self.study = trial.study
        result = "pruned"
        try:
            mean = super().objective(trial)
            result = f"return {mean:.1f}"
        except UserError as error:  # Optuna would print its traceback
            self.failure, result = error, "failed"
            trial.study.stop()
            raise optuna.TrialPruned from error
        finally:
            if not self.args.quiet:
                tqdm.write(f"Trial {trial.number}: {result}", file=self._stdout)
        return mean

    @contextmanager
    def _sampling_around(self) -> Iterator[None]:
        """During the block, samplers of trials keep the ``policy_kwargs`` that they don't draw."""
        sample = HYPERPARAMS_SAMPLER[self.algo]

        def around(*arguments: Any) -> dict[str, Any]:
            drawn: dict[str, Any] = sample(*arguments)
            return {name: value for name, value in with_trial(self._hyperparams, drawn).items() if name in drawn}

        HYPERPARAMS_SAMPLER[self.algo] = around  # type: ignore[assignment]
        try:
            yield
        finally:
            HYPERPARAMS_SAMPLER[self.algo] = sample

    def hyperparameters_optimization(self) -> None:
        self._remove_folder()  # a search writes its own report
        if self._hyperparams.get("branching"):
            self.n_actions = min(self.n_actions, 1)  # the network chooses in each dimension separately
        studies.prepare(self.storage)
        optuna.logging.set_verbosity(optuna.logging.INFO if self.verbose else optuna.logging.WARNING)
        try:
            with self._zoo_s_prints(), self._sampling_around():
                super().hyperparameters_optimization()
        except ValueError as error:
            if self.failure is not None:
                raise self.failure from error
            if "No trials are completed" not in str(error):
                raise
            raise UserError("no trial was finished: all were pruned or stopped. Raise --n-trials or -n.") from error
        except studies.ERRORS as error:
            raise studies.unusable(self.storage, error) from error
        if self.failure is not None:
            raise self.failure
        if self.study is None:
            print(f"All {self.max_total_trials} trials are done.")
            return
        best = self.study.best_trial
        values = with_trial(self.entry_values, HYPERPARAMS_CONVERTER[self.algo](best.params)) | {"n_timesteps": self.n_timesteps}
        print(f"Best trial: {best.number} of {len(self.study.trials)}, return {best.value:.1f}. As a file for --conf-file:\n")
        print(as_entry(self.env_name.gym_id, values))


def _listed(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def is_about_settings(error: BaseException) -> bool:
    """Whether an error is one by which SB3, Gymnasium or PyTorch report an unsuitable setting."""
    if isinstance(error, TypeError):
        return bool(re.search("unexpected keyword argument|multiple values for keyword", str(error)))  # of env_kwargs, policy_kwargs
    kinds = (AssertionError, RuntimeError, ValueError, gym.error.Error)
    return isinstance(error, kinds) and not isinstance(error, (UserError, NotImplementedError, RecursionError))
