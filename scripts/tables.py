"""Writes the measured numbers into the README and the docs, between ``<!-- table: NAME -->`` and ``<!-- end -->``.

NAME is a table of claims.json in docs; of speed.json, speed_images.json, denormals.json, grids.json, optima.json or optimize.json in
docs/rl; of metrics.json, fid.json, peers.json, time_to_fcd.json or data.json in docs/gan; ``pretrained:MODEL/DATA`` of docs/gan/pretrained;
STUDY/TABLE, a table of the study whose measurements are in docs/rl/studies/STUDY.json, or its ``conditions``; gan/STUDY/TABLE, one of
docs/gan/studies/STUDY.json. Likewise ``<!-- figure: STUDY/FIGURE -->``. The cards of the models in ca2_gan/pretrained and ca2_models are
made from docs/gan/pretrained as a whole.
"""

import os
import re
import sys
from collections.abc import Callable
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import gan_reports
import pretrain_gan
import rl_reports
from publishing import DOCS, IMAGES, ROOT, parser, read, spread

from ca2_core.study.results import Results, iqm_text, label_text, mean_text, scores
from ca2_core.tables import Table

STUDIES = DOCS / "rl" / "studies"
GAN_STUDIES = DOCS / "gan" / "studies"
PLACE = re.compile(r"(<!-- (table|figure): (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)

Content = dict[str, Any]


def versions(content: Content) -> str:
    """Of the packages that it was measured with."""
    return ", ".join(f"{name} {number}" for name, number in content["versions"].items())


def conditions(content: Content) -> str:
    """Where the numbers come from."""
    machine = content["machine"]
    return f"Measured by `{content['command']}` on {machine['cores']} cores ({machine['cpu']}), with {versions(content)}."


def ratio_text(ratio: dict[str, float]) -> str:
    """A ratio that was measured several times."""
    return f"{ratio['median']:.1f} [{ratio['least']:.1f}, {ratio['most']:.1f}]"


def of_a_study(kind: str, name: str, page: Path) -> str:
    """A table or figure of a study, for a page; ``gan/`` before its name says that it is one of GANs."""
    is_gan = name.startswith("gan/")
    study_name, _, part = name.removeprefix("gan/").partition("/")
    report = (gan_reports if is_gan else rl_reports).load_report(study_name)
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


def speed(content: Content) -> str:
    """Steps per second of every agent beside SB3's, in the main comparisons."""
    header = ["networks", "agent", "batch", "envs", "steps/s", "times SB3's", "of one step, us", "products alone, us"]
    rows = [
        [
            f"[{run['width']}, {run['width']}]",
            run["agent"],
            f"{run['batch_size']}",
            f"{run['n_envs']}",
            f"{run['steps_per_second']:,}",
            ratio_text(run["ratio"]),
            *(f"{time:,.0f}" for time in run["microseconds"].values()),
        ]
        for run in content["runs"]
        if (run["family"], *(run[name] for name in CASE)) in HEADLINE
    ]
    return Table(header, rows, texts=2).markdown()


def speed_growth(content: Content) -> str:
    """How the DQN agents' speeds change with width, batch size and number of envs, the other two as in ``CENTRE``."""
    runs = [run for run in content["runs"] if run["family"] == "dqn" and not run["agent"].endswith(", eager")]
    agents = list(dict.fromkeys(run["agent"] for run in runs))
    ratios_to = [f"{agent}, times that" for agent in agents[1:]]
    header = ["", f"{agents[0]}, steps/s", *ratios_to, f"step of {agents[1]}, us", "products alone, us"]
    rows = []
    for name in CASE:
        series = [run for run in runs if all(run[other] == CENTRE[other] for other in CASE if other != name)]
        for value in sorted({run[name] for run in series}):
            row = {run["agent"]: run for run in series if run[name] == value}
            ratios = [f"{row[agent]['ratio']['median']:.1f}" if agent in row else "" for agent in agents[1:]]
            times = [f"{time:,.0f}" for time in row[agents[1]]["microseconds"].values()]
            rows.append([f"{name} {value}", f"{row[agents[0]]['steps_per_second']:,}", *ratios, *times])
    return Table(header, rows).markdown()


def speed_profile(content: Content) -> str:
    """Where the time of a step goes."""
    profile = content["profile"]
    parts = next(iter(profile.values()))
    rows = [[part, *(f"{times[part]:,.0f}" if times[part] else "-" for times in profile.values())] for part in parts]
    return Table(["microseconds of a step", *profile], rows).markdown()


def speed_compile(content: Content) -> str:
    """How long compiling takes, with and without what the compiler has cached."""
    seconds = content["compile_seconds"]
    rows = [[agent, *(f"{spent:.1f}" for spent in times.values())] for agent, times in seconds.items()]
    return Table(["compiling, seconds", *next(iter(seconds.values()))], rows).markdown()


def speed_conditions(content: Content) -> str:
    """Where the speeds come from."""
    shortness = " A quick run, without the growth with width, batch and number of envs." if "--quick" in content["command"] else ""
    return f"{conditions(content)} CPU time, one thread, {content['rounds']} slices each.{shortness}"


def speed_images(content: Content) -> str:
    """What compiling gains on images, and where the numbers come from."""
    rows = [
        [run["game"], run["agent"], *(f"{run['steps_per_second'][way]:,}" for way in ("eager", "compiled")), ratio_text(run["ratio"])]
        for run in content["runs"]
    ]
    table = Table(["game", "agent", "eager, steps/s", "compiled, steps/s", "times as fast"], rows, texts=2).markdown()
    return f"{table}\n\n{conditions(content)} CPU time, one thread, {content['rounds']} slices each."


def denormals(content: Content) -> str:
    """Seconds of a training with denormals flushed and kept, and the ratio of the two."""
    rows = []
    for row in content["rows"]:
        seconds, regrets = ([median(run[name] for run in runs) for runs in row["runs"].values()] for name in ("seconds", "regret"))
        cells = [row["agent"], *(f"{each:.1f}" for each in seconds), ratio_text(row["ratio"])]
        rows.append([*cells, ", ".join(f"{each:.1f}" for each in regrets)])
    header = [f"{content['steps']:,} steps", "flushed, s", "kept, s", "times as long", "regret, flushed and kept"]
    seeds = len(content["rows"][0]["runs"]["kept"])
    note = f"{conditions(content)} CPU time in one thread without compiling, medians over {seeds} seeds."
    return f"{Table(header, rows).markdown()}\n\n{note}"


def grids(content: Content) -> str:
    """Regret of the optimal policies of coarser grids."""
    header = ["angles x speeds", "torques", "regret", "of standing starts", "of hanging ones"]
    rows = [
        [f"{row['angles']} x {row['speeds']}", str(row["torques"]), *(f"{row[name]:.1f}" for name in ("regret", "standing", "hanging"))]
        for row in content["rows"]
    ]
    starts = content["starts"]
    share = f"{starts['number']} starts, of which {starts['hanging']} are more than {starts['low']:g} rad off the top: hanging."
    return f"{Table(header, rows).markdown()}\n\n{share} {conditions(content)}"


def optima(content: Content) -> str:
    """The best possible returns, and what other grids say."""
    header = ["environment", "steps", "optimal return", "worst to best start", "grid", "half as fine", "1.4 times as fine"]
    rows = []
    for row in content["rows"]:
        name = ", ".join([row["env"], *(f"{key} = {value:g}" for key, value in row["env_kwargs"].items())])
        digits = 3 if abs(row["mean"]) < 1 else 1 if row["env"].startswith("Pendulum") else 2
        mean, least, most = (f"{row[key]:.{digits}f}" for key in ("mean", "least", "most"))
        others = [f"{row[label]:+.3f}" if label in row else "" for label in content["factors"]]
        grid = "{} x {}".format(*row["grid"]) if "grid" in row else "exact"
        rows.append([name, str(row["steps"] or "no limit"), mean, f"{least} to {most}", grid, *others])
    note = f"Means over {content['starts']} starts (seed {content['seed']}); in the last columns, what other grids add to them."
    return f"{Table(header, rows).markdown()}\n\n{note} {conditions(content)}"


def optimize(content: Content) -> str:
    """What was found by ``ca2-rl optimize``, retrained next to the shipped settings."""
    header = ["settings", "in the search: return of one training", "retrained: regret, IQM [95 %]", "worst seed", "seconds"]
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


def optimize_searches(content: Content) -> str:
    """The searches, as one would repeat them."""
    lines = []
    for search in content["searches"].values():
        states = [trial["state"] for trial in search["trials"]]
        lines.append(f"{search['command']}  # {len(states)} trials, {states.count('pruned')} pruned")
    return "\n".join(["```bash", *lines, "```"])


def metric_times(content: Content) -> str:
    """Seconds of each part of an evaluation."""
    rows = []
    for title, parts in (("once for the data", content["metrics"]["once"]), ("for each candidate", content["metrics"]["each"])):
        total = {clock: sum(part[clock] for part in parts.values()) for clock in ("cpu", "wall")}
        timed = {f"**{title}**": total} | parts
        rows += [[name, f"{seconds['cpu']:.1f}", f"{seconds['wall']:.1f}"] for name, seconds in timed.items()]
    return Table(["part", "seconds of one core", "by the clock"], rows).markdown()


def frechet_times(content: Content) -> str:
    """Seconds of the Frechet distance beside pytorch-fid's."""
    header = ["features", "ours, s", "pytorch-fid's, s", "times as fast", "relative difference"]
    rows = [
        [
            f"{row['dimensions']:,}",
            *(f"{row[side]['cpu']:.2g}" for side in ("ours", "pytorch-fid")),
            ratio_text(row["ratio"]),
            f"{row['relative_difference']:.0e}",
        ]
        for row in content["frechet"]
    ]
    return Table(header, rows, texts=0).markdown()


def fid_times(content: Content) -> str:
    """Seconds of ours and pytorch-fid's whole command."""
    names = {
        "pytorch-fid": "pytorch-fid's",
        "first": "ours, with the floor, nothing in the cache",
        "again": "ours, real images in the cache",
    }
    rows = []
    for name, title in names.items():
        seconds = median(run["cpu"] for run in content["times"][name])
        rows.append([title, f"{seconds:.0f}", ratio_text(spread(content["ratios"].get(name, [1.0])))])
    header = [f"command, {content['n']:,} images on each side", "seconds of one core", "times as fast"]
    note = f"One thread, medians of {len(content['times']['again'])} rounds, least and most of the ratios."
    return f"{Table(header, rows).markdown()}\n\n{conditions(content)} {note}"


PEER_SCORES = {"fcd": "FCD", "kcd": "KCD", "isc": "Inception Score"} | {
    name: name for name in ("precision", "recall", "density", "coverage")
}


def metric_peers(content: Content) -> str:
    """Our metrics beside those of other packages on the same images: numbers, time and memory."""
    tools = content["tools"]
    scores = list(dict.fromkeys(name for tool in tools.values() for name in tool["scores"]))
    header = ["from", "tool", *(PEER_SCORES[name] for name in scores), "seconds of one core", "MB"]
    rows = [
        [
            tool["kind"],
            name,
            *(f"{tool['scores'][score]:.{4 if tool['scores'][score] < 1 else 2}f}" if score in tool["scores"] else "" for score in scores),
            f"{tool['seconds']:.1f}",
            f"{tool['megabytes']:,.0f}",
        ]
        for name, tool in tools.items()
    ]
    note = f"{content['n']:,} images on each side, medians of {content['rounds']} rounds, one thread."
    return f"{Table(header, rows, texts=2).markdown()}\n\n{conditions(content)} {note}"


def metric_conditions(content: Content) -> str:
    """Where the times of the metrics come from."""
    measured = content["metrics"]
    return (
        f"{conditions(content)} Threads: {content['machine']['threads']}; {measured['n']:,} images on each side, "
        f"{measured['training_images']:,} training images; {content['rounds']} rounds of the Fréchet distances."
    )


def time_to_fcd(content: Content) -> str:
    """When each model reached some Fréchet distances, median over the seeds, and its distance after some minutes."""
    targets, minutes = (10, 5, 2), (1, 5, 15, 30)
    header = ["model and data", *(f"CPU seconds to FCD {target}" for target in targets), *(f"FCD after {minute} min" for minute in minutes)]
    rows = []
    for name in dict.fromkeys(training["name"] for training in content["trainings"]):
        found = [training["rows"] for training in content["trainings"] if training["name"] == name]
        reached = [[next((row["seconds"] for row in rows if row["fcd, first"] <= target), inf) for rows in found] for target in targets]
        cells = [f"{median(times):,.0f}" if median(times) < inf else "never" for times in reached]
        for minute in minutes:
            at = [[row["fcd, first"] for row in rows if row["seconds"] >= 60 * minute][:1] for rows in found]
            cells.append(f"{median([value for values in at for value in values]):.1f}" if all(at) else "-")
        rows.append([f"{name} ({len(found)} seeds)", *cells])
    return f"{Table(header, rows).markdown()}\n\nMedians over the seeds. {conditions(content)}"


def sensitivity_conditions(content: Content) -> str:
    """Where the figure of what metrics notice comes from."""
    extractor = content["extractor"]
    return (
        f"Measured by `{content['command']}`: {content['n']:,} images on each side, classifier {extractor['fingerprint']} with "
        f"{extractor['held_out_accuracy']:.2%} on the held-out split, {versions(content)}."
    )


def data_facts(content: Content) -> str:
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
    return Table(["", *content["data"]], [[name, *cells] for name, cells in rows.items()]).markdown()


def data_conditions(content: Content) -> str:
    """Where the facts of the data come from."""
    return f"By `{content['command']}`, with {versions(content)}; neighbours in a t-SNE of {content['in_tsne']:,} images."


def claims(half: str) -> Callable[[Content], str]:
    """What the original study claimed of a half of the project, with what was measured."""

    def table(content: Content) -> str:
        header = ["claim", "claimed", "measured", "verdict"]
        rows = [
            [row[key] for key in ("claim", "claimed", "measured")] + [f"**{row['verdict']}**"]
            for row in content["rows"]
            if row["half"] == half
        ]
        return Table(header, rows, texts=4).markdown()

    return table


# By name, the measurements below ``docs`` and what makes the table of them
TABLES: dict[str, tuple[str, Callable[[Content], str]]] = {
    "speed": ("rl/speed", speed),
    "speed-growth": ("rl/speed", speed_growth),
    "speed-compile": ("rl/speed", speed_compile),
    "speed-profile": ("rl/speed", speed_profile),
    "speed-images": ("rl/speed_images", speed_images),
    "speed-conditions": ("rl/speed", speed_conditions),
    "denormals": ("rl/denormals", denormals),
    "grids": ("rl/grids", grids),
    "optima": ("rl/optima", optima),
    "optimize": ("rl/optimize", optimize),
    "optimize-searches": ("rl/optimize", optimize_searches),
    "metric-times": ("gan/metrics", metric_times),
    "frechet-times": ("gan/metrics", frechet_times),
    "metric-peers": ("gan/peers", metric_peers),
    "metric-conditions": ("gan/metrics", metric_conditions),
    "fid-times": ("gan/fid", fid_times),
    "sensitivity-conditions": ("gan/sensitivity", sensitivity_conditions),
    "time-to-fcd": ("gan/time_to_fcd", time_to_fcd),
    "claims-agents": ("claims", claims("agents")),
    "claims-gans": ("claims", claims("GANs")),
    "data-facts": ("gan/data", data_facts),
    "data-conditions": ("gan/data", data_conditions),
}


def fill(text: str, page: Path) -> str:
    """The text of a page with every table and figure made anew."""

    def make(match: re.Match[str]) -> str:
        opening, kind, name, end = match.groups()
        group, _, model = name.partition(":")
        if group == "pretrained":
            made = pretrain_gan.measured(read(pretrain_gan.numbers(model)))
        elif name in TABLES:
            measurements, table = TABLES[name]
            made = table(read(DOCS / f"{measurements}.json"))
        else:
            made = of_a_study(kind, name, page)
        return f"{opening}{made}\n{end}"

    return PLACE.sub(make, text)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; fail if a table differs from the JSON")
    check = options.parse_args().check
    cards = {
        folder / "README.md": pretrain_gan.card(name, read(pretrain_gan.numbers(name))) for name, folder in pretrain_gan.packed().items()
    }
    for path in [ROOT / "README.md", *sorted(DOCS.glob("*/*.md")), *cards]:
        text = path.read_text(encoding="utf-8")
        filled = cards.get(path) or fill(text, path)
        if filled != text and check:
            sys.exit(f"{path.relative_to(ROOT)}: its tables are not those of the measurements. Run `python scripts/tables.py`.")
        if filled != text:
            path.write_text(filled, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: tables written")


if __name__ == "__main__":
    main()
