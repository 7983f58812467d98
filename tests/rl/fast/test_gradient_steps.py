"""Gradient steps in each way that they are run in, against the same function run as it is."""

import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecNormalize
from torch._dynamo.utils import counters

from ca2_core.errors import UserError
from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN
from ca2_rl.common.diagnostics import GRADIENT_NORM
from ca2_rl.fast import accelerator, program
from ca2_rl.fast.accelerator import has_cpp_compiler

ALGORITHMS = (DiscretizedDQN, NoisyDQN, OUDDPG)
WEIGHT_DECAY = {"optimizer_kwargs": {"weight_decay": 0.1}}
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
with_compiler = pytest.mark.skipif(not has_cpp_compiler(), reason="no C++ compiler")


def create(algorithm, env="Pendulum-v1", **kwargs):
    settings = {
        "seed": 0,
        "buffer_size": 600,
        "learning_starts": 300,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "tau": 0.01,
        "device": "cpu",
    }
    dqn = {} if algorithm is OUDDPG else {"target_update_interval": 1, "n_bins": 5}
    return algorithm("MlpPolicy", env, **settings | dqn | {"policy_kwargs": {"net_arch": [16, 16]}} | kwargs)


def filled(algorithm, n_envs=1, normalised=False, **kwargs):
    """An agent with 300 random transitions, that has not learned yet."""
    env = make_vec_env("Pendulum-v1", n_envs)
    return create(algorithm, VecNormalize(env) if normalised else env, **kwargs).learn(300)


def state(model):
    """Weights and optimisers' states by name."""
    parameters = model.get_parameters()
    optimisers = {k: v["state"] for k, v in parameters.items() if "optimizer" in k}
    moments = {f"{k}.{i}.{name}": value for k, v in optimisers.items() for i, each in v.items() for name, value in each.items()}
    return parameters["policy"] | moments


def assert_same(model, other, tolerance):
    ours, theirs = state(model), state(other)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}")


def train(model, calls, gradient_steps):
    """Calls of ``train`` with the target updates that ``collect_rollouts`` makes."""
    for i in range(calls):
        model._current_progress_remaining = 1 - i / calls
        model.learning_starts = 0
        model._on_step()
        model.train(gradient_steps, model.batch_size)


SETTINGS = [
    # With train_freq 1 the program updates the target network
    (DiscretizedDQN, {"train_freq": 1, "n_steps": 3, "learning_rate": LinearSchedule(1e-3, 0.0, 1.0)}),
    (DiscretizedDQN, {"double_q": True, "dueling": True, "max_grad_norm": 0.05}),
    (DiscretizedDQN, {"normalised": True, "n_envs": 2, "policy_kwargs": {"net_arch": [16], **WEIGHT_DECAY}}),
    (NoisyDQN, {"double_q": True, "dueling": True, "n_envs": 3, "policy_kwargs": {"net_arch": [16], **WEIGHT_DECAY}}),
    (OUDDPG, {"n_steps": 3, "n_envs": 3, "policy_kwargs": {"net_arch": [16], "n_critics": 2, **WEIGHT_DECAY}}),
    (OUDDPG, {"critic_aggregation": "mean", "critic_loss": "huber", "policy_kwargs": {"net_arch": [16], "n_critics": 2}}),
    (OUDDPG, {"target_policy_noise": 0.2, "policy_kwargs": {"net_arch": [16], "n_critics": 2}}),
]


@with_compiler
@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [*((each, {}) for each in ALGORITHMS), *(pytest.param(*each, marks=pytest.mark.slow) for each in SETTINGS)],
    ids=lambda value: value.__name__ if isinstance(value, type) else ", ".join(value) or "defaults",
)
def test_compiled_and_eager_agents_are_the_same_after_a_thousand_steps(algorithm, settings):
    eager, compiled = (filled(algorithm, compile=choice, **settings) for choice in (False, True))
    for model in (eager, compiled):
        model.set_random_seed(2)  # with 1, OUDDPG has a ReLU so near its kink that one rounding error parts eager agents too
        train(model, calls=250, gradient_steps=4)
    assert (compiled.fast.way, eager.fast.way) == ("program", "eager")
    assert_same(compiled, eager, tolerance=1e-3)
    expected = eager.averages.pop()
    assert compiled.averages.pop() == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert expected[GRADIENT_NORM] > 0


