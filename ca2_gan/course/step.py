"""Checks of the exercise ``step``."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ca2_core.course.exercise import expect
from ca2_core.course.student import Student
from ca2_core.course.values import as_number

STEPS, BATCH, LEARNING_RATE = 3, 16, 0.2
LONG, FAST = 500, 1e-2

Trap = Literal[
    "",
    "leftover",
    "discriminator adds up",
    "generator adds up",
    "undetached",
    "wrong real",
    "wrong fake",
    "wrong generator",
    "saturating",
    "both step",
    "generator first",
    "half",
]
TRAPS: Mapping[Trap, str] = {
    "leftover": "the discriminator's gradients of the generator's turn are still there in its own next step: they pull it towards taking "
    "fakes for real. Set its gradients to 0 before its backward pass",
    "discriminator adds up": "the discriminator's gradients of all steps add up. Set them to 0 before each of its backward passes",
    "generator adds up": "the generator's gradients of all steps add up. Set them to 0 before each of its backward passes",
    "undetached": "the gradients of the discriminator's loss reach the generator, too: it learns to make recognisable fakes. "
    "Detach the fakes in the discriminator's turn, and set the generator's gradients to 0 in its own",
    "wrong real": "the discriminator learns that real images are fake. The target of real images is 1",
    "wrong fake": "the discriminator learns that fakes are real. The target of fakes in its turn is 0",
    "wrong generator": "the generator learns to make images that are taken for fake. In its turn, the target of the fakes is 1",
    "saturating": "the generator minimises log(1 - D(G(z))). Where the discriminator is sure, as at first, that has hardly any gradient; "
    "minimise -log D(G(z))",
    "both step": "the discriminator's weights change in the generator's turn, to the generator's liking. Only the generator's optimizer "
    "steps there, and it has only the generator's parameters",
    "generator first": "the generator's turn comes first. That is no mistake in itself, but here the discriminator begins",
    "half": "the discriminator's loss is the mean of both parts. It is their sum here",
}


class Players(NamedTuple):
    """Generator [N, 2] -> [N, 3], discriminator [N, 3] -> logits [N]."""

    generator: nn.Module
    discriminator: nn.Module


def gives_each_its_own_optimizer(student: Student) -> None:
    """`make_optimizers` gives each network an optimizer of its own."""
    players = _players()
    found = student["make_optimizers"](*players, 1e-3)
    expect(isinstance(found, tuple | list) and len(found) == 2, "make_optimizers(...) has to return two optimizers.")
    together = "Then the step that improves the discriminator also moves the generator, and the other way round."
    for name, optimizer, player, other in zip(("first", "second"), found, players, players[::-1], strict=True):
        expect(isinstance(optimizer, torch.optim.Optimizer), f"the {name} that make_optimizers returns is a {type(optimizer).__name__}.")
        owned = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        mine, others = ({id(parameter) for parameter in each.parameters()} for each in (player, other))
        of_both = owned >= mine and owned & others
        expect(not of_both, f"the {name} optimizer has the parameters of both networks. {together}")
        expect(not owned & others, "the optimizers are exchanged: the generator's comes first.")
        expect(owned >= mine, f"the {name} optimizer lacks parameters of its network: they would never change.")
        rates = {group["lr"] for group in optimizer.param_groups}
        expect(rates == {1e-3}, f"the {name} optimizer's learning rate is {min(rates)}, where 0.001 was asked for.")


def loses_by_what_it_gets_wrong(student: Student) -> None:
    """`discriminator_loss` is the cross-entropy with target 1 for real images plus that with target 0 for fakes."""
    real, fake = torch.linspace(-3, 1, 8), torch.linspace(-1, 2, 8)
    found = as_number(_detached(student["discriminator_loss"](real, fake)), "discriminator_loss(real, fake)")
    right = softplus(-real).mean() + softplus(fake).mean()
    squashed = softplus(-real.sigmoid()).mean() + softplus(fake.sigmoid()).mean()
    twice = (
        "a sigmoid is applied twice. BCEWithLogitsLoss has one of its own, and the discriminator returns logits. Gradients all but vanish"
    )
    expect(not _near(found, squashed), f"{twice}.")
    expect(not _near(found, right / 2), f"{TRAPS['half']}.")
    expect(not _near(found, softplus(real).mean() + softplus(-fake).mean()), "the targets are exchanged: real is 1, fake is 0.")
    expect(_near(found, right), f"discriminator_loss(real, fake) is {found:.4f}, where {right:.4f} is right for logits.")


def wants_fakes_to_be_real(student: Student) -> None:
    """`generator_loss` is the cross-entropy of the fakes with target 1."""
    fake = torch.linspace(-4, 1, 8)
    found = as_number(_detached(student["generator_loss"](fake)), "generator_loss(fake)")
    expect(not _near(found, softplus(fake).mean()), f"{TRAPS['wrong generator']}.")
    expect(not _near(found, -softplus(fake).mean()), f"{TRAPS['saturating']}.")
    expect(not _near(found, softplus(-fake.sigmoid()).mean()), "a sigmoid is applied twice: the discriminator returns logits.")
    expect(_near(found, softplus(-fake).mean()), f"generator_loss(fake) is {found:.4f}, where {softplus(-fake).mean():.4f} is right.")


def leaves_the_generator_alone(student: Student) -> None:
    """The discriminator's turn does not reach the generator."""
    players = _players()
    times = dict.fromkeys(range(len(list(players.generator.parameters()))), 0)

    def count(number: int) -> None:
        times[number] += 1

    for number, parameter in enumerate(players.generator.parameters()):
        parameter.register_hook(lambda _, number=number: count(number))
    _play(student, players, 1)
    expect(max(times.values()) > 0, "no gradient reaches the generator in its own turn. Are the fakes detached there, too?")
    spare = (
        "That costs a backward pass, and unless the generator's gradients are set to 0 afterwards, it learns to make recognisable fakes."
    )
    expect(max(times.values()) < 2, f"the generator gets gradients twice in a step. In the discriminator's turn, detach the fakes. {spare}")


