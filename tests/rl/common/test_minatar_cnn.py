import numpy as np
import pytest
import torch as th
from gymnasium import Env, spaces
from torch.nn import functional as F

from ca2_core.errors import UserError
from ca2_rl import DiscretizedDQN, Rainbow
from ca2_rl.common.minatar_cnn import MinAtarCNN
from ca2_rl.fast.accelerator import has_cpp_compiler


class Grid(Env):
    """A dot on a board of two channels, of random rewards."""

    observation_space = spaces.Box(0.0, 1.0, (6, 5, 2), dtype=bool)
    action_space = spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.board(), {}

    def step(self, action):
        return self.board(), float(self.np_random.random()), self.np_random.random() < 0.1, False, {}

    def board(self):
        return self.np_random.random((6, 5, 2)) < 0.3


BOARDS = np.random.default_rng(0).random((20, 6, 5, 2)) < 0.3


def create(algorithm, **kwargs):
    policy_kwargs = {"features_extractor_class": MinAtarCNN, "net_arch": [8], "optimizer_kwargs": {"eps": 1.5e-4}}
    return algorithm("MlpPolicy", Grid(), buffer_size=200, learning_starts=10, policy_kwargs=policy_kwargs, seed=0, device="cpu", **kwargs)


@pytest.mark.parametrize("dtype", [bool, np.float32])
def test_it_is_a_convolution_over_the_last_axis_and_a_layer(dtype):
    network = MinAtarCNN(spaces.Box(0, 1, (10, 10, 4), dtype=dtype), features_dim=7)
    boards = (np.random.default_rng(0).random((3, 10, 10, 4)) < 0.5).astype(dtype)
    convolution, layer = network.cnn[0], network.linear[0]
    by_hand = th.zeros(3, 16, 8, 8)
    for row, column in np.ndindex(8, 8):
        window = th.from_numpy(boards[:, row : row + 3, column : column + 3]).float()
        by_hand[:, :, row, column] = th.einsum("nijc,ocij->no", window, convolution.weight) + convolution.bias
    expected = F.relu(F.linear(F.relu(by_hand).flatten(1), layer.weight, layer.bias))
    assert network(th.from_numpy(boards)).shape == (3, network.features_dim)
    assert th.allclose(network(th.from_numpy(boards)), expected, atol=1e-5)


def test_a_space_that_is_no_board_is_refused_in_one_line():
    for space in (spaces.Box(0, 1, (4,)), spaces.Box(0, 1, (2, 10, 4)), spaces.Discrete(3)):
        with pytest.raises(UserError, match=r"MinAtarCNN needs a Box \[height, width, channels\]"):
            MinAtarCNN(space)


@pytest.mark.parametrize("algorithm", [DiscretizedDQN, Rainbow])
def test_agents_learn_with_it_and_load_again(algorithm, tmp_path):
    model = create(algorithm, compile=False).learn(50)
    model.save(tmp_path / "model.zip")
    predicted, _ = model.predict(BOARDS, deterministic=True)
    assert (algorithm.load(tmp_path / "model.zip").predict(BOARDS, deterministic=True)[0] == predicted).all()


@pytest.mark.parametrize("algorithm", [DiscretizedDQN, Rainbow])
def test_numpy_acts_as_torch_does(algorithm):
    model = create(algorithm, compile=False).learn(30)
    with th.no_grad():
        expected = model.q_net(th.from_numpy(BOARDS).float())
    np.testing.assert_allclose(model.fast.outputs(BOARDS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not has_cpp_compiler(), reason="no C++ compiler")
@pytest.mark.parametrize("algorithm", [DiscretizedDQN, pytest.param(Rainbow, marks=pytest.mark.slow)])
def test_a_compiled_step_is_an_eager_step(algorithm, same_step):
    eager, compiled = (create(algorithm, gradient_steps=0, compile=choice).learn(100) for choice in (False, True))
    same_step(eager, compiled)
