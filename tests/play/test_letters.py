"""The page of letters: its networks are PyTorch's, and every control does what it says."""

import io
import json
import subprocess
import sys
import time
from base64 import b64decode
from contextlib import contextmanager
from urllib.request import urlopen

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from ca2_core.errors import UserError
from ca2_core.play.lessons import read_lessons
from ca2_core.play.server import read, serving, static, write_site
from ca2_gan import Trainer, create_model, list_models, load, load_data
from ca2_gan.cli import COMMAND
from ca2_gan.export import Pictures
from ca2_gan.gan import join_classes, slerp
from ca2_gan.play import judges, programs, site
from ca2_gan.play.site import Shown

GLYPHS, MNIST, EMNIST = "letters_gan/glyphs", "letters_gan/mnist", "letters_gan/emnist-a-m"
FAST = {"letters_gan", "cgan"}


class Packed:
    """What a site sends, as the fixture ``run_program`` wants it."""

    def __init__(self, content):
        self.content = content

    def pack_whole(self):
        return read(self.content)


@pytest.fixture(scope="session")
def own_run(tmp_path_factory):
    """A run that has kept generators, and has a discriminator."""
    out = tmp_path_factory.mktemp("runs") / "own"
    Trainer("letters_gan", "glyphs", images=600, seed=0, out=out, keep=3, options=("width=8",)).fit()
    return out


@pytest.fixture(scope="session")
def pages(own_run):
    """Two models that come with the package, a run, and a model without classes."""
    wall = create_model("dcgan_radford", num_classes=1, image_shape=(3, 16, 16)).eval()
    return site.pages([*site.open_models([GLYPHS, EMNIST, str(own_run)]), Shown("wall", wall, "", {})])


@pytest.fixture
def opened(visit, pages):
    """The page when it has written its first word."""

    @contextmanager
    def open_page(**options):
        with visit(pages, **options) as page:
            page.wait_for_selector("#facts:not(:empty)", timeout=120_000)
            yield page

    return open_page


def pixels(page, canvas):
    """What a canvas shows, as a data address."""
    return page.eval_on_selector(f"#{canvas}", "canvas => canvas.toDataURL()")


@contextmanager
def changing(page, canvas):
    """Waits until what a canvas shows is something else than before the block."""
    before = pixels(page, canvas)
    yield
    deadline = time.monotonic() + 60
    while pixels(page, canvas) == before:
        assert time.monotonic() < deadline, f"{canvas} has not changed"
        page.wait_for_timeout(50)


def settled(page, canvas):
    """What a canvas shows once it has stayed the same for half a second."""
    shown, since = pixels(page, canvas), time.monotonic()
    deadline = since + 60
    while time.monotonic() < since + 0.5:
        page.wait_for_timeout(50)
        if pixels(page, canvas) != shown:
            shown, since = pixels(page, canvas), time.monotonic()
            assert since < deadline, f"{canvas} goes on changing"
    return shown


def shape_of(url):
    return Image.open(io.BytesIO(b64decode(url.partition(",")[2]))).size


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """Address of a folder with the page's JavaScript."""
    folder = tmp_path_factory.mktemp("modules")
    write_site(static(site.STATIC) | static(site.CORE, "/core/"), folder)
    return folder.as_uri()


@pytest.fixture
def models_js(node, modules):
    """What an expression of ``models.js`` is under Node."""
    return lambda expression: json.loads(node(f'import * as models from "{modules}/models.js"; console.log(JSON.stringify({expression}))'))


def weights_of(labels, classes):
    return torch.nn.functional.one_hot(labels, classes).float()


@pytest.mark.parametrize("name", [GLYPHS, MNIST, EMNIST])
def test_generators_that_are_sent_write_as_pytorch_does(name, run_program):
    gan = load(name)
    compare_generator(gan, Packed(only(site.pages(site.open_models([name])), "/generator.bin")), run_program)


def only(pages, ending):
    """What the one path with this ending has."""
    [found] = [content for path, content in pages.items() if path.endswith(ending)]
    return found


