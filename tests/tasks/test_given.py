"""A folder as a model: weights, tokenizer and labels at once; what does not fit is told."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tokenizer_texts import LETTERS as PIECES

import tftransformer as tt
from tftransformer.models import Bert, XLNet
from tftransformer.pretrained import save_pretrained
from tftransformer.tasks.given import own_copy

SIZES = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 32, "num_positions": 20}
TEXTS, LABELS = ["a b", "b c", "c d a", "d"] * 6, ["bad", "good", "odd", "good"] * 6
HOW = {"epochs": 1, "verbose": 0, "validation": 0}


def folder_of(path, heads, **config):
    keras.utils.set_random_seed(3)
    model = Bert(len(PIECES), **SIZES, heads=heads)
    for weight in model.trainable_weights:
        weight.assign(weight + np.random.default_rng(1).normal(size=weight.shape, scale=0.2))
    save_pretrained(model, path)
    (path / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    (path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    known = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**known, **config}))
    return path


@pytest.fixture
def trained(tmp_path):
    names = ["odd", "bad", "good"]  # not in the order of the alphabet
    return folder_of(tmp_path / "model", {"sequence_classification": {"labels": names}})


@pytest.mark.slow
def test_a_trained_head_answers_at_once_texts_and_pairs(trained):
    classify = tt.TextClassifier(trained)
    assert classify("a b")["label"] in LABELS
    assert classify.classes_.tolist() == ["odd", "bad", "good"]
    assert classify.data_.max_length == 20
    alone, pair = classify.predict_proba(["a b"]), classify.predict_proba([("a", "b")])
    assert not np.allclose(alone, pair)
    assert isinstance(classify(("a", "b")), dict)
    assert tt.pipeline("sentiment-analysis", trained)("a b") == classify("a b")


@pytest.mark.slow
def test_kinds_of_labels_follow_the_folder(tmp_path):
    heads = {"pooled": {}, "sequence_classification": {"labels": ["x", "y"]}}
    several = folder_of(tmp_path / "s", heads, problem_type="multi_label_classification")
    assert tt.TextClassifier(several).fitted().objective.several
    numbers = folder_of(tmp_path / "n", heads, problem_type="regression")
    assert len(tt.TextClassifier(numbers)("a")["value"]) == 2
    twice = folder_of(tmp_path / "t", heads, id2label={"0": "x", "1": "x"})
    with pytest.raises(ValueError, match="two labels of the trained head are called 'x'"):
        tt.TextClassifier(twice)("a")


@pytest.mark.slow
def test_a_head_without_weights_is_told_and_what_is_unused(tmp_path, capsys):
    folder = folder_of(tmp_path / "m", {"pooled": {}, "masked_lm": {}})
    with pytest.raises(RuntimeError, match="has no weights of the head 'sequence_classification'"):
        tt.TextClassifier(folder)("a")
    with pytest.raises(RuntimeError, match="has no weights of the head 'sequence_classification'"):
        tt.pipeline("text-classification", folder)
    how = {"epochs": 1, "validation": 0}
    tt.TextClassifier(folder).fit(TEXTS, LABELS, **how)
    said = capsys.readouterr().out
    assert "its head 'sequence_classification' is new; unused: masked_lm" in said


@pytest.mark.slow
def test_fit_keeps_a_head_whose_labels_are_those_of_the_rows(trained):
    rate = {"learning_rate": 1e-12}
    before = tt.TextClassifier(trained).predict_proba(TEXTS[:4])
    kept = tt.TextClassifier(trained, **rate).fit(TEXTS, LABELS, **HOW)
    assert kept.classes_.tolist() == ["odd", "bad", "good"]
    np.testing.assert_allclose(kept.predict_proba(TEXTS[:4]), before, atol=1e-4)
    fewer = [label if label != "odd" else "bad" for label in LABELS]
    kept = tt.TextClassifier(trained, **rate).fit(TEXTS, fewer, **HOW)
    np.testing.assert_allclose(kept.predict_proba(TEXTS[:4]), before, atol=1e-4)
    others = [label.upper() for label in LABELS]
    new = tt.TextClassifier(trained, **rate).fit(TEXTS, others, **HOW)
    assert new.classes_.tolist() == ["BAD", "GOOD", "ODD"]
    assert not np.allclose(new.predict_proba(TEXTS[:4]), before, atol=1e-2)


@pytest.mark.slow
def test_a_copy_has_the_weights_of_all_parts_whatever_heads_stand_beside():
    heads = {"pooled": {}, "sequence_classification": {"labels": 2}}
    model = Bert(len(PIECES), **SIZES, heads=heads)
    model.pooler.projection.bias.assign(np.arange(16.0))
    ids = np.array([[2, 5, 6, 3]])
    expected = model(ids)["sequence_classification"]
    copy = own_copy(model, "sequence_classification")
    np.testing.assert_allclose(copy(ids)["sequence_classification"], expected, rtol=1e-6)
    new = own_copy(model, "sequence_classification", {"labels": 2})
    assert not np.allclose(new(ids)["sequence_classification"], expected)
    np.testing.assert_array_equal(new.pooler.projection.bias, np.arange(16.0))


def weights_of(model):
    return {weight.path.partition("/")[2]: np.array(weight) for weight in model.weights}


@pytest.mark.slow
def test_what_is_frozen_of_a_model_stays_as_it_is_and_low_rank_products_are_added(trained, capsys):
    tokenizer = tt.WordPieceTokenizer(PIECES)
    for limit in ("freeze", "lora"):
        model = tt.from_pretrained(trained)
        head = model.heads["sequence_classification"]
        if limit == "freeze":
            tt.recipes.freeze(model, below=2)
            trained_parts = {"pooler", "sequence_classification"}
        else:
            tt.recipes.add_lora(model, rank=2, whole=[head])
            trained_parts = {"sequence_classification", "query", "value"}
        classify = tt.TextClassifier(model, tokenizer=tokenizer, learning_rate=0.1)
        before, expected = weights_of(tt.from_pretrained(trained)), classify.predict_proba(TEXTS)
        after = weights_of(classify.fit(TEXTS, LABELS, **{**HOW, "epochs": 3, "verbose": 2}).model_)
        count = sum(np.size(weight) for weight in model.trainable_weights)
        assert f"parameters, {count:,} of them trained\n" in capsys.readouterr().out
        assert before.keys() == after.keys()
        moved = {path for path in before if (before[path] != after[path]).any()}
        assert moved
        assert all(trained_parts & {*path.split("/")} for path in moved), moved
        again = tt.TextClassifier(model, tokenizer=tokenizer)  # the model itself is as it was
        np.testing.assert_allclose(again.predict_proba(TEXTS), expected, atol=1e-6)


@pytest.mark.slow
def test_a_folder_of_what_was_trained_says_its_labels_their_kind_and_what_the_first_one_said(
    trained, tmp_path
):
    folder_of(trained, {"sequence_classification": {"labels": 3}}, eos_token_id=7)
    rows = [["one", "two"] if text == "a b" else ["two"] for text in TEXTS]
    classify = tt.TextClassifier(trained, labels="several").fit(TEXTS, rows, **HOW)
    classify.save(tmp_path / "saved")
    save_pretrained(tt.load(tmp_path / "saved").model_, tmp_path / "again")
    config = json.loads((tmp_path / "again" / "config.json").read_text())
    assert config["id2label"] == {"0": "one", "1": "two"}
    assert config["problem_type"] == "multi_label_classification"
    assert config["eos_token_id"] == 7
    (tmp_path / "again" / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    again = tt.TextClassifier(tmp_path / "again")
    np.testing.assert_allclose(
        again.predict_proba(TEXTS[:3]), classify.predict_proba(TEXTS[:3]), atol=1e-6
    )


@pytest.mark.slow
def test_rows_of_xlnet_do_not_depend_on_the_padding_of_their_batch():
    heads = {"sequence_classification": {"labels": ["x", "y"]}}
    sizes = {name: size for name, size in SIZES.items() if name != "num_positions"}
    model = XLNet(len(PIECES), **sizes, pad_id=0, heads=heads)
    classify = tt.TextClassifier(model, tokenizer=tt.WordPieceTokenizer(PIECES))
    together = classify.predict_proba(["a", "a b c d e f"]).to_numpy()
    np.testing.assert_allclose(classify.predict_proba(["a"]).to_numpy()[0], together[0], atol=1e-5)


@pytest.mark.parametrize(
    ("task", "columns", "setting"),
    [
        ("TextClassifier", {"text": TEXTS, "label": LABELS}, {"batch_size": 0}),
        ("TextClassifier", {"text": TEXTS, "label": LABELS}, {"max_length": "a"}),
        ("TextClassifier", {"text": TEXTS, "label": LABELS}, {"max_length": 0}),
        ("FillMask", {"text": TEXTS}, {"batch_size": None}),
        ("TokenClassifier", {"tokens": [["a"]], "tags": [["O"]]}, {"aggregation": "last"}),
        ("TokenClassifier", {"tokens": [["a"]], "tags": [["O"]]}, {"ignore_labels": "O"}),
        (
            "QuestionAnswerer",
            {"question": ["a"], "context": ["b"], "answer": ["b"]},
            {"max_answer_length": 0},
        ),
        (
            "QuestionAnswerer",
            {"question": ["a"], "context": ["b"], "answer": ["b"]},
            {"align_to_words": None},
        ),
    ],
)
def test_settings_of_answers_are_looked_at_before_anything_is_learnt(task, columns, setting):
    (name,) = setting
    with pytest.raises(ValueError, match=f"{name}="):
        getattr(tt, task)(**setting).fit(pd.DataFrame(columns))


@pytest.mark.slow
def test_a_length_that_is_given_counts_for_a_saved_task_and_none_beyond_the_positions(
    trained, tmp_path
):
    tt.TextClassifier(trained).save(tmp_path / "saved")
    short = tt.TextClassifier(tmp_path / "saved", max_length=4)
    assert short.graph().max_length == 4
    with pytest.warns(UserWarning, match="1 of 1 texts have more than max_length=4"):
        assert short("a b c d") == pytest.approx(short("a b"))
    assert tt.load(tmp_path / "saved", max_length=99).graph().max_length == 20
    with pytest.raises(ValueError, match=r"max_length=99 .* ≤ 20, the positions that the model"):
        short.export(tmp_path / "served", max_length=99)
    with pytest.raises(ValueError, match="top_k=0"):
        short("a", top_k=0)


@pytest.mark.slow
def test_what_is_asked_of_masks_and_vectors_is_refused_where_it_makes_no_sense(tmp_path):
    folder = folder_of(tmp_path / "model", ["masked_lm"])
    fill, embed = tt.FillMask(folder), tt.TextEmbedder(folder)
    assert fill.graph(top_k=999).top_k == len(PIECES)
    assert len(fill("a [MASK]", targets=["b", "c", "b"])[0]) == 2
    for targets in ([], "ab", [None], ["\ud800"], 5):
        with pytest.raises(ValueError, match="targets="):
            fill("a [MASK]", targets=targets)
    with pytest.raises(TypeError, match="expected a string, or several in a list"):
        embed.search("a", "abc")
    with pytest.raises(ValueError, match=r"texts\[1\] is 5"):
        embed.similarity("a", ["b", 5])
    assert [each["index"] for each in embed.search("b", pd.Series(["a", "b"]), top_k=1)] == [1]


def test_names_of_tasks_are_those_of_transformers(tmp_path):
    with pytest.raises(ValueError, match=r"'chess' is no task that is known here: .*fill-mask"):
        tt.pipeline("chess", tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no task"):
        tt.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere' \(looked in"):
        tt.load(tmp_path / "nowhere")
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match="is a SavedModel, as export writes it"):
        tt.load(tmp_path)


def test_the_folder_beside_a_saved_task_is_told_which_one_is_meant(tmp_path):
    (tmp_path / "mood").mkdir()
    (tmp_path / "mood" / "text_classifier.json").write_text("{}")
    (tmp_path / "other").mkdir()
    meant = f"in {tmp_path / 'mood'}: give that folder"
    for folder in (tmp_path, tmp_path / "mood" / "data"):
        with pytest.raises(FileNotFoundError, match=meant):
            tt.load(folder)
        with pytest.raises(FileNotFoundError, match=meant):
            tt.TextClassifier.load(folder)
        with pytest.raises(ValueError, match=f"there is a TextClassifier {meant}"):
            tt.TextEmbedder(folder).fitted()


@pytest.mark.slow
def test_a_model_narrowed_to_a_head_is_the_model():
    model = Bert(len(PIECES), **SIZES, heads={"sequence_classification": {"labels": 2}})
    tokenizer = tt.WordPieceTokenizer(PIECES)
    whole, narrowed = (
        tt.TextClassifier(given, tokenizer=tokenizer)
        for given in (model, model.only("sequence_classification"))
    )
    long = "a b c d " * 9
    with pytest.warns(UserWarning, match="only their beginnings were read"):
        expected, found = (each.predict_proba([long, "a"]) for each in (whole, narrowed))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.slow
def test_what_one_task_has_learnt_another_one_learns_further(tmp_path):
    fill = tt.FillMask({"num_layers": 1, "d_model": 16, "num_heads": 2}, vocab_size=40)
    fill.fit(TEXTS, **HOW).save(tmp_path / "filled")
    classify = tt.TextClassifier(tmp_path / "filled", learning_rate=1e-9)
    with pytest.raises(RuntimeError, match="no weights of the head 'sequence_classification'"):
        classify("a b")
    classify.fit(TEXTS, LABELS, **HOW)
    np.testing.assert_allclose(
        classify.model_.stack.embeddings.trainable_weights[0],
        fill.model_.stack.embeddings.trainable_weights[0],
        atol=1e-6,
    )
    assert classify.data_.max_length == fill.data_.max_length
    classify.save(tmp_path / "classified")
    assert set(tt.TextClassifier(tmp_path / "classified").classes_) == set(LABELS)
    assert tt.TextEmbedder(tmp_path / "classified")("a b").shape == (16,)


@pytest.mark.slow
def test_heads_that_another_task_has_trained_do_not_answer(tmp_path):
    tag = tt.TokenClassifier(vocab_size=40)
    tag.fit([["a", "b"]] * 8, [["B-X", "O"]] * 8, **HOW).save(tmp_path / "tagged")
    with pytest.raises(RuntimeError, match="no weights of the head 'token_classification'"):
        tt.Parser(tmp_path / "tagged")("a b")
    with pytest.raises(RuntimeError, match="no weights of the head 'lm'"):
        tt.TextGenerator(tmp_path / "tagged")("a b")


@pytest.mark.slow
def test_a_model_takes_the_template_and_the_length_of_a_folder_with_its_tokenizer(trained):
    tokenizer = tt.pretrained.read_tokenizer(trained)
    told = tt.pretrained.FolderTokenizer(tokenizer.tokenizer, tt.text.Template.roberta(), 12)
    pairs = [(text, "b c") for text in TEXTS]
    for given, length, row in (
        (tokenizer, 20, [2, 5, 3, 6, 7, 3]),
        (told, 12, [2, 5, 3, 3, 6, 7, 3]),
    ):
        classify = tt.TextClassifier(tt.from_pretrained(trained), tokenizer=given)
        classify.fit(pairs, LABELS, **HOW)
        assert classify.data_.max_length == length
        pieces = classify.data_.tokenizers[0]
        a, b = (pieces.encode([text]).ids for text in ("a", "b c"))
        ids, _ = classify.data_.row_template(a, b, pieces.special_ids)
        assert ids.tolist() == [row]
        assert classify.predict(pairs[:1])[0] in LABELS
    classify.save(trained.parent / "saved")
    again = tt.TextClassifier.load(trained.parent / "saved")
    assert again.predict_proba(pairs).equals(classify.predict_proba(pairs))


@keras.saving.register_keras_serializable("tests")
class OwnModel(tt.StackModel):
    """A language model of one's own, whose constructor makes its head."""

    def __init__(self, vocab_size, **kwargs):
        super().__init__(**kwargs)
        self.stack = tt.Encoder(
            1,
            16,
            2,
            32,
            mask=tt.CausalMask() & tt.PaddingMask(),
            embeddings=tt.TokenEmbeddings(vocab_size, 16, position=tt.LearnedPositions(16, 20)),
        )
        self.make_heads({"lm": tt.LanguageModelHead(vocab_size)}, {})
        self.build()


