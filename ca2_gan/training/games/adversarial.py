"""Two players, generator against discriminator, with optional terms of their losses."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ca2_core.errors import UserError
from ca2_gan.augment import augmentation
from ca2_gan.gan import GAN
from ca2_gan.losses import Objective, feature_matching, one_centred_penalty, zero_centred_penalty
from ca2_gan.metrics import classifier
from ca2_gan.registry import games, losses
from ca2_gan.training.batches import Images
from ca2_gan.training.game import Batch, Game, GameOptions, Loss, accuracy, detached, wrong_labels
from ca2_gan.training.settings import setting


@dataclass(frozen=True)
class AdversarialOptions(GameOptions):
    """Options of the game; a weight of 0 switches a term off."""

    loss: str = setting("non-saturating", "objective of the players; `ca2-gan list losses` shows all", is_common=True)
    critic_steps: int = setting(1, "turns of the discriminator for each turn of the generator", low=1)
    gradient_penalty: float = setting(0.0, "weight of WGAN-GP's penalty, (|grad D| - 1)^2", low=0)
    r1: float = setting(0.0, "weight gamma of R1, gamma/2 |grad D|^2 at real images", low=0)
    r2: float = setting(0.0, "weight of R2, the same penalty at generated images", low=0)
    auxiliary: float = setting(1.0, "weight of the auxiliary classifier's loss, where the discriminator has one", low=0)
    class_loss: float = setting(
        0.0, "weight, at first, of the cross-entropy of the discriminator's logits over the labels of a real image", low=0
    )
    class_loss_images: int = setting(800, "images of a class, on average, over which that weight falls to zero", low=1)
    mismatched: float = setting(0.0, "share of real images with a wrong label in what the discriminator has to reject", low=0, high=1)
    feature_matching: float = setting(0.0, "weight of feature matching in the generator's loss", low=0)
    matched_features: Literal["discriminator", "classifier"] = setting(
        "discriminator", "features to match: the discriminator's, or those of a frozen classifier trained on the data"
    )
    augment: tuple[str, ...] = setting(
        (),
        "augmentations such as noise:0.1 salt-pepper:0.05 diffaugment brightness contrast saturation translation:0.125 cutout:0.5 flip",
        is_common=True,
    )
    augment_on: Literal["both", "real"] = setting(
        "both", "images to augment: both real and generated ones (the target stays the same), or only real ones (they become the target)"
    )


@games.register("adversarial")
class Adversarial(Game):
    """Generator against discriminator; gradient penalties, auxiliary classifier and feature matching are optional."""

    Options = AdversarialOptions
    generator_weight = 1.0  # weight of the objective in the generator's loss
    images_seen: Tensor  # by the discriminator

    def __init__(self, gan: GAN, options: AdversarialOptions, source: Images):
        super().__init__(gan, options, source)
        for flag, is_on in {"--mismatched": options.mismatched, "--class-loss": options.class_loss}.items():
            if is_on and not gan.is_conditional:
                raise UserError(f"{flag} needs a conditional model; {gan.spec.name} knows no labels. Leave it out.")
        if gan.spec.num_classes == 1:  # no label is wrong
            options = replace(options, mismatched=0.0, class_loss=0.0)
        if options.class_loss:
            self.register_buffer("images_seen", torch.zeros(()))
        self.options, self.source = options, source
        self.objective: Objective = losses.get(options.loss)
        self.augment = augmentation(options.augment)
        self.augment_fake = self.augment if options.augment_on == "both" else augmentation(())
        self.frozen_features: Callable[[Tensor], Tensor] | None = None  # None: the discriminator's features

    def prepare(self) -> None:
        if self.options.feature_matching and self.options.matched_features == "classifier":
            self.frozen_features = classifier_features(self.source)

    @property
    def turns(self) -> tuple[str, ...]:
        return ("discriminator",) * self.options.critic_steps + ("generator",)

    def discriminator_loss(self, batch: Batch) -> Loss:
        options, discriminator, labels = self.options, self.gan.discriminator, batch.labels
        real = self.augment(batch.real).requires_grad_(options.r1 > 0)
        fake = self.augment_fake(batch.fake.detach()).requires_grad_(options.r2 > 0)
        real_features, fake_features = discriminator.features(real, labels), discriminator.features(fake, labels)
        real_logits, fake_logits = discriminator.logit(real_features, labels), discriminator.logit(fake_features, labels)
        total = self.objective.discriminator(real_logits, fake_logits)
        parts = detached(d_real=real_logits.mean(), d_fake=fake_logits.mean())
        if options.mismatched:
            wrong = wrong_labels(labels, self.gan.spec.num_classes)
            wrong_features = discriminator.features(real, wrong) if discriminator.features_know_labels else real_features
            wrong_logits = discriminator.logit(wrong_features, wrong)
            total = torch.lerp(total, self.objective.discriminator(real_logits, wrong_logits), options.mismatched)
            parts |= detached(d_wrong=wrong_logits.mean())
        loss = Loss(total, parts | detached(d_loss=total))
        loss = self.with_class_loss(loss, real, real_features, labels)
        if options.r1:
            loss = loss.plus(options.r1, d_r1=zero_centred_penalty(real_logits, real))
        if options.r2:
            loss = loss.plus(options.r2, d_r2=zero_centred_penalty(fake_logits, fake))
        if options.gradient_penalty:
            weights = torch.rand(len(real), device=real.device)
            penalty = one_centred_penalty(lambda x: discriminator(x, labels), real.detach(), fake.detach(), weights)
            loss = loss.plus(options.gradient_penalty, d_penalty=penalty)
        class_logits = discriminator.classify(real_features)
        if class_logits is not None and options.auxiliary:
            loss.parts.update(detached(d_accuracy=accuracy(class_logits, labels)))
            loss = loss.plus(options.auxiliary, d_auxiliary=cross_entropy(class_logits, labels))
        return loss

    def with_class_loss(self, loss: Loss, images: Tensor, features: Tensor, labels: Tensor) -> Loss:
        """Adds the cross-entropy of the softmax over labels y of D(x, y), whose weight falls with the images that D has seen.

        Where the projection is all that knows the label, this is ECGAN's classifier with shared embeddings (Chen et al. 2021). Without
        it, D learns the labels late where classes are many. It favours images that are typical of their class, hence the end. A
        discriminator whose features know the label compares the right one with one wrong one, instead of with all.

        :param images: real ones [N, C, H, W]
        :param features: theirs [N, d]
        :param labels: theirs, int64 [N]
        """
        options, discriminator, k = self.options, self.gan.discriminator, self.gan.spec.num_classes
        part_seen = float(self.images_seen) / (k * options.class_loss_images) if options.class_loss else 1.0
        if part_seen >= 1:
            return loss
        weight = options.class_loss * (1 - part_seen)
        self.images_seen += len(labels)
        if discriminator.features_know_labels:
            wrong = wrong_labels(labels, k)
            right = torch.zeros_like(labels)
            logits = torch.stack([discriminator.logit(features, labels), discriminator(images, wrong)], dim=1)
        else:
            right = labels
            every = torch.arange(k, device=labels.device).repeat(len(labels))
            logits = discriminator.logit(features.repeat_interleave(k, dim=0), every).view(-1, k)
        return loss.plus(weight, d_class=cross_entropy(logits, right))

    def generator_loss(self, batch: Batch) -> Loss:
        options, discriminator, labels = self.options, self.gan.discriminator, batch.labels
        fake = self.augment_fake(batch.fake)
        features = discriminator.features(fake, labels)
        logits = discriminator.logit(features, labels)
        real_logits = discriminator(self.augment(batch.real), labels) if self.objective.relativistic else logits
        adversarial = self.objective.generator(real_logits, logits)
        loss = Loss(self.generator_weight * adversarial, detached(g_loss=adversarial))
        class_logits = discriminator.classify(features)
        if class_logits is not None and options.auxiliary:
            loss = loss.plus(options.auxiliary, g_auxiliary=cross_entropy(class_logits, labels))
        if options.feature_matching:
            loss = loss.plus(options.feature_matching, g_matching=self._feature_distance(batch, features))
        return loss

    def _feature_distance(self, batch: Batch, features: Tensor) -> Tensor:
        """Distance of mean features: the discriminator's, of augmented images, or a frozen classifier's, of images as they are."""
        extract = self.frozen_features
        if extract is not None:
            return feature_matching(extract(batch.real), extract(batch.fake))
        real = self.gan.discriminator.features(self.augment(batch.real), batch.labels)
        return feature_matching(real, features)

    def compile_players(self) -> None:
        """Compiles the networks, except a discriminator with gradient penalties: torch.compile can't differentiate twice."""
        self.gan.generator.compile()
        if not (self.options.r1 or self.options.r2 or self.options.gradient_penalty):
            self.gan.discriminator.features = torch.compile(self.gan.discriminator.features)


def classifier_features(source: Images) -> Callable[[Tensor], Tensor]:
    """Images [N, C, H, W] in [-1, 1] -> features [N, 64] of the reference classifier of the data."""
    body = classifier.reference_classifier(source.data).network.to(source.device).body
    return lambda images: body((images + 1) / 2)
