"""How long a model takes to reach some Fréchet distances: CPU seconds of one thread, over a few seeds, into docs/gan/time_to_fcd.json.

    python scripts/time_to_fcd.py letters_gan/mnist letters_gan/letters --data letters=unipen-letters.npz && python scripts/tables.py

The averaged generator is measured at CPU times that grow by a quarter, with as many images as the held-out split has, by both reference
classifiers. Measuring costs the training nothing. Each seed is written when it is finished, and a second call goes on from there.
"""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from pretrain_gan import DATA, model_and_data, place
from publishing import DOCS, as_command, origin, parser, read, save

from ca2_gan.data import Dataset, load_data
from ca2_gan.metrics.samples import sample_like
from ca2_gan.metrics.suite import MOST, Suite, parse_metrics
from ca2_gan.training.config import model_values
from ca2_gan.training.state import Callback, TrainingState
from ca2_gan.training.trainer import Trainer

RECORD = DOCS / "gan" / "time_to_fcd.json"
FIRST, FACTOR = 15.0, 1.25  # CPU seconds, and how they grow


class Times(Callback):
    """Measures the averaged generator at growing CPU times.

    :param suites: by the name of the classifier
    :param train: whose class shares the samples get
    :param minutes: of CPU time, the last of which is the end of the training
    """

    def __init__(self, suites: dict[str, Suite], train: Dataset, minutes: float):
        self.suites, self.train, self.end, self.next = suites, train, 60 * minutes, FIRST
        self.rows: list[dict[str, float]] = []

    def on_round(self, state: TrainingState) -> None:
        if state.cpu_seconds >= min(self.next, self.end):
            self.rows.append({"seconds": round(state.cpu_seconds, 1), "images": state.images})
            samples = sample_like(state.averaged(), self.suites["first"].n, self.train, seed=0)
            for name, suite in self.suites.items():
                values = suite.score(samples).values
                self.rows[-1] |= {f"{key}, {name}": round(value, 4) for key, value in values.items() if value is not None}
            while self.next <= state.cpu_seconds:
                self.next *= FACTOR


@cache
def bench(source: str, root: Path | None) -> tuple[Dataset, dict[str, Suite]]:
    """The data, and by the name of the classifier what measures samples of them."""
    data = load_data(source, root=root)
    n = min(MOST, len(data.test))
    return data, {which: Suite(parse_metrics("fcd,acc"), data.train, data.test, n, classifier=which) for which in ("first", "second")}


def measure(name: str, source: str, root: Path | None, seed: int, minutes: float) -> list[dict[str, float]]:
    """One training."""
    data, suites = bench(source, root)
    times = Times(suites, data.train, minutes)
    settings: dict[str, Any] = {"threads": 1, "accelerator": "cpu", "sample_every": 0, "tensorboard": False, "images": 10**9}
    Trainer(name.partition("/")[0], data, seed=seed, callbacks=[times], **settings).fit(cpu_minutes=minutes)
    return times.rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("names", nargs="+", metavar="MODEL/DATA", type=model_and_data)
    options.add_argument("--data", metavar="DATA=PATH", type=place, action="append", default=[], help="where data are")
    options.add_argument("--root", type=Path, help="where the files of downloaded data are or go")
    options.add_argument("--cpu-minutes", type=float, default=30.0)
    options.add_argument("--seeds", type=int, default=3)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    places = {data: facts.source for data, facts in DATA.items()} | dict(arguments.data)
    content = read(RECORD) if RECORD.is_file() else {"trainings": []}
    content |= origin(("ca2", "torch", "numpy", "scipy"), threads=1)
    for name in arguments.names:
        own = model_values(name.partition("/")[0])
        del own["model"]
        for seed in range(arguments.seeds):
            job = {"name": name, "seed": seed, "cpu_minutes": arguments.cpu_minutes, "settings": own}
            if not any(job.items() <= training.items() for training in content["trainings"]):
                rows = measure(name, places[name.partition("/")[2]], arguments.root, seed, arguments.cpu_minutes)
                content["trainings"].append(job | {"rows": rows})
                save(content, RECORD)


if __name__ == "__main__":
    as_command(main)
