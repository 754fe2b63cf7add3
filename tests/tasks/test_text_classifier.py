"""The TextClassifier: containers, labels of all kinds, saving, serving, scikit-learn."""

import bare_process
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone

from tftransformer.models import Bert
from tftransformer.tasks import TextClassifier
from tftransformer.text import Template, WordPieceTokenizer

GOOD = ["a good film", "good fun for all", "I loved the good jokes", "what a good day"]
BAD = ["a bad film", "bad and dull", "I hated the bad jokes", "what a bad day"]
TEXTS = [f"{text} {number}" for number in ("one", "two", "three", "four") for text in GOOD + BAD]
LABELS = (["good"] * 4 + ["bad"] * 4) * 4
FRAME = pd.DataFrame({"sentence": TEXTS, "mood": LABELS}, index=range(100, 132))
ASKED = ["good", "a bad day of jokes", "bad", "the film of all films was good fun"]
pytestmark = pytest.mark.slow  # each trains
SETTINGS = {"vocab_size": 90, "learning_rate": 0.01, "max_length": 32}
HOW = {"epochs": 100, "verbose": 0, "validation": 0}


@pytest.fixture(scope="module")
def classify():
    return TextClassifier(**SETTINGS).fit(FRAME, text="sentence", label="mood", **HOW)


def test_it_learns_and_answers_in_the_container_it_was_asked_in(classify):
    expected = ["good", "bad", "bad", "good"]
    assert classify.predict(ASKED) == expected
    one = classify("a good film")
    assert one["label"] == "good"
    assert 0.5 < one["score"] <= 1
    assert [answer["label"] for answer in classify(ASKED)] == expected
    series = pd.Series(ASKED, index=[7, 7, 1, 0])
    frame = classify(series)
    assert frame.index.tolist() == [7, 7, 1, 0]
    assert frame["label"].tolist() == expected
    table = pd.DataFrame({"sentence": ASKED}, index=list("abcd"))
    assert classify.predict(table).index.tolist() == list("abcd")
    assert classify([]) == []
    assert [each["label"] for each in classify("good", top_k=2)] == ["good", "bad"]


def test_probabilities_have_labels_as_columns_and_sum_to_one(classify):
    found = classify.predict_proba(pd.Series(ASKED, index=[3, 2, 1, 0]))
    assert found.columns.tolist() == classify.classes_.tolist() == ["bad", "good"]
    assert found.index.tolist() == [3, 2, 1, 0]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


def test_a_batch_gives_what_each_row_alone_gives(classify):
    together = classify.predict_proba(ASKED).to_numpy()
    for text, row in zip(ASKED, together, strict=True):
        np.testing.assert_allclose(classify.predict_proba([text]).to_numpy()[0], row, atol=1e-5)
    turned = classify.predict_proba(ASKED[::-1]).to_numpy()[::-1]
    np.testing.assert_allclose(turned, together, atol=1e-5)


def test_long_texts_are_cut_with_a_count(classify):
    with pytest.warns(UserWarning, match="1 of 2 texts have more than max_length=32"):
        classify(["good", "bad day " * 200])


def test_scores_stand_beside_those_of_baselines(classify):
    scores = classify.evaluate(FRAME)
    assert scores["accuracy"] > 0.9
    assert scores["majority"]["accuracy"] == 0.5
    assert scores["linear"]["macro_f1"] > 0.9
    assert classify.score(TEXTS, LABELS) == scores["accuracy"]


def test_saved_and_loaded_it_answers_the_same(classify, tmp_path):
    classify.save(tmp_path / "mood")
    classify.save(tmp_path / "mood")  # over an older one
    loaded = TextClassifier.load(tmp_path / "mood", batch_size=1)
    pd.testing.assert_frame_equal(loaded.predict_proba(ASKED), classify.predict_proba(ASKED))
    assert loaded.get_params() == {**classify.get_params(), "batch_size": 1}
    with pytest.raises(FileNotFoundError, match="holds no text classifier"):
        TextClassifier.load(tmp_path)


