import pytest
from torch import nn

from ca2_core.errors import UserError
from ca2_rl import OUDDPG, DiscretizedDQN, NoisyDQN
from ca2_rl.common.activations import NAMES, activation


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_an_activation_that_needs_no_argument(name):
    assert activation(name) is getattr(nn, name)
    activation(name)()


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"activation_fn: no activation 'Silu'\. Did you mean 'SiLU'"):
        activation("Silu")


@pytest.mark.parametrize("algorithm", [DiscretizedDQN, NoisyDQN, OUDDPG])
@pytest.mark.parametrize("given", ["SiLU", nn.SiLU])
def test_agents_take_names_and_classes(algorithm, given, tmp_path):
    policy_kwargs = {"activation_fn": given, "net_arch": [8]}
    model = algorithm("MlpPolicy", "Pendulum-v1", buffer_size=10, policy_kwargs=policy_kwargs)
    model.save(tmp_path / "model.zip")
    for each in (model, algorithm.load(tmp_path / "model.zip")):
        kinds = {type(module) for module in each.policy.modules()}
        assert nn.SiLU in kinds
        assert nn.ReLU not in kinds


def test_what_is_no_activation_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"activation_fn: no activation '3'\."):
        OUDDPG("MlpPolicy", "Pendulum-v1", buffer_size=10, policy_kwargs={"activation_fn": 3})
