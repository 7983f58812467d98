"""Fails if modules of the given packages import each other in a circle; imports inside functions and for types alone count.

``python scripts/import_circles.py ca2_core ca2_rl``
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]


def modules(package: str) -> dict[str, Path]:
    """The package's modules by dotted name."""
    found = {}
    for path in (ROOT / package).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The known modules that a file imports. ``from package import module`` counts as an import of the module alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in known else node.module


def main(packages: list[str]) -> None:
    """Checks the packages together."""
    known = {name: path for package in packages for name, path in modules(package).items()}
    graph = {name: {target for target in imported(path, known) if target != name} for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        sys.exit("circle of imports: " + " <- ".join(error.args[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
