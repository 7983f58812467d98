"""The checks of the exercises tell right answers from wrong ones, and say what is wrong."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ca2_core.course.grading import grade
from ca2_core.course.source import find_exercise, read_source
from ca2_rl.cli import COMMAND
from ca2_rl.course import EXERCISES

ANSWERS = Path(__file__).with_name("answers")
COURSE = Path(__file__).parents[3] / "docs" / "course"
# What trains a whole agent
LONG = {"agent"}

# By answer and check that it does not pass: what the verdict says, in part
WRONG = {
    "torques/wrong_centres": {
        "reaches_both_ends": "These are the centres of n intervals. A swing-up needs the full torque both ways",
        "breaks_ties_by_chance": "of equal Q-values it always takes bin 1, as argmax does.",
    },
    "torques/wrong_last_step": {
        "reaches_both_ends": "torques(2) goes from -2 to 0. The last step is missing",
        "explores": "One draw for the whole batch makes all rows explore together.",
        "acts_in_the_environment": "the shape [3], where [3, 1] is needed.",
    },
    "torques/wrong_types": {
        "has_n_torques": "the dtype float64, where float32 is needed.",
        "chooses_the_best": "chooses the lowest Q-value. Q is a return: more is better, also below 0.",
        "breaks_ties_by_chance": "not the best.",
        "explores": "A random action may be the greedy one, too.",
        "acts_in_the_environment": "the space is of float32",
    },
    "targets/wrong_done": {
        "goes_on_at_the_time_limit": "a truncated step counts as the end. The time limit is not an end of the task",
        "is_double": "double_targets takes a truncated step for the end.",
        "tells_ends_apart": "`terminated` is set at the time limit, too.",
    },
    "targets/wrong_broadcast": {
        "has_no_gradient": "the result of targets has a gradient.",
        "is_double": "the networks are exchanged",
        "loss_is_of_the_taken_actions": "[B, 1] minus [B] is [B, B] in PyTorch",
        "keeps_the_last_observation": "in step 4 the next observation is that of the reset.",
    },
    "targets/wrong_never_ends": {
        "stops_at_terminal_states": "the value of a next state is added after a terminated step.",
        "goes_on_at_the_time_limit": "terminated and truncated at once is an end all the same",
        "is_double": "the online network chooses the action and also evaluates it.",
        "loss_is_of_the_taken_actions": "takes the highest Q-value.",
        "tells_ends_apart": "steps an environment whose episode is over.",
        "keeps_the_last_observation": "steps an environment whose episode is over.",
    },
    "agent/wrong_lucky_episode": {
        "follows_slowly": "the target network equals the online one in 100% of the updates.",
        "returns_the_last_agent": "the best training episode says nothing about the agent.",
        "swings_up": "the mean has to be below 25.",
    },
    "agent/wrong_time_limit": {
        "follows_slowly": "the target network never changes.",
        "knows_that_time_limits_are_no_ends": "The environment never terminates: it truncates.",
        "swings_up": "the mean has to be below 25.",
    },
    "agent/wrong_gradients": {
        "epsilon_falls": "epsilon(0) is 0.50",
        "learns_rewards_of_last_steps": "`update` returns a tensor",
        "keeps_gradients_out_of_the_targets": "the loss has a gradient through the target network.",
        "acts_on_what_it_learned": "Does `train` use epsilon",
        "swings_up": "the mean has to be below 25.",
    },
    "compare/wrong_training_curves": {
        "scores_last_models": "Returns of training episodes say as much about their initial states and the exploration as about the agent.",
        "uses_the_same_starts": "`evaluate` is never called.",
        "selects_and_reports_apart": "The return of the best training episode is that of the easiest initial state",
        "is_a_95_percent_interval": "the interval is too wide: is it made of standard deviations",
        "compares_like_with_like": "`evaluate` is never called.",
        "sees_through_training_luck": "a loss on its targets.",
        "admits_what_cannot_be_told": "of two equally good agents, `better` prefers one in 60 of 60 experiments",
    },
    "compare/wrong_same_episodes": {
        "scores_last_models": "the best checkpoint is reported, not the last one.",
        "selects_and_reports_apart": "checkpoints are selected and scored by the same episodes. The highest of ten noisy means is too high",
        "is_a_95_percent_interval": "the interval is too narrow: is it one standard error",
        "admits_what_cannot_be_told": "does the interval of the difference contain 0?",
    },
    "compare/wrong_starts": {
        "uses_the_same_starts": "the runs are evaluated from different initial states.",
        "selects_and_reports_apart": "the two sets have 20 initial states in common.",
        "is_a_95_percent_interval": "the interval is too wide",
        "compares_like_with_like": "20 episodes for each model are too few",
        "sees_through_training_luck": "although A is better by 20",
        "admits_what_cannot_be_told": "where B is better by 12, `better` does not say so in",
    },
}
RIGHT = [
    *(path for path in sorted((COURSE / "solutions").glob("*.py")) if path.stem.partition("_")[2] in EXERCISES),
    *sorted(ANSWERS.glob("*/right_*.py")),
]


def marked(cases):
    """Those that take long are slow tests."""
    return [
        pytest.param(case, marks=pytest.mark.slow if LONG & set(str(case).replace("_", "/").replace(".", "/").split("/")) else (), id=name)
        for name, case in cases.items()
    ]


def verdicts_on(path):
    """What each check finds, by the name of its function, after the file has run."""
    source = read_source(path)
    checks = import_module(EXERCISES[find_exercise(source, EXERCISES, "")].checks).CHECKS
    runs, *verdicts = grade(source, checks)
    assert runs.status == "passed", runs
    return {check.__name__: verdict for check, verdict in zip(checks, verdicts, strict=True)}


@pytest.mark.filterwarnings("ignore")  # of a student's code
@pytest.mark.parametrize("path", marked({f"{path.parent.name}/{path.stem}": path for path in RIGHT}))
def test_right_answers_pass(path):
    assert {name: verdict for name, verdict in verdicts_on(path).items() if verdict.status != "passed"} == {}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("answer", marked({name: name for name in WRONG}))
def test_wrong_answers_are_rejected_with_the_reason(answer):
    wrong = {name: verdict for name, verdict in verdicts_on(ANSWERS / f"{answer}.py").items() if verdict.status != "passed"}
    assert wrong.keys() == WRONG[answer].keys()
    for name, verdict in wrong.items():
        assert verdict.status == "wrong"
        assert WRONG[answer][name] in verdict.why


def test_every_exercise_has_answers_of_both_kinds():
    for exercise in EXERCISES:
        assert len([path for path in RIGHT if exercise in str(path)]) == 2
        assert {f"{exercise}/{path.stem}" for path in (ANSWERS / exercise).glob("wrong_*.py")} <= set(WRONG)
        assert sum(name.startswith(exercise) for name in WRONG) >= 3


@pytest.mark.parametrize("exercise", marked({name: name for name in EXERCISES}))
def test_an_exercise_as_it_is_handed_out_is_not_done_yet(exercise):
    (path,) = (COURSE / "exercises").glob(f"*_{exercise}.py")
    statuses = [verdict.status for verdict in verdicts_on(path).values()]
    assert set(statuses) <= {"unfinished", "skipped"}
    assert "unfinished" in statuses


def test_the_command_checks_a_file(capsys):
    COMMAND.run(["check", str(COURSE / "solutions" / "01_torques.py")])
    assert capsys.readouterr().out.endswith("8 of 8 passed\n")


def test_the_list_is_there_at_once():
    slow = "{'torch', 'gymnasium', 'scipy'} & set(sys.modules)"
    code = f"import sys\nfrom ca2_rl.cli import COMMAND\nCOMMAND.run(['check', '--list'])\nprint({slow})"
    result = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    assert all(name in result.stdout for name in EXERCISES)
    assert result.stdout.endswith("set()\n")
