"""Blind ratings: the page, the files of answers, and the statistics of the report."""

import json
import math
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from ca2_core.errors import UserError
from ca2_core.play.server import serving
from ca2_gan.cli import COMMAND, run
from ca2_gan.commands import rate
from ca2_gan.metrics.samples import Samples
from ca2_gan.play import rating
from ca2_gan.play.agreement import cohen_kappa, fleiss_kappa, wilson

SECRETS = ("secret-model", "second-source")
CLASSES = ("A", "B", "C")


@pytest.fixture
def items():
    """Four images of each of two models, and four real ones; each image has a brightness of its own."""
    names = [*SECRETS, rating.REAL]
    samples = [
        Samples(name, np.full((4, 1, 28, 28), 60 * k, np.uint8) + np.arange(4, dtype=np.uint8)[:, None, None, None], np.array([0, 1, 2, 0]))
        for k, name in enumerate(names, 1)
    ]
    return rating.mix(samples, CLASSES, seed=0)


def open_session(items, out, rater="ann"):
    rating.write_items(items, out)
    session = rating.Session(items, out, rater)
    pages, receivers = rating.pages(session)
    return session, pages, receivers


def saved(out, rater="ann"):
    path = out / rating.RATINGS / f"{rater}.json"
    return json.loads(path.read_text())["answers"] if path.exists() else {}


@pytest.mark.parametrize(
    ("successes", "trials", "expected"),
    # Hand-computed from Wilson's formula; 81 of 263 is Newcombe's (1998) example of the method, as is 0 of 20
    [(81, 263, (0.2553, 0.3662)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718)), (29, 29, (0.8830, 1.0))],
)
def test_intervals_are_those_of_the_literature(successes, trials, expected):
    assert wilson(successes, trials) == pytest.approx(expected, abs=1e-4)


def test_intervals_without_trials_say_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_cohens_kappa_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(5):
        first = rng.choice(rating.ANSWERS, 40)
        second = np.where(rng.random(40) < 0.6, first, rng.choice(rating.ANSWERS, 40))
        assert cohen_kappa(first.tolist(), second.tolist()) == pytest.approx(cohen_kappa_score(first, second))
    assert math.isnan(cohen_kappa(["clear"], ["clear"]))
    assert math.isnan(cohen_kappa([], []))


# Ten subjects, fourteen raters, five categories: the worked example that Wikipedia has of Fleiss' kappa
FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_fleiss_kappa_is_that_of_a_worked_example():
    answers = [[str(category) for category, count in enumerate(row) for _ in range(count)] for row in FLEISS]
    assert fleiss_kappa(answers) == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa([["clear", "nonsense"], ["nonsense", "clear"]]) == pytest.approx(-1)
    assert math.isnan(fleiss_kappa([]))


def test_mixing_keeps_every_image_with_its_source_and_label(items):
    assert len(items) == 12
    brightness = items.images[:, 0, 0, 0]
    assert (brightness // 60 - 1 == items.sources).all()
    assert (items.labels == np.array([0, 1, 2, 0])[brightness % 60]).all()
    assert items.sources.tolist() != sorted(items.sources.tolist())


def test_items_are_read_as_they_were_written(items, tmp_path):
    rating.write_items(items, tmp_path)
    found = rating.read_items(tmp_path)
    assert (found.names, found.class_names) == (items.names, items.class_names)
    for field in ("images", "labels", "sources"):
        assert np.array_equal(getattr(found, field), getattr(items, field))


def test_raters_see_the_same_images_in_orders_of_their_own(items, tmp_path):
    orders = [rating.Session(items, tmp_path, rater).order() for rater in ("ann", "ben")]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(12))
    assert orders[0] != orders[1]
    assert rating.Session(items, tmp_path, "ann").order() == orders[0]


def test_nothing_that_the_page_gets_says_whose_an_image_is(items, tmp_path):
    _, pages, receivers = open_session(items, tmp_path)
    receivers["/answer"]({"item": 0, "answer": "clear"})
    sent = {
        path: content.read_bytes() if isinstance(content, Path) else content() if callable(content) else content
        for path, content in pages.items()
    }
    for path, content in sent.items():
        for name in SECRETS:
            assert name not in path
            assert name.encode() not in content
    assert set(json.loads(sent["/session.json"])) == {"rater", "shape", "classes", "order", "answers"}


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {"item": 12, "answer": "clear"},
        {"item": True, "answer": "clear"},
        {"item": 0, "answer": "good"},
        {"item": 0, "answer": "clear", "letter": 3},
    ],
)
def test_what_is_no_answer_is_refused_and_changes_nothing(sent, items, tmp_path):
    session, _, receivers = open_session(items, tmp_path)
    receivers["/answer"]({"item": 1, "answer": "clear", "letter": "A"})
    with pytest.raises(UserError):
        receivers["/answer"](sent)
    assert saved(tmp_path) == {"1": {"answer": "clear", "letter": "A"}}
    assert session.answers == {1: {"answer": "clear", "letter": "A"}}


