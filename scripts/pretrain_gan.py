"""Trains, measures and packs one of the models that come with the package, or publishes it on the Hugging Face hub.

    python scripts/pretrain_gan.py mnist --cpu-minutes 5 15 && python scripts/tables.py
    python scripts/pretrain_gan.py mnist --model cgan --cpu-minutes 60 --hub USER   # after `hf auth login`: USER/ca2-cgan-mnist

One thread, counted in seconds of the core, so that a busy machine changes nothing. After each of the --cpu-minutes the model is
measured as it would be shipped, in half precision; the last one goes to ca2_gan/pretrained/MODEL/NAME with a card made from the
numbers, which are in docs/gan/pretrained.json too. With --hub, it goes to that account instead, with its card; of any size.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi
from publishing import DOCS, IMAGES, ROOT, origin, parser, read, save

from ca2_core.tables import Table
from ca2_gan import load as load_model
from ca2_gan.data import load_data
from ca2_gan.metrics.samples import sample_like
from ca2_gan.metrics.suite import MOST, Suite, parse_metrics
from ca2_gan.pictures import write_grid
from ca2_gan.training.config import model_values
from ca2_gan.training.trainer import Trainer

NUMBERS = DOCS / "gan" / "pretrained.json"
CARD = Path(__file__).with_name("model_card.md")
PRETRAINED = ROOT / "ca2_gan" / "pretrained"
METRICS = "fcd,intra,prdc,acc,memorised"
DISTANCES = ("fcd", "intra")
LIMIT = 2 * 2**20  # bytes of a model in the wheel
SCORES = {"fcd": "FCD", "intra": "intra FCD", "precision": "precision", "recall": "recall", "acc": "accuracy", "copied": "copied"}


@dataclass(frozen=True)
class Facts:
    """What a card says of the data.

    :param content: what is on the images, with a capital
    :param origin: whose they are and on what terms, as stated by whom
    :param source: what ``--data`` is, unless it is given
    """

    content: str
    origin: str
    source: str


EMNIST = (
    "EMNIST (Cohen et al. 2017, [arXiv 1702.05373](https://arxiv.org/abs/1702.05373)), a conversion of NIST Special Database 19, "
    "which NIST offers as public data. Neither names a licence of the converted images that we know of."
)
DATA = {
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
    "emnist-a-m": Facts("Handwritten letters A to M", EMNIST, "emnist-letters-a-m.csv.gz"),
}


def milestones(trainer: Trainer, minutes: list[float], export: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Trains up to each of the CPU minutes and measures there what would be shipped.

    :param export: folder of the model as it would be shipped
    :return: a row for each, and what they were compared with: the extractor, the number of images, the floor
    """
    part, held_out = trainer.data.train, trainer.data.test
    n, rows, suite = min(MOST, len(held_out)), [], None
    for minute in minutes:
        trainer.fit(cpu_minutes=minute).export(export)
        suite = suite or Suite(parse_metrics(METRICS), part, held_out, n, resamples=0)
        scores = suite.score(sample_like(load_model(export), n, part, seed=0)).values
        seen = trainer.state.images
        rows.append({"cpu_minutes": minute, "images": seen, "images_per_s": seen / trainer.state.cpu_seconds, "scores": scores})
        print(json.dumps(rows[-1]), flush=True)
    extractor = {"fingerprint": suite.extractors["classifier"].fingerprint, "held_out_accuracy": suite.accuracy}
    return rows, {"n": n, "extractor": extractor, "floor": suite.floor().values}


def cells(scores: dict[str, float | None]) -> list[str]:
    """The numbers of a row as a table has them: distances, then shares."""
    values = {key: scores.get(key) for key in SCORES}
    return ["-" if value is None else f"{value:.2f}" if key in DISTANCES else f"{value:.1%}" for key, value in values.items()]


def measured(result: dict[str, Any]) -> str:
    """Quality after each of the CPU minutes, below the floor, and where the numbers come from."""
    rows = [["real images", "", *cells(result["floor"])]]
    rows += [[f"{row['cpu_minutes']:g}", f"{row['images']:,}", *cells(row["scores"])] for row in result["rows"]]
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
    accuracy, shape = result["rows"][-1]["scores"]["acc"], [str(side) for side in result["image_shape"]]
    malformed = f"The classifier takes {1 - (accuracy or 0):.1%} of its images for another class; some others are malformed."
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
    }
    return CARD.read_text(encoding="utf-8").format(**result | texts)


def publish(folder: Path, address: str) -> None:
    """Puts a folder on the hub, into a repository that is made unless it is there."""
    api = HfApi()
    api.create_repo(address, exist_ok=True)
    print(api.upload_folder(repo_id=address, folder_path=folder, commit_message="Trained and measured by scripts/pretrain_gan.py"))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("name", choices=DATA, help="of the data")
    options.add_argument("--model", default="letters_gan")
    options.add_argument("--data", help="where they are, if not at their usual place")
    options.add_argument("--root", type=Path, help="where the files of downloaded data are or go")
    options.add_argument(
        "--cpu-minutes", type=float, nargs="+", default=[5.0, 15.0], help="when to measure, and at the last to stop (5 15)"
    )
    options.add_argument("--seed", type=int, default=0)
    options.add_argument(
        "--hub", metavar="USER", help="publish it as USER/ca2-MODEL-NAME on the Hugging Face hub, and leave the package alone"
    )
    arguments = options.parse_args()
    name, minutes = f"{arguments.model}/{arguments.name}", sorted(arguments.cpu_minutes)
    torch.set_num_threads(1)
    own = model_values(arguments.model)
    del own["model"]
    data = load_data(arguments.data or DATA[arguments.name].source, root=arguments.root)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(arguments.model, data, seed=arguments.seed, images=10**9, threads=1, accelerator="cpu", progress=False)
        rows, compared = milestones(trainer, minutes, Path(folder, "export"))
        gan = load_model(Path(folder, "export"))
        given = f"{arguments.name} --model {arguments.model} --seed {arguments.seed}"
        result = origin(("ca2", "torch", "numpy", "scipy"), threads=1) | {
            "command": f"python scripts/pretrain_gan.py {given} --cpu-minutes {' '.join(f'{minute:g}' for minute in minutes)}",
            "settings": own,
            "seed": arguments.seed,
            "image_shape": list(data.image_shape),
            "num_classes": data.num_classes,
            "class_names": list(data.class_names),
            "training_images": len(data.train),
            "parameters": sum(p.numel() for p in gan.generator.parameters()),
            "rows": rows,
            **compared,
        }
        if arguments.hub:
            address = f"{arguments.hub}/ca2-{name.replace('/', '-')}"
            Path(folder, "export", "README.md").write_text(card(name, result, address), encoding="utf-8")
            publish(Path(folder, "export"), address)
            return
        target = shutil.copytree(Path(folder, "export"), PRETRAINED / name, dirs_exist_ok=True)
    size = (target / "model.safetensors").stat().st_size
    assert size <= LIMIT, f"{size:,} bytes are too many to ship"
    (target / "README.md").write_text(card(name, result), encoding="utf-8")
    save((read(NUMBERS) if NUMBERS.exists() else {}) | {name: result}, NUMBERS)
    columns = min(data.num_classes, 13)
    labels = torch.arange(columns * 8) % data.num_classes
    write_grid(gan.sample(len(labels), labels, seed=0), columns, IMAGES / f"{name.replace('/', '-')}.png")


if __name__ == "__main__":
    main()
