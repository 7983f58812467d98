"""A model: its networks, the configuration that rebuilds them, sampling, saving."""

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from reprlib import repr as short
from typing import Any, Literal

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin, snapshot_download
from torch import Tensor, nn

from ca2_core.arguments import MAX_SEED
from ca2_core.errors import UserError, did_you_mean
from ca2_core.settings import Setting
from ca2_gan.card import default_card, for_hub
from ca2_gan.labels import Labels, class_numbers
from ca2_gan.model_files import CARD, CONFIG, WEIGHTS, quantise, read_card, read_config, read_weights, write_model
from ca2_gan.models.per_class import PerClassGenerator
from ca2_gan.models.players import Generator, ModelSpec, Players
from ca2_gan.registry import models, pretrained
from ca2_gan.spectral_norm import normalise_spectrally
from ca2_gan.weights import load_weights

SAMPLING_BATCH = 250
SAMPLING = {
    "n": Setting("images", int, low=0, high=1_000_000),  # more would fill the memory
    "seed": Setting("same seed, same images", int | None, low=0, high=MAX_SEED),
    "noise_scale": Setting("factor on the noise; below 1: more typical and less varied images", float, above=0),
}
STOPS = 4  # noise vectors that an interpolation goes through
# Data set of ``create_model(name, pretrained=True)``: this package draws it, so no other licence applies
DEFAULT_DATA = "glyphs"
# Types of a builder's options, in words
OPTIONS = {int: "a whole number", bool: "true or false"}


