"""``ca2-gan study`` with classifiers that have little time, as a process that tests can kill: options are those of the command."""

import sys
from unittest.mock import patch

from ca2_gan import cli
from ca2_gan.metrics import classifier

if __name__ == "__main__":
    with patch.multiple(classifier, FEWEST=256, MOST=256), patch.object(sys, "argv", ["ca2-gan", "study", *sys.argv[1:]]):
        cli.main()
