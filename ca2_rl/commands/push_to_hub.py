"""``ca2-rl push-to-hub``: publishes a trained agent."""

from importlib import import_module
from typing import Any

from huggingface_sb3 import EnvironmentName, ModelName, ModelRepoId
from rl_zoo3.utils import ALGOS

from ca2_core.arguments import Parser
from ca2_rl.commands.agent_options import Playing, add_agent_options, one_line_from_hub
from ca2_rl.loading.agents import load_agent
from ca2_rl.zoo.agents import make_env, plugin_names, saved_hyperparams
from ca2_rl.zoo.plugins import register


def main(argv: list[str]) -> None:
    """Uploads a saved agent with its settings, a model card, an evaluation and a video."""
    register()
    parser = Parser(
        prog="ca2-rl push-to-hub",
        description="Publishes a trained agent on the Hugging Face hub, with its settings, a model card, ten episodes' return and a video. "
        "Log in with `hf auth login` first.",
    )
    add_agent_options(parser)
    parser.add_argument("-orga", "--organization", required=True, metavar="NAME", help="user or organisation on the hub")
    parser.add_argument("-name", "--repo-name", metavar="NAME", help="name of the repository (default: algorithm-env)")
    parser.add_argument("-m", "--commit-message", default="Initial commit", metavar="TEXT")
    arguments = parser.parse_args(argv)
    playing = Playing(arguments)
    run = playing.run
    playing.load()  # fails early, before an env is made
    env_kwargs = ({} if arguments.no_render else {"render_mode": "rgb_array"}) | arguments.env_kwargs
    env = make_env(run, seed=arguments.seed, env_kwargs=env_kwargs, trust=arguments.trust)
    agent = load_agent(
        ALGOS[run.algo], playing.model_path, env, device=arguments.device, trust=arguments.trust, also=plugin_names(run.algo)
    )  # as saved, because this agent is uploaded
    env_name = EnvironmentName(run.env_id)
    model_name = ModelName(run.algo, env_name)
    repo_id = ModelRepoId(arguments.organization, arguments.repo_name or model_name)
    print(f"Uploading {playing.model_path} to {repo_id}")
    with one_line_from_hub():
        _zoo().package_to_hub(
            agent,
            model_name,
            run.algo,
            ALGOS[run.algo].__name__,
            run.folder,
            saved_hyperparams(run.params_folder, trust=arguments.trust),
            env_kwargs,
            env_name,
            env,
            repo_id=repo_id,
            commit_message=arguments.commit_message,
            is_deterministic=playing.deterministic,
            video_length=arguments.n_timesteps,
            generate_video=not arguments.no_render,
        )


def _zoo() -> Any:
    """rl-zoo3's ``push_to_hub``. It imports ``generate_metadata``, which huggingface_sb3 3.2 has only as ``_generate_metadata``."""
    integration: Any = import_module("huggingface_sb3.push_to_hub")
    if not hasattr(integration, "generate_metadata"):
        integration.generate_metadata = lambda *args: integration._generate_metadata(*args).to_dict()
    return import_module("rl_zoo3.push_to_hub")
