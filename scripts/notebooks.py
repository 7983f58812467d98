"""Writes the notebooks of the course's exercises from the scripts beside them, in docs/course/exercises.

``--check`` only says whether they are up to date.
"""

import sys
from pathlib import Path

import jupytext
import nbformat

from ca2_core.files import whole_file

EXERCISES = Path(__file__).parents[1] / "docs" / "course" / "exercises"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(script: Path) -> str:
    """The notebook of a script, the same each time."""
    made = jupytext.read(script, fmt="py:percent")
    made.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(made.cells):
        cell.id, cell.metadata = f"cell-{number}", nbformat.from_dict({})
    return str(nbformat.writes(made)) + "\n"


def main(argv: list[str]) -> None:
    for script in sorted(EXERCISES.glob("*.py")):
        path, text = script.with_suffix(".ipynb"), notebook(script)
        if argv != ["--check"]:
            with whole_file(path) as partial:
                partial.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path} is not the notebook of {script.name}: run `python scripts/notebooks.py`.")


if __name__ == "__main__":
    main(sys.argv[1:])
