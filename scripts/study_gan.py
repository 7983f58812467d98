"""``ca2-gan study`` for the docs, by default all of them: leaves the measurements in docs/gan/studies, the figures in docs/images,
and fills the tables.

It goes on from what the docs have, where versions, data and classifiers are the same. ``--quick`` takes less than 25 minutes on two cores
and leaves the docs alone: its small numbers are no match for theirs.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

from gan_ranking import load

from ca2_core.errors import UserError
from ca2_gan.drawing import render, write
from ca2_gan.studies.command import parse, prepare, study
from ca2_gan.studies.jobs import restore_records
from ca2_gan.studies.results import Results
from ca2_gan.studies.study import Study

ROOT = Path(__file__).parents[1]


def main() -> None:
    arguments = parse(sys.argv[1:], prog="python scripts/study_gan.py", default="all")
    benches = prepare(arguments)
    command = shlex.join(["python", "scripts/study_gan.py", *without_folders(sys.argv[1:])])
    for name in arguments.names:
        chosen, out = load(name), (arguments.out or ROOT / "studies" / "gan") / name
        restore_records(published(chosen).content, out / "jobs")
        results = study(chosen, arguments, benches, out, command)
        print(f"Report: {chosen.report(results, out)}")
        if not arguments.quick:
            publish(chosen, results)


def without_folders(words: list[str]) -> list[str]:
    """A call as the docs have it: where this machine keeps data and results decides nothing."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--root")
    parser.add_argument("--out")
    return parser.parse_known_args(words)[1]


def measurements(chosen: Study) -> Path:
    """Where the docs have a study's numbers."""
    return ROOT / "docs" / "gan" / "studies" / f"{chosen.name}.json"


def published(chosen: Study) -> Results:
    """The same, read; nothing at first."""
    path = measurements(chosen)
    return Results(json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"data": {}, "records": []})


def publish(chosen: Study, results: Results) -> None:
    """Puts a study into the docs, beside what they have of it on other data."""
    results = results.joined(published(chosen))
    results.save(measurements(chosen))
    for name, picture in chosen.pictures.items():
        write(ROOT / "docs" / "images" / f"study-gan-{chosen.name}-{name}.png", render(picture.make(results)))
    subprocess.run([sys.executable, ROOT / "scripts" / "tables.py"], check=True)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"study_gan: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
