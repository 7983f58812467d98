"""Kills trainings at random moments, and sees whether they end as if nothing had happened.

    python scripts/storm.py --jobs 2        # 200 trainings and 20 full disks: an hour on two cores; the same call goes on if it was stopped
    python scripts/storm.py --quick         # a few of each

Each training is a process of `ca2-rl train` or `ca2-gan train`, killed by SIGKILL once or several times: at any moment, while it trains, or
while it saves. It is gone on with by `--resume`; one that was killed before its folder was a run is started again. Its final weights, and
for an agent its chain of hashes, have to be those of the same training without a kill. Then the disk of a training is filled: the training
has to end with one line and exit code 2, leave no half-written files, and once there is room again end in the same weights.
"""

import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch as th
from publishing import DOCS, as_command, origin, parser, save
from tqdm import tqdm

from ca2_core.files import write_json

PACKAGES = ("stable-baselines3", "gymnasium", "torch", "numpy")
ROOT = Path(__file__).parents[1]
DISK_MB = 256
SETTINGS = """\
default:
  policy: MlpPolicy
  n_timesteps: 1100
  learning_starts: 100
  learning_rate: lin_1.0e-3
  batch_size: 32
  train_freq: 1
  gradient_steps: 1
  buffer_size: 20000
  policy_kwargs:
    net_arch: [16, 16]
"""
# Of `ca2-rl train`, with --algo and --env
AGENTS = {
    "discretizeddqn": ("discretizeddqn", "Pendulum-v1"),
    "noisydqn, 3 steps": ("noisydqn", "Pendulum-v1", "-params", "n_steps:3", "exploration_hold:3"),
    "noisydqn, normalised": ("noisydqn", "CartPole-v1", "-params", "normalize:True"),
    "ouddpg, 2 envs": ("ouddpg", "Pendulum-v1", "-params", "n_envs:2"),
    "dqn": ("dqn", "CartPole-v1"),
    "sac, gSDE": ("sac", "Pendulum-v1", "-n", "600", "-params", "use_sde:True"),
}
# Of `ca2-gan train`
GANS = {
    "letters_gan": ("--model", "letters_gan"),
    "dcgan_radford": ("--model", "dcgan_radford", "--augment", "noise:0.1"),
    "sngan": ("--model", "sngan", "--images", "160"),
    "wgan_gp": ("--model", "wgan_gp", "--images", "160", "--schedule", "linear"),
}


@dataclass(frozen=True)
class Training:
    """A configuration with a seed, in a folder of its own.

    :param half: "rl" or "gan"
    """

    half: str
    name: str
    seed: int
    folder: Path

    def command(self) -> list[str]:
        """Begins the training, or goes on with it if its folder is a run already."""
        return self._agent() if self.half == "rl" else self._gan()

    def _agent(self) -> list[str]:
        if runs := list(self.folder.glob("*/*/*/args.yml")):
            return ["-m", "ca2_rl", "train", "--resume", str(runs[0].parents[1])]
        algo, env, *options = AGENTS[self.name]
        settings = self.folder.with_name(f"{self.folder.name}.yml")
        settings.write_text(SETTINGS)
        often = ("--save-every", "0.0005", "--eval-freq", "500", "--eval-episodes", "1", "--final-episodes", "0", "--log-interval", "1")
        basic = ("--algo", algo, "--env", env, "--conf-file", str(settings), "--seed", str(self.seed), "-f", str(self.folder))
        return ["-m", "ca2_rl", "train", *basic, *often, *options]

    def _gan(self) -> list[str]:
        start = ["-m", "ca2_gan", "train", "--out", str(self.folder / "run"), "--resume"]
        if (self.folder / "run" / "config.yml").is_file():
            return start
        often = ("--checkpoint-seconds", "0.1", "--sample-every", "80", "--log-every", "80")
        budget = ("--data", "glyphs", "--images", "240", "--batch-size", "16", "--threads", "1", "--no-progress")
        return [*start, *budget, *often, "--seed", str(self.seed), *GANS[self.name]]

    def is_training(self) -> bool:
        """Whether it has saved something."""
        return next(self.folder.glob("*/*/states/[0-9]*" if self.half == "rl" else "run/state.pt"), None) is not None

    def is_saving(self) -> bool:
        return next(self.folder.glob("*/*/states/.*.partial" if self.half == "rl" else "run/.state.*.partial*"), None) is not None

    def result(self) -> tuple[str, ...]:
        """Hashes of the final weights and of the chain of hashes; empty without a model."""
        if self.half == "gan":
            model = self.folder / "run" / "model.safetensors"
            return (_hash(model.read_bytes()),) if model.is_file() else ()
        models = [path for path in self.folder.glob("*/*/*-v*.zip") if (path.parent / "hashes.csv").is_file()]
        if len(models) != 1:
            return ()
        with zipfile.ZipFile(models[0]) as archive:
            weights = th.load(io.BytesIO(archive.read("policy.pth")), weights_only=True)
        return _hash(*(weights[name].numpy().tobytes() for name in sorted(weights))), _hash((models[0].parent / "hashes.csv").read_bytes())

    def partial_files(self) -> list[str]:
        return [path.name for path in self.folder.rglob(".*.partial*")]


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]


