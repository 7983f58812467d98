import os
import signal
import threading

import pytest

from ca2_gan.trainers.stopping import Stop


def test_first_signal_is_noted_and_second_interrupts():
    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) == before


def test_stop_does_without_signals_in_other_threads():
    thread = threading.Thread(target=lambda: Stop().__enter__())
    thread.start()
    thread.join()
