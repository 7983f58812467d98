import copy
import json
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ca2_core.errors import UserError
from ca2_gan import create_model, list_models, load
from ca2_gan.gan import GAN, slerp
from ca2_gan.models.blocks import SameConv2d, SameConvTranspose2d, leaky_tanh
from ca2_gan.spectral_norm import normalise_spectrally, spectral_norms

CONDITIONAL = {"cgan", "triplegan", "sngan", "acgan", "r3gan", "letters_gan"}


def make(name: str, num_classes: int = 3, image_shape: tuple[int, int, int] = (1, 28, 28), **options: object) -> GAN:
    torch.manual_seed(0)
    return create_model(name, num_classes=num_classes, image_shape=image_shape, **options)


def trainable(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [
        ("dcgan", 2_305_472, 212_865),
        ("dcgan_enhanced", 1_893_472, 1_407_425),
        ("cgan", 2_219_616, 1_429_169),
        ("triplegan", 2_219_616, 1_429_169),
    ],
)
def test_the_studys_models_have_its_parameter_counts(name, generator, discriminator):
    gan = make(name, num_classes=26)
    assert (trainable(gan.generator), trainable(gan.discriminator)) == (generator, discriminator)


@pytest.mark.parametrize("name", ["dcgan", "dcgan_enhanced", "cgan", "triplegan"])
def test_batch_norm_of_the_studys_generators_is_kerass(name):
    norms = [m for m in make(name).generator.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert norms
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 16, 16), (3, 64, 64), (1, 20, 36)], ids=str)
@pytest.mark.parametrize("name", list_models())
def test_shapes(name, shape):
    gan = make(name, 5, shape)
    labels = torch.tensor([0, 4, 2])
    images = gan.generator(torch.randn(3, 100), labels)
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    features = gan.discriminator.features(images, labels)
    assert features.dim() == 2
    assert gan.discriminator(images, labels).shape == (3,)
    assert torch.equal(
        gan.discriminator.eval()(images, labels), gan.discriminator.logit(gan.discriminator.features(images, labels), labels)
    )
    if "classifier" in gan.players():
        assert gan.classifier(images).shape == (3, 5)


@pytest.mark.parametrize("shape", [(2, 28, 28), (1, 30, 28), (1, 12, 12), (1, 28, 68)], ids=str)
@pytest.mark.parametrize("name", list_models())
def test_impossible_image_shapes_are_named(name, shape):
    with pytest.raises(UserError, match=f"{name}: images (have 2 channels|are {shape[1]}x{shape[2]})"):
        make(name, 3, shape)


@pytest.mark.parametrize("name", list_models())
def test_only_conditional_models_look_at_the_labels(name):
    gan = make(name).eval()
    with torch.no_grad():
        for p in gan.parameters():  # zero-initialised layers hide the label
            p.add_(0.02 * torch.randn_like(p))
    noise = torch.randn(4, 100)
    a, b = gan.generator(noise, torch.zeros(4, dtype=torch.int64)), gan.generator(noise, torch.ones(4, dtype=torch.int64))
    assert gan.is_conditional == (name in CONDITIONAL)
    assert torch.equal(a, b) != gan.is_conditional


@pytest.mark.parametrize("name", list_models())
def test_saved_model_samples_the_same(name, tmp_path):
    gan = make(name, class_names=["A", "B", "C"])
    gan.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert torch.equal(gan.sample(4, seed=0), again.sample(4, seed=0))
    assert again.config == gan.config
    assert again.class_names == ("A", "B", "C")
    assert torch.equal(GAN.from_pretrained(tmp_path).sample(4, seed=0), gan.sample(4, seed=0))


