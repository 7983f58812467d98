"""The classes that a file of unknown origin may name. None of them lets the file run code of its choice.

Each entry is an exact pair of a module and a name in it. Whole modules are never trusted, because they also contain functions
that open files, import modules or unpickle their arguments.
"""

Name = tuple[str, str]


def _names(table: dict[str, str]) -> frozenset[Name]:
    return frozenset((module, name) for module, names in table.items() for name in names.split())


ACTIVATIONS = "CELU ELU GELU Hardsigmoid Hardswish Hardtanh LeakyReLU Mish PReLU ReLU ReLU6 SELU SiLU Sigmoid Softplus Softsign Tanh"

OPTIMISERS = _names(
    {
        "stable_baselines3.common.sb2_compat.rmsprop_tf_like": "RMSpropTFLike",
        "torch.optim.adadelta": "Adadelta",
        "torch.optim.adagrad": "Adagrad",
        "torch.optim.adam": "Adam",
        "torch.optim.adamax": "Adamax",
        "torch.optim.adamw": "AdamW",
        "torch.optim.asgd": "ASGD",
        "torch.optim.nadam": "NAdam",
        "torch.optim.radam": "RAdam",
        "torch.optim.rmsprop": "RMSprop",
        "torch.optim.sgd": "SGD",
    }
)

POLICIES = _names(
    {
        "ca2_rl.discretized_dqn.policies": "CnnPolicy DiscretizedDQNPolicy MlpPolicy MultiInputPolicy",
        "ca2_rl.noisy_dqn.policies": "CnnPolicy MlpPolicy MultiInputPolicy NoisyDQNPolicy",
        "ca2_rl.ou_ddpg.policies": "CnnPolicy MlpPolicy MultiInputPolicy OUDDPGPolicy",
        "sb3_contrib.ars.policies": "ARSLinearPolicy ARSPolicy",
        "sb3_contrib.common.maskable.policies": (
            "MaskableActorCriticCnnPolicy MaskableActorCriticPolicy MaskableMultiInputActorCriticPolicy"
        ),
        "sb3_contrib.common.recurrent.policies": (
            "RecurrentActorCriticCnnPolicy RecurrentActorCriticPolicy RecurrentMultiInputActorCriticPolicy"
        ),
        "sb3_contrib.crossq.policies": "CrossQPolicy MlpPolicy",
        "sb3_contrib.qrdqn.policies": "CnnPolicy MultiInputPolicy QRDQNPolicy",
        "sb3_contrib.tqc.policies": "CnnPolicy MultiInputPolicy TQCPolicy",
        "stable_baselines3.common.policies": "ActorCriticCnnPolicy ActorCriticPolicy MultiInputActorCriticPolicy",
        "stable_baselines3.dqn.policies": "CnnPolicy DQNPolicy MultiInputPolicy",
        "stable_baselines3.sac.policies": "CnnPolicy MultiInputPolicy SACPolicy",
        "stable_baselines3.td3.policies": "CnnPolicy MultiInputPolicy TD3Policy",
    }
)

BUFFERS = _names(
    {
        "ca2_rl.common.prioritized_replay": (
            "PrioritizedDictNStepReplayBuffer PrioritizedDictReplayBuffer PrioritizedNStepReplayBuffer PrioritizedReplayBuffer"
        ),
        "ca2_rl.common.replay_buffer": "QuickDictNStepReplayBuffer QuickDictReplayBuffer QuickNStepReplayBuffer QuickReplayBuffer",
        "sb3_contrib.common.maskable.buffers": "MaskableDictRolloutBuffer MaskableRolloutBuffer",
        "sb3_contrib.common.recurrent.buffers": "RecurrentDictRolloutBuffer RecurrentRolloutBuffer",
        "stable_baselines3.common.buffers": "DictReplayBuffer DictRolloutBuffer NStepReplayBuffer ReplayBuffer RolloutBuffer",
        "stable_baselines3.her.her_replay_buffer": "HerReplayBuffer",
    }
)