def compare_generator(gan, program, run_program):
    noise, labels = gan.draw_noise(3, 0), gan.choose_classes(3)
    weights = weights_of(labels, gan.spec.num_classes)
    cases = [{"noise": z.tolist()} | ({"classes": w.tolist()} if gan.is_conditional else {}) for z, w in zip(noise, weights, strict=True)]
    found = run_program(program, cases)
    with torch.inference_mode():
        expected = Pictures(gan)(noise, labels)
    for [image], wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(image, wanted.flatten(), atol=1e-4)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in list_models()])
def test_classes_of_every_model_can_be_weighted(name, run_program):
    torch.manual_seed(0)
    gan = create_model(name, num_classes=3, image_shape=(1, 28, 28)).eval()
    compare_generator(gan, programs.generator_program(gan), run_program)


def test_each_generator_of_a_model_per_class_is_sent(visit, run_program):
    torch.manual_seed(0)
    gans = {name: create_model("letters_gan", num_classes=1, image_shape=(1, 16, 16), class_names=[name]).eval() for name in "AB"}
    gan = join_classes(gans)
    noise = gan.draw_noise(2, 0)
    pages = site.pages([Shown("mine", gan, "", {})])
    for label in range(2):
        [[image]] = run_program(Packed(pages[f"/models/mine/classes/{label}.bin"]), [{"noise": noise[label].tolist(), "classes": [1]}])
        with torch.inference_mode():
            expected = Pictures(gan)(noise, torch.tensor([0, 1]))[label]
        np.testing.assert_allclose(image, expected.flatten(), atol=1e-4)
    with visit(pages) as page:
        page.wait_for_selector("#facts:not(:empty)", timeout=60_000)
        assert page.input_value("#text") == "AB"
        with changing(page, "word"):
            page.fill("#text", "BA")
        assert page.inner_text("#message") == ""


def test_half_of_two_classes_is_halfway_between_their_weights(run_program):
    gan = load(GLYPHS)
    program, noise = programs.generator_program(gan), gan.draw_noise(1, 0)
    mixture = torch.zeros(26)
    mixture[[2, 16]] = 0.5
    [[image]] = run_program(program, [{"noise": noise[0].tolist(), "classes": mixture.tolist()}])
    for layer in gan.generator.modules():
        if isinstance(layer, torch.nn.Embedding):
            layer.weight.data[2] = layer.weight.data[[2, 16]].mean(dim=0)
    with torch.inference_mode():
        np.testing.assert_allclose(image, Pictures(gan)(noise, torch.tensor([2])).flatten(), atol=1e-4)


def test_discriminators_and_classifiers_that_are_sent_are_pytorchs(pages, own_run, run_program):
    gan, images, labels = load(own_run), load(GLYPHS).sample(2, "QA", seed=0).float() / 255, torch.tensor([16, 0])
    key = next(path.split("/")[2] for path in pages if path.endswith("/discriminator.bin"))
    cases = [{"images": (2 * image - 1).flatten().tolist(), "labels": [int(label)]} for image, label in zip(images, labels, strict=True)]
    found = run_program(Packed(pages[f"/models/{key}/discriminator.bin"]), cases)
    with torch.inference_mode():
        np.testing.assert_allclose([logit[0] for [logit] in found], gan.discriminator(2 * images - 1, labels), rtol=1e-4, atol=1e-4)
    for data in judges.CLASS_NAMES:
        program = Packed(lambda data=data: judges.classifier_program(data).pack_whole())
        outputs = run_program(program, [{"images": image.flatten().tolist()} for image in images])
        with torch.inference_mode():
            expected = judges.classifier(data)(images)
        for i, found_of_image in enumerate(outputs):
            for one, whole in zip(found_of_image, expected, strict=True):
                np.testing.assert_allclose(one, whole[i], rtol=1e-4, atol=1e-4)


def test_the_classifier_reads_what_is_real():
    test = load_data("glyphs", size=600).test
    with torch.inference_mode():
        _, logits = judges.classifier("glyphs")(torch.from_numpy(test.images).float() / 255)
    assert (logits.argmax(dim=1).numpy() == test.labels).mean() > 0.9


def test_generators_along_a_training_are_sent_and_differ(pages, own_run):
    kept = sorted(path for path in pages if "/kept/" in path)
    assert len(kept) >= 2
    contents = [read(pages[path]) for path in kept]
    assert len(set(contents)) == len(contents)


