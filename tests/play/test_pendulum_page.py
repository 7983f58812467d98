"""The pendulum page in a browser: every control does what it says, with the mouse, a finger or the keyboard."""

import contextlib
import json
import re
from time import monotonic

import pytest
from PIL import Image, ImageSequence

from ca2_core.errors import UserError
from ca2_core.play.lessons import read_lessons
from ca2_core.play.server import serving
from ca2_rl.play import load_weights
from ca2_rl.play.site import LESSONS
from ca2_rl.play.site import pages as make_pages

PAGE = "pendulum.html"


@pytest.fixture(scope="session")
def pages():
    return make_pages()


@pytest.fixture
def opened(visit, pages):
    """Opens the page and waits until it is ready."""

    @contextlib.contextmanager
    def opened(address="", needs_optimum=True, **options):
        with visit(pages, PAGE + address, **options) as page:
            page.wait_for_selector("body[data-ready]")
            until(page, lambda: not needs_optimum or "about" in page.inner_text("#optimum-state"))
            yield page

    return opened


def until(page, is_true, seconds=30):
    """Waits; the page's policy forbids what Playwright's own wait_for_function does."""
    for _ in range(seconds * 20):
        if is_true():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {seconds} s: {page.inner_text('body')}")


def number(page, selector):
    return float(page.inner_text(selector).replace(",", ""))


def pixels(page, selector):
    """What a canvas shows, as one number for each of its pixels."""
    return page.evaluate("selector => document.querySelector(selector).toDataURL()", selector)


def wait_for_steps(page, n):
    until(page, lambda: int((re.match(r"[\d,]+", page.inner_text("#progress")) or ["0"])[0].replace(",", "")) >= n)


def test_the_clock_pause_step_and_slow_motion(opened):
    with opened() as page:
        before = pixels(page, "#pendulum")
        until(page, lambda: number(page, "#time-0") > 4 and pixels(page, "#pendulum") != before)
        page.click("#pause")
        assert page.inner_text("#pause") == "Go on"
        time = number(page, "#time-0")
        page.wait_for_timeout(200)
        assert number(page, "#time-0") == time
        page.click("#step")
        assert number(page, "#time-0") == time + 1
        page.check("#slow")
        start = monotonic()
        page.click("#pause")
        until(page, lambda: number(page, "#time-0") >= time + 4)
        assert monotonic() - start > 0.5  # 4 steps a second; at full speed there are 20
        page.uncheck("#slow")


def test_starts_and_new_episodes(opened):
    with opened() as page:
        page.click("#pause")
        page.select_option("#start", "hanging")
        hanging = number(page, "#best-0")
        page.select_option("#start", "upright")
        assert number(page, "#best-0") > -5 > hanging
        page.click("#step")
        page.click("#begin")
        assert number(page, "#time-0") == 0
        page.select_option("#start", "random")


def test_everybody_acts(opened):
    with opened("#agent=zero") as page:
        page.click("#pause")
        page.select_option("#start", "hanging")
        for name in page.locator("#agent option").evaluate_all("options => options.map(option => option.value)"):
            page.select_option("#agent", name)
            label = "Trained here" if name == "here" else page.locator("#agent option:checked").inner_text()
            until(page, lambda label=label: page.inner_text("#name-0") == label and number(page, "#time-0") == 0)
            assert f"agent={name}" in page.url
            for _ in range(10):
                page.click("#step")
            assert number(page, "#time-0") == 10
            assert number(page, "#return-0") < -50
            has_values = name in ("discretizeddqn", "noisydqn", "ouddpg", "rainbow", "optimal")
            assert ("Highest" in page.inner_text("#bars-text")) == has_values
            assert ("sigma" in page.inner_text("#sigmas")) == (name in ("noisydqn", "rainbow"))


def test_agents_are_near_the_optimum_and_the_optimum_is_without_regret(opened):
    with opened("#agent=discretizeddqn&second=optimal") as page:
        page.click("#pause")
        page.select_option("#start", "hanging")
        page.evaluate("for (let i = 0; i < 200; i++) document.getElementById('step').click()")
        assert number(page, "#time-0") == number(page, "#time-1") == 200
        assert number(page, "#regret-0") < 40
        assert abs(number(page, "#regret-1")) < 10
        page.select_option("#second", "none")
        assert not page.is_visible("#regret-1")


def test_two_agents_have_the_same_start(opened):
    with opened() as page:
        page.click("#pause")
        page.select_option("#second", "pd")
        until(page, lambda: "PD" in page.inner_text("#name-1"))
        assert page.inner_text("#best-0") == page.inner_text("#best-1")


