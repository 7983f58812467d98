"""JavaScript under Node, and pages in Chromium without a window."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from ca2_core.play.server import serving

STATIC = Path(__file__).parents[2] / "ca2_core" / "play" / "static"
RUN = """
import {{ readFileSync }} from "node:fs";
import {{ Program }} from "{module}";
const file = readFileSync({program});
const program = new Program(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
const outputs = JSON.parse(readFileSync({inputs})).map((inputs) => program.run(inputs).map((output) => Array.from(output)));
console.log(JSON.stringify(outputs));
"""


def executable(*names: str) -> str:
    """The path of the first of these that is installed. Without any, the test is skipped, but fails where CA2_TEST_PAGES is set."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        hint = f"{names[0]} is needed: apt-get install {'nodejs' if names[0] == 'node' else names[0]}"
        (pytest.fail if os.environ.get("CA2_TEST_PAGES") else pytest.skip)(hint)
    return str(found)


def node(script: str) -> str:
    """What a module prints.

    :param script: its text
    """
    command = [executable("node"), "--input-type=module"]
    found = subprocess.run(command, input=script, capture_output=True, text=True, timeout=600, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(name="node")
def node_fixture():
    """``node``, for tests that can't import it."""
    return node


@pytest.fixture
def run_program(tmp_path):
    """What makes outputs [case][output] of a program and the inputs of some cases, by JavaScript."""

    def run(program: Any, cases: list[dict[str, list[float]]]) -> list[list[np.ndarray]]:
        (tmp_path / "program.bin").write_bytes(program.pack_whole())
        (tmp_path / "inputs.json").write_text(json.dumps(cases))
        paths = {name: json.dumps(str(tmp_path / file)) for name, file in (("program", "program.bin"), ("inputs", "inputs.json"))}
        printed = node(RUN.format(module=(STATIC / "program.js").as_uri(), **paths))
        return [[np.array(output, dtype=np.float32) for output in case] for case in json.loads(printed)]

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = executable("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens a page of a site; what it asks of elsewhere or says on the console is an error at the end."""

    @contextmanager
    def visit(
        pages: dict[str, Any], path: str = "", *, width: int = 1280, height: int = 900, receivers: Any = None, **options: Any
    ) -> Iterator[Page]:
        with serving(pages, receivers=receivers) as address:
            context = browser.new_context(viewport={"width": width, "height": height}, **options)
            page, wrong = context.new_page(), []
            page.on("console", lambda message: wrong.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
            page.on("request", lambda request: None if request.url.startswith((address, "data:", "blob:")) else wrong.append(request.url))
            page.goto(address + path)
            yield page
            context.close()
            assert not wrong

    return visit


@pytest.fixture
def silence():
    """What a page says when its server is gone."""
    return "The server does not answer, so nothing was loaded or saved: start the command again and open the address that it prints."


@pytest.fixture
def left_alone(browser):
    """Opens a page of a site, and hands out with it what ends its server."""

    @contextmanager
    def left_alone(pages: dict[str, Any], path: str = "", receivers: Any = None) -> Iterator[tuple[Page, Callable[[], None]]]:
        with ExitStack() as server, browser.new_page() as page:
            page.goto(server.enter_context(serving(pages, receivers=receivers)) + path)
            yield page, server.close

    return left_alone


@pytest.fixture
def faults():
    """The serious and critical faults that axe-core finds on a page as it is."""

    def faults(page: Page) -> list[str]:
        found = Axe().run(page).response["violations"]
        return [f"{each['id']}: {node['html']}" for each in found if each["impact"] in ("serious", "critical") for node in each["nodes"]]

    return faults


CONTROLS = "button, input, select, summary, [tabindex='0']"
WHERE = f"""() => {{
  const element = document.activeElement, box = element.getBoundingClientRect();
  const {{ outlineStyle, outlineWidth }} = getComputedStyle(element);
  const isMarked = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  const isInView = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  return {{ place: [...document.querySelectorAll({json.dumps(CONTROLS)})].indexOf(element), isSeen: isMarked && isInView }};
}}"""


class Keyboard:
    """A user of a page without a mouse."""

    def __init__(self, page: Page):
        self.page = page

    def controls(self) -> list[int]:
        """Places in the page of the controls that can be used at the moment."""
        is_usable = "(all) => all.map((e, i) => e.checkVisibility() && !e.disabled ? i : -1).filter((i) => i >= 0)"
        return self.page.eval_on_selector_all(CONTROLS, is_usable)

    def walk(self) -> Iterator[int]:
        """Places of the controls that have the focus one after the other, until it leaves the page; each shows that it has it."""
        self.page.evaluate("() => Object.assign(document.body, { tabIndex: -1 }).focus()")
        return self._press("Tab")

    def walk_back(self) -> Iterator[int]:
        """The same from the last control on, to which Chromium comes back at the end."""
        last = self.controls()[-1]
        self.page.evaluate(f"(place) => document.querySelectorAll({json.dumps(CONTROLS)})[place].focus()", last)
        yield last
        yield from self._press("Shift+Tab", last)

    def _press(self, key: str, end: int = -1) -> Iterator[int]:
        for _ in range(200):
            self.page.keyboard.press(key)
            found = self.page.evaluate(WHERE)
            if found["place"] in (-1, end):
                return
            assert found["isSeen"], self.page.evaluate("document.activeElement.outerHTML")
            yield found["place"]
        raise AssertionError("the focus never leaves the page")

    def use(self) -> int:
        """Uses all controls in their order by their keys; each has to answer. How many there were."""
        self.page.evaluate(ANSWERED)
        count = 0
        for _ in self.walk():
            key = self.page.evaluate(KEY)
            if key is None:
                continue
            self.page.evaluate("() => { window.answered = null; }")
            self.page.keyboard.press(key)
            answered = self.page.evaluate(f"() => [...document.querySelectorAll({json.dumps(CONTROLS)})].indexOf(window.answered)")
            assert answered >= 0, (key, self.page.evaluate("document.activeElement.outerHTML"))
            count += 1
        return count


ANSWERED = """() => {
  for (const name of ["click", "input"]) addEventListener(name, ({ target }) => { window.answered = target; });
  addEventListener("keydown", (event) => { if (event.defaultPrevented) window.answered = event.target; });
}"""
# The key that uses what has the focus; None for what is only read, or a choice of one
KEY = """() => {
  const { tagName, type, role, options, selectedIndex, value, max } = document.activeElement;
  if (role === "group" || options?.length === 1) return null;
  if (tagName === "SELECT") return selectedIndex ? "ArrowUp" : "ArrowDown";
  if (tagName === "BUTTON" || tagName === "SUMMARY" || type === "checkbox") return " ";
  if (type === "range") return value === max ? "ArrowLeft" : "ArrowRight";
  if (type === "text") return "A";
  return type === "number" ? "ArrowUp" : "ArrowLeft";
}"""


@pytest.fixture
def keyboard():
    """``Keyboard``, for tests that can't import it."""
    return Keyboard
