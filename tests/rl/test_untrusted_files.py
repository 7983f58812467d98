"""A run or an agent of unknown origin runs nothing, whatever is hidden in it, in every command that loads one."""

import base64
import io
import json
import os
import pickle
import shutil
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import cloudpickle
import gymnasium as gym
import numpy as np
import pytest
import torch as th
import yaml
from gymnasium import spaces
from rl_zoo3.utils import ALGOS, SimpleLinearSchedule
from stable_baselines3.common.noise import NormalActionNoise

from ca2_core.errors import UserError
from ca2_rl import NoisyDQN, cli
from ca2_rl.loading.pickles import RefusedError, unpickle
from ca2_rl.state import load_state
from ca2_rl.zoo.agents import load_agent
from ca2_rl.zoo.plugins import register

pytestmark = pytest.mark.usefixtures("registered")

NOISYDQN = ("--algo", "noisydqn", "--env", "Pendulum-v1")
RUN = "runs/noisydqn/Pendulum-v1_1"
COMMANDS = {
    "evaluate": ("evaluate", RUN, "--episodes", 1),
    "enjoy": ("enjoy", *NOISYDQN, "-f", "runs", "-n", 2, "--no-render"),
    "record-video": ("record-video", *NOISYDQN, "-f", "runs", "-n", 2),
    "benchmark": ("benchmark", "--log-dir", "runs", "-n", 200),
    "push-to-hub": ("push-to-hub", *NOISYDQN, "-f", "runs", "-orga", "me", "--no-render"),
    "train -i": ("train", *NOISYDQN, "-n", 2, "-i", f"{RUN}/Pendulum-v1.zip", "-params", "learning_starts:1"),
    "train --resume": ("train", "--resume", RUN, "-n", 1_100),
    "optimize -i": ("optimize", *NOISYDQN, "-n", 50, "--n-trials", 1, "-i", f"{RUN}/Pendulum-v1.zip"),
    "plot": ("plot", RUN),
    "verify": ("verify", RUN),
}
PLAYING = ("evaluate", "enjoy", "record-video", "benchmark", "push-to-hub")
LOADING = (*PLAYING, "train -i", "train --resume")
OF_A_ZIP = (*LOADING, "optimize -i")
OF_A_RUN = (*LOADING, "plot", "verify")
RECORDED = ("train --resume", "verify")


class Evil:
    """Its pickle makes a file when it is loaded."""

    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self):
        return os.mkdir, (str(self.canary),)


class World:
    """A copy of a run, whose files are then tampered with, and the file that hidden code would leave.

    :param folder: working directory of the commands
    """

    def __init__(self, folder: Path, trained: Path):
        self.canary = folder / "canary"
        self.run = folder / RUN
        shutil.copytree(trained / "noisydqn" / "Pendulum-v1_1", self.run)
        self.params = self.run / "Pendulum-v1"
        module = f"import pathlib\npathlib.Path({str(self.canary)!r}).mkdir(exist_ok=True)\nhyperparams = {{}}\nclass Evil: pass\n"
        (folder / "evil.py").write_text(module)

    @property
    def code(self) -> str:
        return f"__import__('os').mkdir({str(self.canary)!r})"

    @property
    def tag(self) -> str:
        return f"!!python/object/apply:os.mkdir [{self.canary}]"

    def change(self, name: str, **settings) -> None:
        path = self.params / name
        path.write_text(yaml.dump(dict(yaml.unsafe_load(path.read_text())) | settings))

    def append(self, name: str, line: str) -> None:
        path = self.params / name
        path.write_text(yaml.dump(dict(yaml.unsafe_load(path.read_text()))) + line + "\n")

    def change_zip(self, replace) -> None:
        """Rewrites the agent's zip file with what ``replace(name, content)`` returns."""
        path = self.run / "Pendulum-v1.zip"
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, replace(name, content))

    def change_settings(self, **settings) -> None:
        self.change_zip(lambda name, content: json.dumps(json.loads(content) | settings) if name == "data" else content)


def pickled(value) -> dict[str, str]:
    return {":type:": "x", ":serialized:": base64.b64encode(cloudpickle.dumps(value)).decode()}


def torch_saved(value) -> bytes:
    file = io.BytesIO()
    th.save(value, file)
    return file.getvalue()


def by_value(canary: Path):
    """A schedule whose code is in its pickle, as old versions of SB3 and the zoo wrote it."""
    namespace = {"canary": str(canary), "os": os}
    exec("def schedule(progress):\n    os.makedirs(canary, exist_ok=True)\n    return 0.001\n", namespace)
    schedule = namespace["schedule"]
    schedule.__module__ = "__main__"
    return schedule


