from pathlib import Path

import pytest
import rl_zoo3
import torch as th
import yaml
from rl_zoo3.utils import ALGOS
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import NatureCNN

from ca2_core.errors import UserError
from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN
from ca2_rl.common.minatar_cnn import MinAtarCNN
from ca2_rl.zoo.hyperparams import check_file, check_values, constructor_parameters, resolve_classes
from ca2_rl.zoo.plugins import register

SHIPPED = {key: yaml.safe_load(Path(plugin.hyperparams).read_text()) for key, plugin in register().items() if plugin.hyperparams}
ENTRIES = [(key, env_id) for key, entries in SHIPPED.items() for env_id in entries]
GOOD = {"policy": "MlpPolicy", "n_timesteps": 100}


@pytest.fixture
def write(tmp_path):
    def to(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return to


def complaint(hyperparams, algorithm=DiscretizedDQN):
    with pytest.raises(UserError) as error:
        check_values(GOOD | hyperparams, algorithm, "a.yml, Pendulum-v1")
    assert str(error.value).startswith("a.yml, Pendulum-v1: ")
    return str(error.value).removeprefix("a.yml, Pendulum-v1: ")


def test_each_algorithm_has_a_file_for_pendulum():
    assert {"discretizeddqn", "noisydqn", "ouddpg", "rainbow"} <= SHIPPED.keys()
    assert all("Pendulum-v1" in entries for entries in SHIPPED.values())


@pytest.mark.parametrize(("key", "env_id"), ENTRIES)
def test_policy_kwargs_that_we_ship_are_mappings(key, env_id):
    """A string would be evaluated as code by the zoo."""
    assert isinstance(SHIPPED[key][env_id].get("policy_kwargs", {}), dict)


@pytest.mark.parametrize("algo", [algo for algo in ALGOS if algo not in register()])
def test_the_zoo_s_own_files_pass_the_check(algo):
    path = Path(rl_zoo3.__file__).parent / "hyperparams" / f"{algo}.yml"
    for env_id, entry in yaml.safe_load(path.read_text()).items():
        if (algo, env_id) == ("ppo_lstm", "default"):
            continue  # names a policy that RecurrentPPO does not have
        known = {name: value for name, value in entry.items() if name not in ("env_wrapper", "callback", "vec_env_wrapper")}
        check_values(known, ALGOS[algo], env_id)


@pytest.mark.parametrize(
    "good",
    [
        {"n_timesteps": 2e4},
        {"learning_rate": "lin_1e-3"},
        {"learning_rate": 1},
        {"train_freq": [1, "episode"]},
        {"policy_kwargs": {"net_arch": [64, 64]}},
        {"policy_kwargs": {"net_arch": []}},
        {"policy_kwargs": "dict(net_arch=[64])"},
        {"normalize": "{'norm_obs': True, 'norm_reward': False}"},
        {"normalize": True},
        {"env_wrapper": "gymnasium.wrappers.FlattenObservation"},
        {"env_wrapper": [{"gymnasium.wrappers.TimeLimit": {"max_episode_steps": 50}}]},
        {"callback": None},
        {"max_grad_norm": 10},
        {"max_grad_norm": float("inf")},
        {"gradient_steps": -1},
    ],
    ids=repr,
)
def test_the_zoo_s_format_is_accepted(good):
    check_values(GOOD | good, DiscretizedDQN, "a.yml")


def test_separate_networks_for_actor_and_critic_are_accepted():
    check_values(GOOD | {"policy_kwargs": {"net_arch": {"pi": [64], "qf": [64, 64]}}}, OUDDPG, "a.yml")


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ({"n_bin": 3}, "DiscretizedDQN has no hyperparameter 'n_bin'. Did you mean 'n_bins'?"),
        ({"learning_rat": 0.1}, "Did you mean 'learning_rate'?"),
        ({"seed": 3}, "no hyperparameter 'seed'"),
        ({"learning_rate": "1e-4"}, "learning_rate: YAML reads 1e-4 as text. Write 1.0e-4."),
        ({"gamma": "1E-4"}, "gamma: YAML reads 1E-4 as text. Write 1.0E-4."),
        ({"learning_rate": "lin_fast"}, "a number is needed, this is text: 'lin_fast'"),
        ({"gamma": "lin_0.9"}, "a number is needed"),
        ({"n_bins": 2.5}, "n_bins: a whole number is needed, this is a number: 2.5"),
        ({"n_bins": True}, "n_bins: a whole number is needed, this is true/false: True"),
        ({"gamma": True}, "gamma: a number is needed, this is true/false: True"),
        ({"double_q": 1}, "double_q: true or false is needed, this is a number: 1"),
        ({"gamma": None}, "gamma: a number is needed, this is empty"),
        ({"batch_size": [64]}, "batch_size: a whole number is needed, this is a list: [64]"),
        ({"n_timesteps": "many"}, "n_timesteps: a number is needed, this is text: 'many'"),
        ({"policy_kwargs": [64]}, "policy_kwargs: a mapping or None is needed, this is a list: [64]"),
        ({"policy_kwargs": {"net_arch": [64, "x"]}}, "net_arch: a list of layer widths"),
        ({"policy_kwargs": {"net_arch": 64}}, "net_arch: a list of layer widths"),
        ({"policy_kwargs": {"net_arch": [0]}}, "net_arch: a list of layer widths"),
        ({"policy": "MlpPolic"}, "no policy 'MlpPolic'. DiscretizedDQN has MlpPolicy, CnnPolicy, MultiInputPolicy."),
        ({"policy": 3}, "policy: text is needed, this is a number: 3"),
        ({"gamma": 1.01}, "gamma=1.01: it has to be from 0 to 1"),
        ({"tau": -0.1}, "tau=-0.1: it has to be from 0 to 1"),
        ({"batch_size": 0}, "batch_size=0: it has to be at least 1"),
        ({"n_envs": 0}, "n_envs=0: it has to be at least 1"),
        ({"n_timesteps": 0}, "n_timesteps=0: it has to be at least 1"),
        ({"env_wrapper": "no.such.Wrapper"}, "env_wrapper: 'no.such.Wrapper' can't be imported: No module named 'no'"),
        ({"env_wrapper": "gymnasium.wrappers.Flatten"}, "can't be imported"),
        ({"callback": 3}, "callback: the dotted name of a class is needed, this is a number: 3"),
        ({"callback": "os.getcwd"}, "callback: 'os.getcwd' is not a class"),
        ({"callback": "collections.deque"}, "callback: 'collections.deque' is not a BaseCallback"),
        ({"policy": "no.such.Policy"}, "policy: 'no.such.Policy' can't be imported: No module named 'no'"),
        ({"gamma": float("nan")}, "gamma=nan: a finite number is needed"),
        ({"learning_rate": float("nan")}, "learning_rate=nan: a finite number is needed"),
        ({"n_timesteps": float("inf")}, "n_timesteps=inf: a finite number is needed"),
        ({"max_grad_norm": -1}, "max_grad_norm=-1: it has to be above 0"),
        ({"gradient_steps": -5}, "gradient_steps=-5: it has to be at least 0, or -1"),
        ({"n_steps": 1_000_000}, "n_steps=1000000: returns over more than 1,000 steps are not supported"),
        ({"noise_type": "normal"}, "noise_type 'normal' needs noise_std"),
        ({"noise_type": "norml", "noise_std": 1}, "no noise 'norml'. Did you mean 'normal'?"),
        ({"policy_kwargs": {"net_arch": {"pi": [8], "qf": [8]}}}, "DiscretizedDQN has one network: give a list"),
    ],
    ids=lambda value: repr(value) if isinstance(value, dict) else "",
)
def test_a_slip_is_named_with_what_is_right(slip, words):
    assert words in complaint(slip)


