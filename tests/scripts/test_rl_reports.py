"""Tables and figures of the docs from measurements made by hand, and what the project's own studies train."""

import re
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from rl_reports import NAMES, OURS, PENDULUM, compiled, coursework, episodes, load_report, tuning
from rl_reports import load_study as load

from ca2_core.errors import UserError
from ca2_core.study.figures import save
from ca2_core.study.report import write_report
from ca2_rl.study.hyperparams import shipped

# Reading the largest takes seconds
load_study = cache(load)


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the first cell of their row."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


def variants(name: str) -> dict[str, dict]:
    """Settings by variant."""
    return {case.variant: case.settings for case in load_study(name).cases}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "regret",
    [lambda i, seed: None if i == 0 or (i + seed) % 3 == 0 else 10.0 + i, lambda i, seed: None],
    ids=["some failed", "all failed"],
)
def test_every_study_reports_whatever_happened(name, regret, made_by_hand, tmp_path):
    report, results = load_report(name), made_by_hand(load_study(name), regret)
    for table in report.tables.values():
        for block in table.make(results).split("\n\n"):
            if block.startswith("|"):
                assert len({line.count("|") for line in block.splitlines()}) == 1, block
    for picture_name, picture in report.pictures.items():
        save(picture.make(results), tmp_path / f"{picture_name}.png")
    assert {png.stem for png in tmp_path.glob("*.png")} == set(report.pictures)


@pytest.mark.parametrize("name", NAMES)
def test_every_study_reports_on_a_part_of_it(name, made_by_hand):
    results = made_by_hand(load_study(name))
    results.records[:] = results.records[:1]
    blocks = [block for table in load_report(name).tables.values() for block in table.make(results).split("\n\n")]
    assert all(len(block.splitlines()) > 2 for block in blocks if block.startswith("|"))  # no header without a row


@pytest.mark.parametrize("name", ["pendulum-matched", "environments"])
def test_the_general_report_suits_our_studies_too(name, made_by_hand, tmp_path):
    text = write_report(made_by_hand(load_study(name)), tmp_path).read_text()
    assert "DiscretizedDQN (3 seeds)" in text


@pytest.mark.parametrize("name", NAMES)
def test_what_the_docs_keep_of_a_record_is_enough_for_their_tables(name, made_by_hand):
    report, results = load_report(name), made_by_hand(load_study(name))
    kept = made_by_hand(load_study(name))
    kept.records[:] = [report.kept(record) for record in kept.records]
    for table in report.tables.values():
        if name != "tuning":  # its criteria are made of what is not kept
            assert table.make(kept) == table.make(results)


def test_wrong_study_is_named():
    with pytest.raises(UserError, match=r"no study named 'gravitiy'\. Did you mean 'gravity'\?"):
        load("gravitiy")


def test_a_table_has_the_numbers_of_the_measurements(made_by_hand):
    regrets = {(0, 0): 10.0, (0, 1): 12.0, (0, 2): 20.0}
    results = made_by_hand(load_study("episodes"), lambda i, seed: regrets.get((i, seed), 100.0))
    cells = rows(episodes.compare(results))["DiscretizedDQN, episodes of 25 steps (3 seeds)"]
    # 10 + 1190 exp(-i / 2.5) <= 15 first at i = 14, 12 + ... at i = 15, 20 + ... never
    assert cells == ["14.0 [10.0, 20.0]", "10.0 to 20.0", "16,000 (2 of 3)", "40.0"]


def test_a_failure_is_named_and_counted(made_by_hand):
    results = made_by_hand(load_study("episodes"), lambda i, seed: None if (i, seed) == (0, 1) else 10.0)
    cells = rows(episodes.compare(results))["DiscretizedDQN, episodes of 25 steps (3 seeds; 1 of 3 failed: ValueError: no / luck)"]
    assert cells[0].startswith("10.0")
    assert cells[2].endswith("(2 of 3)")


def test_cut_episodes_change_nothing_but_what_their_label_says():
    found = variants("episodes")
    ours = shipped("discretizeddqn", PENDULUM)
    del ours["n_timesteps"]
    cut, narrow = (found[f"DiscretizedDQN, episodes of 50 steps{name}"]["hyperparams"] for name in ("", ", 128 units"))
    assert cut == ours | {"env_kwargs": {"max_episode_steps": 50}}
    assert narrow == cut | {"policy_kwargs": ours["policy_kwargs"] | {"net_arch": [128, 128]}}
    assert len(found) == 12


