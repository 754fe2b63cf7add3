"""From which probability on each of several labels is answered."""

import bare_process
import numpy as np
import pytest

import tftransformer as tt
from tftransformer.tasks.thresholds import best_thresholds, thresholds_of

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "film", "dull", "long", "fun"]
SIZES = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "num_positions": 24}
TEXTS = ["a good film", "a bad dull film", "a long film", "fun", "a bad film", "good good fun"]
ROWS = [["x"], ["x", "y"], [], ["y"], ["z"], ["x", "z"]]


@pytest.fixture
def classify():
    heads = {"sequence_classification": {"labels": ["x", "y", "z"]}}
    model = tt.Bert(len(PIECES), **SIZES, segments=2, heads=heads)
    for number, weight in enumerate(model.weights):
        noise = np.random.default_rng(number).normal(size=weight.shape, scale=0.3)
        weight.assign_add(noise.astype(weight.dtype))
    return tt.TextClassifier(model, tokenizer=tt.WordPieceTokenizer(PIECES), labels="several")


def labels_from(classify, least):
    """The labels whose probability reaches a threshold, likeliest first."""
    rows = classify.predict_proba(TEXTS).to_numpy()
    order = [np.argsort(-row) for row in rows]
    return [
        [classify.classes_[i] for i in each if row[i] >= least[i]]
        for row, each in zip(rows, order, strict=True)
    ]


@pytest.mark.slow
def test_labels_are_answered_from_their_threshold_on(classify):
    assert classify.predict(TEXTS) == labels_from(classify, [0.5] * 3)
    middle = float(np.median(classify.predict_proba(TEXTS)))
    for threshold, least in ((middle, [middle] * 3), ({"y": 0.01, "z": 0.99}, [0.5, 0.01, 0.99])):
        classify.set_params(threshold=threshold)
        assert classify.predict(TEXTS) == labels_from(classify, np.float32(least))
        told = classify.evaluate(TEXTS, ROWS)["threshold"]
        expected = middle if threshold == middle else dict(zip("xyz", least, strict=True))
        assert told == pytest.approx(expected)
        if threshold == middle:
            assert len({tuple(labels) for labels in classify.predict(TEXTS)}) > 1


def test_what_is_no_threshold_is_refused(classify):
    for wrong in (0, 1, 1.5, "0.3", {"x": -0.1}):
        with pytest.raises(ValueError, match=r"expected a number between 0 and 1, such as 0\.3"):
            tt.TextClassifier(labels="several", threshold=wrong).fit(TEXTS, ROWS, verbose=0)
    classify.set_params(threshold={"q": 0.3})
    with pytest.raises(ValueError, match="threshold names 'q', which is none of the labels: 'x'"):
        classify.predict(TEXTS)
    with pytest.raises(ValueError, match="is for several labels of a text, and there are single"):
        tt.TextClassifier(threshold=0.3).fit(TEXTS, list("xyxyxy"), verbose=0)


def test_tuned_thresholds_have_the_best_f1_of_each_label():
    random = np.random.default_rng(0)
    found = random.random((40, 4)).astype("float32").round(1)
    truth = random.random((40, 4)) < found * 0.7
    truth[:, 3] = False
    tuned = best_thresholds(found, truth)

    def f1(threshold, i):
        chosen = found[:, i] >= threshold
        return 2 * (chosen & truth[:, i]).sum() / (chosen.sum() + truth[:, i].sum())

    for i in range(3):
        assert f1(tuned[i], i) == max(f1(each, i) for each in np.arange(0.05, 1, 0.1))
    assert tuned[3] == 0.5
    assert thresholds_of({3: 0.2, "1": 0.4}, [1, 2, 3]).tolist() == pytest.approx([0.4, 0.5, 0.2])


@pytest.mark.slow
def test_what_is_tuned_is_kept_by_every_folder_and_export(classify, tmp_path):
    before = classify.evaluate(TEXTS, ROWS)["macro_f1"]
    tuned = classify.tune(TEXTS, ROWS)
    assert classify.evaluate(TEXTS, ROWS)["macro_f1"] > before
    assert classify.evaluate(TEXTS, ROWS)["threshold"] == tuned
    expected = classify.predict(TEXTS)
    classify.save(tmp_path / "saved")
    assert tt.load(tmp_path / "saved").predict(TEXTS) == expected
    assert tt.TextClassifier(tmp_path / "saved").predict(TEXTS) == expected
    classify.save_pretrained(tmp_path / "folder")
    assert tt.TextClassifier(tmp_path / "folder").predict(TEXTS) == expected
    with pytest.raises(ValueError, match="where the setting leaves them open"):
        tt.TextClassifier(tmp_path / "folder", threshold=0.3).tune(TEXTS, ROWS)
    folder = classify.export(tmp_path / "served")
    for outputs in bare_process.served({folder: {"texts": TEXTS}})[str(folder)]:
        chosen = [
            [label for label, is_one in zip(labels, row, strict=True) if is_one]
            for labels, row in zip(outputs["labels"], outputs["chosen"], strict=True)
        ]
        assert chosen == expected
