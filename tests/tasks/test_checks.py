"""What people give by mistake is told, before anything is learnt or answered."""

import keras
import pandas as pd
import pytest

import tftransformer as tt
from tftransformer.models import Bert

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "film", "who", "left", "Ann", "?"]
SIZES = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "num_positions": 24}
FRAME = pd.DataFrame({"text": ["a good film", "a bad film"] * 6, "label": [1, 0] * 6})
FIT = {"epochs": 1, "verbose": 0}


def untrained(kind, heads, **settings):
    keras.utils.set_random_seed(1)
    model = Bert(len(PIECES), **SIZES, segments=3, heads=heads)
    return kind(model, tokenizer=tt.WordPieceTokenizer(PIECES), **settings)


@pytest.fixture(scope="module")
def classify():
    return untrained(tt.TextClassifier, {"sequence_classification": {"labels": [0, 1]}})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch_size": 0}, "batch_size=0 was given; expected an int ≥ 1"),
        ({"learning_rate": 0}, "learning_rate=0 was given; expected a number > 0"),
        ({"learning_rate": "fast"}, "learning_rate='fast' was given"),
        ({"max_length": 0}, "max_length=0 was given"),
        ({"smoothing": 2}, "smoothing=2 was given"),
    ],
    ids=str,
)
def test_settings_without_sense_are_named_at_once(settings, said):
    with pytest.raises(ValueError, match=said):
        tt.TextClassifier(**settings).fit(FRAME, **FIT)


@pytest.mark.parametrize(
    ("validation", "error", "said"),
    [
        (
            (["a"], [1]),
            TypeError,
            r"validation=\(\['a'\], \[1\]\) was given, of type tuple; expected",
        ),
        ("validation.csv", TypeError, "validation='validation.csv' was given, of type str"),
        (True, TypeError, "validation=True was given, of type bool"),
        (FRAME.rename(columns={"text": "sentence"}), ValueError, "column 'text' is not in"),
        (FRAME[:0], ValueError, "the table to validate is empty"),
    ],
    ids=["tuple", "path", "bool", "columns", "empty"],
)
def test_what_cannot_be_held_out_is_told_before_anything_is_learnt(validation, error, said):
    with pytest.raises(error, match=said):
        tt.TextClassifier().fit(FRAME, validation=validation, **FIT)


@pytest.mark.parametrize(
    "fit",
    [
        lambda: tt.FillMask().fit("a text"),
        lambda: tt.TextClassifier().fit("ab", ["x", "y"]),
        lambda: tt.TokenClassifier().fit("ab", [[], []]),
        lambda: tt.TextEmbedder().fit("ab"),
        lambda: tt.TextEmbedder().fit({"text": ["a"], "positive": ["b"]}),
        lambda: tt.Translator().fit("ab", ["x", "y"]),
        lambda: tt.Parser().fit("(S (NN a))"),
    ],
)
def test_one_text_is_not_taken_for_rows_of_letters(fit):
    with pytest.raises(TypeError, match=r"was given, of type (str|dict); expected a Data"):
        fit()


def test_pairs_may_be_dicts(monkeypatch):
    seen = []
    monkeypatch.setattr(tt.TextEmbedder, "learn", lambda self, frame, names: seen.append(frame))
    tt.TextEmbedder().fit([{"text": "pay", "positive": "payment", "more": 1}] * 2)
    assert seen[0]["positive"].tolist() == ["payment"] * 2


def test_the_name_of_a_column_is_not_taken_for_labels():
    with pytest.raises(TypeError, match=r"labels='label' is a string.*fit\(frame, label='label'\)"):
        tt.TextClassifier().fit(FRAME, "label")


@pytest.mark.slow
def test_empty_texts_are_answered_with_a_warning_that_counts_them(classify):
    with pytest.warns(UserWarning, match="2 of 3 texts are empty: their answers are meaningless"):
        assert len(classify(["good", "", " \n"])) == 3
    embed = untrained(tt.TextEmbedder, ())
    with pytest.warns(UserWarning, match="1 of 1 texts are empty"):
        embed("")
    answer = untrained(tt.QuestionAnswerer, ["span"])
    with pytest.warns(UserWarning, match="1 of 2 questions are empty"):
        answer([("", "Ann left"), ("who left ?", "Ann left")])


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_a_pair_with_one_text_is_not_empty(classify):
    assert len(classify([("good", ""), ("", "bad")])) == 2


@pytest.mark.parametrize("top_k", [0, -1, "2", 1.5])
def test_how_many_answers_are_wanted_is_a_number_from_one(classify, top_k):
    with pytest.raises(ValueError, match=r"top_k=.* was given; expected an int ≥ 1"):
        classify("good", top_k=top_k)
    with pytest.raises(ValueError, match=r"top_k=.* was given; expected an int ≥ 1"):
        untrained(tt.QuestionAnswerer, ["span"])("who left ?", "Ann left", top_k=top_k)


@pytest.mark.slow
def test_labels_that_were_not_learnt_are_told_by_evaluate(classify):
    with pytest.raises(ValueError, match=r"label '1' \(str\) is none of the 2 .*\(0, 1\), nor is"):
        classify.evaluate(FRAME.assign(label=FRAME["label"].astype(str)))
    with pytest.warns(UserWarning, match=r"label 7 .*: 1 of 12 labels cannot be predicted"):
        classify.evaluate(FRAME.assign(label=[7, *FRAME["label"][1:]]))


