"""Trains, measures and packs the models that come with the packages, or publishes one on the Hugging Face hub.

    python scripts/pretrain_gan.py --data letters=unipen-letters.npz && python scripts/tables.py    # all of them: 16 hours of a core
    python scripts/pretrain_gan.py cgan/letters --data letters=unipen-letters.npz --cpu-minutes 5 15 45
    python scripts/pretrain_gan.py cgan/mnist --hub USER              # after `hf auth login`: USER/ca2-cgan-mnist

One thread, counted in seconds of the core, so that a busy machine changes nothing. A training is a run in --runs; the same command goes on
where it was stopped, and several can share the work. The model is measured after each of the --cpu-minutes. Where its FCD hardly changes
with weights in int8, it is shipped with these, otherwise in half precision. letters_gan goes to ca2_gan/pretrained/MODEL/DATA, the others
to ca2_models, with a card made from the numbers, which are in docs/gan/pretrained too, and a strip that shows how it learned. With
--hub, a model goes to that account instead.
"""

import json
import shutil
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi
from publishing import DOCS, IMAGES, ROOT, as_command, origin, parser, read, save

from ca2_core.errors import UserError
from ca2_core.files import write_json
from ca2_core.study.figures import save as draw
from ca2_core.tables import Table
from ca2_gan import Callback
from ca2_gan import load as load_model
from ca2_gan.data import Dataset, load_data
from ca2_gan.drawing import grid, strips
from ca2_gan.gan import GAN
from ca2_gan.metrics.samples import sample_like
from ca2_gan.metrics.suite import MOST, Suite, parse_metrics
from ca2_gan.pictures import write_grid
from ca2_gan.registry import models
from ca2_gan.training.config import model_values
from ca2_gan.training.records import kept_generators
from ca2_gan.training.state import TrainingState
from ca2_gan.training.trainer import Trainer

NUMBERS = DOCS / "gan" / "pretrained"  # a file for each model
CARD = Path(__file__).with_name("model_card.md")
OURS, OTHERS = ROOT / "ca2_gan" / "pretrained", ROOT / "ca2_models" / "ca2_models"
STRIP = "strip.png"  # beside the card
METRICS = "fcd,intra,prdc,acc,memorised"
DISTANCES = ("fcd", "intra")
SCORES = {"fcd": "FCD", "intra": "intra FCD", "precision": "precision", "recall": "recall", "acc": "accuracy", "copied": "copied"}
WITH_DISCRIMINATOR = ("letters_gan", "acgan")  # which the page asks what it thinks of a drawing
MINUTES = (5.0, 15.0, 45.0)
LONGER = {"triplegan": (5.0, 15.0, 60.0)}
TOLERANCE = 0.02  # relative change of FCD by int8
KEPT = 12


@dataclass(frozen=True)
class Facts:
    """What a card says of the data.

    :param content: what is on the images, with a capital
    :param origin: whose they are and on what terms, as stated by whom
    :param source: what ``--data`` of ``ca2-gan`` is, unless the command says where they are; None if it has to
    """

    content: str
    origin: str
    source: str | None


DATA = {
    "letters": Facts(
        "Handwritten letters A to Z, capitals and lower case",
        "pen strokes of [UNIPEN](https://doi.org/10.1109/ICPR.1994.576870) (Guyon et al. 1994), train_r01_v07, isolated capitals and lower "
        "case, drawn at constant width; CC BY 4.0, as stated where they are published "
        "([Zenodo](https://doi.org/10.5281/zenodo.1195803)). None of its images is in this folder.",
        None,
    ),
    "mnist": Facts(
        "Handwritten digits",
        "MNIST (Y. LeCun, C. Cortes), derived from NIST's databases; available under CC BY-SA 3.0, as stated by "
        "[Keras' documentation](https://keras.io/api/datasets/mnist/). None of its images is in this folder.",
        "mnist",
    ),
    "glyphs": Facts(
        "Letters A to Z",
        "drawn by `ca2_gan` itself from Hershey's single-stroke fonts (A. V. Hershey, U.S. National Bureau of Standards, 1967) as the "
        "package Hershey-Fonts has them, under random slant, scale, pen and warp. No handwriting.",
        "glyphs",
    ),
    "emnist-a-m": Facts(
        "Handwritten letters A to M",
        "EMNIST (Cohen et al. 2017, [arXiv 1702.05373](https://arxiv.org/abs/1702.05373)), a conversion of NIST Special Database 19, "
        "which NIST offers as public data. Neither names a licence of the converted images that we know of.",
        "emnist-letters-a-m.csv.gz",
    ),
}
SHIPPED = [f"{model}/{data}" for data in ("letters", "mnist") for model in sorted(models)]


