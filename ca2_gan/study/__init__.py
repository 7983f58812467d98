"""Studies of GANs: what a file says, and the job that trains one model and measures it."""