@pytest.mark.parametrize("name", list_models())
def test_every_parameter_gets_a_gradient(name):
    gan = make(name)
    with torch.no_grad():
        for p in gan.parameters():
            p.add_(0.02 * torch.randn_like(p))
    labels = torch.tensor([0, 1, 2, 0])
    features = gan.discriminator.features(gan.generator(torch.randn(4, 100), labels), labels)
    total = gan.discriminator.logit(features, labels).sum()
    class_logits = gan.discriminator.classify(features)
    if class_logits is not None:
        total = total + class_logits.square().sum()
    total.backward()
    missing = [n for part in (gan.generator, gan.discriminator) for n, p in part.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


def test_logits_under_several_labels_are_those_under_each():
    for name in ("cgan", "sngan", "letters_gan", "r3gan"):
        discriminator = make(name).discriminator.eval()
        images, candidates = torch.randn(4, 1, 28, 28), torch.tensor([[0, 1], [2, 1], [1, 0], [2, 2]])
        expected = torch.stack([discriminator(images, candidates[:, i]) for i in range(2)], dim=1)
        torch.testing.assert_close(discriminator.logits_as(images, candidates), expected)


class TestSampling:
    def test_is_reproducible_and_independent_of_the_batch(self, monkeypatch):
        gan = make("cgan")
        images = gan.sample(30, seed=3)
        monkeypatch.setattr("ca2_gan.gan.SAMPLING_BATCH", 7)
        assert images.dtype == torch.uint8
        assert (gan.sample(30, seed=3).int() - images.int()).abs().max() <= 1  # another batch, another rounding
        assert not torch.equal(gan.sample(30, seed=4), images)
        assert not torch.equal(gan.sample(30), gan.sample(30))

    def test_without_labels_classes_come_in_equal_shares(self):
        gan = make("cgan").eval()
        noise = gan.draw_noise(9, seed=0)
        assert torch.equal(gan.sample(9, seed=0), gan.images_from(noise, torch.tensor([0, 1, 2] * 3)))

    def test_leaves_mode_and_random_numbers_alone(self):
        gan = make("dcgan").train()
        state = torch.get_rng_state()
        gan.sample(3, seed=0)
        assert gan.generator.training
        assert torch.equal(torch.get_rng_state(), state)

    def test_less_noise_draws_towards_the_mean_image(self):
        gan = make("dcgan_radford")
        spread = [gan.sample(64, seed=0, noise_scale=t).float().std(dim=0).mean() for t in (1.0, 0.5, 0.1)]
        assert spread[0] > spread[1] > spread[2]

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ([0, 1], "2 labels for 3 images"),
            ([0, 1, 3], "labels go from 0 to 3"),
            ([-1, 0, 0], "from -1 to 0"),
            ("", "no class is named"),
            ("QQ", "2 labels for 3 images"),
            ([1.5, 0, 0], r"1\.5 is not a class"),
            ([True, 0, 0], "True is not a class"),
            (True, "labels: torch.bool: whole numbers"),
            (torch.tensor([0.0, 1.0, 2.0]), "whole numbers are needed, from 0 to 2"),
            (2.5, "labels: 2.5: names or numbers"),
            (["Q", "sevn", 0], r"no class 'sevn' in this model\. Did you mean 'seven'\? It has Q, seven, a"),
        ],
    )
    def test_labels_have_to_fit(self, labels, message):
        with pytest.raises(UserError, match=message):
            make("cgan", class_names=("Q", "seven", "a")).sample(3, labels=labels)

    @pytest.mark.parametrize(
        ("labels", "numbers"),
        [
            ("QaQ", [0, 2, 0]),
            ("qAQ", [0, 2, 0]),
            ("Q,seven,a", [0, 1, 2]),
            (["Q", "seven", 2], [0, 1, 2]),
            (np.array([2, 1, 0]), [2, 1, 0]),
            (torch.tensor([2, 1, 0]), [2, 1, 0]),
            (np.array(["Q", "a", "SEVEN"]), [0, 2, 1]),
        ],
        ids=str,
    )
    def test_classes_are_named_or_numbered(self, labels, numbers):
        gan = make("cgan", class_names=("Q", "seven", "a"))
        assert torch.equal(gan.sample(3, labels=labels, seed=0), gan.sample(3, labels=numbers, seed=0))
        noise = gan.draw_noise(3, seed=0)
        assert torch.equal(gan.images_from(noise, labels), gan.images_from(noise, numbers))

    @pytest.mark.parametrize("label", ["seven", 1, np.int64(1), [1], torch.tensor(1)])
    def test_one_class_stands_for_all_images(self, label):
        gan = make("cgan", class_names=("Q", "seven", "a"))
        assert torch.equal(gan.sample(3, labels=label, seed=0), gan.sample(3, labels=[1, 1, 1], seed=0))

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"n": -1}, "n=-1: it has to be from 0"),
            ({"n": 10**12}, "n=1000000000000: it has to be from 0 to 1000000"),
            ({"n": 2.5}, r"n: 2\.5 can't be read as a whole number"),
            ({"n": "x"}, "n: 'x' can't be"),
            ({"seed": 2**70}, r"seed=\d+: it has to be from 0"),
            ({"seed": -1}, "seed=-1"),
            ({"noise_scale": math.nan}, "noise_scale=nan: a finite number"),
            ({"noise_scale": -1}, "noise_scale=-1.0: it has to be above 0"),
        ],
    )
    def test_wrong_numbers_are_named(self, wrong, message):
        gan = make("dcgan")
        for sample in (gan.sample, gan.interpolate):
            with pytest.raises(UserError, match=message):
                sample(**{"n": 4} | wrong)
        assert torch.equal(gan.sample(np.int64(2), seed=np.int64(3)), gan.sample(2.0, seed=3))

    def test_weights_that_are_not_finite_give_no_black_images(self):
        gan = make("cgan")
        next(gan.generator.parameters()).data.fill_(torch.nan)
        with pytest.raises(UserError, match="cgan: its images are not finite: its weights are damaged"):
            gan.sample(2)

    def test_one_class_name_is_not_taken_for_its_letters(self):
        gan = make("cgan", class_names=("Q", "QQ", "a"))
        assert gan.class_numbers("QQ").tolist() == [1]
        assert gan.class_numbers("QQa").tolist() == [0, 0, 2]

    def test_unconditional_models_have_no_class_names_to_ask_for(self):
        with pytest.raises(UserError, match="dcgan is unconditional"):
            make("dcgan").sample(3, labels="012")

    def test_interpolation_is_a_closed_walk_from_the_samples(self):
        gan = make("cgan", noise_dim=8)
        frames = list(gan.interpolate(2, labels=[0, 1], frames=8, seed=0))
        assert len(frames) == 8
        stops = gan.draw_noise(8, seed=0).view(4, 2, -1)
        for i, stop in enumerate(stops):  # every other frame is at one
            assert (frames[2 * i].int() - gan.images_from(stop, [0, 1]).int()).abs().max() <= 1
        between = slerp(stops[3], stops[0], 0.5)
        assert torch.equal(frames[7], gan.images_from(between, [0, 1]))
        with pytest.raises(UserError, match="3 frames: at least 4"):
            gan.interpolate(2, frames=3)


