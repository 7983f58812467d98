"""The engine of studies: runs many jobs (settings + seed -> record) in parallel, saves each record in a file, reports with intervals.

The engine is independent of what a job does. ``cases`` defines what a study consists of, ``store`` keeps the records, ``runner`` runs the
jobs, ``results``, ``figures`` and ``report`` show the outcome, and ``command`` is the command line.
"""