def test_gravity_mass_and_length_change_the_optimum(opened):
    with opened() as page:
        page.click("#pause")
        page.select_option("#start", "hanging")
        for name, key in (("g", "Home"), ("m", "End"), ("l", "End")):
            before = page.inner_text("#best-0")
            page.focus(f"#{name}")
            page.keyboard.press(key)
            assert "pending" in page.get_attribute("#regret-0", "class")
            until(page, lambda before=before: page.inner_text("#best-0") not in ("…", before))
            assert f"{name}=" in page.url
        assert page.inner_text("#g-value") == "-15 m/s²"
        page.click("#earth")
        assert page.inner_text("#g-value") == "10 m/s²"
        assert "g=" not in page.url.split("#")[1].split("&")


def center(page):
    box = page.locator("#pendulum").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_pendulum_is_pulled_thrown_and_pushed(opened):
    with opened("#agent=zero") as page:
        page.click("#pause")
        page.select_option("#start", "upright")
        upright = number(page, "#best-0")
        x, y = center(page)
        page.mouse.move(x, y - 80)
        page.mouse.down()
        page.mouse.move(x + 60, y + 60, steps=4)
        page.mouse.move(x + 5, y + 90, steps=4)
        page.wait_for_timeout(200)
        page.mouse.up()
        pulled = number(page, "#best-0")
        assert pulled < -100 < upright  # it hangs now

        def is_thrown():
            page.select_option("#start", "hanging")
            page.mouse.move(x + 5, y + 90)
            page.mouse.down()
            page.mouse.move(x + 60, y + 80, steps=4)
            page.mouse.up()
            page.click("#step")
            return number(page, "#return-0") < -10.5  # at rest, no step costs more than 9.87

        until(page, is_thrown)  # more than once where the machine is busy: who holds still before letting go doesn't throw
        page.mouse.click(x - 60, y - 60)
        assert number(page, "#best-0") != pulled
        for action in (lambda: page.click("#push-left"), lambda: page.click("#push-right"), lambda: page.press("#pendulum", "ArrowLeft")):
            before = page.inner_text("#best-0")
            action()
            assert page.inner_text("#best-0") != before
        page.press("#pendulum", " ")
        assert page.inner_text("#pause") == "Pause"


def test_a_finger_pulls_the_pendulum(opened):
    with opened("#agent=zero", width=390, height=844, has_touch=True) as page:
        page.click("#pause")
        page.select_option("#start", "upright")
        before = page.inner_text("#best-0")
        x, y = center(page)
        page.touchscreen.tap(x - 100, y)

        until(page, lambda: page.inner_text("#best-0") != before)


def test_you_act_with_the_arrow_keys(opened):
    with opened("#agent=you") as page:
        page.select_option("#start", "hanging")
        page.focus("#pendulum")
        page.keyboard.down("ArrowLeft")
        until(page, lambda: number(page, "#time-0") > 8)
        page.keyboard.up("ArrowLeft")
        page.click("#pause")
        still = number(page, "#return-0") / number(page, "#time-0")
        assert still > -9.8  # hanging still costs 9.87 a step


def test_the_map_shows_the_agent_or_the_optimum(opened):
    with opened() as page:
        page.click("#pause")
        until(page, lambda: "Bright" in page.inner_text("#map-text"))
        page.wait_for_timeout(1000)
        before = pixels(page, "#map")
        page.select_option("#map-of", "optimum")
        until(page, lambda: page.inner_text("#map-text").startswith("Values of the optimum"))
        until(page, lambda: pixels(page, "#map") != before)
        assert "map=optimum" in page.url


def test_training_curves_settings_and_files(opened, tmp_path):
    with opened("#agent=here", needs_optimum=False, accept_downloads=True) as page:
        empty = pixels(page, "#curves")
        page.click("#weights")
        assert "train first" in page.inner_text("#shared")
        page.click("#train")
        wait_for_steps(page, 1500)
        assert pixels(page, "#curves") != empty
        until(page, lambda: page.inner_text("#map-text").startswith("Values of Trained here"))
        page.fill("#set-gamma", "0.9")
        page.press("#set-gamma", "Enter")
        page.focus("#set-lr")
        assert "gamma=0.9" in page.url
        assert page.input_value("#preset") == "shortSighted"
        page.click("#train")
        until(page, lambda: "paused" in page.inner_text("#progress"))
        files = {}
        for button in ("csv", "gif", "weights"):
            with page.expect_download() as download:
                page.click(f"#{button}")
            files[button] = tmp_path / download.value.suggested_filename
            download.value.save_as(files[button])
        lines = files["csv"].read_text().splitlines()
        assert lines[0] == "step,return,loss,mean_q,gradient_norm"
        assert float(lines[-1].split(",")[2]) > 0
        with Image.open(files["gif"]) as film:
            assert film.size == (180, 180)
            assert len({frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(film)}) > 2
        assert load_weights(files["weights"]).q_net.q_net[0].weight.shape == (64, 3)
        page.click("#watch")
        page.click("#again")
        assert page.inner_text("#progress") == "Not begun."


