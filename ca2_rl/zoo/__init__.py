"""Integrates the algorithms of this package and of plug-ins into rl-zoo3."""
