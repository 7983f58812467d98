"""Checks solutions of course exercises: runs a student's file in a separate process and explains what is wrong."""
