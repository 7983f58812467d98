"""The Trainer, the games, and the records of a training."""
