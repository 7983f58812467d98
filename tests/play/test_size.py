"""The pages stay small enough to be read."""

from pathlib import Path

LARGEST = 150_000


def test_all_code_of_the_pages_is_small():
    code = [path for path in Path(__file__).parents[2].glob("ca2_*/play/static/*") if path.suffix in (".js", ".css", ".html")]
    assert {path.parts[-4] for path in code} == {"ca2_core", "ca2_rl", "ca2_gan"}
    assert sum(path.stat().st_size for path in code) < LARGEST
