"""The networks of a model as programs for the page, and the directions of the noise that change its images most."""

import torch
from torch import Tensor, nn

from ca2_core.errors import UserError
from ca2_core.play.program import Program, to_program
from ca2_gan.export import Pictures
from ca2_gan.gan import GAN
from ca2_gan.models.per_class import PerClassGenerator

CLASSES = "classes"
MOST_CLASSES = 200  # for which the directions are computed, at most


def generator_program(gan: GAN, label: int | None = None) -> Program:
    """Noise [1, noise_dim] and, of a conditional model, a weight for each class [1, K] -> an image [1, C, H, W] from 0 to 1.

    One weight of 1 is a label; other weights mix the classes' embeddings, which labels can't.

    :param label: class whose generator is taken, in a model with one generator per class; the program has one class then
    :raises UserError: if the generator has an operation that the page lacks
    """
    num_classes = gan.spec.num_classes
    if isinstance(gan.generator, PerClassGenerator):
        gan, num_classes = gan.with_generator(gan.generator.of_class[label or 0]), 1
    inputs = {"noise": gan.draw_noise(1, 0)} | ({"labels": torch.zeros(1, dtype=torch.int64)} if gan.is_conditional else {})
    return with_class_weights(to_program(Pictures(gan), inputs), num_classes)


def with_class_weights(program: Program, num_classes: int) -> Program:
    """Replaces a program's input ``labels`` by ``classes`` [1, K]; without labels, the program is unchanged.

    :raises UserError: if labels do more than choose rows of weights
    """
    if "labels" not in program.inputs:
        return program
    steps, tensors = [], dict(program.tensors)
    for step in program.steps:
        if "labels" not in step["in"]:
            steps.append(step)
        elif step["op"] == "one_hot":
            steps.append({"op": "view", "out": step["out"], "in": [CLASSES], "shape": step["shape"]})
        elif step["op"] == "embedding":
            columns = f"{step['weight']}.columns"
            tensors[columns] = tensors[step["weight"]].t().contiguous()
            steps.append({"op": "linear", "out": step["out"], "in": [CLASSES], "weight": columns, "bias": None, "shape": step["shape"]})
        else:
            raise UserError(f"the page can't mix the classes of a model that needs {step['op']} for its labels.")
    used = {name for step in steps for name in [*step["in"], *(step.get(key) for key in ("weight", "bias", "scale", "shift"))]}
    kept = {name: value for name, value in tensors.items() if name in used or name in program.outputs}
    inputs = {name: shape for name, shape in program.inputs.items() if name != "labels"} | {CLASSES: [1, num_classes]}
    return Program(inputs, steps, program.outputs, kept)


def discriminator_program(gan: GAN) -> Program:
    """An image [1, C, H, W] from -1 to 1 and its label [1] -> the discriminator's logit [1].

    :raises UserError: if there is no discriminator, or it has an operation that the page lacks
    """
    if gan.discriminator is None:
        raise UserError("this model has no discriminator: only its generator has been kept.")
    images = torch.zeros(1, *gan.spec.image_shape)
    return to_program(gan.discriminator.eval().float().cpu(), {"images": images, "labels": torch.zeros(1, dtype=torch.int64)})


@torch.inference_mode()
def directions(gan: GAN) -> Tensor:
    """Orthonormal directions of the noise, float32 [noise_dim, noise_dim]: one per row, the one that changes images most first.

    They are the right singular vectors of the first layer that sees the noise, over all classes.
    """
    generator, noise_dim = gan.generator.eval(), gan.spec.noise_dim
    noise = torch.cat([torch.zeros(1, noise_dim), torch.eye(noise_dim)])
    gram = torch.zeros(noise_dim, noise_dim, dtype=torch.float64)
    for label in range(min(gan.spec.num_classes, MOST_CLASSES) if gan.is_conditional else 1):
        effect = _first_effect(generator, noise, torch.full((len(noise),), label))
        gram += effect @ effect.T
    _, vectors = torch.linalg.eigh(gram)
    found: Tensor = vectors.T.flip(0).float().contiguous()
    return found


class _Found(Exception):  # noqa: N818  (not an error: it ends a forward pass early)
    def __init__(self, effect: Tensor):
        self.effect = effect


def _first_effect(generator: nn.Module, noise: Tensor, labels: Tensor) -> Tensor:
    """What each unit of noise adds to the output of the first layer that sees it, float64 [noise_dim, outputs]."""

    def look(_: nn.Module, __: object, output: Tensor) -> None:
        if output.shape[0] == len(noise):
            effect = (output[1:] - output[:1]).flatten(1).double()
            if effect.abs().max() > 0:
                raise _Found(effect)

    layers = [layer for layer in generator.modules() if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [layer.register_forward_hook(look) for layer in layers]
    try:
        images = generator(noise, labels)
    except _Found as found:
        return found.effect
    finally:
        for hook in hooks:
            hook.remove()
    effect: Tensor = (images[1:] - images[:1]).flatten(1).double()
    return effect
