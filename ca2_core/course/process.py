"""Grades a student's file in a process of its own: whatever the code does, there is a verdict after the time limit."""

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

GRACE = 5.0  # seconds after which a process that should have ended by itself is killed
KEPT = 20_000  # bytes of output
SHOWN, WIDEST = 20, 200  # lines of output, characters of a line
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # the same result and nearly the same time on any number of cores
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    "MPLBACKEND": "agg",  # no window waits to be closed
}


class Output:
    """The end of what a process prints."""

    def __init__(self) -> None:
        self._end = b""
        self._lines = 0

    def read(self, stream: IO[bytes]) -> None:
        """Takes all that comes."""
        while part := os.read(stream.fileno(), 65536):
            self._lines += part.count(b"\n")
            self._end = (self._end + part)[-KEPT:]

    def lines(self) -> list[str]:
        """The last lines, without what moves a cursor, after a line that counts the others."""
        text = self._end.decode(errors="replace").rstrip()
        last = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")][-SHOWN:] if text else []
        shown = ["".join(character for character in line if character.isprintable() or character == "\t")[:WIDEST] for line in last]
        before = self._lines + (not self._end.endswith(b"\n")) - len(shown)
        return [f"({before:,} lines before)", *shown] if shown and before > 0 else shown


def run(path: Path, exercise: Exercise, time_limit: float, output: Output) -> Generator[Verdict]:
    """The verdicts, each as soon as it is there. The process and its children have ended when the last one is.

    :param path: the student's file
    :param time_limit: seconds
    :param output: takes what the student's code prints
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
                stuck += line.decode(errors="replace")  # of faulthandler
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
    """:param stuck: where all threads were, as ``faulthandler`` says it, the innermost calls first"""
    frame = re.search(rf'File "({re.escape(path.name)}[^"]*)", line (\d+) in (\S+)', stuck)
    where = f"; then it was in {frame[1]}, line {frame[2]}, in {frame[3]}" if frame else ""
    return f"not done within {time_limit:g} s{where}. --time-limit allows more, if it is to take so long."


def _ended(code: int) -> str:
    """:param code: of a process that ended before it should have"""
    if code < 0:
        return f"the program was ended by {signal.Signals(-code).name}. Does it run out of memory?"
    return f"the program ends itself here, with the exit status {code}. Leave out os._exit() and the like."


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kills the process with its children."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