@dataclass
class Reference:
    """The training without a kill.

    :param begins: seconds until its first state
    """

    result: tuple[str, ...]
    begins: float
    seconds: float


@dataclass
class Outcome:
    """What became of one training.

    :param moments: of its kills, or of the full disk: what it was to be hit in, and seconds since its process began
    """

    seed: int
    half: str
    name: str
    failure: str | None = None
    moments: list[tuple[str, float]] = field(default_factory=list)


def start(training: Training) -> subprocess.Popen[str]:
    """A process that goes on with the training."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
    training.folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen([sys.executable, *training.command()], env=environment, **pipes)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what it wrote to stderr."""
    _, stderr = process.communicate(timeout=900)
    return process.returncode, stderr


def measure(training: Training) -> Reference:
    """Trains without a kill."""
    began = time.monotonic()
    process = start(training)
    begins = 0.0
    while process.poll() is None and not begins:
        time.sleep(0.01)
        begins = time.monotonic() - began if training.is_training() else 0.0
    code, stderr = end(process)
    if code or not training.result():
        raise RuntimeError(f"{training.name}, seed {training.seed}: exit code {code}: {stderr}")
    reference = Reference(training.result(), begins, time.monotonic() - began)
    shutil.rmtree(training.folder)
    return reference


def recalled(out: Path, training: Training) -> Reference:
    """The same, measured once and kept."""
    path = out / f"{training.half}-{training.name.replace(' ', '_')}-{training.seed}.json"
    if not path.is_file():
        write_json(path, vars(measure(training)))
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Reference(tuple(kept["result"]), kept["begins"], kept["seconds"])


def hit(process: subprocess.Popen[str], training: Training, kind: str, after: float, act: Callable[[], None]) -> float | None:
    """Waits for a moment and acts; the seconds since the process began, or None if it had ended before.

    :param kind: "saving": the next time it saves after that moment; "training": as long after its first state; "any"
    """
    began = time.monotonic()
    while kind == "training" and process.poll() is None and not training.is_training():
        time.sleep(0.005)
    begins = time.monotonic()
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(after - (begins - began if kind != "training" else 0), 0))
    while kind == "saving" and process.poll() is None and not training.is_saving():
        time.sleep(0.0005)
    if process.poll() is not None:
        return None
    act()
    return time.monotonic() - began


def storm(training: Training, reference: Reference, seed: int) -> Outcome:
    """Kills it, one to three times, and goes on with it to its end."""
    rng, outcome = random.Random(seed), Outcome(seed, training.half, training.name)
    wanted = rng.choices((1, 2, 3), (7, 2, 1))[0]
    share = 1.0  # of the time that the reference took
    while len(outcome.moments) < wanted:
        kind = rng.choice(("any", "training", "saving"))
        process = start(training)
        span = reference.seconds - (reference.begins if kind == "training" else 0)
        seconds = hit(process, training, kind, share * rng.uniform(0, span), process.kill)
        code, _ = end(process)
        if seconds is not None and code == -signal.SIGKILL:
            outcome.moments.append((kind, round(seconds, 3)))
        elif outcome.moments or code:  # it has come to its end, by fewer kills
            break
        else:  # before its first
            shutil.rmtree(training.folder)
            share *= 0.8
    outcome.failure = finish(training, reference)
    if outcome.failure is None:
        shutil.rmtree(training.folder)
    return outcome


def finish(training: Training, reference: Reference) -> str | None:
    """Goes on to the end; what is wrong with it, if so."""
    code, stderr = end(start(training))
    if code and "steps are done" not in stderr:  # only its removal of states was left
        return f"exit code {code}: {stderr}"
    if training.result() != reference.result:
        return f"another result: {training.result()}, not {reference.result}"
    if training.partial_files():
        return f"half-written files: {training.partial_files()}"
    return None


