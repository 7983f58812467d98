"""What scripts that leave measurements in the docs have in common."""

import json
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_core.study.command import show
from ca2_core.study.figures import save as draw
from ca2_core.study.results import Results

ROOT = Path(__file__).parents[1]


def save(content: dict[str, Any], path: Path) -> None:
    """Writes measurements as JSON, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def update_study(half: str, prefix: str, command_line: ArgumentParser, reports: Any, run_study: Callable[..., Results]) -> None:
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
    results = run_study(study, arguments, out, shlex.join(["python", f"scripts/study_{half}.py", *sys.argv[1:]]), published)
    show(results, out)
    if arguments.quick or arguments.report_only:
        return
    Results(results.content | {"records": [report.kept(record) for record in results.records]}).save(measurements)
    for picture_name, picture in report.pictures.items():
        draw(picture.make(results), ROOT / "docs" / "images" / f"study-{prefix}{name}-{picture_name}.png")
    fill_tables()


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
