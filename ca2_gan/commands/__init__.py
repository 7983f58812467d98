"""The subcommands of ``ca2-gan``, a file each."""
