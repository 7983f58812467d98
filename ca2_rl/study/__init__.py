"""Comparisons of agents: the file of a study, and the job that trains one agent and measures it."""
