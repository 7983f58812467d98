"""What the browser pages of both halves share: a server on this machine, and networks as programs that JavaScript runs."""
