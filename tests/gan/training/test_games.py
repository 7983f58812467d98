import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from ca2_core.errors import UserError
from ca2_gan import create_model
from ca2_gan.training.config import Config
from ca2_gan.training.game import split_into_batches, wrong_labels
from ca2_gan.training.games import Adversarial, Batch, Triple


class Fixed(nn.Module):
    """A discriminator whose logit is <w, x> + b[y], with two features."""

    features_know_labels = True

    def __init__(self, classifies=False):
        super().__init__()
        g = torch.Generator().manual_seed(0)
        self.w, self.b = nn.Parameter(torch.randn(64, generator=g)), nn.Parameter(torch.randn(3, generator=g))
        self.names = nn.Linear(2, 3) if classifies else None

    def features(self, x, y):
        return torch.stack([x.flatten(1) @ self.w, self.b[y]], dim=1)

    def logit(self, features, y):
        return features.sum(dim=1)

    def classify(self, features):
        return None if self.names is None else self.names(features)

    def logits_as(self, x, candidates):
        return (x.flatten(1) @ self.w)[:, None] + self.b[candidates]

    def forward(self, x, y):
        return self.logit(self.features(x, y), y)


class Players(nn.Module):
    """What a game needs of a GAN."""

    spec = type("Spec", (), {"name": "fixed", "num_classes": 3})
    is_conditional = True

    def __init__(self, discriminator, classifier=None):
        super().__init__()
        self.discriminator = discriminator
        if classifier is not None:
            self.classifier = classifier

    def players(self):
        return dict(self.named_children())


SOURCE = type("Source", (), {"class_shares": torch.full((3,), 1 / 3)})


def adversarial(players, loss="non-saturating", **options):
    return Adversarial(players, Adversarial.Options(loss=loss, **options), SOURCE)


def triple(players, **options):
    return Triple(players, Triple.Options(**options), SOURCE)


@pytest.fixture
def batch():
    g = torch.Generator().manual_seed(1)
    real, fake, other = (torch.randn(6, 1, 8, 8, generator=g) / 8 for _ in range(3))
    return Batch(real, torch.tensor([0, 1, 2, 0, 1, 2]), other, fake.requires_grad_())


def test_two_players_play_the_objective(batch):
    d = Fixed()
    game = adversarial(Players(d))
    real, fake = d(batch.real, batch.labels), d(batch.fake, batch.labels)
    loss = game.discriminator_loss(batch)
    torch.testing.assert_close(loss.total, softplus(-real).mean() + softplus(fake).mean())
    torch.testing.assert_close(game.generator_loss(batch).total, softplus(-fake).mean())
    assert loss.parts["d_loss"] == loss.total
    assert not loss.parts["d_loss"].requires_grad


def of_labels_only():
    """A discriminator that looks at the label alone: 2 for the first class, -1 for the two others."""
    d = Fixed()
    nn.init.zeros_(d.w)
    d.b.data = torch.tensor([2.0, -1.0, -1.0])
    return d


def test_the_matching_aware_discriminator_also_rejects_wrong_labels(batch):
    """-log s_r - (log(1 - s_w) + log(1 - s_f)) / 2 (Reed et al. 2016, algorithm 1)."""
    batch.labels.fill_(0)  # a wrong label is 1 or 2
    loss = adversarial(Players(of_labels_only()), mismatched=0.5).discriminator_loss(batch)
    accepted, fake, wrong = softplus(torch.tensor([-2.0, 2.0, -1.0]))
    torch.testing.assert_close(loss.total.detach(), accepted + (wrong + fake) / 2)
    assert loss.parts["d_wrong"] == -1


