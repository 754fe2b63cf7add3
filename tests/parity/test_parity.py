"""Every golden folder, case and output, against our models: none may be left out silently.

The root of the tree of folders `<family>/<name>` is the environment variable
TFTRANSFORMER_PARITY_ROOT; else the tree beside the repository, where there is one, else the
small one in `goldens`. For each family `adapters/<family>.py` has a function `check(case)`.
"""

import functools
import importlib
import json
import os
from pathlib import Path

import pytest
from parity_tools import Folder

HERE = Path(__file__).parent
ROOT = Path(os.environ.get("TFTRANSFORMER_PARITY_ROOT", HERE / "goldens"))
# Folder or family → why it is not tested here.
EXCLUDED = {
    "sentence": "a task's folder, texts in, vectors out: tests/pretrained/test_sentence_files.py",
    "decoding": "fixed scores, no model: tests/decoding/test_processors_golden.py",
    "transformer": "bare stacks, no model: tests/stacks/test_torch_parity.py",
}
PATHS = sorted(file.parent for file in ROOT.glob("*/*/fixture.json"))
CASES = [
    pytest.param(path, case, id=f"{path.parent.name}/{path.name}/{case}")
    for path in PATHS
    if not {path.parent.name, f"{path.parent.name}/{path.name}"} & EXCLUDED.keys()
    for case in json.loads((path / "fixture.json").read_text())["cases"]
]

folder_at = functools.lru_cache(maxsize=2)(Folder)


def test_there_is_something_to_compare_with():
    assert CASES, f"{ROOT} holds no golden folders"


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(("path", "case"), CASES)
def test_equals_the_reference(path, case):
    importlib.import_module(f"adapters.{path.parent.name}").check(folder_at(path).case(case))
