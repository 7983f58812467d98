"""Runs gradient steps, chooses actions and collects experience for an algorithm, as fast as possible."""

import io
import logging
import os
import shutil
import time
import warnings
from collections.abc import Callable, Hashable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch as th
from gymnasium import spaces
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback, RolloutReturn, TrainFreq, TrainFrequencyUnit
from stable_baselines3.common.vec_env import VecEnv
from torch import nn
from torch.optim import Optimizer

from ca2_core.errors import UserError
from ca2_rl.common.diagnostics import WithDiagnostics
from ca2_rl.common.minatar_cnn import MinAtarCNN
from ca2_rl.common.prioritized_replay import BUFFERS, Prioritized, check_loaded
from ca2_rl.common.replay_buffer import QuickReplayBuffer, ReadableBuffer, Transitions
from ca2_rl.fast.blocks import Blocks
from ca2_rl.fast.denormals import flushed_denormals
from ca2_rl.fast.numpy_network import Array, Layer, NumpyNoise
from ca2_rl.fast.rollouts import collect_vectors
from ca2_rl.fast.updates import AdamSettings, Minimise, minimise, polyak
from ca2_rl.state.model import load_state, save_state

if TYPE_CHECKING:
    from ca2_rl.fast.program import Program

log = logging.getLogger(__name__)

COMPILE_FROM = 10_000
"""Number of gradient steps from which compiling saves time: docs/rl/speed.md has the measurement."""

COMPILED_FEATURES = (FlattenExtractor, NatureCNN, MinAtarCNN)
"""Features extractors with which compiling gains at least a fifth: docs/rl/speed.md has the measurements."""

EVERY_STEP = TrainFreq(1, TrainFrequencyUnit.STEP)
# Layers that draw random numbers
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)

Step = Callable[[Transitions, th.Tensor, Minimise], tuple[th.Tensor, ...]]
"""A gradient step: (batch of B transitions, noise, function that minimises a loss) -> the values of the algorithm's ``METRICS``, scalars;
then, if the batch has weights, the errors [B] from which priorities are computed.

It consists of operations on tensors. The only Python values on which it may depend are the ``settings`` that ``run`` gets with it,
because a compiled step contains them as constants.
"""


