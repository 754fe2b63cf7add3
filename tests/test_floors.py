"""Imports go only downward, TensorFlow stays where it belongs, and the package imports lightly."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import tftransformer

ROOT = Path(tftransformer.__file__).parent
# From the ground up; who stands on one floor does not know each other.
BUILDING = [
    {"core", "freed_memory", "quiet_start", "version"},
    {"masks", "positions"},
    {"layers"},
    {"stacks"},
    {"heads"},
    {"models"},
    {"decoding"},
    {"training"},
    {"objectives", "pretrained", "serving", "visualize"},
    {"tasks"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
FLOORS = {name: floor for floor, names in enumerate(BUILDING) for name in names}
# Beside the building: text and scores know the ground floor alone, data puts text and objectives
# together; objectives name their losses and metrics, and know none of the three.
MAY_STAND_ON = {"text": {"core"}, "scores": {"core"}, "data": {"core", "text", "objectives"}}
BESIDE = set(MAY_STAND_ON)
# Run as a program, the package asks the command line first: help needs nothing of the building.
MAY_LOOK_UP = {("__init__", "cli")}
MAY_IMPORT_TENSORFLOW = {"text", "data", "serving", "training", "tasks"}
FILES = sorted(ROOT.rglob("*.py"))


def part(file: Path) -> str:
    """The subpackage (or top-level module) that a file belongs to."""
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(file: Path) -> list[str]:
    """The dotted names of all modules that a file imports, at its top or inside a function."""
    names = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            # `from tftransformer import text` names a subpackage, too.
            bare = node.module == "tftransformer"
            names += [
                f"{node.module}.{alias.name}" if bare else node.module for alias in node.names
            ]
    return names


def own(file: Path) -> set[str]:
    """The other parts of the package that a file imports; its public names are `__init__`."""
    found = {name.split(".")[1] for name in imports(file) if name.startswith("tftransformer.")}
    return {name if name in FLOORS.keys() | BESIDE else "__init__" for name in found} - {part(file)}


def test_every_part_has_its_floor():
    assert {part(file) for file in FILES} <= FLOORS.keys() | BESIDE


@pytest.mark.slow_after(137)
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_downward(file):
    here = part(file)
    for other in own(file):
        if here in BESIDE:
            assert other in MAY_STAND_ON[here], f"{here} imports {other}"
        elif other in BESIDE:
            assert here != "objectives", f"{here} imports {other}"
            assert FLOORS[here] >= FLOORS["training"], f"{here} imports {other}"
        else:
            fits = FLOORS[other] < FLOORS[here] or (here, other) in MAY_LOOK_UP
            assert fits, f"{here} imports {other}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_tensorflow_is_imported_where_it_belongs(file):
    if part(file) not in MAY_IMPORT_TENSORFLOW:
        for name in imports(file):
            assert name.split(".")[0] not in ("tensorflow", "tensorflow_text"), f"{file}: {name}"


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a fresh process holds after a statement."""
    code = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return {name.split(".")[0] for name in json.loads(run.stdout.splitlines()[-1])}


@pytest.mark.slow
def test_the_package_imports_lightly():
    heavy = {"pandas", "matplotlib", "sacrebleu", "tensorflow_text", "sklearn", "sentencepiece"}
    brought = modules_after("import tftransformer") - modules_after("import keras")
    assert not brought & heavy
