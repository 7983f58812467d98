"""The process in which a student's code runs: ``python -m ca2_core.course.worker FILE CHECKS SECONDS``.

Writes lines of JSON to its original standard output: first the list of the checks' titles, then a verdict for each. What the student's
code prints goes to standard error. After SECONDS, ``faulthandler`` writes the traceback of all threads and ends the process.
"""

import faulthandler
import json
import os
import random
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ca2_core.course.grading import RUNS, grade, title_of
from ca2_core.course.source import read_source


def main(path: Path, module: str, seconds: float) -> None:
    """Grades a file."""
    results = os.fdopen(os.dup(sys.__stdout__.fileno()), "w", encoding="utf-8")  # type: ignore[union-attr]
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def tell(what: Any) -> None:
        results.write(json.dumps(what) + "\n")
        results.flush()

    source, checks = read_source(path), import_module(module).CHECKS
    tell([RUNS, *map(title_of, checks)])
    faulthandler.dump_traceback_later(seconds, exit=True, file=results)
    sys.argv = [str(path)]
    sys.path.append(str(path.resolve().parent))  # last, so that a student's random.py does not shadow the standard one
    random.seed(0)
    np.random.seed(0)
    for verdict in grade(source, checks):
        tell(asdict(verdict))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
