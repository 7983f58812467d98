"""What can be asked for by name: models, losses, games, datasets, formats, metrics, extractors, trained models.

Another package adds to one of them by an entry point, whose name is the entry's::

    [project.entry-points."ca2_gan.models"]
    mygan = "my_package:my_builder"
"""

import builtins
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from ca2_core.errors import UserError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Entries of one kind by name.

    The entries' own module and the entry points of other packages are loaded when the registry is first read.

    :param kind: what an entry is, for messages
    :param plural: the same in the plural; the entry-point group is ``ca2_gan.<plural>``
    :param home: module whose import registers this package's own entries
    """

    def __init__(self, kind: str, plural: str, home: str):
        self.kind = kind
        self.plural = plural
        self.group = f"ca2_gan.{plural}"
        self._home = home
        self._entries: dict[str, T] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds an entry, and returns it as it is.

        :raises UserError: if there is one of that name already
        """

        def add(entry: T) -> T:
            if name in self._entries:
                there = self._entries[name]
                whose = getattr(there, "__module__", type(there).__module__)
                raise UserError(f"{self.kind} {name!r}: the name is taken, by one of {whose}. Choose another.")
            self._entries[name] = entry
            return entry

        return add

    def get(self, name: str) -> T:
        """The entry of that name.

        :raises UserError: if there is none; the message names the nearest
        """
        self._load()
        if not isinstance(name, str):
            raise UserError(f"{type(name).__name__}: the name of a {self.kind} is needed; `ca2-gan list {self.plural}` shows them.")
        if name not in self._entries:
            nearest = did_you_mean(name, self._entries)
            raise UserError(f"no {self.kind} named {name!r}.{nearest} `ca2-gan list {self.plural}` shows all {len(self._entries)}.")
        return self._entries[name]

    def list(self, pattern: str = "*") -> builtins.list[str]:
        """Names that match a shell pattern such as ``*dcgan*``, sorted."""
        self._load()
        return sorted(name for name in self._entries if fnmatchcase(name, pattern))

    def __iter__(self) -> Iterator[str]:
        return iter(self.list())

    def _load(self) -> None:
        if self._complete:
            return
        self._complete = True  # before the imports: they may read the registry themselves
        try:
            import_module(self._home)
        except BaseException:
            self._complete = False
            raise
        for entry_point in entry_points(group=self.group):
            self._join(entry_point)

    def _join(self, entry_point: EntryPoint) -> None:
        """Adds another package's entry, or says in a line on stderr why not: one broken package should not stop the rest."""
        package = entry_point.dist.name if entry_point.dist else "an unknown package"
        try:
            self.register(entry_point.name)(entry_point.load())
        except Exception as error:
            print(f"ca2-gan: {self.kind} {entry_point.name!r} of {package} left out: {error}", file=sys.stderr)


# What an entry is stands where the entries are: none of these modules may be imported here
models: Registry[Callable[..., Any]] = Registry("model", "models", "ca2_gan.models")
losses: Registry[Any] = Registry("loss", "losses", "ca2_gan.losses")
games: Registry[Any] = Registry("game", "games", "ca2_gan.training.games")
datasets: Registry[Any] = Registry("dataset", "datasets", "ca2_gan.data.named")
formats: Registry[Any] = Registry("format", "formats", "ca2_gan.data.formats")
metrics: Registry[Any] = Registry("metric", "metrics", "ca2_gan.metrics")
extractors: Registry[Any] = Registry("extractor", "extractors", "ca2_gan.metrics")
pretrained: Registry[Any] = Registry("pretrained model", "pretrained", "ca2_gan.pretrained")
