"""Stops a training after its current round on Ctrl-C or SIGTERM."""

import signal
import threading
from types import FrameType, TracebackType

from ca2_gan.training.state import Callback, TrainingState


class StopOnSignal(Callback):
    """As a context manager, ends the training after its round on the first SIGINT or SIGTERM; a second one interrupts at once.

    :ivar signal: number of the signal received, or 0
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopOnSignal":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def on_start(self, state: TrainingState) -> None:
        self.on_round(state)

    def on_round(self, state: TrainingState) -> None:
        if self.signal:
            state.stop()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
