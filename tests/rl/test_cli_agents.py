"""What ``ca2-rl`` does with trained agents: enjoy, evaluate, plot, record-video, benchmark, push-to-hub."""

import json
import shutil
import socket
import sys
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread

import imageio.v3 as imageio
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from ca2_rl import cli
from ca2_rl.evaluate import evaluate
from ca2_rl.plot import plot_runs
from ca2_rl.runs import find_runs, read_run
from ca2_rl.zoo.agents import load_agent

NOISYDQN = ("--algo", "noisydqn", "--env", "Pendulum-v1")


pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """A command line in this process, in ``tmp_path``; what it printed."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)

    def run(*argv):
        monkeypatch.setattr(sys, "argv", ["ca2-rl", *map(str, argv)])
        cli.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def runs(tmp_path, trained):
    """Two runs of NoisyDQN, the second a copy of the first, and one of PPO."""
    folder = tmp_path / "runs"
    shutil.copytree(trained, folder)
    shutil.copytree(folder / "noisydqn" / "Pendulum-v1_1", folder / "noisydqn" / "Pendulum-v1_2")
    return folder


def test_enjoy_plays_without_a_window_where_there_is_no_display(ca2_rl, trained):
    result = ca2_rl("enjoy", *NOISYDQN, "-f", trained, "-n", 300)
    assert "No display here" in result.stdout
    assert "1 Episodes\nMean reward: -" in result.stdout
    assert result.stderr == ""


def test_enjoy_finds_the_runs_in_logs_and_takes_the_zoo_s_flags(call, trained, tmp_path):
    (tmp_path / "logs").symlink_to(trained)
    assert "No display" not in call("enjoy", *NOISYDQN, "-n", 210, "--no-render", "--load-best")
    printed = call("enjoy", "--algo", "ppo", "--env", "CartPole-v1", "-n", 50, "--stochastic", "--reward-log", "rewards")
    assert "Episode Reward" in printed
    assert list((tmp_path / "rewards").glob("*.monitor.csv"))


def test_enjoy_plays_whole_episodes_also_where_those_of_the_training_were_cut(call, runs):
    config = runs / "noisydqn" / "Pendulum-v1_1" / "Pendulum-v1" / "config.yml"
    config.write_text(yaml.dump(yaml.unsafe_load(config.read_text()) | {"env_kwargs": {"max_episode_steps": 50}}))
    assert "1 Episodes\n" in call("enjoy", *NOISYDQN, "-f", runs, "--exp-id", 1, "-n", 300, "--no-render")


def test_evaluate_scores_runs_and_algorithms(ca2_rl, runs, tmp_path):
    result = ca2_rl("evaluate", runs, "--episodes", 20, "--seed", 7, "--json", "numbers.json")
    assert not result.stderr or result.stderr.startswith("Computing the optimum of Pendulum takes 10 to 40 s, once.")
    assert all(word in result.stdout for word in ("Pendulum-v1_1", "Pendulum-v1_2", "noisydqn, Pendulum-v1: 2 runs", "regret", "IQM"))

    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["command"].startswith("ca2-rl evaluate ")
    first, second, ppo, both = numbers["summary"]
    assert (first["algo"], first["seed"], first["episodes"]) == ("noisydqn", 0, 20)
    episodes = numbers["episodes"][first["run"]]
    assert first["return"]["mean"] == pytest.approx(np.mean(episodes["returns"]))
    assert first["regret"]["mean"] == pytest.approx(np.mean(episodes["regrets"]))
    low, high = first["return"]["iqm_95"]
    assert low <= first["return"]["iqm"] <= high
    assert min(episodes["regrets"]) > -1  # nothing beats the optimum, but for the last digits
    optimum = np.add(episodes["returns"], episodes["regrets"])
    assert np.all((optimum > -500) & (optimum <= 0))
    # The same agent from the same starts
    assert second["return"] == first["return"]
    assert (both["runs"], both["return"]["mean"], both["return"]["std"]) == (2, pytest.approx(first["return"]["mean"]), 0)
    assert ppo["env"] == "CartPole-v1"
    assert ppo["regret"] is None


def test_an_unfinished_run_does_not_stop_its_siblings(call, runs, capsys):
    unfinished = runs / "noisydqn" / "Pendulum-v1_3"
    shutil.copytree(runs / "noisydqn" / "Pendulum-v1_1", unfinished)
    (unfinished / "Pendulum-v1.zip").unlink()
    (unfinished / "progress.csv").unlink()
    assert "Pendulum-v1_2" in call("evaluate", runs / "noisydqn", "--episodes", 1)
    assert "Mean reward" in call("enjoy", *NOISYDQN, "-f", runs, "-n", 210, "--no-render")
    assert "| noisydqn | Pendulum-v1 |" in call("benchmark", "--log-dir", runs / "noisydqn", "-n", 210)
    assert "Written to" in call("plot", runs / "noisydqn")
    with pytest.raises(SystemExit):
        call("evaluate", unfinished)
    assert "the training has not finished" in capsys.readouterr().err


def test_evaluate_counts_the_first_episode_of_each_env_only(trained):
    """Else short episodes would weigh more than long ones."""
    evaluation = evaluate(read_run(trained / "ppo" / "CartPole-v1_1"), episodes=7, seed=3)
    assert evaluation.returns.shape == (7,)
    assert evaluation.regrets is None
    again = evaluate(read_run(trained / "ppo" / "CartPole-v1_1"), episodes=2, seed=5)
    assert np.array_equal(again.returns, evaluation.returns[2:4])  # an episode for each seed, one after the other


def test_packages_that_a_run_names_are_imported_if_the_user_names_or_trusts_them(call, quick, tmp_path, monkeypatch, capsys):
    (tmp_path / "their_env.py").write_text(
        "import gymnasium as gym\n"
        "gym.register('Their-v0', entry_point='gymnasium.envs.classic_control:PendulumEnv', max_episode_steps=20)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    env = ("--env", "Their-v0", "--gym-packages", "their_env")
    call("train", "--algo", "ouddpg", *env, "--conf-file", quick, "-n", 120, "--eval-freq", -1, "--final-episodes", 0)
    import gymnasium as gym

    def forget():
        del gym.registry["Their-v0"]
        del sys.modules["their_env"]

    forget()
    with pytest.raises(SystemExit):
        call("evaluate", "logs", "--episodes", 2)
    assert "If you trust it, add --gym-packages their_env" in capsys.readouterr().err
    assert "Their-v0_1" in call("evaluate", "logs", "--episodes", 2, "--gym-packages", "their_env")
    forget()
    assert "Their-v0_1" in call("evaluate", "logs", "--episodes", 2, "--trust")
    forget()
    assert "Mean reward" in call("enjoy", "--algo", "ouddpg", "--env", "their_env:Their-v0", "-n", 25)


def test_plot_draws_what_was_logged(ca2_rl, trained, tmp_path):
    result = ca2_rl("plot", trained / "noisydqn")
    assert (result.stdout, result.stderr) == ("Written to curves.png\n", "")
    picture = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB"))
    assert min(picture.shape[:2]) > 500
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_plot_writes_the_format_of_the_name_over_what_was_there(suffix, call, runs, tmp_path):
    path = tmp_path / "new" / f"a.{suffix}"
    path.parent.mkdir()
    path.write_text("old")
    call("plot", runs, "-o", path)
    assert path.read_bytes()[:5] in (b"<?xml", b"%PDF-")
    assert list(path.parent.iterdir()) == [path]


def test_plot_gives_several_runs_of_an_algorithm_one_mean_and_a_band(runs):
    figure = plot_runs(find_runs([runs]))
    returns = figure.axes[3]
    assert [len(returns.lines), len(returns.collections)] == [2, 1]  # NoisyDQN's two runs, and PPO's one
    assert len(figure.axes[0].lines) == 1  # PPO logs no gradient norm


def test_record_video_films_the_agent(call, trained, tmp_path):
    printed = call("record-video", *NOISYDQN, "-f", trained, "-n", 40, "-o", "videos")
    assert "MoviePy" not in printed
    (video,) = (tmp_path / "videos").glob("*.mp4")
    frames = imageio.imread(video)
    assert len(frames) in (40, 41)
    assert any((before != after).any() for before, after in pairwise(frames))


def test_a_game_of_few_pixels_with_numbers_from_0_to_1_is_filmed_visibly(call, tmp_path):
    pytest.importorskip("minatar")
    call("record-video", "--algo", "rainbow", "--env", "MinAtar/Breakout-v1", "-n", 5, "-o", "videos")
    (video,) = (tmp_path / "videos").glob("*.mp4")
    frames = imageio.imread(video)
    assert frames.shape[1:] == (200, 200, 3)
    assert frames.max() > 100


def test_benchmark_writes_a_table_of_the_agents(ca2_rl, trained, tmp_path):
    # One agent: each costs a process
    shutil.copytree(trained / "noisydqn", tmp_path / "agents" / "noisydqn")
    result = ca2_rl("benchmark", "--log-dir", "agents", "-n", 210, "--num-threads", 1, "--benchmark-dir", "out")
    assert result.stderr == ""
    lines = [line for line in (tmp_path / "out" / "benchmark.md").read_text().splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    table = pd.DataFrame(rows, columns=header)
    assert table[["algo", "env_id"]].to_numpy().tolist() == [["noisydqn", "Pendulum-v1"]]
    assert float(table["mean_reward"][0]) < 0


class Hub(ThreadingHTTPServer):
    """The few end points of the Hugging Face hub that an upload of small files asks for.

    :param files: what was committed, content by path
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.files: dict[str, bytes] = {}
        self.lfs: dict[str, bytes] = {}
        self.tokens: set[str | None] = set()
        self.repositories: list[dict] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class HubHandler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def answer(self, content, code=200):
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        if "/tree/" in self.path:
            self.answer([])
        elif self.path.startswith("/api/models/"):
            self.answer({"id": "me/agent", "sha": "0" * 40, "siblings": []})
        else:
            self.answer({"error": self.path}, 404)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self):
        body = self.read()
        self.server.tokens.add(self.headers.get("Authorization"))
        if self.path == "/api/repos/create":
            self.server.repositories.append(json.loads(body))
            self.answer({"url": f"{self.server.url}/me/agent", "id": "me/agent"})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            self.answer({"files": [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]})
        elif "/commit/" in self.path:
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.server.files[entry["value"]["path"]] = b64decode(entry["value"]["content"])
            self.answer({"commitUrl": f"{self.server.url}/me/agent/commit/1", "commitOid": "1" * 40, "success": True})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        else:
            self.answer({"error": self.path}, 404)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub():
    server = Hub()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_push_to_hub_uploads_the_agent_with_a_card(ca2_rl, trained, hub, tmp_path):
    env = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_secret", "HF_HUB_DISABLE_XET": "1"}
    argv = ("push-to-hub", *NOISYDQN, "-f", trained, "-orga", "me", "--no-render", "-m", "First")
    ca2_rl(*argv, env=env)
    assert hub.tokens == {"Bearer hf_secret"}
    assert hub.repositories[0]["name"] == "noisydqn-Pendulum-v1"
    assert {"noisydqn-Pendulum-v1.zip", "README.md", "args.yml", "config.yml", "results.json"} <= hub.files.keys()

    (tmp_path / "back.zip").write_bytes(hub.files["noisydqn-Pendulum-v1.zip"])
    pushed = load_agent("noisydqn", tmp_path / "back.zip")
    kept = load_agent("noisydqn", read_run(trained / "noisydqn" / "Pendulum-v1_1").model_path)
    obs = np.array([0.6, -0.8, 1.0], dtype=np.float32)
    assert pushed.predict(obs, deterministic=True)[0] == kept.predict(obs, deterministic=True)[0]

    _, card, text = hub.files["README.md"].decode().split("---", 2)
    (result,) = yaml.safe_load(card)["model-index"][0]["results"]
    assert result["dataset"]["name"] == "Pendulum-v1"
    assert result["metrics"][0]["type"] == "mean_reward"
    assert "**NoisyDQN** Agent playing **Pendulum-v1**" in text


@pytest.mark.parametrize("command", ["push-to-hub", "enjoy"])
def test_a_hub_that_does_not_answer_costs_one_line(command, call, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the attempts
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
        theirs = (*NOISYDQN, "-f", trained, "-orga", "me", "--no-render")
        argv = theirs if command == "push-to-hub" else ("--algo", "dqn", "--env", "CartPole-v1")
        with pytest.raises(SystemExit) as exit_info:
            call(command, *argv)
    assert exit_info.value.code == 2
    stderr = capsys.readouterr().err
    assert stderr.startswith(f"ca2-rl: the hub {url}: ")
    assert stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