class GAN(nn.Module, PyTorchModelHubMixin):
    """The networks of a registered model, and the configuration that rebuilds them.

    :param model: name in the registry
    :param num_classes: number of classes K
    :param image_shape: channels, height, width
    :param noise_dim: width of the generator's noise
    :param class_names: K names; None for "0" to "K-1"
    :param spectral_norm: whether every weight of the discriminator is spectrally normalised
    :param per_class: whether the generator consists of K generators of this model, one for each class, without other networks
    :param options: further arguments of this model's builder, by name
    """

    generator: Generator
    discriminator: Any  # a Discriminator, or None in a model that can only be sampled
    classifier: Any  # a network, None in most models

    def __init__(
        self,
        model: str,
        num_classes: int,
        image_shape: Sequence[int],
        noise_dim: int = 100,
        class_names: Sequence[str] | None = None,
        spectral_norm: bool = False,
        per_class: bool = False,
        options: dict[str, Any] | None = None,
    ):
        super().__init__()
        if not isinstance(image_shape, Sequence):
            raise UserError(f"{model}: image_shape={short(image_shape)}: channels, height and width are needed, such as (1, 28, 28).")
        if len(image_shape) != 3:
            raise UserError(f"{model}: an image shape of {len(image_shape)} numbers; channels, height and width are needed.")
        channels, height, width = image_shape
        self.spec = ModelSpec(model, num_classes, (channels, height, width), noise_dim)
        names = tuple(map(str, range(num_classes) if class_names is None else class_names))
        if len(names) != num_classes:
            raise UserError(f"{model}: {len(names)} class names for {num_classes} classes.")
        if len(set(names)) != num_classes:
            raise UserError(f"{model}: two classes have the same name among {short(names)}. Each needs one of its own.")
        self.config: dict[str, Any] = {
            "model": model,
            "num_classes": num_classes,
            "image_shape": list(self.spec.image_shape),
            "noise_dim": noise_dim,
            "class_names": list(names),
            "spectral_norm": spectral_norm,
            "options": options or {},
        } | ({"per_class": True} if per_class else {})
        self._hub_mixin_config = self.config  # written by PyTorchModelHubMixin
        self.card: str | None = None
        make = _make_per_class if per_class else _make
        players = make(self.spec, options or {})
        self.generator, self.discriminator = players.generator, players.discriminator
        for name, network in players.others.items():
            self.add_module(name, network)
        self.is_conditional = players.is_conditional
        if spectral_norm and self.discriminator is not None:
            normalise_spectrally(self.discriminator)

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.config["class_names"])

    def players(self) -> dict[str, nn.Module]:
        """The networks by name: generator, discriminator, and others where the model has them."""
        return dict(self.named_children())

    def with_generator(self, generator: nn.Module) -> "GAN":
        """A copy with another generator, such as the EMA, that shares the other networks."""
        return self._with_players(self._modules | {"generator": generator})

    def draw_noise(self, n: int, seed: int | None = None, noise_scale: float = 1.0) -> Tensor:
        """Noise for n images, float32 [n, noise_dim], drawn on the CPU so that a seed gives the same noise for every device.

        :param seed: None for a new one each time
        :param noise_scale: factor on the noise, over 0; below 1, images are more typical and less varied
        """
        n, seed = SAMPLING["n"].read("n", n, "sample"), SAMPLING["seed"].read("seed", seed, "sample")
        noise_scale = SAMPLING["noise_scale"].read("noise_scale", noise_scale, "sample")
        rng = torch.Generator()
        if seed is None:
            rng.seed()
        else:
            rng.manual_seed(seed)
        return torch.randn(n, self.spec.noise_dim, generator=rng) * noise_scale

    def sample(self, n: int, labels: Labels | None = None, seed: int | None = None, noise_scale: float = 1.0) -> Tensor:
        """Images, uint8 [n, C, H, W] on the CPU.

        :param labels: n classes, such as ``"QUARTZAB"``, ``["Q", "seven"]`` or numbers from 0 to K-1, or one for all images; None for
            all classes in equal shares, 0, 1, ..., K-1, 0, ...
        :param seed: same seed, same images; None for new ones each time
        :param noise_scale: factor on the noise, over 0; below 1, images are more typical and less varied
        :raises UserError: if there are not n labels, or one is not a class of the model
        """
        return self.images_from(self.draw_noise(n, seed, noise_scale), self.choose_classes(n, labels))

    def interpolate(
        self, n: int, labels: Labels | None = None, frames: int = 48, seed: int | None = None, noise_scale: float = 1.0
    ) -> Iterator[Tensor]:
        """Interpolates n images through a few noise vectors and back to the first; each frame is uint8 [n, C, H, W].

        :param labels: as for ``sample``; each image keeps its class
        :param frames: number of frames, at least 4; the first follows the last, so that the animation can loop
        :raises UserError: if there are too few frames, there are not n labels, or one is not a class of the model
        """
        if frames < STOPS:
            raise UserError(f"{frames} frames: at least {STOPS} are needed.")
        numbers = self.choose_classes(n, labels)
        stops = self.draw_noise(STOPS * n, seed, noise_scale).view(STOPS, n, -1)

        def walk() -> Iterator[Tensor]:
            for frame in range(frames):
                stop, share = divmod(frame * STOPS / frames, 1)
                yield self.images_from(slerp(stops[int(stop)], stops[(int(stop) + 1) % STOPS], share), numbers)

        return walk()

    def choose_classes(self, n: int, labels: Labels | None = None) -> Tensor:
        """Class numbers of n images, int64 [n]; None for all classes in equal shares.

        :raises UserError: if there are neither n labels nor one, or one is not a class of the model
        """
        n = SAMPLING["n"].read("n", n, "sample")
        if labels is None:
            return torch.arange(n) % self.spec.num_classes
        numbers = self.class_numbers(labels)
        if numbers.shape in ((), (1,)):
            return numbers.repeat(n)
        if numbers.shape != (n,):
            raise UserError(f"{numbers.numel()} labels for {n} images. Give one for each, or one for all.")
        return numbers

    def class_numbers(self, labels: Labels) -> Tensor:
        """Class numbers of names or numbers, int64 [n].

        :raises UserError: if one is not a class of the model, or an unconditional model is asked for a class by name
        """
        if isinstance(labels, str) and not self.is_conditional:
            raise UserError(f"{self.spec.name} is unconditional: it can't be asked for a class. Leave out labels, or train one per class.")
        return class_numbers(labels, self.class_names)

    @torch.inference_mode()
    def images_from(self, noise: Tensor, labels: Labels) -> Tensor:
        """Images for given noise [n, noise_dim] and n labels, uint8 [n, C, H, W] on the CPU."""
        device = next(self.generator.parameters()).device
        training = self.generator.training
        self.generator.eval()
        batches = [
            self._as_bytes(self.generator(z.to(device), y.to(device)).float()).cpu()
            for z, y in zip(noise.split(SAMPLING_BATCH), self.class_numbers(labels).split(SAMPLING_BATCH), strict=True)
        ]
        self.generator.train(training)
        return torch.cat(batches)

    def _as_bytes(self, images: Tensor) -> Tensor:
        """``to_uint8``, but refuses NaN and infinite values, which would become black or white pixels."""
        if not images.isfinite().all():
            raise UserError(f"{self.spec.name}: its images are not finite: its weights are damaged, or training diverged. Train again.")
        return to_uint8(images)

    def save(self, folder: str | Path) -> None:
        """Writes ``model.safetensors`` and ``config.json`` into a folder, each whole or not at all."""
        write_model(Path(folder), self.config, self.state_dict())

    def export(
        self, folder: str | Path, precision: Literal["float16", "int8"] = "float16", networks: Sequence[str] = ("generator",)
    ) -> None:
        """Writes only the networks that are needed, with parameters of lower precision.

        :param precision: of the parameters; int8 takes half the space of float16, with one scale for each row of a weight
        :param networks: which to write; the generator is enough to sample, and the discriminator to judge images
        """
        players = {name: player for name, player in self.players().items() if name in networks}
        lean = self._with_players(players).state_dict()
        parameters = {f"{name}.{entry}" for name, player in players.items() for entry, _ in player.named_parameters()}
        small = quantise({name: value for name, value in lean.items() if name in parameters})
        if precision == "float16":
            small = {name: lean[name].half() for name in parameters}
        buffers = {name: value for name, value in lean.items() if name not in parameters}
        write_model(Path(folder), self.config, buffers | small)

    def _with_players(self, players: Mapping[str, nn.Module | None]) -> "GAN":
        twin: GAN = object.__new__(type(self))
        twin.__dict__ = self.__dict__ | {"_modules": dict(players)}
        return twin

    # Networks with spectral norm can't be pickled: a pickled model is rebuilt from its configuration and weights
    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.config, list(self.players()), dict(self.state_dict()), self.training, self.card)

    def __copy__(self) -> "GAN":
        return self._with_players(self._modules)

    def __deepcopy__(self, memo: dict[int, Any]) -> "GAN":
        twin = memo[id(self)] = self.__copy__()
        twin.__dict__ = copy.deepcopy(self.__dict__, memo)
        return twin

    def generate_model_card(self, *_: Any, **facts: Any) -> ModelCard:
        """The card that ``save_pretrained`` and ``push_to_hub`` write: the one that the model came with, or a default card."""
        parameters = {name: sum(p.numel() for p in player.parameters()) for name, player in self.players().items()}
        return ModelCard(for_hub(self.card or default_card(self.config, parameters, self.is_conditional), facts.get("repo_id")))

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Uploads the model with its card to the Hugging Face hub.

        :param repo_id: ``user/name``
        :param options: of huggingface_hub's ``ModelHubMixin.push_to_hub``, such as ``private`` and ``token``
        :return: the address of the commit
        """
        options["model_card_kwargs"] = {"repo_id": repo_id} | (options.get("model_card_kwargs") or {})
        return super().push_to_hub(repo_id, **options)

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        **options: Any,
    ) -> "GAN":
        """The model in a folder or on the Hugging Face hub, in evaluation mode, in float32.

        Networks without weights in the folder, other than the generator, are None.

        :param pretrained_model_name_or_path: a folder that ``save`` or ``save_pretrained`` wrote, or ``user/name``
        :param options: of huggingface_hub's ``snapshot_download``, such as ``revision``, ``token``, ``cache_dir``, ``force_download`` and
            ``local_files_only``
        :raises UserError: if the model can't be found or downloaded, or is damaged
        """
        folder = Path(pretrained_model_name_or_path)
        if not folder.is_dir():
            try:
                folder = Path(snapshot_download(str(folder), allow_patterns=[CONFIG, WEIGHTS, CARD], **options))
            except Exception as error:  # whatever the network or the hub answers
                reason = str(error).strip().partition("\n")[0]
                raise UserError(f"{folder}: no such folder, and it can't be loaded from the Hugging Face hub: {reason}") from error
        return _read(folder)


def _read(folder: Path) -> GAN:
    config = read_config(folder)
    try:
        gan = GAN(**config)
    except UserError as error:
        raise UserError(f"{folder / CONFIG}: {error}") from error
    weights = read_weights(folder)
    for player in gan.players().keys() - {"generator"} - {name.partition(".")[0] for name in weights}:
        setattr(gan, player, None)
    try:
        load_weights(gan, weights)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{folder / WEIGHTS}: not the weights of the {config['model']} that {CONFIG} describes: {error}.") from error
    gan.card = read_card(folder)
    return gan.eval()


def _restore(config: dict[str, Any], players: Sequence[str], weights: dict[str, Tensor], training: bool, card: str | None) -> GAN:
    """Rebuilds a pickled model."""
    gan = GAN(**config)
    for player in gan.players().keys() - set(players):
        setattr(gan, player, None)
    gan.load_state_dict(weights, assign=True)  # keeps their device and precision
    gan.card = card
    return gan.train(training)


def _make(spec: ModelSpec, options: dict[str, Any]) -> Players:
    builder = models.get(spec.name)
    known = model_options(spec.name)
    for name, value in options.items():
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UserError(f"{spec.name}: no model option {name!r}; {has}.{did_you_mean(name, known)}")
        kind = known[name].annotation
        if isinstance(kind, type) and kind in OPTIONS and type(value) is not kind:
            raise UserError(f"{spec.name}: the model option {name} has to be {OPTIONS[kind]}, not {short(value)}.")
        if type(value) is int and value < 1:
            raise UserError(f"{spec.name}: the model option {name} has to be at least 1, not {short(value)}.")
    try:
        players: Players = builder(spec, **options)
    except (ArithmeticError, MemoryError, RuntimeError, ValueError) as error:
        if not options or isinstance(error, UserError):
            raise
        reason = "not enough memory" if "alloc" in str(error) else str(error).strip().partition("\n")[0]
        raise UserError(f"{spec.name}: can't be made with {', '.join(f'{k}={v}' for k, v in options.items())}: {reason}") from error
    return players


def model_options(name: str) -> dict[str, inspect.Parameter]:
    """Parameters of a model's builder other than the ``ModelSpec``, by name."""
    return dict(list(inspect.signature(models.get(name)).parameters.items())[1:])