@pytest.mark.parametrize("name", [GLYPHS, EMNIST])
def test_directions_are_orthonormal_and_the_first_changes_images_most(name):
    gan = load(name)
    found = programs.directions(gan)
    torch.testing.assert_close(found @ found.T, torch.eye(gan.spec.noise_dim), atol=1e-5, rtol=0)
    noise, labels = gan.draw_noise(52, 0), gan.choose_classes(52)

    def change(direction):
        return (gan.images_from(noise + 2 * direction, labels).float() - gan.images_from(noise, labels).float()).abs().mean()

    assert change(found[0]) > 1.5 * change(found[-1])
    stored = np.frombuffer(read(only(site.pages(site.open_models([name])), "/directions.bin")), "<f4")
    np.testing.assert_array_equal(stored.reshape(found.shape), found)


@pytest.mark.parametrize("name", list_models())
def test_every_model_has_directions(name):
    torch.manual_seed(0)
    found = programs.directions(create_model(name, num_classes=3, image_shape=(1, 16, 16)).eval())
    torch.testing.assert_close(found @ found.T, torch.eye(len(found)), atol=1e-4, rtol=0)


def test_a_text_names_classes_kindly(models_js):
    assert models_js('models.readText(["A", "B"], "ab A")') == {"labels": [0, 1, None, 0], "wrong": []}
    assert models_js('models.readText(["A", "a"], "aA")') == {"labels": [1, 0], "wrong": []}
    assert models_js('models.readText(["T-shirt", "Bag"], "bag, T-shirt")') == {"labels": [1, 0], "wrong": []}
    assert models_js('models.readText(["A"], "A7é7")') == {"labels": [0], "wrong": ["7", "é"]}
    assert models_js('models.complaint({name: "m", classes: ["A", "B"]}, ["7"])') == "m can't write \u201c7\u201d. It knows A B."


def test_noise_is_standard_normal_and_the_same_for_a_seed(models_js):
    found = np.array(models_js("Array.from({length: 200}, (_, place) => Array.from(models.noise(64, 5, place)))"))
    assert abs(found.mean()) < 0.03
    assert found.std() == pytest.approx(1, abs=0.03)
    assert abs(np.corrcoef(found[:100].flatten(), found[100:].flatten())[0, 1]) < 0.05
    assert models_js("Array.from(models.noise(64, 5, 7))") == found[7].tolist()


def test_walks_are_those_of_the_package(models_js):
    a, b = torch.randn(2, 1, 16, generator=torch.Generator().manual_seed(0))
    found = models_js(f"Array.from(models.slerp(Float32Array.from({a[0].tolist()}), Float32Array.from({b[0].tolist()}), 0.3))")
    np.testing.assert_allclose(found, slerp(a, b, 0.3)[0], atol=1e-5)


def test_a_drawing_becomes_an_image_as_the_data_have_them(node, modules):
    script = f"""import {{ toImage }} from "{modules}/sketch.js";
    const ink = new Float32Array(280 * 280);
    for (let y = 15; y < 155; y++) for (let x = 200; x < 235; x++) ink[y * 280 + x] = 1;
    console.log(JSON.stringify([Array.from(toImage(ink, 280, 280)), toImage(new Float32Array(280 * 280), 280, 280)]))"""
    image, nothing = json.loads(node(script))
    image = np.array(image).reshape(28, 28)
    rows, columns = np.nonzero(image.max(axis=1) > 0.5)[0], np.nonzero(image.max(axis=0) > 0.4)[0]
    assert (rows.min(), rows.max()) == (4, 23)  # 20 rows, centred
    assert columns.min() + columns.max() == 27
    assert image.sum() == pytest.approx(20 * 5, rel=1e-3)  # as much ink as a bar of 20 by 5 has
    assert nothing is None


