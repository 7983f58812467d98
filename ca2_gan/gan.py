"""A model: its players, what it was made with, sampling, saving, loading."""

import copy
import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from reprlib import repr as short
from typing import Any

import torch
from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn

from ca2_core.errors import UserError, did_you_mean
from ca2_core.files import whole_file
from ca2_gan.models.players import ModelSpec
from ca2_gan.registry import models
from ca2_gan.spectral_norm import normalise_spectrally
from ca2_gan.weights import load_weights

WEIGHTS, CONFIG = "model.safetensors", "config.json"
SAMPLING_BATCH = 250
# Types of a builder's options, in words
OPTIONS = {int: "a whole number", bool: "true or false"}


class GAN(nn.Module, PyTorchModelHubMixin):
    """The players of a model of the registry, and the configuration that makes them again.

    :param model: name in the registry
    :param num_classes: number of classes K
    :param image_shape: channels, height, width
    :param noise_dim: width of the generator's noise
    :param class_names: K names; None for "0" to "K-1"
    :param spectral_norm: whether every weight of the discriminator is spectrally normalised
    :param options: what this model's builder takes beyond that, by name
    """

    def __init__(
        self,
        model: str,
        num_classes: int,
        image_shape: Sequence[int],
        noise_dim: int = 100,
        class_names: Sequence[str] | None = None,
        spectral_norm: bool = False,
        options: dict[str, Any] | None = None,
    ):
        super().__init__()
        if len(image_shape) != 3:
            raise UserError(f"{model}: an image shape of {len(image_shape)} numbers; channels, height and width are needed.")
        channels, height, width = image_shape
        self.spec = ModelSpec(model, num_classes, (channels, height, width), noise_dim)
        names = tuple(map(str, range(num_classes) if class_names is None else class_names))
        if len(names) != num_classes:
            raise UserError(f"{model}: {len(names)} class names for {num_classes} classes.")
        self.config: dict[str, Any] = {
            "model": model,
            "num_classes": num_classes,
            "image_shape": list(self.spec.image_shape),
            "noise_dim": noise_dim,
            "class_names": list(names),
            "spectral_norm": spectral_norm,
            "options": options or {},
        }
        self._hub_mixin_config = self.config  # what the hub's mixin writes
        players = _build(self.spec, options or {})
        self.generator, self.discriminator, self.classifier = players[:3]
        self.is_conditional = players.is_conditional
        if spectral_norm:
            normalise_spectrally(self.discriminator)

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.config["class_names"])

    def players(self) -> dict[str, nn.Module]:
        """The networks by name: generator, discriminator, and classifier where there is one."""
        return dict(self.named_children())

    def with_generator(self, generator: nn.Module) -> "GAN":
        """The same model, its other players shared, with another generator such as an average of it."""
        twin = copy.copy(self)
        twin._modules = self._modules | {"generator": generator}
        return twin

    def draw_noise(self, n: int, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """Noise for n images, float32 [n, noise_dim], on the CPU, so that a seed gives the same on every device.

        :param seed: None for a new one each time
        :param truncation: factor on the noise; below 1 more typical and less varied images
        """
        rng = torch.Generator()
        if seed is None:
            rng.seed()
        else:
            rng.manual_seed(seed)
        return torch.randn(n, self.spec.noise_dim, generator=rng) * truncation

    def sample(self, n: int, labels: Sequence[int] | Tensor | None = None, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """Images, uint8 [n, C, H, W] on the CPU.

        :param labels: n classes from 0 to K-1; None for all in equal shares, 0, 1, ..., K-1, 0, ...
        :param seed: same seed, same images; None for new ones each time
        :param truncation: factor on the noise, over 0; below 1 more typical and less varied images
        :raises UserError: if the labels aren't n classes
        """
        if labels is None:
            labels = torch.arange(n) % self.spec.num_classes
        labels = torch.as_tensor(labels, dtype=torch.int64)
        if labels.shape != (n,):
            raise UserError(f"{labels.numel()} labels for {n} images.")
        if n and not 0 <= int(labels.min()) <= int(labels.max()) < self.spec.num_classes:
            raise UserError(
                f"labels go from {int(labels.min())} to {int(labels.max())}; this model's from 0 to {self.spec.num_classes - 1}."
            )
        return self.images_from(self.draw_noise(n, seed, truncation), labels)

    @torch.inference_mode()
    def images_from(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Images for given noise [n, noise_dim] and labels [n], uint8 [n, C, H, W] on the CPU."""
        device = next(self.generator.parameters()).device
        training = self.generator.training
        self.generator.eval()
        batches = [
            to_uint8(self.generator(z.to(device), y.to(device)).float()).cpu()
            for z, y in zip(noise.split(SAMPLING_BATCH), labels.split(SAMPLING_BATCH), strict=True)
        ]
        self.generator.train(training)
        return torch.cat(batches)

    def save(self, folder: str | Path) -> None:
        """Writes ``model.safetensors`` and ``config.json`` into a folder, each whole or not at all."""
        folder = Path(folder)
        with whole_file(folder / CONFIG) as path:
            path.write_text(json.dumps(self.config, indent=2) + "\n", encoding="utf-8")
        with whole_file(folder / WEIGHTS) as path:
            path.write_bytes(serialise({name: value.contiguous() for name, value in self.state_dict().items()}))

    def export(self, folder: str | Path) -> None:
        """Writes what sampling needs and no more: ``save`` with the generator alone, its parameters as float16."""
        lean = copy.copy(self)
        lean._modules = {"generator": copy.deepcopy(self.generator)}
        for parameter in lean.generator.parameters():
            parameter.data = parameter.data.half()
        lean.save(folder)

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory)

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
    ) -> "GAN":
        """The model in a folder, or of the Hugging Face hub, as ``load_gan`` reads it.

        :param pretrained_model_name_or_path: a folder that ``save_pretrained`` wrote, or ``user/name``
        :param force_download: download again what is in the hub's cache
        :param token: for private models
        :param cache_dir: where downloads are kept
        :param local_files_only: take what is there already
        :param revision: branch, tag or commit
        :raises UserError: if it can't be had, or isn't a model
        """
        folder = Path(pretrained_model_name_or_path)
        if not folder.is_dir():
            try:
                folder = Path(
                    snapshot_download(
                        str(pretrained_model_name_or_path),
                        revision=revision,
                        cache_dir=cache_dir,
                        force_download=force_download,
                        token=token,
                        local_files_only=local_files_only,
                        allow_patterns=[CONFIG, WEIGHTS],
                    )
                )
            except Exception as error:  # whatever the network or the hub answers
                reason = str(error).strip().partition("\n")[0]
                raise UserError(
                    f"{pretrained_model_name_or_path}: no such folder, and it can't be had from the Hugging Face hub: {reason}"
                ) from error
        return load_gan(folder)


def _build(spec: ModelSpec, options: dict[str, Any]) -> Any:
    builder = models.get(spec.name)
    known = dict(list(inspect.signature(builder).parameters.items())[1:])
    for name, value in options.items():
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UserError(f"{spec.name}: no model option {name!r}; {has}.{did_you_mean(name, known)}")
        kind = known[name].annotation
        if isinstance(kind, type) and kind in OPTIONS and type(value) is not kind:
            raise UserError(f"{spec.name}: the model option {name} is {OPTIONS[kind]}, not {short(value)}.")
    try:
        return builder(spec, **options)
    except (ArithmeticError, MemoryError, RuntimeError, ValueError) as error:
        if not options or isinstance(error, UserError):
            raise
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{spec.name}: can't be made with {', '.join(f'{k}={v}' for k, v in options.items())}: {reason}") from error


def to_uint8(images: Tensor) -> Tensor:
    """[-1, 1] -> 0..255, rounded."""
    return images.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def to_float(images: Tensor) -> Tensor:
    """0..255 -> float32 in [-1, 1]."""
    return images.float().div_(127.5).sub_(1)


def create_model(
    name: str, *, num_classes: int, image_shape: Sequence[int], class_names: Sequence[str] | None = None, **options: Any
) -> GAN:
    """A new model, by its name in the registry.

    :param name: such as ``cgan``; ``list_models()`` has them all
    :param num_classes: number of classes K
    :param image_shape: channels (1 or 3), height, width (16 to 64)
    :param class_names: K names; None for "0" to "K-1"
    :param options: ``noise_dim``, ``spectral_norm``, and what the model's builder takes
    :raises UserError: for an unknown name or option, or an image shape that the model can't make
    """
    common = {key: options.pop(key) for key in ("noise_dim", "spectral_norm") if key in options}
    return GAN(model=name, num_classes=num_classes, image_shape=image_shape, class_names=class_names, options=options, **common)


def load_gan(folder: Path) -> GAN:
    """The model in a folder with ``model.safetensors`` and ``config.json``, in evaluation mode, in float32.

    Players other than the generator that have no weights there are None.

    :raises UserError: if one of the files is missing, damaged, or doesn't fit the other
    """
    config, path = read_config(folder), folder / WEIGHTS
    try:
        gan = GAN(**config)
    except UserError as error:
        raise UserError(f"{folder / CONFIG}: {error}") from error
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise UserError(f"{folder}: no {WEIGHTS}: the model's weights are missing.") from None
    except Exception as error:  # whatever the bytes lead to
        raise UserError(f"{path}: damaged or cut off ({error}). Copy it again, or train again.") from error
    for player in gan.players().keys() - {"generator"} - {name.partition(".")[0] for name in weights}:
        setattr(gan, player, None)
    try:
        load_weights(gan, weights)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path}: not the weights of the {config['model']} that {CONFIG} describes: {error}.") from error
    return gan.eval()


def read_config(folder: Path) -> dict[str, Any]:
    """What makes the model in a folder again: arguments of ``GAN``, each of the right type.

    :raises UserError: if there is no ``config.json``, or it is something else
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no {CONFIG}: neither a saved model nor a run of `ca2-gan train` that has saved one.") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:  # no JSON, or no text
        raise UserError(f"{path}: not the configuration of a model: {error}.") from error
    if not isinstance(config, dict):
        raise UserError(f"{path}: not the configuration of a model: 'name: value' pairs are needed.")
    for name in dict.fromkeys([*config, "model", "num_classes", "image_shape"]):
        if name not in ENTRIES:
            raise UserError(f"{path}: not the configuration of a model: no entry is called {name!r}.{did_you_mean(name, ENTRIES)}")
        is_right, right = ENTRIES[name]
        if not is_right(config.get(name)):
            raise UserError(f"{path}: not the configuration of a model: {name} has to be {right}, not {short(config.get(name))}.")
    return config


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)


# Of config.json: what is right for an entry, by a function and in words
ENTRIES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "model": (lambda value: isinstance(value, str), "a name"),
    "num_classes": (_is_whole, "a whole number"),
    "image_shape": (lambda value: _is_list(value, int), "channels, height and width"),
    "noise_dim": (_is_whole, "a whole number"),
    "class_names": (lambda value: _is_list(value, str), "a list of names"),
    "spectral_norm": (lambda value: isinstance(value, bool), "true or false"),
    "options": (lambda value: isinstance(value, dict), "the model's options by name"),
}