def fill_disk(training: Training, reference: Reference, seed: int) -> Outcome:
    """Fills its disk at a random moment, looks at how it ends, makes room, and goes on with it to its end."""
    rng, outcome, share = random.Random(seed), Outcome(seed, training.half, training.name), 0.9
    while not outcome.moments:
        kind = rng.choice(("any", "training", "training"))
        span = reference.seconds - (reference.begins if kind == "training" else 0)
        with small_disk(training.folder) as is_small:
            process, ballast = start(training), training.folder / "ballast"
            act = partial(fill, ballast) if is_small else partial(forbid_growth, process)
            seconds = hit(process, training, kind, share * rng.uniform(0, span), act)
            code, stderr = end(process)
            ballast.unlink(missing_ok=True)
            if seconds is None or (code == 0 and training.result() == reference.result):  # it had nothing more to write
                share *= 0.8
                continue
            outcome.moments.append((kind, round(seconds, 3)))
            if code != 2 or stderr.count("\n") != 1 or "Traceback" in stderr:
                outcome.failure = f"exit code {code}: {stderr}"
            elif training.partial_files():
                outcome.failure = f"half-written files: {training.partial_files()}"
            else:
                outcome.failure = finish(training, reference)
    return outcome


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Puts a file system of its own, in memory, at a folder; whether that was possible: only root can."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder]
    is_mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def fill(ballast: Path) -> None:
    """Leaves no byte on the disk that the file is on."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def forbid_growth(process: subprocess.Popen[str]) -> None:
    """No file of the process may become longer."""
    with suppress(ProcessLookupError):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))


Job = Callable[[Training, Reference, int], Outcome]


def run_all(job: Job, jobs: int, cases: Sequence[tuple[Training, Reference, int]], title: str, kept: Path) -> list[Outcome]:
    """Runs a job for each case, and shows how many have ended as they should.

    :param kept: file with the outcomes of an interrupted call, a line each; those are not run again
    """
    outcomes = [Outcome(**json.loads(line)) for line in kept.read_text().splitlines()] if kept.is_file() else []
    done = {(outcome.half, outcome.seed) for outcome in outcomes}
    waiting = [case for case in cases if (case[0].half, case[2]) not in done]
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(cases), initial=len(done), desc=title, disable=None) as bar:
        for future in as_completed([pool.submit(job, *case) for case in waiting]):
            outcomes.append(future.result())
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(vars(outcomes[-1])) + "\n")
            bar.update()
            if (failure := outcomes[-1].failure) is not None:
                last = outcomes[-1]
                bar.write(f"{last.half}, {last.name}, seed {last.seed}, hit at {last.moments}: {failure}")
                sys.stdout.flush()  # who waits for an hour wants to know
    return outcomes


def summary(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Counts for the record, with each that failed."""
    kept = list(outcomes)
    return {
        "equal": sum(outcome.failure is None for outcome in kept),
        "of": len(kept),
        "hits": dict(Counter(kind for outcome in kept for kind, _ in outcome.moments)),
        "trainings": dict(Counter(f"{outcome.half}: {outcome.name}" for outcome in kept)),
        "failures": [vars(outcome) for outcome in kept if outcome.failure is not None],
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--trainings", type=int, default=100, help="to be killed, of each half (100)")
    options.add_argument("--full-disks", type=int, default=10, help="of each half (10)")
    options.add_argument("--seeds", type=int, default=2, help="of each configuration (2)")
    options.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    options.add_argument("--jobs", type=int, default=2, help="trainings at once (2)")
    options.add_argument("--half", choices=("rl", "gan"), nargs="+", default=["rl", "gan"], help="(both)")
    options.add_argument("--quick", action="store_true", help="two trainings and one full disk of each half, one seed")
    options.add_argument(
        "--out", type=Path, default=ROOT / "studies" / "storm", help="where an interrupted call is gone on with (studies/storm)"
    )
    options.add_argument("--record", type=Path, default=DOCS / "storm.json", help="where the record goes (docs/storm.json)")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.trainings, arguments.full_disks, arguments.seeds = 2, 1, 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    names = {"rl": list(AGENTS), "gan": list(GANS)}
    if arguments.quick:
        names = {half: its[:2] for half, its in names.items()}
    kinds = [(half, name, seed) for half in arguments.half for name in names[half] for seed in range(arguments.seeds)]
    began = time.monotonic()
    with TemporaryDirectory(prefix="storm-", ignore_cleanup_errors=True) as folder:

        def training(half: str, name: str, seed: int, where: str) -> Training:
            return Training(half, name, seed, Path(folder, where))

        with ThreadPoolExecutor(arguments.jobs) as pool:
            measured = pool.map(partial(recalled, arguments.out), [training(*kind, f"reference-{i}") for i, kind in enumerate(kinds)])
            references = dict(zip(kinds, tqdm(measured, desc="uninterrupted", total=len(kinds), disable=None), strict=True))

        def cases(count: int, title: str) -> list[tuple[Training, Reference, int]]:
            chosen = []
            for half in arguments.half:
                its = [kind for kind in kinds if kind[0] == half]
                for i in range(count):
                    kind, seed = its[i % len(its)], 10_000 * arguments.seed + 1_000 * (half == "gan") + i
                    chosen.append((training(*kind, f"{title}-{half}-{i}"), references[kind], seed))
            return chosen

        killed = run_all(storm, arguments.jobs, cases(arguments.trainings, "killed"), "killed", arguments.out / "killed.jsonl")
        print(f"{summary(killed)['equal']} of {len(killed)} equal", flush=True)
        full = run_all(fill_disk, arguments.jobs, cases(arguments.full_disks, "full"), "full disk", arguments.out / "full.jsonl")
        print(f"{summary(full)['equal']} of {len(full)} on a full disk", flush=True)
    shutil.rmtree(arguments.out)
    record = {"killed": summary(killed), "full_disk": summary(full), "minutes": round((time.monotonic() - began) / 60, 1)}
    save(origin(PACKAGES) | record, arguments.record)
    sys.exit(bool(record["killed"]["failures"] or record["full_disk"]["failures"]))


if __name__ == "__main__":
    as_command(main)