@pytest.mark.parametrize("name", list_models())
def test_pickled_and_copied_models_sample_the_same(name):
    gan = make(name).eval()
    for again in (pickle.loads(pickle.dumps(gan)), copy.deepcopy(gan), copy.copy(gan)):
        assert torch.equal(again.sample(3, seed=0), gan.sample(3, seed=0))
        assert again.players().keys() == gan.players().keys()
        assert not again.training
        images, labels = torch.randn(2, 1, 28, 28), torch.tensor([0, 1])
        assert torch.equal(again.discriminator(images, labels), gan.discriminator(images, labels))


def test_a_deep_copy_shares_nothing_and_a_pickle_keeps_what_is_missing():
    gan = make("triplegan").double()
    gan.discriminator = None
    again, twin = pickle.loads(pickle.dumps(gan)), copy.deepcopy(gan)
    assert again.discriminator is None
    assert {p.dtype for p in again.parameters()} == {torch.float64}
    assert not {p.data_ptr() for p in twin.parameters()} & {p.data_ptr() for p in gan.parameters()}
    twin.config["model"] = "other"
    assert gan.config["model"] == "triplegan"


class TestPretrained:
    def test_by_its_data_or_by_default(self):
        gan = create_model("letters_gan", pretrained="mnist")
        assert torch.equal(gan.sample(4, seed=0), load("letters_gan/mnist").sample(4, seed=0))
        assert create_model("letters_gan", pretrained=True).class_names == load("letters_gan/glyphs").class_names
        assert create_model("letters_gan/mnist", pretrained=True).class_names == gan.class_names
        assert create_model("letters_gan", pretrained="mnist", num_classes=10, image_shape=(1, 28, 28)).spec.num_classes == 10

    def test_they_are_listed(self):
        assert list_models(pretrained=True) == ["letters_gan/emnist-a-m", "letters_gan/glyphs", "letters_gan/mnist"]
        assert list_models("*/mnist", pretrained=True) == ["letters_gan/mnist"]

    @pytest.mark.parametrize(
        ("name", "asked", "message"),
        [
            ("cgan", {"pretrained": True}, "cgan: no pretrained one is installed, only letters_gan/"),
            ("letters_gan", {"pretrained": "mnits"}, "no pretrained model named 'letters_gan/mnits'. Did you mean 'letters_gan/mnist'"),
            ("letters_gan", {"pretrained": "mnist", "num_classes": 26}, "the trained model has num_classes=10, not 26"),
            ("letters_gan", {"pretrained": "mnist", "width": 8}, "the trained model has width=32, not 8"),
            ("lettersgan", {"pretrained": True}, "no model named 'lettersgan'"),
            ("cgan", {}, "a new model needs num_classes and image_shape; only one with pretrained"),
        ],
        ids=str,
    )
    def test_what_does_not_fit_is_said(self, name, asked, message):
        with pytest.raises(UserError, match=message):
            create_model(name, **asked)


