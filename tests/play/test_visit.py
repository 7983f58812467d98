"""What the tests of the pages stand on."""

import pytest

PAGES = {
    "/": b"<!doctype html><link rel=icon href=data:,><p>hello",
    "/loud.html": b"<!doctype html><link rel=icon href=data:,><script src=loud.js></script>",
}


def test_a_quiet_page_is_visited(visit):
    with visit(PAGES) as page:
        assert page.inner_text("p") == "hello"


def test_what_a_page_says_on_the_console_is_an_error(visit):
    with (
        pytest.raises(AssertionError, match="console: careful"),
        visit(PAGES | {"/loud.js": b"console.warn('careful')"}, "loud.html") as page,
    ):
        page.wait_for_timeout(200)


def test_what_a_page_asks_of_elsewhere_is_an_error(visit):
    with pytest.raises(AssertionError), visit(PAGES | {"/loud.js": b"fetch('http://example.com/').catch(() => {})"}, "loud.html") as page:
        page.wait_for_timeout(200)


def test_what_axe_finds_is_reported(visit, faults):
    with visit(PAGES | {"/nameless.html": PAGES["/"] + b"<button></button>"}, "nameless.html") as page:
        assert {fault.partition(":")[0] for fault in faults(page)} == {"button-name", "html-has-lang", "document-title"}