@with_compiler
@every_algorithm
def test_one_compiled_step_is_one_eager_step(algorithm):
    eager, compiled = (filled(algorithm, compile=choice) for choice in (False, True))
    for model in (eager, compiled):
        model.set_random_seed(1)
        model.train(1, 16)
    assert_same(compiled, eager, tolerance=1e-6)
    assert next(iter(compiled.optimizers()[0].state.values()))["step"] == 1


@with_compiler
@every_algorithm
def test_compiled_and_eager_agents_load_each_other_and_go_on_the_same(algorithm, tmp_path):
    model = filled(algorithm, compile=True)
    model.train(5, 16)
    model.save(tmp_path / "model")
    model.save_replay_buffer(tmp_path / "buffer")
    loaded = [algorithm.load(tmp_path / "model", env=make_vec_env("Pendulum-v1"), compile=choice) for choice in (False, True)]
    for each in (model, *loaded):
        if each is not model:
            each.load_replay_buffer(tmp_path / "buffer")
            each.learn(0, reset_num_timesteps=False)
        each.set_random_seed(1)
        each.train(20, 16)
    for each in loaded:
        assert_same(each, model, tolerance=1e-5)
        assert next(iter(each.optimizers()[0].state.values()))["step"] == 25


@with_compiler
@every_algorithm
def test_torch_compile_gives_what_the_program_gives(algorithm, monkeypatch):
    whole, recorded = (filled(algorithm, compile=True) for _ in range(2))
    recorded.set_random_seed(1)
    recorded.train(20, 16)
    monkeypatch.setitem(sys.modules, "ca2_rl.fast.inductor", None)
    whole.set_random_seed(1)
    with pytest.warns(UserWarning, match="called by torch.compile"):
        whole.train(20, 16)
    assert (recorded.fast.way, whole.fast.way) == ("program", "torch.compile")
    assert_same(recorded, whole, tolerance=0)


@with_compiler
@every_algorithm
def test_weights_that_moved_between_trainings_are_learned_on(algorithm):
    eager, compiled = (create(algorithm, learning_starts=10, train_freq=1, compile=choice).learn(20) for choice in (False, True))
    for model in (eager, compiled):
        model.policy.load_from_vector(model.policy.parameters_to_vector() / 2)
        model.set_random_seed(1)
        model.learn(20, reset_num_timesteps=False)
    assert_same(compiled, eager, tolerance=1e-4)


@with_compiler
def test_settings_changed_between_steps_count():
    eager, compiled = (filled(DiscretizedDQN, compile=choice) for choice in (False, True))
    for model in (eager, compiled):
        model.set_random_seed(1)
        model.train(3, 16)
        model.gamma, model.max_grad_norm = 0.5, 0.01
        model.policy.optimizer.param_groups[0].update(betas=(0.5, 0.9), eps=0.1)
        model.train(3, 8)
    assert_same(compiled, eager, tolerance=1e-5)


OF_A_STEP = [
    *((each, "gamma", 0.5) for each in ALGORITHMS),
    *(
        (each, name, value)
        for each in (DiscretizedDQN, NoisyDQN)
        for name, value in (("max_grad_norm", 0.01), ("double_q", True), ("munchausen", True))
    ),
    (OUDDPG, "tau", 0.5),
    (OUDDPG, "critic_loss", "huber"),
    (OUDDPG, "critic_aggregation", "mean"),
    (OUDDPG, "target_policy_noise", 0.2),
    (OUDDPG, "target_noise_clip", 0.1),
]


@pytest.mark.parametrize(("algorithm", "name", "value"), OF_A_STEP)
def test_each_attribute_that_a_step_depends_on_is_in_its_settings(algorithm, name, value):
    model = filled(algorithm)
    before = model.settings
    assert model.settings == before
    setattr(model, name, value)
    assert model.settings != before


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_loss_depends_on_nothing_but_its_arguments_and_the_networks(algorithm):
    noise_of_targets = {"target_policy_noise": 0.2} if algorithm is OUDDPG else {}
    model = filled(algorithm, policy_kwargs={"net_arch": [16], **({"n_critics": 2} if algorithm is OUDDPG else {})}, **noise_of_targets)
    settings, batch = model.settings, model.replay_buffer.sample(16)
    noise = model.draw_noise(1, 16, settings)[0]
    expected = [value.item() for value in model.loss(batch, noise, settings)]
    for each, name, value in OF_A_STEP:
        if each is algorithm:
            setattr(model, name, value)
    assert [value.item() for value in model.loss(batch, noise, settings)] == expected
    assert model.loss(batch, model.draw_noise(1, 16, model.settings)[0], model.settings)[0].item() != expected[0]