DOORS = {
    "config-tag": ((*PLAYING, *RECORDED), lambda w: w.append("config.yml", f"x: {w.tag}")),
    "config-normalize": ((*PLAYING, *RECORDED), lambda w: w.change("config.yml", normalize=w.code)),
    "config-wrapper": ((*PLAYING, *RECORDED), lambda w: w.change("config.yml", env_wrapper="evil.Evil")),
    "config-vec-wrapper": ((*PLAYING, *RECORDED), lambda w: w.change("config.yml", vec_env_wrapper=[{"evil.Evil": {}}])),
    "config-callback": (RECORDED, lambda w: w.change("config.yml", callback="evil.Evil")),
    "config-policy": (RECORDED, lambda w: w.change("config.yml", policy="evil.Evil")),
    "config-kwargs": (RECORDED, lambda w: w.change("config.yml", policy_kwargs=w.code)),
    "config-extractor": (RECORDED, lambda w: w.change("config.yml", policy_kwargs={"features_extractor_class": "evil.Evil"})),
    "config-monitor": (RECORDED, lambda w: w.change("config.yml", monitor_kwargs=w.code)),
    "config-rate": (RECORDED, lambda w: w.change("config.yml", learning_rate=w.code)),
    "args-tag": (OF_A_RUN, lambda w: w.append("args.yml", f"x: {w.tag}")),
    "args-conf-file": (RECORDED, lambda w: w.change("args.yml", conf_file="evil.py")),
    "args-conf-module": (RECORDED, lambda w: w.change("args.yml", conf_file="evil")),
    "args-callback": (RECORDED, lambda w: w.change("args.yml", hyperparams={"callback": "evil.Evil"})),
    "args-wrapper": (RECORDED, lambda w: w.change("args.yml", hyperparams={"env_wrapper": ["evil.Evil"]})),
    "args-policy": (RECORDED, lambda w: w.change("args.yml", hyperparams={"policy": "evil.Evil"})),
    "args-kwargs": (RECORDED, lambda w: w.change("args.yml", hyperparams={"policy_kwargs": w.code})),
    "args-extractor": (
        RECORDED,
        lambda w: w.change("args.yml", hyperparams={"policy_kwargs": {"features_extractor_class": "evil.Evil"}}),
    ),
    "args-extractor-text": (
        RECORDED,
        lambda w: w.change("args.yml", hyperparams={"policy_kwargs": "dict(features_extractor_class='evil.Evil')"}),
    ),
    "args-monitor": (RECORDED, lambda w: w.change("args.yml", hyperparams={"monitor_kwargs": w.code})),
    "args-env": (("evaluate", "benchmark", *RECORDED), lambda w: w.change("args.yml", env="evil:Pendulum-v1")),
    "args-package": (
        ("evaluate", "benchmark", *RECORDED),
        lambda w: w.change("args.yml", env="Evil-v0", gym_packages=["evil"]),
    ),
    "zip-space": (OF_A_ZIP, lambda w: w.change_settings(observation_space=pickled(Evil(w.canary)))),
    "zip-policy-kwargs": (OF_A_ZIP, lambda w: w.change_settings(policy_kwargs=pickled({"x": Evil(w.canary)}))),
    "zip-unknown": (OF_A_ZIP, lambda w: w.change_settings(whatever=pickled([Evil(w.canary)]))),
    "zip-env": (OF_A_ZIP, lambda w: w.change_settings(env="evil:Pendulum-v1")),
    "zip-schedule": ((), lambda w: w.change_settings(learning_rate=pickled(by_value(w.canary)))),
    "zip-weights": (OF_A_ZIP, lambda w: w.change_zip(lambda name, c: torch_saved(Evil(w.canary)) if name == "policy.pth" else c)),
    "zip-variables": (
        OF_A_ZIP,
        lambda w: w.change_zip(lambda name, c: torch_saved(Evil(w.canary)) if name == "pytorch_variables.pth" else c),
    ),
    "replay-buffer": (("train -i", "train --resume"), lambda w: (w.run / "replay_buffer.pkl").write_bytes(pickle.dumps(Evil(w.canary)))),
    "statistics": (
        PLAYING,
        lambda w: (
            w.change("config.yml", normalize=True),
            (w.params / "vecnormalize.pkl").write_bytes(pickle.dumps(Evil(w.canary))),
        ),
    ),
    "statistics-of-a-training": (
        ("train -i", "train --resume"),
        lambda w: (w.params / "vecnormalize.pkl").write_bytes(pickle.dumps(Evil(w.canary))),
    ),
}
CASES = [(door, command) for door, (commands, _) in DOORS.items() for command in (commands or LOADING)]


