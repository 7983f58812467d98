"""Writes the measured numbers into the README and the docs, between ``<!-- table: NAME -->`` and ``<!-- end -->``.

NAME is a table of speed.json, denormals.json, grids.json or optimize.json in docs/rl, or of metrics.json, fid.json or data.json in
docs/gan; ``pretrained:MODEL/DATA`` of docs/gan/pretrained.json; STUDY/TABLE, a table of the study whose measurements are in
docs/rl/studies/STUDY.json, or its ``conditions``; gan/STUDY/TABLE, one of docs/gan/studies/STUDY.json. STUDY may be overview@amd, the
overview as measured once more. Likewise ``<!-- figure: STUDY/FIGURE -->``. The cards of the models in ca2_gan/pretrained are made from
docs/gan/pretrained.json as a whole.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from statistics import median
from typing import Any

import gan_reports
import pretrain_gan
import rl_reports

from ca2_core.study.results import Results, iqm_text, label_text, mean_text, scores
from ca2_core.tables import Table

ROOT = Path(__file__).parents[1]
SPEED = ROOT / "docs" / "rl" / "speed.json"
DENORMALS = ROOT / "docs" / "rl" / "denormals.json"
GRIDS = ROOT / "docs" / "rl" / "grids.json"
OPTIMIZE = ROOT / "docs" / "rl" / "optimize.json"
SENSITIVITY = ROOT / "docs" / "gan" / "sensitivity.json"
PRETRAINED = ROOT / "docs" / "gan" / "pretrained.json"
FID = ROOT / "docs" / "gan" / "fid.json"
GAN_METRICS = ROOT / "docs" / "gan" / "metrics.json"
DATA = ROOT / "docs" / "gan" / "data.json"
STUDIES = ROOT / "docs" / "rl" / "studies"
GAN_STUDIES = ROOT / "docs" / "gan" / "studies"
IMAGES = ROOT / "docs" / "images"
PLACE = re.compile(r"(<!-- (table|figure): (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)

Runs = list[dict[str, Any]]


def conditions(content: dict[str, Any]) -> str:
    """Where the numbers come from."""
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    machine = content["machine"]
    return f"Measured by `{content['command']}` on {machine['cores']} cores ({machine['cpu']}), with {versions}."


def of_a_study(kind: str, name: str, page: Path) -> str:
    """A table or figure of a study, for a page; ``gan/`` before its name says that it is one of GANs."""
    is_gan = name.startswith("gan/")
    study_name, _, part = name.removeprefix("gan/").partition("/")
    report = (gan_reports if is_gan else rl_reports).load_report(study_name.partition("@")[0])
    measurements = (GAN_STUDIES if is_gan else STUDIES) / f"{study_name}.json"
    if not measurements.is_file():
        return f"Not measured yet: `python scripts/study_{'gan' if is_gan else 'rl'}.py {study_name}`."
    if kind == "figure":
        picture = os.path.relpath(IMAGES / f"study-{'gan-' if is_gan else ''}{study_name}-{part}.png", page.parent)
        return f"![{report.pictures[part].title}]({Path(picture).as_posix()})"
    results = Results.read(measurements)
    return results.conditions() if part == "conditions" and part not in report.tables else report.tables[part].make(results)


CASE = ("width", "batch_size", "n_envs")
CENTRE = {"width": 64, "batch_size": 64, "n_envs": 1}
HEADLINE = {("dqn", 64, 64, 1), ("ddpg", 64, 128, 1), ("dqn", 256, 256, 1), ("ddpg", 256, 256, 1)}


def speed(runs: Runs) -> str:
    """Steps per second of every agent beside SB3's, in the main comparisons."""
    lines = [
        "| networks | batch | envs | agent | steps/s | times SB3's | of one step, us | products alone, us |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for run in runs:
        if (run["family"], *(run[name] for name in CASE)) not in HEADLINE:
            continue
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


def speed_growth(runs: Runs) -> str:
    """How the DQN agents' speeds change with width, batch size and number of envs, the other two as in ``CENTRE``."""
    runs = [run for run in runs if run["family"] == "dqn" and not run["agent"].endswith(", eager")]
    agents = list(dict.fromkeys(run["agent"] for run in runs))
    header = [f"{agents[0]}, steps/s", *(f"{agent}, times that" for agent in agents[1:]), f"step of {agents[1]}, us", "products alone, us"]
    lines = [f"| | {' | '.join(header)} |", f"| --- |{' ---: |' * len(header)}"]
    for name in CASE:
        series = [run for run in runs if all(run[other] == CENTRE[other] for other in CASE if other != name)]
        for value in sorted({run[name] for run in series}):
            row = {run["agent"]: run for run in series if run[name] == value}
            ratios = [f"{row[agent]['ratio']['median']:.1f}" if agent in row else "" for agent in agents[1:]]
            times = row[agents[1]]["microseconds"]
            cells = [f"{name} {value}", f"{row[agents[0]]['steps_per_second']:,}", *ratios]
            lines.append(f"| {' | '.join([*cells, *(f'{time:,.0f}' for time in times.values())])} |")
    return "\n".join(lines)


def speed_profile(profile: dict[str, dict[str, float]]) -> str:
    """Where the time of a step goes."""
    lines = [f"| microseconds of a step | {' | '.join(profile)} |", f"| --- |{' ---: |' * len(profile)}"]
    for part in next(iter(profile.values())):
        times = [f"{parts[part]:,.0f}" if parts[part] else "-" for parts in profile.values()]
        lines.append(f"| {part} | {' | '.join(times)} |")
    return "\n".join(lines)


def speed_compile(seconds: dict[str, dict[str, float]]) -> str:
    """How long compiling takes, with and without what the compiler has cached."""
    lines = [f"| compiling, seconds | {' | '.join(next(iter(seconds.values())))} |", f"| --- |{' ---: |' * 3}"]
    lines += [f"| {agent} | {' | '.join(f'{spent:.1f}' for spent in times.values())} |" for agent, times in seconds.items()]
    return "\n".join(lines)


def speed_conditions(content: dict[str, Any]) -> str:
    """Where the speeds come from."""
    shortness = " A quick run, without the growth with width, batch and number of envs." if "--quick" in content["command"] else ""
    return f"{conditions(content)} CPU time, one thread, {content['rounds']} slices each.{shortness}"


def denormals(content: dict[str, Any]) -> str:
    """Seconds of a training with denormals flushed and kept, and the ratio of the two."""
    lines = [f"| {content['steps']:,} steps | flushed, s | kept, s | times as long | regret, flushed and kept |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for row in content["rows"]:
        ratio = row["ratio"]
        seconds, regrets = ([median(run[name] for run in runs) for runs in row["runs"].values()] for name in ("seconds", "regret"))
        spread = f"{ratio['median']:.1f} [{ratio['least']:.1f}, {ratio['most']:.1f}]"
        cells = [row["agent"], *(f"{each:.1f}" for each in seconds), spread, ", ".join(f"{each:.1f}" for each in regrets)]
        lines.append(f"| {' | '.join(cells)} |")
    seeds = len(content["rows"][0]["runs"]["kept"])
    return "\n".join([*lines, "", f"{conditions(content)} CPU time in one thread without compiling, medians over {seeds} seeds."])


def grids(content: dict[str, Any]) -> str:
    """Regret of the optimal policies of coarser grids."""
    header = ["angles x speeds", "torques", "regret", "of standing starts", "of hanging ones"]
    rows = [
        [f"{row['angles']} x {row['speeds']}", str(row["torques"]), *(f"{row[name]:.1f}" for name in ("regret", "standing", "hanging"))]
        for row in content["rows"]
    ]
    starts = content["starts"]
    share = f"{starts['number']} starts, of which {starts['hanging']} are more than {starts['low']:g} rad off the top: hanging."
    return f"{Table(header, rows).markdown()}\n\n{share} {conditions(content)}"


def optimize(content: dict[str, Any]) -> str:
    """What was found by ``ca2-rl optimize``, retrained next to the shipped settings."""
    header = ["settings", "in the search: return of one training", "trained anew: regret, IQM [95 %]", "worst seed", "seconds"]
    results, rows = Results(content), []
    for label, records in results.by_variant().items():
        _, _, name = label.partition(", ")
        search = content["searches"][results.settings(records[0])["algo"]]
        trials = {f"trial {trial['number']}": trial["return"] for trial in search["trials"]}
        found = f"{trials[name]:.1f}" if name in trials else ""
        regrets, seconds = scores(records, "regret"), mean_text(scores(records, "train_seconds"))
        worst = f"{max(regrets):.1f}" if len(regrets) else "-"
        rows.append([label_text(label, records), found, iqm_text(regrets), worst, seconds])
    return f"{Table(header, rows).markdown()}\n\n{results.conditions()}"


def optimize_searches(content: dict[str, Any]) -> str:
    """The searches, as one would repeat them."""
    lines = []
    for search in content["searches"].values():
        states = [trial["state"] for trial in search["trials"]]
        lines.append(f"{search['command']}  # {len(states)} trials, {states.count('pruned')} pruned")
    return "\n".join(["```bash", *lines, "```"])


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


def fid_times(content: dict[str, Any]) -> str:
    """Seconds of ours and pytorch-fid's whole command."""
    names = {
        "pytorch-fid": "pytorch-fid's",
        "first": "ours, with the floor, nothing in the cache",
        "again": "ours, real images in the cache",
    }
    lines = [f"| command, {content['n']:,} images on each side | seconds of one core | times as fast |", "| --- | ---: | ---: |"]
    for name, title in names.items():
        seconds = median(run["cpu"] for run in content["times"][name])
        ratios = content["ratios"].get(name, [1.0])
        lines.append(f"| {title} | {seconds:.0f} | {median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}] |")
    rounds = len(content["times"]["again"])
    return "\n".join([*lines, "", f"{conditions(content)} One thread, medians of {rounds} rounds, least and most of the ratios."])


def metric_conditions(content: dict[str, Any]) -> str:
    """Where the times of the metrics come from."""
    measured = content["metrics"]
    return (
        f"{conditions(content)} Threads: {content['machine']['threads']}; {measured['n']:,} images on each side, "
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


def data_facts(content: dict[str, Any]) -> str:
    """A column for each data set."""
    data = content["data"].values()
    counts = [each["counts"].values() for each in data]
    rows = {
        "images in the source": [f"{each['rows']:,}" for each in data],
        "blank ones, dropped": [f"{each['blanks']:,}" for each in data],
        "turned upright": ["yes" if each["transposed"] else "no" for each in data],
        "exact copies of another": [f"{each['duplicates']:,}" for each in data],
        "height, width": ["x".join(map(str, each["image_shape"][1:])) for each in data],
        "classes": [f"{len(each['counts'])}: {next(iter(each['counts']))} to {list(each['counts'])[-1]}" for each in data],
        "images of a class": [f"{min(each):,} to {max(each):,}" for each in counts],
        "training split": [f"{each['training_images']:,}" for each in data],
        "held-out split": [f"{each['held_out_images']:,}" for each in data],
        "black pixels": [f"{each['black']:.0%}" for each in data],
        "mean pixel, 0 to 255": [f"{each['mean']:.0f}" for each in data],
        "nearest neighbour of the same class": [f"{each['same_class_neighbours']:.0%}" for each in data],
    }
    lines = [f"| | {' | '.join(content['data'])} |", f"| --- |{' ---: |' * len(data)}"]
    return "\n".join(lines + [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()])


def data_conditions(content: dict[str, Any]) -> str:
    """Where the facts of the data come from."""
    numbers = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    return f"By `{content['command']}`, with {numbers}; neighbours in a t-SNE of {content['in_tsne']:,} images."


def fill(text: str, page: Path) -> str:
    """The text of a page with every table and figure made anew."""
    speeds, searches, gan, data = (json.loads(path.read_text(encoding="utf-8")) for path in (SPEED, OPTIMIZE, GAN_METRICS, DATA))
    makers = {
        "speed": lambda: speed(speeds["runs"]),
        "speed-growth": lambda: speed_growth(speeds["runs"]),
        "speed-compile": lambda: speed_compile(speeds["compile_seconds"]),
        "speed-profile": lambda: speed_profile(speeds["profile"]),
        "denormals": lambda: denormals(json.loads(DENORMALS.read_text(encoding="utf-8"))),
        "speed-conditions": lambda: speed_conditions(speeds),
        "grids": lambda: grids(json.loads(GRIDS.read_text(encoding="utf-8"))),
        "optimize": lambda: optimize(searches),
        "optimize-searches": lambda: optimize_searches(searches),
        "metric-times": lambda: metric_times(gan["metrics"]),
        "frechet-times": lambda: frechet_times(gan["frechet"]),
        "fid-times": lambda: fid_times(json.loads(FID.read_text(encoding="utf-8"))),
        "sensitivity-conditions": lambda: sensitivity_conditions(json.loads(SENSITIVITY.read_text(encoding="utf-8"))),
        "metric-conditions": lambda: metric_conditions(gan),
        "data-facts": lambda: data_facts(data),
        "data-conditions": lambda: data_conditions(data),
    }
    for name, result in json.loads(PRETRAINED.read_text(encoding="utf-8")).items():
        makers[f"pretrained:{name}"] = lambda result=result: f"{pretrain_gan.table(result)}\n\n{pretrain_gan.conditions(result)}"

    def make(match: re.Match[str]) -> str:
        opening, kind, name, end = match.groups()
        made = makers[name]() if name in makers else of_a_study(kind, name, page)
        return f"{opening}{made}\n{end}"

    return PLACE.sub(make, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table differs from the JSON")
    check = parser.parse_args().check
    cards = {
        ROOT / "ca2_gan" / "pretrained" / name / "README.md": pretrain_gan.card(name, result)
        for name, result in json.loads(PRETRAINED.read_text(encoding="utf-8")).items()
    }
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*/*.md")), *cards]:
        text = path.read_text(encoding="utf-8")
        filled = cards.get(path) or fill(text, path)
        if filled != text and check:
            sys.exit(f"{path.relative_to(ROOT)}: its tables are not those of the measurements. Run `python scripts/tables.py`.")
        if filled != text:
            path.write_text(filled, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: tables written")


if __name__ == "__main__":
    main()