def test_a_page_of_ratings(visit, items, tmp_path):
    session, pages, receivers = open_session(items, tmp_path)
    with visit(pages, "rate.html", receivers=receivers) as page:
        page.wait_for_selector("text=0 of 12")
        page.keyboard.press("1")
        page.wait_for_selector("#reading:not([hidden])")
        page.keyboard.press("b")
        page.wait_for_selector("#kinds:not([hidden])")
        page.keyboard.press("n")
        page.wait_for_selector("#reading:not([hidden])")
        page.keyboard.press("Enter")
        page.wait_for_selector("#kinds:not([hidden])")
        page.click("text=Marginal")
        page.wait_for_selector("text=3 of 12")
        first, second, third = session.order()[:3]
        assert saved(tmp_path) == {
            str(first): {"answer": "clear", "letter": "b"},
            str(second): {"answer": "nonsense", "letter": None},
            str(third): {"answer": "marginal", "letter": None},
        }
        page.click("#undo")
        page.wait_for_selector("text=2 of 12")
        assert list(saved(tmp_path)) == [str(first), str(second)]
        page.reload()
        page.wait_for_selector("text=2 of 12")
        page.keyboard.press("u")
        page.wait_for_selector("text=1 of 12")
        assert list(saved(tmp_path)) == [str(first)]
    # Another server, another page
    session, pages, receivers = open_session(items, tmp_path)
    with visit(pages, "rate.html", receivers=receivers) as page:
        page.wait_for_selector("text=1 of 12")
        before = page.evaluate("() => document.getElementById('image').toDataURL()")
        for count in range(2, 13):
            page.keyboard.press("2")
            page.wait_for_selector(f"text={count} of 12")
            page.keyboard.press("Enter")
            page.wait_for_selector("#reading", state="hidden")
        assert page.is_visible("#done")
        assert page.evaluate("() => document.getElementById('image').toDataURL()") != before
    assert len(saved(tmp_path)) == 12


def test_a_server_that_is_gone_is_told_and_nothing_is_taken_for_saved(left_alone, items, tmp_path, silence):
    _, pages, receivers = open_session(items, tmp_path)
    with left_alone(pages, "rate.html", receivers) as (page, end_server):
        page.wait_for_selector("text=0 of 12")
        page.keyboard.press("1")
        page.wait_for_selector("text=1 of 12")
        end_server()
        page.keyboard.press("b")
        page.wait_for_selector(f"#message:text-is('{silence}')")
        assert page.is_visible("#reading")
        page.click("#undo")
        page.wait_for_selector(f"#message:text-is('{silence}')")
        assert page.inner_text("#count") == "1 of 12"
        with serving(pages, urlsplit(page.url).port, receivers):
            page.fill("#letter", "B")
            page.wait_for_selector("#message:empty", state="attached")
            page.keyboard.press("2")
            page.wait_for_selector("text=2 of 12")
    assert [answer["letter"] for answer in saved(tmp_path).values()] == ["B", None]


def test_answers_that_can_no_longer_be_kept_are_told(left_alone, items, tmp_path):
    session, pages, receivers = open_session(items, tmp_path)
    with left_alone(pages, "rate.html", receivers) as (page, _):
        page.wait_for_selector("text=0 of 12")
        session.path.parent.mkdir()
        session.path.write_text("{")
        page.keyboard.press("1")
        page.wait_for_selector("#message:text('answers, or damaged')")
        assert page.inner_text("#count") == "0 of 12"