class Accelerated(WithDiagnostics):
    """Base class of algorithms with an ``Accelerator``. Its methods describe the algorithm to the accelerator.

    ``compile`` says whether gradient steps are compiled; None compiles them if that is possible and saves time.
    """

    METRICS: ClassVar[tuple[str, ...]]
    """Log keys of the values that a gradient step returns."""
    DRAWN_AHEAD: ClassVar[tuple[str, ...]] = ("fast",)
    """Attributes that are neither saved nor copied: compiled code, and random numbers drawn ahead."""
    compile: bool | None
    prioritized_replay: bool = False
    fast: "Accelerator"

    def draw_noise(self, n: int, batch_size: int, settings: Any) -> th.Tensor:
        """Noise for n gradient steps with these ``settings``: [n, ...]."""
        return th.empty(n, 0)

    def optimizers(self) -> list[Optimizer]:
        """The optimisers that a gradient step uses."""
        raise NotImplementedError

    def numpy_network(self) -> Layer | None:
        """NumPy version of the network that chooses actions, for flattened observations [N, d]; None if there is none."""
        return None

    def followed_target(self) -> tuple[nn.Module, nn.Module] | None:
        """Online and target network, if ``fast.update_target`` is called for them at every step of the envs; otherwise None."""
        return None

    def check_buffer(
        self, given: type[ReplayBuffer] | None, given_kwargs: dict[str, Any] | None, n_steps: int, is_prioritized: bool = False
    ) -> None:
        """Checks that a constructor's arguments about the replay buffer do not contradict each other.

        :param given: the argument ``replay_buffer_class``
        :param given_kwargs: the argument ``replay_buffer_kwargs``
        :raises UserError: if they do
        """
        name = type(self).__name__
        if given is not None and given in BUFFERS.values() and issubclass(given, Prioritized) != is_prioritized:
            instead = "leave it out" if is_prioritized else "set prioritized_replay=True instead"
            raise UserError(f"{name}: {given.__name__} can't be combined with prioritized_replay={is_prioritized}: {instead}.")
        is_chosen = given is None or given in BUFFERS.values() or (given is NStepReplayBuffer and n_steps > 1)
        if given is not None and not is_chosen:
            lacks = {"prioritized_replay": is_prioritized, "n_steps": n_steps > 1 and not issubclass(given, NStepReplayBuffer)}
            off = {part: value for part, value in {"prioritized_replay": False, "n_steps": 1}.items() if lacks[part]}
            if off:
                instead = ", ".join(f"{part}={value}" for part, value in off.items())
                raise UserError(f"{name}: {given.__name__} has no {' and no '.join(off)}: add {instead}, or leave it out.")
        arguments = {"alpha": "priority_alpha", "beta": "priority_beta", "n_steps": "n_steps", "gamma": "gamma"}
        for key in arguments.keys() & (given_kwargs or {}).keys() if is_chosen else ():
            raise UserError(f"{name}: replay_buffer_kwargs: {key} is set by the argument {arguments[key]}. Leave it out.")

    def load_replay_buffer(self, path: str | Path | io.BufferedIOBase, truncate_last_traj: bool = True) -> None:
        """Loads a replay buffer as SB3 does, but rejects one that does not fit the agent.

        :raises UserError: see ``check_loaded``
        """
        made = self.replay_buffer
        super().load_replay_buffer(path, truncate_last_traj)
        loaded, self.replay_buffer = self.replay_buffer, made
        check_loaded(loaded, made)
        self.replay_buffer = loaded

    def _setup_model(self) -> None:
        self.fast = Accelerator(self)
        # A class that was chosen automatically and saved with the agent is chosen again. SB3 would warn as if the user had given it
        if self.replay_buffer_class in (*BUFFERS.values(), *([NStepReplayBuffer] if self.n_steps > 1 else [])):
            self.replay_buffer_class = None
        if self.replay_buffer_class is None:
            self._choose_buffer()
            # With a buffer that already exists, SB3 would ignore n_steps
            n_steps, self.n_steps = self.n_steps, 1
            super()._setup_model()
            self.n_steps = n_steps
        elif self.prioritized_replay:
            raise UserError(f"prioritized_replay=True has its own replay buffer: leave out {self.replay_buffer_class.__name__}.")
        else:
            super()._setup_model()
        self.fast.check()

    def _choose_buffer(self) -> None:
        if self.optimize_memory_usage and (self.n_steps > 1 or self.prioritized_replay):
            other = "prioritized_replay=True" if self.prioritized_replay else f"n_steps={self.n_steps}"
            raise UserError(f"optimize_memory_usage=True can't be combined with {other}. Leave one of them out.")
        kind = isinstance(self.observation_space, spaces.Dict), self.n_steps > 1, self.prioritized_replay
        self.replay_buffer_class = BUFFERS[kind]
        if self.replay_buffer is None:
            n_step = {"n_steps": self.n_steps, "gamma": self.gamma} if self.n_steps > 1 else {}
            self.replay_buffer = self.replay_buffer_class(
                self.buffer_size,
                self.observation_space,
                self.action_space,
                self.device,
                self.n_envs,
                self.optimize_memory_usage,
                **{**self.replay_buffer_kwargs, **n_step, **self.priority_options()},
            )

    def priority_options(self) -> dict[str, Any]:
        """Arguments of a ``Prioritized`` replay buffer, if the algorithm uses one."""
        return {}

    def stored(self, infos: list[dict[str, Any]], dones: np.ndarray) -> None:
        """Called after a step of the envs has been stored in the replay buffer."""

    def _store_transition(
        self,
        replay_buffer: ReplayBuffer,
        buffer_action: np.ndarray,
        new_obs: np.ndarray | dict[str, np.ndarray],
        reward: np.ndarray,
        dones: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        super()._store_transition(replay_buffer, buffer_action, new_obs, reward, dones, infos)
        self.stored(infos, dones)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), *self.DRAWN_AHEAD]

    def state_parts(self) -> dict[str, Any]:
        return {**super().state_parts(), "fast": self.fast}

    def __getstate__(self) -> dict[str, Any]:  # for copies and pickles, which SB3's models support
        return {name: value for name, value in self.__dict__.items() if name not in self.DRAWN_AHEAD}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.fast = Accelerator(self)

    def set_random_seed(self, seed: int | None = None) -> None:
        super().set_random_seed(seed)
        self.fast.forget_draws()

    def set_parameters(self, *args: Any, **kwargs: Any) -> None:
        super().set_parameters(*args, **kwargs)
        self.fast.forget_program()  # the optimiser's state tensors have been replaced

    def save_state(self, folder: str | Path) -> None:
        """Saves the whole state of the training; see ``ca2_rl.state.save_state``."""
        save_state(self, folder)

    @classmethod
    def load_state(cls, folder: str | Path, env: GymEnv, **changes: Any) -> Self:
        """Loads an agent with its whole state; ``learn(..., reset_num_timesteps=False)`` continues. See ``ca2_rl.state.load_state``."""
        return load_state(cls, folder, env, **changes)

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 4,
        tb_log_name: str | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """SB3's ``learn``, with the class's name for the TensorBoard run, and with denormal numbers flushed to 0."""
        name = tb_log_name or type(self).__name__
        with flushed_denormals():
            return super().learn(total_timesteps, callback, log_interval, name, reset_num_timesteps, progress_bar)

    def _setup_learn(self, *args: Any, **kwargs: Any) -> tuple[int, BaseCallback]:
        total_timesteps, callback = super()._setup_learn(*args, **kwargs)
        self.fast.begin(total_timesteps - self.num_timesteps)
        return total_timesteps, callback

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, train_freq: TrainFreq, replay_buffer: ReplayBuffer, *args: Any, **kwargs: Any
    ) -> RolloutReturn:
        """SB3's ``collect_rollouts``, with a faster version for vector observations."""
        if self.fast.collects and isinstance(replay_buffer, QuickReplayBuffer):
            return collect_vectors(self, env, callback, train_freq, replay_buffer, self.stored, *args, **kwargs)
        return super().collect_rollouts(env, callback, train_freq, replay_buffer, *args, **kwargs)


