"""The subcommands of ``ca2-rl``, one module each."""
