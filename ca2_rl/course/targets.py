"""Checks of the exercise ``targets``."""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ca2_core.course.exercise import WrongError, expect
from ca2_core.course.student import Student
from ca2_core.course.values import as_array, as_number

GAMMA = 0.9
BATCH, N_ACTIONS = 6, 3
TIME_LIMIT = (
    "The time limit is not an end of the task: the pendulum would have gone on, so the value of its next state counts. "
    "Without that value, states shortly before the limit get wrong values."
)
FIELDS = ("observations", "actions", "rewards", "next_observations", "terminated", "truncated")


def bootstraps(student: Student) -> None:
    """The target of a step within an episode is r + gamma max Q."""
    found, rewards, next_q = _targets(student, terminated=False, truncated=False)
    wanted = rewards + GAMMA * next_q.amax(1)
    expect(not _same(found, rewards + next_q.amax(1)), "gamma is missing: the next value is not discounted.")
    expect(not _same(found, rewards + GAMMA * next_q.mean(1)), "the mean over the actions is taken, not the value of the best one.")
    expect(_same(found, wanted), f"targets(...) is {_shown(found)}, where r + gamma max Q is {_shown(wanted)}.")


def stops_at_terminal_states(student: Student) -> None:
    """After a terminal state there are no rewards: the target is r."""
    found, rewards, next_q = _targets(student, terminated=True, truncated=False)
    goes_on = _same(found, rewards + GAMMA * next_q.amax(1))
    expect(not goes_on, "the value of a next state is added after a terminated step. No rewards follow the end.")
    expect(_same(found, rewards), f"targets(...) of terminated steps is {_shown(found)}, where the rewards are {_shown(rewards)}.")


def goes_on_at_the_time_limit(student: Student) -> None:
    """A truncated step is not the end of the task: the target is r + gamma max Q."""
    found, rewards, next_q = _targets(student, terminated=False, truncated=True)
    expect(not _same(found, rewards), f"a truncated step counts as the end. {TIME_LIMIT}")
    wanted = rewards + GAMMA * next_q.amax(1)
    expect(_same(found, wanted), f"targets(...) of truncated steps is {_shown(found)}, where r + gamma max Q is {_shown(wanted)}.")
    found, rewards, next_q = _targets(student, terminated=True, truncated=True)
    expect(_same(found, rewards), "a step that is terminated and truncated at once is an end all the same: the target is r.")


def has_no_gradient(student: Student) -> None:
    """Targets are constants: no gradient flows through them."""
    rewards, next_q, _ = _batch()
    leaf, other = next_q.clone().requires_grad_(), next_q.flip(1).requires_grad_()
    no = torch.zeros(BATCH, dtype=torch.bool)
    for name, nets in {"targets": (leaf,), "double_targets": (leaf, other)}.items():
        found = student[name](rewards.clone(), *nets, no.clone(), no.clone(), GAMMA)
        why = "The gradient step would then also move the target towards the prediction. That is another algorithm, which often diverges."
        attached = isinstance(found, Tensor) and found.requires_grad
        expect(not attached, f"the result of {name} has a gradient. {why} Use torch.no_grad() or detach().")


def is_double(student: Student) -> None:
    """Double Q-learning: the online network chooses the action, the target network evaluates it."""
    rewards, online, target = _batch()
    for is_end in (False, True):
        ends = torch.full((BATCH,), is_end)
        no = torch.zeros(BATCH, dtype=torch.bool)
        call = f"double_targets(...){' of terminated steps' if is_end else ''}"
        result = student["double_targets"](rewards.clone(), online.clone(), target.clone(), ends, no, GAMMA)
        found = torch.from_numpy(as_array(result, call, (BATCH,), "number")).float()
        values = {
            "online": online.amax(1),
            "target": target.amax(1),
            "exchanged": _taken(online, target.argmax(1)),
            "right": _taken(target, online.argmax(1)),
        }
        results = {name: rewards + (0 if is_end else GAMMA) * value for name, value in values.items()}
        if not is_end:
            over = "The maximum of noisy values is too high on average. Choosing by one network and evaluating by another reduces this."
            expect(not _same(found, results["online"]), f"the online network chooses the action and also evaluates it. {over}")
            expect(not _same(found, results["target"]), f"the target network chooses the action and also evaluates it. {over}")
            expect(
                not _same(found, results["exchanged"]),
                "the networks are exchanged: the online network has to choose.",
            )
        expect(_same(found, results["right"]), f"{call} is {_shown(found)}, but {_shown(results['right'])} is right.")
    result = student["double_targets"](rewards.clone(), online.clone(), target.clone(), no.clone(), ~no, GAMMA)
    found = torch.from_numpy(as_array(result, "double_targets(...) of truncated steps", (BATCH,), "number")).float()
    expect(not _same(found, rewards), f"double_targets takes a truncated step for the end. {TIME_LIMIT}")


def loss_is_of_the_taken_actions(student: Student) -> None:
    """`td_loss` is the mean squared error of the Q-values of the actions taken."""
    _, q_values, _ = _batch()
    q_values = q_values.clone().requires_grad_()
    actions, targets = torch.tensor([0, 2, 1, 1, 0, 2]), torch.linspace(-2, 3, BATCH)
    loss = student["td_loss"](q_values, actions.clone(), targets.clone())
    value = as_number(loss, "td_loss(...)")
    taken = _taken(q_values, actions).detach()
    crossed = float((taken[:, None] - targets).square().mean())
    shapes = "[B, 1] minus [B] is [B, B] in PyTorch: each prediction is compared with all targets, and learns their mean"
    expect(abs(value - crossed) > 1e-4, f"td_loss(...) compares all pairs. {shapes}. Make both [B].")
    best = float((q_values.detach().amax(1) - targets).square().mean())
    expect(abs(value - best) > 1e-4, "td_loss(...) takes the highest Q-value. The target is about the action that was taken.")
    wanted = float((taken - targets).square().mean())
    expect(abs(value - wanted) < 1e-4, f"td_loss(...) is {value:.4f}, where the mean squared error is {wanted:.4f}.")
    expect(isinstance(loss, Tensor) and loss.requires_grad, "td_loss(...) has no gradient, so nothing can be learned from it.")


