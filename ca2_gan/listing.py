"""``ca2-gan list``."""

import inspect
from collections.abc import Iterator

from ca2_gan.arguments import Parser
from ca2_gan.errors import UserError
from ca2_gan.registry import Registry, datasets, games, losses, metrics, models

REGISTRIES: dict[str, Registry[object]] = {r.plural: r for r in (models, losses, games, datasets, metrics)}  # type: ignore[misc]


def main(argv: list[str]) -> None:
    """Prints what there is.

    :raises UserError: if nothing matches
    """
    parser = Parser(prog="ca2-gan list", description="Shows what can be asked for by name.", allow_abbrev=False)
    parser.add_argument("kind", nargs="?", default="models", help=f"{', '.join(REGISTRIES)}, or a pattern of models (models)")
    parser.add_argument("pattern", nargs="?", default="*", help="such as '*dcgan*'")
    arguments = parser.parse_args(argv)
    if arguments.kind in REGISTRIES:
        kind, pattern = arguments.kind, arguments.pattern
    else:
        kind, pattern = "models", arguments.kind
    rows = list(describe(REGISTRIES[kind], pattern))
    if not rows:
        raise UserError(f"none of the {kind} is like {pattern!r}. `ca2-gan list {kind}` shows all.")
    for name, summary in rows:
        print(f"{name:<{max(len(row[0]) for row in rows)}}  {summary}")


def describe(registry: Registry[object], pattern: str) -> Iterator[tuple[str, str]]:
    """Name and first line of the documentation of every entry that matches."""
    for name in registry.list(pattern):
        entry = registry.get(name)
        documentation = getattr(entry, "summary", None) or inspect.getdoc(entry) or ""
        yield name, documentation.partition("\n")[0]
