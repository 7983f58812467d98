"""A study of the docs: leaves the measurements in docs/rl/studies, the figures in docs/images, and fills the tables.

    python scripts/study_rl.py pendulum-matched

NAME is a file of scripts/studies or a module of scripts/rl_reports. The options are those of ``ca2-rl study``. It goes on from what the
docs have, where settings and versions are the same. With --quick the docs stay as they are.
"""

import rl_reports
from publishing import as_command, update_study

from ca2_rl.commands.study import parser, run_study

if __name__ == "__main__":
    as_command(lambda: update_study("rl", "", parser("python scripts/study_rl.py"), rl_reports, run_study))