def keeps_the_last_observation(student: Student) -> None:
    """`collect` stores the last observation of an episode, not the first observation of the next one."""
    played = _collected(student)
    seen, last = played["next_observations"], played["terminated"] | played["truncated"]
    after_reset = last & (seen[:, 1] == 0)
    why = "An agent would learn that its last action leads to the initial state of the next episode."
    expect(not after_reset.any(), f"in step {after_reset.argmax()} the next observation is that of the reset. {why}")
    within = np.flatnonzero(~last[:-1])
    follows = (played["observations"][within + 1] == seen[within]).all(axis=1)
    expect(follows.all(), f"after step {within[~follows][:1]}, the next observation differs from the observation of the following step.")
    begins = played["observations"][np.flatnonzero(last[:-1]) + 1]
    expect((begins[:, 1] == 0).all(), "after the end of an episode, the next step does not begin with the observation of env.reset.")


def tells_ends_apart(student: Student) -> None:
    """`collect` stores `terminated` and `truncated` separately."""
    played = _collected(student)
    times, actions = played["observations"][:, 1], played["actions"]
    ends, limits = (times == 2) & (actions == 1), times == 4
    merged = "With one flag for both, you can't tell which ends count."
    found = played["terminated"]
    expect(not np.array_equal(found, ends | limits), f"`terminated` is set at the time limit, too. {merged}")
    expect(np.array_equal(found, ends), "`terminated` is not what env.step returned in each step.")
    expect(np.array_equal(played["truncated"], limits), "`truncated` is not what env.step returned in each step.")
    expect(np.array_equal(played["rewards"], times + actions), "`rewards` are not those of the steps.")


class Corridor(gym.Env[NDArray[np.float32], np.int64]):
    """Observations are the number of the episode and of its step. Action 1 in step 2 ends the task; the time limit is 5 steps."""

    observation_space = spaces.Box(0, 1000, (2,))
    action_space = spaces.Discrete(2)

    def __init__(self) -> None:
        self.episode, self.time, self.is_over = -1, 0, True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self.episode, self.time, self.is_over = self.episode + 1, 0, False
        return self._observed(), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        if self.is_over:
            raise WrongError("`collect` steps an environment whose episode is over. After terminated or truncated comes env.reset().")
        reward, ends = float(self.time + int(action)), self.time == 2 and int(action) == 1
        self.time += 1
        truncated = self.time == 5
        self.is_over = ends or truncated
        return self._observed(), reward, ends, truncated, {}

    def _observed(self) -> NDArray[np.float32]:
        return np.array([self.episode, self.time], dtype=np.float32)


def _collected(student: Student, steps: int = 40) -> dict[str, NDArray[Any]]:
    """The arrays that `collect` returns; every other episode lasts until the time limit."""
    played = student["collect"](Corridor(), lambda observation: int(observation[0] % 2), steps, 0)
    expect(isinstance(played, Mapping), f"collect(...) returns a {type(played).__name__}, where a dict is needed.")
    missing = [name for name in FIELDS if name not in played]
    expect(not missing, f"collect(...) leaves out {', '.join(missing)}.")
    shapes = {name: (steps, 2) if "observations" in name else (steps,) for name in FIELDS}
    arrays = {name: as_array(played[name], f"collect(...)[{name!r}]", shape) for name, shape in shapes.items()}
    return arrays | {name: arrays[name].astype(bool) for name in ("terminated", "truncated")}


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    """Rewards [B], and Q-values of two networks, [B, n] each, whose best actions differ."""
    rng = torch.Generator().manual_seed(0)
    rewards = torch.randn(BATCH, generator=rng)
    online = torch.randn(BATCH, N_ACTIONS, generator=rng)
    return rewards, online, online.roll(1, dims=1) + 0.1 * torch.randn(BATCH, N_ACTIONS, generator=rng)


def _targets(student: Student, *, terminated: bool, truncated: bool) -> tuple[Tensor, Tensor, Tensor]:
    """What `targets` returns, and the rewards and Q-values that it was given."""
    rewards, next_q, _ = _batch()
    ends, limits = torch.full((BATCH,), terminated), torch.full((BATCH,), truncated)
    result = student["targets"](rewards.clone(), next_q.clone(), ends, limits, GAMMA)
    return torch.from_numpy(as_array(result, "targets(...)", (BATCH,), "number")).float(), rewards, next_q


def _taken(q_values: Tensor, actions: Tensor) -> Tensor:
    return q_values.gather(1, actions[:, None])[:, 0]


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, atol=1e-5)


def _shown(values: Tensor) -> str:
    return "[" + ", ".join(f"{value:.2f}" for value in values[:3].tolist()) + ", ...]"


CHECKS = (
    bootstraps,
    stops_at_terminal_states,
    goes_on_at_the_time_limit,
    has_no_gradient,
    is_double,
    loss_is_of_the_taken_actions,
    tells_ends_apart,
    keeps_the_last_observation,
)
