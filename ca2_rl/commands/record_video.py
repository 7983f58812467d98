"""``ca2-rl record-video``: records a video of a trained agent."""

import io
import os
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecVideoRecorder
from tqdm import trange

from ca2_core.arguments import Parser, folder
from ca2_rl.commands.agent_options import Playing, add_agent_options, has_display
from ca2_rl.zoo.agents import play
from ca2_rl.zoo.plugins import TRAINED_AGENTS, register

SMALLEST = 200  # pixels: the sides of a video


def visible(frame: NDArray[Any]) -> NDArray[np.uint8]:
    """A frame [H, W, 3] of bytes at least 200 pixels high and wide; MinAtar's have 10 by 10 numbers from 0 to 1."""
    if frame.dtype != np.uint8:
        scale = 255 if frame.dtype.kind == "f" and frame.max() <= 1 else 1
        frame = (scale * frame).round().clip(0, 255).astype(np.uint8)
    factor = -(-SMALLEST // min(frame.shape[:2]))
    return frame.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else frame


class Recorder(VecVideoRecorder):
    """SB3's recorder of visible frames, without the output of the library that writes the file."""

    def _stop_recording(self) -> None:
        self.recorded_frames = [visible(frame) for frame in self.recorded_frames]
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            super()._stop_recording()


def main(argv: list[str]) -> None:
    """Plays a saved agent and writes an MP4."""
    register()
    warnings.filterwarnings("ignore", ".*RGB-array rendering should return")  # ``visible`` sees to that
    parser = Parser(prog="ca2-rl record-video", description="Plays a trained agent and writes a video of it (MP4).")
    add_agent_options(parser)
    parser.add_argument("-o", "--output-folder", type=folder, metavar="FOLDER", help="output folder (default: videos in the run folder)")
    arguments = parser.parse_args(argv)
    if not has_display():
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    playing = Playing(arguments)
    agent = playing.load()
    is_shipped = Path(arguments.folder) == TRAINED_AGENTS
    target = Path(arguments.output_folder or ("videos" if is_shipped else playing.run.folder / "videos"))
    env = Recorder(
        playing.make_env("rgb_array"),
        str(target),
        record_video_trigger=lambda step: step == 0,
        video_length=arguments.n_timesteps,
        name_prefix=f"{arguments.algo}-{playing.model_path.stem}",
    )
    with suppress(KeyboardInterrupt):
        for _ in zip(trange(arguments.n_timesteps, disable=None, leave=False), play(agent, env, playing.deterministic), strict=False):
            pass
    env.close()
    print(f"Written to {target}")
