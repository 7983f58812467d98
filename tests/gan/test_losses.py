import math

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from ca2_gan import losses as terms
from ca2_gan.registry import losses

REAL, FAKE = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64), torch.tensor([-0.3, 1.2, -4.0], dtype=torch.float64)


def test_non_saturating_is_cross_entropy_of_the_sigmoid():
    objective = losses.get("non-saturating")
    ones, zeros = torch.ones_like(REAL), torch.zeros_like(REAL)
    expected = binary_cross_entropy(REAL.sigmoid(), ones) + binary_cross_entropy(FAKE.sigmoid(), zeros)
    torch.testing.assert_close(objective.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(objective.generator(REAL, FAKE), binary_cross_entropy(FAKE.sigmoid(), ones))


def test_non_saturating_is_finite_for_huge_logits():
    huge = torch.tensor([1e4, -1e4])
    assert losses.get("non-saturating").discriminator(huge, huge).isfinite()


def test_hinge_by_hand():
    objective = losses.get("hinge")
    assert float(objective.discriminator(REAL, FAKE)) == pytest.approx((0 + 2 + 0.5) / 3 + (0.7 + 2.2 + 0) / 3)
    assert float(objective.generator(REAL, FAKE)) == pytest.approx((0.3 - 1.2 + 4) / 3)


def test_wasserstein_by_hand():
    objective = losses.get("wasserstein")
    assert float(objective.discriminator(REAL, FAKE)) == pytest.approx((-0.3 + 1.2 - 4) / 3 - 0.5)
    assert float(objective.generator(REAL, FAKE)) == pytest.approx(3.1 / 3)


def test_relativistic_pairs_by_index_and_is_symmetric():
    objective = losses.get("relativistic")
    expected = sum(math.log1p(math.exp(f - r)) for r, f in zip(REAL.tolist(), FAKE.tolist(), strict=True)) / 3
    assert float(objective.discriminator(REAL, FAKE)) == pytest.approx(expected)
    torch.testing.assert_close(objective.generator(REAL, FAKE), objective.discriminator(FAKE, REAL))


@pytest.mark.parametrize("name", losses.list())
def test_gradients_push_the_right_way(name):
    """The discriminator raises real and lowers fake logits, the generator raises fake ones."""
    objective = losses.get(name)
    real, fake = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    objective.discriminator(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake.grad = None
    objective.generator(real.detach(), fake).backward()
    assert (fake.grad < 0).all()


class Quadratic(nn.Module):
    """D(x) = x^T A x / 2 + b^T x, whose gradient A x + b is known (A symmetric)."""

    def __init__(self):
        super().__init__()
        a = torch.randn(16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        self.a = nn.Parameter(a + a.T)
        self.b = nn.Parameter(torch.randn(16, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))

    def forward(self, x):
        x = x.flatten(1)
        return ((x @ self.a) * x).sum(dim=1) / 2 + x @ self.b

    def gradient(self, x):
        return x.flatten(1) @ self.a + self.b


def test_zero_centred_penalty_of_a_quadratic():
    network, x = Quadratic(), torch.randn(5, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    expected = network.gradient(x).square().sum(dim=1).mean() / 2
    penalty = terms.zero_centred_penalty(network(x), x)
    torch.testing.assert_close(penalty, expected)
    (ours,) = torch.autograd.grad(penalty, network.b)
    (theirs,) = torch.autograd.grad(expected, network.b)
    torch.testing.assert_close(ours, theirs)  # it can be minimised itself


def test_one_centred_penalty_of_a_quadratic():
    network = Quadratic()
    real, fake = torch.randn(2, 5, 1, 4, 4, dtype=torch.float64).unbind()
    weight = torch.tensor([0.0, 1.0, 0.25, 0.5, 0.9], dtype=torch.float64)
    between = weight.view(-1, 1, 1, 1) * real + (1 - weight.view(-1, 1, 1, 1)) * fake
    expected = (network.gradient(between).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(terms.one_centred_penalty(network, real, fake, weight), expected)


def test_feature_matching_compares_means_and_holds_the_real_side():
    real, fake = torch.randn(6, 4, requires_grad=True), torch.randn(6, 4, requires_grad=True)
    loss = terms.feature_matching(real, fake)
    expected = sum((real[:, i].detach().mean() - fake[:, i].detach().mean()) ** 2 for i in range(4))
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-5)
    assert float(terms.feature_matching(real, real[torch.randperm(6)]).detach()) == pytest.approx(0, abs=1e-12)
    loss.backward()
    assert real.grad is None
    assert fake.grad is not None


def test_expected_fake_loss_is_the_expectation_over_the_classifiers_labels():
    class_logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    pair_logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    p = class_logits.softmax(dim=1)
    expected = sum(p[n, k] * math.log1p(math.exp(-pair_logits[n, k].item())) for n in range(3) for k in range(4)) / 3
    loss = terms.expected_fake_loss(class_logits, pair_logits)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert pair_logits.grad is None
    assert class_logits.grad.abs().sum() > 0


def test_its_gradient_is_that_of_reinforce():
    """The mean over many drawn labels of grad log p(y) * cost(y), with which Li et al. (2017) estimate it."""
    logits, cost_logits = (
        torch.tensor([[0.3, -0.5, 1.0]], dtype=torch.float64, requires_grad=True),
        torch.tensor([[2.0, -1.0, 0.1]], dtype=torch.float64),
    )
    (exact,) = torch.autograd.grad(terms.expected_fake_loss(logits, cost_logits), logits)
    cost = torch.nn.functional.softplus(-cost_logits)[0]
    drawn = logits.detach().softmax(dim=1)[0].multinomial(200_000, replacement=True, generator=torch.Generator().manual_seed(0))
    surrogate = (logits.log_softmax(dim=1)[0, drawn] * cost[drawn]).mean()
    (estimate,) = torch.autograd.grad(surrogate, logits)
    torch.testing.assert_close(estimate, exact, atol=5e-3, rtol=0)


def test_entropy_and_imbalance():
    uniform, sure = torch.zeros(5, 4), torch.tensor([[50.0, 0, 0, 0], [0, 50.0, 0, 0], [0, 0, 50.0, 0], [0, 0, 0, 50.0]])
    assert float(terms.entropy(uniform)) == pytest.approx(math.log(4))
    assert float(terms.entropy(sure)) == pytest.approx(0, abs=1e-6)
    shares = torch.full((4,), 0.25)
    assert float(terms.imbalance(sure, shares)) == pytest.approx(0, abs=1e-6)
    assert float(terms.imbalance(sure[:1].repeat(4, 1), shares)) > 5