def test_features_that_know_no_labels_serve_right_and_wrong_ones(monkeypatch):
    gan = create_model("letters_gan", num_classes=2, image_shape=(1, 16, 16))
    gan.discriminator.eval()  # spectral norm stands still
    labels = torch.tensor([0, 1, 1, 0])
    batch = Batch(torch.randn(4, 1, 16, 16), labels, torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16))
    expected = gan.discriminator(batch.real, 1 - labels).mean()
    passes = []
    features = gan.discriminator.features
    monkeypatch.setattr(gan.discriminator, "features", lambda *inputs: passes.append(inputs) or features(*inputs))
    loss = adversarial(gan, "hinge", mismatched=0.5).discriminator_loss(batch)
    torch.testing.assert_close(loss.parts["d_wrong"], expected.detach())
    assert len(passes) == 2  # real and generated images


def test_wrong_labels_are_wrong_and_all_equally_likely():
    labels = torch.arange(4).repeat(5000)
    wrong = wrong_labels(labels, 4)
    counts = torch.bincount(4 * labels + wrong, minlength=16).view(4, 4)
    assert (counts.diagonal() == 0).all()
    assert ((counts[~torch.eye(4, dtype=torch.bool)] - 5000 / 3).abs() < 200).all()  # 6 standard deviations


@pytest.mark.parametrize("term", ["mismatched", "class_loss"])
def test_wrong_labels_need_labels(term, batch):
    players = Players(Fixed())
    players.is_conditional = False
    with pytest.raises(UserError, match="needs a conditional model; fixed knows no labels"):
        adversarial(players, **{term: 0.5})
    players.is_conditional = True
    players.spec = type("Spec", (), {"name": "fixed", "num_classes": 1})  # such as a model for each class
    assert "d_loss" in adversarial(players, **{term: 0.5}).discriminator_loss(batch).parts


def test_the_discriminators_loss_does_not_reach_the_generator(batch):
    adversarial(Players(Fixed()), r2=1.0, gradient_penalty=10.0).discriminator_loss(batch).total.backward()
    assert batch.fake.grad is None


def test_penalties_of_a_linear_discriminator(batch):
    """Its gradient is w everywhere: R1 = R2 = |w|^2 / 2, and the one-centred penalty is (|w| - 1)^2."""
    d = Fixed()
    plain = adversarial(Players(d)).discriminator_loss(batch).total
    norm = d.w.norm()
    for term, value in (("r1", norm**2 / 2), ("r2", norm**2 / 2), ("gradient_penalty", (norm - 1) ** 2)):
        loss = adversarial(Players(d), **{term: 3.0}).discriminator_loss(batch)
        torch.testing.assert_close(loss.total - plain, 3 * value, rtol=1e-4, atol=1e-4)
        assert loss.total.requires_grad


def test_relativistic_pairs_have_the_same_label(batch):
    """The label's part of the logit cancels in every pair."""
    d = Fixed()
    game = adversarial(Players(d), "relativistic")
    before = game.discriminator_loss(batch).total, game.generator_loss(batch).total
    with torch.no_grad():
        d.b.add_(torch.tensor([5.0, -3.0, 1.0]))
    torch.testing.assert_close((game.discriminator_loss(batch).total, game.generator_loss(batch).total), before)


@pytest.mark.parametrize("game", ["adversarial", "triple"])
def test_the_class_loss_is_the_cross_entropy_of_the_logits_over_the_labels(batch, game):
    players = Players(Fixed(), nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))
    players.discriminator.features_know_labels = False
    make = {"adversarial": adversarial, "triple": lambda players, **options: Triple(players, Triple.Options(**options), SOURCE)}[game]
    # Each label's logit is its own, so that features under the right label are not those under another
    players.discriminator.features = lambda x, y: (x.flatten(1) @ players.discriminator.w)[:, None]
    players.discriminator.logit = lambda features, y: features[:, 0] + players.discriminator.b[y]
    played = make(players, class_loss=2.0, class_loss_images=len(batch.labels))  # of each of the three classes
    every = players.discriminator.logits_as(batch.real, torch.arange(3).repeat(len(batch.labels), 1))
    for weight in (2, 4 / 3, 2 / 3, 0):
        loss = played.discriminator_loss(batch)
        torch.testing.assert_close(loss.total - loss.parts["d_loss"], weight * cross_entropy(every, batch.labels))
    assert "d_class" not in loss.parts


