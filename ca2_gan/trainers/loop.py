"""The loop: rounds of a game, and what is noted, shown, measured and saved between them."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from time import monotonic

import torch
from lightning_fabric import Fabric
from torch import Tensor
from tqdm import tqdm

from ca2_core.errors import UserError
from ca2_gan.data import Dataset
from ca2_gan.gan import GAN, create_model
from ca2_gan.registry import games
from ca2_gan.trainers.batches import WEIGHTS, Images, Share, stream_seed
from ca2_gan.trainers.checkpoints import STATE, read_state, write_state
from ca2_gan.trainers.ema import Average, standing_statistics
from ca2_gan.trainers.optimisers import make_optimisers
from ca2_gan.trainers.processes import any_process, share_batch_norm
from ca2_gan.trainers.records import Records
from ca2_gan.trainers.settings import Settings
from ca2_gan.trainers.stopping import Stop
from ca2_gan.trainers.training import Training, compile_players, make_rules
from ca2_gan.trainers.watch import Watch, variety

WATCHED = 256  # images whose variety is compared
UNTRAINED = 10_000  # images before which samples without variety mean nothing

Evaluate = Callable[[GAN], dict[str, float]]


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    :param gan: the model with the averaged generator, in evaluation mode
    :param images: real images shown to the discriminator
    :param finished: whether these are all that were wanted
    """

    gan: GAN
    images: int
    finished: bool


def train(training: Training, fabric: Fabric, stop: Stop, evaluate: Evaluate | None = None) -> Outcome:
    """Goes on with a training until it has seen enough images, time is over, or it is asked to stop.

    :param training: as ``prepare`` or ``resume`` make it; ``training.settings.out`` is the run folder
    :param fabric: launched; its processes share each batch
    :param stop: asked before every round
    :param evaluate: measures the model, every ``settings.eval_every`` images
    :raises UserError: if training diverges, or the disk is full
    """
    settings = training.settings
    if settings.compile:
        compile_players(training.gan, settings)
    shown = training.gan.with_generator(training.average.network)
    watch = Watch(variety(*some_images(training.source, shown.is_conditional)), settings.loss)
    leader = fabric.is_global_zero
    with explained_disk_errors(settings.out):
        records = Records(settings.out, training.images, settings.tensorboard) if leader else None
    began, saved_at = monotonic() - training.seconds, monotonic()
    logged_at, logged_images = monotonic(), training.images
    bar = tqdm(
        total=settings.max_images,
        initial=training.images,
        unit=" images",
        smoothing=0.05,
        disable=not (leader and settings.progress and sys.stderr.isatty()),
    )
    with bar, explained_disk_errors(settings.out):
        while not training.finished:
            late = settings.max_minutes is not None and training.seconds >= 60 * settings.max_minutes
            if any_process(fabric, bool(stop.signal) or late):
                break
            before = training.images
            training.play_round(fabric)
            training.seconds = monotonic() - began
            bar.update(training.images - before)

            if crossed(settings.log_every, before, training):
                values = training.means.take(fabric)
                check_finite(values, training)
                values["images_per_s"] = (training.images - logged_images) / (monotonic() - logged_at)
                logged_at, logged_images = monotonic(), training.images
                bar.set_postfix_str(f"D {values['d_loss']:.3f}, G {values['g_loss']:.3f}", refresh=False)
                if records is not None:
                    records.note(training.images, values)
                    say(training, watch.losses(values))
            if records is not None and crossed(settings.sample_every, before, training):
                show(training, shown, records)
                if training.images >= UNTRAINED:
                    say(training, watch.samples(*some_samples(shown)))
            if records is not None and evaluate is not None and crossed(settings.eval_every, before, training):
                standing_statistics(shown)
                records.note(training.images, evaluate(shown))
            if records is not None and monotonic() - saved_at > settings.checkpoint_seconds:
                save(training)
                saved_at = monotonic()
        if records is not None:
            save(training)
            if not training.finished:
                show(training, shown, records)  # to see how far it came
            records.close()
    fabric.barrier()
    return Outcome(shown.eval(), training.images, training.finished)


