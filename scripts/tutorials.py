"""Runs the tutorials, docs/tutorials/*.py or those that are named, and keeps them as notebooks with all that they print and draw.

``--check`` only says whether the notebooks have the code and text of the scripts.
"""

import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from ca2_core.files import whole_file

FOLDER = Path(__file__).parents[1] / "docs" / "tutorials"


def main() -> None:
    names = [name for name in sys.argv[1:] if name != "--check"]
    for script in [FOLDER / f"{name}.py" for name in names] or sorted(FOLDER.glob("*.py")):
        notebook, path = jupytext.read(script), script.with_suffix(".ipynb")
        if "--check" not in sys.argv:
            NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(FOLDER)}}).execute()
            with whole_file(path) as partial:
                nbformat.write(without_messages(notebook), partial)
        elif not path.is_file() or cells(nbformat.read(path, as_version=4)) != cells(notebook):
            sys.exit(f"{path.name} is out of date: run python scripts/tutorials.py")


def cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """Kind and text of each cell."""
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def without_messages(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what goes to stderr, such as progress bars, and without the times of its execution."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


if __name__ == "__main__":
    main()
