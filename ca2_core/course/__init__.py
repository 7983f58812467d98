"""Exercises whose solutions a command checks: a student's file runs in a process of its own, and what is wrong is explained."""
