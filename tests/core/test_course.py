"""Checks of students' files: whatever these do, there is a verdict that explains itself."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ca2_core.command import Command, Subcommand
from ca2_core.course import command
from ca2_core.course.command import check, show
from ca2_core.course.exercise import Exercise, Verdict, WrongError
from ca2_core.course.values import as_array, as_number
from ca2_core.errors import UserError

COURSE = {"doubling": Exercise("twice as much", 5, "doubling_checks", 20), "halving": Exercise("half as much", 5, "halving_checks", 20)}
CHECKS = '''
from ca2_core.course.exercise import expect


def doubles(student):
    """`double` doubles."""
    found = student["double"](3)
    expect(found == 6, f"double(3) is {found}: the result is lost.")


def keeps_zero(student):
    """Zero stays zero."""
    expect(student["double"](0) == 0, "double(0) is not 0.")


CHECKS = (doubles, keeps_zero)
'''
RIGHT = "# exercise: doubling\ndef double(x):\n    return 2 * x\n"


@pytest.fixture(autouse=True)
def checks(tmp_path, monkeypatch):
    """The module of the checks, where the process that runs them finds it."""
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "doubling_checks.py").write_text(CHECKS)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


@pytest.fixture
def run(tmp_path, capsys):
    """The exit status of a check of some code, and what is printed."""

    def check_code(code, *options, name="solution.py"):
        path = tmp_path / name
        path.write_text(code)
        status = 0
        try:
            check("prog check", COURSE, [str(path), *options], "Others are elsewhere.")
        except SystemExit as error:
            status = error.code
        return status, capsys.readouterr().out

    return check_code


def body(*lines):
    return "# exercise: doubling\ndef double(x):\n" + "".join(f"    {line}\n" for line in lines)


def notebook(*cells):
    made = [{"cell_type": kind, "source": source, "metadata": {}} for kind, source in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_what_is_right_passes(run):
    assert run(RIGHT) == (0, "✓ The file runs\n✓ `double` doubles\n✓ Zero stays zero\n3 of 3 passed\n")


def test_what_is_wrong_is_explained(run):
    status, out = run(body("return x"))
    assert status == 1
    assert "✗ `double` doubles – double(3) is 3: the result is lost.\n" in out
    assert out.endswith("2 of 3 passed\n")


def test_what_is_not_done_yet_is_no_error(run):
    status, out = run(body("raise NotImplementedError"))
    assert status == 1
    assert "✗ `double` doubles – not done yet: double, line 3\n" in out
    assert "NotImplementedError" not in out
    assert out.endswith("1 of 3 passed, 2 not done yet\n")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (body("return x +"), "SyntaxError: invalid syntax\n    solution.py, line 3: return x +\n"),
        ("# exercise: doubling\nimport nothing_like_it\n", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        (RIGHT + "import sys\nsys.exit(0)\n", "the code calls sys.exit()."),
        (RIGHT + "import os\nos._exit(0)\n", "the code ends its process here, with exit status 0."),
        (RIGHT + "input('name?')\n", "EOFError"),
    ],
    ids=["syntax", "import", "sys.exit", "os._exit", "input"],
)
def test_a_file_that_does_not_run_says_why(code, why, run):
    status, out = run(code)
    assert status == 1
    assert f"✗ The file runs – {why}" in out
    assert out.endswith("0 of 3 passed\n")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("__import__('sys').exit(0)", "the code calls sys.exit()."),
        ("__import__('os')._exit(0)", "the code ends its process here, with exit status 0."),
        ("__import__('os').kill(__import__('os').getpid(), 9)", "the process was ended by SIGKILL. Did it run out of memory?"),
        ("return {}[x]", "KeyError: 3\n    solution.py, line 3, in double: return {}[x]\n"),
        ("return double(x)", "RecursionError"),
    ],
    ids=["sys.exit", "os._exit", "kill", "exception", "recursion"],
)
def test_a_function_that_fails_says_why(line, why, run):
    status, out = run(body(line))
    assert status == 1
    assert f"✗ `double` doubles – {why}" in out
    assert "1 of 3 passed\n" in out


def test_an_exception_shows_the_lines_of_the_student_only(run):
    _, out = run("# exercise: doubling\nimport json\ndef double(x):\n    return json.loads('{')\n")
    assert "    solution.py, line 4, in double: return json.loads('{')\n" in out
    assert "decoder.py" not in out


@pytest.mark.parametrize("code", [body("while True: pass"), RIGHT + "while True: pass\n"], ids=["in a function", "in the file"])
def test_what_never_ends_is_stopped_and_located(code, run):
    begun = time.monotonic()
    status, out = run(code, "--time-limit", "1")
    assert status == 1
    assert "not finished after 1 s; it was in solution.py, line" in out
    assert "– Zero stays zero – not reached\n" in out
    assert time.monotonic() - begun < 30


def test_a_watch_that_the_code_stops_does_not_save_it(run, monkeypatch):
    monkeypatch.setattr("ca2_core.course.process.GRACE", 0.5)
    status, out = run(body("__import__('faulthandler').cancel_dump_traceback_later()", "while True: pass"), "--time-limit", "1")
    assert status == 1
    assert "not finished after 1 s." in out


def test_the_end_of_what_is_printed_is_shown(run):
    code = RIGHT + "for i in range(200_000):\n    print(i, 'x' * 50)\nprint('\\x1b[2Jlast')\n"
    status, out = run(code)
    assert status == 0
    assert "(199,981 earlier lines are not shown)" in out
    assert "  | [2Jlast\n3 of 3 passed\n" in out
    assert len(out) < 3000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.py",
            "x = 1\n",
            "no line `# exercise: NAME` names the exercise. The exercises are doubling, halving. Others are elsewhere.",
        ),
        ("a.py", "# exercise: doublin\n", "no exercise named 'doublin'. Did you mean 'doubling'? The exercises are"),
        ("a.py", b"\xff\xfe", "not UTF-8 text"),
        ("a.txt", RIGHT, "neither a .py nor an .ipynb"),
        ("a.ipynb", "", "not a notebook in Jupyter's current format"),
        ("a.ipynb", '{"worksheets": []}', "not a notebook in Jupyter's current format"),
        ("a.ipynb", notebook(), "no line `# exercise: NAME`"),
        ("a.ipynb", notebook(("markdown", "# exercise: doubling")), "no line `# exercise: NAME`"),
        ("missing.py", None, "no such file"),
        ("missing.txt", None, "no such file"),
    ],
)
def test_what_can_not_be_checked_is_one_line(name, content, message, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error_info:
        check("prog check", COURSE, [str(path)], "Others are elsewhere.")
    assert message in str(error_info.value)


def test_a_folder_and_nothing_are_refused(tmp_path):
    for argv, message in (([str(tmp_path)], "a folder"), ([], "give the file of a solution. The exercises are doubling, halving.")):
        with pytest.raises(UserError, match=message):
            check("prog check", COURSE, argv, "")


def test_the_list_shows_all_exercises(capsys):
    check("prog check", COURSE, ["--list"], "")
    out = capsys.readouterr().out
    for name, exercise in COURSE.items():
        assert any(name in line and exercise.title in line and "5 min" in line for line in out.splitlines())


def test_a_notebook_is_checked_like_a_script(run):
    cells = [
        ("markdown", "# Doubling"),
        ("code", ["%matplotlib inline\n", "# exercise: doubling\n", "!pip list\n"]),
        ("code", "%%bash\nls -la | wc\n"),
        ("code", "%%time\nfactor = 2\n"),
        ("code", "def double(x):\n    raise ValueError(x)"),
    ]
    _, out = run(notebook(*cells), name="solution.ipynb")
    assert "ValueError: 3\n    solution.ipynb, code cell 4, line 2, in double: raise ValueError(x)\n" in out
    cells[-1] = ("code", "def double(x):\n    return factor * x")
    assert run(notebook(*cells), name="solution.ipynb")[0] == 0


def test_code_under_main_stays_out(run):
    assert run(RIGHT + "if __name__ == '__main__':\n    raise ValueError\n")[0] == 0


def test_files_beside_it_can_be_imported_but_take_nobodys_place(run, tmp_path):
    (tmp_path / "json.py").write_text("raise ValueError('not the standard library')")
    (tmp_path / "factors.py").write_text("TWO = 2")
    code = "# exercise: doubling\nimport json, sys\nfrom factors import TWO\ndef double(x):\n    return TWO * x\n"
    assert run(code) == run(RIGHT)


def test_classes_of_the_file_can_be_found_by_their_module(run):
    code = "# exercise: doubling\nfrom dataclasses import dataclass\n@dataclass\nclass Factor:\n    two: 'int' = 2\n"
    assert run(code + "def double(x):\n    return Factor().two * x\n")[0] == 0


def test_a_name_that_is_missing_is_named(run):
    _, out = run("# exercise: doubling\ndef duoble(x):\n    return 2 * x\n")
    assert "the file does not define `double`. The checks need exactly that name. Is it called 'duoble'?" in out


def test_processes_that_the_code_starts_end_with_it(run, tmp_path):
    pid = tmp_path / "pid"
    sleeper = f"import subprocess\nfrom pathlib import Path\nPath({str(pid)!r}).write_text(str(subprocess.Popen(['sleep', '600']).pid))\n"
    assert run(RIGHT + sleeper)[0] == 0
    assert ends(int(pid.read_text()))


def ends(pid):
    """Whether a process is gone within seconds: a signal takes its time on a busy machine."""
    state = Path(f"/proc/{pid}/stat")
    for _ in range(200):
        try:
            if state.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_ctrl_c_stops_it_and_leaves_nothing_running(tmp_path):
    pid = tmp_path / "pid"
    code = f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\nwhile True: pass\n"
    (tmp_path / "solution.py").write_text("# exercise: doubling\n" + code)
    program = (
        "import sys\nfrom ca2_core.command import Command, Subcommand\nfrom ca2_core.course.command import check\n"
        "from ca2_core.course.exercise import Exercise\nimport ca2_core.command as module\n"
        "module.check = lambda argv: check('prog check', {'doubling': Exercise('', 1, 'doubling_checks', 300)}, argv, '')\n"
        "Command('prog', '', {'check': Subcommand('ca2_core.command:check', '')}).main(['check', sys.argv[1]])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, tmp_path / "solution.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        for _ in range(1000):
            if pid.exists() and pid.read_text():
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (130, b"", b"")
    assert ends(int(pid.read_text()))


def test_checks_that_can_not_be_imported_are_a_bug(tmp_path):
    (tmp_path / "a.py").write_text("# exercise: halving\n")
    with pytest.raises(RuntimeError, match="No module named 'halving_checks'"):
        check("prog check", COURSE, [str(tmp_path / "a.py")], "")


def test_bad_input_ends_with_status_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "toy", lambda argv: check("prog check", COURSE, argv, ""), raising=False)
    with pytest.raises(SystemExit) as exit_info:
        Command("prog", "", {"check": Subcommand("ca2_core.course.command:toy", "")}).main(["check", str(tmp_path / "none.py")])
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == f"prog: {tmp_path / 'none.py'}: no such file.\n"


def test_a_terminal_without_these_characters_gets_others(monkeypatch):
    for status, mark in (("passed", "+"), ("wrong", "x"), ("skipped", "-")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", stream)
        show(Verdict("title", status, "größer"))
        stream.flush()
        assert stream.buffer.getvalue() == f"{mark} title - gr??er\n".encode()


@pytest.mark.parametrize(
    ("value", "shape", "dtype", "message"),
    [
        (None, None, None, "f(x) returns None. Is a `return` missing?"),
        (..., None, None, "f(x) returns `...`. Complete it."),
        ("text", None, None, "f(x) returns 'text', where numbers are needed."),
        ([[1], [1, 2]], None, None, "f(x) returns [[1], [1, 2]], where numbers are needed."),
        ([1, 2], (3,), None, "f(x) has the shape [2], where [3] is needed."),
        ([[1, 2]], (None, 3), None, "f(x) has the shape [1, 2], where [any, 3] is needed."),
        ([1.0], None, "float32", "f(x) has the dtype float64, where float32 is needed."),
        ([1j], None, "number", "f(x) has the dtype complex128, where real numbers are needed."),
    ],
)
def test_what_is_no_array_of_the_kind_is_explained(value, shape, dtype, message):
    with pytest.raises(WrongError) as error_info:
        as_array(value, "f(x)", shape, dtype)
    assert str(error_info.value) == message


@pytest.mark.parametrize("value", [float("nan"), [1, 2], 1j, None], ids=str)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(WrongError, match=r"f\(x\) returns"):
        as_number(value, "f(x)")