def test_the_nearest_training_image_is_the_nearest(tmp_path, node, modules):
    packed, count = judges.pack_training_images("glyphs"), judges.NEIGHBOURS
    features = np.frombuffer(packed, "<f4", count * 64).reshape(count, 64)
    images = np.frombuffer(packed, np.uint8, offset=features.nbytes).reshape(count, 784)
    (tmp_path / "nearest.bin").write_bytes(packed)
    asked = features[5] * 0.9
    script = f"""import {{ readFileSync }} from "node:fs"; import {{ Neighbours }} from "{modules}/judge.js";
    const file = readFileSync({json.dumps(str(tmp_path / "nearest.bin"))});
    const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
    const found = new Neighbours(buffer, {judges.NEIGHBOURS}, 784).nearest({asked.tolist()});
    console.log(JSON.stringify([found.index, found.distance, Array.from(found.image)]))"""
    index, distance, image = json.loads(node(script))
    distances = np.linalg.norm(features - asked, axis=1)
    assert index == distances.argmin()
    assert distance == pytest.approx(distances.min(), rel=1e-5)
    np.testing.assert_allclose(np.array(image) * 255, images[index])


@pytest.mark.slow
def test_training_images_are_of_the_training_split():
    _, images = judges.training_images("glyphs")
    data = load_data("glyphs")
    train = {image.tobytes() for image in data.train.images}
    assert len(images) == judges.NEIGHBOURS
    assert all(image.tobytes() in train for image in images)


def test_animations_are_what_pillow_reads(tmp_path, node):
    core = site.CORE.as_uri()
    rng = np.random.default_rng(0)
    for colours in (2, 7, 256):
        frames = rng.integers(0, colours, (3, 60 * 41))
        palette = rng.integers(0, 256, (colours, 3))
        told = json.dumps({"width": 60, "height": 41, "frames": frames.tolist(), "palette": palette.tolist(), "delay": 70})
        script = f"""import {{ writeFileSync }} from "node:fs"; import {{ encodeGif }} from "{core}/gif.js";
        writeFileSync({json.dumps(str(tmp_path / "a.gif"))}, encodeGif({told}))"""
        node(script)
        animation = Image.open(tmp_path / "a.gif")
        assert (animation.n_frames, animation.info["duration"], animation.info["loop"]) == (3, 70, 0)
        for k, frame in enumerate(ImageSequence.Iterator(animation)):
            assert np.array_equal(np.array(frame.convert("RGB")), palette[frames[k]].reshape(41, 60, 3))


def test_lessons_become_blocks(node):
    core = site.CORE.as_uri()
    text = "# A\n\none\n**two** `x`\n\n- a\n  b\n- c\n\n> answer: Yes.\n>\n> 1. d\n\n```\nca2-gan play\n```\n"
    told = f"JSON.stringify([parse({json.dumps(text)}), parseLine('a **b** `c`')])"
    found = json.loads(node(f'import {{ parse, parseLine }} from "{core}/lesson.js"; console.log({told})'))
    assert found[0] == [
        {"kind": "heading", "level": 1, "text": "A"},
        {"kind": "paragraph", "text": "one **two** `x`"},
        {"kind": "list", "isNumbered": False, "items": ["a b", "c"]},
        {"kind": "answer", "blocks": [{"kind": "paragraph", "text": "Yes."}, {"kind": "list", "isNumbered": True, "items": ["d"]}]},
        {"kind": "code", "text": "ca2-gan play"},
    ]
    assert [part["kind"] for part in found[1]] == ["plain", "bold", "plain", "code"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere/at/all"], "no such folder"),
        (["letters_gan/glyphz"], "Did you mean"),
        (["{damaged}"], "damaged or cut off"),
        (["{other}"], "neither a saved model nor a run of `ca2-gan train`"),
        (["--lesson", "9-none"], "no lesson named '9-none'"),
        (["--port", "70000"], "at most 65,535"),
    ],
)
def test_mistakes_are_told_in_a_line_with_status_2(arguments, message, tmp_path, capsys):
    damaged, other = tmp_path / "damaged", tmp_path / "other"
    load(GLYPHS).save(damaged)
    (damaged / "model.safetensors").write_bytes(b"no weights")
    other.mkdir()
    (other / "Pendulum-v1.zip").write_bytes(b"an agent")
    with pytest.raises(SystemExit) as exit_info:
        COMMAND.main(["play", *(argument.format(damaged=damaged, other=other) for argument in arguments)])
    printed = capsys.readouterr().err
    assert (exit_info.value.code, printed.count("\n")) == (2, 1)
    assert message in printed


