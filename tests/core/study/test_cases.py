"""Which jobs a study has, and which of them are meant."""

import pytest

from ca2_core.study.cases import Case, jobs_of, select

A, B = Case("a", "x", {"gamma": 0.9}), Case("b", "x", {"gamma": 0.99})


def test_all_cases_of_a_seed_come_before_the_next_seed():
    assert [(job.case.variant, job.seed) for job in jobs_of([A, B], [4, 5])] == [("a", 4), ("b", 4), ("a", 5), ("b", 5)]


def test_cases_of_the_same_settings_are_run_once():
    assert [job.case.variant for job in jobs_of([A, B, Case("c", "y", {"gamma": 0.9})], [0])] == ["a", "b"]


def test_a_case_may_have_fewer_seeds_than_the_study():
    few = Case("few", "x", {"tau": 0.5}, seeds=1)
    assert [(job.case.variant, job.seed) for job in jobs_of([A, few], [4, 5])] == [("a", 4), ("few", 4), ("a", 5)]
    same_as_few = Case("many", "y", {"tau": 0.5})
    assert [job.seed for job in jobs_of([few, same_as_few], [4, 5])] == [4, 5]


CASES = [Case(name, task, {}) for name in ("DQN, SB3", "NoisyDQN", "TD3, zoo", "TQC, zoo") for task in ("Pendulum-v1", "CartPole-v1")]


@pytest.mark.parametrize(
    ("patterns", "variants"),
    [
        (["noisy"], {"NoisyDQN"}),
        (["t[dq][3c], zoo"], {"TD3, zoo", "TQC, zoo"}),
        (["dqn, sb3", "noisy"], {"NoisyDQN", "DQN, SB3"}),
        (None, {"DQN, SB3", "NoisyDQN", "TD3, zoo", "TQC, zoo"}),
        (["ppo"], set()),
    ],
)
def test_patterns_are_parts_of_names_in_any_case(patterns, variants):
    assert {case.variant for case in select(CASES, patterns)} == variants


def test_a_task_can_be_selected_too():
    assert {case.task for case in select(CASES, ["cartpole"])} == {"CartPole-v1"}


def test_a_reference_comes_with_whatever_is_selected_of_its_task():
    references = [Case("floor", task, {}, is_reference=True) for task in ("Pendulum-v1", "CartPole-v1")]
    chosen = select([*references, *CASES], ["pendulum"])
    assert [case.variant for case in chosen] == ["floor", "DQN, SB3", "NoisyDQN", "TD3, zoo", "TQC, zoo"]
    assert [case.task for case in select([*references, Case("a", "CartPole-v1", {})], ["a"])] == ["CartPole-v1"] * 2
    assert select([*references, *CASES], ["ppo"]) == []


def test_a_name_stands_for_itself_alone():
    longer, label = Case("a [1, 2], later", "x", {}), Case("A [1, 2]", "x", {})
    assert select([longer, label], ["a [1, 2]"]) == [label]
    assert select([longer, label], ["a *"]) == [longer, label]
