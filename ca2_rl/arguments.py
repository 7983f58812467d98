"""Command lines whose errors are one line."""

import argparse
from typing import NoReturn

from ca2_core.errors import UserError


class Parser(argparse.ArgumentParser):
    """``argparse.ArgumentParser`` that raises ``UserError`` instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}. `{self.prog} --help` shows the options.")