@pytest.mark.slow
def test_the_command_serves_the_page(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "ca2_gan", "play", MNIST, "--no-browser", "--lesson", "1-noise"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            address, _, fragment = process.stdout.readline().split()[0].partition("letters.html#")
            assert fragment == "lesson=1-noise"
            content = json.load(urlopen(address + "models.json"))
            assert [model["name"] for model in content] == [MNIST]
            assert urlopen(f"{address}models/{content[0]['key']}/generator.bin").read(4)
        finally:
            process.terminate()


def test_models_of_one_name_have_paths_of_their_own():
    found = site.pages(site.open_models([MNIST, MNIST]))
    assert sum(path.endswith("/generator.bin") for path in found) == 2


# In the browser


def test_typing_writes(opened):
    with opened() as page:
        one = shape_of(pixels(page, "word"))
        with changing(page, "word"):
            page.fill("#text", "quartz")
        assert page.inner_text("#message") == ""
        assert shape_of(pixels(page, "word")) == (6 * 28 * 4, 28 * 4) != one
        with changing(page, "word"):
            page.click("#again")
        with changing(page, "word"):
            page.fill("#scale", "0")
        assert page.inner_text("#scale-value") == "0.00"
        page.fill("#text", "A7")
        page.wait_for_selector("text=letters_gan/glyphs can't write “7”. It knows A B C")
        page.fill("#text", "A")
        page.wait_for_selector("#message:empty", state="attached")
        page.fill("#text", "")
        page.wait_for_timeout(200)
        assert page.inner_text("#message") == ""


def test_directions_move_the_word(opened):
    with opened() as page:
        start = pixels(page, "word")
        box = page.locator("#pad").bounding_box()
        with changing(page, "word"):
            page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.2 * box["height"])
        assert float(page.input_value("#direction-0")) == pytest.approx(2.4, abs=0.1)
        assert float(page.input_value("#direction-1")) == pytest.approx(1.8, abs=0.1)
        with changing(page, "word"):
            page.press("#pad", "ArrowLeft")
        for k in range(8):
            with changing(page, "word"):
                page.fill(f"#direction-{k}", "-2")
        with changing(page, "word"):
            page.click("#centre")
        assert settled(page, "word") == start


def test_morphs_are_written_not_faded(opened):
    with opened() as page:
        page.fill("#text", "AB")
        with changing(page, "morph"):
            page.fill("#other", "QRS")
        with changing(page, "morph"):
            page.fill("#share", "0")
        first = settled(page, "morph")
        with changing(page, "morph"):
            page.fill("#share", "1")
        last = settled(page, "morph")
        with changing(page, "morph"):
            page.fill("#share", "0.5")
        grey = [
            np.array(Image.open(io.BytesIO(b64decode(url.partition(",")[2]))).convert("L"), dtype=float)
            for url in (first, settled(page, "morph"), last)
        ]
        assert np.abs(grey[1] - (grey[0] + grey[2]) / 2)[:, : 2 * 28 * 4].mean() > 5  # a cross-fade would be 0
        with changing(page, "morph"):
            page.click("#other-again")
        page.click("#play")
        with changing(page, "morph"):
            assert page.inner_text("#play") == "Stop"
        page.click("#play")
        assert page.get_attribute("#play", "aria-pressed") == "false"


def test_files_are_saved(opened, tmp_path):
    with opened(accept_downloads=True) as page:
        with changing(page, "word"):
            page.fill("#text", "AB")
        with changing(page, "morph"):
            page.fill("#other", "CD")
        settled(page, "word")
        settled(page, "morph")
        found = {}
        for button in ("save-png", "save-ink", "save-gif"):
            with page.expect_download() as download:
                page.click(f"#{button}")
            found[button] = Image.open(download.value.path())
            found[button].load()
        word, ink, animation = found.values()
        assert word.size == ink.size == (2 * 28 * 8, 28 * 8)
        red, _, _, alpha = np.moveaxis(np.array(ink.convert("RGBA")), 2, 0)
        assert alpha.min() < 20
        assert alpha.max() > 200
        assert red[alpha > 100].max() < 60
        np.testing.assert_allclose(alpha.astype(float), np.array(word.convert("L"), dtype=float), atol=30)
        assert (animation.format, animation.size) == ("GIF", (2 * 28 * 2, 28 * 2))
        assert animation.n_frames > 24
        page.select_option("#ink", "light")
        with page.expect_download() as download:
            page.click("#save-ink")
        pixels_of = np.array(Image.open(download.value.path()).convert("RGBA"))
        assert pixels_of[pixels_of[..., 3] > 100][:, :3].min() > 200


