"""Exercises on reinforcement learning. The checks of each exercise are in the module of the same name."""

from ca2_core.course.exercise import Course, Exercise

EXERCISES: Course = {
    "torques": Exercise(
        "the torques of a Q-network, ties between Q-values, and epsilon-greedy exploration", 40, "ca2_rl.course.torques", 60
    ),
    "targets": Exercise("TD targets, terminal states and time limits, double Q-learning", 60, "ca2_rl.course.targets", 60),
    "agent": Exercise("a DQN that swings up the pendulum, graded by its regret", 90, "ca2_rl.course.agent", 300),
    "compare": Exercise(
        "which of two agents is better: initial states, seeds, confidence intervals, selected and last models",
        60,
        "ca2_rl.course.compare",
        120,
    ),
}
