"""rl-zoo3's experiment manager, with our algorithms' hyperparameters, logs for ``ca2-rl plot``, and whole files."""

import shutil
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch as th
from rl_zoo3.exp_manager import ExperimentManager
from rl_zoo3.hyperparams_opt import HYPERPARAMS_SAMPLER
from rl_zoo3.utils import ALGOS, get_latest_run_id
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from ca2_rl.common.diagnostics import DiagnosticsCallback, WithDiagnostics
from ca2_rl.errors import UserError
from ca2_rl.files import whole_file
from ca2_rl.zoo import resume
from ca2_rl.zoo.callbacks import ProgressLog, StopOnSignal
from ca2_rl.zoo.hyperparams import check_file, check_values
from ca2_rl.zoo.plugins import register

# Evaluations in a training that is shorter than the zoo's --eval-freq of 25,000 steps, which would have none
EVALUATIONS = 10


class Manager(ExperimentManager):
    """What ``ca2-rl train`` and ``ca2-rl optimize`` run."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.stop_on_signal = StopOnSignal()
        self.owns_folder = False
        self.resumed = Path(self.args.resume) if self.args.resume else None
        if self.resumed is not None:
            self.save_path = str(self.resumed)
            self.params_path = str(self.resumed / self.env_name)
        if self.optimize_hyperparameters and self.algo not in HYPERPARAMS_SAMPLER:
            raise UserError(f"{self.algo} has no search space. These have one: {', '.join(HYPERPARAMS_SAMPLER)}.")
        plugin = register().get(self.algo)
        if kwargs.get("config") is None and plugin is not None:
            if plugin.hyperparams is None:
                raise UserError(f"{self.algo} comes without hyperparameters: give a file with --conf-file.")
            self.config = str(plugin.hyperparams)

    def read_hyperparameters(self) -> tuple[dict[str, Any], dict[str, Any]]:
        check_file(self.config, self.env_name.gym_id)
        if self.storage and self.study_name and self.trial_id == 0:
            # The zoo takes the number 0 for no number
            trial = self.load_trial(self.storage, self.study_name, 0)
            self.custom_hyperparams = trial | (self.custom_hyperparams or {})
        hyperparams, saved = super().read_hyperparameters()
        check_values(hyperparams, ALGOS[self.algo], f"{self.config}, {self.env_name.gym_id}")
        return hyperparams, saved

    def setup_experiment(self) -> tuple[BaseAlgorithm, dict[str, Any]] | None:
        if self.args.num_threads < 1 and not self._is_atari:
            th.set_num_threads(1)  # small networks lose more by sharing the work than they win
        try:
            return super().setup_experiment()
        except BaseException as error:
            if self.owns_folder:
                shutil.rmtree(self.save_path, ignore_errors=True)
            if isinstance(error, (AssertionError, ValueError, gym.error.Error)) and not isinstance(error, UserError):
                # How SB3 and Gymnasium say that a setting does not suit an env
                raise UserError(f"{self.algo} on {self.env_name.gym_id}: {error}") from error
            raise

    def create_log_folder(self) -> None:
        while not self.owns_folder and self.resumed is None:
            try:
                Path(self.save_path).mkdir(parents=True)
                self.owns_folder = True
            except FileExistsError:  # another process took this number first
                number = get_latest_run_id(self.log_path, self.env_name) + 1
                self.save_path = str(Path(self.log_path, f"{self.env_name}_{number}"))
                self.params_path = str(Path(self.save_path, self.env_name))
        super().create_log_folder()  # type: ignore[no-untyped-call]

    def create_envs(self, n_envs: int, eval_env: bool = False, no_log: bool = False) -> VecEnv:
        if self.resumed is not None and not eval_env:
            resume.set_aside_monitors(self.resumed)
        return super().create_envs(n_envs, eval_env, no_log)

    def create_callbacks(self) -> None:
        if self.eval_freq > self.n_timesteps:
            self.eval_freq = max(self.n_timesteps // EVALUATIONS, 1)
        super().create_callbacks()  # type: ignore[no-untyped-call]
        if self.optimize_hyperparameters:
            return
        self.callbacks += [self.stop_on_signal, ProgressLog(Path(self.save_path, "progress.csv"))]
        algorithm = ALGOS[self.algo]
        if issubclass(algorithm, (DQN, TD3, SAC)) and not issubclass(algorithm, WithDiagnostics):
            self.callbacks.append(DiagnosticsCallback())
        if self.resumed is not None:
            for callback in self.callbacks:
                if isinstance(callback, EvalCallback):
                    resume.restore_evaluations(callback, self.resumed)

    def learn(self, model: BaseAlgorithm) -> None:
        if self.resumed is None:
            super().learn(model)
            return
        steps_left = self.n_timesteps - model.num_timesteps
        if steps_left <= 0:
            raise UserError(f"{self.resumed}: all of its {model.num_timesteps:,} steps are done. For more, add -n STEPS.")
        print(f"Going on at step {model.num_timesteps:,} of {self.n_timesteps:,}")
        log_interval: dict[str, Any] = {"log_interval": self.log_interval} if self.log_interval > -1 else {}
        model.learn(steps_left, callback=self.callbacks, reset_num_timesteps=False, **log_interval)
        assert model.env is not None
        model.env.close()

    def save_trained_model(self, model: BaseAlgorithm) -> None:
        stopped = self.stop_on_signal.stopped
        with whole_file(Path(self.save_path, f"{self.env_name}.zip")) as partial:
            model.save(partial)
        replay_buffer = Path(self.save_path, "replay_buffer.pkl")
        if isinstance(model, OffPolicyAlgorithm) and (stopped or self.save_replay_buffer):
            with whole_file(replay_buffer) as partial:
                model.save_replay_buffer(partial)
        elif self.resumed is not None:
            replay_buffer.unlink(missing_ok=True)  # it was kept for this
        if self.normalize:
            vec_normalize = model.get_vec_normalize_env()
            assert vec_normalize is not None
            with whole_file(Path(self.params_path, "vecnormalize.pkl")) as partial:
                vec_normalize.save(str(partial))
        print(f"Saved to {self.save_path}")
        if stopped:
            print(f"Stopped at step {model.num_timesteps:,} of {self.n_timesteps:,}. Go on with:")
            print(f"  ca2-rl train --resume {self.save_path}")
            raise KeyboardInterrupt

    def hyperparameters_optimization(self) -> None:
        # The zoo made a run folder, but a study has its own report
        shutil.rmtree(self.save_path, ignore_errors=True)
        try:
            super().hyperparameters_optimization()
        except ValueError as error:
            if "No trials are completed" not in str(error):
                raise
            raise UserError("no trial was finished: all were pruned or stopped. Give --n-trials or -n a larger number.") from error
