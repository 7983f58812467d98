"""Agents, run folders and settings of unknown origin, read without running code from them (see SECURITY.md)."""
