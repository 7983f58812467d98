"""A study of the docs: leaves the measurements in docs/gan/studies, the figures in docs/images, and fills the tables.

    python scripts/study_gan.py overview --only "glyphs, 3 CPU minutes"

NAME is that of a file scripts/studies/gan-NAME.yml. The options are those of ``ca2-gan study``. It goes on from what the docs have, where
settings and versions are the same. With --quick the docs stay as they are.
"""

import gan_reports
from publishing import as_command, update_study

from ca2_gan.commands.study import parser, run_study

if __name__ == "__main__":
    as_command(lambda: update_study("gan", "gan-", parser("python scripts/study_gan.py"), gan_reports, run_study))
