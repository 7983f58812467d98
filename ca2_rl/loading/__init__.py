"""Loads agents, run folders and settings of unknown origin without running code from them (see SECURITY.md)."""
