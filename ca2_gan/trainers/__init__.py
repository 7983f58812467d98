"""The one training loop, the games it plays, and the ``train`` command."""