def _make_per_class(spec: ModelSpec, options: dict[str, Any]) -> Players:
    alone = ModelSpec(spec.name, 1, spec.image_shape, spec.noise_dim)
    generators = [_make(alone, options).generator for _ in range(spec.num_classes)]
    return Players(PerClassGenerator(generators, spec.image_shape), None, is_conditional=True)


def join_classes(models: Mapping[str, GAN]) -> GAN:
    """Joins models of one class each into one conditional model, in evaluation mode.

    :param models: by class name
    :raises UserError: if a model's configuration differs from the first one's
    """
    first, *others = (model.config | {"class_names": None} for model in models.values())
    for name, config in zip(list(models)[1:], others, strict=True):
        if config != first:
            raise UserError(f"{name}: its model differs from the first class's in images, noise or layers. Train the classes together.")
    gan = GAN(**first | {"num_classes": len(models), "class_names": list(models), "spectral_norm": False, "per_class": True})
    gan.generator = PerClassGenerator([model.generator for model in models.values()], gan.spec.image_shape)
    return gan.eval()


def to_uint8(images: Tensor) -> Tensor:
    """[-1, 1] -> 0..255, rounded."""
    return images.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def slerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Spherical interpolation between noise vectors (White 2016), which keeps their length typical: [N, d] x 2 -> [N, d]."""
    cosine = nn.functional.cosine_similarity(start, end, dim=1).clamp(-1 + 1e-6, 1 - 1e-6)[:, None]
    angle = cosine.acos()
    return (((1 - share) * angle).sin() * start + (share * angle).sin() * end) / angle.sin()


def create_model(
    name: str,
    *,
    pretrained: str | bool = False,
    num_classes: int | None = None,
    image_shape: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    **options: Any,
) -> GAN:
    """A model by its name in the registry, new or trained.

    :param name: such as ``cgan``; ``list_models()`` lists all
    :param pretrained: data set on which a pretrained model was trained, such as ``"mnist"``, or True for the default;
        ``list_models(pretrained=True)`` lists all
    :param num_classes: number of classes K; not needed for a pretrained model
    :param image_shape: channels (1 or 3), height, width (multiples of 4 from 16 to 64); not needed for a pretrained model
    :param class_names: K names; None for "0" to "K-1"
    :param options: ``noise_dim``, ``spectral_norm``, and options of the model's builder
    :raises UserError: for an unknown name or option, or an image shape that the model can't make
    """
    if pretrained is True and "/" in str(name):  # a name from the list of pretrained models
        name, _, pretrained = name.partition("/")
    if pretrained:
        asked = {"num_classes": num_classes, "image_shape": image_shape, "class_names": class_names} | options
        return _trained(name, pretrained, {key: value for key, value in asked.items() if value is not None})
    if num_classes is None or image_shape is None:
        raise UserError(f"{name}: a new model needs num_classes and image_shape; only one with pretrained=... has its own.")
    common = {key: options.pop(key) for key in ("noise_dim", "spectral_norm") if key in options}
    return GAN(model=name, num_classes=num_classes, image_shape=image_shape, class_names=class_names, options=options, **common)


def _trained(name: str, data: str | bool, asked: dict[str, Any]) -> GAN:
    """The pretrained model of that name and data, after a check of the values asked for."""
    defaults = {key: parameter.default for key, parameter in inspect.signature(models.get(name)).parameters.items()}
    known = pretrained.list(f"{name}/*")
    if not known:
        raise UserError(f"{name}: no pretrained one is installed, only {', '.join(pretrained)}.")
    default = DEFAULT_DATA if f"{name}/{DEFAULT_DATA}" in known else known[0].partition("/")[2]
    gan = GAN.from_pretrained(pretrained.get(f"{name}/{data if isinstance(data, str) else default}").folder)
    has = defaults | gan.config | gan.config["options"]
    for key, value in asked.items():
        own = has.get(key)
        if own != (list(value) if isinstance(own, list) else value):
            raise UserError(f"{name}: the trained model has {key}={own}, not {value}. Leave {key} out, or train a new model.")
    return gan