class TestBadFiles:
    def test_folder_without_a_model(self, tmp_path):
        with pytest.raises(UserError, match=r"no config\.json"):
            load(tmp_path)
        with pytest.raises(UserError, match="no such folder"):
            load(tmp_path / "none")

    def test_truncated_weights(self, tmp_path):
        make("dcgan_radford", width=8).save(tmp_path)
        weights = tmp_path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        with pytest.raises(UserError, match="damaged or cut off"):
            load(tmp_path)

    def test_weights_of_another_model(self, tmp_path):
        make("dcgan_radford", width=8).save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(config | {"model": "dcgan", "options": {}}))
        with pytest.raises(UserError, match=r"not the weights of the dcgan that config\.json describes: generator\S+ is missing"):
            load(tmp_path)

    def test_config_that_is_none(self, tmp_path):
        (tmp_path / "config.json").write_text("{")
        with pytest.raises(UserError, match="not the configuration of a model"):
            load(tmp_path)
        (tmp_path / "config.json").write_text('{"modell": "cgan"}')
        with pytest.raises(UserError, match="not the configuration of a model"):
            load(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_classes": "2"}, "dcgan: num_classes='2': whole numbers are needed"),
        ({"num_classes": 2.5}, r"num_classes=2\.5: whole numbers"),
        ({"noise_dim": 1.5}, r"noise_dim=1\.5: whole numbers"),
        ({"image_shape": 16}, r"image_shape=16: channels, height and width are needed, such as \(1, 28, 28\)"),
        ({"image_shape": (1, "16", 16)}, r"image_shape=\(1, '16', 16\): whole numbers"),
        ({"class_names": ("a", "a")}, "two classes have the same name"),
    ],
)
def test_wrong_shapes_and_counts_are_named(wrong, message):
    with pytest.raises(UserError, match=message):
        create_model("dcgan", **{"num_classes": 2, "image_shape": (1, 16, 16)} | wrong)


def test_unknown_options_are_named():
    with pytest.raises(UserError, match=r"dcgan_radford: no model option 'widht'; it has width, glorot\. Did you mean 'width'"):
        make("dcgan_radford", widht=3)


