"""A zoo of small GANs for letters and digits. Nothing here yet: the reinforcement-learning half came first."""