def test_networks_look_at_a_letter_of_the_word_and_at_a_drawing(opened):
    with opened() as page:
        page.fill("#scale", "0")
        page.fill("#text", "EO")
        page.wait_for_selector("#which option:text-is('2: O')", state="attached")
        page.select_option("#which", "1")
        with changing(page, "seen"):
            page.click("#take")
        page.wait_for_selector("#guesses:not([hidden])")
        assert page.inner_text("#guesses tbody tr td").strip() == "O"
        page.click("#nearest")
        page.wait_for_selector("#pair:not([hidden])", timeout=60_000)
        assert "Nearest of 2,000 training images" in page.inner_text("#pair-text")
        with changing(page, "sketch"):
            page.click("#clear")
        page.wait_for_selector("#guesses", state="hidden")
        box = page.locator("#sketch").bounding_box()
        for points in ([(0.5, 0.1), (0.5, 0.9)], [(0.2, 0.1), (0.8, 0.1)]):  # a T
            page.mouse.move(*[box[side] + part * box[size] for side, size, part in zip("xy", ("width", "height"), points[0], strict=True)])
            page.mouse.down()
            page.mouse.move(
                *[box[side] + part * box[size] for side, size, part in zip("xy", ("width", "height"), points[1], strict=True)], steps=8
            )
            page.mouse.up()
        page.wait_for_selector("#guesses tbody tr:first-child td:text-is('T')")
        page.click("#clear")
        page.wait_for_selector("#guesses", state="hidden")
        page.focus("#sketch")
        page.keyboard.press(" ")
        for key in ["ArrowDown"] * 10:
            page.keyboard.press(key)
        page.wait_for_selector("#guesses:not([hidden])")


def test_a_run_shows_how_it_learned_and_what_its_discriminator_thinks(opened):
    with opened() as page:
        assert page.is_hidden("#learned")
        assert page.is_hidden("#critic")
        with changing(page, "word"):
            page.select_option("#model", index=2)
        page.wait_for_selector("#learned:not([hidden])")
        assert page.inner_text("#moment-value") == "after 608 images"
        with changing(page, "word"):
            page.fill("#moment", "0")
        page.click("#take")
        page.wait_for_selector("#logit:not(:empty)")
        before = page.inner_text("#logit")
        page.click("#nearest")
        page.wait_for_selector("#pair:not([hidden])", timeout=60_000)
        page.select_option("#asked", "Q")
        deadline = time.monotonic() + 60
        while page.inner_text("#logit") in ("", before):
            assert time.monotonic() < deadline
            page.wait_for_timeout(50)
        assert "The discriminator’s logit is" in page.inner_text("#logit") != before
        page.select_option("#model", index=1)
        page.wait_for_selector("#no-guess:not([hidden])")


def test_models_without_classes_show_a_wall(opened):
    with opened() as page:
        with changing(page, "word"):
            page.select_option("#model", label="wall")
        assert page.is_hidden("#text")
        assert page.is_hidden("#judge")
        with changing(page, "word"):
            page.click("#again")
        with changing(page, "morph"):
            page.fill("#share", "0.2")


def test_lessons_fold_out(opened):
    with opened(path="letters.html#lesson=1-noise") as page:
        assert page.inner_text("#lesson-text h3").startswith("Noise")
        assert page.is_hidden("#lesson-text details p >> nth=0")
        page.click("#lesson-text summary >> nth=0")
        assert page.is_visible("#lesson-text details p >> nth=0")
        options = page.locator("#lesson option").all_inner_texts()
        assert len(options) == 1 + len(read_lessons(site.LESSONS))
        page.select_option("#lesson", index=2)
        page.wait_for_selector(f"#lesson-text h3:text-is('{options[2]}')")


