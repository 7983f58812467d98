"""The ``ca2-rl`` command as a process, and the runs that several tests look at."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
import torch as th
from filelock import FileLock

mpl.use("agg")
# A shell without job control has its background processes ignore Ctrl-C, and they hand that on
signal.signal(signal.SIGINT, signal.default_int_handler)

# What decides where a program draws, which hub it speaks to, and whom it trusts
NOT_INHERITED = {
    *("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"),
    *("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "TRUST_REMOTE_CODE"),
    "PYTHONPATH",
}

# Small and quick, for any algorithm; the hyperparameters that we ship are tested in test_shipped_hyperparams.py and test_wheel.py
QUICK = """\
default:
  policy: MlpPolicy
  n_timesteps: 600
  learning_starts: 100
  learning_rate: lin_1.0e-3
  batch_size: 32
  train_freq: 1
  policy_kwargs:
    net_arch: [16, 16]
"""


class Command:
    """``ca2-rl`` in a process of its own, in a folder that it may write to."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, *args: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ca2_rl", *map(str, args)],
            cwd=cwd or self.folder,
            env={name: value for name, value in os.environ.items() if name not in NOT_INHERITED} | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *args: object, code: int = 0, **kwargs: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(*args, **kwargs)
        try:
            stdout, stderr = process.communicate(timeout=300)
        finally:
            process.kill()
        result = subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
        assert result.returncode == code, f"{result.args} ended with {result.returncode}:\n{stdout}\n{stderr}"
        return result


@pytest.fixture
def ca2_rl(tmp_path: Path) -> Command:
    """Runs a command line as a process in ``tmp_path``."""
    return Command(tmp_path)


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of pytest-xdist share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def caches(session_folder: Path) -> Iterator[None]:
    """Neither reads nor writes what is cached in the user's home, but for matplotlib's list of fonts, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", mpl.get_cachedir())
        patch.setenv("XDG_CACHE_HOME", str(session_folder / "cache"))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    th.set_num_threads(1)


@pytest.fixture(scope="session")
def quick(session_folder: Path) -> Path:
    """A hyperparameter file with which any algorithm trains in no time."""
    path = session_folder / "quick.yml"
    path.write_text(QUICK)
    return path


@pytest.fixture(scope="session")
def trained(session_folder: Path, quick: Path) -> Path:
    """A log folder with 1,000 steps of NoisyDQN on Pendulum, and 512 of PPO on CartPole as the zoo sets it. To be looked at only."""
    folder = session_folder / "trained"
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            train = ("train", "--seed", 0, "--eval-episodes", 1, "--final-episodes", 1)
            result = Command(folder)(*train, "--algo", "noisydqn", "--env", "Pendulum-v1", "-n", 1000, "--conf-file", quick)
            (folder / "stderr").write_text(result.stderr)
            Command(folder)(*train, "--algo", "ppo", "--env", "CartPole-v1", "-n", 300)
            (folder / "done").touch()
    return folder / "logs"


@pytest.fixture(scope="session")
def killed(session_folder: Path, quick: Path) -> Path:
    """The run of a training of NoisyDQN on Pendulum that saved states, and was killed after step 300. To be looked at only."""
    folder = session_folder / "killed"
    run = folder / "logs" / "noisydqn" / "Pendulum-v1_1"
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            argv = ("train", "--algo", "noisydqn", "--env", "Pendulum-v1", "--seed", 0, "-n", 2000, "--conf-file", quick)
            often = ("--save-every", 0.0005, "--eval-freq", 100, "--eval-episodes", 1, "--final-episodes", 0, "--log-interval", 1)
            process = Command(folder).start(*argv, *often, env={"PYTHONUNBUFFERED": "1"})
            assert process.stdout is not None
            for line in process.stdout:
                if "300: return" in line:
                    break
            process.kill()
            process.communicate()
            (folder / "done").touch()
    return run


@pytest.fixture(scope="session")
def registered() -> None:
    """Our algorithms are in the zoo's tables."""
    from ca2_rl.zoo.plugins import register

    register()


@pytest.fixture
def same_step():
    """Asserts that a gradient step of a compiled agent is that of an eager one with the same weights and batches."""

    def check(eager, compiled):
        for model in (eager, compiled):
            model.set_random_seed(1)
            model.train(1, 16)
        assert (eager.fast.way, compiled.fast.way) == ("eager", "program")
        for ours, theirs in zip(compiled.policy.parameters(), eager.policy.parameters(), strict=True):
            th.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)

    return check
