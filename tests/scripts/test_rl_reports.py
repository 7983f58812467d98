"""Tables and figures from measurements made by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
from ca2_rl.studies import compiled, coursework, episodes, exploration, overview, tuning
from ca2_rl.studies.command import STUDIES, load
from ca2_rl.studies.results import reached, reached_text
from ca2_rl.studies.settings import shipped


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the first cell of their row."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize(
    "regret",
    [lambda i, seed: None if i == 0 or (i + seed) % 3 == 0 else 10.0 + i, lambda i, seed: None],
    ids=["some failed", "all failed"],
)
def test_every_study_reports_whatever_happened(name, regret, made_by_hand, tmp_path):
    study = load(name)
    path = study.report(made_by_hand(study, regret), tmp_path)
    text = path.read_text()
    assert all(table.title in text for table in study.tables.values())
    assert {png.stem for png in tmp_path.glob("*.png")} == set(study.pictures)
    widths = {line.count("|") for block in text.split("\n\n") if block.startswith("|") for line in [block.splitlines()[0]]}
    assert widths
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_reports_on_a_part_of_it(name, made_by_hand, tmp_path):
    study = load(name)
    results = made_by_hand(study)
    results.records[:] = results.records[:1]
    blocks = study.report(results, tmp_path).read_text().split("\n\n")
    assert all(len(block.splitlines()) > 2 for block in blocks if block.startswith("|"))  # no header without a row


def test_overview_has_the_numbers_of_the_measurements(made_by_hand):
    regrets = {(0, 0): 10.0, (0, 1): 12.0, (0, 2): 20.0}
    cells = rows(overview.agents(made_by_hand(overview.STUDY, lambda i, seed: regrets.get((i, seed), 100.0))))["DiscretizedDQN (3 seeds)"]
    assert cells[0] == "-144.0"
    assert cells[1] == "14.0"
    assert cells[2] == "5.3"
    assert cells[3].startswith("14.0 [10.0, 20.0]")
    # 10 + 1190 exp(-i / 2.5) <= 15 first at i = 14, 12 + ... at i = 15, 20 + ... never
    assert cells[4:6] == ["16,000 (2 of 3)", "32.0 (2 of 3)"]
    assert cells[6:] == ["40.0", "2.0", "-838", "701"]


def test_a_failure_is_named_and_counted(made_by_hand):
    results = made_by_hand(overview.STUDY, lambda i, seed: None if (i, seed) == (0, 1) else 10.0)
    cells = rows(overview.agents(results))["DiscretizedDQN (3 seeds; 1 of 3 failed: ValueError: no / luck)"]
    assert cells[1] == "10.0"
    assert cells[4].endswith("(2 of 3)")


def test_conditions_say_what_was_trained_on_another_processor(made_by_hand):
    results = made_by_hand(overview.STUDY, lambda i, seed: 10.0)
    assert " On " not in results.conditions()
    for record in results.records[-2:]:
        record["cpu"] = "Z80"
    labels = dict.fromkeys(record["label"] for record in results.records[-2:])
    assert results.conditions().endswith(f". On Z80: {'; '.join(labels)}.")


def test_conditions_count_what_was_trained_on_another_processor_where_names_would_fill_a_page(made_by_hand):
    results = made_by_hand(tuning.STUDY, lambda i, seed: 10.0)
    for record in results.records[1:]:
        record["cpu"] = "Z80"
    count = len(results.records)
    assert results.conditions().endswith(f". On Z80: {count - 1:,} of the {count:,} trainings.")


def test_cut_episodes_change_nothing_but_what_their_label_says():
    cut, narrow = episodes.cut("discretizeddqn", 50), episodes.cut("discretizeddqn", 50, width=32)
    assert (cut.label, narrow.label) == ("DiscretizedDQN, episodes of 50 steps", "DiscretizedDQN, episodes of 50 steps, 32 units")
    ours = shipped("discretizeddqn")
    assert cut.hyperparams == ours | {"env_kwargs": {"max_episode_steps": 50}}
    assert narrow.hyperparams == cut.hyperparams | {"policy_kwargs": ours["policy_kwargs"] | {"net_arch": [32, 32]}}


def test_target_is_reached_at_the_first_evaluation_at_or_below_it():
    curve = {"steps": [1, 2, 3, 4], "seconds": [0.5, 1, 1.5, 2], "regret": [100, 15.0, 16.0, 3.0]}
    assert reached({"curve": curve}, "steps") == 2
    assert reached({"curve": curve}, "seconds") == 1
    never = {"curve": curve | {"regret": [100, 90, 80, 15.01]}}
    assert math.isinf(reached(never, "steps"))
    assert reached_text([never, never, {"curve": curve}], "steps") == "never (1 of 3)"


def test_grid_is_the_courseworks_and_random_search_stays_within_it():
    variants = tuning.variants()
    grid = [variant.tags for variant in variants if variant.tags["search"] == "grid"]
    assert len(grid) == 3 * 3**4
    assert len({tuple(tags.items()) for tags in grid}) == len(grid)
    for variant in variants:
        assert variant.hyperparams["policy_kwargs"]["net_arch"] == [variant.tags["width"]] * 2
        assert "env_kwargs" not in variant.hyperparams  # whole episodes
        for factor, values in tuning.COURSEWORK.items():
            assert min(values) <= variant.tags[factor] <= max(values)
            assert variant.hyperparams.get(factor, variant.tags[factor]) == variant.tags[factor]
    assert [variant.label for variant in tuning.variants()] == [variant.label for variant in variants]


def test_cells_of_the_grid_are_where_their_settings_are(made_by_hand):
    labels = [variant.label for variant in tuning.variants()]
    wanted = tuning.setting("noisydqn", "grid", learning_rate=0.01, gamma=0.9, batch_size=64, width=32)
    results = made_by_hand(tuning.STUDY, lambda i, seed: 777.0 if labels[i] == wanted.label else 10.0, seeds=1)
    table = tuning.cells(results, "NoisyDQN")
    assert table[1, 0, 2, 0] == 777
    assert table.sum() == 777 + 80 * 10
    assert (tuning.cells(results, "OUDDPG") == 10).all()


def test_more_seeds_of_the_courseworks_settings_count_in_its_table_alone(made_by_hand):
    variants = tuning.variants()
    one_at_a_time = {variant.label for variant in variants if "one at a time" in variant.label}
    assert len(one_at_a_time) == 3 * (1 + 4 * 2)
    results = made_by_hand(tuning.STUDY, lambda i, seed: 10.0 if seed == 0 else 20.0, seeds=3)
    results.records[:] = [record for record in results.records if record["seed"] == 0 or record["label"] in one_at_a_time]
    table = tuning.one_at_a_time(results)
    assert rows(table)["gamma 0.9"][2].startswith("16.7 [10.0, 20.0]")
    assert "Seeds of each setting: 3." in table
    grid = tuning.over_the_grid(results)
    assert rows(grid)["gamma 0.9"] == ["10.0", "10.0"] * 3
    assert "Seeds of each setting: 1." in grid
    assert (tuning.cells(results, "OUDDPG") == 10).all()


def test_criteria_say_what_the_correlation_means(made_by_hand):
    """The measurements made by hand have a gradient and a std that rise with the regret, and a return that falls."""
    rng = np.random.default_rng(0)
    regrets = rng.uniform(10, 1000, size=len(tuning.variants()))
    text = tuning.criteria(made_by_hand(tuning.STUDY, lambda i, seed: regrets[i], seeds=1))
    assert "+1.00 [+1.00, +1.00] | 81 | more of it goes with a higher regret: predicts well" in text
    assert "-1.00 [-1.00, -1.00] | 81 | less of it goes with a higher regret: predicts well" in text
    assert tuning.in_words(-0.1, 0.4).startswith("predicts nothing")
    assert tuning.in_words(0.1, 0.9).endswith("predicts weakly")


def test_gaussian_noise_has_the_std_of_the_process_it_is_compared_with():
    from ca2_rl.common.ou_noise import OUNoise

    np.random.seed(0)
    for variant in exploration.noises():
        if variant.label.startswith("Gaussian"):
            values = variant.hyperparams
            noise = OUNoise((1,), values["ou_sigma"], values["ou_theta"], values["ou_dt"])
            drawn = np.array([noise() for _ in range(20_000)])[:, 0]
            assert drawn.std() == pytest.approx(float(variant.label.rpartition(" ")[2]), abs=0.01)
            assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


@pytest.mark.parametrize("algo", overview.OURS)
def test_chain_leads_from_the_courseworks_settings_to_ours_one_change_at_a_time(algo):
    from ca2_rl.studies.settings import shipped

    chain, defaults = coursework.chain(algo), coursework.DEFAULTS.get(algo, {})
    groups = {name: group for group in coursework.CHANGES for name in group}
    for before, after in pairwise(chain):
        settings = [defaults | coursework.flat(variant.hyperparams) for variant in (before, after)]
        changed = {key for key in settings[0] | settings[1] if settings[0].get(key) != settings[1].get(key)}
        assert changed
        assert len({groups[key] for key in changed}) == 1
    assert defaults | shipped(algo) == chain[-1].hyperparams


def test_first_change_with_most_seeds_below_the_target_is_marked_and_only_it(made_by_hand):
    labels = [variant.label for variant in coursework.variants()]
    ouddpg = [i for i, label in enumerate(labels) if label.startswith("OUDDPG")]
    results = made_by_hand(coursework.STUDY, lambda i, seed: 9.0 if i in ouddpg[3:] else 300.0)
    marked = [line for line in coursework.changes(results).splitlines() if "here most seeds" in line]
    assert len(marked) == 1
    assert labels[ouddpg[3]].removeprefix("OUDDPG, ") in marked[0]


def test_returns_of_cut_episodes_stand_beside_none_of_whole_ones(made_by_hand):
    table = rows(coursework.changes(made_by_hand(coursework.STUDY, lambda i, seed: 300.0)))
    without = [name for name, cells in table.items() if cells[0] == "-"]
    assert {name.partition(" (")[0] for name in without} == {"+ max_episode_steps 25", "+ net_arch [256, 256]"}


def test_compiled_agents_are_told_from_eager_ones_that_learn_otherwise(made_by_hand):
    def regret(i, seed):  # variants: compiled and eager of each agent, by turns
        return 10.0 + 0.1 * seed + (5 * (i == 1)) + (0.05 * (i == 3))

    cells = rows(compiled.compare(made_by_hand(compiled.STUDY, regret, seeds=10)))
    assert cells["DiscretizedDQN, eager (10 seeds)"][1:3] == ["0.00", "0.00"]
    assert float(cells["NoisyDQN, eager (10 seeds)"][1]) > 0.5
    assert cells["OUDDPG, eager (10 seeds)"][1:3] == ["1.00", "1.00"]
    assert cells["OUDDPG, compiled (10 seeds)"][1:3] == ["", ""]
    assert cells["OUDDPG, compiled (10 seeds)"][3] == "40.0"
