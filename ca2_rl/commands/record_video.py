"""``ca2-rl record-video``: records a video of a trained agent."""

import io
import os
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from stable_baselines3.common.vec_env import VecVideoRecorder
from tqdm import trange

from ca2_core.arguments import Parser, folder
from ca2_rl.commands.agent_options import Playing, add_agent_options, has_display
from ca2_rl.zoo.agents import play
from ca2_rl.zoo.plugins import TRAINED_AGENTS, register


class Recorder(VecVideoRecorder):
    """SB3's recorder, without the output of the library that writes the file."""

    def _stop_recording(self) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            super()._stop_recording()


def main(argv: list[str]) -> None:
    """Plays a saved agent and writes an MP4."""
    register()
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
