"""What scripts that leave measurements in the docs have in common."""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from reports import Report

from ca2_core.errors import UserError
from ca2_core.files import write_json
from ca2_core.study.command import show
from ca2_core.study.conditions import cpu_name, versions
from ca2_core.study.figures import save as draw
from ca2_core.study.results import Results

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
IMAGES = DOCS / "images"


def parser(description: str | None) -> argparse.ArgumentParser:
    """Of a script's options, under its docstring as it is."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def command() -> str:
    """The call of this script, as one would repeat it."""
    return shlex.join(["python", f"scripts/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def origin(packages: Iterable[str], **machine: Any) -> dict[str, Any]:
    """Where a record comes from.

    :param packages: that decide the numbers
    :param machine: what else there is to say of it
    """
    return {
        "command": command(),
        "versions": {"python": platform.python_version()} | versions(packages),
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count()} | machine,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Of a number that was measured several times."""
    return {"median": median(values), "least": min(values), "most": max(values)}


def save(content: dict[str, Any], path: Path) -> None:
    """Writes measurements as JSON."""
    write_json(path, content, indent=1)


def read(path: Path) -> Any:
    """What ``save`` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def update_study(half: str, prefix: str, command_line: argparse.ArgumentParser, reports: Any, run_study: Callable[..., Results]) -> None:
    """Runs a study of the docs as the command line says, and leaves measurements and figures of it in the docs, unless it is a rehearsal.

    :param half: "rl" or "gan"
    :param prefix: of the names of the study's folder and figures
    :param command_line: of ``ca2-rl study`` or ``ca2-gan study``
    :param reports: package with the names, studies and reports of this half
    :param run_study: of the command's module
    """
    command_line.epilog = f"instead of FILE.yml, the name of a study: {', '.join(reports.NAMES)}"
    arguments = command_line.parse_args(sys.argv[1:])
    name = str(arguments.file)
    report, study = reports.load_report(name), reports.load_study(name, arguments.quick)
    out = Path(arguments.out or ROOT / "studies" / f"{prefix}{name}")
    measurements = ROOT / "docs" / half / "studies" / f"{name}.json"
    published = Results.read(measurements).content if measurements.is_file() else None
    results = run_study(study, arguments, out, command(), published)
    show(results, out)
    if arguments.quick or arguments.report_only:
        return
    Results(results.content | {"records": [report.kept(record) for record in results.records]}).save(measurements)
    draw_pictures(f"{prefix}{name}", report, results)
    fill_tables()


def draw_pictures(study: str, report: Report, results: Results) -> None:
    """Writes the docs' figures of a study.

    :param study: its name in theirs, such as ``gan-overview``
    """
    for name, picture in report.pictures.items():
        draw(picture.make(results), ROOT / "docs" / "images" / f"study-{study}-{name}.png")


def fill_tables() -> None:
    """Makes the tables of README and docs from the measurements."""
    subprocess.run([sys.executable, Path(__file__).with_name("tables.py")], check=True)


def as_command(main: Callable[[], None]) -> None:
    """Runs a script's ``main``: exit code 2 and one line for a mistake of the user's, 130 after Ctrl-C."""
    try:
        main()
    except UserError as error:
        print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
