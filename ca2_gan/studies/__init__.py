"""Comparisons over models, settings, data and seeds: what ``ca2-gan study`` trains, and the tables and figures it makes of it.

``jobs`` says what a training is, ``bench`` what it is measured by, ``training`` does one, ``runner`` does many; ``overview`` and
``changes`` are the studies: a list of variants each, with their tables and figures.
"""
