"""Puts load on the pages' server and on a study: many requests at once, good and bad, and a cluster whose workers are killed.

    python scripts/load.py            # 2,000 requests, 200 at a time; 200 ratings at once; 1,000 jobs on Ray
    python scripts/load.py --quick    # a tenth, and the record stays as it is

Fails if a request gets what it should not, a rating or a job is lost. Leaves the numbers in docs/load.json.
"""

import http.client
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from publishing import DOCS, as_command, origin, parser, save

from ca2_core.play.server import serving
from ca2_core.study.cases import Case, jobs_of
from ca2_core.study.runner import run
from ca2_core.study.store import Store
from ca2_gan.play import rating
from ca2_rl.play.site import pages as pendulum_pages

AT_ONCE = 200
# Paths outside of what is served, in several spellings
OUTSIDE = (
    "/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "//etc/passwd",
    "/static/..%5c..%5cpyproject.toml",
    "/%00",
    "/" + "a" * 5_000,
    "/no-such-page.html",
)


def ask(address: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of a request, with the path sent as it is."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def requests(n: int) -> dict[str, Any]:
    """Requests of the pendulum's page: a third of its own paths, a third outside of them, a third of other sites."""
    pages = pendulum_pages()
    rng, paths = random.Random(0), list(pages)
    kinds = [("own", {}), ("outside", {}), ("other site", {"Origin": "http://example.com"}), ("other host", {"Host": "example.com"})]
    planned = []
    for _ in range(n):
        kind, headers = rng.choice(kinds)
        planned.append((kind, rng.choice(OUTSIDE if kind == "outside" else paths), headers))
    with serving(pages) as address, ThreadPoolExecutor(AT_ONCE) as pool:
        begin = time.perf_counter()
        answers = list(pool.map(lambda each: ask(address, each[1], **each[2]), planned))
        seconds = time.perf_counter() - begin
    expected = {"own": {200}, "outside": {404, 414}, "other site": {403}, "other host": {403}}
    counts = Counter()
    for (kind, path, _), (status, body) in zip(planned, answers, strict=True):
        assert status in expected[kind], f"{kind} {path!r} got {status}"
        assert b"root:" not in body
        counts[kind] += 1
    return {"requests": n, "at_once": AT_ONCE, "seconds": round(seconds, 2), "as_expected": dict(counts)}


def ratings(n: int) -> dict[str, Any]:
    """Answers of one rater to different images, all at once, each of which has to be in the file."""
    images = np.zeros((n, 1, 28, 28), dtype=np.uint8)
    items = rating.Items(images, np.full(n, rating.UNKNOWN), np.zeros(n, dtype=np.int64), (rating.REAL,), ())
    with tempfile.TemporaryDirectory() as folder:
        session = rating.Session(items, Path(folder), "rater")
        pages, receivers = rating.pages(session)

        def send(item: int) -> int:
            answer = rating.ANSWERS[item % 3]
            return ask(address, "/answer", "POST", json.dumps({"item": item, "answer": answer}).encode())[0]

        with serving(pages, receivers=receivers) as address, ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = Counter(pool.map(send, range(n)))
        answers = rating.read_answers(session.path)
    assert statuses == {200: n}
    assert {item: answer["answer"] for item, answer in answers.items()} == {item: rating.ANSWERS[item % 3] for item in range(n)}
    return {"ratings": n, "at_once": AT_ONCE, "kept": len(answers)}


def work(settings: Mapping[str, Any], seed: int, folder: str) -> dict[str, Any]:
    """A job that takes a moment. While it runs, a file in the folder has the number of its process as its name."""
    mark = Path(folder, str(os.getpid()))
    mark.touch()
    time.sleep(settings["seconds"])
    mark.unlink()
    return {"score": float(seed)}


@contextmanager
def killing(folder: str, every: float) -> Iterator[list[int]]:
    """Kills a process that ``work`` runs in now and then. Yields the numbers of those that were killed.

    :param every: seconds between two, on average
    """
    killed: list[int] = []
    stop = threading.Event()

    def kill() -> None:
        rng = random.Random(0)
        while not stop.wait(rng.expovariate(1 / every)):
            for mark in rng.sample(found := sorted(Path(folder).iterdir()), min(len(found), 1)):
                mark.unlink(missing_ok=True)
                with suppress(ProcessLookupError):
                    os.kill(int(mark.name), signal.SIGKILL)
                    killed.append(int(mark.name))

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def jobs(n: int) -> dict[str, Any]:
    """Jobs on Ray's local cluster, whose workers are killed at random."""
    cases = [Case("work", "task", {"seconds": 0.2}, bench="folder")]
    with tempfile.TemporaryDirectory() as records, tempfile.TemporaryDirectory() as folder, killing(folder, every=2.0) as killed:
        store, begin = Store(Path(records), {}), time.perf_counter()
        run(jobs_of(cases, range(n)), work, store, os.cpu_count() or 1, on_ray=True, benches={"folder": folder})
        seconds = time.perf_counter() - begin
        scores = [record.get("score") for record in store.read(cases)]
    assert scores == list(range(n)), f"{n - len(scores)} jobs were lost, {scores.count(None)} failed"
    return {"jobs": n, "workers_killed": len(killed), "lost": 0, "seconds": round(seconds, 1)}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--quick", action="store_true", help="a tenth of everything; writes no record")
    share = 10 if options.parse_args().quick else 1
    found = {"server": requests(2_000 // share), "rate": ratings(200 // share), "study": jobs(1_000 // share)}
    print(json.dumps(found, indent=1))
    if share == 1:
        save(origin(("ca2", "numpy", "ray")) | found, DOCS / "load.json")


if __name__ == "__main__":
    as_command(main)
