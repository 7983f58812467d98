"""Takes the docs' pictures of the pages that ``ca2-rl play`` and ``ca2-gan play`` open: docs/images/play-pendulum.png and play-letters.png.

Chromium has to be installed; no window opens.
"""

import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from publishing import IMAGES, as_command, parser

import ca2_gan.play.site
import ca2_rl.play.site
from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_core.play.server import serving

LETTERS = ("letters_gan/emnist-a-m", "letters_gan/mnist")
WORD = "FAMILIE"
SECONDS = 9.0  # for most of an episode


def take(browser: Browser, pages: dict[str, Any], address: str, prepare: Any, path: Path) -> None:
    """Opens a page of a site, prepares it and photographs what a window shows."""
    with serving(pages) as site, browser.new_page(viewport={"width": 1200, "height": 800}, device_scale_factor=1.5) as page:
        page.goto(site + address)
        prepare(page)
        with whole_file(path) as file:
            page.screenshot(path=file, type="png")


def swing_up(page: Page) -> None:
    page.wait_for_selector("body[data-ready]")
    page.wait_for_timeout(1_000 * SECONDS)


def write_a_word(page: Page) -> None:
    page.wait_for_selector("#facts:not(:empty)", timeout=120_000)
    page.fill("#text", WORD)
    page.wait_for_timeout(3_000)


def main() -> None:
    parser(__doc__).parse_args()
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise UserError("Chromium is needed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        take(browser, ca2_rl.play.site.pages(), "pendulum.html", swing_up, IMAGES / "play-pendulum.png")
        letters = ca2_gan.play.site.open_models(LETTERS)
        take(browser, ca2_gan.play.site.pages(letters), "", write_a_word, IMAGES / "play-letters.png")


if __name__ == "__main__":
    as_command(main)