@pytest.mark.slow
def test_a_model_of_ones_own_is_trained_saved_and_served_by_a_task(tmp_path):
    tokenizer = tt.SentencePieceTokenizer.learn(TEXTS, 12, byte_fallback=False)
    model = OwnModel(tokenizer.vocab_size)
    write = tt.TextGenerator(model, tokenizer=tokenizer, learning_rate=0.01)
    before = write.evaluate(TEXTS)["perplexity"]
    write.fit(TEXTS, **{**HOW, "epochs": 8})
    assert write.evaluate(TEXTS)["perplexity"] < before
    said = write("a", max_new_tokens=4)
    write.save(tmp_path / "own")
    assert tt.load(tmp_path / "own")("a", max_new_tokens=4) == said
    served = tf.saved_model.load(str(write.export(tmp_path / "served")))
    answer = served.signatures["serving_default"](prompts=tf.constant(["a"]))
    assert answer["generated_text"][0].numpy().decode() == write("a")["generated_text"]
    with pytest.raises(ValueError, match=r"OwnModel has no head 'sequence_cl.* it has lm"):
        tt.TextClassifier(model, tokenizer=tokenizer).fit(TEXTS, LABELS, **HOW)
    with pytest.raises(ValueError, match=r"OwnModel makes its own heads, \['lm'\], .*take heads"):
        tt.TextEmbedder(model, tokenizer=tokenizer)("a")


