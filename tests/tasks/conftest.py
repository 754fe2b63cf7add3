"""What tests of tasks share: modules beside them, and writers of noise."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from noise_writers import TEXTS, writer_of_bytes, writer_of_noise

from tftransformer.tasks.learners import learn_bpe


@pytest.fixture(scope="module")
def tokenizer():
    return learn_bpe(TEXTS, 160)


@pytest.fixture(scope="module")
def write(tokenizer):
    return writer_of_noise(tokenizer)


@pytest.fixture(scope="module")
def write_bytes():
    special_ids = {"pad": 257, "start": 258, "end": 258}
    return writer_of_bytes([("Ã", "¤")], special_ids, ["Ã¤", "<pad>", "<end>"])