def test_errors_are_told_in_a_sentence(browser, pages):
    def broken():
        raise UserError("own: its weights are damaged.")

    last = max((path for path in pages if "/kept/" in path), key=lambda path: int(path.split("/")[-1].removesuffix(".bin")))
    with serving(pages | {last: broken, "/models/letters-gan-emnist-a-m/generator.bin": b"no network"}) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("#facts:not(:empty)", timeout=120_000)
        page.select_option("#model", index=1)
        page.wait_for_selector("text=This is no network, or a damaged one")
        page.select_option("#model", index=2)
        page.wait_for_selector("text=own: its weights are damaged.")
        page.select_option("#model", index=0)
        page.wait_for_selector("#message:empty", state="attached")
        page.close()


def test_the_page_goes_on_without_its_server_and_tells_what_needs_it(left_alone, pages, silence):
    with left_alone(pages) as (page, end_server):
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_selector("#facts:not(:empty)", timeout=120_000)
        page.fill("#other", "AB")
        with changing(page, "seen"):
            page.click("#take")
        page.wait_for_selector("#nearest:enabled")
        end_server()
        page.click("#nearest")
        page.wait_for_selector(f"#message:text-is('{silence}')")
        assert page.locator("#message").bounding_box()["y"] >= 0  # in sight, although the page is scrolled
        page.select_option("#model", index=1)
        page.wait_for_selector(f"#message:text-is('{silence}')")  # once, although the word, the morph and more need the server
        page.select_option("#model", index=0)
        page.wait_for_selector("#message:empty", state="attached")
        with changing(page, "word"):
            page.fill("#text", "ON")
        with changing(page, "morph"):
            page.fill("#share", "0.9")
        with changing(page, "word"):
            page.fill("#direction-0", "2")
        with changing(page, "seen"):
            page.click("#take")
        page.select_option("#lesson", index=1)
        assert page.is_visible("#lesson-text h3")
        assert page.inner_text("#message") == ""


NAMELESS = (
    """all => all.filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent.trim())).map((e) => e.outerHTML)"""
)


def open_all(page):
    """A lesson, and a run with its panels."""
    page.select_option("#model", index=2)
    page.wait_for_selector("#learned:not([hidden])")
    page.select_option("#lesson", index=1)
    page.locator("summary").first.click()
    with changing(page, "seen"):
        page.click("#take")
    page.wait_for_selector("#logit:not(:empty)")
    page.click("#nearest")
    page.wait_for_selector("#pair:not([hidden])", timeout=60_000)


@pytest.mark.parametrize("width", [390, 1280])
def test_every_control_has_a_name_and_is_reached_by_the_keyboard(width, opened, keyboard):
    with opened(width=width) as page:
        open_all(page)
        for lesson in range(1, len(read_lessons(site.LESSONS)) + 1):
            page.select_option("#lesson", index=lesson)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        assert not page.locator("button:visible, input:visible, select:visible, summary:visible, [tabindex]:visible").evaluate_all(NAMELESS)
        images = page.locator("canvas:visible")
        assert all(images.nth(i).get_attribute("aria-label") for i in range(images.count()))
        user = keyboard(page)
        assert len(user.controls()) > 25
        assert list(user.walk()) == user.controls()
        assert list(user.walk_back()) == user.controls()[::-1]


def test_all_controls_are_used_by_the_keyboard(opened, keyboard):
    with opened() as page:
        with changing(page, "word"):
            page.select_option("#model", index=1)
        before = pixels(page, "word")
        assert keyboard(page).use() > 25
        assert page.input_value("#model") == "letters-gan-glyphs"
        assert page.is_visible("#lesson-text")
        assert settled(page, "word") != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_fault(width, scheme, opened, faults):
    with opened(width=width, color_scheme=scheme) as page:
        assert not faults(page)
        page.fill("#text", "A7")
        page.wait_for_selector("#message:not(:empty)")
        assert not faults(page)
        open_all(page)
        assert not faults(page)
        page.select_option("#model", label="wall")
        page.wait_for_selector("#text", state="hidden")
        assert not faults(page)
