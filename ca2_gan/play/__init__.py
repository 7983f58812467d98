"""The pages of ``ca2-gan play`` and ``ca2-gan rate``."""