class Milestones(Callback):
    """Measures the averaged generator after some CPU minutes.

    :param minutes: when to measure, but for the end of the training
    :param measure: returns a row for a number of CPU minutes
    :param path: of a JSON file with the rows, by minute, which has those measured before the run was stopped
    """

    def __init__(self, minutes: tuple[float, ...], measure: Callable[[TrainingState, float], dict[str, Any]], path: Path):
        self.minutes, self.measure, self.path = minutes, measure, path

    def on_round(self, state: TrainingState) -> None:
        for minute in self.minutes:
            if state.cpu_seconds >= 60 * minute and str(minute) not in self.rows:
                write_json(self.path, self.rows | {str(minute): self.measure(state, minute)})

    @property
    def rows(self) -> dict[str, Any]:
        """The rows by minute."""
        return dict(read(self.path)) if self.path.is_file() else {}


def row(state: TrainingState, minute: float, scores: dict[str, Any]) -> dict[str, Any]:
    """Quality after some CPU minutes."""
    return {"cpu_minutes": minute, "images": state.images, "images_per_s": state.images / state.cpu_seconds, "scores": scores}


def train(name: str, data: Dataset, minutes: tuple[float, ...], run: Path, seed: int) -> dict[str, Any]:
    """Trains a model in the folder ``run``, measures it, and leaves in ``run/export`` what is shipped.

    :param name: MODEL/DATA
    :param minutes: of CPU time, when to measure, and at the last to stop
    :return: the numbers of the card
    """
    model, part, held_out = name.partition("/")[0], data.train, data.test
    n = min(MOST, len(held_out))
    suite = Suite(parse_metrics(METRICS), part, held_out, n, resamples=0)

    def score(gan: GAN) -> dict[str, Any]:
        return dict(suite.score(sample_like(gan, n, part, seed=0)).values)

    milestones = Milestones(minutes[:-1], lambda state, minute: row(state, minute, score(state.averaged())), run / "rows.json")
    settings = {"threads": 1, "accelerator": "cpu", "keep": KEPT, "sample_every": 0, "tensorboard": False}
    trainer = Trainer(model, data, seed=seed, out=run, callbacks=[milestones], images=10**9, **settings)
    trainer.fit(cpu_minutes=minutes[-1], resume=(run / "config.yml").is_file())
    networks = ("generator", "discriminator") if model in WITH_DISCRIMINATOR else ("generator",)
    found = {}
    for precision in ("float16", "int8"):
        trainer.gan.export(run / precision, precision, networks)
        found[precision] = score(load_model(run / precision))
    change = abs(found["int8"]["fcd"] / found["float16"]["fcd"] - 1)
    precision = "int8" if change <= TOLERANCE else "float16"
    shutil.rmtree(run / "export", ignore_errors=True)
    shutil.copytree(run / precision, run / "export")
    players = load_model(run / "export").players().values()
    assert trainer.state is not None
    rows = [milestones.rows[str(minute)] for minute in minutes[:-1]]
    return {
        "seed": seed,
        "image_shape": list(data.image_shape),
        "num_classes": data.num_classes,
        "class_names": list(data.class_names),
        "training_images": len(part),
        "parameters": sum(p.numel() for player in players for p in player.parameters()),
        "precision": precision,
        "networks": list(networks),
        "fcd_change_by_int8": change,
        "rows": [*rows, row(trainer.state, minutes[-1], found[precision])],
        "n": n,
        "extractor": {"fingerprint": suite.extractors["classifier"].fingerprint, "held_out_accuracy": suite.accuracy},
        "floor": suite.floor().values,
    }


