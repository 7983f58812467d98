"""JavaScript under Node, and pages in Chromium without a window."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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
