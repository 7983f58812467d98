"""The engine of studies: many jobs (settings + seed -> record) in parallel, kept one file each, and reported with intervals.

It knows nothing of what a job does. ``cases`` says what a study consists of, ``store`` keeps the records, ``runner`` runs the jobs,
``results``, ``figures`` and ``report`` show what came out, ``command`` puts all of it on a command line.
"""
