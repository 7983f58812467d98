"""The checks of the exercises tell right answers from wrong ones, and say what is wrong."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ca2_core.course.grading import grade
from ca2_core.course.source import find_exercise, read_source
from ca2_gan.cli import COMMAND as CA2_GAN
from ca2_gan.course import EXERCISES as ON_GANS
from ca2_rl.cli import COMMAND as CA2_RL
from ca2_rl.course import EXERCISES as ON_AGENTS

ANSWERS = Path(__file__).with_name("answers")
COURSE = Path(__file__).parents[2] / "docs" / "course"
EXERCISES = {**ON_AGENTS, **ON_GANS}
# What trains a whole agent or generator
LONG = {"agent", "conditional"}

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
    "data/wrong_header": {
        "has_the_form": "labels go from 1 to 26: A is 0, Z is 25.",
        "reads_every_row": "The file has no header, but its first row was taken for one.",
        "keeps_labels_and_images_together": "the labels are shifted",
        "holds_out_new_images": "The file is sorted by class: choose at random.",
        "parts_two_shapes": "of the images are in their case's group",
    },
    "data/wrong_junk": {
        "drops_junk": "12 rows labelled -1 are still there.",
        "sets_upright": "the letters are mirrored and lie on their side.",
        "holds_out_new_images": "held-out images are in the training part, too.",
        "parts_two_shapes": "puts all images into one group.",
    },
    "data/wrong_pairs": {
        "sets_upright": "the letters are turned or mirrored.",
        "keeps_labels_and_images_together": "images have the label of another image. Leave out the same rows of images and labels",
        "holds_out_new_images": "the dtype int64, where bool is needed.",
        "parts_two_shapes": "of the images are in their case's group",
    },
    "step/wrong_one_optimizer": {
        "gives_each_its_own_optimizer": "the first optimizer has the parameters of both networks.",
        "loses_by_what_it_gets_wrong": "a sigmoid is applied twice.",
        "wants_fakes_to_be_real": "a sigmoid is applied twice",
        "makes_the_right_steps": "differ from what three steps lead to",
        "returns_numbers": "the losses are tensors.",
        "learns_a_distribution": "that of the real numbers is 3.",
    },
    "step/wrong_leftover": {
        "makes_the_right_steps": "the discriminator's gradients of the generator's turn are still there in its own next step",
    },
    "step/wrong_undetached": {
        "gives_each_its_own_optimizer": "the optimizers are exchanged",
        "loses_by_what_it_gets_wrong": "the discriminator's loss is the mean of both parts.",
        "wants_fakes_to_be_real": "the generator minimises log(1 - D(G(z))).",
        "leaves_the_generator_alone": "In the discriminator's turn, detach the fakes.",
        "makes_the_right_steps": "the gradients of the discriminator's loss reach the generator",
        "learns_a_distribution": "modified by an inplace operation",
    },
    "conditional/wrong_label_blind": {
        "obeys_its_labels": "Both networks have to see them",
        "looks_like_letters": "Train longer",
    },
    "conditional/wrong_one_each": {
        "repeats_by_seed": "of 50 images of one letter, 1 are unique.",
        "varies_within_a_letter": "images of A are unique. A sheet with one image of each letter looks fine",
        "makes_new_letters": "are copies of training images.",
        "looks_like_letters": "training images have 16",
    },
    "conditional/wrong_near_duplicates": {
        "varies_within_a_letter": "images of A are unique, but 100% of them lie far nearer to another than real ones do: near-duplicates.",
        "looks_like_letters": "training images have 16",
    },
    "conditional/wrong_copies": {
        "makes_new_letters": "100% of the images are copies of training images.",
    },
    "judge/wrong_complex": {
        "stays_real": "a distance has no imaginary part.",
        "compares_with_held_out_images": "Fakes are compared with the training images.",
        "has_a_floor": "the floor is 0: a set is compared with itself.",
        "ranks_by_equal_numbers": "The best model has the fewest samples",
    },
    "judge/wrong_numbers": {
        "is_the_formula": "of two sets with correlated features",
        "stays_real": "of 20 vectors of 64 features",
        "compares_with_held_out_images": "the score is that of 1200 fakes against 150.",
        "has_a_floor": "score and floor need as many on each side",
        "ranks_by_equal_numbers": "begins with the worst.",
    },
    "judge/wrong_floor": {
        "is_the_formula": "is the root of what the formula gives.",
        "stays_real": "Matrix is not positive definite",
        "has_a_floor": "the floor compares the training images with each other.",
        "ranks_by_equal_numbers": "The best model has the fewest samples",
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
    CA2_RL.run(["check", str(COURSE / "solutions" / "01_torques.py")])
    assert capsys.readouterr().out.endswith("8 of 8 passed\n")
    with pytest.raises(SystemExit):
        CA2_GAN.run(["check", str(ANSWERS / "judge" / "wrong_floor.py")])
    assert capsys.readouterr().out.endswith("3 of 7 passed\n")


@pytest.mark.parametrize(("package", "exercises", "slow"), [("ca2_rl", ON_AGENTS, "gymnasium"), ("ca2_gan", ON_GANS, "pandas")])
def test_the_list_is_there_at_once(package, exercises, slow):
    loaded = f"{{'torch', '{slow}', 'scipy'}} & set(sys.modules)"
    code = f"import sys\nfrom {package}.cli import COMMAND\nCOMMAND.run(['check', '--list'])\nprint({loaded})"
    result = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    assert all(name in result.stdout for name in exercises)
    assert result.stdout.endswith("set()\n")
