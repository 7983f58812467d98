"""Checks of the exercise ``compare``."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ca2_core.course.exercise import expect
from ca2_core.course.student import Student
from ca2_core.course.values import as_array
from ca2_rl.course.trainings import Agents, Run, simulate

Array = NDArray[np.float64]

EPISODES, FEWEST = 300, 100
MOST_SETS = 4
FEW = 40  # so few that the best-looking checkpoint depends on the initial states
EXPERIMENTS = 200
SAME_STARTS = "Initial states differ by up to 300 in return: if each agent gets other ones, luck decides which is better"
ANSWERS = ("A", "B", "can't tell")


def scores_last_models(student: Student) -> None:
    """`last_scores` is the mean return of each run's last checkpoint, over new initial states."""
    agents = simulate(1, last="bad")
    runs = agents.a[:4]
    calls, scores = _recorded(student, "last_scores", agents, runs)
    expect(calls, f"`evaluate` is never called. {_training_numbers(scores, runs)}")
    asked = {name for name, _ in calls}
    expect(asked >= {run.checkpoints[-1] for run in runs}, "the last checkpoint of some runs is never evaluated.")
    best = np.array([max(agents.evaluate(name, starts).mean() for name in run.checkpoints) for run, starts in _pairs(runs, calls)])
    expect(not np.allclose(scores, best), "the best checkpoint is reported, not the last one. That is for selected_scores.")
    wanted = np.array([agents.evaluate(run.checkpoints[-1], starts).mean() for run, starts in _pairs(runs, calls)])
    expect(np.allclose(scores, wanted), f"the scores are {_shown(scores)}, where the mean returns are {_shown(wanted)}.")


def uses_the_same_starts(student: Student) -> None:
    """All runs are evaluated from the same initial states, and from the number that was asked for."""
    agents = simulate(2)
    calls, _ = _recorded(student, "last_scores", agents, agents.a[:4])
    expect(calls, "`evaluate` is never called.")
    first = calls[0][1]
    same = all(np.array_equal(first, starts) for _, starts in calls)
    expect(same, f"the runs are evaluated from different initial states. {SAME_STARTS}.")
    expect(len(first) == EPISODES, f"{len(first)} initial states are used, where {EPISODES} were asked for.")
    again, _ = _recorded(student, "last_scores", agents, agents.b[:4])
    expect(np.array_equal(first, again[0][1]), f"the same seed does not give the same initial states again. {SAME_STARTS}.")
    other, _ = _recorded(student, "last_scores", agents, agents.b[:4], seed=8)
    expect(not np.array_equal(first, other[0][1]), "another seed gives the same initial states.")


def selects_and_reports_apart(student: Student) -> None:
    """`selected_scores` selects each run's checkpoint by some initial states and scores it by others."""
    agents = simulate(3, last="bad")
    runs = agents.b
    calls, scores = _recorded(student, "selected_scores", agents, runs, n=FEW)
    expect(calls, f"`evaluate` is never called. {_training_numbers(scores, runs)}")
    sets = list({starts.tobytes(): starts for _, starts in calls}.values())
    on_the_same = [np.array([max(agents.evaluate(name, starts).mean() for name in run.checkpoints) for run in runs]) for starts in sets]
    why = "The highest of ten noisy means is too high: the checkpoint that looks best was also lucky. Score it by new episodes."
    expect(not any(np.allclose(scores, best) for best in on_the_same), f"checkpoints are selected and scored by the same episodes. {why}")
    expect(len(sets) > 1, f"only one set of initial states is used. {why}")
    expect(
        len(sets) <= MOST_SETS,
        f"{len(sets)} sets of initial states are used. Two are enough; give each to `evaluate` at once.",
    )
    overlap = max(_shared(one, other) for i, one in enumerate(sets) for other in sets[i + 1 :])
    expect(overlap == 0, f"the two sets have {overlap} initial states in common. {why}")
    seen: dict[bytes, set[str]] = {}
    for name, starts in calls:
        seen.setdefault(starts.tobytes(), set()).add(name)
    unseen = [name for run in runs for name in run.checkpoints if not any(name in names for names in seen.values())]
    expect(not unseen, f"some checkpoints are never evaluated, such as {', '.join(unseen[:2])}.")
    possible = [
        np.array([agents.evaluate(_chosen(agents, run, some), others).mean() for run in runs])
        for some in sets
        for others in sets
        if some is not others
    ]
    right = any(np.allclose(scores, wanted) for wanted in possible)
    expect(right, f"the scores are {_shown(scores)}, but those of the selected checkpoints are {_shown(possible[0])}.")


def is_a_95_percent_interval(student: Student) -> None:
    """`interval` is a 95 % interval of the difference of two agents' mean scores."""
    rng = np.random.default_rng(4)
    covered, widths, expected, middles = 0, [], [], []
    for _ in range(EXPERIMENTS):
        a, b = rng.normal(-140, 6, 10), rng.normal(-150, 3, 8)
        found = as_array(student["interval"](a.copy(), b.copy()), "interval(a, b)", (2,), "number")
        expect(found[0] <= found[1], f"interval(a, b) is {_shown(found)}: the lower end comes first.")
        covered += found[0] <= 10 <= found[1]
        widths.append(found[1] - found[0])
        middles.append(found.mean())
        expected.append(float(np.ptp(stats.ttest_ind(a, b, equal_var=False).confidence_interval())))
    share, ratio = covered / EXPERIMENTS, float(np.mean(widths) / np.mean(expected))
    expect(np.mean(middles) > 5, f"the middle of the interval is {np.mean(middles):.0f} on average; mean(a) - mean(b) is 10.")
    given = (
        f"In {EXPERIMENTS} experiments it contained the true difference {share:.0%} of the time; its width was {ratio:.1f} times Welch's"
    )
    narrow = "is it one standard error?"
    expect(ratio > 0.75, f"the interval is too narrow: {narrow} {given}.")
    wide = "is it made of standard deviations? They describe the spread of seeds, not the uncertainty of their mean."
    expect(ratio < 1.4, f"the interval is too wide: {wide} {given}.")
    expect(share >= 0.85, f"the interval misses too often. {given}.")


