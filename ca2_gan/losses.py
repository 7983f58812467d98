"""Losses: pure functions on logits and images.

An objective is a pair of losses, for the discriminator and the generator. The other losses are terms that can be added to any objective.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ca2_gan.registry import losses

LogitsLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """What the two players minimise, each a mean over the batch: (logits of real [N], logits of fake [N]) -> scalar.

    :param summary: a line for ``ca2-gan list losses``
    :param discriminator: the discriminator's loss
    :param generator: the generator's loss
    :param relativistic: whether the generator's loss uses the real logits too
    """

    summary: str
    discriminator: LogitsLoss
    generator: LogitsLoss
    relativistic: bool = False


def non_saturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(-D(x)) + softplus(D(G(z))) (Goodfellow et al. 2014), cross-entropy with the labels real and fake."""
    return softplus(-real).mean() + softplus(fake).mean()


def non_saturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(-D(G(z)))."""
    return softplus(-fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))) (Lim & Ye 2017; Miyato et al. 2018)."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def wasserstein_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """D(G(z)) - D(x) (Arjovsky et al. 2017): the negative estimate of the distance."""
    return fake.mean() - real.mean()


def wasserstein_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-D(G(z)), also in the hinge objective."""
    return -fake.mean()


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(-(D(x) - D(x'))), paired by index (Jolicoeur-Martineau 2019; Huang et al. 2024)."""
    return softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(-(D(x') - D(x)))."""
    return softplus(real - fake).mean()


for _name, _objective in {
    "non-saturating": Objective("Goodfellow et al. 2014", non_saturating_discriminator, non_saturating_generator),
    "hinge": Objective("Lim & Ye 2017; Miyato et al. 2018", hinge_discriminator, wasserstein_generator),
    "wasserstein": Objective("Arjovsky et al. 2017; needs --gradient-penalty", wasserstein_discriminator, wasserstein_generator),
    "relativistic": Objective(
        "Jolicoeur-Martineau 2019, paired; R3GAN's loss, together with --r1 and --r2",
        relativistic_discriminator,
        relativistic_generator,
        relativistic=True,
    ),
}.items():
    losses.register(_name)(_objective)


def squared_gradient(logits: Tensor, images: Tensor) -> Tensor:
    """|grad_x D(x)|^2 of each image, differentiable itself (Mescheder et al. 2018): logits [N], images [N, C, H, W] -> [N].

    :param logits: D of the images
    :param images: x, which needs ``requires_grad``
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.flatten(1).square().sum(dim=1)


def zero_centred_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """|grad_x D(x)|^2 / 2, mean over the batch: R1 on real images, R2 on generated ones."""
    return squared_gradient(logits, images).mean() / 2


def one_centred_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """(|grad_x D(x)| - 1)^2 at points between real and generated images (Gulrajani et al. 2017), mean over the batch.

    :param discriminator: images [N, C, H, W] -> logits [N]
    :param real: [N, C, H, W]
    :param fake: the same, paired by index
    :param weight: position of each point, [N], from 0 at the generated image to 1 at the real one
    """
    between = torch.lerp(fake, real, weight[:, None, None, None]).detach().requires_grad_()
    return (squared_gradient(discriminator(between), between).add(1e-12).sqrt() - 1).square().mean()


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """Squared distance between the batch means of features [N, d] (Salimans et al. 2016); no gradient reaches the real ones."""
    return (fake.mean(dim=0) - real.detach().mean(dim=0)).square().sum()


def expected_fake_loss(class_logits: Tensor, pair_logits: Tensor) -> Tensor:
    """Adversarial loss of Triple-GAN's classifier: E_x E_{y ~ p_c(y|x)} of the cross-entropy of D(x, y) with the label "real".

    The gradient reaches the classifier through its probabilities only, without sampling (Li et al. 2017 use REINFORCE).

    :param class_logits: the classifier's logits of M candidate labels, [N, M]; if these are not all labels, their probabilities are
        renormalised to sum to 1
    :param pair_logits: the discriminator's logits of the pairs (x, y), [N, M]
    """
    return (class_logits.softmax(dim=1) * softplus(-pair_logits.detach())).sum(dim=1).mean()


def entropy(class_logits: Tensor) -> Tensor:
    """Mean entropy of the classifier's predictions, in nats: low when it is confident. Logits [N, K]."""
    return -(class_logits.softmax(dim=1) * class_logits.log_softmax(dim=1)).sum(dim=1).mean()


def imbalance(class_logits: Tensor, shares: Tensor) -> Tensor:
    """KL(shares || mean prediction), in nats: 0 when the mean prediction equals the class shares [K]. Logits [N, K]."""
    answer = class_logits.softmax(dim=1).mean(dim=0)
    return (shares * (shares.clamp_min(1e-12).log() - answer.clamp_min(1e-12).log())).sum()
