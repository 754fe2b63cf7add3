"""WordLabels: several labels of a word, each kind a softmax; its loss and its metric."""

import keras
import numpy as np
import pytest

from tftransformer.data import DataProcess
from tftransformer.objectives import WordLabels
from tftransformer.text import GivenWords, WordPieceTokenizer
from tftransformer.training.losses import GroupedCrossEntropy
from tftransformer.training.metrics import GroupedAccuracy

ROWS = [[("DT", "B"), ("NN", None)], [("NN", "B"), ("VB", "I"), ("NN", "I")]]


@pytest.mark.slow
def test_labels_stand_at_the_first_piece_of_their_word_kind_after_kind():
    import pandas as pd

    texts = [GivenWords("ab abab"), GivenWords("abab ab b")]
    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ab", "##ab", "b"])
    data = DataProcess(
        "text", "labels", objective=WordLabels(stride=0), tokenizer=tokenizer, max_length=8
    )
    frame = pd.DataFrame({"text": pd.Series(texts, dtype=object), "labels": ROWS})
    data.fit(frame)
    assert data.objective.kinds_ == [["NN", "DT", "VB"], ["B", "I"]]
    examples = data.batches(frame, training=False).examples
    inputs, labels, weights = examples.batch(np.arange(2), [6])
    assert inputs["token_ids"][:, :6].tolist() == [[2, 4, 4, 5, 3, 0], [2, 4, 5, 4, 6, 3]]
    assert weights.tolist() == [[0, 1, 1, 0, 0, 0], [0, 1, 0, 1, 1, 0]]
    hot = [[np.flatnonzero(token).tolist() for token in row] for row in labels]
    assert hot == [[[], [1, 3], [0], [], [], []], [[], [0, 3], [], [2, 4], [0, 4], []]]


@pytest.mark.slow
def test_labels_that_no_training_row_has_count_for_nothing_and_are_told():
    import pandas as pd

    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ab"])
    data = DataProcess("text", "labels", objective=WordLabels(), tokenizer=tokenizer, max_length=64)
    texts = pd.Series([GivenWords("ab ab")], dtype=object)
    data.fit(pd.DataFrame({"text": texts, "labels": ROWS[:1]}))
    found = data.batches(pd.DataFrame({"text": texts, "labels": [[("XX", "B"), ("NN", "B")]]}))
    assert "1 labels that no training row has" in str(found.report)
    with pytest.raises(ValueError, match="a text has 2 words and labels for 1"):
        data.batches(pd.DataFrame({"text": texts, "labels": [[("NN", "B")]]}))


def test_known_labels_keep_their_order_where_they_hold_all():
    objective = WordLabels()
    objective.fit([ROWS])
    again = WordLabels(known=objective.classes_)
    again = WordLabels.from_config(again.get_config())
    again.fit([[[("VB", "I"), ("VB", "I")]]])
    assert again.classes_ == objective.classes_
    again.fit([[[("NEW", "I")]]])
    assert again.kinds_ == [["NEW"], ["I"]]


def test_the_loss_is_the_sum_of_a_cross_entropy_for_each_group():
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(5, 7)).astype("float32")
    ids = np.array([[0, 1], [2, 3], [1, 0], [2, 2], [0, 1]])
    hot = np.concatenate([np.eye(3)[ids[:, 0]], np.eye(4)[ids[:, 1]]], axis=1).astype("float32")
    hot[0, 3:] = 0  # one without a label of the second kind
    weights = np.array([1, 2, 0.5, 1, 0], "float32")
    single = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    first, second = single(ids[:, 0], logits[:, :3]), single(ids[:, 1], logits[:, 3:])
    second = np.where(np.arange(5) == 0, 0, second)
    expected = np.sum(weights * (first + second)) / weights.sum()
    loss = GroupedCrossEntropy.from_config(GroupedCrossEntropy([3, 4]).get_config())
    np.testing.assert_allclose(loss(hot, logits, weights), expected, rtol=1e-6)
    right = (logits[:, :3].argmax(1) == ids[:, 0]) & (
        (logits[:, 3:].argmax(1) == ids[:, 1]) | (np.arange(5) == 0)
    )
    metric = GroupedAccuracy.from_config(GroupedAccuracy([3, 4]).get_config())
    metric.update_state(hot, logits, weights)
    np.testing.assert_allclose(metric.result(), np.sum(weights * right) / weights.sum(), rtol=1e-6)