def keras_conv(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """Keras' documentation in loops: out[i] = sum_k w[k] x[i s + k - pad_before], pad_before = pad // 2. One channel."""
    size, kernel = x.shape[0], w.shape[0]
    out = -(-size // stride)
    before = max((out - 1) * stride + kernel - size, 0) // 2
    y = np.zeros((out, out))
    for i, j, k, m in np.ndindex(out, out, kernel, kernel):
        row, column = i * stride + k - before, j * stride + m - before
        if 0 <= row < size and 0 <= column < size:
            y[i, j] += w[k, m] * x[row, column]
    return y


def keras_conv_transpose(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """The transpose of ``keras_conv`` of the s times larger image, taken column by column."""
    side = x.shape[0] * stride
    y = np.zeros((side, side))
    for i, j in np.ndindex(side, side):
        unit = np.zeros((side, side))
        unit[i, j] = 1
        y[i, j] = (keras_conv(unit, w, stride) * x).sum()
    return y


@given(size=st.integers(3, 9), kernel=st.sampled_from([1, 3, 4, 5]), stride=st.sampled_from([1, 2]), seed=st.integers(0, 99))
def test_same_convolution_pads_as_keras(size, kernel, stride, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(size, size)), rng.normal(size=(kernel, kernel))
    layer = SameConv2d(1, 1, kernel, stride, bias=False).double()
    layer.weight.data = torch.from_numpy(w)[None, None]
    np.testing.assert_allclose(layer(torch.from_numpy(x)[None, None])[0, 0].detach().numpy(), keras_conv(x, w, stride), atol=1e-12)


@pytest.mark.parametrize(("kernel", "stride"), [(5, 1), (5, 2), (3, 1), (3, 2), (1, 2), (1, 1)])
def test_same_transposed_convolution_pads_as_keras(kernel, stride):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 4)), rng.normal(size=(kernel, kernel))
    layer = SameConvTranspose2d(1, 1, kernel, stride, bias=False).double()
    layer.weight.data = torch.from_numpy(w)[None, None]
    y = layer(torch.from_numpy(x)[None, None])[0, 0].detach().numpy()
    np.testing.assert_allclose(y, keras_conv_transpose(x, w, stride), atol=1e-12)


@pytest.mark.parametrize("name", list_models())
def test_spectral_norm_is_an_option_of_any_model(name):
    """After enough power iterations every weight's largest singular value is 1, as the SVD finds it."""
    gan = make(name, spectral_norm=True)
    images, labels = torch.randn(2, 1, 28, 28), torch.tensor([0, 1])
    with torch.no_grad():
        for _ in range(30):
            gan.discriminator(images, labels)
    gan.discriminator.eval()
    weights = [m.weight for m in gan.discriminator.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding) and m.weight.any()]
    assert len(weights) >= 3
    for weight in weights:
        norm = torch.linalg.matrix_norm(weight.flatten(1).detach(), ord=2)
        assert abs(float(norm) - 1) < 0.05, weight.shape


def test_spectral_norm_twice_is_once():
    discriminator = make("sngan").discriminator
    before = len(list(discriminator.modules()))
    normalise_spectrally(discriminator)
    assert len(list(discriminator.modules())) == before


@pytest.mark.parametrize(("name", "generator", "discriminator"), [("letters_gan", 5.52, 5.32), ("sngan", 13.7, 20.3)])
def test_multiplications_per_image_are_those_of_the_docs(name, generator, discriminator):
    gan = make(name, 10, noise_dim=64 if name == "letters_gan" else 100)
    labels, counts = torch.tensor([0]), []
    for forward in (
        lambda: gan.generator(torch.randn(1, gan.spec.noise_dim), labels),
        lambda: gan.discriminator(torch.zeros(1, 1, 28, 28), labels),
    ):
        with FlopCounterMode(display=False) as counter:
            forward()
        counts.append(counter.get_total_flops() / 2e6)  # an addition comes with each
    assert counts == pytest.approx([generator, discriminator], rel=0.01)


