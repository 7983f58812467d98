"""The algorithms of this package, and of any other that joins, in rl-zoo3."""
