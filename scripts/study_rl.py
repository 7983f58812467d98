"""``ca2-rl study`` for the docs: leaves the measurements in docs/rl/studies, the figures in docs/images, and fills the tables.

It goes on from what the docs have, where settings and versions are the same.
"""

import json
import shlex
import shutil
import sys
from pathlib import Path

import matplotlib as mpl
from publishing import as_command, fill_tables

from ca2_rl.plot import save_figure
from ca2_rl.studies.command import load, parse, study
from ca2_rl.studies.jobs import restore_records

ROOT = Path(__file__).parents[1]


def main() -> None:
    mpl.use("agg")
    arguments = parse(sys.argv[1:], prog="python scripts/study_rl.py")
    chosen = load(arguments.name)
    arguments.out = arguments.out or ROOT / "studies" / chosen.name
    measurements = ROOT / "docs" / "rl" / "studies" / f"{chosen.name}.json"
    if measurements.is_file():
        restore_records(json.loads(measurements.read_text(encoding="utf-8")), arguments.out / "jobs")
    results = study(arguments, shlex.join(["python", "scripts/study_rl.py", *sys.argv[1:]]))
    shutil.copy(arguments.out / "study.json", measurements)
    for name, picture in chosen.pictures.items():
        save_figure(picture.make(results), ROOT / "docs" / "images" / f"study-{chosen.name}-{name}.png")
    fill_tables()


if __name__ == "__main__":
    as_command(main)