def cells(scores: dict[str, float | None]) -> list[str]:
    """The numbers of a row as a table has them: distances, then shares."""
    values = {key: scores.get(key) for key in SCORES}
    return ["-" if value is None else f"{value:.2f}" if key in DISTANCES else f"{value:.1%}" for key, value in values.items()]


def measured(result: dict[str, Any]) -> str:
    """Quality after each of the CPU minutes, below the floor, and where the numbers come from."""
    rows = [["real images", "", *cells(result["floor"])]]
    rows += [[f"{each['cpu_minutes']:g}", f"{each['images']:,}", *cells(each["scores"])] for each in result["rows"]]
    table = Table(["CPU minutes", "images seen", *SCORES.values()], rows, texts=0).markdown()
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    extractor = result["extractor"]
    return (
        f"{table}\n\nMeasured by `{result['command']}`: one training on one thread of {result['machine']['cpu']}, "
        f"{result['rows'][-1]['images_per_s']:,.0f} images a second of it; {result['n']:,} images on each side, classifier "
        f"{extractor['fingerprint']} with {extractor['held_out_accuracy']:.2%} on the held-out split; {versions}."
    )


def card(name: str, result: dict[str, Any], address: str | None = None) -> str:
    """The README of a model's folder.

    :param address: what ``load`` takes, if not the name
    """
    model, _, data = name.partition("/")
    accuracy, shape = result["rows"][-1]["scores"].get("acc"), [str(side) for side in result["image_shape"]]
    malformed = f"The classifier takes {1 - (accuracy or 0):.1%} of its images for another class; some others are malformed."
    networks = result.get("networks", ["generator"])
    strip = f"## How it learned\n\nThe same noise after more and more images, from left to right.\n\n![{STRIP}]({STRIP})\n\n"
    texts = {
        "name": name,
        "model": model,
        "address": address or name,
        "content": DATA[data].content,
        "origin": DATA[data].origin,
        "shape": "x".join(shape[1:]),
        "image_shape": ", ".join(shape),
        "class_names": ", ".join(result["class_names"]),
        "minutes": result["rows"][-1]["cpu_minutes"],
        "settings": ", ".join(f"{key} {value}" for key, value in result["settings"].items()),
        "measured": measured(result),
        "labels": "" if accuracy is None else ", labels=[0] * 8",  # None: the model has none
        "malformed": "Some images are malformed." if accuracy is None else malformed,
        "networks": "generator only" if len(networks) == 1 else " and ".join(networks),
        "numbers": {"int8": "int8 with a scale for each row", "float16": "half precision"}[result.get("precision", "float16")],
        "strip": strip if "networks" in result else "",
    }
    return CARD.read_text(encoding="utf-8").format(**result | texts)


def draw_strip(run: Path, path: Path) -> None:
    """Four samples of each generator that a run has kept, in columns."""
    generators = [load_model(folder) for folder in kept_generators(run)]
    labels = torch.arange(4) * generators[0].spec.num_classes // 4
    made = torch.stack([gan.sample(4, labels, seed=0) for gan in generators])  # [columns, 4, C, H, W]
    write_grid(made.transpose(0, 1).flatten(0, 1), len(generators), path)


