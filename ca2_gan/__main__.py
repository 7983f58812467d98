"""``python -m ca2_gan`` is ``ca2-gan``."""

from ca2_gan.cli import main

if __name__ == "__main__":
    main()