def test_every_setting_can_be_changed_while_it_trains(opened):
    with opened(needs_optimum=False) as page:
        page.click("#train")
        wait_for_steps(page, 200)
        for i in range(page.locator("#settings select").count()):
            select = page.locator("#settings select").nth(i)
            values = select.locator("option").evaluate_all("options => options.map(option => option.value)")
            other = next(value for value in values if value != select.input_value())
            select.select_option(other)
            assert f"{select.get_attribute('id').removeprefix('set-')}={other}" in page.url
        for i in range(page.locator("#settings input").count()):
            field = page.locator("#settings input").nth(i)
            name, value = field.get_attribute("id").removeprefix("set-"), "0.5" if field.get_attribute("max") == "1" else "7"
            value = "0.01" if name == "lr" else value
            field.fill(value)
            field.dispatch_event("change")
            assert f"{name}={value}" in page.url
        wait_for_steps(page, 100)
        assert "sigma" in page.inner_text("#progress")
        for preset in page.locator("#preset option").evaluate_all("options => options.map(option => option.value)"):
            page.select_option("#preset", preset)
        page.select_option("#preset", "ours")
        assert page.input_value("#set-gamma") == "0.99"
        assert page.inner_text("#message") == ""


def test_a_setting_out_of_range_is_told(opened):
    with opened(needs_optimum=False) as page:
        page.fill("#set-gamma", "3")
        page.dispatch_event("#set-gamma", "change")
        assert page.inner_text("#message") == "gamma: give a number from 0 to 1."
        assert "gamma" not in page.url


def test_the_address_brings_everything_back(opened):
    address = "#agent=noisydqn&second=pd&lesson=2-regret&map=optimum&start=hanging&g=5&m=0.8&l=1.5&gamma=0.95&isNoisy=true"
    with opened(address) as page:
        assert page.input_value("#agent") == "noisydqn"
        assert page.input_value("#second") == "pd"
        assert page.input_value("#map-of") == "optimum"
        assert page.input_value("#start") == "hanging"
        assert page.inner_text("#l-value") == "1.5 m"
        assert page.input_value("#set-gamma") == "0.95"
        assert page.input_value("#set-isNoisy") == "true"
        assert page.inner_text("#lesson-text h3") == "2. How good is good? Return and regret"
        assert dict(part.split("=") for part in page.url.split("#")[1].split("&")) == dict(
            part.split("=") for part in address[1:].split("&")
        )


def test_what_an_address_has_wrong_is_left_out_and_told(opened):
    with opened("#agent=nobody&g=99&gamma=x", needs_optimum=False) as page:
        assert page.inner_text("#message") == "The address has something unknown, which was left out: agent=nobody, g=99, gamma=x."
        assert page.inner_text("#g-value") == "10 m/s²"
        with page.expect_navigation():
            page.evaluate("location.hash = '#agent=pd&g=5'")  # as if it were typed
        page.wait_for_selector("body[data-ready]")
        assert (page.input_value("#agent"), page.inner_text("#g-value")) == ("pd", "5 m/s²")


