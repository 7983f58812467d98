"""The subcommands of ``ca2-gan``, one file each."""
