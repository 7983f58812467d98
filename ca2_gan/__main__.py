"""Makes ``python -m ca2_gan`` the same as ``ca2-gan``."""

from ca2_gan.cli import main

if __name__ == "__main__":
    main()
