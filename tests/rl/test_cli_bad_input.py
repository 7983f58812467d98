"""What a user gets wrong ends with exit code 2 and one line that names it, and leaves nothing behind."""

import shutil
import sys
from pathlib import Path

import pytest

from ca2_rl import cli

HYPERPARAMS = {
    "tab.yml": "Pendulum-v1:\n\tpolicy: MlpPolicy\n",
    "list.yml": "- Pendulum-v1\n",
    "empty.yml": "",
    "many.yml": "Pendulum-v1: {policy: MlpPolicy, n_timesteps: many}\n",
    "key.yml": "Pendulum-v1: {policy: MlpPolicy, n_timesteps: 100, learning_rat: 0.1}\n",
    "text.yml": "Pendulum-v1: {policy: MlpPolicy, n_timesteps: 100, learning_rate: 1e-3}\n",
    "other.yml": "Pendulum-v0: {policy: MlpPolicy, n_timesteps: 100}\n",
    "wrapper.yml": "Pendulum-v1: {policy: MlpPolicy, n_timesteps: 100, env_wrapper: no.such.Wrapper}\n",
    "kwargs.yml": "Pendulum-v1: {policy: MlpPolicy, n_timesteps: 100, policy_kwargs: {net_arc: [8]}}\n",
    "eval.yml": "Pendulum-v1: {policy: MlpPolicy, n_timesteps: 100, normalize: 'dict('}\n",
    "negative.yml": "Pendulum-v1: {policy: MlpPolicy, n_timesteps: -5}\n",
    "raises.py": "1 / 0\n",
}
ODD_ENVS = """\
import gymnasium as gym

class Odd(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,))

    def __init__(self, action_space):
        self.action_space = action_space

    def reset(self, seed=None, options=None):
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}

for name, space in {
    "Several-v0": gym.spaces.MultiDiscrete([2, 3]),
    "Unbounded-v0": gym.spaces.Box(-float("inf"), float("inf"), (1,)),
    "Wide-v0": gym.spaces.Box(-1, 1, (20,)),
}.items():
    gym.register(name, entry_point=Odd, kwargs={"action_space": space})
"""

PENDULUM = ("--algo", "discretizeddqn", "--env", "Pendulum-v1")
NOISYDQN = ("--algo", "noisydqn", "--env", "Pendulum-v1")
TRAIN = ("train", *PENDULUM, "-n", "50")
OPTIMIZE = ("optimize", *PENDULUM, "-n", "50", "--n-trials", "1")