def test_sb3s_dqn_has_our_settings_but_those_it_does_not_know():
    found = variants("pendulum-matched")
    ours, theirs = found["DiscretizedDQN"]["hyperparams"], found["DQN, SB3"]["hyperparams"]
    differ = {name for name in ours | theirs if ours.get(name) != theirs.get(name)}
    assert differ == {"exploration_hold", "n_bins", "env_wrapper"}
    assert theirs["env_wrapper"] == {"ca2_rl.envs.end_point_actions.EndPointActions": {"n_bins": ours["n_bins"]}}


def test_grid_is_the_original_studys_and_random_search_stays_within_it():
    found = tuning.tags()
    grid = [tags for tags in found.values() if tags["search"] == "grid"]
    assert len(grid) == 3 * 3**4
    assert len({tuple(tags.items()) for tags in grid}) == len(grid)
    for variant, settings in variants("tuning").items():
        hyperparams, tags = settings["hyperparams"], found[variant]
        assert hyperparams["policy_kwargs"]["net_arch"] == [tags["width"]] * 2
        assert "env_kwargs" not in hyperparams  # whole episodes
        for factor, values in tuning.VALUES.items():
            assert min(values) <= tags[factor] <= max(values)
            assert hyperparams.get(factor, tags[factor]) == tags[factor]


def test_cells_of_the_grid_are_where_their_settings_are(made_by_hand):
    labels = [case.variant for case in load_study("tuning").cases]
    wanted, _ = tuning.setting("noisydqn", "grid", learning_rate=0.01, gamma=0.9, batch_size=64, width=32)
    results = made_by_hand(load_study("tuning"), lambda i, seed: 777.0 if labels[i] == wanted else 10.0, seeds=1)
    table = tuning.cells(results, "NoisyDQN")
    assert table[1, 0, 2, 0] == 777
    assert table.sum() == 777 + 80 * 10
    assert (tuning.cells(results, "OUDDPG") == 10).all()


def test_criteria_are_of_the_last_fifth():
    norms = [None, *map(float, range(1, 10))]
    late = tuning.late([float(i) for i in range(10)], norms)
    assert late == {"gradient_norm": 8.5, "return_std": 0.5, "return_mean": 8.5}
    assert tuning.late([], []) == {"gradient_norm": None, "return_std": None, "return_mean": None}


def test_more_seeds_of_single_changes_count_in_their_table_alone(made_by_hand):
    one_at_a_time = {variant for variant in tuning.tags() if "one at a time" in variant}
    assert len(one_at_a_time) == 3 * (1 + 4 * 2)
    results = made_by_hand(load_study("tuning"), lambda i, seed: 10.0 if seed == 0 else 20.0, seeds=3)
    results.records[:] = [record for record in results.records if record["seed"] == 0 or record["variant"] in one_at_a_time]
    table = tuning.one_at_a_time(results)
    assert rows(table)["gamma 0.9"][0].startswith("16.7 [10.0, 20.0]")
    assert "Seeds of each setting: 3." in table
    assert (tuning.cells(results, "OUDDPG") == 10).all()


def test_criteria_say_what_the_correlation_means(made_by_hand):
    """The measurements made by hand have a gradient and a std that rise with the regret, and a return that falls."""
    rng = np.random.default_rng(0)
    regrets = rng.uniform(10, 1000, size=len(tuning.tags()))
    text = tuning.criteria(made_by_hand(load_study("tuning"), lambda i, seed: regrets[i], seeds=1))
    assert text.count("+1.00 [+1.00, +1.00]") == 6
    assert text.count("-1.00 [-1.00, -1.00]") == 3


def test_gaussian_noise_has_the_std_of_the_process_it_is_compared_with():
    from ca2_rl.common.ou_noise import OUNoise

    np.random.seed(0)
    gaussian = {variant: settings["hyperparams"] for variant, settings in variants("exploration").items() if variant.startswith("Gaussian")}
    assert len(gaussian) == 2
    for variant, values in gaussian.items():
        noise = OUNoise((1,), values["ou_sigma"], values["ou_theta"], values["ou_dt"])
        drawn = np.array([noise() for _ in range(20_000)])[:, 0]
        assert drawn.std() == pytest.approx(float(variant.rpartition(" ")[2]), abs=0.01)
        assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


def flat(hyperparams):
    """The entries of ``env_kwargs``, ``policy_kwargs`` and ``optimizer_kwargs`` beside the others."""
    entries = {}
    for name, value in hyperparams.items():
        entries |= flat(value) if name in ("env_kwargs", "policy_kwargs", "optimizer_kwargs") else {name: value}
    return entries