def test_images_are_rated_by_tab_space_and_enter_alone(visit, items, tmp_path, keyboard):
    _, pages, receivers = open_session(items, tmp_path)
    with visit(pages, "rate.html", receivers=receivers) as page:
        page.wait_for_selector("text=0 of 12")
        user = keyboard(page)
        assert list(user.walk()) == user.controls()
        page.evaluate("() => document.getElementById('kinds').lastElementChild.focus()")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press(" ")
        page.wait_for_selector("text=1 of 12")
        assert page.evaluate("document.activeElement.id") == "letter"
        assert list(user.walk()) == user.controls()
        assert list(user.walk_back()) == user.controls()[::-1]
        page.focus("#letter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#kinds:not([hidden])")
        assert [answer["answer"] for answer in saved(tmp_path).values()] == ["marginal"]
        *_, undo = user.walk()
        assert undo == user.controls()[-1]
        page.focus("#undo")
        page.keyboard.press(" ")
        page.wait_for_selector("text=0 of 12")
    assert not saved(tmp_path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_fault(width, scheme, left_alone, items, tmp_path, faults):
    _, pages, receivers = open_session(items, tmp_path)
    with left_alone(pages, "rate.html", receivers) as (page, end_server):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_selector("text=0 of 12")
        assert not faults(page)
        page.keyboard.press("1")
        page.wait_for_selector("#reading:not([hidden])")
        assert not faults(page)
        for count in range(2, 13):
            page.keyboard.press("Enter")
            page.wait_for_selector("#reading", state="hidden")
            page.keyboard.press("2")
            page.wait_for_selector(f"text={count} of 12")
        page.keyboard.press("Enter")
        page.wait_for_selector("#done:not([hidden])")
        assert not faults(page)
        end_server()
        page.keyboard.press("u")
        page.wait_for_selector("#message:not(:empty)")
        assert not faults(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_of_ratings_has_names_and_no_scrolling_sideways(width, visit, items, tmp_path):
    _, pages, receivers = open_session(items, tmp_path)
    with visit(pages, "rate.html", receivers=receivers, width=width) as page:
        page.wait_for_selector("text=0 of 12")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        for button in page.query_selector_all("button:visible"):
            assert button.inner_text().strip()


def answer_all(items, out, rater, choose):
    session = rating.Session(items, out, rater)
    for item in session.order():
        session.receive({"item": item} | choose(item))


def test_the_report_counts_as_one_does_by_hand(items, tmp_path, capsys):
    rating.write_items(items, tmp_path)
    named = [CLASSES[label] for label in items.labels]

    def by_source(item):
        """Real ones are clear and read right; the first model's are clear by half and read as A; the second's are nonsense."""
        source = items.sources[item]
        if source == 2:
            return {"answer": "clear", "letter": named[item].lower()}
        if source == 0:
            return {"answer": "clear" if items.labels[item] == 0 else "marginal", "letter": "A"}
        return {"answer": "nonsense", "letter": None}

    answer_all(items, tmp_path, "ann", by_source)
    run(["rate", "--report", str(tmp_path)])
    found = json.loads((tmp_path / rating.REPORT).read_text())
    real, first, second = (found["sources"][name] for name in (rating.REAL, *SECRETS))
    assert (real["clear"]["count"], real["clear"]["of"], real["read_right"]["share"]) == (4, 4, 1.0)
    assert (first["clear"]["share"], first["marginal"]["share"], first["read_right"]["count"], first["read_right"]["of"]) == (
        0.5,
        0.5,
        2,
        4,
    )
    assert (first["clear"]["low"], first["clear"]["high"]) == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert (second["nonsense"]["share"], second["read_right"]["share"]) == (1.0, None)
    assert found["agreement"]["kappa"] is None
    printed = capsys.readouterr().out
    assert "50 % [15 %, 85 %] of 4" in printed
    answer_all(items, tmp_path, "ben", lambda item: {"answer": "clear"})
    agreement = rating.report(tmp_path)["agreement"]
    assert (agreement["statistic"], agreement["items"]) == ("Cohen's kappa", 12)
    assert agreement["kappa"] == pytest.approx(0)  # ben says the same of all
    answer_all(items, tmp_path, "cleo", by_source)
    agreement = rating.report(tmp_path)["agreement"]
    assert agreement["statistic"] == "Fleiss' kappa"
    assert agreement["pairs"]["ann and cleo"] == pytest.approx(1)
    run(["rate", "--report", str(tmp_path)])
    assert "Fleiss' kappa" in capsys.readouterr().out


def test_what_is_rated_is_drawn_once_and_mixed_with_the_test_split(tmp_path):
    out = tmp_path / "out"
    command = ["letters_gan/glyphs", "--data", "glyphs", "--size", "600", "--n", "5", "--out", str(out)]
    items = rate.items_of(rate.make_parser().parse_args(command))
    assert items.names == ("letters_gan/glyphs", rating.REAL)
    assert np.bincount(items.sources).tolist() == [5, 5]
    assert (items.labels >= 0).all()
    again = rate.items_of(rate.make_parser().parse_args(command))
    assert np.array_equal(again.images, items.images)
    with pytest.raises(UserError, match="already has ratings of 5 images each of letters_gan/glyphs, real"):
        rate.items_of(rate.make_parser().parse_args([*command, "--n", "6"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--report", "{}"], "nothing has been rated there"),
        (["nowhere.npz", "--data", "glyphs", "--size", "300", "--n", "2", "--out", "{}"], "no such file"),
        (["real", "--data", "glyphs", "--out", "{}"], "none named 'real'"),
        (["letters_gan/glyphs", "--data", "glyphs", "--rater", "../ann", "--out", "{}"], "rater '../ann'"),
    ],
)
def test_mistakes_are_told_in_a_line_with_status_2(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_info:
        COMMAND.main(["rate", *(argument.format(tmp_path / "out") for argument in arguments)])
    printed = capsys.readouterr().err
    assert (exit_info.value.code, printed.count("\n")) == (2, 1)
    assert message in printed


def test_damaged_answers_are_told(items, tmp_path):
    open_session(items, tmp_path)
    (tmp_path / rating.RATINGS).mkdir()
    (tmp_path / rating.RATINGS / "ann.json").write_text('{"answers": {"0": {"answer": "go')
    with pytest.raises(UserError, match="damaged"):
        rating.Session(items, tmp_path, "ann")
    (tmp_path / rating.ITEMS).write_bytes(b"no archive")
    with pytest.raises(UserError, match="damaged"):
        rating.read_items(tmp_path)