@pytest.fixture(scope="module")
def files(tmp_path_factory, trained):
    """Damaged files and runs to start from; ``trained`` as ``good``."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in HYPERPARAMS.items():
        (folder / name).write_text(content)
    (folder / "odd_envs.py").write_text(ODD_ENVS)
    (folder / "file").write_text("not a folder")
    (folder / "folder").mkdir()
    (folder / "good").symlink_to(trained)
    model = (trained / "noisydqn" / "Pendulum-v1_1" / "Pendulum-v1.zip").read_bytes()
    damaged = {"text": b"no zip file", "cut": model[: len(model) // 3], "flipped": model[:-3000] + bytes(100) + model[-2900:]}
    for name, content in damaged.items():
        (folder / f"{name}.zip").write_bytes(content)
        damaged_run(folder, trained, name, "Pendulum-v1.zip", content)
    damaged_run(folder, trained, "no-model", "Pendulum-v1.zip", None)
    damaged_run(folder, trained, "no-csv", "progress.csv", None)
    damaged_run(folder, trained, "empty-csv", "progress.csv", b"")
    damaged_run(folder, trained, "other-csv", "progress.csv", b"a,b\n1,2\n")
    damaged_run(folder, trained, "bad-args", "Pendulum-v1/args.yml", b"algo: [\n")
    damaged_run(folder, trained, "text-args", "Pendulum-v1/args.yml", b"algo\n")
    damaged_run(folder, trained, "bad-config", "Pendulum-v1/config.yml", b"{{{")
    damaged_run(folder, trained, "unknown-algo", "Pendulum-v1/args.yml", b"{algo: noisydq, env: Pendulum-v1, seed: 0}\n")
    return folder


def damaged_run(folder: Path, trained: Path, name: str, file: str, content: bytes | None) -> None:
    shutil.copytree(trained / "noisydqn", folder / name / "noisydqn")
    path = folder / name / "noisydqn" / "Pendulum-v1_1" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)


@pytest.fixture
def mistake(files, tmp_path, monkeypatch, capsys):
    """Runs a command line that is wrong in a copy of ``files``; the line that it printed."""
    work = tmp_path / "work"
    shutil.copytree(files, work, symlinks=True)
    monkeypatch.chdir(work)
    monkeypatch.syspath_prepend(work)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    def run(*argv):
        before = contents(work)
        monkeypatch.setattr(sys, "argv", ["ca2-rl", *map(str, argv)])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        stderr = capsys.readouterr().err
        assert exit_info.value.code == 2
        assert stderr.startswith("ca2-rl: ")
        assert stderr.count("\n") == 1
        assert stderr.endswith("\n")
        assert contents(work) == before
        return stderr.removeprefix("ca2-rl: ").strip()

    return run


def contents(folder: Path):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*") if "__pycache__" not in path.parts}


def cases(command: str, *rows: tuple[str, str, str]):
    """Of (id, arguments with spaces between them, words to be in the line)."""
    return [pytest.param(argv.split(), words, id=f"{command}-{name}") for name, argv, words in rows]


@pytest.mark.parametrize(
    ("argv", "words"),
    cases(
        "train",
        ("algo", "--algo noisydq", "no algorithm 'noisydq'. Did you mean 'noisydqn'?"),
        ("env", "--env Pendulum-v9", "no env 'Pendulum-v9'. Did you mean 'Pendulum-v1'?"),
        ("package", "--gym-packages no_such_package", "can't be imported: No module named 'no_such_package'"),
        ("env-not-installed", "--env Ant-v5 -params n_timesteps:50 --conf-file text.yml", "no entry for Ant-v5"),
        ("option", "--n-step 4", "unrecognized arguments: --n-step"),
        ("no-number", "-n many", "invalid int value: 'many'"),
        ("negative-steps", "-n -5", "--n-timesteps: at least 1 is needed, not -5"),
        ("no-steps", "-n 0", "--n-timesteps: at least 1 is needed, not 0"),
        ("seed", "--seed 99999999999", "--seed: at most 4,294,967,295"),
        ("device", "--device warp", "warp: give auto, cpu, cuda"),
        ("vec-env", "--vec-env fast", "choose from 'dummy', 'subproc'"),
        ("eval-envs", "--n-eval-envs 0", "--n-eval-envs: at least 1 is needed, not 0"),
        ("eval-episodes", "--eval-episodes 0", "--eval-episodes: at least 1 is needed, not 0"),
        ("folder", "-f file", "file is a file, a folder is needed"),
        ("tensorboard", "-tb file", "file is a file, a folder is needed"),
        ("env-kwargs", "--env-kwargs gravity:1", "unexpected keyword argument 'gravity'"),
        ("env-kwargs-type", "--env-kwargs g:[1]", "--env-kwargs g:[1]: Pendulum-v1 does not work with these arguments: "),
        ("one-bin", "-params n_bins:1", "-params: n_bins=1: it has to be at least 2"),
        ("many-bins", "-params n_bins:5000", "over 4,096: use n_bins=4096"),
        ("half-bins", "-params n_bins:2.5", "n_bins: a whole number is needed, this is a number: 2.5"),
        ("name", "-params n_bin:5", "no hyperparameter 'n_bin'. Did you mean 'n_bins'?"),
        ("code", "-params gamma:__import__('os').getpid()", "would have to be evaluated"),
        ("no-value", "-params learning_rate", "-params learning_rate: give name:value"),
        ("policy", "-params policy:'MlpPolic'", "no policy 'MlpPolic'. DiscretizedDQN has MlpPolicy"),
        ("schedule", "-params learning_rate:'fast'", "learning_rate: a number is needed, this is text: 'fast'"),
        ("rate", "-params learning_rate:-1", "learning_rate=-1: it has to be at least 0"),
        ("gamma", "-params gamma:2", "gamma=2: it has to be from 0 to 1"),
        ("unit", "-params train_freq:(1,'week')", "'step' or 'episode' not 'week'"),
        ("twice", "-params gamma:0.9 gamma:0.8", "gamma is given twice"),
        ("never", "--eval-freq 0", "give a number of steps, or a negative number for none"),
        ("meta", "--device meta", "meta: give auto, cpu, cuda"),
        ("cut", "-params env_kwargs:dict(max_episode_steps=1.5)", "-params: env_kwargs: max_episode_steps: a whole number"),
        ("cut-negative", "-params env_kwargs:dict(max_episode_steps=-1)", "max_episode_steps=-1: it has to be at least 1"),
        ("rate-twice", "-params policy_kwargs:dict(optimizer_kwargs=dict(lr=1))", "multiple values for keyword argument 'lr'"),
        ("episodes", "-params train_freq:(1,'episode') n_envs:2", "one env when doing episodic training"),
        ("key", "-params policy_kwargs:{pi:[8]}", "pi would have to be evaluated; text needs quotes"),
        ("widest", "-params policy_kwargs:dict(net_arch=[100000000])", "a list of layer widths up to 65,536 is needed"),
        ("policy-word", "-params policy:Foo", "-params: no policy 'Foo'"),
        ("buffer", "-params buffer_size:10000000000000", "buffer_size: not enough memory"),
        ("threads", "--num-threads -1", "--num-threads: at least 1 is needed, not -1"),
        ("log-interval", "--log-interval 0", "--log-interval: at least 1 is needed, not 0"),
        ("gpu", "--device cuda", "cuda: PyTorch finds no GPU on this machine; give auto or cpu"),
        ("networks", "-params policy_kwargs:dict(net_arch=dict(pi=[8],qf=[8]))", "DiscretizedDQN has one network"),
        ("no-envs", "-params n_envs:0", "n_envs=0: it has to be at least 1"),
        ("noise", "-params noise_type:'normal' noise_std:0.1", "action_noise"),
        ("net-arch", "-params policy_kwargs:dict(net_arc=[8])", "net_arc"),
        ("unclosed", '-params policy_kwargs:"dict(net_arch=["', "not an expression"),
        ("conf-file", "--conf-file nothing.yml", "nothing.yml: no such file"),
        ("conf-module", "--conf-file no_such_module", "No module named 'no_such_module'"),
        ("conf-raises", "--conf-file raises.py", "division by zero"),
        ("yaml-tab", "--conf-file tab.yml", "tab.yml, line 2: not YAML"),
        ("yaml-list", "--conf-file list.yml", "a mapping from env ids to hyperparameters is needed, this is a list"),
        ("yaml-empty", "--conf-file empty.yml", "this is empty"),
        ("yaml-type", "--conf-file many.yml", "n_timesteps: a number is needed, this is text: 'many'"),
        ("yaml-key", "--conf-file key.yml", "no hyperparameter 'learning_rat'. Did you mean 'learning_rate'?"),
        ("yaml-float", "--conf-file text.yml", "YAML reads 1e-3 as text. Write 1.0e-3"),
        ("yaml-env", "--conf-file other.yml", "no entry for Pendulum-v1 and no 'default'. Did you mean 'Pendulum-v0'?"),
        ("yaml-wrapper", "--conf-file wrapper.yml", "'no.such.Wrapper' can't be imported"),
        ("yaml-kwargs", "--conf-file kwargs.yml", "net_arc"),
        ("yaml-eval", "--conf-file eval.yml", "not an expression"),
        ("yaml-negative", "--conf-file negative.yml", "n_timesteps=-5: it has to be at least 1"),
        ("agent-missing", "-i nothing.zip", "nothing.zip"),
        ("agent-text", "-i text.zip", "text.zip: damaged, or not a zip file of SB3"),
        ("agent-cut", "-i cut.zip", "cut.zip"),
        ("agent-flipped", "-i flipped.zip", "flipped.zip"),
        ("agent-folder", "-i folder", "folder: a folder. Give a zip file that SB3 saved."),
        ("resume-missing", "--resume nothing", "nothing: not a run folder of `ca2-rl train`"),
        ("resume-empty", "--resume folder", "folder: not a run folder of `ca2-rl train`"),
        ("resume-other", "--resume no-model/noisydqn/Pendulum-v1_1", "a training of noisydqn can't be resumed with discretizeddqn"),
        ("resume-bad-args", "--resume bad-args/noisydqn/Pendulum-v1_1", "args.yml, line 2: not YAML"),
        ("resume-cut", "--algo noisydqn --resume cut/noisydqn/Pendulum-v1_1", "Pendulum-v1.zip"),
        ("resume-complete", "--algo noisydqn --resume good/noisydqn/Pendulum-v1_1", "all 1,000 steps are done"),
        ("trial-alone", "--trial-id 0", "give --storage and --study-name as well"),
        ("trial-negative", "--trial-id -1 --storage a.log --study-name a", "--trial-id: at least 0 is needed, not -1"),
        ("storage-missing", "--trial-id 0 --storage sqlite:///nothing.db --study-name a", "sqlite:///nothing.db: no such file"),
        ("journal-missing", "--trial-id 0 --storage nothing.log --study-name a", "nothing.log: no such file"),
    ),
)
def test_train(argv, words, mistake):
    assert words in mistake(*TRAIN, *argv)


@pytest.mark.parametrize(
    ("argv", "words"),
    cases(
        "train",
        ("sigma", "--algo noisydqn -params sigma0:-1", "sigma0=-1: it has to be at least 0"),
        ("epsilon", "--algo noisydqn -params exploration_fraction:0.1", "NoisyDQN has no epsilon"),
        ("ou-sigma", "--algo ouddpg -params ou_sigma:-0.1", "ou_sigma=-0.1"),
        ("ou-dt", "--algo ouddpg -params ou_dt:0", "ou_dt=0"),
        ("action-noise", "--algo ouddpg -params noise_type:'normal' noise_std:0.1", "OUDDPG makes its own"),
        ("discrete", "--algo ouddpg --env CartPole-v1", "ouddpg on CartPole-v1: The algorithm only supports"),
        ("multi-discrete", "--algo noisydqn --env Several-v0 --gym-packages odd_envs", "but MultiDiscrete([2 3]) was provided"),
        ("unbounded", "--algo discretizeddqn --env Unbounded-v0 --gym-packages odd_envs", "finite lower and upper bound"),
        ("wide", "--algo discretizeddqn --env Wide-v0 --gym-packages odd_envs", "branching=True"),
        ("tensorboard", "--algo noisydqn -tb /proc/x", "/proc/x: No such file or directory"),
        ("not-ours", "--algo ddpg -params ou_sigma:0.1", "DDPG has no hyperparameter 'ou_sigma'"),
    ),
)
def test_train_with_an_algorithm_or_env_that_does_not_suit(argv, words, mistake, quick):
    assert words in mistake("train", "--env", "Pendulum-v1", "-n", 50, "--conf-file", quick, *argv)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_more_envs_than_files_that_may_be_open(mistake, quick):
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        argv = ("--algo", "noisydqn", "--env", "Pendulum-v1", "--conf-file", quick, "-params", "n_envs:300")
        assert "n_envs=300: each opens a file" in mistake("train", *argv)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("argv", "words"),
    cases(
        "optimize",
        ("algo", "--algo noisydq", "Did you mean 'noisydqn'?"),
        ("no-trials", "--n-trials 0", "--n-trials: at least 1 is needed, not 0"),
        ("no-total", "--max-total-trials 0", "--max-total-trials: at least 1 is needed, not 0"),
        ("no-evaluations", "--n-evaluations 0", "--n-evaluations: at least 1 is needed, not 0"),
        ("startup", "--n-startup-trials -1", "--n-startup-trials: at least 0 is needed, not -1"),
        ("sampler", "--sampler tpee", "choose from 'random', 'tpe', 'auto'"),
        ("storage", "--storage nonsense --study-name a", "--storage nonsense: Could not parse"),
        ("storage-folder", "--storage sqlite:////no/such/folder/a.db --study-name a", "unable to open database file"),
        ("key", "--conf-file key.yml", "Did you mean 'learning_rate'?"),
        ("jobs", "--n-jobs 0", "--n-jobs: at least 1 is needed, not 0"),
    ),
)
def test_optimize(argv, words, mistake):
    assert words in mistake(*OPTIMIZE, *argv)


AGENT = (
    ("algo", "--algo noisydq", "Did you mean 'noisydqn'?"),
    ("env", "--env Pendulum-v9", "Did you mean 'Pendulum-v1'?"),
    ("folder", "-f nothing", "no run of noisydqn on Pendulum-v1 in nothing. Train one with `ca2-rl train"),
    ("default-folder", "--env CartPole-v1", "no run of noisydqn on CartPole-v1 in logs. Train one with `ca2-rl train"),
    ("number", "-f good --exp-id 7", "good/noisydqn/Pendulum-v1_7 folder was not found"),
    ("no-model", "-f no-model", "No model found for noisydqn on Pendulum-v1"),
    ("checkpoint", "-f good --load-checkpoint 5", "rl_model_5_steps.zip"),
    ("last-checkpoint", "-f good --load-last-checkpoint", "No checkpoint found"),
    ("text", "-f text", "Pendulum-v1.zip: damaged, or not a zip file of SB3"),
    ("cut", "-f cut", "Pendulum-v1.zip"),
    ("flipped", "-f flipped", "Pendulum-v1.zip"),
    ("args", "-f bad-args", "args.yml, line 2: not YAML"),
    ("config", "-f bad-config", "config.yml, line 1: not YAML"),
    ("steps", "-f good -n 0", "--n-timesteps: at least 1 is needed, not 0"),
    ("envs", "-f good --n-envs 0", "--n-envs: at least 1 is needed, not 0"),
    ("seed", "-f good --seed -4", "--seed: at least 0 is needed, not -4"),
    ("env-kwargs", "-f good --env-kwargs gravity:1", "unexpected keyword argument 'gravity'"),
    ("env-kwargs-type", "-f good --env-kwargs g:[1]", "--env-kwargs g:[1]: Pendulum-v1 does not work with these arguments: "),
)


@pytest.mark.parametrize(
    ("argv", "words"),
    cases(
        "enjoy",
        *AGENT,
        ("device", "-f good --device warp", "warp: give auto, cpu"),
        ("reward-log", "-f good --reward-log file", "file is a file, a folder is needed"),
    ),
)
def test_enjoy(argv, words, mistake):
    assert words in mistake("enjoy", *NOISYDQN, *argv)


@pytest.mark.parametrize(
    ("argv", "words"), cases("record-video", *AGENT, ("output", "-f good -o file", "file is a file, a folder is needed"))
)
def test_record_video(argv, words, mistake):
    assert words in mistake("record-video", *NOISYDQN, *argv)


@pytest.mark.parametrize(("argv", "words"), cases("push-to-hub", *AGENT))
def test_push_to_hub(argv, words, mistake):
    assert words in mistake("push-to-hub", *NOISYDQN, "-orga", "me", *argv)


def test_push_to_hub_needs_an_organisation(mistake):
    assert "required: -orga/--organization" in mistake("push-to-hub", *NOISYDQN, "-f", "good")


@pytest.mark.parametrize(
    ("argv", "words"),
    cases(
        "evaluate",
        ("no-run", "", "required: RUN"),
        ("missing", "nothing", "nothing: no such folder"),
        ("file", "file", "file: no such folder"),
        ("empty", "folder", "folder: contains no run of `ca2-rl train`"),
        ("episodes", "good --episodes 0", "--episodes: at least 1 is needed, not 0"),
        ("no-number", "good --episodes few", "invalid int value: 'few'"),
        ("seed", "good --seed -1", "--seed: at least 0 is needed, not -1"),
        ("json", "good --json folder", "--json folder: a folder"),
        ("text", "text", "Pendulum-v1.zip: damaged, or not a zip file of SB3"),
        ("cut", "cut", "Pendulum-v1.zip"),
        ("no-model", "no-model", "the training has not finished"),
        ("args", "bad-args", "args.yml, line 2: not YAML"),
        ("text-args", "text-args", "args.yml: a mapping from names to values is needed"),
        ("config", "bad-config", "config.yml, line 1: not YAML"),
        ("algo", "unknown-algo", "no algorithm 'noisydq'. Did you mean 'noisydqn'?"),
    ),
)
def test_evaluate(argv, words, mistake):
    assert words in mistake("evaluate", *argv)


@pytest.mark.parametrize(
    ("argv", "words"),
    cases(
        "plot",
        ("no-run", "", "required: RUN"),
        ("missing", "nothing", "nothing: no such folder"),
        ("empty", "folder", "folder: contains no run of `ca2-rl train`"),
        ("no-csv", "no-csv", "no progress.csv"),
        ("empty-csv", "empty-csv", "empty or damaged"),
        ("other-csv", "other-csv", "not a log of SB3: it has no column 'time/total_timesteps'"),
        ("format", "good/noisydqn -o a.xyz", "no image format '.xyz'. Give a name that ends in"),
        ("no-format", "good/noisydqn -o folder", "no image format ''"),
        ("in-file", "good/noisydqn -o file/a.png", "file: File exists"),
    ),
)
def test_plot(argv, words, mistake):
    assert words in mistake("plot", *argv)


@pytest.mark.parametrize(
    ("argv", "words"),
    cases(
        "explore",
        ("no-env", "", "required: --env"),
        ("env", "--env Pendulum-v9", "Did you mean 'Pendulum-v1'?"),
        ("package", "--env Pendulum-v1 --gym-packages no_such_package", "can't be imported"),
        ("episodes", "--env Pendulum-v1 --episodes 0", "--episodes: at least 1 is needed, not 0"),
        ("seed", "--env Pendulum-v1 --seed -1", "--seed: at least 0 is needed, not -1"),
        ("folder", "--env Blackjack-v1 --episodes 1 -o file", "file: File exists"),
    ),
)
def test_explore(argv, words, mistake):
    assert words in mistake("explore", *argv)


@pytest.mark.parametrize(
    ("argv", "words"),
    cases(
        "benchmark",
        ("missing", "--log-dir nothing", "nothing: no such folder"),
        ("file", "--log-dir file", "file: no such folder"),
        ("empty", "--log-dir folder", "folder: contains no run of `ca2-rl train`"),
        ("args", "--log-dir bad-args", "args.yml, line 2: not YAML"),
        ("steps", "--log-dir good -n 0", "--n-timesteps: at least 1 is needed, not 0"),
        ("output", "--log-dir good --benchmark-dir file", "file is a file, a folder is needed"),
    ),
)
def test_benchmark(argv, words, mistake):
    assert words in mistake("benchmark", *argv)


@pytest.mark.parametrize(
    ("argv", "words"),
    cases("command", ("unknown", "trian", "no command 'trian'. Did you mean 'train'?"), ("option", "--versio", "no command '--versio'")),
)
def test_no_such_command(argv, words, mistake):
    assert words in mistake(*argv)


def test_an_env_whose_package_is_not_installed_says_which(mistake, quick, monkeypatch):
    monkeypatch.setattr("ca2_rl.environments.find_spec", lambda name: None)
    for argv in (("explore",), ("train", "--algo", "noisydqn", "--conf-file", quick)):
        assert "LunarLander-v3 needs Box2D, which is not installed: pip install 'ca2[box2d]'" in mistake(*argv, "--env", "LunarLander-v3")


def test_packages_that_an_option_needs_are_named(mistake, monkeypatch):
    monkeypatch.setattr("ca2_rl.commands.train.find_spec", lambda name: None)
    assert "pip install wandb" in mistake(*TRAIN, "--track")
    assert "pip install optunahub" in mistake(*OPTIMIZE, "--sampler", "auto")


def test_a_trial_that_the_study_does_not_have_is_said(mistake, tmp_path):
    import optuna

    path = tmp_path / "study.log"
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    optuna.create_study(study_name="empty", storage=storage)
    argv = (*TRAIN, "--storage", path, "--study-name")
    assert "--study-name other: no trial 0" in mistake(*argv, "other", "--trial-id", 0)
    assert "--study-name empty: no trial 3" in mistake(*argv, "empty", "--trial-id", 3)
    assert "--study-name empty: no finished trial" in mistake(*argv, "empty")


def test_a_process_behaves_the_same(ca2_rl, tmp_path):
    result = ca2_rl("train", *PENDULUM, "-params", "n_bins:1", code=2)
    assert result.stderr == "ca2-rl: -params: n_bins=1: it has to be at least 2.\n"
    assert list(tmp_path.iterdir()) == []
