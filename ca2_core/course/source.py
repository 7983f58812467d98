"""A student's file: a script or a notebook."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ca2_core.course.exercise import Course
from ca2_core.errors import UserError, did_you_mean

EXERCISE_LINE = re.compile(r"^#[ \t]*exercise:[ \t]*(\S+)[ \t]*$", re.MULTILINE)
# Cell magics after which the cell is Python code
PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


@dataclass(frozen=True)
class Cell:
    """Code that is compiled and run as one unit.

    :param label: its file name in tracebacks
    """

    label: str
    code: str


@dataclass(frozen=True)
class Source:
    """A student's file.

    :param cells: one cell for a script, all code cells for a notebook
    """

    path: Path
    cells: tuple[Cell, ...]


def read_source(path: Path) -> Source:
    """Reads a script or a notebook.

    :raises UserError: if the file is neither, or can't be read
    """
    if path.is_dir():
        raise UserError(f"{path}: a folder. Give one file, .py or .ipynb.")
    if path.suffix not in (".py", ".ipynb"):
        raise UserError(f"{path}: {'no such file' if not path.exists() else 'neither a .py nor an .ipynb'}. Give a script or a notebook.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text. Save it with the encoding UTF-8.") from error
    if path.suffix == ".py":
        return Source(path, (Cell(path.name, text),))
    try:
        cells = list(_code_cells(json.loads(text)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: not a notebook in Jupyter's current format. Open it in Jupyter and save it again.") from error
    return Source(path, tuple(Cell(f"{path.name}, code cell {i}", _without_magics(code)) for i, code in enumerate(cells, start=1)))


def find_exercise(source: Source, course: Course, elsewhere: str) -> str:
    """The name of the exercise, from the line ``# exercise: NAME`` in the file.

    :param elsewhere: a sentence that says where the other exercises are
    :raises UserError: if there is no such line, or no such exercise
    """
    found = next((match[1] for cell in source.cells if (match := EXERCISE_LINE.search(cell.code))), None)
    known = f"The exercises are {', '.join(course)}. {elsewhere}"
    if found is None:
        raise UserError(f"{source.path}: no line `# exercise: NAME` names the exercise. {known}")
    if found not in course:
        raise UserError(f"{source.path}: no exercise named {found!r}.{did_you_mean(found, course)} {known}")
    return found


def _code_cells(notebook: Any) -> Iterator[str]:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"])  # one string, or a list of lines


def _without_magics(code: str) -> str:
    """The code without lines that only IPython understands: ``%matplotlib inline``, ``!pip install x``. Line numbers stay the same."""
    try:
        ast.parse(code)
    except SyntaxError:
        lines = code.splitlines()
        first = next(line for line in lines if line.strip())
        if first.startswith("%%") and not first.startswith(PYTHON_MAGICS):
            return ""
        return "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines)
    except ValueError:  # a null character; running the code reports it
        pass
    return code