def test_classes_in_policy_kwargs_may_be_named():
    names = {"optimizer_class": "torch.optim.AdamW", "activation_fn": "nn.SiLU", "net_arch": [8]}
    assert resolve_classes(names, "a.yml") == {"optimizer_class": th.optim.AdamW, "activation_fn": th.nn.SiLU, "net_arch": [8]}
    extractor = "stable_baselines3.common.torch_layers.NatureCNN"
    assert resolve_classes({"features_extractor_class": extractor}, "a.yml") == {"features_extractor_class": NatureCNN}
    assert resolve_classes({"features_extractor_class": "MinAtarCNN"}, "a.yml") == {"features_extractor_class": MinAtarCNN}
    with pytest.raises(UserError, match=r"features_extractor_class: no class 'MinatarCNN'\. Did you mean 'MinAtarCNN'"):
        resolve_classes({"features_extractor_class": "MinatarCNN"}, "a.yml")
    with pytest.raises(UserError, match=r"optimizer_class: 'torch\.optim\.Adem' can't be imported"):
        resolve_classes({"optimizer_class": "torch.optim.Adem"}, "a.yml")


@pytest.mark.parametrize("missing", ["policy", "n_timesteps"])
def test_what_every_training_needs_is_asked_for(missing):
    with pytest.raises(UserError, match=f"{missing!r} is missing"):
        check_values({name: value for name, value in GOOD.items() if name != missing}, NoisyDQN, "a.yml")


