"""``ca2-gan list``."""

import inspect
from collections.abc import Iterator
from typing import Any

from ca2_core.arguments import Parser
from ca2_core.errors import UserError
from ca2_gan.registry import Registry, datasets, extractors, formats, games, losses, metrics, models, pretrained

REGISTRIES: dict[str, Registry[Any]] = {
    registry.plural: registry for registry in (models, pretrained, losses, games, datasets, formats, metrics, extractors)
}

# What the models' parameters are counted for
CLASSES, IMAGE_SHAPE = 26, (1, 28, 28)
COUNTED = f"28x28 images of 1 channel and {CLASSES} classes"


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
    if kind == "models":
        print(f"Trainable parameters of generator, discriminator and classifier for {COUNTED}. Trained: {', '.join(pretrained)}.")
        rows = [(name, f"{parameters(name)}  {summary}") for name, summary in rows]
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        print(f"{name:<{width}}  {text}")


def parameters(model: str) -> str:
    """Trainable parameters of each player, in columns; empty where there is none."""
    from ca2_gan.gan import create_model  # noqa: PLC0415  (takes seconds to import)

    try:
        players = create_model(model, num_classes=CLASSES, image_shape=IMAGE_SHAPE).players()
    except UserError:  # a model of another package that makes no such images
        players = {}
    counts = {name: sum(p.numel() for p in player.parameters() if p.requires_grad) for name, player in players.items()}
    return "  ".join(f"{counts[name]:>9,}" if name in counts else " " * 9 for name in ("generator", "discriminator", "classifier"))


def describe(registry: Registry[Any], pattern: str) -> Iterator[tuple[str, str]]:
    """Name and first line of the documentation of every entry that matches."""
    for name in registry.list(pattern):
        entry = registry.get(name)
        documentation = getattr(entry, "summary", None) or inspect.getdoc(entry) or ""
        yield name, documentation.partition("\n")[0]
