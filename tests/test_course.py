"""The exercises of the course, as scripts and notebooks."""

import os
import re
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient

from ca2_core.course.command import show, summary
from ca2_core.course.exercise import WrongError
from ca2_core.course.grading import grade
from ca2_core.course.source import find_exercise, read_source
from ca2_core.course.student import Student
from ca2_gan.course import EXERCISES as OF_GANS
from ca2_rl.course import EXERCISES as OF_AGENTS

ROOT = Path(__file__).parents[1]
COURSE = ROOT / "docs" / "course"
SCRIPTS = sorted((COURSE / "exercises").glob("*.py"))
EXERCISES = {**OF_AGENTS, **OF_GANS}
every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def cells(script, kind):
    return [cell.source for cell in jupytext.read(script, fmt="py:percent").cells if cell.cell_type == kind]


def test_the_files_are_those_of_the_exercises():
    assert [script.stem for script in SCRIPTS] == [f"{number:02d}_{name}" for number, name in enumerate(EXERCISES, start=1)]
    assert [path.name for path in sorted((COURSE / "solutions").glob("*"))] == [script.name for script in SCRIPTS]


def test_the_notebooks_are_those_of_the_scripts():
    command = [sys.executable, ROOT / "scripts" / "notebooks.py", "--check"]
    check = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


@every_script
def test_the_first_cell_says_what_is_learnt_how_long_it_takes_and_how_it_is_checked(script):
    first, name = cells(script, "markdown")[0], script.stem.partition("_")[2]
    program = "ca2-rl" if name in OF_AGENTS else "ca2-gan"
    assert "**You learn**" in first
    assert f"**Time** {EXERCISES[name].minutes} minutes." in first
    assert f"`{program} check {script.name}`" in first
    assert f"# exercise: {name}" in cells(script, "code")[0]


@every_script
def test_a_solution_is_the_exercise_completed(script):
    """Where only what raises NotImplementedError differs, and the questions are answered."""
    asked, answered = (cells(path, "markdown") for path in (script, COURSE / "solutions" / script.name))
    assert answered[:-1] == asked[:-1]
    assert asked[-1].startswith("## Questions")
    assert answered[-1].startswith("## Answers")
    numbers = [re.findall(r"^\d+\.", text, re.MULTILINE) for text in (asked[-1], answered[-1])]
    assert numbers[0] == numbers[1]
    for before, after in zip(cells(script, "code")[1:], cells(COURSE / "solutions" / script.name, "code")[1:], strict=True):
        kept, _, rest = before.partition("raise NotImplementedError")
        assert after.startswith(kept.rstrip() if not rest else kept)
        assert "NotImplementedError" not in after


@every_script
def test_a_notebook_can_be_checked_as_its_script_can(script):
    source = read_source(script.with_suffix(".ipynb"))
    assert [cell.code for cell in source.cells] == cells(script, "code")
    assert find_exercise(source, EXERCISES, "") == find_exercise(read_source(script), EXERCISES, "")


def test_the_page_of_the_course_shows_all_of_them():
    page = (COURSE / "README.md").read_text(encoding="utf-8")
    for script in SCRIPTS:
        name = script.stem.partition("_")[2]
        assert f"| `{name}` | {EXERCISES[name].minutes} min |" in page
        assert f"(exercises/{script.name})" in page
        assert f"(exercises/{script.stem}.ipynb)" in page


def test_the_page_shows_what_a_check_prints(capsys):
    page = (COURSE / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```\n(✓ .*?)```", page, re.DOTALL)
    answer = read_source(ROOT / "tests" / "course" / "answers" / "torques" / "wrong_centres.py")
    verdicts = list(grade(answer, import_module(EXERCISES["torques"].checks).CHECKS))
    for verdict in verdicts:
        show(verdict)
    assert f"{capsys.readouterr().out}{summary(verdicts)}\n" == shown


def test_the_check_that_teachers_are_shown_works():
    page = (COURSE / "teachers.md").read_text(encoding="utf-8")
    found: dict = {}
    exec(textwrap.dedent(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]), found)
    (check,) = found["CHECKS"]

    class Ring:
        def __init__(self, size):
            self.rewards = []
            self.size = size

        def add(self, reward):
            self.rewards = [*self.rewards, reward][-self.size :]

    class Full(Ring):
        def add(self, reward):
            self.rewards = [*self.rewards, reward][: self.size]

    check(Student({"Replay": Ring}))
    with pytest.raises(WrongError, match="the agent would learn from its first steps for ever"):
        check(Student({"Replay": Full}))


@pytest.mark.slow
@every_script
def test_a_solution_runs_as_a_notebook(script, tmp_path, monkeypatch):
    """With what stands under __main__, which the checks leave out."""
    for name in ("XDG_CACHE_HOME", "CA2_GAN_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = jupytext.read(COURSE / "solutions" / script.name, fmt="py:percent")
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
