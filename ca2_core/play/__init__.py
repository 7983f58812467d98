"""Shared parts of the browser pages: a local server, and the export of networks as programs that JavaScript runs."""
