"""The processors against the golden numbers of the reference implementation."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tftransformer.decoding import (
    BadWords,
    Epsilon,
    Eta,
    ForcedEnd,
    MinLength,
    MinP,
    NoRepeatNgrams,
    RepetitionPenalty,
    Temperature,
    TopK,
    TopP,
    Typical,
)

ROOT = os.environ.get("TFTRANSFORMER_PARITY_ROOT", "no such folder")
FOLDERS = sorted(file.parent for file in Path(ROOT).glob("decoding/*/fixture.json"))
BUILD = {
    "TemperatureLogitsWarper": Temperature,
    "TopKLogitsWarper": TopK,
    "TopPLogitsWarper": lambda p, _=None, min_tokens=1: TopP(p, min_tokens),
    "MinPLogitsWarper": MinP,
    "TypicalLogitsWarper": Typical,
    "EpsilonLogitsWarper": Epsilon,
    "EtaLogitsWarper": Eta,
    "RepetitionPenaltyLogitsProcessor": RepetitionPenalty,
    "NoRepeatNGramLogitsProcessor": NoRepeatNgrams,
    "NoBadWordsLogitsProcessor": lambda words, _end: BadWords(words),
    "MinLengthLogitsProcessor": MinLength,
    "ForcedEOSTokenLogitsProcessor": ForcedEnd,
}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("room", [0, 5])
def test_equals_the_reference_implementation(folder, room):
    """With a buffer just full, and with `room` columns after the tokens that must not count."""
    meta = json.loads((folder / "fixture.json").read_text())
    inputs, outputs = np.load(folder / "inputs.npz"), np.load(folder / "outputs.npz")
    ids = inputs["input_ids"].astype("int32")
    length = ids.shape[1]
    ids = np.pad(ids, ((0, 0), (0, room)), constant_values=9)
    assert meta["processors"]
    for case, chain in meta["processors"].items():
        scores = inputs["scores"]
        for name, arguments in chain:
            arguments = [length + 1 if value == "LEN" else value for value in arguments]
            scores = BUILD[name](*arguments)(scores, ids, length)
        np.testing.assert_allclose(
            np.array(scores), outputs[case], err_msg=case, **meta["tolerance"]
        )
