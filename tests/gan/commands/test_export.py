"""Exported generators make the images that PyTorch makes."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from ca2_core.errors import UserError
from ca2_gan import create_model, list_models, load
from ca2_gan.commands.export import main
from ca2_gan.gan import join_classes, to_uint8

FAST = {"letters_gan", "dcgan", "triplegan"}


def model(name="letters_gan", **options):
    torch.manual_seed(0)
    return create_model(name, num_classes=3, image_shape=(1, 16, 16), class_names=("A", "B", "seven"), **options).eval()


def run_onnx(path, noise, labels):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {"noise": noise.numpy(), "labels": labels.numpy()}
    return session.run(["images"], {each.name: given[each.name] for each in session.get_inputs()})[0]


def expected(gan, noise, labels):
    with torch.inference_mode():
        return (gan.generator(noise, labels) + 1).numpy() / 2


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in list_models()])
def test_onnx_equals_pytorch_for_any_number_of_images(name, tmp_path):
    gan = model(name)
    gan.save(tmp_path / "model")
    main([str(tmp_path / "model"), "--onnx", "--out", str(tmp_path / "a.onnx")])
    for n in (1, 7):
        noise, labels = gan.draw_noise(n, n), gan.choose_classes(n)
        np.testing.assert_allclose(run_onnx(tmp_path / "a.onnx", noise, labels), expected(gan, noise, labels), atol=1e-4)


def test_a_model_for_each_class_too(tmp_path):
    def alone(seed):
        torch.manual_seed(seed)
        return create_model("dcgan_radford", num_classes=1, image_shape=(1, 16, 16)).eval()

    gan = join_classes({name: alone(i) for i, name in enumerate("ABC")})
    gan.save(tmp_path / "model")
    main([str(tmp_path / "model"), "--out", str(tmp_path / "a.onnx")])
    noise, labels = gan.draw_noise(5, 0), torch.tensor([2, 0, 1, 1, 2])
    np.testing.assert_allclose(run_onnx(tmp_path / "a.onnx", noise, labels), expected(gan, noise, labels), atol=1e-4)


def test_a_program_of_pytorch_equals_the_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["letters_gan/glyphs", "--torch"])
    assert capsys.readouterr().out == "letters-gan-glyphs.pt2\n"
    gan, program = load("letters_gan/glyphs"), torch.export.load(tmp_path / "letters-gan-glyphs.pt2").module()
    noise, labels = gan.draw_noise(4, 0), gan.choose_classes(4, "QRST")
    assert torch.equal(to_uint8(2 * program(noise, labels) - 1), gan.images_from(noise, labels))


def test_the_file_says_what_it_is(tmp_path):
    model("wgan_gp").save(tmp_path / "model")
    main([str(tmp_path / "model"), "--out", str(tmp_path / "a.onnx")])
    loaded = onnx.load(str(tmp_path / "a.onnx"))
    facts = {entry.key: entry.value for entry in loaded.metadata_props}
    assert (facts["model"], int(facts["noise_dim"]), json.loads(facts["class_names"])) == ("wgan_gp", 100, ["A", "B", "seven"])
    assert [each.name for each in loaded.graph.input] == ["noise"]  # unconditional: it can't be asked for a class


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "a.txt"], r"a\.txt: the file name has to end in \.onnx or \.pt2"),
        (["--torch", "--out", "a.onnx"], r"a\.onnx: the file name has to end in \.pt2\."),
    ],
)
def test_a_name_that_fits_no_form_is_refused(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        main(["letters_gan/glyphs", *arguments])
    assert not list(tmp_path.iterdir())


def test_without_onnx_a_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ca2_gan.export.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"onnx and onnxscript not installed: .* extra `export`"):
        main(["letters_gan/glyphs"])


def test_what_cannot_be_exported_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.export.export", lambda *_, **__: 1 / 0)
    with pytest.raises(UserError, match="letters_gan: PyTorch can't export it: division by zero"):
        main(["letters_gan/glyphs", "--torch"])
    assert not list(tmp_path.iterdir())
