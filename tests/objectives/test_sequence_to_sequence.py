"""Teacher forcing, token by token."""

import numpy as np
import pytest

from tftransformer.core import Ragged
from tftransformer.objectives import sequence_to_sequence


def test_labels_are_the_target_inputs_one_step_ahead():
    source, target = Ragged.from_rows([[7, 8], [9]]), Ragged.from_rows([[11, 12, 13], [14]])
    examples = sequence_to_sequence(source, target, start_id=2, end_id=3)
    assert examples.lengths.tolist() == [[3, 4], [2, 2]]
    inputs, labels, weights = examples.batch(np.array([0, 1]), (2, 4, 5), pad_id=0)
    assert inputs["source_ids"].tolist() == [[7, 8, 3, 0], [9, 3, 0, 0]]
    assert inputs["target_ids"].tolist() == [[2, 11, 12, 13, 0], [2, 14, 0, 0, 0]]
    assert labels.tolist() == [[11, 12, 13, 3, 0], [14, 3, 0, 0, 0]]
    assert weights.tolist() == [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]]


def test_sides_of_different_length_are_refused():
    one, two = Ragged.from_rows([[7]]), Ragged.from_rows([[7], [8]])
    with pytest.raises(ValueError, match="source has 1 rows and target has 2"):
        sequence_to_sequence(one, two, start_id=2, end_id=3)
