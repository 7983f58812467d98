"""Draws the docs' figures of studies again from their records.

    python scripts/figures.py            # all
    python scripts/figures.py tuning gan-overview

For a change of what figures look like: nothing is trained.
"""

import gan_reports
import rl_reports
from publishing import DOCS, draw_pictures, parser

from ca2_core.study.results import Results

STUDIES = {name: ("rl", rl_reports, name) for name in rl_reports.NAMES}
STUDIES |= {f"gan-{name}": ("gan", gan_reports, name) for name in gan_reports.NAMES}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("studies", nargs="*", choices=[[], *STUDIES], metavar="STUDY", help=f"{', '.join(STUDIES)} (default: all)")
    for study in options.parse_args().studies or STUDIES:
        half, reports, name = STUDIES[study]
        records = DOCS / half / "studies" / f"{name}.json"
        if records.is_file():
            draw_pictures(study, reports.load_report(name), Results.read(records))


if __name__ == "__main__":
    main()
