"""Images a second of ``ca2-gan train`` against a bare PyTorch loop over the same networks, in alternating runs.

    python scripts/gan_overhead.py --model cgan --images 2560 --repeats 5

Both sides do the same arithmetic: one batch of fakes per step, shared by the two players, Adam, no averaging of weights. What
the command does beyond that (drawing by seed and position, means, log lines, the last checkpoint and grid) is its overhead. CPU
seconds are printed beside wall seconds, since other programs on the machine disturb only these.
"""

import argparse
import dataclasses
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.nn.functional import softplus

from ca2_gan import create_model
from ca2_gan.data import Dataset, load
from ca2_gan.trainers.loop import prepare, train
from ca2_gan.trainers.settings import Settings, read, shipped
from ca2_gan.trainers.stopping import Stop


def command(settings: Settings, data: Dataset, fabric: Fabric) -> None:
    """The loop of the command, with a log line every 2,000 images, TensorBoard, one checkpoint, one grid."""
    shutil.rmtree(settings.out, ignore_errors=True)
    settings.out.mkdir()
    train(prepare(settings, data, fabric), fabric, Stop())


def bare(settings: Settings, data: Dataset) -> None:
    """What a tutorial has."""
    gan = create_model(settings.model, num_classes=data.num_classes, image_shape=data.image_shape)
    g, d = gan.generator, gan.discriminator
    adam = [torch.optim.Adam(n.parameters(), lr=2e-4, betas=(settings.beta1, settings.beta2), fused=True) for n in (g, d)]
    images, labels = torch.from_numpy(data.images).float() / 127.5 - 1, torch.from_numpy(data.labels)
    order = torch.randperm(len(images))
    for i in range(0, settings.max_images, settings.batch_size):
        chosen = order[torch.arange(i, i + settings.batch_size) % len(images)]
        real, y = images[chosen], labels[chosen]
        fake = g(torch.randn(len(real), settings.noise_dim), y)
        d.requires_grad_(True)
        (softplus(-d(real, y)).mean() + softplus(d(fake.detach(), y)).mean()).backward()
        adam[1].step()
        adam[1].zero_grad()
        d.requires_grad_(False)
        softplus(-d(fake, y)).mean().backward()
        adam[0].step()
        adam[0].zero_grad()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="dcgan_radford")
    parser.add_argument("--data", default="glyphs")
    parser.add_argument("--images", type=int, default=12_800)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of both sides; several wait for each other on a busy machine")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = load(arguments.data).split()[0]
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    with tempfile.TemporaryDirectory() as folder:
        own = read(shipped(arguments.model)) | {"model": arguments.model, "data": arguments.data, "ema_half_life": 0, "progress": False}
        settings = dataclasses.replace(Settings(**own), out=Path(folder) / "run", max_images=arguments.images)
        sides = {"command": lambda: command(settings, data, fabric), "bare": lambda: bare(settings, data)}
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for repeat in range(arguments.repeats + 1):
            for name, side in sides.items():
                wall, cpu = time.perf_counter(), time.process_time()
                side()
                if repeat:  # the first warms up
                    seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    for clock, i in (("wall", 0), ("cpu", 1)):
        rates = {name: [arguments.images / s[i] for s in seconds[name]] for name in sides}
        ratios = [a / b for a, b in zip(rates["command"], rates["bare"], strict=True)]
        medians = ", ".join(f"{name} {statistics.median(rates[name]):.1f} images/s" for name in sides)
        print(f"{arguments.model}, {clock}: {medians}, ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