def makes_the_right_steps(student: Student) -> None:
    """After three steps both networks are where they should be."""
    played, right = _players(), _players()
    _play(student, played, STEPS)
    _reference(right, STEPS)
    if _alike(played, right):
        return
    for trap, what in TRAPS.items():
        other = _players()
        _reference(other, STEPS, trap)
        expect(not _alike(played, other), f"{what}.")
    pairs = [f"the {name}" for name, one, two in zip(Players._fields, played, right, strict=True) if not _same(one, two)]
    what = "with SGD, where each weight can be worked out, after the discriminator's turn and then the generator's"
    expect(False, f"{' and '.join(pairs)} differ from what three steps lead to {what}. Is each turn one backward pass and one step?")


def returns_numbers(student: Student) -> None:
    """`train_step` returns the two losses as floats."""
    found = _play(student, _players(), 1)
    expect(isinstance(found, tuple | list) and len(found) == 2, "train_step(...) has to return two losses.")
    keeps = "A list of them keeps the graph of each step in memory. `.item()` makes a float"
    expect(not any(isinstance(loss, Tensor) for loss in found), f"the losses are tensors. {keeps}.")
    losses = [as_number(loss, "a loss of train_step(...)") for loss in found]
    wanted = _reference(_players(), 1)
    near = all(_near(loss, value) for loss, value in zip(losses, wanted, strict=True))
    expect(near, f"the losses are {losses[0]:.4f} and {losses[1]:.4f}, where {wanted[0]:.4f} and {wanted[1]:.4f} are right.")


def learns_a_distribution(student: Student) -> None:
    """500 steps take the generator from 0 to numbers around 3."""
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    discriminator = nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1), nn.Flatten(0))
    optimizers = student["make_optimizers"](generator, discriminator, FAST)
    for _ in range(LONG):
        student["train_step"](generator, discriminator, *optimizers, 3 + 0.5 * torch.randn(64, 1), torch.randn(64, 1))
    with torch.no_grad():
        mean = float(generator(torch.randn(2000, 1)).mean())
    expect(abs(mean - 3) < 1, f"the mean of what the generator makes is {mean:.2f} after {LONG} steps; that of the real numbers is 3.")


