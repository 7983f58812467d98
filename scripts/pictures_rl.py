"""Draws the animations of README and gallery from the shipped agents, and the docs' curves from the runs of ``trained_agents.py``."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import gymnasium as gym
import numpy as np
from moviepy import VideoFileClip
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


def write_gif(frames: list[Image.Image], path: Path, milliseconds: int) -> None:
    """Writes an endless animation of few colours."""
    few = [frame.quantize(COLORS) for frame in frames]
    with whole_file(path) as partial:
        few[0].save(partial, save_all=True, append_images=few[1:], duration=milliseconds, loop=0, optimize=True)


def film(algo: str, env_id: str, steps: int, every: int, size: tuple[int, int], milliseconds: int) -> None:
    """Writes what ``ca2-rl record-video`` records of a shipped agent as an animation.

    :param every: how many frames there are for each that is kept
    :param size: width and height, pixels
    :param milliseconds: for which a frame is shown
    """
    with TemporaryDirectory() as folder:
        COMMAND.run(["record-video", "--algo", algo, "--env", env_id, "-n", str(steps), "--seed", "1", "-o", folder])
        with VideoFileClip(str(next(Path(folder).glob("*.mp4")))) as clip:
            pictures = [Image.fromarray(frame) for frame in islice(clip.iter_frames(), 0, None, every)]
    resampling = Image.Resampling.NEAREST if size[0] > pictures[0].width else Image.Resampling.LANCZOS
    name = env_id.partition("-v")[0].replace("/", "-").lower()
    write_gif([picture.resize(size, resampling) for picture in pictures], IMAGES / f"{algo}-{name}.gif", milliseconds)


def main() -> None:
    films = [play(control, name) for name, control in controllers().items()]
    frames = []
    for parts in zip(*films, strict=True):
        frame = Image.new("RGB", (SIZE * len(parts), SIZE), "white")
        for i, part in enumerate(parts):
            frame.paste(part, (SIZE * i, 0))
        frames.append(frame)
    IMAGES.mkdir(parents=True, exist_ok=True)
    write_gif(frames, IMAGES / "pendulum.gif", milliseconds=50)
    film("rainbow", "LunarLander-v3", steps=300, every=3, size=(300, 200), milliseconds=60)
    film("rainbow", "MinAtar/Breakout-v1", steps=300, every=1, size=(200, 200), milliseconds=60)
    if (ROOT / "logs" / "published").is_dir():
        COMMAND.run(["plot", str(ROOT / "logs" / "published"), "--out", str(IMAGES / "curves.png")])


if __name__ == "__main__":
    main()
