"""Exercises on reinforcement learning. The checks of each are in the module of its name."""

from ca2_core.course.exercise import Course, Exercise

EXERCISES: Course = {
    "torques": Exercise("torques for a Q-network to choose from, ties, and epsilon-greedy exploration", 40, "ca2_rl.course.torques", 60),
    "targets": Exercise("TD targets, the end of an episode and the time limit, double Q-learning", 60, "ca2_rl.course.targets", 60),
    "agent": Exercise("a DQN that swings up the pendulum, graded by its regret", 90, "ca2_rl.course.agent", 300),
    "compare": Exercise(
        "which of two agents is better: initial states, seeds, intervals, selected and last models", 60, "ca2_rl.course.compare", 120
    ),
}
