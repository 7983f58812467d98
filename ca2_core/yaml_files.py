"""Reading YAML files, with errors that name the line."""

from pathlib import Path
from typing import Any

import yaml

from ca2_core.errors import UserError


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also rejects duplicate keys: the first value would be lost silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if (key.tag, key.value) in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} appears twice", key.start_mark)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    :raises UserError: if the file is missing or not YAML
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506 (it is a SafeLoader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError, RecursionError) as error:
        raise not_yaml(path, error) from error


def not_yaml(path: Path, error: Exception) -> UserError:
    """The error for a file that is not YAML."""
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}" if mark else ""
    reason = " ".join(str(getattr(error, "problem", None) or error).split())
    return UserError(f"{path}{where}: not YAML: {reason}.")
