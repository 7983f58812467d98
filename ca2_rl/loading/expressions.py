"""Parses Python expressions in rl-zoo3's settings, such as ``dict(norm_obs=True, activation_fn=nn.ReLU)``, without evaluating them."""

import ast
from importlib import import_module
from typing import Any

from ca2_core.errors import UserError
from ca2_rl.loading.names import SHORT


def parse(text: str, origin: str) -> Any:
    """The value of an expression of literals, ``dict(name=value)`` and the short names in ``names.SHORT``.

    :param text: the expression
    :param origin: where the expression is from, for the message
    :raises UserError: if the expression contains anything else
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        reason = f"{error}" if isinstance(error, ValueError) else "not an expression"
        raise UserError(
            f"{origin}: {text!r} can't be read ({reason}). Allowed are numbers, 'text', lists, dict(name=value), nn.ReLU and the like."
        ) from error


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
        return {_keyword(keyword): _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        return {_key(key): _value(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.List):
        return [_value(element) for element in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(element) for element in node.elts)
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = ast.unparse(node)
        if name not in SHORT:
            raise ValueError(f"the name {name} is not allowed here")
        module, attribute = SHORT[name]
        return getattr(import_module(module), attribute)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"{ast.unparse(node)} would have to be evaluated") from None


def _keyword(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ValueError("** would have to be evaluated")
    return keyword.arg


def _key(node: ast.expr | None) -> Any:
    if node is None:
        raise ValueError("** would have to be evaluated")
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"{ast.unparse(node)} would have to be evaluated; text needs quotes") from None
