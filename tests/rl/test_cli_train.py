import csv
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch as th
import yaml
from stable_baselines3.common.monitor import load_results

from ca2_core.errors import UserError
from ca2_rl import NoisyDQN, cli
from ca2_rl.common.diagnostics import GRADIENT_NORM, MEAN_Q, RETURN
from ca2_rl.runs import read_run
from ca2_rl.zoo.agents import load_agent, saved_hyperparams

KEYS = ("discretizeddqn", "noisydqn", "ouddpg", "rainbow")
DIAGNOSTICS = {GRADIENT_NORM, MEAN_Q, RETURN}


pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def train(tmp_path, quick, monkeypatch):
    """``ca2-rl train`` in this process, on Pendulum with the quick hyperparameters if nothing else is said; the run's folder."""
    monkeypatch.chdir(tmp_path)

    def call(*argv, folder="logs"):
        episodes = ("--eval-episodes", 1, "--final-episodes", 0)
        settings = () if "--resume" in argv else ("--conf-file", quick, "--env", "Pendulum-v1", *episodes, "-f", folder)
        monkeypatch.setattr(sys, "argv", ["ca2-rl", "train", *map(str, (*settings, *argv))])
        cli.main()
        return max(tmp_path.glob(f"{folder}/*/*_*"), key=lambda path: path.stat().st_mtime)

    return call