@with_compiler
@pytest.mark.parametrize("algorithm", [DiscretizedDQN, pytest.param(OUDDPG, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("name", "value"), [("betas", (0.5, 0.9)), ("eps", 0.1), ("weight_decay", 0.1)])
def test_settings_of_an_optimiser_changed_between_steps_count(algorithm, name, value):
    eager, compiled = (filled(algorithm, compile=choice) for choice in (False, True))
    for model in (eager, compiled):
        model.set_random_seed(1)
        model.train(2, 16)
        model.optimizers()[-1].param_groups[0][name] = value
        model.train(2, 16)
    assert compiled.fast.way == "program"
    assert_same(compiled, eager, tolerance=1e-5)


@with_compiler
def test_a_new_seed_does_not_stop_rows_from_following_the_buffer():
    """What the program reads as the number of rows goes on being filled in."""
    model = create(DiscretizedDQN, compile=True, learning_starts=20, train_freq=1, gamma=0.0).learn(30)
    model.set_random_seed(5)
    model.learn(100, reset_num_timesteps=False)
    other = create(DiscretizedDQN, compile=False, learning_starts=20, train_freq=1, gamma=0.0).learn(30)
    other.set_random_seed(5)
    other.learn(100, reset_num_timesteps=False)
    assert_same(model, other, tolerance=1e-4)


@with_compiler
def test_an_optimiser_changed_to_what_cannot_be_compiled_goes_on_eagerly():
    eager, compiled = (filled(DiscretizedDQN, compile=choice) for choice in (False, True))
    for model in (eager, compiled):
        model.set_random_seed(1)
        model.train(3, 16)
        model.policy.optimizer.param_groups[0]["amsgrad"] = True
        for moments in model.policy.optimizer.state.values():
            moments["max_exp_avg_sq"] = torch.zeros_like(moments["exp_avg_sq"])
        if model is compiled:
            with pytest.warns(UserWarning, match="amsgrad"):
                model.train(3, 16)
        else:
            model.train(3, 16)
    assert_same(compiled, eager, tolerance=1e-5)


@with_compiler
@pytest.mark.parametrize("interval", [1, 3])
def test_a_compiled_training_is_the_eager_one(interval):
    """With everything around the gradient steps: target updates, acting, storing, logging."""
    settings = {"learning_starts": 10, "train_freq": 1, "target_update_interval": interval, "exploration_final_eps": 0.2}
    eager, compiled = (create(DiscretizedDQN, compile=choice, **settings).learn(60) for choice in (False, True))
    np.testing.assert_array_equal(compiled.replay_buffer.actions, eager.replay_buffer.actions)
    assert_same(compiled, eager, tolerance=1e-4)


@pytest.mark.parametrize("columns", [2, 4, 15])
def test_a_narrow_product_is_the_other_way_round_the_same(columns):
    a, b, bias = torch.randn(256, 128), torch.randn(128, columns), torch.randn(columns)
    torch.testing.assert_close(program.narrow_product(a, b), a @ b, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(program.narrow_linear(bias, a, b), a @ b + bias, rtol=1e-4, atol=1e-4)
    assert program.narrow_product(a, torch.randn(128, 16)) is program.narrow_product(a[:8], b) is NotImplemented


class Coordinates(gym.ObservationWrapper):
    """CliffWalking whose observation is row and column."""

    def __init__(self):
        super().__init__(gym.make("CliffWalking-v1"))
        self.observation_space = gym.spaces.MultiDiscrete([4, 12])

    def observation(self, observation):
        return np.array(divmod(observation, 12))


@pytest.mark.parametrize("shape", [(5,), (5, 1), (2, 3)])
def test_one_hot_is_torch_s(shape):
    numbers = torch.randint(7, shape)
    assert torch.equal(program.one_hot(numbers, 7), torch.nn.functional.one_hot(numbers, 7))


@with_compiler
@pytest.mark.parametrize("env", ["CliffWalking-v1", pytest.param(Coordinates, marks=pytest.mark.slow)])
def test_numbers_as_observations_are_compiled(env):
    eager, compiled = (
        create(DiscretizedDQN, env if isinstance(env, str) else env(), compile=choice, learning_starts=100).learn(100)
        for choice in (False, True)
    )
    for model in (eager, compiled):
        model.set_random_seed(1)
        model.train(1, 16)
    assert (compiled.fast.way, eager.fast.way) == ("program", "eager")
    assert_same(compiled, eager, tolerance=1e-6)


class Batches:
    """Notes the batches that an agent's loss is given."""

    def __init__(self, model, monkeypatch):
        self.batches, loss = [], model.loss
        monkeypatch.setattr(model, "loss", lambda batch, *rest: self.batches.append(batch) or loss(batch, *rest))


@pytest.mark.parametrize("n_envs", [1, 3])
def test_rows_of_a_batch_are_uniform_over_all_that_is_stored(n_envs, monkeypatch):
    model = filled(DiscretizedDQN, n_envs)
    buffer = model.replay_buffer
    n = buffer.size() * n_envs
    buffer.rewards.reshape(-1)[:n] = np.arange(n)
    watched = Batches(model, monkeypatch)
    model.train(600, 100)
    rows = np.concatenate([batch.rewards.numpy().ravel() for batch in watched.batches]).astype(int)
    counts = np.bincount(rows, minlength=n)
    assert len(counts) == n
    expected = len(rows) / n
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - (n - 1)) < 4 * np.sqrt(2 * (n - 1))  # its mean and standard deviation


def test_rows_follow_the_buffer_as_it_grows(monkeypatch):
    model = create(DiscretizedDQN, learning_starts=0, gradient_steps=0)
    watched = Batches(model, monkeypatch)
    for _ in range(5):
        model.learn(3, reset_num_timesteps=False)
        buffer = model.replay_buffer
        buffer.rewards[: buffer.pos, 0] = np.arange(buffer.pos)
        model.train(1, 200)
        assert set(watched.batches[-1].rewards.ravel().tolist()) == set(range(buffer.pos))


def test_a_seed_forgets_what_was_drawn_ahead(monkeypatch):
    model = filled(NoisyDQN)
    watched = Batches(model, monkeypatch)
    for _ in range(2):
        model.set_random_seed(3)
        model.train(2, 8)
    first, second, again, _ = (batch.observations for batch in watched.batches)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


@with_compiler
def test_the_time_of_compiling_is_logged():
    model = create(DiscretizedDQN, compile=True, learning_starts=10).learn(20)
    assert model.logger.name_to_value["time/compile_seconds"] > 0


@every_algorithm
@pytest.mark.parametrize(
    ("obstacle", "settings"),
    [
        ("Adam", {"policy_kwargs": {"optimizer_class": torch.optim.RMSprop}}),
        ("Adam", {"policy_kwargs": {"optimizer_kwargs": {"amsgrad": True}}}),
    ],
)
def test_what_cannot_be_compiled_is_refused_if_asked_for_and_run_eagerly_if_not(algorithm, obstacle, settings, monkeypatch):
    monkeypatch.setattr(accelerator, "COMPILE_FROM", 1)
    with pytest.raises(UserError, match=obstacle):
        create(algorithm, compile=True, **settings)
    model = create(algorithm, learning_starts=10, **settings).learn(20)
    assert model._n_updates > 0
    assert model.fast.way == "eager"


class StopAfterOneStep(BaseCallback):
    """Lets the updates of one rollout happen."""

    def _on_step(self):
        return self.num_timesteps <= self.model.learning_starts + 4


@with_compiler
@pytest.mark.parametrize(
    ("settings", "timesteps", "compiles"),
    [
        ({}, 40_300, True),
        ({}, 39_000, False),
        ({"train_freq": 1}, 10_300, True),
        ({"gradient_steps": 4}, 10_300, True),
        ({"gradient_steps": -1}, 10_300, True),
        ({"train_freq": (1, "episode")}, 1_000_000, False),
        ({"compile": False, "train_freq": 1}, 10_300, False),
    ],
    ids=str,
)
def test_compiles_by_itself_from_ten_thousand_gradient_steps_on(settings, timesteps, compiles):
    model = create(DiscretizedDQN, learning_starts=4, **settings).learn(timesteps, StopAfterOneStep())
    assert model.fast.way == ("program" if compiles else "eager")


def take_away_private_modules(monkeypatch):
    monkeypatch.delitem(sys.modules, "ca2_rl.fast.inductor", raising=False)
    monkeypatch.setitem(sys.modules, "torch._inductor.output_code", None)


def take_away_torch_compile(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("not today")

    monkeypatch.setattr(torch, "compile", fail)


def take_away_the_compiler(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)


@pytest.mark.parametrize(
    ("take_away", "words"),
    [
        (take_away_private_modules, "called by torch.compile|compiler failed"),
        (take_away_torch_compile, "compiler failed .RuntimeError: not today"),
        (take_away_the_compiler, r"no C\+\+ compiler"),
    ],
)
@pytest.mark.parametrize(
    ("algorithm", "compile"), [(DiscretizedDQN, True), (NoisyDQN, True), (OUDDPG, True), (DiscretizedDQN, None), (OUDDPG, None)]
)
def test_whatever_fails_an_agent_learns_and_warns_once(algorithm, take_away, words, compile, monkeypatch):
    if not has_cpp_compiler():
        words = r"no C\+\+ compiler"
    take_away(monkeypatch)
    monkeypatch.setattr(accelerator, "COMPILE_FROM", 1)
    model = create(algorithm, compile=compile, learning_starts=10)
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}
    with pytest.warns(UserWarning, match=words) as warned:
        model.learn(40).learn(20, reset_num_timesteps=False)
    assert len(warned) == 1
    assert any(not torch.equal(value, before[name]) for name, value in model.policy.state_dict().items())
    assert model.fast.way != "program"


WITHOUT_PRIVATE_MODULES = """
import sys, warnings
import torch
sys.modules["torch._inductor.output_code"] = None
from ca2_rl import OUDDPG
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    model = OUDDPG("MlpPolicy", "Pendulum-v1", compile=True, learning_starts=10, policy_kwargs={"net_arch": [8]}, device="cpu")
    model.learn(30)
assert len(warned) == 1 and "not compiled" in str(warned[0].message), warned
assert model.fast.way == "eager"
"""


def test_a_torch_without_its_private_modules_learns_and_warns_once():
    """In a process of its own: here they are loaded already."""
    subprocess.run([sys.executable, "-c", WITHOUT_PRIVATE_MODULES], check=True, timeout=300)


def test_a_failed_compilation_changes_nothing(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no headers")

    eager, failed = (filled(DiscretizedDQN, compile=choice) for choice in (False, True))
    monkeypatch.setattr(program, "compile_calls", fail)
    for model in (eager, failed):
        model.set_random_seed(1)
        if model is failed and has_cpp_compiler():
            with pytest.warns(UserWarning, match="compiler failed"):
                model.train(5, 16)
        else:
            model.train(5, 16)
    assert_same(failed, eager, tolerance=0)


@with_compiler
@every_algorithm
def test_a_second_agent_of_the_same_settings_is_compiled_from_the_cache(algorithm):
    for seed in (0, 1):
        counters.clear()
        filled(algorithm, compile=True, seed=seed).train(1, 16)
    found = counters["inductor"]
    assert (found["fxgraph_cache_miss"], found["fxgraph_cache_hit"]) == (0, 1)


def test_a_line_is_logged_before_a_gradient_step_is_compiled(monkeypatch, caplog):
    monkeypatch.setattr("ca2_rl.fast.accelerator.has_cpp_compiler", lambda: True)
    caplog.set_level("INFO", logger="ca2_rl")
    for settings, lines in (({"compile": False}, 0), ({"compile": True}, 1)):
        create(DiscretizedDQN, learning_starts=10, **settings).learn(1)
        assert [record.getMessage()[:27] for record in caplog.records] == ["Compiling the gradient step"] * lines
