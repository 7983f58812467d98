"""Checks of the exercise ``agent``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn

from ca2_core.course.exercise import WrongError, expect
from ca2_core.course.student import Student
from ca2_core.course.values import as_array, as_number
from ca2_rl.envs.pendulum import EPISODE_STEPS, sample_starts
from ca2_rl.optimum import PendulumOptimum, returns

Array = NDArray[np.float32]

STEPS, TRAINING_EPISODE, SEEDS = 8000, 25, (0, 1)
BOUND = 25.0  # of the mean regret; the solution has 8 to 15, depending on the seed
STARTS, GRID = sample_starts(200, seed=2024), (300, 301)
UPDATES = 1500  # gradient steps on the same batch
TOY_STEPS, TOY_EPISODE, LUCKY_EPISODES = 2500, 5, 20


def epsilon_falls(student: Student) -> None:
    """Epsilon falls from 1 to at most 0.1."""
    found = [as_number(student["epsilon"](progress), f"epsilon({progress:.2f})") for progress in np.linspace(0, 1, 21).tolist()]
    expect(found[0] >= 0.9, f"epsilon(0) is {found[0]:.2f}: at first, when the agent knows nothing, nearly all torques should be random.")
    rises = np.diff(found) > 1e-9
    expect(not rises.any(), f"epsilon rises after {rises.argmax() / 20:.0%} of the training.")
    expect(found[-1] >= 0, f"epsilon(1) is {found[-1]:.2f}, which is not a probability.")
    late = "Until the end, the agent would rarely see the states that its own policy leads to."
    expect(found[-1] <= 0.1 + 1e-9, f"epsilon(1) is {found[-1]:.2f}. {late}")
    expect(found[16] <= 0.3, f"epsilon(0.8) is {found[16]:.2f}: let it fall earlier, so that it can act on what it has learned.")


def learns_rewards_of_last_steps(student: Student) -> None:
    """`update` learns: if the task ends after each step, Q becomes the reward."""
    agent = student["DQN"](0)
    observations, bins, rewards, next_observations, _ = _batch()
    for _ in range(UPDATES):
        batch = (observations, bins, rewards, next_observations, torch.ones(len(bins)))
        loss = agent.update(tuple(column.clone() for column in batch))
    expect(not isinstance(loss, Tensor), "`update` returns a tensor, which keeps the step's graph in memory. Return a float: loss.item().")
    as_number(loss, "update(batch)")
    with torch.no_grad():
        learned = agent.online(observations).gather(1, bins[:, None])[:, 0]
    error = float((learned - rewards).abs().mean())
    causes = "Is the value of the next state added although the task is over? Is Q that of the action taken?"
    expect(error < 0.5, f"after {UPDATES:,} updates Q is {error:.2f} off the rewards on average. {causes}")


def keeps_gradients_out_of_the_targets(student: Student) -> None:
    """`update` takes its targets from the target network, without gradient."""
    agent, seen = student["DQN"](0), _Flow()
    observations, bins, rewards, next_observations, terminated = _batch()
    with seen.watching(agent, next_observations):
        agent.update((observations, bins, rewards, next_observations, terminated))
    expect(seen.target_is_asked, "the target network is never used, so the targets change with the network that learns them.")
    loose = "The loss should pull the prediction towards the target, not the target towards the prediction: use torch.no_grad()."
    expect(not seen.through_target, f"the loss has a gradient through the target network. {loose}")
    expect(not seen.through_next, f"the loss has a gradient through the online network's values of the next states. {loose}")
    owned = {id(parameter) for group in agent.optimizer.param_groups for parameter in group["params"]}
    mixed = any(id(parameter) in owned for parameter in agent.target.parameters())
    expect(not mixed, "the optimizer also has the target network's parameters. The target network must only follow the online one.")


def follows_slowly(student: Student) -> None:
    """The target network follows the online network, slowly."""
    toy = student.once(_toy)
    never = "It keeps its random initial weights, so that the agent only plans one step ahead of a random guess."
    expect(toy.target_moves > 0, f"the target network never changes. {never}")
    always = "That is like having none: the targets change with each gradient step, and learning often diverges."
    expect(toy.share_equal < 0.2, f"the target network equals the online one in {toy.share_equal:.0%} of the updates. {always}")


def knows_that_time_limits_are_no_ends(student: Student) -> None:
    """A time limit is not the end of the task."""
    toy = student.once(_toy)
    share = toy.terminated / max(toy.transitions, 1)
    why = "The environment never terminates: it truncates. The pendulum would have gone on, so the value of the next state counts."
    only = "in an environment that ends episodes only by a time limit"
    expect(toy.terminated == 0, f"{only}, {share:.0%} of the transitions in the batches are marked as terminated. {why}")
    keep = "Keep what env.step returned, then reset."
    expect(toy.backwards == 0, f"after the last step of an episode, the next observation is what the reset returned. {keep}")


def acts_on_what_it_learned(student: Student) -> None:
    """Late in the training, most actions are the agent's own choice."""
    toy = student.once(_toy)
    last = slice(-TOY_STEPS // 10, None)
    observations, torques = np.stack(toy.env.observations[last]), np.array(toy.env.torques[last])
    own = as_array(toy.learner.predict(observations, deterministic=True)[0], "predict(observations)[0]", (len(observations), 1))[:, 0]
    share = float(np.isclose(own, torques, atol=1e-3).mean())
    why = "Does `train` use epsilon with the share of steps that are done? Does it take the best bin otherwise?"
    expect(share > 0.75, f"in the last tenth of a training, {share:.0%} of the actions are the agent's own. {why}")


def returns_the_last_agent(student: Student) -> None:
    """`train` returns the agent of the last step."""
    toy = student.once(_toy)
    same = all(torch.equal(mine, last) for mine, last in zip(toy.agent.online.state_dict().values(), toy.last_weights, strict=True))
    best = f"In this environment the first {LUCKY_EPISODES} episodes are lucky, as episodes from easy initial states are on the pendulum"
    why = f"{best}: the best training episode says nothing about the agent. To select an agent, evaluate it without exploration."
    expect(same, f"the agent that `train` returns is not that of the last update. {why}")


def swings_up(student: Student) -> None:
    """The regret on the pendulum is below 25."""
    best = PendulumOptimum(grid=GRID).returns(STARTS)
    regrets = []
    for seed in SEEDS:
        env = _Counted(gym.make("Pendulum-v1", max_episode_steps=TRAINING_EPISODE), STEPS)
        agent = student["train"](env, STEPS, seed)
        torques, _ = agent.predict(np.zeros((2, 3), dtype=np.float32), deterministic=True)
        as_array(torques, "predict(observations)[0]", (2, 1), "number")
        regrets.append(float((best - returns(agent, STARTS)).mean()))
    each = " and ".join(f"{regret:.0f} with seed {seed}" for seed, regret in zip(SEEDS, regrets, strict=True))
    hint = f"It is the mean over {len(STARTS)} fixed initial states, {EPISODE_STEPS} steps each, after {STEPS:,} steps of training"
    expect(
        np.mean(regrets) < BOUND,
        f"the regret is {each}; the mean has to be below {BOUND:.0f}. {hint}. Doing nothing has a regret of 1,100.",
    )


def _batch(size: int = 64) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Transitions of random states, none of which ends the task."""
    rng = torch.Generator().manual_seed(0)
    angles = torch.rand(2, size, generator=rng) * 2 * torch.pi
    before, after = (torch.stack([angle.cos(), angle.sin(), torch.zeros(size)], dim=1) for angle in angles)
    bins = torch.randint(2, (size,), generator=rng)
    return before, bins, 2 * angles[0].cos() - 3 - bins, after, torch.zeros(size)


@dataclass
class _Flow:
    """Records which networks the gradient of an update passes through."""

    target_is_asked: bool = False
    through_target: bool = False
    through_next: bool = False

    @contextmanager
    def watching(self, agent: Any, next_observations: Tensor) -> Iterator[None]:
        """Watches what both networks return during the block."""

        def look(network: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            is_target = network is agent.target
            self.target_is_asked |= is_target
            of_next = inputs[0].shape == next_observations.shape and torch.equal(inputs[0], next_observations)
            if output.requires_grad and (is_target or of_next):
                output.register_hook(lambda _: self._reached(is_target))

        handles = [network.register_forward_hook(look) for network in (agent.online, agent.target)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _reached(self, is_target: bool) -> None:
        self.through_target |= is_target
        self.through_next |= not is_target


class _Lever(gym.Env[Array, Array]):
    """Rewards a torque that has the sign of the first number observed. The third number is the time. The first episodes pay more, whatever
    the agent does.

    The env never terminates; its time limit is ``TOY_EPISODE`` steps. It records observations and torques.
    """

    observation_space = spaces.Box(-8, 8, (3,))
    action_space = spaces.Box(-2, 2, (1,))

    def __init__(self) -> None:
        self.episode, self.time = -1, 0
        self.observations: list[Array] = []
        self.torques: list[float] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self.episode, self.time = self.episode + 1, 0
        return self._observe(), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if self.time == TOY_EPISODE:
            raise WrongError("`train` steps an environment whose episode is over. After terminated or truncated comes env.reset().")
        torque = float(as_array(action, "the action that `train` gives to env.step", (1,), "number")[0])
        self.observations.append(self.observation)
        self.torques.append(torque)
        reward = float(self.observation[0] * torque) / 2 - 1 + (3 if self.episode < LUCKY_EPISODES else 0)
        self.time += 1
        return self._observe(), reward, False, self.time == TOY_EPISODE, {}

    def _observe(self) -> Array:
        sign = 1.0 if self.np_random.random() < 0.5 else -1.0
        self.observation = np.array([sign, 0, self.time / TOY_EPISODE], dtype=np.float32)
        return self.observation


class _Counted(gym.Wrapper[Any, Any, Any, Any]):
    """Wrapper that fails after a given number of steps."""

    def __init__(self, env: gym.Env[Any, Any], steps: int):
        super().__init__(env)
        self.steps = steps

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self.steps -= 1
        expect(self.steps >= 0, "`train` takes more steps than its argument allows. Agents are compared after the same number of steps.")
        return self.env.step(action)


@dataclass
class _Toy:
    """A training in ``_Lever``, with statistics of the batches that `update` was given."""

    env: _Lever = field(default_factory=_Lever)
    agent: Any = None  # the agent that `train` returned
    learner: Any = None  # the agent of the last update
    updates: int = 0
    transitions: int = 0
    terminated: int = 0
    backwards: int = 0
    target_moves: int = 0
    target_equals: int = 0
    last_weights: list[Tensor] = field(default_factory=list)

    @property
    def share_equal(self) -> float:
        return self.target_equals / self.updates


def _toy(student: Student) -> _Toy:
    """Trains in ``_Lever`` and watches each update."""
    toy, cls = _Toy(), student["DQN"]
    update = cls.update
    target: list[Tensor] | None = None  # parameters of the target network before the last update

    def look(agent: Any, batch: Any) -> Any:
        nonlocal target
        observations, _, _, next_observations, terminated = batch
        toy.updates += 1
        toy.transitions += len(observations)
        toy.terminated += int(torch.as_tensor(terminated).sum())
        toy.backwards += int((next_observations[:, 2] < observations[:, 2]).sum())
        now = [parameter.detach().clone() for parameter in agent.target.parameters()]
        toy.target_moves += target is not None and not _all_equal(now, target)
        toy.target_equals += toy.updates > 1 and _all_equal(now, list(agent.online.parameters()))
        target = now
        result = update(agent, batch)
        toy.learner = agent
        toy.last_weights = [value.clone() for value in agent.online.state_dict().values()]
        return result

    cls.update = look
    try:
        toy.agent = student["train"](toy.env, TOY_STEPS, 0)
    finally:
        cls.update = update
    expect(toy.updates > 0, f"in a training of {TOY_STEPS:,} steps, `train` never calls `update`.")
    expect(isinstance(toy.agent, cls), f"`train` returns a {type(toy.agent).__name__}, where a DQN is needed.")
    return toy


def _all_equal(some: list[Tensor], others: list[Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(some, others, strict=True))


CHECKS = (
    epsilon_falls,
    learns_rewards_of_last_steps,
    keeps_gradients_out_of_the_targets,
    follows_slowly,
    knows_that_time_limits_are_no_ends,
    acts_on_what_it_learned,
    returns_the_last_agent,
    swings_up,
)