WRAPPERS = _names(
    {
        "gymnasium.wrappers": (
            "ClipAction ClipReward DtypeObservation FlattenObservation FrameStackObservation GrayscaleObservation"
            " MaxAndSkipObservation NormalizeObservation NormalizeReward RescaleAction RescaleObservation ReshapeObservation"
            " ResizeObservation TimeAwareObservation TimeLimit"
        ),
        "gymnasium.wrappers.transform_observation": "GrayscaleObservation ResizeObservation",
        "rl_zoo3.wrappers": (
            "ActionNoiseWrapper ActionSmoothingWrapper DelayedRewardWrapper FrameSkip HistoryWrapper HistoryWrapperObsDict"
            " MaskVelocityWrapper TruncatedOnSuccessWrapper YAMLCompatResizeObservation"
        ),
        "sb3_contrib.common.wrappers": "TimeFeatureWrapper",
        "stable_baselines3.common.atari_wrappers": (
            "AtariWrapper ClipRewardEnv EpisodicLifeEnv FireResetEnv MaxAndSkipEnv NoopResetEnv StickyActionEnv WarpFrame"
        ),
        "stable_baselines3.common.vec_env": "VecCheckNan VecFrameStack VecNormalize VecTransposeImage",
    }
)

# What a pickle may name, next to the functions that make arrays, which pickles.py replaces. No algorithm is on the list: its
# constructor makes an env from an id, which may name a module to import
PICKLED = (
    OPTIMISERS
    | POLICIES
    | BUFFERS
    | _names(
        {
            "builtins": "bytearray bytes complex dict float frozenset int list range set slice tuple",
            "ca2_rl.common.action_bins": "ActionBins",
            "ca2_rl.common.minatar_cnn": "MinAtarCNN",
            "ca2_rl.common.ou_noise": "OUNoise",
            "collections": "OrderedDict defaultdict deque",
            "gymnasium.spaces.box": "Box",
            "gymnasium.spaces.dict": "Dict",
            "gymnasium.spaces.discrete": "Discrete",
            "gymnasium.spaces.multi_binary": "MultiBinary",
            "gymnasium.spaces.multi_discrete": "MultiDiscrete",
            "gymnasium.spaces.tuple": "Tuple",
            "numpy": "bool_ float16 float32 float64 int16 int32 int64 int8 uint16 uint32 uint64 uint8",
            "rl_zoo3.utils": "SimpleLinearSchedule",
            "stable_baselines3.common.noise": "NormalActionNoise OrnsteinUhlenbeckActionNoise VectorizedActionNoise",
            "stable_baselines3.common.running_mean_std": "RunningMeanStd",
            "stable_baselines3.common.torch_layers": "CombinedExtractor FlattenExtractor NatureCNN",
            "stable_baselines3.common.type_aliases": "TrainFreq TrainFrequencyUnit",
            "stable_baselines3.common.utils": "ConstantSchedule FloatSchedule LinearSchedule",
            "stable_baselines3.common.vec_env.vec_normalize": "VecNormalize",
            "stable_baselines3.her.goal_selection_strategy": "GoalSelectionStrategy",
            "torch": "Size device",
            "torch.nn": ACTIVATIONS + " Identity",
            "torch.nn.modules.activation": ACTIVATIONS,
            "torch.nn.modules.linear": "Identity",
        }
    )
)

# Modules in pickles of older versions of SB3, Gym and NumPy -> where they are now
MOVED = {
    "__builtin__": "builtins",
    "gym.spaces.box": "gymnasium.spaces.box",
    "gym.spaces.dict": "gymnasium.spaces.dict",
    "gym.spaces.discrete": "gymnasium.spaces.discrete",
    "gym.spaces.multi_binary": "gymnasium.spaces.multi_binary",
    "gym.spaces.multi_discrete": "gymnasium.spaces.multi_discrete",
    "gym.spaces.tuple": "gymnasium.spaces.tuple",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}

# Short names that a string in a hyperparameter file may have, such as ``nn.ReLU``
SHORT = {
    **{f"{nn}.{name}": ("torch.nn", name) for nn in ("nn", "th.nn", "torch.nn") for name in ACTIVATIONS.split()},
    **{f"{torch}.optim.{name}": (module, name) for torch in ("th", "torch") for module, name in OPTIMISERS if module.startswith("torch.")},
    "MinAtarCNN": ("ca2_rl.common.minatar_cnn", "MinAtarCNN"),
    "HerReplayBuffer": ("stable_baselines3.her.her_replay_buffer", "HerReplayBuffer"),
    "RMSpropTFLike": ("stable_baselines3.common.sb2_compat.rmsprop_tf_like", "RMSpropTFLike"),
}
