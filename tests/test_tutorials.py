"""The tutorials run as they stand, but for their budgets."""

import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "docs" / "tutorials").glob("*.py"))
BUDGETS = {"learn(15_000)": "learn(1_100)", "sample_starts(100": "sample_starts(3", "cpu_minutes=2": "images=320", "26_000": "8_000"}


def test_the_notebooks_are_those_of_the_scripts():
    check = subprocess.run([sys.executable, ROOT / "scripts" / "tutorials.py", "--check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_tutorial_runs(script, tmp_path):
    text = script.read_text(encoding="utf-8")
    small = text
    for budget, less in BUDGETS.items():
        small = small.replace(budget, less)
    assert small.count("learn(1_100)") == 2 or small.count("images=320") == 2
    notebook = jupytext.reads(small, fmt="py:percent")
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown)
