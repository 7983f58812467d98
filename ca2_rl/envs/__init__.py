"""Environments as functions over batches of states."""