@pytest.fixture
def stop_at_250(tmp_path, quick, monkeypatch):
    """The quick hyperparameters with a callback that sends a signal, of the number in STOP_SIGNAL, at step 250."""
    (tmp_path / "stops.py").write_text(
        "import os\n"
        "from stable_baselines3.common.callbacks import BaseCallback\n"
        "class StopAt250(BaseCallback):\n"
        "    def _on_step(self):\n"
        "        if self.num_timesteps == 250:\n"
        "            os.kill(os.getpid(), int(os.environ['STOP_SIGNAL']))\n"
        "        return True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "stop.yml"
    path.write_text(quick.read_text() + "  callback: stops.StopAt250\n")
    return path


def progress(run):
    with (run / "progress.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def logged_steps(run):
    return [int(float(row["time/total_timesteps"])) for row in progress(run)]


def contents(folder: Path):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def weights(run):
    found = read_run(run)
    return load_agent(found.algo, found.model_path).policy.state_dict()


@pytest.mark.parametrize("algo", KEYS)
def test_a_training_leaves_a_run_in_the_zoo_s_layout(algo, train, tmp_path, capsys):
    run = train("--algo", algo, "-n", 450, "--seed", 5, "--log-interval", 1)
    assert run == tmp_path / "logs" / algo / "Pendulum-v1_1"
    assert f"\nSaved to {run.relative_to(tmp_path)}\nNext:\n" in capsys.readouterr().out

    files = {"Pendulum-v1.zip", "best_model.zip", "evaluations.npz", "progress.csv", "0.monitor.csv", "hashes.csv"}
    files |= {f"Pendulum-v1/{name}" for name in ("args.yml", "config.yml", "command.txt")}
    assert {str(path) for path in contents(run)} == files

    found = read_run(run)
    assert (found.algo, found.env_id, found.seed) == (algo, "Pendulum-v1", 5)
    assert saved_hyperparams(found.params_folder)["learning_starts"] == 100
    with np.load(run / "evaluations.npz") as evaluations:
        assert evaluations["timesteps"].tolist() == list(range(45, 451, 45))
    assert progress(run)[0].keys() >= DIAGNOSTICS
    assert all(row[GRADIENT_NORM] for row in progress(run) if row["rollout/ep_rew_mean"])
    for path in (found.model_path, run / "best_model.zip"):
        agent = load_agent(algo, path)
        assert agent.action_space.contains(agent.predict(agent.observation_space.sample(), deterministic=True)[0])


def test_a_process_that_trains_writes_nothing_to_stderr(trained):
    assert (trained.parent / "stderr").read_text() == ""


def test_algorithms_of_the_zoo_train_with_its_own_hyperparameters(trained):
    run = trained / "ppo" / "CartPole-v1_1"
    assert saved_hyperparams(run / "CartPole-v1")["n_envs"] == 8
    assert load_agent("ppo", run / "CartPole-v1.zip").num_timesteps == 512
    assert any(row["train/loss"] for row in progress(run))


@pytest.mark.parametrize("algo", ["dqn", "td3"])
def test_q_learners_of_sb3_log_the_diagnostics_too(algo, train):
    env = ("--env", "CartPole-v1") if algo == "dqn" else ()
    run = train("--algo", algo, *env, "-n", 450, "--log-interval", 1)
    assert progress(run)[0].keys() >= DIAGNOSTICS
    assert float([row[GRADIENT_NORM] for row in progress(run) if row[GRADIENT_NORM]][-1]) > 0  # the last row may have no new step


@pytest.mark.parametrize("algo", KEYS)
def test_the_same_seed_gives_the_same_weights(algo, train):
    first, second, other = (
        weights(train("--algo", algo, "-n", 210, "--seed", seed, folder=folder)) for seed, folder in ((3, "a"), (3, "b"), (4, "c"))
    )
    assert all(th.equal(first[name], second[name]) for name in first)
    assert not all(th.equal(first[name], other[name]) for name in first)


def test_the_zoo_s_flags_are_passed_through(train, tmp_path):
    run = train(
        *(
            "--algo",
            "noisydqn",
            "-n",
            400,
            "--n-eval-envs",
            2,
            "--eval-freq",
            100,
            "--save-freq",
            200,
            "-tb",
            "tensorboard",
            "--save-replay-buffer",
        ),
        *("-params", "n_bins:3", "gamma:0.5", "policy_kwargs:dict(net_arch=[8])"),
        *("--env-kwargs", "g:5.0"),
        folder="elsewhere",
    )
    assert run == tmp_path / "elsewhere" / "noisydqn" / "Pendulum-v1_1"
    agent = load_agent("noisydqn", run / "Pendulum-v1.zip")
    assert (agent.n_bins, agent.gamma, agent.policy.net_arch, agent.num_timesteps) == (3, 0.5, [8], 400)
    found = read_run(run)
    assert found.args["n_eval_envs"] == 2
    assert found.args["env_kwargs"] == {"g": 5.0}
    with np.load(run / "evaluations.npz") as evaluations:
        assert evaluations["timesteps"].tolist() == [100, 200, 300, 400]
    assert {path.name for path in run.glob("*.zip")} >= {"rl_model_200_steps.zip", "rl_model_400_steps.zip"}
    assert (run / "replay_buffer.pkl").exists()
    assert list((tmp_path / "tensorboard").rglob("events.out.tfevents.*"))


def test_a_file_can_cut_the_episodes_of_the_training_alone(train, tmp_path):
    settings = {"n_timesteps": 300, "policy": "MlpPolicy", "learning_starts": 1_000, "env_kwargs": {"max_episode_steps": 50}}
    conf_file = tmp_path / "cut.yml"
    conf_file.write_text(yaml.safe_dump({"Pendulum-v1": settings}))
    run = train("--algo", "noisydqn", "--conf-file", conf_file, "--eval-freq", 150, "--eval-episodes", 1)
    assert load_results(str(run))["l"].tolist() == [50] * 6
    with np.load(run / "evaluations.npz") as evaluations:
        assert evaluations["ep_lengths"].tolist() == [[200], [200]]


def test_several_envs_and_normalised_observations_are_trained_and_resumed(train, stop_at_250, monkeypatch):
    monkeypatch.setenv("STOP_SIGNAL", str(int(signal.SIGINT)))
    with pytest.raises(SystemExit):
        train("--algo", "ouddpg", "--conf-file", stop_at_250, "-n", 400, "-params", "n_envs:2", "normalize:True")
    run = train("--resume", "logs/ouddpg/Pendulum-v1_1", "--trust")  # the callback is code
    assert (run / "Pendulum-v1" / "vecnormalize.pkl").exists()
    assert load_agent("ouddpg", run / "Pendulum-v1.zip").num_timesteps == 400


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_stopped_training_goes_on_where_it_was(number, train, stop_at_250, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STOP_SIGNAL", str(int(number)))
    argv = ("--algo", "noisydqn", "--conf-file", stop_at_250, "-n", 600, "--seed", 2, "--eval-freq", 100, "--log-interval", 1)
    with pytest.raises(SystemExit) as exit_info:
        train(*argv)
    assert exit_info.value.code == 130
    assert capsys.readouterr().out.endswith(
        "Stopped at step 250 of 600. Resume with:\n  ca2-rl train --resume logs/noisydqn/Pendulum-v1_1\n"
    )
    run = tmp_path / "logs" / "noisydqn" / "Pendulum-v1_1"
    before, steps_before = weights(run), logged_steps(run)
    assert load_agent("noisydqn", run / "Pendulum-v1.zip").num_timesteps == 250
    assert [path.name for path in (run / "states").iterdir()] == ["250"]

    assert train("--resume", "logs/noisydqn/Pendulum-v1_1", "--trust") == run  # the callback is code
    assert "Resuming at step 250 of 600" in capsys.readouterr().out
    assert load_agent("noisydqn", run / "Pendulum-v1.zip").num_timesteps == 600
    assert any(not th.equal(before[name], tensor) for name, tensor in weights(run).items())
    assert logged_steps(run)[: len(steps_before)] == steps_before
    assert logged_steps(run) == sorted(logged_steps(run))
    assert logged_steps(run)[-1] == 600
    with np.load(run / "evaluations.npz") as evaluations:
        assert evaluations["timesteps"].tolist() == [100, 200, 300, 400, 500, 600]
    assert load_results(str(run))["l"].tolist() == [200, 200, 200]
    assert not (run / "states").exists()


def test_ctrl_c_before_the_first_step_leaves_nothing(train, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(NoisyDQN, "_setup_learn", interrupted)  # which compiles the gradient step
    with pytest.raises(SystemExit) as exit_info:
        train("--algo", "noisydqn", "-n", 600)
    assert exit_info.value.code == 130
    assert capsys.readouterr().out.endswith("Stopped before the first step: nothing is saved.\n")
    assert not (tmp_path / "logs").exists()


def test_a_training_that_is_too_short_to_learn_says_so(train, capsys):
    train("--algo", "noisydqn", "-n", 100)
    assert "Nothing is learned in 100 steps: the agent learns from step 100 on (learning_starts)." in capsys.readouterr().out


def test_a_complete_run_is_not_touched_by_resume(trained, monkeypatch, capsys):
    run = trained / "noisydqn" / "Pendulum-v1_1"
    before = contents(run)
    monkeypatch.setattr(sys, "argv", ["ca2-rl", "train", "--resume", str(run)])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == f"ca2-rl: {run}: all 1,000 steps are done. To train longer, add -n STEPS.\n"
    assert contents(run) == before


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("algo", KEYS)
def test_n_step_returns_are_resumed_without_a_warning(algo, train):
    """SB3 takes the buffer that it chose itself for the user's choice on loading, and says that n_steps is ignored."""
    train("--algo", algo, "-n", 210, "-params", "n_steps:3")
    run = train("--resume", f"logs/{algo}/Pendulum-v1_1", "-n", 250)
    agent = load_agent(algo, run / "Pendulum-v1.zip")
    assert (agent.n_steps, agent.replay_buffer.n_steps, agent.num_timesteps) == (3, 3, 250)


def test_a_complete_run_goes_on_if_more_steps_are_asked_for(train):
    train("--algo", "discretizeddqn", "-n", 210)
    run = train("--resume", "logs/discretizeddqn/Pendulum-v1_1", "-n", 300)
    assert load_agent("discretizeddqn", run / "Pendulum-v1.zip").num_timesteps == 300


def test_ctrl_c_saves_and_says_how_to_go_on(ca2_rl, tmp_path, quick):
    argv = ("train", "--algo", "noisydqn", "--env", "Pendulum-v1", "--conf-file", quick, "--eval-freq", 300, "--eval-episodes", 1)
    process = ca2_rl.start(*argv, "-n", 9_000, env={"PYTHONUNBUFFERED": "1"})  # from 10,000 on it would compile first
    for line in process.stdout:
        if "300: return" in line:
            break
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    resume_line = stdout.splitlines()[-1].split()
    assert resume_line[:3] == ["ca2-rl", "train", "--resume"]
    run = tmp_path / resume_line[3]
    done = load_agent("noisydqn", run / "Pendulum-v1.zip").num_timesteps

    result = ca2_rl(*resume_line[1:], "-n", done + 100)
    assert f"Resuming at step {done:,} of {done + 100:,}" in result.stdout
    assert load_agent("noisydqn", run / "Pendulum-v1.zip").num_timesteps == done + 100
    assert yaml.safe_load((run / "Pendulum-v1" / "command.txt").read_text())


@pytest.fixture
def odd_envs(tmp_path, monkeypatch):
    """A module with two envs whose 140th step gives a reward, or an observation, that is NaN."""
    (tmp_path / "odd.py").write_text(
        "import gymnasium as gym\nimport numpy as np\n"
        "class Odd(gym.Env):\n"
        "    observation_space = gym.spaces.Box(-1, 1, (2,))\n"
        "    action_space = gym.spaces.Discrete(2)\n"
        "    steps = 0\n"
        "    def __init__(self, spoilt): self.spoilt = spoilt\n"
        "    def reset(self, seed=None, options=None): return np.zeros(2, np.float32), {}\n"
        "    def step(self, action):\n"
        "        self.steps += 1\n"
        "        nan = float('nan') if self.steps == 140 else 0.0\n"
        "        observation = np.full(2, nan if self.spoilt == 'observation' else 0, np.float32)\n"
        "        return observation, nan if self.spoilt == 'reward' else 0.0, False, False, {}\n"
        "for name in ('reward', 'observation'):\n"
        "    gym.register(f'{name}-v0', entry_point=Odd, kwargs={'spoilt': name}, max_episode_steps=50)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(("spoilt", "words"), [("reward", "the reward nan"), ("observation", "an observation that is not finite")])
def test_what_is_not_a_number_is_named_when_it_comes(spoilt, words, train, odd_envs, capsys):
    with pytest.raises(SystemExit):
        train("--algo", "noisydqn", "--env", f"odd:{spoilt}-v0", "-n", 400, "--eval-freq", -1)
    assert capsys.readouterr().err.startswith(f"ca2-rl: the env returned {words} at step 140.")


@pytest.mark.parametrize("algo", KEYS)
def test_an_env_without_an_entry_trains_with_the_general_hyperparameters(algo, tmp_path, monkeypatch, capsys):
    (tmp_path / "short.py").write_text(
        "import gymnasium as gym\n"
        "gym.register('Short-v0', entry_point='gymnasium.envs.classic_control:PendulumEnv', max_episode_steps=20)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    argv = ["train", "--algo", algo, "--env", "short:Short-v0", "-n", "60", "--eval-freq", "-1", "--final-episodes", "0"]
    monkeypatch.setattr(sys, "argv", ["ca2-rl", *argv])
    cli.main()
    assert "ships no hyperparameters for Short-v0" in capsys.readouterr().out
    assert load_agent(algo, tmp_path / "logs" / algo / "Short-v0_1" / "Short-v0.zip").num_timesteps == 60


def test_a_run_that_lives_is_not_resumed(ca2_rl, tmp_path, quick):
    argv = ("train", "--algo", "noisydqn", "--env", "Pendulum-v1", "--conf-file", quick, "--eval-freq", 300, "--eval-episodes", 1)
    process = ca2_rl.start(*argv, "-n", 9_000, env={"PYTHONUNBUFFERED": "1"})
    for line in process.stdout:
        if "300: return" in line:
            break
    run = tmp_path / "logs" / "noisydqn" / "Pendulum-v1_1"
    before = set(contents(run))
    result = ca2_rl("train", "--resume", run, code=2)
    assert result.stderr == f"ca2-rl: {run}: another process is training in this folder. Wait until it has ended, or stop it.\n"
    assert set(contents(run)) >= before
    process.kill()
    process.communicate()
    assert "300: return" in ca2_rl("train", "--resume", run, "-n", 300).stdout  # free again; it had no state yet, so it begins anew


@pytest.mark.slow
def test_trainings_started_at_once_have_folders_of_their_own(ca2_rl, tmp_path, quick):
    argv = ("train", "--algo", "ouddpg", "--env", "Pendulum-v1", "--conf-file", quick, "-n", 150, "--eval-freq", -1)
    processes = [ca2_rl.start(*argv, "--seed", seed) for seed in (0, 1)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    runs = [read_run(path) for path in sorted((tmp_path / "logs" / "ouddpg").iterdir())]
    assert [run.folder.name for run in runs] == ["Pendulum-v1_1", "Pendulum-v1_2"]
    assert {run.seed for run in runs} == {0, 1}
    assert all(run.model_path.exists() for run in runs)


def test_a_folder_that_another_process_took_first_is_left_to_it(train, tmp_path, monkeypatch):
    """Both saw the same latest number before either made its folder."""
    taken = tmp_path / "logs" / "noisydqn" / "Pendulum-v1_1"
    taken.mkdir(parents=True)
    (taken / "note").write_text("mine")
    monkeypatch.setattr("rl_zoo3.exp_manager.get_latest_run_id", lambda *_: 0)
    train("--algo", "noisydqn", "-n", 120, "--eval-freq", -1)
    assert [path.name for path in taken.iterdir()] == ["note"]
    assert (taken.with_name("Pendulum-v1_2") / "Pendulum-v1.zip").exists()


def test_a_run_without_a_model_says_that_it_has_none(tmp_path, trained):
    found = read_run(trained / "noisydqn" / "Pendulum-v1_1")
    (tmp_path / "run" / "Pendulum-v1").mkdir(parents=True)
    (tmp_path / "run" / "Pendulum-v1" / "args.yml").write_bytes((found.params_folder / "args.yml").read_bytes())
    with pytest.raises(UserError, match=r"no Pendulum-v1\.zip"):
        _ = read_run(tmp_path / "run").model_path
