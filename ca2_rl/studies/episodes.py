"""How long the episodes of a training are: the shorter, the more starts in as many steps."""

from ca2_rl.studies.coursework import curves, flat, nested
from ca2_rl.studies.jobs import Variant
from ca2_rl.studies.overview import OURS
from ca2_rl.studies.results import Results, iqm_text, label_text, markdown, mean_text, range_text, reached_text, scores
from ca2_rl.studies.settings import shipped
from ca2_rl.studies.study import Study, Table

LENGTHS = (25, 50, 200)
NARROW = 128


def cut(algo: str, length: int, width: int | None = None) -> Variant:
    """An agent as shipped, but for the length of its episodes and, if one is given, the width of its layers."""
    label = f"{OURS[algo]}, episodes of {length} steps" + (f", {width} units" if width else "")
    changes = {"max_episode_steps": length} | ({"net_arch": [width] * 2} if width else {})
    return Variant(label, algo, nested(flat(shipped(algo)) | changes), {"agent": OURS[algo]})


def variants() -> list[Variant]:
    """All lengths of each agent, and of a narrow DiscretizedDQN."""
    return [
        *(cut(algo, length) for algo in OURS for length in LENGTHS),
        *(cut("discretizeddqn", length, NARROW) for length in LENGTHS),
    ]


def compare(results: Results) -> str:
    """A row for each width and length."""
    header = ["as shipped, but for", "regret, IQM [95 %]", "best to worst seed", "steps to regret 15", "seconds of training"]
    rows = []
    for label, records in results.by_label().items():
        regrets = scores(records)
        seconds = mean_text(scores(records, "train_seconds"))
        rows.append([label_text(label, records), iqm_text(regrets), range_text(regrets), reached_text(records, "steps"), seconds])
    return markdown(header, rows)


STUDY = Study(
    "episodes",
    "shorter episodes while training",
    variants,
    seeds=10,
    tables={"lengths": Table("Length of the training's episodes", compare)},
    pictures={"curves": curves("DiscretizedDQN", "with episodes of different lengths")},
    leaves_out=frozenset({"training_returns", "diagnostics", "regret_percentiles"}),
)