def prepare(settings: Settings, data: Dataset, fabric: Fabric) -> Training:
    """A training at its beginning; the same in every process.

    :param settings: what is trained and how
    :param data: images to train on
    :param fabric: launched
    :raises UserError: if the settings don't fit each other or the data
    """
    torch.manual_seed(stream_seed(settings.seed, WEIGHTS))
    gan = create_model(
        settings.model,
        num_classes=data.num_classes,
        image_shape=data.image_shape,
        class_names=data.class_names,
        noise_dim=settings.noise_dim,
        spectral_norm=settings.spectral_norm,
        **settings.model_options,
    )
    gan.to(fabric.device).train()
    share = Share(fabric.global_rank, fabric.world_size)
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    source = Images(images, labels, settings.batch_size, settings.seed, settings.label_fraction, share, fabric.device)
    rules = make_rules(settings, source.class_counts.to(fabric.device), frozen_features(settings, data, fabric))
    game = games.get(settings.game)(gan, rules).to(fabric.device)
    average = Average(gan.generator, settings.ema_half_life)
    share_batch_norm(gan, fabric)
    return Training(settings, source, gan, game, average, make_optimisers(gan.players(), settings), data.fingerprint)


def resume(settings: Settings, data: Dataset, fabric: Fabric) -> Training:
    """A training at its last checkpoint in ``settings.out``, or, without one, at its beginning.

    :raises UserError: as ``prepare``, or if the checkpoint is damaged or of something else
    """
    state = read_state(settings.out, settings.model, data.fingerprint)  # before a classifier is trained for the features
    training = prepare(settings, data, fabric)
    if state is not None:
        training.restore(state)
    return training


def frozen_features(settings: Settings, data: Dataset, fabric: Fabric) -> Callable[[Tensor], Tensor] | None:
    """Images [N, C, H, W] in [-1, 1] -> features [N, 64] of a classifier of the data, for feature matching; None without need."""
    if not settings.feature_matching or settings.matched_features == "discriminator":
        return None
    from ca2_gan.metrics.classifier import trained_on  # noqa: PLC0415  (most trainings don't need it)

    with fabric.rank_zero_first():  # the others find it in the cache
        body = trained_on(data).network.to(fabric.device).body
    return lambda images: body((images + 1) / 2)


def crossed(every: int, before: int, training: Training) -> bool:
    """Whether the round reached a multiple of ``every`` images, or the end; 0 for never before the end."""
    return training.finished or (every > 0 and training.images // every > before // every)


def save(training: Training) -> None:
    """Writes the checkpoint; not if training has gone wrong, so that the last good one stays."""
    check_finite({name: float(value) for name, value in training.means.sums.items()}, training)
    check_weights(training)
    write_state(training.settings.out, training.state())


def show(training: Training, shown: GAN, records: Records) -> None:
    """Writes the model as it is sampled, and a grid of its samples; not if training has gone wrong."""
    check_weights(training)
    standing_statistics(shown)
    shown.save(training.settings.out)
    records.sample(shown, training.images)


def check_weights(training: Training) -> None:
    """Raises UserError if a weight is NaN or infinite."""
    if not training.weights_are_finite():
        raise diverged("the weights are", training)


def check_finite(values: dict[str, float], training: Training) -> None:
    """Raises UserError if one of the numbers is NaN or infinite."""
    bad = [name for name, value in values.items() if not isfinite(value)]
    if bad:
        raise diverged(f"{' and '.join(bad)} {'is' if len(bad) == 1 else 'are'}", training)


def diverged(what: str, training: Training) -> UserError:
    """The error for a training that has gone wrong."""
    kept = "the last good checkpoint is kept" if (training.settings.out / STATE).exists() else "there is no checkpoint yet"
    return UserError(
        f"training diverged: {what} not finite after {training.images:,} images; {kept}. "
        "Try smaller --lr-g and --lr-d, --clip 1, or --precision fp32, in another --out."
    )


def say(training: Training, warnings: Sequence[str]) -> None:
    """Prints warnings above the progress bar."""
    for warning in warnings:
        tqdm.write(f"ca2-gan: after {training.images:,} images: {warning}", file=sys.stderr)


def some_images(source: Images, by_class: bool) -> tuple[Tensor, Tensor]:
    """The first real images, and their labels, or zeros if the model has no classes."""
    images, labels = source.images[:WATCHED], source.labels[:WATCHED]
    return images, labels if by_class else torch.zeros_like(labels)


def some_samples(gan: GAN) -> tuple[Tensor, Tensor]:
    """As many generated images, of a few classes."""
    labels = torch.arange(WATCHED) % min(gan.spec.num_classes, 8)
    return gan.sample(WATCHED, labels, seed=1), labels if gan.is_conditional else torch.zeros_like(labels)


@contextmanager
def explained_disk_errors(folder: Path) -> Iterator[None]:
    """Makes an error of the file system one line.

    :raises UserError: for an OSError
    """
    try:
        yield
    except OSError as error:
        kept = "the last good checkpoint is kept: free some space and `--resume`" if (folder / STATE).exists() else "nothing was saved yet"
        raise UserError(f"{folder}: can't write: {error.strerror or error}; {kept}.") from error