def test_the_class_loss_compares_with_a_wrong_label_where_features_know_labels(batch):
    d = Fixed()
    loss = adversarial(Players(d), class_loss=1.0).discriminator_loss(batch)
    others = torch.stack([softplus(d.b[(batch.labels + i) % 3] - d.b[batch.labels]) for i in (1, 2)])
    assert others.min(dim=0).values.mean() <= loss.parts["d_class"] <= others.max(dim=0).values.mean()


def test_a_projections_class_loss_is_that_of_its_embeddings(batch):
    gan = create_model("letters_gan", num_classes=3, image_shape=(1, 16, 16), width=4)
    real = torch.rand(5, 1, 16, 16) * 2 - 1
    labels = torch.tensor([0, 1, 2, 1, 0])
    d = gan.discriminator.eval()
    game = Adversarial(gan, Adversarial.Options(class_loss=1.0), SOURCE)
    loss = game.discriminator_loss(Batch(real, labels, real, real.flip(0)))
    expected = cross_entropy(d.features(real, labels) @ d.embedding.weight.T, labels)
    torch.testing.assert_close(loss.parts["d_class"], expected.detach())


def test_auxiliary_classifier_of_both(batch):
    d = Fixed(classifies=True)
    game = adversarial(Players(d), auxiliary=2.0)
    real, fake = (cross_entropy(d.classify(d.features(x, batch.labels)), batch.labels) for x in (batch.real, batch.fake))
    loss = game.discriminator_loss(batch)
    torch.testing.assert_close(loss.total - loss.parts["d_loss"], 2 * real)
    loss = game.generator_loss(batch)
    torch.testing.assert_close(loss.total - loss.parts["g_loss"], 2 * fake)


def test_feature_matching_of_the_discriminators_features(batch):
    d = Fixed()
    loss = adversarial(Players(d), feature_matching=5.0).generator_loss(batch)
    difference = d.features(batch.real, batch.labels).mean(dim=0) - d.features(batch.fake, batch.labels).mean(dim=0)
    torch.testing.assert_close(loss.total - loss.parts["g_loss"], 5 * difference.square().sum(), rtol=1e-4, atol=1e-5)


def test_feature_matching_of_a_frozen_extractor(batch):
    game = adversarial(Players(Fixed()), feature_matching=5.0, matched_features="classifier")
    game.frozen_features = lambda x: x.flatten(1)
    loss = game.generator_loss(batch)
    expected = (batch.real.mean(dim=0) - batch.fake.mean(dim=0)).square().sum()
    torch.testing.assert_close(loss.parts["g_matching"], expected.detach())


def test_augmentation_is_seen_where_the_options_say(batch):
    seen = []

    class Spy(Fixed):
        def features(self, x, y):
            seen.append(x.detach().clone())
            return super().features(x, y)

    game = adversarial(Players(Spy()), augment_on="real")
    game.augment = lambda x: x + 1
    game.discriminator_loss(batch)
    torch.testing.assert_close(seen, [batch.real + 1, batch.fake.detach()])
    seen.clear()
    game.generator_loss(batch)
    torch.testing.assert_close(seen, [batch.fake.detach()])


@pytest.mark.parametrize(
    ("turns", "batches"),
    [
        ("DG", ["DG"]),
        ("DDDG", ["D", "D", "DG"]),
        ("DGC", ["DGC"]),
        ("ABG", ["ABG"]),
        ("ABABG", ["AB", "ABG"]),
    ],
)
def test_every_player_sees_a_batch_once(turns, batches):
    assert split_into_batches(turns) == [list(batch) for batch in batches]