@pytest.fixture
def world(tmp_path, trained, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    yield World(tmp_path, trained)
    sys.modules.pop("evil", None)


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs a command line; its exit code and what it wrote to stderr."""

    def run(*argv):
        monkeypatch.setattr(sys, "argv", ["ca2-rl", *map(str, argv)])
        code = 0
        try:
            cli.main()
        except SystemExit as error:
            code = error.code
        return code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(("door", "command"), CASES)
def test_nothing_hidden_is_run(door, command, world, call):
    refusing, tamper = DOORS[door]
    tamper(world)
    try:
        code, stderr = call(*COMMANDS[command])
    except Exception:
        if refusing or command != "push-to-hub":
            raise
        code, stderr = 0, ""  # it came as far as the hub, which is out of reach here
    assert not world.canary.exists()
    if refusing:
        assert code == 2
        assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    "door",
    ["config-tag", "config-normalize", "config-wrapper", "args-package", "zip-space", "zip-schedule", "statistics", "args-conf-file"],
)
def test_trust_lets_it_run(door, world, call):
    """So the doors above are real ones, and the canary sings. An expression in a setting is parsed even so."""
    DOORS[door][1](world)
    command = "train --resume" if door == "args-conf-file" else "evaluate"
    with suppress(Exception):  # what evil made is of no use
        call(*COMMANDS[command], "--trust")
    assert world.canary.exists() == (door not in ("config-normalize", "zip-schedule"))


def test_a_resumed_run_writes_nowhere_else(world, call, tmp_path):
    elsewhere = {"tensorboard_log": "tb", "optimization_log_path": "opt", "log_folder": "other", "storage": "a.log", "track": True}
    world.change("args.yml", **elsewhere, optimize_hyperparameters=True, trained_agent="x", uuid=True)
    assert call(*COMMANDS["train --resume"])[0] == 0
    assert {path.name for path in tmp_path.iterdir()} <= {"runs", "evil.py"}


DAMAGED = {
    "evaluations.npz": [b"", b"PK", lambda content: content[:300], lambda content: content[:-40]],
    "progress.csv": [b"\xff\xfe", b"a,time/total_timesteps\n1,x\n", b"time/total_timesteps\n1,2,3\n"],
    "replay_buffer.pkl": [b"", b"\x80", b"text"],
}


@pytest.mark.parametrize(("name", "damage"), [(name, damage) for name, all_damage in DAMAGED.items() for damage in all_damage])
def test_a_damaged_file_costs_one_line_and_changes_nothing(name, damage, world, call):
    path = world.run / name
    path.write_bytes(damage(path.read_bytes()) if callable(damage) else damage)
    before = {path: path.read_bytes() for path in world.run.rglob("*") if path.is_file() and path.name != "0.monitor.csv"}
    code, stderr = call(*COMMANDS["train --resume"])
    assert (code, stderr.count("\n")) == (2, 1)
    assert f"{name}: damaged: " in stderr
    after = {path: path.read_bytes() for path in world.run.rglob("*") if path.is_file() and path.name != "0.monitor.csv"}
    changed = {path.name for path in after if after[path] != before.get(path)} | {path.name for path in before.keys() - after.keys()}
    assert changed <= {"args.yml", "config.yml", "command.txt"}


WRONG_ARGS = [
    {"algo": {}},
    {"algo": 0},
    {"env_kwargs": "x"},
    {"env_kwargs": {1: 1}},
    {"eval_env_kwargs": [1]},
    {"hyperparams": float("nan")},
    {"hyperparams": 10**30},
    {"eval_freq": [[1]]},
    {"log_interval": [1]},
    {"n_eval_envs": -1},
    {"n_eval_envs": 10**30},
    {"device": float("nan")},
    {"seed": float("inf")},
    {"vec_env": "fast"},
    {"save_replay_buffer": "yes"},
]


@pytest.mark.parametrize("wrong", WRONG_ARGS, ids=repr)
def test_nonsense_in_args_is_one_line(wrong, world, call):
    world.change("args.yml", **wrong)
    code, stderr = call(*COMMANDS["train --resume"])
    assert (code, stderr.count("\n")) == (2, 1), stderr
    assert "args.yml" in stderr


WRONG_CONFIG = [
    {"env_wrapper": value}
    for value in (1, "x", [[1]], {"a": 1}, {"gymnasium.wrappers.TimeLimit": "x"}, "gymnasium.wrappers.TimeLimit", {"a.b": {}, "c.d": {}})
] + [
    {"env_wrapper": "stable_baselines3.common.atari_wrappers.AtariWrapper"},
    {"frame_stack": -1},
    {"frame_stack": "x"},
    {"frame_stack": float("nan")},
    {"frame_stack": 10**30},
    {"env_kwargs": {"nope": 1}},
    {"env_kwargs": {"g": "x"}},
    {"env_kwargs": "x"},
    {"normalize": 3},
    {"normalize": "dict("},
]


@pytest.mark.parametrize("wrong", WRONG_CONFIG, ids=repr)
def test_nonsense_in_config_is_one_line(wrong, world, call):
    world.change("config.yml", **wrong)
    code, stderr = call(*COMMANDS["evaluate"])
    assert (code, stderr.count("\n")) == (2, 1), stderr


@pytest.mark.parametrize(
    "wrong", [{"num_timesteps": "x"}, {"num_timesteps": -1}, {"_n_updates": None}, {"_episode_num": []}, {"action_noise": True}], ids=repr
)
def test_nonsense_in_the_settings_of_an_agent_is_one_line(wrong, world, call):
    world.change_settings(**wrong)
    code, stderr = call(*COMMANDS["train --resume"])
    assert (code, stderr.count("\n")) == (2, 1), stderr


@pytest.mark.parametrize("command", ["evaluate", "enjoy"])
def test_a_refusal_names_what_is_asked_for_and_the_option(command, world, call):
    DOORS["zip-space"][1](world)
    _, stderr = call(*COMMANDS[command])
    assert "observation_space contains posix.mkdir" in stderr
    assert "If you trust where the file comes from, add --trust" in stderr


def test_a_schedule_pickled_as_code_is_left_out_and_rebuilt_from_the_settings(world, call):
    DOORS["zip-schedule"][1](world)
    assert call(*COMMANDS["train --resume"])[0] == 0
    assert not world.canary.exists()
    agent = load_agent("noisydqn", world.run / "Pendulum-v1.zip")
    assert agent.num_timesteps == 1_100


def test_old_settings_of_the_zoo_are_read(world, call):
    """An ``OrderedDict`` tag, expressions in strings, wrappers of SB3, the zoo and Gymnasium."""
    path = world.params / "config.yml"
    assert "!!python/object/apply:collections.OrderedDict" in path.read_text()
    world.change("config.yml", normalize="dict(norm_obs=False, norm_reward=True)", env_wrapper="gymnasium.wrappers.ClipAction")
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    VecNormalize(make_vec_env("Pendulum-v1"), norm_obs=False).save(str(world.params / "vecnormalize.pkl"))
    assert call(*COMMANDS["evaluate"])[0] == 0


@pytest.mark.parametrize(
    "value", [os.system, eval, getattr, __import__, pickle.loads, Path, th.load, th.hub.load, yaml.Loader, shutil.rmtree, print, type]
)
def test_only_listed_names_are_unpickled(value):
    with pytest.raises(RefusedError):
        unpickle(pickle.dumps(value))


def test_names_with_dots_are_refused():
    """``collections.OrderedDict.fromkeys`` would be a way from a listed class to whatever hangs on it."""
    content = b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93."
    with pytest.raises(RefusedError):
        unpickle(content)


def test_a_pickle_can_t_change_listed_classes():
    content = b"\x80\x04\x8c\x0bcollections\x8c\x05deque\x93N}\x8c\x03popK\x01s\x86b."
    with pytest.raises(RefusedError):
        unpickle(content)


class Call:
    """Its pickle calls a function, and then sets a state."""

    def __init__(self, function, *arguments, state=None):
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __call__(self):
        pass

    def __reduce__(self):
        return self.parts


def forged_dtype():
    dtype = np.dtype("V8", False, True)
    dtype.__setstate__((3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0))
    return dtype


HOSTILE = {
    "array at an address": Call(np.ndarray, (1,), "O", np.zeros(1)),
    "dtype with fields": forged_dtype(),
    "void dtype": np.dtype("V8"),
    "structured array": np.zeros(1, [("a", "f8")]),
    "array of objects from bytes": Call(np._core.numeric._frombuffer, b"A" * 8, np.dtype("O"), (1,), "C"),
    "scalar that is an object": Call(np._core.multiarray.scalar, np.dtype("O"), b"A" * 8),
    "scalar that is too short": Call(np._core.multiarray.scalar, np.dtype("f8"), b"A"),
    "array longer than its bytes": Call(
        np._core.multiarray._reconstruct, np.ndarray, (0,), b"b", state=(1, (100,), np.dtype("f8"), False, b"A" * 8)
    ),
    "array longer than its objects": Call(
        np._core.multiarray._reconstruct, np.ndarray, (0,), b"b", state=(1, (100,), np.dtype("O"), False, [1])
    ),
    "array filled twice": Call(
        np._core.numeric._frombuffer, b"A" * 8, np.dtype("f8"), (1,), "C", state=(1, (1,), np.dtype("f8"), False, b"A" * 8)
    ),
    "slots": Call(NormalActionNoise, 0.0, 1.0, state=(None, {"sample": 1})),
    "method of copying": Call(NormalActionNoise, 0.0, 1.0, state={"__reduce_ex__": 1}),
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_no_array_is_forged_and_no_class_is_changed(hostile):
    with pytest.raises((RefusedError, ValueError)):
        unpickle(pickle.dumps(hostile))


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.arange(12)[::2],
        np.array(3.5),
        np.zeros((0, 4), dtype=np.uint8),
        np.array([True, False]),
        np.array([1j]),
        np.array([{"a": 1}, None, "text"], dtype=object),
    ],
    ids=lambda array: f"{array.dtype}{list(array.shape)}",
)
def test_arrays_are_those_that_were_pickled(array, protocol):
    loaded = unpickle(pickle.dumps(array, protocol=protocol))
    assert loaded.dtype == array.dtype
    assert np.array_equal(loaded, array)
    assert loaded.flags.writeable


def test_scalars_spaces_and_generators_are_loaded():
    assert unpickle(pickle.dumps([np.float32(1.5), np.int64(3), np.bool_(True)])) == [1.5, 3, True]
    space = spaces.Dict({"a": spaces.Box(-1, 1, (2, 3)), "b": spaces.Discrete(4), "c": spaces.MultiDiscrete([2, 3])}, seed=0)
    assert unpickle(pickle.dumps(space)) == space
    assert unpickle(pickle.dumps(space)).contains(unpickle(pickle.dumps(space)).sample())
    assert unpickle(pickle.dumps(np.random.default_rng(0))).random() < 1


@pytest.mark.parametrize("algo", sorted({*ALGOS, *register()}))
def test_agents_of_every_algorithm_load_as_they_were_saved(algo, tmp_path):
    """With what the zoo's settings add: noise on the actions, a schedule, another optimiser."""
    is_continuous = algo in ("ddpg", "td3", "sac", "tqc", "crossq", "ouddpg", "discretizeddqn", "noisydqn")
    settings = {"policy": "MlpLstmPolicy" if algo == "ppo_lstm" else "MlpPolicy", "env": "Pendulum-v1" if is_continuous else "CartPole-v1"}
    if algo in ("ddpg", "td3", "sac", "tqc"):
        settings["action_noise"] = NormalActionNoise(np.zeros(1), np.ones(1))
    if algo in ("a2c", "ppo"):
        settings["policy_kwargs"] = {"optimizer_class": th.optim.RMSprop, "activation_fn": th.nn.ReLU}
    model = ALGOS[algo](learning_rate=SimpleLinearSchedule(1e-3), seed=0, **settings)
    model.save(tmp_path / "agent.zip")
    observation = model.observation_space.sample()
    action = load_agent(algo, tmp_path / "agent.zip").predict(observation, deterministic=True)[0]
    assert np.array_equal(action, model.predict(observation, deterministic=True)[0])


def test_a_plug_in_adds_exact_classes(world, monkeypatch):
    from ca2_rl.zoo import agents
    from ca2_rl.zoo.plugins import Plugin

    plugin = register()["noisydqn"]
    world.change_settings(whatever=pickled(th.nn.Linear))
    path = world.run / "Pendulum-v1.zip"
    with pytest.raises(UserError, match=r"torch\.nn\.modules\.linear\.Linear"):
        load_agent("noisydqn", path)
    added = Plugin(plugin.algorithm, classes=(th.nn.Linear,))
    monkeypatch.setattr(agents, "register", lambda: {"noisydqn": added})
    assert load_agent("noisydqn", path).whatever is th.nn.Linear


class TestStates:
    """A killed run, each of whose states is tampered with."""

    @pytest.fixture
    def states(self, world, killed):
        shutil.rmtree(world.run)
        shutil.copytree(killed, world.run)
        return sorted(path for path in (world.run / "states").iterdir() if path.name.isdecimal())

    def change(self, states, change):
        for folder in states:
            content = json.loads((folder / "state.json").read_text())
            change(content["state"])
            (folder / "state.json").write_text(json.dumps(content))

    def test_a_pickle_among_the_arrays_is_refused(self, states, world, call):
        for folder in states:
            with np.load(folder / "arrays.npz") as arrays:
                tampered = {name: arrays[name] for name in arrays.files}
            tampered["0"] = np.array([Evil(world.canary)], dtype=object)
            np.savez(folder / "arrays.npz", **tampered)
        code, stderr = call(*COMMANDS["train --resume"])
        assert (code, stderr.count("\n")) == (2, 1)
        assert "damaged (Object arrays cannot be loaded" in stderr
        assert not world.canary.exists()

    def test_only_attributes_of_the_adapters_are_set(self, states, world, call):
        evil = {"__class__": "x", "step": None, "unwrapped": 0, "render_mode": "human", "spec": "x", "env": None}

        def tamper(state):
            for env in state["model"]["env"]["envs"]:
                env["layers"] = [layer | evil for layer in env["layers"]]
            for callback in state["callbacks"]:
                callback["remembers"] |= evil | {"_on_step": 0, "callback": 0}
            state["model"]["counters"] |= evil | {"train": 0, "policy": 0}

        self.change(states, tamper)
        assert call(*COMMANDS["train --resume"])[0] == 0

    @pytest.mark.parametrize(
        "value",
        [{"$object": "evil.Evil"}, {"$object": "Evil"}, {"$object": "system"}, {"$activation": "Module"}, {"$tensor": "x"}],
        ids=str,
    )
    @pytest.mark.parametrize("name", ["policy", "learning_rate", "policy_kwargs", "replay_buffer_class", "new"])
    def test_only_listed_classes_are_made(self, name, value, states, world):
        self.change(states, lambda state: state["settings"].update({name: {"value": value}}))
        with suppress(UserError):
            load_state(NoisyDQN, states[-1], gym.make("Pendulum-v1"))
        assert not world.canary.exists()
        assert "evil" not in sys.modules

    @pytest.mark.parametrize("name", ["evil.Evil", "__import__('evil')"])
    def test_texts_are_not_names_of_classes(self, name, states, world):
        self.change(states, lambda state: state["settings"].update(policy={"value": name}))
        with pytest.raises(UserError, match="does not fit"):
            load_state(NoisyDQN, states[-1], gym.make("Pendulum-v1"))
        assert "evil" not in sys.modules

    @pytest.mark.parametrize(
        "part", ["counters", "last", "statistics", "parameters", "buffer", "noise", "parts", "env", "logged", "random"]
    )
    @pytest.mark.parametrize("nonsense", [0, "x", [], {"a": [1]}], ids=repr)
    def test_nonsense_is_one_line(self, part, nonsense, states, call):
        self.change(states, lambda state: state["model"].update({part: nonsense}))
        code, stderr = call(*COMMANDS["train --resume"])
        if part != "noise":  # this algorithm has none
            assert code == 2, stderr
        assert stderr.count("\n") == int(code == 2)

    @pytest.mark.parametrize("lines", [0, {"progress.csv": "x"}, {"../../../evil.py": 0}], ids=repr)
    def test_logs_alone_are_cut(self, lines, states, call, tmp_path):
        before = (tmp_path / "evil.py").read_text()
        self.change(states, lambda state: state["facts"].update(lines=lines))
        code, stderr = call(*COMMANDS["train --resume"])
        assert (code, stderr.count("\n")) in ((0, 0), (2, 1))
        assert (tmp_path / "evil.py").read_text() == before

    def test_hashes_are_text(self, states, world, call):
        (world.run / "hashes.csv").write_text(f"steps,losses,weights,chain\n1000,{world.code},{world.code},=cmd|'/c calc'!A0\n")
        code, stderr = call("verify", RUN)
        assert (code, stderr) == (1, "")
        assert not world.canary.exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a,b\n1,2\n", b"steps,losses,weights,chain\nx,1,1,1\n"])
def test_damaged_hashes_are_one_line(content, world, call):
    (world.run / "hashes.csv").write_bytes(content)
    code, stderr = call("verify", RUN)
    assert (code, stderr.count("\n")) == (2, 1), stderr
