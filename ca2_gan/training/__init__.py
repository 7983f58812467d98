"""The Trainer, the games that are played, and what is recorded of it."""
