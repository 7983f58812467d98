"""Tables of the docs on which classes are easy and which are hard, from measurements made by hand."""

import pytest
from gan_reports import ranking, real, trained
from scipy import stats

TIME, LESS, IMAGES = {"cpu_minutes": 0.5}, {"cpu_minutes": 0.25}, {"images": 1000}
TASK = "letters, 30 CPU seconds"


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the first cell of their row."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


def models(results):
    return [record for record in results.records if record["variant"] != "real images"]


def test_only_the_longest_time_is_ranked(gan_by_hand):
    table = ranking.table_of_classes(gan_by_hand("overview", budgets=(TIME, LESS, IMAGES)))
    assert "**letters, 30 CPU seconds a training" in table
    assert "1,000 images a training" not in table


def test_classes_stand_from_easy_to_hard_and_scale_does_not_matter(gan_by_hand):
    """One model that is bad at everything has the reverse order; it is outvoted."""
    results = gan_by_hand("overview")
    for record in models(results):
        if record["variant"] == "dcgan":
            for i, row in enumerate(record["classes"].values()):
                row["fcd"] = 1e6 / (1 + i)
    found = ranking.rankings(results)[TASK]
    assert "".join(found.names) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    k = len(found.models)
    assert found.means[0] == pytest.approx((26 + (k - 1)) / k)
    agreement = rows(ranking.agreement(results))
    assert agreement["dcgan"] == ["-1.00", "-1.00", "-1.00", "+1.00"]
    assert agreement["cgan"][2:] == ["+1.00", "+1.00"]


def test_a_class_that_is_not_made_is_the_hardest(gan_by_hand):
    results = gan_by_hand("overview")
    for record in models(results):
        if record["seed"] == 0:
            record["classes"]["A"]["fcd"] = None
    assert ranking.rankings(results)[TASK].names[-1] == "A"
    cells = rows(ranking.table_of_classes(results))["A"]
    n = len(trained(results, TASK))
    assert cells[0] == "26.0"
    assert cells[2] == "-"
    assert cells[-1] == f"{n} of {n}"


def test_models_that_have_not_learned_to_draw_rank_no_class(gan_by_hand):
    results = gan_by_hand("overview")
    for record in models(results):
        record["precision"] = 0.5 if record["variant"] == "cgan" else 0.05
    assert ranking.rankings(results)[TASK].models == ("cgan",)
    for record in models(results):
        record["precision"] = 0.0
    assert ranking.rankings(results) == {}


@pytest.mark.parametrize(
    ("order", "verdict"),
    [
        ("ILOTABCDEFGHJNPQSUVXYZMWKR", "The claim holds: mean rank 2.5 of the easy ones, 24.5 of the hard ones"),
        ("MWKRABCDEFGHJNPQSUVXYZILOT", "The claim is the wrong way round"),
        ("IMLWOKTRABCDEFGHJNPQSUVXYZ", "The claim cannot be told from chance"),
    ],
)
def test_claim_is_tested(order, verdict, gan_by_hand):
    results = gan_by_hand("overview")
    for record in models(results):
        for name, row in record["classes"].items():
            row["fcd"] = 1.0 + order.index(name)
    assert verdict in ranking.claim(results)


@pytest.mark.parametrize(
    ("classes", "verdict"),
    [
        ("ABCDEFGHIJKLM", "rank 10.5 of the easy ones, 12.0 of the hard ones (Mann-Whitney, one-sided, p = 0.333; 7 is the middle). The"),
        ("ABCDEFGHIJKLM", "The clearest order of 4 letters would have p = 0.167."),
        ("ABC", "These letters are not among the classes."),
        ("ILOT", "These letters are not among the classes."),
    ],
)
def test_claim_is_tested_on_the_letters_that_are_there(classes, verdict, gan_by_hand):
    results = gan_by_hand("overview")
    facts = real(results, TASK)
    facts["looks"] = {name: facts["looks"][name] for name in classes}
    for record in models(results):
        record["classes"] = {name: record["classes"][name] | {"fcd": float(ord(name))} for name in classes}
    assert verdict in ranking.claim(results)


def test_correlates_go_with_the_rank(gan_by_hand):
    cells = rows(ranking.correlates(gan_by_hand("overview")))
    assert cells["share of ink"] == ["+1.00", "0.000"]
    assert cells["variance within"] == ["-", "-"]  # all alike
    both = [name in "ABDEFGHNQRT" for name in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    assert cells["two forms"][0] == f"{stats.spearmanr(both, range(26)).statistic:+.2f}"
    assert cells["FCD, floor"] == ["+1.00", "0.000"]
    strokes = [3, 3, 1, 2, 4, 3, 2, 3, 1, 1, 3, 2, 4, 3, 1, 2, 2, 3, 1, 2, 1, 2, 4, 2, 2, 3]  # A to Z, as one draws them
    assert cells["strokes"][0] == f"{stats.spearmanr(strokes, range(26)).statistic:+.2f}"


def test_a_trait_counts_where_it_is_known(gan_by_hand):
    """Words are not drawn in strokes, and have no capital; four classes are the fewest."""
    results = gan_by_hand("overview")
    facts = real(results, TASK)
    parts = [facts["looks"], facts["classes"], *(record["classes"] for record in models(results))]
    for part in parts:
        for name in "EFGHIJKLMNOPQRSTUVWXYZ":
            part[f"X{name}"] = part.pop(name)
    cells = rows(ranking.correlates(results))
    assert cells["strokes"][0] == f"{stats.spearmanr([3, 3, 1, 2], range(4)).statistic:+.2f}"
    assert cells["two forms"][0] == f"{stats.spearmanr([1, 1, 0, 1], range(4)).statistic:+.2f}"
    assert cells["share of ink"] == ["+1.00", "0.000"]
    for part in parts:
        part["XA"] = part.pop("A")
    assert rows(ranking.correlates(results))["strokes"] == ["-", "-"]