def test_what_an_algorithm_takes_is_its_own_and_its_parents():
    assert {"sigma0", "n_bins", "dueling", "gamma", "exploration_fraction"} <= constructor_parameters(NoisyDQN).keys()
    assert {"ou_sigma", "action_noise", "gradient_steps"} <= constructor_parameters(OUDDPG).keys()
    assert "n_bins" not in constructor_parameters(PPO)
    assert not {"self", "env", "seed", "device", "kwargs"} & constructor_parameters(NoisyDQN).keys()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tab.yml", "Pendulum-v1:\n\tpolicy: MlpPolicy\n", r"tab\.yml, line 2: not YAML: found character '\\t'"),
        ("twice.yml", "Pendulum-v1: {gamma: 0.9, gamma: 0.99}\n", r"twice\.yml, line 1: not YAML: the key 'gamma' appears twice"),
        ("open.yml", "Pendulum-v1: [\n", r"open\.yml, line 2: not YAML"),
        ("list.yml", "- a\n", "a mapping from env ids to hyperparameters is needed, this is a list"),
        ("empty.yml", "", "this is empty"),
        ("binary.yml", b"\xff\xfe\x81", "not YAML"),
        ("other.yml", "Pendulum-v0: {}\n", "no entry for Pendulum-v1 and no 'default'. Did you mean 'Pendulum-v0'"),
        ("number.yml", "Pendulum-v1: 3\n", "Pendulum-v1 needs 'name: value' pairs, this is a number: 3"),
        ("syntax.py", "hyperparams = {", "was never closed"),
        ("raises.py", "1 / 0", "division by zero"),
        ("bare.py", "x = 1", "it has no dict 'hyperparams'"),
        ("list.py", "hyperparams = [1]", "a mapping from env ids"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith((".yml", ".py")) else "",
)
def test_a_file_that_can_not_be_used_is_named_with_the_reason(name, content, words, write):
    with pytest.raises(UserError, match=words) as error:
        check_file(write(name, content), "Pendulum-v1")
    assert name in str(error.value)


@pytest.mark.parametrize("path", ["nothing.yml", "nothing.py", "no_such_module", "no.such.module", "json"])
def test_a_file_or_module_that_is_not_there_is_said(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=path):
        check_file(path, "Pendulum-v1")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yml", "Pendulum-v1: {policy: MlpPolicy}\n"),
        ("a.yaml", "default: {policy: MlpPolicy}\n"),
        ("a.py", "hyperparams = {'Pendulum-v1': dict(policy='MlpPolicy')}\n"),
    ],
)
def test_a_file_in_each_of_the_zoo_s_formats_is_accepted(name, content, write):
    check_file(write(name, content), "Pendulum-v1")


def test_a_module_is_accepted(tmp_path, monkeypatch):
    (tmp_path / "their_hyperparams.py").write_text("hyperparams = {'default': {}}\n")
    monkeypatch.syspath_prepend(tmp_path)
    check_file("their_hyperparams", "Pendulum-v1")