@pytest.mark.parametrize("how", [{}, {"weights": "int8"}, {"jit_compile": True}], ids=str)
def test_the_export_answers_in_a_bare_process_as_the_object(classify, tmp_path, how):
    path = classify.export(tmp_path / "served", **how)
    expected = classify(ASKED)
    (ways,) = bare_process.served({path: {"texts": ASKED}}).values()
    for found in ways:
        assert found["labels"] == [answer["label"] for answer in expected]
        atol = 0.05 if how.get("weights") == "int8" else 1e-5
        np.testing.assert_allclose(found["scores"], [x["score"] for x in expected], atol=atol)


def test_a_request_that_is_too_long_is_cut_and_says_so(classify, tmp_path):
    path = classify.export(tmp_path / "served", max_length=8)
    module = tf.saved_model.load(str(path))
    found = module.signatures["serving_default"](texts=tf.constant(["good", "bad day " * 9000]))
    assert found["cut"].numpy().tolist() == [False, True]
    every = module.signatures["top_k"](texts=tf.constant(["good"]))
    assert every["labels"].numpy().tolist() == [[b"good", b"bad"]]


def test_an_export_reads_bytes_that_are_no_utf8_as_replacement_characters(classify, tmp_path):
    path = classify.export(tmp_path / "served")
    odd = tf.constant([b"good caf\xe9", b"\xff\xfe bad", b"\xed\xa0\x80", b"good \xe2\x82 fun"])
    found = tf.saved_model.load(str(path)).signatures["serving_default"](texts=odd)
    valid = tf.strings.unicode_transcode(odd, "UTF-8", "UTF-8").numpy()
    expected = classify([text.decode() for text in valid])
    np.testing.assert_allclose(found["scores"], [each["score"] for each in expected], atol=1e-5)
    labels = [label.decode() for label in found["labels"].numpy()]
    assert labels == [each["label"] for each in expected]


def test_several_labels_at_once():
    labels = [["good"] if "good" in text else ["bad", "dull"] for text in TEXTS]
    classify = TextClassifier(labels="several", **SETTINGS).fit(TEXTS, labels, **HOW)
    good, bad = classify.predict(["a good day", "a bad day"])  # the surest first
    assert good == ["good"]
    assert sorted(bad) == ["bad", "dull"]
    assert classify.evaluate(TEXTS, labels)["exact_match"] > 0.9


def test_numbers():
    values = [1.0 if label == "good" else -1.0 for label in LABELS]
    classify = TextClassifier(labels="numbers", **SETTINGS).fit(TEXTS, values, **HOW)
    good, bad = classify.predict(["a good day", "a bad day"])
    assert good > bad
    assert classify.score(TEXTS, values) > -1.0


def test_pairs_of_texts_and_labels_that_are_numbers():
    pairs = [("good film", text) for text in TEXTS]
    labels = [int(label == "good") for label in LABELS]
    classify = TextClassifier(**SETTINGS).fit(pairs, labels, **HOW)
    assert classify(("good film", "a bad day"))["label"] == 0
    assert classify.predict([("good film", "a good day")]) == [1]
    frame = pd.DataFrame(pairs, columns=["first", "second"])
    assert classify.predict(frame).tolist() == labels
    with pytest.raises(
        ValueError, match=r"texts\[0\] is 'x', of type str; expected 2 strings .* \(first, second\)"
    ):
        classify.predict(["x"])


def test_a_family_without_segments_reads_pairs_in_one_segment(tmp_path):
    tokenizer = WordPieceTokenizer.learn(TEXTS, 120)
    pairs, labels = [("good film", text) for text in TEXTS], LABELS
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16}
    new = TextClassifier({"family": "TransformerXL", **sizes}, tokenizer=tokenizer, max_length=24)
    new.fit(pairs, labels, epochs=1, verbose=0, validation=0)
    assert new.data_.row_template == Template("cls a sep", "cls a sep b sep")
    answers = new(pairs[:3])
    new.save(tmp_path / "saved")
    again = TextClassifier(tmp_path / "saved")
    assert [each["label"] for each in again(pairs[:3])] == [each["label"] for each in answers]
    given = TextClassifier(new.model_, tokenizer=tokenizer, max_length=24)
    assert [each["label"] for each in given(pairs[:3])] == [each["label"] for each in answers]


