"""Networks in JavaScript are PyTorch's."""

import numpy as np
import pytest
import torch
from torch import nn

from ca2_core.errors import UserError
from ca2_core.play.program import to_program
from ca2_gan import create_model, list_models, load
from ca2_gan.export import Pictures
from ca2_gan.metrics.classifier import Network, residual, strided

FAST = {"letters_gan", "triplegan", "r3gan"}


def compare(run_program, module, inputs, cases):
    """Outputs for each case, of a batch of one, beside PyTorch's of all."""
    program = to_program(module, {name: values[:1] for name, values in inputs.items()})
    found = run_program(program, [{name: values[i].flatten().tolist() for name, values in inputs.items()} for i in range(cases)])
    with torch.inference_mode():
        expected = module.eval()(*inputs.values())
    expected = expected if isinstance(expected, tuple) else (expected,)
    for i, outputs in enumerate(found):
        for output, whole in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(output, whole[i].flatten().numpy(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in list_models()])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 16, 20)], ids=str)
def test_every_generator(name, shape, run_program):
    torch.manual_seed(0)
    gan = create_model(name, num_classes=5, image_shape=shape).eval()
    inputs = {"noise": gan.draw_noise(3, 0)} | ({"labels": torch.tensor([4, 0, 2])} if gan.is_conditional else {})
    compare(run_program, Pictures(gan), inputs, 3)


def test_the_models_that_are_shipped(run_program):
    for name in list_models(pretrained=True):
        gan = load(name)
        compare(run_program, Pictures(gan), {"noise": gan.draw_noise(2, 0), "labels": gan.choose_classes(2)}, 2)


@pytest.mark.parametrize("name", ["letters_gan", "acgan"])
def test_discriminators(name, run_program):
    torch.manual_seed(0)
    gan = create_model(name, num_classes=5, image_shape=(1, 28, 28)).eval()
    compare(run_program, gan.discriminator, {"images": torch.rand(2, 1, 28, 28) * 2 - 1, "labels": torch.tensor([3, 1])}, 2)


@pytest.mark.parametrize("body", [strided, residual])
def test_reference_classifiers(body, run_program):
    torch.manual_seed(0)
    compare(run_program, Network(body(1), 26), {"images": torch.rand(2, 1, 28, 28)}, 2)


class Everything(nn.Module):
    """Steps that the models of the zoo have not."""

    def __init__(self):
        super().__init__()
        self.grouped = nn.Conv2d(4, 6, 3, padding=1, groups=2, stride=2)
        self.spread = nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1, groups=2)
        self.last = nn.Linear(10, 3, bias=False)

    def forward(self, x):
        y = torch.sigmoid(self.grouped(x)).exp() - self.spread(torch.tanh(self.grouped(x))).mean(dim=(2, 3), keepdim=True)[:, :1]
        z = y.permute(0, 2, 3, 1).transpose(1, 3).abs().sqrt().clamp(max=1.2)
        columns = torch.cat([z.sum(dim=3).flatten(1), x.mean(dim=(2, 3)), -x[:, :, -1, 2]], dim=1)[:, 3:13]
        return self.last(columns), torch.maximum(columns, columns.neg() * 2)


def test_the_other_steps(run_program):
    torch.manual_seed(0)
    compare(run_program, Everything(), {"x": torch.rand(2, 4, 6, 6)}, 2)


def test_tensors_are_halves_where_that_loses_nothing(run_program):
    exact, rounded = nn.Linear(4, 3), nn.Linear(4, 3)
    with torch.no_grad():
        for parameter in exact.parameters():
            parameter.copy_(parameter.half())
    for layer, size in ((exact, "f2"), (rounded, "f4")):
        head, _ = to_program(layer, {"x": torch.rand(1, 4)}).pack()
        assert {place["type"] for place in head["tensors"].values()} == {size}
        compare(run_program, layer, {"x": torch.rand(2, 4)}, 2)
    extremes = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        extremes.weight.copy_(torch.tensor([[65504.0, 2.0**-24, -0.0]]))
    compare(run_program, extremes, {"x": torch.eye(3)}, 3)


def test_what_no_step_does_is_named():
    class Sorted(nn.Module):
        def forward(self, x):
            return x.sort(dim=1).values

    with pytest.raises(UserError, match="the network uses sort, for which the page has no step"):
        to_program(Sorted(), {"x": torch.rand(1, 4)})
    with pytest.raises(UserError, match="windows overlap"):
        to_program(nn.AvgPool2d(3, stride=2), {"x": torch.rand(1, 1, 9, 9)})
    with pytest.raises(UserError, match="with dilation"):
        to_program(nn.Conv2d(1, 1, 3, dilation=2), {"x": torch.rand(1, 1, 9, 9)})


def test_a_damaged_file_is_told_in_a_sentence(run_program):
    class Damaged:
        def pack_whole(self):
            return to_program(nn.Linear(4, 3), {"x": torch.rand(1, 4)}).pack_whole()[:40]

    with pytest.raises(AssertionError, match="This is no network, or a damaged one"):
        run_program(Damaged(), [{"x": [0, 0, 0, 0]}])
