"""Two players: generator against discriminator, with the terms that any such game may add."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ca2_core.errors import UserError
from ca2_gan.gan import GAN
from ca2_gan.losses import feature_matching, one_centred_penalty, zero_centred_penalty
from ca2_gan.registry import games
from ca2_gan.trainers.game import Batch, Game, Loss, Rules, accuracy, random_weights, shown, wrong_labels


@games.register("adversarial")
class Adversarial(Game):
    """The game of two; gradient penalties, auxiliary classifier and feature matching as the rules say."""

    generator_weight = 1.0  # of the objective in the generator's total

    def __init__(self, gan: GAN, rules: Rules):
        super().__init__(gan, rules)
        if rules.mismatched and not (gan.is_conditional and gan.spec.num_classes > 1):
            raise UserError("--mismatched needs a conditional model and at least two classes: there are no wrong labels. Leave it out.")

    def discriminator_loss(self, batch: Batch) -> Loss:
        rules, discriminator, labels = self.rules, self.gan.discriminator, batch.labels
        real = rules.augment(batch.real).requires_grad_(rules.r1 > 0)
        fake = rules.augment_fake(batch.fake.detach()).requires_grad_(rules.r2 > 0)
        real_features, fake_features = discriminator.features(real, labels), discriminator.features(fake, labels)
        real_logits, fake_logits = discriminator.logit(real_features, labels), discriminator.logit(fake_features, labels)
        total = rules.objective.discriminator(real_logits, fake_logits)
        log = shown(d_real=real_logits.mean(), d_fake=fake_logits.mean())
        if rules.mismatched:
            wrong = wrong_labels(labels, self.gan.spec.num_classes)
            wrong_features = discriminator.features(real, wrong) if discriminator.features_know_labels else real_features
            wrong_logits = discriminator.logit(wrong_features, wrong)
            total = torch.lerp(total, rules.objective.discriminator(real_logits, wrong_logits), rules.mismatched)
            log |= shown(d_wrong=wrong_logits.mean())
        log |= shown(d_loss=total)
        if rules.r1:
            r1 = zero_centred_penalty(real_logits, real)
            total, log = total + rules.r1 * r1, log | shown(d_r1=r1)
        if rules.r2:
            r2 = zero_centred_penalty(fake_logits, fake)
            total, log = total + rules.r2 * r2, log | shown(d_r2=r2)
        if rules.gradient_penalty:
            penalty = one_centred_penalty(lambda x: discriminator(x, labels), real.detach(), fake.detach(), random_weights(real))
            total, log = total + rules.gradient_penalty * penalty, log | shown(d_penalty=penalty)
        class_logits = discriminator.classify(real_features)
        if class_logits is not None and rules.auxiliary:
            auxiliary = cross_entropy(class_logits, labels)
            total, log = total + rules.auxiliary * auxiliary, log | shown(d_auxiliary=auxiliary, d_accuracy=accuracy(class_logits, labels))
        return Loss(total, log)

    def generator_loss(self, batch: Batch) -> Loss:
        rules, discriminator, labels = self.rules, self.gan.discriminator, batch.labels
        fake = rules.augment_fake(batch.fake)
        features = discriminator.features(fake, labels)
        logits = discriminator.logit(features, labels)
        real_logits = discriminator(rules.augment(batch.real), labels) if rules.objective.relativistic else logits
        adversarial = rules.objective.generator(real_logits, logits)
        total, log = self.generator_weight * adversarial, shown(g_loss=adversarial)
        class_logits = discriminator.classify(features)
        if class_logits is not None and rules.auxiliary:
            auxiliary = cross_entropy(class_logits, labels)
            total, log = total + rules.auxiliary * auxiliary, log | shown(g_auxiliary=auxiliary)
        if rules.feature_matching:
            matching = self._feature_distance(batch, features)
            total, log = total + rules.feature_matching * matching, log | shown(g_matching=matching)
        return Loss(total, log)

    def _feature_distance(self, batch: Batch, features: Tensor) -> Tensor:
        """Distance of the mean features, of the discriminator as it sees augmented images, or of a frozen extractor of bare ones."""
        extract = self.rules.frozen_features
        if extract is not None:
            return feature_matching(extract(batch.real), extract(batch.fake))
        real = self.gan.discriminator.features(self.rules.augment(batch.real), batch.labels)
        return feature_matching(real, features)