def test_copying_the_address(opened):
    with opened(needs_optimum=False, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.click("#link")
        until(page, lambda: page.inner_text("#shared") == "Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_lessons_have_answers_that_fold_out(opened):
    with opened(needs_optimum=False) as page:
        page.click("#pause")
        lessons = read_lessons(LESSONS)
        assert len(lessons) == 5
        for name in lessons:
            page.select_option("#lesson", name)
            assert f"lesson={name}" in page.url
            answers = page.locator("#lesson-text details")
            assert answers.count() >= 3
            assert not answers.first.locator("p").first.is_visible()
            answers.first.locator("summary").click()
            assert answers.first.locator("p").first.is_visible()
            assert not re.search(r"\*\*|`|^>", page.inner_text("#lesson-text"), re.MULTILINE)


def test_what_cannot_be_had_is_told_in_a_sentence(browser, pages):
    def broken():
        raise UserError("the agents are damaged.")

    with serving(pages | {"/agents/noisydqn.bin": b"damaged"}) as address, browser.new_page() as page:
        page.goto(address + PAGE)
        page.wait_for_selector("body[data-ready]")
        page.select_option("#agent", "noisydqn")
        until(page, lambda: page.inner_text("#message").startswith("This is no network, or a damaged one"))
        assert page.inner_text("#name-0") == "No torque"
    with serving(pages | {"/agents.json": broken}) as address, browser.new_page() as page:
        page.goto(address + PAGE)
        page.wait_for_selector("body[data-ready]")
        assert page.inner_text("#message") == "the agents are damaged."
        until(page, lambda: number(page, "#time-0") > 2)


def test_the_page_goes_on_without_its_server_and_tells_what_needs_it(left_alone, pages, silence):
    with left_alone(pages, PAGE) as (page, end_server):
        page.wait_for_selector("body[data-ready]")
        until(page, lambda: "about" in page.inner_text("#optimum-state"))
        end_server()
        page.select_option("#agent", "ouddpg")
        until(page, lambda: page.inner_text("#message") == silence)
        for name, label in (("discretizeddqn", "DiscretizedDQN"), ("optimal", "Optimal policy")):
            page.select_option("#agent", name)
            until(page, lambda label=label: page.inner_text("#name-0") == label)
            assert page.inner_text("#message") == ""
        page.select_option("#lesson", index=1)
        assert page.is_visible("#lesson-text h3")
        page.fill("#l", "1.5")
        until(page, lambda: page.inner_text("#best-0") != "…")
        page.click("#train")
        wait_for_steps(page, 200)
        assert page.inner_text("#message") == ""


NAMELESS = """
[...document.querySelectorAll('button, select, input, a, canvas, summary, section')].filter((element) => {
  const textOf = (id) => document.getElementById(id)?.textContent ?? '';
  const own = ['BUTTON', 'A', 'SUMMARY'].includes(element.tagName) ? element.textContent : '';
  const labels = [...(element.labels ?? [])].map((label) => label.textContent).join('');
  const others = (element.getAttribute('aria-labelledby') ?? '').split(' ').map(textOf).join('');
  return !`${element.getAttribute('aria-label') ?? ''}${others}${labels}${own}`.trim();
}).map((element) => element.outerHTML)
"""


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 900, "light"), (390, 844, "dark")], ids=str)
def test_names_and_width(width, height, scheme, opened):
    with opened("#second=optimal&lesson=1-swing-up", width=width, height=height, color_scheme=scheme) as page:
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
        assert len(ids) == len(set(ids))
        assert page.evaluate(
            "[...document.querySelectorAll('[aria-labelledby], [aria-describedby]')].every((element) => "
            "(element.getAttribute('aria-labelledby') ?? element.getAttribute('aria-describedby')).split(' ')"
            ".every((id) => document.getElementById(id)))"
        )
        assert page.locator("h1").count() == page.locator("main").count() == 1
        assert page.get_attribute("html", "lang") == "en"


def test_all_controls_are_reached_and_used_by_the_keyboard(opened, keyboard):
    with opened("#lesson=1-swing-up") as page:
        page.click("#pause")
        user = keyboard(page)
        assert list(user.walk()) == user.controls()
        assert list(user.walk_back()) == user.controls()[::-1]
        assert user.use() > 35
        assert page.input_value("#set-gamma") != "0.99"
        assert page.input_value("#map-of") == "optimum"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_fault(width, scheme, opened, faults):
    with opened("#second=optimal", width=width, color_scheme=scheme) as page:
        assert not faults(page)
        page.select_option("#lesson", index=1)
        page.locator("summary").first.click()
        page.select_option("#agent", "noisydqn")
        page.click("#train")
        wait_for_steps(page, 200)
        page.click("#train")
        assert not faults(page)
        page.fill("#l", "1.5")
        page.fill("#set-gamma", "3")
        page.dispatch_event("#set-gamma", "change")
        assert "give a number" in page.inner_text("#message")
        assert not faults(page)


@pytest.mark.parametrize("lesson", ["", "#lesson=1-swing-up"], ids=["plain", "lesson"])
def test_panels_fill_the_page(lesson, opened):
    """Where a panel ends and another begins further down in the same column, there is no more than a gap between them."""
    with opened(lesson) as page:
        page.click("#pause")
        boxes = [panel.bounding_box() for panel in page.locator(".panel").all()]
        last = max(box["y"] + box["height"] for box in boxes)
        for x in (100, 640, 1180):
            column = sorted((box["y"], box["y"] + box["height"]) for box in boxes if box["x"] < x < box["x"] + box["width"])
            ends = [end for _, end in column]
            starts = [start for start, _ in column[1:]] + [last]
            assert max(start - end for start, end in zip(starts, ends, strict=True)) < 70


def test_the_list_of_agents_says_what_they_are(pages):
    agents = {agent["name"]: agent for agent in json.loads(pages["/agents.json"])}
    assert agents["discretizeddqn"]["torques"] == [-2, 0, 2]
    assert len(agents["noisydqn"]["sigmas"]) == 3
    assert agents["ouddpg"]["critic"] == "agents/ouddpg.critic.bin"
