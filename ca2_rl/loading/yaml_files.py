"""Reads YAML files of unknown origin."""

from pathlib import Path
from typing import Any

import yaml

from ca2_core.errors import UserError
from ca2_core.yaml_files import Loader, not_yaml


class _Loader(Loader):
    """Reads the ``OrderedDict`` that rl-zoo3 dumps into ``args.yml`` and ``config.yml``, and no other Python object."""


def _ordered_dict(loader: _Loader, node: yaml.SequenceNode) -> dict[str, Any]:
    pairs = loader.construct_sequence(node, deep=True)
    return dict(pairs[0]) if pairs else {}


def _tuple(loader: _Loader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:python/object/apply:collections.OrderedDict", _ordered_dict)
_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)


def read_yaml(path: Path, trust: bool = False) -> dict[str, Any]:
    """Reads the mapping in a file that rl-zoo3 or ``ca2-rl train`` wrote.

    :param trust: whether the file may contain Python objects, which can run code
    :raises UserError: if the file is missing, is not a mapping, or contains Python objects without ``trust``
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.UnsafeLoader if trust else _Loader)  # noqa: S506
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except yaml.constructor.ConstructorError as error:
        if not str(error.problem).startswith("could not determine a constructor"):
            raise not_yaml(path, error) from error
        raise UserError(
            f"{path}: {error.problem or error}; it may run code when it is loaded. If you trust where it comes from, add --trust."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError, RecursionError) as error:
        raise not_yaml(path, error) from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping from names to values is needed.")
    return content