def test_what_cannot_be_scored_is_told_before_anything_is_answered(classify, monkeypatch):
    def computed(*_, **__):
        raise AssertionError("it was answered")

    embed = untrained(tt.TextEmbedder, ())
    for kind in (tt.TextClassifier, tt.TextEmbedder):
        monkeypatch.setattr(kind, "compute", computed)
    with pytest.raises(ValueError, match=r"label 'x' .* is none of the 2"):
        classify.evaluate(FRAME.assign(label="x"))
    for labels in ([0.5], [0.5, "a"]):
        with pytest.raises(ValueError, match=r"labels=.*a number for each of 2 rows"):
            embed.evaluate([("good", "bad"), ("bad", "good")], labels)


def test_labels_of_another_type_are_called_so():
    learnt = tt.Classes()
    learnt.fit([[0, 1]])
    with pytest.raises(ValueError, match=r"label '1' is not among .* it is of type str: read both"):
        learnt.targets(["1"], training=False)


@pytest.mark.slow
def test_a_corpus_is_several_texts_or_a_table_with_them():
    embed = untrained(tt.TextEmbedder, ())
    with pytest.raises(TypeError, match="of type str"):
        embed.search("good", "a good film")
    assert embed.search("good", FRAME[:2], top_k=1)[0]["text"] in FRAME["text"].tolist()
    assert embed.similarity(FRAME[:2], "good").shape == (2, 1)


@pytest.mark.slow
def test_a_search_among_vectors_finds_the_same_and_computes_the_query_alone(monkeypatch):
    embed = untrained(tt.TextEmbedder, ())
    corpus, queries = FRAME["text"], ["good", "a bad film"]
    vectors, found = embed(corpus), embed.search(queries, corpus, top_k=2)
    computed = []
    compute = tt.TextEmbedder.compute
    monkeypatch.setattr(
        tt.TextEmbedder,
        "compute",
        lambda self, columns, *how: computed.extend(columns[0]) or compute(self, columns, *how),
    )
    for known in (vectors, vectors.to_numpy()):
        again = embed.search(queries, corpus, top_k=2, vectors=known)
        for one, other in zip(found, again, strict=True):
            assert [x["text"] for x in one] == [x["text"] for x in other]
            scores = [x["score"] for x in other]
            assert [x["score"] for x in one] == pytest.approx(scores, abs=1e-5)
    assert computed == 2 * queries
    with pytest.raises(ValueError, match=f"the corpus has {len(corpus)} texts of"):
        embed.search(queries, corpus, vectors=vectors[1:])


@pytest.mark.parametrize("kind", ["TokenClassifier", "Parser", "QuestionAnswerer"])
def test_a_stride_that_nobody_gave_fits_the_window(kind):
    task = getattr(tt, kind)()
    assert task.get_params()["stride"] == "auto"
    usual = 64 if kind == "QuestionAnswerer" else 32
    assert [task.stride_in(length) for length in (8, 64, 4 * usual, 4096)] == [2, 16, usual, usual]
    with pytest.raises(ValueError, match="stride='32' was given; expected an int ≥ 0"):
        getattr(tt, kind)(stride="32").stride_in(64)


@pytest.mark.slow
def test_a_model_with_a_small_window_reads_long_texts_without_a_stride():
    long = "Ann left a film " * 20
    tag = untrained(tt.TokenClassifier, {"token_classification": {"labels": ["O", "B-X"]}})
    answer = untrained(tt.QuestionAnswerer, ["span"])
    assert (tag.graph().stride, answer.graph().stride) == (6, 6)
    assert tag.graph(max_length=8).stride == 2
    found = answer("who left ?", long)
    assert long[found["start"] : found["end"]] == found["answer"]
    assert all(long[each["start"] : each["end"]] == each["word"] for each in tag(long))


def test_what_is_no_squad_and_a_column_that_is_not_there_are_told(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "who?"}\n{"question": "where?"}\n')
    with pytest.raises(ValueError, match=r"rows.jsonl is not SQuAD's json.*read_table"):
        tt.QuestionAnswerer().fit(path, **FIT)
    rows = pd.DataFrame({"question": ["who ?"], "context": ["Ann left"], "answer": ["Ann"]})
    with pytest.raises(ValueError, match="column 'begin' is not in"):
        tt.QuestionAnswerer().fit(rows, start="begin", **FIT)


def test_only_what_may_be_the_name_of_a_model_is_to_be_downloaded(tmp_path):
    with pytest.raises(ValueError, match="hf download org/model --local-dir model"):
        tt.TextClassifier("org/model").fit(FRAME, **FIT)
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere, and nothing is downl"):
        tt.TextClassifier(tmp_path / "nowhere").fit(FRAME, **FIT)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (tt.TextClassifier, FRAME),
        (tt.TextEmbedder, [("a good film", "a bad film")] * 4),
        (tt.FillMask, ["a good film"] * 4),
        (tt.TextGenerator, ["a good film"] * 4),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_two_tokenizers_of_a_task_that_takes_one_are_refused(kind, data):
    known = tt.WordPieceTokenizer(PIECES)
    with pytest.raises(TypeError, match=f"a {kind.__name__} cuts all its texts by one tokenizer"):
        kind(tokenizer=(known, known)).fit(data, **FIT)


def test_a_callback_that_sets_a_scheduled_rate_is_refused_before_a_vocabulary_is_learnt():
    def learn(texts, size):
        raise AssertionError("learnt first")

    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    task = tt.TextClassifier(tokenizer=learn)
    with pytest.raises(ValueError, match="LearningRateScheduler sets the learning rate"):
        task.fit(FRAME, **FIT, callbacks=[halve])
    with pytest.raises(AssertionError, match="learnt first"):
        task.fit(FRAME, **FIT, validation=0, callbacks=[halve], optimizer="adam")
