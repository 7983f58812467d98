"""Writes the measured numbers into the README and the docs, between ``<!-- table: NAME -->`` and ``<!-- end -->``.

NAME is a table of docs/rl/results.json or docs/gan/metrics.json, ``pretrained:MODEL/DATA`` of docs/gan/pretrained.json, or
STUDY/TABLE: a table of the study whose measurements are in docs/rl/studies/STUDY.json, or its ``conditions``. Likewise
``<!-- figure: STUDY/FIGURE -->``. The cards of the models in ca2_gan/pretrained are made from docs/gan/pretrained.json as a whole.
"""

import argparse
import json
import os
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pretrain_gan

from ca2_rl.statistics import iqm, iqm_interval
from ca2_rl.studies.command import load
from ca2_rl.studies.results import Results

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "rl" / "results.json"
SPEED = ROOT / "docs" / "rl" / "speed.json"
SENSITIVITY = ROOT / "docs" / "gan" / "sensitivity.json"
PRETRAINED = ROOT / "docs" / "gan" / "pretrained.json"
GAN_METRICS = ROOT / "docs" / "gan" / "metrics.json"
NAMES = {"discretizeddqn": "DiscretizedDQN", "noisydqn": "NoisyDQN", "ouddpg": "OUDDPG"}
# Average returns and regrets that the study reported
STUDY = {"discretizeddqn": (-838.13, 701), "noisydqn": (-1367.53, 1230), "ouddpg": (-627.46, 490)}
STUDIES = ROOT / "docs" / "rl" / "studies"
IMAGES = ROOT / "docs" / "images"
PLACE = re.compile(r"(<!-- (table|figure): (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)

Runs = list[dict[str, Any]]


def interval(scores: list[float]) -> str:
    """Interquartile mean and its 95 % interval."""
    bounds = iqm_interval(scores)
    return f"{iqm(scores):.1f}" + (f" [{bounds[0]:.1f}, {bounds[1]:.1f}]" if bounds else "")


def grouped(runs: Runs) -> dict[tuple[str, str], Runs]:
    """The runs by environment and algorithm."""
    groups: dict[tuple[str, str], Runs] = defaultdict(list)
    for run in runs:
        groups[run["env"], run["algo"]].append(run)
    return groups


def pendulum(runs: Runs) -> str:
    """The three agents on Pendulum-v1 beside the study's."""
    lines = [
        "| agent | regret, IQM [95 %] | best to worst seed | return, IQM [95 %] | the study's regret | its return |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (env, algo), group in grouped(runs).items():
        if env == "Pendulum-v1":
            regrets = [run["regret"] for run in group]
            study_return, study_regret = STUDY[algo]
            cells = [
                f"{NAMES[algo]} ({len(group)} seeds)",
                interval(regrets),
                f"{min(regrets):.1f} to {max(regrets):.1f}",
                interval([run["return"] for run in group]),
                f"{study_regret}",
                f"{study_return:.0f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def one_agent(runs: Runs, algo: str) -> str:
    """One agent on every environment it has hyperparameters for."""
    lines = [
        "| environment | steps | seeds | return, IQM [95 %] | worst to best seed | regret of each seed |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (env, name), group in grouped(runs).items():
        if name == algo:
            returns = [run["return"] for run in group]
            regrets = ", ".join(f"{run['regret']:.1f}" for run in group) if group[0]["regret"] is not None else ""
            cells = [
                env,
                f"{group[0]['hyperparams']['n_timesteps']:,.0f}",
                f"{len(group)}",
                interval(returns),
                f"{min(returns):.1f} to {max(returns):.1f}",
                regrets,
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def conditions(content: dict[str, Any]) -> str:
    """Where the numbers come from."""
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    machine = content["machine"]
    return f"Measured by `{content['command']}` on {machine['cores']} cores ({machine['cpu']}), with {versions}."


def of_a_study(kind: str, name: str, page: Path) -> str:
    """A table or figure of a study, for a page."""
    study_name, _, part = name.partition("/")
    study, measurements = load(study_name), STUDIES / f"{study_name}.json"
    if not measurements.is_file():
        return f"Not measured yet: `python scripts/study_rl.py {study_name}`."
    if kind == "figure":
        picture = os.path.relpath(IMAGES / f"study-{study_name}-{part}.png", page.parent)
        return f"![{study.pictures[part].title}]({Path(picture).as_posix()})"
    results = Results(json.loads(measurements.read_text(encoding="utf-8")))
    return results.conditions() if part == "conditions" else study.tables[part].make(results)


def speed(runs: Runs) -> str:
    """Steps per second of every agent beside SB3's."""
    lines = [
        "| networks | batch | envs | agent | steps/s | times SB3's | of one step, us | products alone, us |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for run in runs:
        ratio, time = run["ratio"], run["microseconds"]
        cells = [
            f"[{run['width']}, {run['width']}]",
            f"{run['batch_size']}",
            f"{run['n_envs']}",
            run["agent"],
            f"{run['steps_per_second']:,}",
            f"{ratio['median']:.1f} [{ratio['least']:.1f}, {ratio['most']:.1f}]",
            f"{time['update and env.step']:,.0f}",
            f"{time['matrix products alone']:,.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def speed_conditions(content: dict[str, Any]) -> str:
    """Where the speeds come from."""
    shortness = " A quick run, without the growth with width, batch and number of envs." if "--quick" in content["command"] else ""
    return f"{conditions(content)} CPU time, one thread, {content['rounds']} slices each.{shortness}"


def metric_times(measured: dict[str, Any]) -> str:
    """Seconds of each part of an evaluation."""
    lines = ["| part | seconds of one core | by the clock |", "| --- | ---: | ---: |"]
    for title, parts in (("once for the data", measured["once"]), ("for each candidate", measured["each"])):
        total = {clock: sum(part[clock] for part in parts.values()) for clock in ("cpu", "wall")}
        rows = {f"**{title}**": total} | parts
        lines += [f"| {name} | {seconds['cpu']:.1f} | {seconds['wall']:.1f} |" for name, seconds in rows.items()]
    return "\n".join(lines)


def frechet_times(rows: Runs) -> str:
    """Seconds of the Frechet distance beside pytorch-fid's."""
    lines = ["| features | ours, s | pytorch-fid's, s | times as fast | relative difference |", "| ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        ratio, difference = row["ratio"], row["relative_difference"]
        cells = [
            f"{row['dimensions']:,}",
            f"{row['ours']['cpu']:.2g}",
            f"{row['pytorch-fid']['cpu']:.2g}",
            f"{ratio['median']:.1f} [{ratio['least']:.1f}, {ratio['most']:.1f}]",
            f"{difference:.0e}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def metric_conditions(content: dict[str, Any]) -> str:
    """Where the times of the metrics come from."""
    measured = content["metrics"]
    return (
        f"{conditions(content)} {content['machine']['threads']} thread; {measured['n']:,} images on each side, "
        f"{measured['training_images']:,} training images; {content['rounds']} rounds of the Fréchet distances."
    )


def sensitivity_conditions(content: dict[str, Any]) -> str:
    """Where the figure of what metrics notice comes from."""
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    extractor = content["extractor"]
    return (
        f"Measured by `{content['command']}`: {content['n']:,} images on each side, classifier {extractor['fingerprint']} with "
        f"{extractor['held_out_accuracy']:.2%} on the held-out split, {versions}."
    )


def fill(text: str, content: dict[str, Any], speeds: dict[str, Any], page: Path) -> str:
    """The text of a page with every table and figure made anew."""
    gan = json.loads(GAN_METRICS.read_text(encoding="utf-8"))
    makers = {"pendulum": lambda: pendulum(content["runs"]), "conditions": lambda: conditions(content)}
    makers |= {"speed": lambda: speed(speeds["runs"]), "speed-conditions": lambda: speed_conditions(speeds)}
    makers |= {
        "metric-times": lambda: metric_times(gan["metrics"]),
        "frechet-times": lambda: frechet_times(gan["frechet"]),
        "sensitivity-conditions": lambda: sensitivity_conditions(json.loads(SENSITIVITY.read_text(encoding="utf-8"))),
        "metric-conditions": lambda: metric_conditions(gan),
    }
    for name, result in json.loads(PRETRAINED.read_text(encoding="utf-8")).items():
        makers[f"pretrained:{name}"] = lambda result=result: f"{pretrain_gan.table(result)}\n\n{pretrain_gan.conditions(result)}"
    makers |= {algo: lambda algo=algo: one_agent(content["runs"], algo) for algo in NAMES}

    def make(match: re.Match[str]) -> str:
        opening, kind, name, end = match.groups()
        made = makers[name]() if name in makers else of_a_study(kind, name, page)
        return f"{opening}{made}\n{end}"

    return PLACE.sub(make, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table differs from the JSON")
    check = parser.parse_args().check
    content, speeds = (json.loads(path.read_text(encoding="utf-8")) for path in (RESULTS, SPEED))
    cards = {
        ROOT / "ca2_gan" / "pretrained" / name / "README.md": pretrain_gan.card(name, result)
        for name, result in json.loads(PRETRAINED.read_text(encoding="utf-8")).items()
    }
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*/*.md")), *cards]:
        text = path.read_text(encoding="utf-8")
        filled = cards.get(path) or fill(text, content, speeds, path)
        if filled != text and check:
            sys.exit(f"{path.relative_to(ROOT)}: its tables are not those of the measurements. Run `python scripts/tables.py`.")
        if filled != text:
            path.write_text(filled, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: tables written")


if __name__ == "__main__":
    main()
