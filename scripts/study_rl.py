"""A study of the docs: leaves the measurements in docs/rl/studies, the figures in docs/images, and fills the tables.

    python scripts/study_rl.py overview --seeds 10

NAME is a file of scripts/studies or a module of scripts/rl_reports. The options are those of ``ca2-rl study``. It goes on from what the
docs have, where settings and versions are the same. With --quick the docs stay as they are.
"""

import sys
from pathlib import Path

from publishing import DOCS, IMAGES, ROOT, as_command, command, fill_tables, read
from rl_reports import NAMES, load_report, load_study

from ca2_core.study.command import show
from ca2_core.study.figures import save
from ca2_core.study.results import Results
from ca2_rl.commands.study import parser, run_study


def main() -> None:
    command_line = parser(prog="python scripts/study_rl.py")
    command_line.epilog = f"instead of FILE.yml, the name of a study: {', '.join(NAMES)}"
    arguments = command_line.parse_args(sys.argv[1:])
    name = str(arguments.file)
    report, study = load_report(name), load_study(name, arguments.quick)
    out = Path(arguments.out or ROOT / "studies" / name)
    measurements = DOCS / "rl" / "studies" / f"{name}.json"
    published = read(measurements) if measurements.is_file() else None
    results = run_study(study, arguments, out, command(), published)
    show(results, out)
    if arguments.quick or arguments.report_only:
        return
    Results(results.content | {"records": [report.kept(record) for record in results.records]}).save(measurements)
    for picture_name, picture in report.pictures.items():
        save(picture.make(results), IMAGES / f"study-{name}-{picture_name}.png")
    fill_tables()


if __name__ == "__main__":
    as_command(main)