def sees_through_training_luck(student: Student) -> None:
    """`better` decides by evaluations, not by training returns or losses."""
    for seed in range(5):
        agents = simulate(100 + seed, gap=20, flattery=80)
        answer, calls = _answer(student, agents)
        expect(calls, "`evaluate` is never called: training returns depend on luck and exploration, a loss on its targets.")
        why = "In these trainings B explores less and has a lower loss, so its training episodes look better. But A's policy is better."
        expect(answer != "B", f"`better` says that B is better. {why}")
        expect(answer == "A", f'`better` says "{answer}", although A is better by 20, with 10 seeds each and a standard deviation of 5.')


def compares_like_with_like(student: Student) -> None:
    """`better` evaluates all runs of both agents from the same initial states, at least 100."""
    agents = simulate(5)
    _, calls = _answer(student, agents)
    expect(calls, "`evaluate` is never called.")
    fewest = min(len(starts) for _, starts in calls)
    expect(
        fewest >= FEWEST,
        f"{fewest} episodes for each model are too few: with a standard deviation of 90 over initial states, use {FEWEST} or more.",
    )
    starts = {starts.tobytes() for _, starts in calls}
    expect(len(starts) == 1, f"the agents are evaluated from different initial states. {SAME_STARTS}.")
    seeds = {name.partition("-")[0] for name, _ in calls}
    expect(len(seeds) == 20, f"{len(seeds)} of the 20 runs are evaluated. One run says nothing about the next seed.")


def admits_what_cannot_be_told(student: Student) -> None:
    """`better` names a winner only if there is one."""
    nulls, gaps = 60, 30
    false = sum(_answer(student, simulate(200 + i))[0] != "can't tell" for i in range(nulls))
    allowed = "a 95 % interval allows 5 %"
    luck = "Two sets of seeds never have the same mean: does the interval of the difference contain 0?"
    expect(false <= nulls * 0.2, f"of two equally good agents, `better` prefers one in {false} of {nulls} experiments; {allowed}. {luck}.")
    missed = sum(_answer(student, simulate(300 + i, gap=-12))[0] != "B" for i in range(gaps))
    expect(missed <= gaps * 0.1, f"where B is better by 12, `better` does not say so in {missed} of {gaps} experiments.")


Calls = list[tuple[str, Array]]


def _recording(agents: Agents, calls: Calls) -> Callable[[str, Array], Array]:
    def evaluate(checkpoint: str, starts: Array) -> Array:
        starts = as_array(starts, "the array of initial states given to `evaluate`", (None, 2), "number")
        expect(
            isinstance(checkpoint, str) and checkpoint in agents.costs, f"`evaluate` takes the name of a checkpoint, not {checkpoint!r}."
        )
        calls.append((checkpoint, starts))
        return agents.evaluate(checkpoint, starts)

    return evaluate


def _recorded(student: Student, name: str, agents: Agents, runs: Sequence[Run], seed: int = 7, n: int = EPISODES) -> tuple[Calls, Array]:
    """The arguments of all calls of `evaluate`, and the scores that the student's function returns."""
    calls: Calls = []
    scores = student[name](list(runs), _recording(agents, calls), n, seed)
    return calls, as_array(scores, f"{name}(...)", (len(runs),), "number")


def _answer(student: Student, agents: Agents) -> tuple[str, Calls]:
    calls: Calls = []
    answer = student["better"](list(agents.a), list(agents.b), _recording(agents, calls))
    expect(answer in ANSWERS, f"better(...) returns {answer!r}, where one of {', '.join(map(repr, ANSWERS))} is needed.")
    return answer, calls


def _pairs(runs: Sequence[Run], calls: Calls) -> list[tuple[Run, Array]]:
    """Each run with the initial states from which its last checkpoint was evaluated."""
    starts = dict(calls)
    return [(run, starts[run.checkpoints[-1]]) for run in runs]


def _chosen(agents: Agents, run: Run, starts: Array) -> str:
    means = [agents.evaluate(name, starts).mean() for name in run.checkpoints]
    return run.checkpoints[int(np.argmax(means))]


def _shared(one: Array, other: Array) -> int:
    return len({row.tobytes() for row in one} & {row.tobytes() for row in other})


def _training_numbers(scores: Array, runs: Sequence[Run]) -> str:
    """An explanation of what the scores seem to be computed from."""
    if np.allclose(scores, [run.training_returns.max() for run in runs]):
        return "The return of the best training episode is that of the easiest initial state, from which any agent gets nearly 0."
    if (scores < -50).all():
        return "Returns of training episodes say as much about their initial states and the exploration as about the agent."
    return "A lower loss means that the network fits its targets, not that the policy is better."


def _shown(values: Array) -> str:
    return "[" + ", ".join(f"{value:.1f}" for value in values[:4].tolist()) + (", ...]" if len(values) > 4 else "]")


CHECKS = (
    scores_last_models,
    uses_the_same_starts,
    selects_and_reports_apart,
    is_a_95_percent_interval,
    compares_like_with_like,
    sees_through_training_luck,
    admits_what_cannot_be_told,
)
