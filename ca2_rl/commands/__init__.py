"""The subcommands of ``ca2-rl``, a file each."""
