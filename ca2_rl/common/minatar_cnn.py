"""Features extractor for the MinAtar games."""

import gymnasium as gym
import torch as th
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from ca2_core.errors import UserError

CHANNELS, KERNEL = 16, 3


class MinAtarCNN(BaseFeaturesExtractor):
    """One 3x3 convolution with 16 channels and a hidden layer (Young & Tian 2019): [N, H, W, C] -> [N, features_dim].

    For observations of zeros and ones with the channels last, as in MinAtar. SB3's ``NatureCNN`` needs at least 36x36 pixels.
    https://arxiv.org/abs/1903.03176

    :param observation_space: a Box of shape [H, W, C], H and W at least 3
    :param features_dim: width of the hidden layer
    :raises UserError: for any other space
    """

    def __init__(self, observation_space: gym.Space[object], features_dim: int = 128):
        super().__init__(observation_space, features_dim)
        shape = observation_space.shape or ()
        if not isinstance(observation_space, spaces.Box) or len(shape) != 3 or min(shape[:2]) < KERNEL:
            raise UserError(f"MinAtarCNN needs a Box [height, width, channels] of at least {KERNEL}x{KERNEL}, not {observation_space}.")
        self.shape = height, width, channels = shape
        side = KERNEL - 1
        self.cnn = nn.Sequential(nn.Conv2d(channels, CHANNELS, KERNEL), nn.ReLU(), nn.Flatten())
        self.linear = nn.Sequential(nn.Linear(CHANNELS * (height - side) * (width - side), features_dim), nn.ReLU())

    def forward(self, observations: th.Tensor) -> th.Tensor:
        features: th.Tensor = self.linear(self.cnn(observations.float().permute(0, 3, 1, 2)))
        return features
