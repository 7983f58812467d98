"""Algorithms whose gradient step is one function over tensors, run as it is or compiled to one program."""

import logging
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch as th
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.type_aliases import ReplayBufferSamples, TrainFrequencyUnit
from stable_baselines3.common.utils import update_learning_rate
from torch import nn
from torch.optim import Adam, Optimizer

from ca2_core.errors import UserError
from ca2_rl.common.blocks import in_blocks
from ca2_rl.common.denormals import flushed_denormals
from ca2_rl.common.diagnostics import WithDiagnostics
from ca2_rl.common.replay_buffer import QuickReplayBuffer
from ca2_rl.common.updates import Update, adam_settings, optimizer_update

if TYPE_CHECKING:
    from ca2_rl.common.compiled_step import CompiledStep

log = logging.getLogger(__name__)

COMPILE_FROM = 10_000
"""Gradient steps ahead from which on compiling is won back: docs/rl/speed.md has the measurement."""


class WithCompiledStep(WithDiagnostics):
    """``train`` by the subclass's ``_gradient_step``, as it is or compiled.

    ``compile`` says which; None: compiled if it can be and is won back, see ``_pays``.
    """

    METRICS: ClassVar[tuple[str, ...]]
    compile: bool | None
    replay_buffer: ReplayBuffer

    def _gradient_step(self, update: Update, batch: ReplayBufferSamples, noise: th.Tensor) -> th.Tensor:
        """All of one gradient step, as operations on tensors: targets, loss, gradient, clipping, optimiser.

        :param update: how the optimiser moves parameters
        :param batch: B transitions
        :param noise: one of what ``_draw_noise`` gives
        :return: values of ``METRICS``, [n]
        """
        raise NotImplementedError

    def _before_step(self) -> None:
        """What else a compiled step does, ahead of ``_gradient_step``."""

    def _changing(self) -> list[th.Tensor]:
        """What a compiled step changes, but for the optimisers' states."""
        return list(self.policy.parameters())

    def _draw_noise(self, n: int, batch_size: int) -> th.Tensor:
        """Noise for n gradient steps, [n, ...], drawn before them: compiled code would draw others."""
        return th.empty(n, 0)

    def _optimizers(self) -> list[Optimizer]:
        """Those that ``_gradient_step`` uses."""
        raise NotImplementedError

    def _constants(self) -> tuple[Any, ...]:
        """The settings that a compiled step contains as numbers."""
        return self.gamma, self.tau

    def _restart_draws(self) -> None:
        """Forgets the random numbers that were drawn ahead."""
        self._noises: dict[int, Iterator[th.Tensor]] = {}  # by batch size
        self._uniforms: dict[int, Iterator[th.Tensor]] = {}
        self._n_rows = np.zeros(1)  # in the replay buffer; as an array that compiled code reads

    def set_random_seed(self, seed: int | None = None) -> None:
        super().set_random_seed(seed)
        self._restart_draws()

    def _setup_model(self) -> None:
        self._compiled: CompiledStep | None = None
        self._compiled_for: tuple[Any, ...] = ()
        self._restart_draws()
        super()._setup_model()
        obstacle = self._obstacle()
        if self.compile and obstacle is not None:
            raise UserError(f"compile=True: {obstacle}. Leave compile out, or set it to None.")
        self._compiles = bool(self.compile)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_compiled", "_compiled_for", "_compiles", "_noises", "_uniforms", "_n_rows"]

    def set_parameters(self, *args: Any, **kwargs: Any) -> None:
        super().set_parameters(*args, **kwargs)
        self._compiled = None  # the optimiser has other state tensors now

    def learn(self, *args: Any, **kwargs: Any) -> Self:
        with flushed_denormals():
            return super().learn(*args, **kwargs)

    def _setup_learn(self, *args: Any, **kwargs: Any) -> tuple[int, BaseCallback]:
        total_timesteps, callback = super()._setup_learn(*args, **kwargs)
        self._compiles = self._pays(total_timesteps - self.num_timesteps) if self.compile is None else self.compile
        if not self._compiles or (self._compiled is not None and self._compiled.has_moved()):
            self._compiled = None
        if self._compiles and not has_cpp_compiler():
            self._run_eagerly("no C++ compiler was found")
        if self._compiles and self._compiled is None:
            log.info("Compiling the gradient step: about 20 s the first time with these settings, a few seconds from then on.")
        if self._compiles:  # torch's compiler takes seconds to import: only who needs it waits, and no callback's clock runs yet
            import ca2_rl.common.compiled_step  # noqa: F401, PLC0415
        return total_timesteps, callback

    def _run_eagerly(self, reason: str) -> None:
        warnings.warn(f"{reason}: the gradient steps are not compiled, which is several times slower.", stacklevel=2)
        self._compiles, self._compiled = False, None

    def _obstacle(self) -> str | None:
        """Why the gradient step can't be compiled, if so."""
        if self.device.type != "cpu":
            return f"the agent is on {self.device}, only the CPU is compiled for"
        for optimizer in self._optimizers():
            group = optimizer.param_groups[0]
            is_plain = type(optimizer) is Adam and not (group["amsgrad"] or group["maximize"])
            if not is_plain or len(optimizer.param_groups) > 1:
                return "only torch.optim.Adam without amsgrad, maximize and parameter groups is compiled"
        for network in self.policy.children():
            for module in network.modules():
                if isinstance(module, nn.modules.dropout._DropoutNd) or next(module.buffers(), None) is not None:
                    return f"{type(module).__name__} layers draw random numbers or keep statistics"
        if self.policy.features_extractor_class is not FlattenExtractor:
            return f"only FlattenExtractor is compiled, not {self.policy.features_extractor_class.__name__}"
        return None

    def _pays(self, timesteps: int) -> bool:
        """Whether compiling is possible and enough steps are ahead: ``COMPILE_FROM`` gradient steps."""
        if self._obstacle() is not None:
            return False
        train_freq: Any = self.train_freq  # a TrainFreq by now
        if self.gradient_steps < 0:
            return timesteps >= COMPILE_FROM
        if train_freq.unit == TrainFrequencyUnit.EPISODE:
            return False  # nobody knows how long they are
        return bool(timesteps // (train_freq.frequency * self.n_envs) * self.gradient_steps >= COMPILE_FROM)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        learning_rate = self.lr_schedule(self._current_progress_remaining)
        for optimizer in self._optimizers():
            update_learning_rate(optimizer, learning_rate)
        for i in range(gradient_steps):
            drawn = self._drawn(batch_size)
            if i == 0:
                self._prepare(drawn)
            if self._compiled is not None:
                self._compiled(*drawn)
                self.averages.count(self.METRICS)
            else:
                self.averages.add(self.METRICS, self._gradient_step(optimizer_update, self._reader()(*drawn[1:]), drawn[0]))
        self._n_updates += gradient_steps

    def _readable(self) -> QuickReplayBuffer | None:
        """The replay buffer if a gradient step takes the batch out of it by itself."""
        buffer = self.replay_buffer
        if isinstance(buffer, QuickReplayBuffer) and buffer.has_tensors and self._vec_normalize_env is None:
            return buffer
        return None

    def _drawn(self, batch_size: int) -> list[th.Tensor]:
        """What chance gives to a gradient step: the noise, and what ``_reader`` makes a batch of."""
        buffer = self._readable()
        if batch_size not in self._noises:
            self._noises[batch_size] = in_blocks(lambda n: self._draw_noise(n, batch_size))
            self._uniforms[batch_size] = in_blocks(lambda n: th.from_numpy(np.random.random_sample((n, batch_size))))
        noise = next(self._noises[batch_size])
        if buffer is None:
            batch = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
            # discounts, the last, are there with n-step returns only
            return [noise, *(field for field in batch if field is not None)]
        self._n_rows[0] = buffer.size() * buffer.n_envs
        return [noise, next(self._uniforms[batch_size])]

    def _reader(self) -> Callable[..., ReplayBufferSamples]:
        """What makes a batch of the drawn. Its tensors are there before a step is traced: those made within are constants."""
        buffer = self._readable()
        if buffer is None:
            return ReplayBufferSamples
        read, n_rows = buffer.reader(), th.from_numpy(self._n_rows)
        # [0, 1) to [0, n): also in floating point, a number below 1 times a whole number is below that
        return lambda uniforms: read((uniforms * n_rows).long())

    def _prepare(self, drawn: list[th.Tensor]) -> None:
        """Compiles, unless there is a program that fits; without one, the policy is set to training.

        :param drawn: what the first step is made with, an example of all that follow
        """
        if self._compiles and self._compiled is not None and self._compiled_for == self._needed_for(drawn):
            return
        if self._compiles:
            obstacle = self._obstacle()
            if obstacle is None:
                self._compile(drawn)
            else:  # somebody changed the optimiser
                self._run_eagerly(obstacle)
        if not self._compiles:
            self.policy.set_training_mode(True)

    def _needed_for(self, drawn: list[th.Tensor]) -> tuple[Any, ...]:
        """What a program can't be used without: its constants, the memory that it reads, the shapes of its inputs."""
        settings = [adam_settings(each.param_groups[0]) for each in self._optimizers()]
        return len(drawn[1]), id(self.replay_buffer), self._vec_normalize_env is None, settings, *self._constants()

    def _compile(self, drawn: list[th.Tensor]) -> None:
        from torch._inductor.exc import InductorError  # noqa: PLC0415  (see _setup_learn)

        from ca2_rl.common.compiled_step import CompiledStep  # noqa: PLC0415

        totals, read = self.averages.totals(self.METRICS), self._reader()

        def step(update: Update, noise: th.Tensor, *drawn: th.Tensor) -> None:
            self._before_step()
            totals.add_(self._gradient_step(update, read(*drawn), noise))

        begin = time.perf_counter()
        try:
            self._compiled = CompiledStep(step, self._optimizers(), [totals, *self._changing()], drawn)
        except InductorError as error:
            self._run_eagerly(f"torch's compiler failed ({str(error).splitlines()[0]})")
        self._compiled_for = self._needed_for(drawn)
        self.logger.record("time/compile_seconds", time.perf_counter() - begin)

    def dump_logs(self) -> None:
        if self._n_updates:
            self.logger.record("train/learning_rate", self._optimizers()[0].param_groups[0]["lr"])
            self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        super().dump_logs()


def has_cpp_compiler() -> bool:
    """Whether there is a C++ compiler for torch's inductor to call."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++", "cl"))
