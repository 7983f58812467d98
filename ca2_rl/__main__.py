"""``python -m ca2_rl`` is ``ca2-rl``."""

from ca2_rl.cli import main

if __name__ == "__main__":
    main()
