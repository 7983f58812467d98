"""Images a second of ``ca2-gan train`` and of a bare PyTorch loop over the same networks, on one thread.

    python scripts/gan_overhead.py dcgan_radford letters_gan --slices 40

Both train on, by turns, for slices of a second or two. Both do the same arithmetic: one batch of generated images a step, which
both players see, the model's objective, Adam, the average of the generator's weights. What the command does beyond that
(drawing by seed and position, means, log lines, TensorBoard) is its overhead; its clock runs from the first to the last step.
Which side comes first changes from pair to pair; the record has the median over the pairs of the ratio of their speeds.
Where the time goes, ``--profile`` tells.
"""

import cProfile
import pstats
import statistics
import tempfile
from collections.abc import Callable
from time import perf_counter

import torch
from publishing import DOCS, origin, parser, save
from torch.nn.utils import parametrize

from ca2_gan import create_model, load_data
from ca2_gan.data import Dataset
from ca2_gan.registry import losses
from ca2_gan.training.config import Config
from ca2_gan.training.ema import Average
from ca2_gan.training.trainer import Trainer

RECORD = DOCS / "gan" / "overhead.json"


def trained(model: str, data: Dataset, images: int, out: str) -> Callable[[], float]:
    """Seconds that so many images more take ``Trainer``."""
    trainer = Trainer(model, data, accelerator="cpu", threads=1, progress=False, out=out)
    seen, seconds = 0, 0.0

    def go_on() -> float:
        nonlocal seen, seconds
        seen, before = seen + images, seconds
        trainer.fit(images=seen)
        seconds = trainer.state.seconds
        return seconds - before

    return go_on


def bare(config: Config, data: Dataset, images: int) -> Callable[[], float]:
    """The same for what a tutorial has."""
    optimiser, size = config.optimiser, config.optimiser.batch_size
    objective = losses.get(config.game.loss)
    gan = create_model(config.model.name, num_classes=data.num_classes, image_shape=data.image_shape, noise_dim=config.model.noise_dim)
    g, d = gan.generator.train(), gan.discriminator.train()
    betas = (optimiser.beta1, optimiser.beta2)
    adam_g = torch.optim.Adam(g.parameters(), lr=optimiser.lr_g, betas=betas, fused=True)
    adam_d = torch.optim.Adam(d.parameters(), lr=optimiser.lr_d, betas=betas, fused=True)
    average = Average(g, optimiser.ema_half_life)
    pixels, labels = torch.from_numpy(data.images).float() / 127.5 - 1, torch.from_numpy(data.labels)
    seen = 0

    def go_on() -> float:
        nonlocal seen
        began = perf_counter()
        for _ in range(-(-images // size)):
            chosen = torch.randint(len(pixels), (size,))
            real, y = pixels[chosen], labels[chosen]
            fake = g(torch.randn(size, config.model.noise_dim), y)
            d.requires_grad_(True)
            with parametrize.cached():
                objective.discriminator(d(real, y), d(fake.detach(), y)).backward()
            adam_d.step()
            adam_d.zero_grad()
            d.requires_grad_(False)
            with parametrize.cached():
                logits = d(fake, y)
                objective.generator(logits, logits).backward()
            adam_g.step()
            adam_g.zero_grad()
            seen += size
            average.update(size, seen)
        return perf_counter() - began

    return go_on


def measure(model: str, data: Dataset, images: int, slices: int) -> dict[str, float]:
    """Speeds in images a second, and their ratio."""
    trainer = Trainer(model, data)
    rates: dict[str, list[float]] = {"trainer": [], "bare": []}
    with tempfile.TemporaryDirectory() as out:
        sides = {"trainer": trained(model, data, images, out), "bare": bare(trainer.config, data.train, images)}
        for i in range(slices + 1):
            for name in sorted(sides, reverse=bool(i % 2)):
                seconds = sides[name]()
                if i:  # the first warms up
                    rates[name].append(images / seconds)
    ratios = [a / b for a, b in zip(rates["trainer"], rates["bare"], strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return {name: statistics.median(each) for name, each in rates.items()} | {
        "ratio": statistics.median(ratios),
        "quarter": low,
        "three quarters": high,
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("models", nargs="*", default=["dcgan_radford", "letters_gan"], metavar="MODEL")
    options.add_argument("--data", default="glyphs")
    options.add_argument("--images", type=int, default=1_024, help="of a slice")
    options.add_argument("--slices", type=int, default=40, help="of each side")
    options.add_argument("--profile", action="store_true", help="show where Trainer's time goes, and measure nothing")
    options.add_argument("--record", action="store_true", help=f"write {RECORD.name} of the docs")
    arguments = options.parse_args()
    torch.set_num_threads(1)
    data = load_data(arguments.data)
    found = {}
    for model in arguments.models:
        if arguments.profile:
            profile = cProfile.Profile()
            with tempfile.TemporaryDirectory() as out:
                side = trained(model, data, arguments.images, out)
                side()
                profile.runcall(side)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
            continue
        found[model] = measure(model, data, arguments.images, arguments.slices)
        numbers = ", ".join(f"{name} {value:,.3f}" if value < 10 else f"{name} {value:,.0f}" for name, value in found[model].items())
        print(f"{model}: {numbers}", flush=True)
    if arguments.record and found:
        save(origin(["torch"], threads=1) | {"images": arguments.images, "slices": arguments.slices, "models": found}, RECORD)


if __name__ == "__main__":
    main()