def test_a_model_that_cannot_write_is_told_so(tmp_path):
    tokenizer = tt.WordPieceTokenizer(PIECES)
    ids = keras.Input((None,), dtype="int32")
    stack = tt.Encoder(1, 16, 2, 32, embeddings=tt.TokenEmbeddings(len(PIECES), 16))
    plain = keras.Model(ids, tt.LanguageModelHead(len(PIECES))(stack(ids)))
    with pytest.raises(ValueError, match=r"Functional cannot write: .* subclass of tt\.StackModel"):
        tt.TextGenerator(plain, tokenizer=tokenizer)("a")
    bert = folder_of(tmp_path / "bert", ["masked_lm"])
    with pytest.raises(ValueError, match="Bert is one stack, and a Summarizer needs"):
        tt.pipeline("summarization", bert)


@pytest.mark.slow
def test_names_of_tasks_that_write_say_what_stands_before_a_text(pair_tokenizers, tmp_path):
    tokenizer = pair_tokenizers.source_tokenizer
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "head_width": 8, "dff": 16}
    model = tt.T5(tokenizer.vocab_size, **sizes, pad_id=0, start_id=2, end_id=3)
    specific = {
        "summarization": {"prefix": "summarize: "},
        "translation_en_to_de": {"prefix": "to German: "},
        "translation_en_to_fr": {"prefix": "to French: "},
    }
    folder = tmp_path / "t5"
    tt.save_pretrained(model, folder, config={"task_specific_params": specific})
    parts = tt.pretrained.FolderTokenizer(tokenizer, tt.text.Template("a end"))
    tt.pretrained.save_tokenizer(parts, folder)
    for name, prefix in [
        ("translation_en_to_fr", "to French: "),
        ("summarization", "summarize: "),
        ("text2text-generation", ""),
    ]:
        assert tt.pipeline(name, folder).graph().prefix == prefix
    assert tt.pipeline("text2text-generation", folder, prefix="ask: ").graph().prefix == "ask: "
    tt.pipeline("summarization", folder).save(tmp_path / "saved")
    again = tt.pipeline("text2text-generation", tmp_path / "saved")
    assert (type(again), again.graph().prefix) == (tt.Summarizer, "summarize: ")
