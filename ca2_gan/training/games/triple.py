"""Three players: Triple-GAN (Li et al. 2017), generator and classifier against a discriminator of (image, label) pairs."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from ca2_core.errors import UserError
from ca2_gan.gan import GAN
from ca2_gan.losses import entropy, expected_fake_loss, imbalance
from ca2_gan.registry import games
from ca2_gan.training.batches import Images
from ca2_gan.training.game import Batch, Loss, accuracy, detached, wrong_labels
from ca2_gan.training.games.adversarial import Adversarial, AdversarialOptions
from ca2_gan.training.settings import setting


@dataclass(frozen=True)
class TripleOptions(AdversarialOptions):
    """The objective is the paper's, without penalties."""

    lr_classifier: float = setting(1e-3, "the classifier's learning rate", above=0)
    alpha: float = setting(
        0.1, "the classifier's share of what the discriminator has to reject (the paper's alpha, 1/2 there)", low=0, high=1
    )
    pseudo: float = setting(0.1, "weight of the pseudo-discriminative loss (the paper's alpha_P)", low=0)
    good_enough: float = setting(0.8, "accuracy of the classifier above which the pseudo-discriminative loss is used", low=0, high=1)
    memory: float = setting(0.98, "decay of the running mean of that accuracy, per round", low=0, below=1)
    candidates: int = setting(2, "most probable labels over which the classifier's adversarial term is summed", low=1)
    entropy: float = setting(0.1, "weight of the entropy of the classifier's predictions on unlabelled images", low=0)
    imbalance: float = setting(0.1, "weight of the class imbalance of these predictions", low=0)
    # Fixed in this game, not settings
    loss: str = "non-saturating"
    gradient_penalty: float = 0.0
    r1: float = 0.0
    r2: float = 0.0


@games.register("triple")
class Triple(Adversarial):
    """Pairs (real image, its label) are real; (generated image, its label) and (real image, the classifier's label) are not.

    The classifier learns from labelled pairs, from the discriminator's judgement of its labels, and, once it is good enough,
    from generated pairs. If some images have no labels, its predictions on them are also made confident and balanced.
    """

    Options = TripleOptions
    options: TripleOptions
    running_accuracy: Tensor

    def __init__(self, gan: GAN, options: TripleOptions, source: Images):
        super().__init__(gan, options, source)
        if "classifier" not in gan.players() or not gan.is_conditional:
            raise UserError(f"the game 'triple' needs a classifier as third player; {gan.spec.name} has none. `--model triplegan` has one.")
        self.generator_weight = 1 - options.alpha
        self.class_shares = source.class_shares
        self.register_buffer("running_accuracy", torch.zeros(()))

    @property
    def classifier(self) -> nn.Module:
        return self.gan.get_submodule("classifier")

    @property
    def turns(self) -> tuple[str, ...]:
        return (*super().turns, "classifier")

    def discriminator_loss(self, batch: Batch) -> Loss:
        """BCE(D(x, y), 1) + (1 - alpha) BCE(D(G(y, z), y), 0) + alpha BCE(D(x, y_c), 0), y_c drawn from the classifier's p(y|x)."""
        alpha, discriminator = self.options.alpha, self.gan.discriminator
        with torch.no_grad():
            answers = self.classifier(batch.unlabelled).float().softmax(dim=1).multinomial(1).squeeze(1)  # y_c
        images = self.augment(batch.real)
        features = discriminator.features(images, batch.labels)
        real = discriminator.logit(features, batch.labels)
        fake = discriminator(self.augment_fake(batch.fake.detach()), batch.labels)
        claimed = discriminator(self.augment(batch.unlabelled), answers)
        rejected = (1 - alpha) * softplus(fake).mean() + alpha * softplus(claimed).mean()
        parts = detached(d_real=real.mean(), d_fake=fake.mean(), d_claimed=claimed.mean())
        if self.options.mismatched:
            wrong = discriminator(self.augment(batch.real), wrong_labels(batch.labels, self.gan.spec.num_classes))
            rejected = torch.lerp(rejected, softplus(wrong).mean(), self.options.mismatched)
            parts |= detached(d_wrong=wrong.mean())
        total = softplus(-real).mean() + rejected
        return self.with_class_loss(Loss(total, parts | detached(d_loss=total)), images, features, batch.labels)

    def classifier_loss(self, batch: Batch) -> Loss:
        """Cross-entropy on labelled pairs + alpha E_{y ~ p_c} BCE(D(x, y), 1) + alpha_P cross-entropy on generated pairs."""
        options = self.options
        logits = self.classifier(batch.real)
        right = accuracy(logits, batch.labels).detach()
        self.running_accuracy.lerp_(right, 1 - options.memory)
        labelled = cross_entropy(logits, batch.labels)
        answers = logits if batch.unlabelled is batch.real else self.classifier(batch.unlabelled)  # [N, K]
        likely, candidates = answers.topk(min(options.candidates, answers.shape[1]))  # [N, M]
        with torch.no_grad():
            pair_logits = self.gan.discriminator.logits_as(self.augment(batch.unlabelled), candidates)
        loss = Loss(labelled, detached(c_loss=labelled, c_accuracy=right))
        loss = loss.plus(options.alpha, c_adversarial=expected_fake_loss(likely, pair_logits))
        if self.running_accuracy > options.good_enough:
            loss = loss.plus(options.pseudo, c_pseudo=cross_entropy(self.classifier(batch.fake.detach()), batch.labels))
        if batch.unlabelled is not batch.real:
            loss = loss.plus(options.entropy, c_entropy=entropy(answers))
            loss = loss.plus(options.imbalance, c_imbalance=imbalance(answers, self.class_shares))
        return loss

    def compile_players(self) -> None:
        super().compile_players()
        self.classifier.compile()
