"""Golden trees of tasks: every folder, case and field is compared, or stands in a list with why.

`TFTRANSFORMER_GOLDENS_ROOT` names a folder with `tasks/<task>/<variant>/`: a model as Hugging
Face's library writes it, and `cases.json` (or `.gz`). A task's test file says how a case becomes
a call of our object and how the answer becomes the fields of the golden.
"""

import functools
import gzip
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = os.environ.get("TFTRANSFORMER_GOLDENS_ROOT")
FOLDERS = sorted(Path(ROOT, "tasks").glob("*/*/")) if ROOT else []
TOP = {"format", "task", "family", "class", "layout", "rule", "tolerance", "versions"}
TOP |= {"dropped_near_ties", "cases", "errors"}
CASE = {"name", "inputs", "options", "expected", "from", "note", "pipeline_differs"}
ERRORS = {"ValueError": ValueError, "TypeError": TypeError, "RuntimeError": RuntimeError}


@dataclass
class GoldenTask:
    """How a task's goldens are compared.

    Attributes:
        name: of its folder.
        make: from a variant's folder and its golden to our object, made once.
        answer: from our object, `inputs` and `options` to the fields of `expected`. It must raise a
            KeyError for an input or option that it does not know.
        top: further fields of the file.
        case: further fields of a case.
    """

    name: str
    make: Callable[[Path, dict], Any]
    answer: Callable[[Any, Any, dict], Any]
    top: set[str] = field(default_factory=set)
    case: set[str] = field(default_factory=set)

    def folders(self) -> list[Path]:
        return [folder for folder in FOLDERS if folder.parent.name == self.name]

    def params(self, kind: str) -> list[Any]:
        """A parameter for each case of each folder; one that is skipped where there are none."""
        found = [
            pytest.param(folder, case, id=f"{folder.name}-{case['name']}")
            for folder in self.folders()
            for case in golden_of(folder).get(kind, [])
        ]
        why = "no golden trees: set TFTRANSFORMER_GOLDENS_ROOT"
        return found or [pytest.param(None, None, marks=pytest.mark.skip(reason=why))]

    def check_file(self, folder: Path) -> None:
        """Every field of the file is one that is known here."""
        golden = golden_of(folder)
        assert golden.keys() - TOP <= self.top
        assert golden["format"] == 1
        for case in [*golden["cases"], *golden.get("errors", [])]:
            assert case.keys() - CASE - {"error"} <= self.case, case["name"]

    def check_case(self, folder: Path, case: dict) -> None:
        """The answer has the expected fields, equal to their tolerance."""
        self.check_file(folder)
        found = self._answer(folder, case)
        compare(found, case["expected"], golden_of(folder)["tolerance"])

    def check_error(self, folder: Path, case: dict) -> None:
        """What must be refused is refused, as the kind of error that is named."""
        self.check_file(folder)
        with pytest.raises(ERRORS[case["error"]]):
            self._answer(folder, case)

    def _answer(self, folder: Path, case: dict) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that texts are cut
            return self.answer(made(self, folder), case["inputs"], dict(case["options"]))

    def __hash__(self) -> int:
        return hash(self.name)


@functools.cache
def golden_of(folder: Path) -> dict:
    """The content of a folder's cases."""
    packed = folder / "cases.json.gz"
    if packed.is_file():
        return json.loads(gzip.decompress(packed.read_bytes()))
    return json.loads((folder / "cases.json").read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=4)
def made(task: GoldenTask, folder: Path) -> Any:
    """Our object of a folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # entries of configs that change nothing
        return task.make(folder, golden_of(folder))


def compare(found: Any, expected: Any, tolerances: dict, name: str = "", place: str = "") -> None:
    """Each field that is expected is there and equal, numbers to the tolerance of their field."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert key in found, f"{place}/{key} is not there"
            compare(found[key], value, tolerances, key, f"{place}/{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), f"{place}: {found} is not {expected}"
        for index, value in enumerate(expected):
            compare(found[index], value, tolerances, name, f"{place}/{index}")
    elif isinstance(expected, float) and name in tolerances:
        np.testing.assert_allclose(found, expected, **tolerances[name], err_msg=place)
    else:
        assert found == expected, place