class Accelerator:
    """Runs the gradient steps of a model, and evaluates the network that chooses its actions.

    A gradient step runs in one of three ways. If one fails, the next is used, with one warning:

    - ``"program"``: compiled, and only the compiled kernels are called (``inductor.py``, which uses private parts of PyTorch);
    - ``"torch.compile"``: compiled, and called by ``torch.compile``;
    - ``"eager"``: not compiled, operation by operation.

    :param model: a model at the beginning of its ``_setup_model``
    """

    def __init__(self, model: Accelerated):
        self.model = model
        self._network: Layer | None = None
        self._compiles = bool(model.compile)
        self._has_given_up = False  # whether compiling has failed; it is not tried again
        self._has_warned = False
        self._goes_on_compiled: bool | None = None  # whether the resumed training was compiled; None for a new training
        self._program: Program | None = None
        self._key: tuple[Any, ...] = ()
        # tau of a pending target network update, with which the program begins; 0 without one. The program reads the array as a tensor
        self._tau = np.zeros((), dtype=np.float32)
        self._tau_tensor = th.from_numpy(self._tau)
        self._batches = Batches(model)
        self._rows: Rows | None = None
        self._errors: dict[int, th.Tensor] = {}  # errors of the last batch, by batch size; a program writes them there
        self.forget_draws()

    @property
    def way(self) -> str:
        """How the last gradient step was run: "program", "torch.compile" or "eager"."""
        if self._program is None:
            return "eager"
        return "program" if self._program.obstacle is None else "torch.compile"

    @property
    def collects(self) -> bool:
        """Whether rollouts are collected quickly: ``collect_vectors``."""
        return self._network is not None and self.model._vec_normalize_env is None

    def forget_draws(self) -> None:
        """Forgets the random numbers that were drawn ahead."""
        self._noise: dict[tuple[Hashable, int], Blocks[th.Tensor]] = {}  # by settings and batch size
        self._drawn: dict[str, list[th.Tensor]] = {}  # by the same keys, from the state of a resumed training
        self._drawn_rows: dict[int, list[th.Tensor]] = {}
        if self._rows is not None:
            self._rows.forget_draws()

    def state_dict(self) -> dict[str, Any]:
        """Whether steps are compiled, a pending target network update, and the random numbers drawn ahead."""
        noise = {repr(kind): blocks.rest() for kind, blocks in self._noise.items()}
        rows = self._drawn_rows if self._rows is None else self._rows.drawn()
        return {"compiles": self._compiles, "tau": float(self._tau), "noise": self._drawn | noise, "rows": dict(rows)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a state, so that the training continues in the same way."""
        self.forget_draws()
        self._rows = None
        self._goes_on_compiled, self._drawn, self._drawn_rows = state["compiles"], state["noise"], state["rows"]
        self._tau.fill(state["tau"])

    def forget_program(self) -> None:
        self._program = None

    def check(self) -> None:
        """Checks, after the model's networks have been made, whether compiling is possible if it is asked for.

        :raises UserError: if ``compile`` is True but the gradient step can't be compiled
        """
        obstacle = self.obstacle()
        if self.model.compile and obstacle is not None:
            raise UserError(f"compile=True: {obstacle}. Leave compile out, or set it to None.")

    def begin(self, timesteps: int) -> None:
        """Prepares a training of ``timesteps`` steps. Weights may have moved in memory since the last one."""
        model = self.model
        has_vectors = isinstance(model.observation_space, spaces.Box) and not is_image_space(model.observation_space)
        self._network = model.numpy_network() if has_vectors and model.device.type == "cpu" else None
        pays = model.compile
        if pays is None:
            pays = self._pays(timesteps) if self._goes_on_compiled is None else self._goes_on_compiled
        self._compiles, self._goes_on_compiled = not self._has_given_up and pays, None
        if not self._compiles or (self._program is not None and self._program.has_moved()):
            self._program = None
        if self._compiles and not has_cpp_compiler():
            self._run_eagerly("no C++ compiler was found")
        if self._compiles and self._program is None:
            log.info("Compiling the gradient step takes about 20 s the first time with these settings, and a few seconds later.")
        if self._compiles:
            # Import PyTorch's compiler, which takes seconds, before callbacks measure time. A failure is reported when it occurs again
            with suppress(Exception):
                import_module("ca2_rl.fast.inductor")

    def outputs(self, observations: Any, noise: NumpyNoise | None = None) -> Array | None:
        """Outputs of the network that chooses actions, by NumPy: observations [N, ...] -> [N, out]; None if PyTorch has to compute them."""
        if self._network is None:
            return None
        is_ready = observations.ndim == 2 and observations.dtype == np.float32
        return self._network(observations if is_ready else observations.reshape(len(observations), -1).astype(np.float32), noise)

    def update_target(self, online: nn.Module, target: nn.Module, tau: float) -> None:
        """Updates the target network: now, or as part of the program that runs next."""
        model = self.model
        if self._compiles and self._moves_target() and model.num_timesteps > model.learning_starts:
            self._tau.fill(tau)
        else:
            polyak(online.parameters(), target.parameters(), tau)

    def run(self, step: Step, settings: Hashable, gradient_steps: int, batch_size: int) -> None:
        """Makes gradient steps, each on a batch from the replay buffer, and adds their values to the model's averages.

        :param step: the gradient step
        :param settings: everything that the step depends on except networks, batch and noise; a frozen dataclass, so that equal settings
            mean equal steps
        """
        model = self.model
        source = self._source()
        prioritized = model.replay_buffer if isinstance(model.replay_buffer, Prioritized) else None
        errors = None if prioritized is None else self._errors.setdefault(batch_size, th.zeros(batch_size))
        kind = settings, batch_size
        if kind not in self._noise:
            self._noise[kind] = Blocks(lambda n: model.draw_noise(n, batch_size, settings), self._drawn.pop(repr(kind), ()))
        for i in range(gradient_steps):
            noise, drawn = next(self._noise[kind]), source.draw(batch_size)
            if i == 0:
                self._prepare(step, kind, source, errors, [noise, *drawn])
            if self._program is None:
                model.averages.add(model.METRICS, self._metrics(step(source.reader()(*drawn), noise, minimise), errors))
            else:
                self._program(noise, *drawn)
                model.averages.count(model.METRICS)
            if prioritized is not None and errors is not None:
                prioritized.update_priorities(errors.numpy())

    def _metrics(self, values: tuple[th.Tensor, ...], errors: th.Tensor | None) -> th.Tensor:
        """The values of the model's ``METRICS`` in what a step returns, [n]. The errors that follow are copied to ``errors``."""
        n = len(self.model.METRICS)
        if errors is not None:
            errors.copy_(values[n].detach())
        return th.stack(values[:n]).detach()

    def obstacle(self) -> str | None:
        """Why the gradient step can't be compiled; None if it can."""
        model = self.model
        if model.device.type != "cpu":
            return f"the agent is on {model.device}, but steps are compiled only for the CPU"
        if any(AdamSettings.of(optimizer) is None for optimizer in model.optimizers()):
            return "only torch.optim.Adam without amsgrad, maximize and parameter groups is compiled"
        for network in model.policy.children():
            for module in network.modules():
                if isinstance(module, DROPOUTS) or next(module.buffers(), None) is not None:
                    return f"{type(module).__name__} layers draw random numbers or keep statistics"
        if (features := model.policy.features_extractor_class) not in COMPILED_FEATURES:
            return f"only {', '.join(each.__name__ for each in COMPILED_FEATURES)} are compiled, not {features.__name__}"
        return None

    def _pays(self, timesteps: int) -> bool:
        """Whether compiling is possible, and the training has at least ``COMPILE_FROM`` gradient steps."""
        model = self.model
        train_freq: Any = model.train_freq  # SB3 has converted it to a TrainFreq
        if self.obstacle() is not None:
            return False
        if model.gradient_steps < 0:
            return timesteps >= COMPILE_FROM
        if train_freq.unit == TrainFrequencyUnit.EPISODE or train_freq.frequency < 1:
            return False  # the length of episodes is unknown; SB3 reports a frequency below 1
        return bool(timesteps // (train_freq.frequency * model.n_envs) * model.gradient_steps >= COMPILE_FROM)

    def _source(self) -> "Rows | Batches":
        buffer = self.model.replay_buffer
        if not isinstance(buffer, ReadableBuffer) or not buffer.has_tensors or self.model._vec_normalize_env is not None:
            return self._batches
        if self._rows is None or self._rows.buffer is not buffer:
            self._rows = (PrioritizedRows if isinstance(buffer, Prioritized) else Rows)(buffer, self._drawn_rows)
        return self._rows

    def _moves_target(self) -> bool:
        """Whether the program begins with the target network update, which needs gradient steps after every step of the envs."""
        model = self.model
        train_freq: Any = model.train_freq  # SB3 has converted it to a TrainFreq
        return model.followed_target() is not None and train_freq == EVERY_STEP and model.gradient_steps != 0

    def _prepare(self, step: Step, kind: Hashable, source: "Rows | Batches", errors: th.Tensor | None, inputs: list[th.Tensor]) -> None:
        """Compiles the step, unless there is a program that fits. Without a program, sets the policy to training mode.

        :param kind: settings and batch size; a program fits only steps with the same
        :param errors: where the transitions' errors are written; None if they are not needed
        :param inputs: inputs of the first step, as an example
        """
        if self._compiles:
            adams = [AdamSettings.of(optimizer) for optimizer in self.model.optimizers()]
            key = kind, adams, self._moves_target(), source
            if self._program is not None and self._key == key:
                return
            self._program, self._key = None, key
            if (obstacle := self.obstacle()) is not None:  # the user has changed the optimiser, for example
                self._run_eagerly(obstacle)
            else:
                self._compile(step, source, errors, inputs)
        if self._program is None:
            self.model.policy.set_training_mode(True)

    def _compile(self, step: Step, source: "Rows | Batches", errors: th.Tensor | None, inputs: list[th.Tensor]) -> None:
        model = self.model
        totals = model.averages.totals(model.METRICS)
        read = source.reader()
        networks = model.followed_target() if self._moves_target() else None

        def whole(minimise: Minimise, noise: th.Tensor, *drawn: th.Tensor) -> None:
            if networks is not None:
                polyak(networks[0].parameters(), networks[1].parameters(), self._tau_tensor)
                self._tau_tensor.zero_()
            totals.add_(self._metrics(step(read(*drawn), noise, minimise), errors))

        begin = time.perf_counter()
        try:
            from ca2_rl.fast.program import Program  # noqa: PLC0415  (see ``begin``)

            self._program = Program(whole, model.optimizers(), [totals, self._tau_tensor, *model.policy.parameters()], inputs)
        except Exception as error:  # whatever the error, there is a slower way
            self._run_eagerly(f"torch's compiler failed ({_first_line(error)})")
        else:
            if (reason := self._program.obstacle) is not None:
                self._warn(f"{reason}: the compiled gradient steps are called by torch.compile, which takes up to twice as long.")
        model.logger.record("time/compile_seconds", time.perf_counter() - begin)

    def _run_eagerly(self, reason: str) -> None:
        self._compiles, self._has_given_up, self._program = False, True, None
        networks = self.model.followed_target()
        if networks is not None and self._tau > 0:  # the program would have made this update
            polyak(networks[0].parameters(), networks[1].parameters(), float(self._tau))
            self._tau.fill(0)
        self._warn(f"{reason}: the gradient steps are not compiled, which is several times slower.")

    def _warn(self, message: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(message, stacklevel=2)


class Batches:
    """Batches that SB3's replay buffers sample."""

    def __init__(self, model: Accelerated):
        self._model = model

    def draw(self, batch_size: int) -> list[th.Tensor]:
        """The random inputs of a gradient step, as tensors: here the fields of a batch."""
        buffer = self._model.replay_buffer
        assert buffer is not None
        batch: Any = buffer.sample(batch_size, env=self._model._vec_normalize_env)
        found = {name: field for name, field in batch._asdict().items() if field is not None}
        self._names = list(found)
        return list(found.values())

    def reader(self) -> Callable[..., Transitions]:
        """A function that makes a batch from the result of ``draw``.

        Tensors that it needs are created outside of it: tensors created inside would become constants of a program.
        """
        names = self._names
        return lambda *fields: Transitions(**dict(zip(names, fields, strict=True)))


class Rows:
    """Batches that a step, compiled or not, reads directly from the replay buffer.

    The random numbers are drawn for many steps at once, and are the same for vector and for dict observations.
    """

    def __init__(self, buffer: ReadableBuffer, drawn: dict[int, list[th.Tensor]]):
        self.buffer = buffer
        self._n_rows = np.zeros(1)  # an array, so that compiled code can read it
        self._uniforms: dict[int, Blocks[th.Tensor]] = {}  # by batch size
        self._drawn = drawn  # by batch size, from the state of a resumed training

    def drawn(self) -> dict[int, list[th.Tensor]]:
        """Random numbers that have been drawn and not used yet, by batch size."""
        return self._drawn | {batch_size: blocks.rest() for batch_size, blocks in self._uniforms.items()}

    def forget_draws(self) -> None:
        self._uniforms, self._drawn = {}, {}

    def uniforms(self, batch_size: int) -> th.Tensor:
        """Random numbers in [0, 1): float64 [B]."""
        if batch_size not in self._uniforms:
            drawn = self._drawn.pop(batch_size, ())
            self._uniforms[batch_size] = Blocks(lambda n: th.from_numpy(np.random.random_sample((n, batch_size))), drawn)
        return next(self._uniforms[batch_size])

    def draw(self, batch_size: int) -> list[th.Tensor]:
        self._n_rows[0] = self.buffer.size() * self.buffer.n_envs
        return [self.uniforms(batch_size)]

    def reader(self) -> Callable[..., Transitions]:
        read, n_rows = self.buffer.reader(), th.from_numpy(self._n_rows)
        # [0, 1) to [0, n): the product stays below n in floating point as well
        return lambda uniforms: read((uniforms * n_rows).long())


class PrioritizedRows(Rows):
    """Rows and weights that a ``Prioritized`` replay buffer draws."""

    buffer: Prioritized

    def draw(self, batch_size: int) -> list[th.Tensor]:
        return list(self.buffer.draw(self.uniforms(batch_size).numpy()))

    def reader(self) -> Callable[..., Transitions]:
        read = self.buffer.reader()
        return lambda rows, weights: read(rows)._replace(weights=weights)


def has_cpp_compiler() -> bool:
    """Whether there is a C++ compiler, which PyTorch's inductor needs."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++", "cl"))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