@pytest.mark.parametrize("algo", OURS)
def test_chain_leads_from_the_defaults_to_our_settings_one_change_at_a_time(algo):
    chain = {case.variant: case.settings["hyperparams"] for case in load_study("coursework").cases if case.group == OURS[algo]}
    for (_, before), (label, after) in pairwise((label, flat(hyperparams)) for label, hyperparams in chain.items()):
        changed = {key for key in before | after if before.get(key) != after.get(key)}
        assert changed == set(re.findall(r"[+,] ([a-z]\w*)", label))
    ours = shipped(algo, PENDULUM) | {"ouddpg": {"ou_dt": 1.0}}.get(algo, {})  # which is the constructor's own
    assert ours == list(chain.values())[-1] | {"n_timesteps": ours["n_timesteps"]}


def test_first_change_with_most_seeds_below_the_target_is_marked_and_only_it(made_by_hand):
    labels = [case.variant for case in load_study("coursework").cases]
    ouddpg = [i for i, label in enumerate(labels) if label.startswith("OUDDPG")]
    results = made_by_hand(load_study("coursework"), lambda i, seed: 9.0 if i in ouddpg[3:] else 300.0)
    marked = [line for line in coursework.changes(results).splitlines() if line.startswith("| **")]
    assert len(marked) == 1
    assert labels[ouddpg[3]].removeprefix("OUDDPG, ") in marked[0]


def test_compiled_agents_are_told_from_eager_ones_that_learn_otherwise(made_by_hand):
    def regret(i, seed):  # variants: compiled and eager of each agent, by turns
        return 10.0 + 0.1 * seed + (5 * (i == 1)) + (0.05 * (i == 3))

    cells = rows(compiled.compare(made_by_hand(load_study("compiled"), regret, seeds=10)))
    assert cells["DiscretizedDQN, eager (10 seeds)"][1:3] == ["0.00", "0.00"]
    assert float(cells["NoisyDQN, eager (10 seeds)"][1]) > 0.5
    assert cells["OUDDPG, eager (10 seeds)"][1:3] == ["1.00", "1.00"]
    assert cells["OUDDPG, compiled (10 seeds)"][1:3] == ["", ""]
    assert cells["OUDDPG, compiled (10 seeds)"][3] == "40.0"


def test_the_matched_agents_have_one_protocol_and_the_shipped_ones_their_own():
    shared = ("policy", "buffer_size", "learning_starts", "learning_rate", "batch_size", "gamma", "tau", "train_freq", "gradient_steps")
    for length in (25, 200):
        cases = [case.settings for case in load_study("pendulum-matched").cases if case.task == f"training episodes of {length} steps"]
        assert len(cases) == 10
        protocols = [{name: settings["hyperparams"][name] for name in shared} for settings in cases]
        assert all(protocol == protocols[0] for protocol in protocols)
        assert {settings["n_timesteps"] for settings in cases} == {20_000}
        assert all(settings["hyperparams"]["policy_kwargs"]["net_arch"] == [256, 256] for settings in cases)
        assert {settings["hyperparams"].get("env_kwargs", {}).get("max_episode_steps", 200) for settings in cases} == {length}
        assert {settings["eval_env_kwargs"].get("max_episode_steps", 200) for settings in cases} == {200}
    for case in load_study("pendulum-matched").cases:
        if case.task == "as shipped" and case.settings["algo"] in ("discretizeddqn", "noisydqn", "rainbow", "ouddpg"):
            assert case.settings["hyperparams"] | {"n_timesteps": 20_000} == shipped(case.settings["algo"], PENDULUM)


def test_the_matched_tables_say_how_each_was_trained(made_by_hand):
    results = made_by_hand(load_study("pendulum-matched"), seeds=2)
    tables = load_report("pendulum-matched").tables
    matched, as_shipped = (rows(tables[name].make(results)) for name in ("matched", "shipped"))
    assert matched["DQN, SB3 (2 seeds)"][:2] == ["200 steps", "1,000 of 20,000"]
    assert as_shipped["DDPG, zoo (2 seeds)"][:2] == ["200 steps", "10,000 of 20,000"]
    assert as_shipped["SAC, zoo (2 seeds)"][:2] == ["200 steps", "100 of 20,000"]
    assert as_shipped["NoisyDQN, as shipped (2 seeds)"][:2] == ["25 steps", "500 of 20,000"]