def test_class_maps_are_a_one_hot_label_among_the_noise_values():
    generator = make("letters_gan").generator
    noise, labels, seen = torch.randn(4, 100), torch.tensor([0, 2, 1, 2]), []
    generator.blocks[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    generator(noise, labels)
    joined = torch.cat([noise, nn.functional.one_hot(labels, 3)], dim=1)
    weight = torch.cat([generator.dense.weight, generator.class_maps.weight.T], dim=1)
    torch.testing.assert_close(seen[0].flatten(1), nn.functional.linear(joined, weight, generator.dense.bias))


def test_without_class_maps_letters_gan_starts_alike_for_all_classes():
    noise = torch.randn(2, 100)
    zeros, twos = (torch.full((2,), label) for label in (0, 2))
    for class_maps in (False, True):
        generator = make("letters_gan", class_maps=class_maps).generator
        assert torch.equal(generator(noise, zeros), generator(noise, twos)) is not class_maps


def test_without_projection_the_discriminator_of_letters_gan_sees_no_label():
    images, zeros, ones = torch.randn(2, 1, 28, 28), torch.tensor([0, 0]), torch.tensor([1, 1])
    for projection in (False, True):
        discriminator = make("letters_gan", projection=projection).discriminator.eval()
        assert torch.equal(discriminator(images, zeros), discriminator(images, ones)) is not projection


def test_spectral_norm_of_letters_gan_can_be_left_out():
    assert spectral_norms(make("letters_gan").discriminator)
    assert not spectral_norms(make("letters_gan", d_spectral_norm=False).discriminator)


@pytest.mark.parametrize("glorot", [False, True])
def test_dcgan_radford_starts_as_its_paper_says_or_glorot_uniform(glorot):
    gan = make("dcgan_radford", glorot=glorot)
    layers = [*gan.generator.modules(), *gan.discriminator.modules()]
    for layer in (layer for layer in layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)):
        weight = layer.weight.detach()
        fans = (weight.shape[0] + weight.shape[1]) * weight[0, 0].numel()
        expected = (2 / fans) ** 0.5 if glorot else 0.02  # the deviation of U(-a, a) is a / sqrt(3), a^2 = 6 / fans
        assert float(weight.std()) == pytest.approx(expected, rel=0.1)
        if glorot:
            assert float(weight.abs().max()) <= (6 / fans) ** 0.5


def test_r3gan_begins_as_a_network_without_residual_branches():
    """Fixup: the last layer of every branch is zero, so each block is the identity at first."""
    gan = make("r3gan")
    for block in gan.generator.stages.modules():
        if type(block).__name__ == "Residual":
            x = torch.randn(2, block.layers[0].in_channels, 4, 4)
            assert torch.equal(block(x), x)


def test_leaky_tanh_keeps_the_gradients_that_lead_back():
    """By hand: tanh's own slope, but at least 0.1 for those that a descent follows towards zero."""
    x = torch.tensor([-9.0, -9.0, -0.5, -0.5, 0.0, 9.0, 9.0], requires_grad=True)
    gradient = torch.tensor([-2.0, 2.0, -1.0, 1.0, 3.0, 2.0, -2.0])
    y = leaky_tanh(x)
    assert torch.equal(y, x.tanh())
    y.backward(gradient)
    steep = 1 - math.tanh(0.5) ** 2
    assert x.grad.tolist() == pytest.approx([-0.2, 0, -steep, steep, 3, 0.2, 0], abs=1e-6)


@pytest.mark.parametrize("name", ["sngan", "r3gan"])
def test_comes_back_from_black(name):
    """Where all images are black, the gradient that makes them brighter is a tenth of a linear layer's."""
    gan = make(name)
    noise, labels = torch.randn(4, 100), torch.tensor([0, 1, 2, 0])
    darkened = []

    def darken(layer, inputs, images):
        darkened.append(images - 50)
        return darkened[0]

    gan.generator.to_image.register_forward_hook(darken)
    images = gan.generator(noise, labels)
    assert torch.equal(images, -torch.ones_like(images))
    (gradient,) = torch.autograd.grad(-images.sum(), darkened)
    assert torch.equal(gradient, torch.full_like(gradient, -0.1))
