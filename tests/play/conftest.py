"""JavaScript under Node."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STATIC = Path(__file__).parents[2] / "ca2_core" / "play" / "static"
RUN = """
import {{ readFileSync }} from "node:fs";
import {{ Program }} from "{module}";
const file = readFileSync({program});
const program = new Program(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
const outputs = JSON.parse(readFileSync({inputs})).map((inputs) => program.run(inputs).map((output) => Array.from(output)));
console.log(JSON.stringify(outputs));
"""


def node(script: str) -> str:
    """What a module prints.

    :param script: its text
    """
    found = subprocess.run(["node", "--input-type=module"], input=script, capture_output=True, text=True, timeout=600, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture
def run_program(tmp_path):
    """What makes outputs [case][output] of a program and the inputs of some cases, by JavaScript."""

    def run(program: Any, cases: list[dict[str, list[float]]]) -> list[list[np.ndarray]]:
        (tmp_path / "program.bin").write_bytes(program.pack_whole())
        (tmp_path / "inputs.json").write_text(json.dumps(cases))
        paths = {name: json.dumps(str(tmp_path / file)) for name, file in (("program", "program.bin"), ("inputs", "inputs.json"))}
        printed = node(RUN.format(module=(STATIC / "program.js").as_uri(), **paths))
        return [[np.array(output, dtype=np.float32) for output in case] for case in json.loads(printed)]

    return run
