"""Texts of a folder lose tokens on the side that it says, as in transformers."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tftransformer as tt
from tftransformer.text import truncate, truncate_in_graph

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "film", "who", "left", "ann", "?"]
SIZES = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "num_positions": 24}
# What `BertTokenizerFast(vocab, truncation_side="left", padding_side="left")` of transformers 4.57
# makes of these with `truncation=True, max_length=…`.
GOLDEN = {
    (6, "a good film who left ann ?"): [2, 8, 9, 10, 11, 3],
    (7, "a good film who left ann ?"): [2, 7, 8, 9, 10, 11, 3],
    (6, ("a good film who left ann", "bad film ?")): [2, 9, 10, 3, 11, 3],
    (7, ("a good film who left ann", "bad film ?")): [2, 9, 10, 3, 7, 11, 3],
    (6, ("who left", "a good bad film ?")): [2, 9, 3, 7, 11, 3],
    (7, ("who left", "a good bad film ?")): [2, 8, 9, 3, 7, 11, 3],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that says that texts lose their beginnings."""
    keras.utils.set_random_seed(1)
    heads = {"sequence_classification": {"labels": ["x", "y"]}}
    model = tt.Bert(len(PIECES), **SIZES, segments=2, heads=heads)
    place = tmp_path_factory.mktemp("folder") / "left"
    tt.TextClassifier(model, tokenizer=tt.WordPieceTokenizer(PIECES)).save_pretrained(place)
    config = json.loads((place / "tokenizer_config.json").read_text())
    assert "truncation_side" not in config  # transformers takes "right" for granted
    config |= {"truncation_side": "left", "padding_side": "left"}
    (place / "tokenizer_config.json").write_text(json.dumps(config))
    return place


@pytest.mark.parametrize(("asked", "ids"), GOLDEN.items(), ids=str)
def test_rows_are_those_of_transformers(folder, asked, ids):
    most, texts = asked
    classify = tt.TextClassifier(folder, max_length=most)
    columns = classify.columns([texts])
    rows, known = classify.graph(texts=len(columns)).encode(*columns)
    assert rows["token_ids"].numpy().tolist() == [ids]
    assert known["cut"].numpy().tolist() == [True]


def test_a_text_is_answered_as_its_end_and_rows_of_a_batch_as_alone(folder, tmp_path):
    classify = tt.TextClassifier(folder, max_length=6)
    texts = ["a good film who left ann ?", "who left ann ?", "good"]
    with pytest.warns(UserWarning, match="1 of 3 texts have more .* and only their ends were read"):
        found = classify.predict_proba(texts).to_numpy()
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    np.testing.assert_allclose(classify.predict_proba("good"), found[2], rtol=1e-5)
    classify.save_pretrained(tmp_path / "again")
    config = json.loads((tmp_path / "again" / "tokenizer_config.json").read_text())
    assert config["truncation_side"] == "left"
    classify.save(tmp_path / "saved")
    assert tt.load(tmp_path / "saved").data_.row_template.cut_side == "left"


def test_what_is_learnt_from_is_cut_on_the_same_side(folder):
    classify = tt.TextClassifier(folder, max_length=6)
    classify.fitted()
    frame = pd.DataFrame({"text": ["a good film who left ann ?", "good"], "label": ["x", "y"]})
    (inputs, *_), *_ = classify.data_.batches(frame, training=False).iterate()
    rows = [[i for i in row if i] for row in np.asarray(inputs["token_ids"]).tolist()]
    assert [2, 8, 9, 10, 11, 3] in rows


def test_beginnings_are_cut_in_a_graph_as_outside():
    random = np.random.default_rng(0)
    first, second = (
        tt.core.Ragged.from_rows([list(range(n)) for n in random.integers(0, 9, 40)])
        for _ in range(2)
    )
    for other in (None, second):
        one, two, cut = truncate(first, other, 7, "left")
        given = [None if x is None else x.tolist() for x in (first, other)]
        tensors = [None if x is None else tf.ragged.constant(x, tf.int32) for x in given]
        found = truncate_in_graph(*tensors, 7, cut_side="left")
        assert found[0].to_list() == one.tolist()
        assert other is None or found[1].to_list() == two.tolist()
        assert found[2].numpy().tolist() == cut.tolist()
        for row, whole in zip(one.tolist(), given[0], strict=True):
            assert row == whole[len(whole) - len(row) :]


@pytest.mark.slow
def test_a_source_is_cut_on_the_side_that_the_folder_says(pair_tokenizers, tmp_path):
    tokenizer = pair_tokenizers.source_tokenizer
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "head_width": 8, "dff": 16}
    model = tt.T5(tokenizer.vocab_size, **sizes, pad_id=0, start_id=2, end_id=3)
    tt.save_pretrained(model, tmp_path / "t5")
    template = tt.Template("a end", cut_side="left")
    parts = tt.pretrained.FolderTokenizer(tokenizer, template)
    tt.pretrained.save_tokenizer(parts, tmp_path / "t5")
    text = "A cat and two birds."
    ids = tokenizer.encode([text]).ids.tolist()[0]
    summarize = tt.Summarizer(tmp_path / "t5", max_source_length=5, learning_rate=0.01)
    rows, _ = summarize.graph().encode(tf.constant([text]))
    assert rows["source_ids"].numpy().tolist() == [[*ids[-4:], 3]]
    summarize.fit([text] * 4, ["cat"] * 4, epochs=1, validation=0, verbose=0)
    assert summarize.data_.objective.cut_side == "left"
    source, target = (tt.core.Ragged.from_rows([ids]) for _ in range(2))
    cut, _ = summarize.data_.objective.cut_source([source, target], 5)
    assert cut.tolist() == [ids[-4:]]
    assert len(ids) > 5


def test_a_side_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="cut_side='top' was given"):
        tt.Template(cut_side="top")
