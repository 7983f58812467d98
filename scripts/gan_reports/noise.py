"""Noise on the images as augmentation."""

from reports import Report

from gan_reports import changes

REPORT = Report(tables=changes.REPORT.tables, kept=changes.REPORT.kept)
