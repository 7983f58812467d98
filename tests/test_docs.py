"""The README and the docs say what is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ca2_gan import cli as ca2_gan
from ca2_rl import cli as ca2_rl

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def test_tables_are_those_of_the_measurements():
    check = subprocess.run([sys.executable, ROOT / "scripts" / "tables.py", "--check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


@every_page
def test_links_lead_to_files_that_are_there(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


@every_page
@pytest.mark.parametrize(("program", "commands"), [("ca2-rl", ca2_rl.COMMANDS), ("ca2-gan", ca2_gan.COMMANDS)])
def test_commands_that_are_shown_exist(page, program, commands):
    shown = re.findall(rf"^{program} ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(shown) <= set(commands)
