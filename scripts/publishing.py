"""What scripts that leave measurements in the docs have in common."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ca2_core.errors import UserError
from ca2_core.files import whole_file


def save(content: dict[str, Any], path: Path) -> None:
    """Writes measurements as JSON, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def fill_tables() -> None:
    """Makes the tables of README and docs from the measurements."""
    subprocess.run([sys.executable, Path(__file__).with_name("tables.py")], check=True)


def as_command(main: Callable[[], None]) -> None:
    """Runs a script's ``main``: exit code 2 and one line for a mistake of the user's, 130 after Ctrl-C."""
    try:
        main()
    except UserError as error:
        print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
