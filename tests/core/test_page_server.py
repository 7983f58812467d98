"""The server of the pages gives what it should to whom it should, and nothing else."""

import http.client
import json
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from ca2_core.errors import UserError
from ca2_core.play.server import serving, static, write_site

SECRET = "not for pages"


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "static"
    (folder / "more").mkdir(parents=True)
    (folder / "page.html").write_text("<p>hello")
    (folder / "more" / "a.js").write_text("export {};")
    (folder / "notes.txt").write_text(SECRET)
    (tmp_path / "secret.html").write_text(SECRET)

    def broken():
        raise UserError("the weights are damaged.")

    return static(folder) | {"/": folder / "page.html", "/made.json": lambda: b"[1]", "/broken.bin": broken}


def ask(address, path, method="GET", **headers):
    """Status, type and body, with the path as it is."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer.read().decode()


def test_what_is_there_is_served_with_its_type(pages):
    with serving(pages) as address:
        assert ask(address, "/") == (200, "text/html; charset=utf-8", "<p>hello")
        assert ask(address, "/more/a.js?x=1") == (200, "text/javascript; charset=utf-8", "export {};")
        assert ask(address, "/made.json") == (200, "application/json", "[1]")
        assert ask(address, "/page.html", "HEAD") == (200, "text/html; charset=utf-8", "")
        assert "default-src 'self'" in urlopen(address).headers["Content-Security-Policy"]


OUTSIDE = ["/../secret.html", "/%2e%2e/secret.html", "/more/../../secret.html", "//etc/passwd", "/%00"]


@pytest.mark.parametrize("path", ["/notes.txt", "/secret.html", "/nothing", *OUTSIDE])
def test_nothing_else_is(path, pages):
    with serving(pages) as address:
        status, _, body = ask(address, path)
    assert status == 404
    assert SECRET not in body


@pytest.mark.parametrize("headers", [{"Host": "example.com"}, {"Host": "127.0.0.1"}, {"Origin": "http://example.com"}])
def test_pages_of_elsewhere_are_refused(headers, pages):
    with serving(pages, receivers={"/in": lambda x: x}) as address:
        assert ask(address, "/", **headers)[0] == 403
        assert ask(address, "/in", "POST", **headers)[0] == 403


def test_what_a_page_sends_is_received_or_refused_in_a_sentence(pages):
    def receive(value):
        if value != {"a": 1}:
            raise UserError("an a of 1 is needed.")
        return {"got": 1}

    with serving(pages, receivers={"/in": receive}) as address:
        assert json.load(urlopen(Request(address + "in", data=b'{"a": 1}'))) == {"got": 1}
        for data in (b'{"a": 2}', b"{", b"[" * 100_000):
            with pytest.raises(HTTPError) as caught:
                urlopen(Request(address + "in", data=data))
            assert caught.value.code == 422
        with pytest.raises(HTTPError) as caught:
            urlopen(Request(address + "page.html", data=b"{}"))
        assert caught.value.code == 404


def test_what_cannot_be_made_is_told(pages):
    with serving(pages) as address:
        assert ask(address, "/broken.bin") == (422, "text/plain; charset=utf-8", "the weights are damaged.")


def test_a_port_that_is_taken_is_told(pages):
    with serving(pages) as address, pytest.raises(UserError, match=r"port \d+ can't be used"), serving(pages, urlsplit(address).port):
        pass


def test_connections_that_a_browser_keeps_end_with_the_server(pages):
    with serving(pages) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc)
        for _ in range(2):
            connection.request("GET", "/page.html")
            assert connection.getresponse().read() == b"<p>hello"
    assert connection.sock.recv(1) == b""


def test_a_site_is_the_same_as_files(pages, tmp_path):
    del pages["/broken.bin"]
    write_site(pages, tmp_path / "site")
    assert {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*")} == {
        "index.html",
        "page.html",
        "more/a.js",
        "made.json",
    }
