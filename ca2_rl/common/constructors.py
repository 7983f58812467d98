"""Constructors that repeat their parent's parameters, so that a user sees them, and hand them on."""

import inspect
from collections.abc import Mapping
from typing import Any


def handed_on(arguments: Mapping[str, Any], parent: type) -> dict[str, Any]:
    """Those of a constructor's arguments that its parent's has too, by name; but for SB3's ``_init_setup_model``, which is off.

    :param arguments: ``locals()`` of the constructor
    :param parent: the class that lists them
    """
    known = inspect.signature(parent).parameters
    return {name: value for name, value in arguments.items() if name in known} | {"_init_setup_model": False}
