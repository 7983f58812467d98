"""How long the episodes of a training are: the shorter, the more starts among as many steps."""

from ca2_rl.studies.coursework import flat, nested
from ca2_rl.studies.jobs import Variant
from ca2_rl.studies.overview import CURVES, OURS
from ca2_rl.studies.results import Results, iqm_text, label_text, markdown, mean_text, range_text, reached_text, scores
from ca2_rl.studies.settings import shipped
from ca2_rl.studies.study import Study, Table

LENGTHS = (200, 50, 25)
WIDTHS = (128, 256)


def cut(algo: str, width: int, length: int, **changes: float) -> Variant:
    """An agent as shipped, but for these, named as in ``flat``."""
    label = ", ".join([OURS[algo], f"{width} units", f"episodes of {length} steps", *(f"{name} {changes[name]:g}" for name in changes)])
    settings = flat(shipped(algo)) | {"net_arch": [width] * 2, "env_kwargs": {"max_episode_steps": length}, **changes}
    return Variant(label, algo, nested(settings))


def variants() -> list[Variant]:
    """Lengths and widths; then the best that was found with both on the seeds that hyperparameters are chosen on."""
    return [
        *(cut("discretizeddqn", width, length) for width in WIDTHS for length in LENGTHS),
        cut("discretizeddqn", 256, 50, tau=0.01, gamma=0.995, weight_decay=1e-5),
        cut("noisydqn", 256, 50, tau=0.01, gamma=0.995),
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
    "shorter episodes while training, narrow and wide networks",
    variants,
    seeds=10,
    tables={"lengths": Table("Length of the training's episodes, and width of the networks", compare)},
    pictures={"curves": CURVES},
    leaves_out=frozenset({"training_returns", "diagnostics", "regret_percentiles"}),
)