class TestTriple:
    def game(self, batch, accuracy=0.0, likely=None):
        classifier = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        if likely is not None:
            nn.init.zeros_(classifier[1].weight)
            classifier[1].bias.data = torch.eye(3)[likely] * 100
        game = triple(Players(Fixed(), classifier))
        game.running_accuracy.fill_(accuracy)
        return game

    def test_the_discriminator_rejects_generated_pairs_and_the_classifiers_labels_with_a_tenth_of_the_weight(self, batch):
        game = self.game(batch, likely=2)
        d, twos = game.gan.discriminator, torch.full((6,), 2)
        real, fake, claimed = d(batch.real, batch.labels), d(batch.fake, batch.labels), d(batch.unlabelled, twos)
        expected = softplus(-real).mean() + 0.9 * softplus(fake).mean() + 0.1 * softplus(claimed).mean()
        torch.testing.assert_close(game.discriminator_loss(batch).total, expected)

    def test_the_discriminator_may_reject_wrong_labels_too(self, batch):
        batch.labels.fill_(0)
        game = triple(Players(of_labels_only(), self.game(batch, likely=1).classifier), mismatched=0.2)
        accepted, fake, wrong = softplus(torch.tensor([-2.0, 2.0, -1.0]))  # the classifier's answer, 1, is wrong too
        torch.testing.assert_close(game.discriminator_loss(batch).total.detach(), accepted + 0.8 * (0.9 * fake + 0.1 * wrong) + 0.2 * wrong)

    def test_the_generators_weight_is_what_the_classifier_leaves(self, batch):
        game = self.game(batch)
        fake = game.gan.discriminator(batch.fake, batch.labels)
        torch.testing.assert_close(game.generator_loss(batch).total, 0.9 * softplus(-fake).mean())

    def test_the_classifier_learns_from_labels_and_from_the_discriminator(self, batch):
        batch.unlabelled = batch.real
        game = self.game(batch)
        logits = game.classifier(batch.real)
        pair_logits = torch.stack([game.gan.discriminator(batch.real, torch.full((6,), k)) for k in range(3)], dim=1)
        two = logits.softmax(dim=1).scatter(1, logits.argmin(dim=1, keepdim=True), 0)  # only the two most probable labels count
        adversarial = (two / two.sum(dim=1, keepdim=True) * softplus(-pair_logits)).sum(dim=1).mean()
        torch.testing.assert_close(game.classifier_loss(batch).total, cross_entropy(logits, batch.labels) + 0.1 * adversarial)

    def test_generated_pairs_teach_it_once_it_is_good_enough_and_only_it(self, batch):
        batch.unlabelled = batch.real
        poor, good = self.game(batch), self.game(batch, accuracy=0.95)
        good.classifier.load_state_dict(poor.classifier.state_dict())
        pseudo = cross_entropy(good.classifier(batch.fake), batch.labels)
        loss = good.classifier_loss(batch)
        torch.testing.assert_close(loss.total - poor.classifier_loss(batch).total, 0.1 * pseudo)
        loss.total.backward()
        assert batch.fake.grad is None
        assert good.gan.discriminator.w.grad is None

    def test_unlabelled_images_add_entropy_and_balance(self, batch):
        loss = self.game(batch).classifier_loss(batch)
        assert {"c_entropy", "c_imbalance"} <= set(loss.parts)
        batch.unlabelled = batch.real
        assert not {"c_entropy", "c_imbalance"} & set(self.game(batch).classifier_loss(batch).parts)

    def test_its_turns(self, batch):
        assert self.game(batch).turns == ("discriminator", "generator", "classifier")

    def test_needs_a_classifier_and_its_own_objective(self):
        with pytest.raises(UserError, match="needs a classifier as third player; fixed has none"):
            triple(Players(Fixed()))
        with pytest.raises(UserError, match="loss is an option of the game adversarial, not of triple"):
            Config.of({"model": "triplegan", "data": "x", "game": "triple", "loss": "hinge"})