def test_a_model_that_is_given_is_trained_further(tmp_path):
    tokenizer = WordPieceTokenizer.learn(TEXTS, 120)
    pad = tokenizer.special_ids["pad"]
    sizes = {"num_layers": 1, "d_model": 32, "num_heads": 2, "dff": 64, "num_positions": 24}
    model = Bert(tokenizer.vocab_size, **sizes, pad_id=pad)
    before = model.get_weights()
    classify = TextClassifier(model, tokenizer=tokenizer, learning_rate=0.005)
    assert clone(classify).model is model
    classify.fit(FRAME, text="sentence", label="mood", epochs=1, verbose=0, validation=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # a copy was trained
    assert classify.data_.max_length == 24  # the positions of the model
    assert "token_classification" not in classify.model_.heads
    classify.save(tmp_path / "mood")
    loaded = TextClassifier.load(tmp_path / "mood")
    np.testing.assert_allclose(loaded.predict_proba(ASKED), classify.predict_proba(ASKED))


def test_what_is_wrong_comes_before_long_work(classify):
    fit = TextClassifier(**SETTINGS).fit
    with pytest.raises(RuntimeError, match="has learnt nothing yet"):
        TextClassifier()("good")
    with pytest.raises(ValueError, match="column 'text' is not in the DataFrame"):
        fit(FRAME, label="mood")
    with pytest.raises(ValueError, match="the table is empty"):
        fit(FRAME[:0], text="sentence", label="mood")
    with pytest.raises(ValueError, match="32 texts and 31 labels"):
        fit(TEXTS, LABELS[1:])
    with pytest.raises(ValueError, match="all rows have the label 'good'"):
        fit(TEXTS, ["good"] * len(TEXTS), **HOW)
    with pytest.raises(ValueError, match=r"cannot be saved: .*map"):
        fit(TEXTS, [(label, 1) for label in LABELS], **HOW)
    unseen = pd.DataFrame({"sentence": ["so"], "mood": ["so-so"]})
    with pytest.raises(ValueError, match="label 'so-so' is not among the 2"):
        fit(FRAME, text="sentence", label="mood", validation=unseen)
    with pytest.raises(ValueError, match="labels='many' was given; expected one of"):
        TextClassifier(labels="many").fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="a model needs the tokenizer"):
        TextClassifier(Bert(9, 1, 8, 2, 8)).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="folder"):
        TextClassifier("no such folder").fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="too_long='drop' was given; expected one of"):
        TextClassifier(too_long="drop").fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match=r"texts\[1\] is None"):
        classify(["good", None])


def test_scikit_learn_takes_it_as_its_own():
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import VotingClassifier
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    class Quick(TextClassifier):
        def fit(self, data, labels=None, **how):
            return super().fit(data, labels, **{**HOW, "epochs": 40, **how})

        def __init__(self, *, learning_rate=0.01, vocab_size=90):
            super().__init__({"num_layers": 0}, learning_rate=learning_rate, vocab_size=vocab_size)

    assert clone(Quick(vocab_size=77)).vocab_size == 77
    assert cross_val_score(Quick(), TEXTS, LABELS, cv=2).mean() > 0.7
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = Pipeline([("lower", lower), ("classify", Quick())]).fit(TEXTS, LABELS)
    assert pipeline.score([text.upper() for text in TEXTS], LABELS) > 0.9
    grid = GridSearchCV(Quick(), {"learning_rate": [1e-6, 0.01]}, cv=2, scoring="accuracy")
    assert grid.fit(TEXTS, LABELS).best_params_ == {"learning_rate": 0.01}
    # Scorers that take the column of a class by its place, out of a table.
    losses = cross_val_score(Quick(), pd.Series(TEXTS), LABELS, cv=2, scoring="neg_log_loss")
    assert np.all(losses < 0)  # NaN where a scorer failed
    voters = [("one", Quick()), ("other", Quick(vocab_size=80))]
    vote = VotingClassifier(voters, voting="soft").fit(TEXTS, LABELS)
    assert np.mean(vote.predict(TEXTS) == LABELS) > 0.9
    calibrated = CalibratedClassifierCV(Quick(), cv=2).fit(TEXTS, LABELS)
    assert calibrated.predict_proba(TEXTS).shape == (len(TEXTS), 2)
