"""Grades a student's file in a separate process, so that there is a verdict after the time limit whatever the code does."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer
from typing import IO

from ca2_core.course.exercise import Exercise, Verdict

GRACE = 5.0  # seconds after the time limit at which a process that has not ended by itself is killed
KEPT = 20_000  # bytes of output that are kept
SHOWN, WIDEST = 20, 200  # lines of output, characters of a line
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # the result, and nearly the time, is the same on any number of cores
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    "MPLBACKEND": "agg",  # plt.show() opens no window that waits to be closed
}


class Output:
    """The end of what a process prints."""

    def __init__(self) -> None:
        self._end = b""
        self._lines = 0

    def read(self, stream: IO[bytes]) -> None:
        """Reads the stream to its end."""
        while part := os.read(stream.fileno(), 65536):
            self._lines += part.count(b"\n")
            self._end = (self._end + part)[-KEPT:]

    def lines(self) -> list[str]:
        """The last lines, without control characters, after a line that counts the lines before them."""
        text = self._end.decode(errors="replace").rstrip()
        last = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")][-SHOWN:] if text else []
        shown = ["".join(character for character in line if character.isprintable() or character == "\t")[:WIDEST] for line in last]
        before = self._lines + (not self._end.endswith(b"\n")) - len(shown)
        return [f"({before:,} earlier lines are not shown)", *shown] if shown and before > 0 else shown


def run(path: Path, exercise: Exercise, time_limit: float, output: Output) -> Generator[Verdict]:
    """Yields verdicts as soon as each is known. After the last one, the process and its children have ended.

    :param path: the student's file
    :param time_limit: seconds
    :param output: receives what the student's code prints
    """
    command = [sys.executable, "-P", "-m", "ca2_core.course.worker", str(path), exercise.checks, str(time_limit)]
    process = subprocess.Popen(  # noqa: S603 (without a shell)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | ENVIRONMENT,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    reader = Thread(target=output.read, args=(process.stderr,), daemon=True)
    reader.start()
    watch = Timer(time_limit + GRACE, _kill, [process])
    watch.daemon = True
    open_titles: list[str] | None = None
    stuck = ""
    try:
        for line in process.stdout:
            if line.startswith(b"["):
                open_titles = json.loads(line)
                watch.start()
            elif line.startswith(b"{") and open_titles:
                verdict = json.loads(line)
                yield Verdict(**verdict | {"where": tuple(verdict["where"])})
                del open_titles[0]
                if not open_titles:
                    return
            else:
                stuck += line.decode(errors="replace")  # from faulthandler
        process.wait()
        if open_titles is None:
            reader.join(GRACE)
            raise RuntimeError(f"{exercise.checks} can't be run: " + "\n".join(output.lines()))
        is_late = stuck or not watch.is_alive()
        yield Verdict(open_titles[0], "wrong", _time_is_up(stuck, path, time_limit) if is_late else _ended(process.returncode))
        yield from (Verdict(title, "skipped", "not reached") for title in open_titles[1:])
    finally:
        watch.cancel()
        _kill(process)
        reader.join(GRACE)
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _time_is_up(stuck: str, path: Path, time_limit: float) -> str:
    """:param stuck: traceback of all threads by ``faulthandler``, the innermost calls first"""
    frame = re.search(rf'File "({re.escape(path.name)}[^"]*)", line (\d+) in (\S+)', stuck)
    where = f"; it was in {frame[1]}, line {frame[2]}, in {frame[3]}" if frame else ""
    return f"not finished after {time_limit:g} s{where}. If it needs longer, raise --time-limit."


def _ended(code: int) -> str:
    """:param code: return code of a process that ended too early; negative for a signal"""
    if code < 0:
        return f"the process was ended by {signal.Signals(-code).name}. Did it run out of memory?"
    return f"the code ends its process here, with exit status {code}. Remove os._exit() and similar calls."


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kills the process and its children."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
