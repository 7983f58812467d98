"""Comparisons over agents, settings and seeds: what ``ca2-rl study`` trains, and the tables and figures it makes of it.

``jobs`` says what a training is, ``training`` does one, ``runner`` does many; ``overview``, ``tuning``, ``exploration`` and
``coursework`` are the studies: a list of variants each, with their tables and figures.
"""
