import os
import signal
import threading

import pytest

from ca2_gan.training.state import Callback
from ca2_gan.training.stopping import StopOnSignal


def test_first_signal_is_noted_and_second_interrupts():
    before = signal.getsignal(signal.SIGTERM)
    with StopOnSignal() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) == before


def test_stop_does_without_signals_in_other_threads():
    thread = threading.Thread(target=lambda: StopOnSignal().__enter__())
    thread.start()
    thread.join()


def test_the_training_ends_after_its_round(begin):
    state = begin(images=10**9)
    with StopOnSignal() as stop:
        state.callbacks = [stop, SignalAt(2)]
        state.play()
        assert (state.step, state.is_finished) == (2, False)
        state.play()  # the signal came before it began
    assert state.step == 2


class SignalAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_round(self, state):
        if state.step == self.step - 1:
            os.kill(os.getpid(), signal.SIGTERM)
