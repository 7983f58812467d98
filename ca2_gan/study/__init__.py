"""Studies of GANs: the YAML file, and the job that trains one model and measures it."""
