"""Three players: Triple-GAN (Li et al. 2017), generator and classifier against a discriminator of (image, label) pairs."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from ca2_core.errors import UserError
from ca2_gan.gan import GAN
from ca2_gan.losses import entropy, expected_fake_loss, imbalance
from ca2_gan.registry import games, losses
from ca2_gan.trainers.adversarial import Adversarial
from ca2_gan.trainers.game import Batch, Loss, Rules, accuracy, shown, wrong_labels

ALPHA = 0.1  # the classifier's share of what the discriminator has to reject (the paper's alpha, 1/2 there)
PSEUDO = 0.1  # weight of the pseudo-discriminative loss (the paper's alpha_P)
GOOD_ENOUGH = 0.8  # accuracy of the classifier from which the pseudo-discriminative loss counts
MEMORY = 0.98  # of the running mean of that accuracy, per round
CANDIDATES = 2  # most probable labels over which the classifier's adversarial term is summed
SURE, BALANCED = 0.1, 0.1  # weights of entropy and imbalance of the answers on unlabelled images


@games.register("triple")
class Triple(Adversarial):
    """Pairs (real image, its label) are real; (generated image, its label) and (real image, the classifier's label) are not.

    The classifier learns from labelled pairs, from the discriminator's judgement of its labels, and, once it is good enough,
    from generated pairs. Where not all images are labelled, its answers on them are also made sure and balanced.
    """

    generator_weight = 1 - ALPHA
    running_accuracy: Tensor

    def __init__(self, gan: GAN, rules: Rules):
        super().__init__(gan, rules)
        if gan.classifier is None or not gan.is_conditional:
            raise UserError(f"the game 'triple' needs a classifier as third player; {gan.spec.name} has none. `--model triplegan` has.")
        if rules.objective is not losses.get("non-saturating") or rules.r1 or rules.r2 or rules.gradient_penalty:
            raise UserError("the game 'triple' is defined for `--loss non-saturating` without r1, r2 and gradient penalty. Leave them out.")
        self.register_buffer("running_accuracy", torch.zeros(()))
        self.losses["classifier"] = self.classifier_loss

    @property
    def classifier(self) -> nn.Module:
        player: nn.Module | None = self.gan.classifier
        assert player is not None
        return player

    @property
    def turns(self) -> tuple[str, ...]:
        return (*super().turns, "classifier")

    def discriminator_loss(self, batch: Batch) -> Loss:
        """BCE(D(x, y), 1) + (1 - alpha) BCE(D(G(y, z), y), 0) + alpha BCE(D(x, y_c), 0), y_c drawn from the classifier's p(y|x)."""
        rules, discriminator = self.rules, self.gan.discriminator
        with torch.no_grad():
            answers = self.classifier(batch.unlabelled).float().softmax(dim=1).multinomial(1).squeeze(1)  # y_c
        real = discriminator(rules.augment(batch.real), batch.labels)
        fake = discriminator(rules.augment_fake(batch.fake.detach()), batch.labels)
        claimed = discriminator(rules.augment(batch.unlabelled), answers)
        rejected = (1 - ALPHA) * softplus(fake).mean() + ALPHA * softplus(claimed).mean()
        log = shown(d_real=real.mean(), d_fake=fake.mean(), d_claimed=claimed.mean())
        if rules.mismatched:
            wrong = discriminator(rules.augment(batch.real), wrong_labels(batch.labels, self.gan.spec.num_classes))
            rejected = torch.lerp(rejected, softplus(wrong).mean(), rules.mismatched)
            log |= shown(d_wrong=wrong.mean())
        total = softplus(-real).mean() + rejected
        return Loss(total, log | shown(d_loss=total))

    def classifier_loss(self, batch: Batch) -> Loss:
        """Cross-entropy on labelled pairs + alpha E_{y ~ p_c} BCE(D(x, y), 1) + alpha_P cross-entropy on generated pairs."""
        logits = self.classifier(batch.real)
        right = accuracy(logits, batch.labels).detach()
        self.running_accuracy.lerp_(right, 1 - MEMORY)
        labelled = cross_entropy(logits, batch.labels)
        answers = logits if batch.unlabelled is batch.real else self.classifier(batch.unlabelled)  # [N, K]
        likely, candidates = answers.topk(min(CANDIDATES, answers.shape[1]))  # [N, M]
        with torch.no_grad():
            pair_logits = self.gan.discriminator.logits_as(self.rules.augment(batch.unlabelled), candidates)
        adversarial = expected_fake_loss(likely, pair_logits)
        total, log = labelled + ALPHA * adversarial, shown(c_loss=labelled, c_adversarial=adversarial, c_accuracy=right)
        if self.running_accuracy > GOOD_ENOUGH:
            pseudo = cross_entropy(self.classifier(batch.fake.detach()), batch.labels)
            total, log = total + PSEUDO * pseudo, log | shown(c_pseudo=pseudo)
        if batch.unlabelled is not batch.real:
            sure, balanced = entropy(answers), imbalance(answers, self.rules.class_shares)
            total, log = total + SURE * sure + BALANCED * balanced, log | shown(c_entropy=sure, c_imbalance=balanced)
        return Loss(total, log)