def _players() -> Players:
    """The same two small networks each time, in float64."""
    rng = torch.Generator().manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3))
    discriminator = nn.Sequential(nn.Linear(3, 5), nn.LeakyReLU(0.2), nn.Linear(5, 1), nn.Flatten(0))
    for parameter in [*generator.parameters(), *discriminator.parameters()]:
        parameter.data = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
    return Players(generator, discriminator)


def _batches(steps: int) -> list[tuple[Tensor, Tensor]]:
    """Real vectors [N, 3] and noise [N, 2] of each step."""
    rng = torch.Generator().manual_seed(1)
    made = [torch.randn(BATCH, 5, generator=rng, dtype=torch.float64) for _ in range(steps)]
    return [(1 + batch[:, :3], batch[:, 3:]) for batch in made]


def _optimizers(players: Players) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    made = [torch.optim.SGD(player.parameters(), lr=LEARNING_RATE) for player in players]
    return made[0], made[1]


def _play(student: Student, players: Players, steps: int) -> Any:
    """Plays the student's steps with SGD; returns what the last one returns."""
    optimizers = _optimizers(players)
    for real, noise in _batches(steps):
        found = student["train_step"](*players, *optimizers, real.clone(), noise.clone())
    return found


def _reference(players: Players, steps: int, trap: Trap = "") -> tuple[float, float]:
    """Plays correct steps, or steps with a mistake; returns the last losses."""
    generator, discriminator = players
    g_optimizer, d_optimizer = _optimizers(players)
    losses = {"d": 0.0, "g": 0.0}

    def discriminator_turn(real: Tensor, fake: Tensor) -> None:
        if trap not in ("leftover", "discriminator adds up"):
            d_optimizer.zero_grad()
        signs = (1 if trap == "wrong real" else -1, -1 if trap == "wrong fake" else 1)
        loss = softplus(signs[0] * discriminator(real)).mean() + softplus(signs[1] * discriminator(fake)).mean()
        (loss / 2 if trap == "half" else loss).backward(retain_graph=True)
        d_optimizer.step()
        if trap == "leftover":
            d_optimizer.zero_grad()
        losses["d"] = loss.item()

    def generator_turn(fake: Tensor) -> None:
        if trap not in ("undetached", "generator adds up"):
            g_optimizer.zero_grad()
        logits = discriminator(fake)
        loss = {"wrong generator": softplus(logits), "saturating": -softplus(logits)}.get(trap, softplus(-logits)).mean()
        loss.backward()
        g_optimizer.step()
        if trap == "both step":
            d_optimizer.step()
        losses["g"] = loss.item()

    for real, noise in _batches(steps):
        if trap == "generator first":
            generator_turn(generator(noise))
            discriminator_turn(real, generator(noise).detach())
        elif trap == "undetached":
            g_optimizer.zero_grad()
            fake = generator(noise)
            discriminator_turn(real, fake)
            generator_turn(fake)
        else:
            fake = generator(noise)
            discriminator_turn(real, fake.detach())
            generator_turn(fake)
    return losses["d"], losses["g"]


def _same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.allclose(mine, theirs, atol=1e-7) for mine, theirs in zip(one.parameters(), other.parameters(), strict=True))


def _alike(one: Players, other: Players) -> bool:
    return _same(one.generator, other.generator) and _same(one.discriminator, other.discriminator)


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _near(found: float, wanted: Tensor | float) -> bool:
    return abs(found - float(wanted)) < 1e-4


CHECKS = (
    gives_each_its_own_optimizer,
    loses_by_what_it_gets_wrong,
    wants_fakes_to_be_real,
    leaves_the_generator_alone,
    makes_the_right_steps,
    returns_numbers,
    learns_a_distribution,
)