def draw_samples(gan: GAN, path: Path) -> None:
    """Eight samples of each class, at most 13 classes in a row."""
    columns = min(gan.spec.num_classes, 13)
    labels = torch.arange(-(-gan.spec.num_classes // columns) * columns * 4) % gan.spec.num_classes
    write_grid(gan.sample(len(labels), labels, seed=0), columns, path)


def home(name: str) -> Path:
    """The folder of a model in the package that it comes with."""
    return (OURS if name.startswith("letters_gan/") else OTHERS) / name


def numbers(name: str) -> Path:
    """The file with the numbers of a model."""
    return NUMBERS / f"{name.replace('/', '-')}.json"


def packed() -> dict[str, Path]:
    """The folders of all packed models by name."""
    folders = [path.parent for packages in (OURS, OTHERS) for path in sorted(packages.glob("*/*/model.safetensors"))]
    return {f"{folder.parent.name}/{folder.name}": folder for folder in folders}


def pack(name: str, run: Path, result: dict[str, Any]) -> None:
    """Puts a trained model with its card into its package, its numbers and samples into the docs."""
    target = home(name)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run / "export", target)
    draw_strip(run, target / STRIP)
    (target / "README.md").write_text(card(name, result), encoding="utf-8")
    save(result, numbers(name))
    draw_samples(load_model(target), IMAGES / f"{name.replace('/', '-')}.png")


def draw_sheet(data: str) -> None:
    """A picture of all packed models of some data: two samples of each class from each, or as many without labels."""
    rows = {}
    for name, folder in packed().items():
        if name.endswith(f"/{data}"):
            gan = load_model(folder)
            labels = torch.arange(2 * gan.spec.num_classes) % gan.spec.num_classes
            columns = max(gan.spec.num_classes, 20)
            title = f"{name.partition('/')[0]}{'' if gan.is_conditional else ' (no labels)'}"
            rows[title] = grid(gan.sample(len(labels), labels, seed=0).numpy(), columns)
    figure = strips(rows, width=9, height=0.9)
    draw(figure, IMAGES / f"zoo-{data}.png")


def publish(run: Path, name: str, result: dict[str, Any], address: str) -> None:
    """Puts a trained model on the hub, into a repository that is made unless it is there."""
    folder = run / "export"
    draw_strip(run, folder / STRIP)
    (folder / "README.md").write_text(card(name, result, address), encoding="utf-8")
    api = HfApi()
    api.create_repo(address, exist_ok=True)
    print(api.upload_folder(repo_id=address, folder_path=folder, commit_message="Trained and measured by scripts/pretrain_gan.py"))


def model_and_data(text: str) -> str:
    """For argparse: MODEL/DATA."""
    model, _, data = text.partition("/")
    if model not in models or data not in DATA:
        raise ArgumentTypeError(f"{text}: MODEL/DATA is needed, with a model of {', '.join(sorted(models))} and data of {', '.join(DATA)}")
    return text


def place(text: str) -> tuple[str, str]:
    """For argparse: DATA=PATH."""
    data, _, path = text.partition("=")
    if data not in DATA or not path:
        raise ArgumentTypeError(f"{text}: DATA=PATH is needed, with data of {', '.join(DATA)}")
    return data, path


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "names", nargs="*", metavar="MODEL/DATA", type=model_and_data, default=SHIPPED, help="models (all that are shipped)"
    )
    options.add_argument(
        "--data", metavar="DATA=PATH", type=place, action="append", default=[], help="where data are, if not at their usual place"
    )
    options.add_argument("--root", type=Path, help="where the files of downloaded data are or go")
    options.add_argument(
        "--cpu-minutes", type=float, nargs="+", help="when to measure, and at the last to stop (5 15 45; Triple-GAN 5 15 60)"
    )
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--runs", type=Path, default=ROOT / "pretraining", help="folder of the runs (%(default)s)")
    options.add_argument(
        "--hub", metavar="USER", help="publish as USER/ca2-MODEL-DATA on the Hugging Face hub, and leave the packages alone"
    )
    arguments = options.parse_args()
    torch.set_num_threads(1)
    places = {data: facts.source for data, facts in DATA.items()} | dict(arguments.data)
    for name in arguments.names:
        model, _, data = name.partition("/")
        if places[data] is None:
            raise UserError(f"{data}: --data {data}=PATH has to say where they are.")
        minutes = tuple(sorted(arguments.cpu_minutes or LONGER.get(model, MINUTES)))
        run = arguments.runs / name
        given = f"{name} --seed {arguments.seed} --cpu-minutes {' '.join(f'{minute:g}' for minute in minutes)}"
        own = model_values(model)
        del own["model"]
        result = origin(("ca2", "torch", "numpy", "scipy"), threads=1) | {
            "command": f"python scripts/pretrain_gan.py {given}",
            "settings": own,
            **train(name, load_data(places[data], root=arguments.root), minutes, run, arguments.seed),
        }
        print(json.dumps(result["rows"][-1]), flush=True)
        if arguments.hub:
            publish(run, name, result, f"{arguments.hub}/ca2-{name.replace('/', '-')}")
        else:
            pack(name, run, result)
            draw_sheet(data)


if __name__ == "__main__":
    as_command(main)
