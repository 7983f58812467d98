"""Draws the README's animation and the docs' curves from the runs that ``trained_agents.py`` keeps."""

from collections.abc import Callable

import gymnasium as gym
import numpy as np
from PIL import Image, ImageDraw
from publishing import IMAGES, ROOT
from rl_reports import OURS

from ca2_core.files import whole_file
from ca2_rl.cli import COMMAND
from ca2_rl.envs import pendulum
from ca2_rl.optimum import PendulumOptimum
from ca2_rl.runs import find_runs
from ca2_rl.zoo.agents import load_agent
from ca2_rl.zoo.plugins import TRAINED_AGENTS, register

START = np.array([np.pi, 0.0])  # hanging at rest
SIZE = 150
STEPS = 120
COLORS = 32

# State and steps to go -> torque
Controller = Callable[[np.ndarray, int], float]


def controllers() -> dict[str, Controller]:
    """The agents that are shipped, and the optimum."""
    register()
    by_name: dict[str, Controller] = {}
    for algo, name in OURS.items():
        agent = load_agent(algo, find_runs([TRAINED_AGENTS / algo])[0].model_path)
        by_name[name] = lambda state, _, agent=agent: float(agent.predict(pendulum.observe(state), deterministic=True)[0][0])
    optimum = PendulumOptimum()
    by_name["optimum"] = lambda state, steps: float(optimum.greedy_actions(state[None], steps)[0])
    return by_name


def play(control: Controller, name: str) -> list[Image.Image]:
    """Frames of one episode, with the return so far."""
    env = gym.make("Pendulum-v1", render_mode="rgb_array")
    env.reset()
    raw = env.unwrapped
    raw.state, raw.last_u = START.copy(), None
    frames, total = [], 0.0
    for step in range(STEPS):
        state = np.array(raw.state)
        _, reward, *_ = env.step(np.array([control(state, pendulum.EPISODE_STEPS - step)], dtype=np.float32))
        total += float(reward)
        frame = Image.fromarray(env.render()).crop((75, 75, 425, 425)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        ImageDraw.Draw(frame).text((4, 2), f"{name}\n{total:.0f}", fill="black")
        frames.append(frame)
    return frames


def main() -> None:
    films = [play(control, name) for name, control in controllers().items()]
    frames = []
    for parts in zip(*films, strict=True):
        frame = Image.new("RGB", (SIZE * len(parts), SIZE), "white")
        for i, part in enumerate(parts):
            frame.paste(part, (SIZE * i, 0))
        frames.append(frame.quantize(COLORS))
    IMAGES.mkdir(parents=True, exist_ok=True)
    with whole_file(IMAGES / "pendulum.gif") as partial:
        frames[0].save(partial, save_all=True, append_images=frames[1:], duration=50, loop=0, optimize=True)
    COMMAND.run(["plot", str(ROOT / "logs" / "published"), "--out", str(IMAGES / "curves.png")])


if __name__ == "__main__":
    main()
