"""``ca2-rl enjoy``: plays a trained agent in a window."""

from collections import defaultdict

import numpy as np
from tqdm import trange

from ca2_core.arguments import Parser, folder
from ca2_rl.commands.agent_options import Playing, add_agent_options, has_display
from ca2_rl.zoo.agents import play
from ca2_rl.zoo.plugins import register


def main(argv: list[str]) -> None:
    """Plays a saved agent and prints the return of each of its episodes."""
    register()
    parser = Parser(prog="ca2-rl enjoy", description="Plays a trained agent in a window and prints the return of each episode.")
    add_agent_options(parser)
    parser.add_argument("--norm-reward", action="store_true", help="print normalised rewards, for an agent trained with VecNormalize")
    parser.add_argument("--reward-log", type=folder, metavar="FOLDER", help="folder for the returns, in the format of SB3's Monitor")
    parser.add_argument("--verbose", type=int, default=1, choices=(0, 1, 2), help="0: no returns, 1 or 2: returns (default: 1)")
    parser.add_argument("-P", "--progress", action="store_true", help="show a progress bar")
    arguments = parser.parse_args(argv)
    playing = Playing(arguments)
    agent = playing.load()
    if not arguments.no_render and not has_display():
        print("No display here: playing without a window. `ca2-rl record-video` makes a video.")
        arguments.no_render = True
    render_mode = None if arguments.no_render else "human"
    env = playing.make_env(render_mode, log_folder=arguments.reward_log, norm_reward=arguments.norm_reward)
    print(f"Playing {playing.model_path}")
    episodes: dict[str, list[float]] = defaultdict(list)
    returns, lengths = np.zeros(env.num_envs), np.zeros(env.num_envs, dtype=int)
    steps = trange(arguments.n_timesteps, disable=not arguments.progress)
    try:
        for _, (rewards, ends, infos) in zip(steps, play(agent, env, playing.deterministic), strict=False):
            if not arguments.no_render:
                env.render("human")
            returns += rewards
            lengths += 1
            for i in np.flatnonzero(ends):
                # On Atari an episode of the env is one life; Monitor has the score of the whole game
                score = float(infos[i].get("episode", {"r": returns[i]})["r"]) if not arguments.norm_reward else float(returns[i])
                if arguments.verbose:
                    print(f"Episode Reward: {score:.2f}\nEpisode Length {lengths[i]}")
                episodes["return"].append(score)
                episodes["length"].append(lengths[i])
                if "is_success" in infos[i]:
                    episodes["success"].append(infos[i]["is_success"])
                returns[i], lengths[i] = 0, 0
    except KeyboardInterrupt:
        pass
    env.close()
    if not arguments.verbose:
        return
    if episodes["success"]:
        print(f"Success rate: {100 * np.mean(episodes['success']):.2f}%")
    if episodes["return"]:
        print(f"{len(episodes['return'])} Episodes")
        print(f"Mean reward: {np.mean(episodes['return']):.2f} +/- {np.std(episodes['return']):.2f}")
        print(f"Mean episode length: {np.mean(episodes['length']):.2f} +/- {np.std(episodes['length']):.2f}")
    else:
        print(f"No episode ended within {arguments.n_timesteps:,} steps. Play more of them with -n.")
