"""Any heads that a model can have come back from its folder, or the folder is not written."""

import contextlib
import itertools
import random

import keras
import numpy as np
import pytest

from tftransformer.models import (
    T5,
    XLM,
    Albert,
    Bert,
    Deberta,
    DebertaV2,
    DistilBert,
    Electra,
    Gpt,
    Gpt2,
    ModernBert,
    Roberta,
    T5Encoder,
    TransformerXL,
    XLNet,
)
from tftransformer.pretrained import load_pretrained, save_pretrained
from tftransformer.pretrained.families import FAMILIES

SIZES = {"vocab_size": 12, "num_layers": 1, "d_model": 8, "num_heads": 2}
OPTIONS = {
    Bert: {"dff": 8, "tied": (True, False)},
    Deberta: {"dff": 8, "tied": (True, False)},
    DebertaV2: {"dff": 8, "tied": (True, False)},
    DistilBert: {"dff": 8, "tied": (True, False)},
    Electra: {"dff": 8, "embedding_width": 6, "tied": (True, False)},
    Albert: {"dff": 8, "embedding_width": 6, "tied": (True, False)},
    Gpt: {"tied": (True, False)},
    Gpt2: {"tied": (True, False)},
    ModernBert: {"dff": 8, "tied": (True, False)},
    Roberta: {"dff": 8, "tied": (True, False)},
    T5: {"dff": 8, "head_width": 4, "tied": (True, False)},
    T5Encoder: {"dff": 8, "head_width": 4},
    TransformerXL: {"dff": 8, "memory_length": 2, "cutoffs": [4], "d_embed": 8, "shrink": 1},
    XLM: {"tied": (True, False)},
    XLNet: {"dff": 8, "tied": (True, False)},
}
ALL_HEADS = sorted(
    {head for family in FAMILIES for heads in family.architectures.values() for head in heads}
)


def make(kind, heads, tied):
    options = {**SIZES, **OPTIONS[kind], "heads": heads}
    if "tied" in options:
        options["tied"] = tied
    model = kind(**options)
    numbers = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(numbers.normal(size=weight.shape))
    return model


def heads_of(kind):
    """The names of the heads that a class makes."""
    names = []
    for name in ALL_HEADS:
        with contextlib.suppress(ValueError):  # it has no such head
            make(kind, [name], True)
            names.append(name)
    return names


def combinations(kind):
    """All that a model can have of up to three heads, tied and not."""
    names = heads_of(kind)
    for number in range(4):
        for heads in itertools.combinations(names, number):
            for tied in OPTIONS[kind].get("tied", (True,)):
                yield heads, tied


def assert_comes_back_or_is_refused(kind, heads, tied, folder):
    """Returns whether the model was saved."""
    model = make(kind, heads, tied)
    refused = None
    try:
        save_pretrained(model, folder)
    except ValueError as error:
        refused = str(error)
    if refused:  # two heads have one name there, or a head has none
        assert "weights for" in refused or "no names for" in refused
        assert not folder.exists()
        return False
    loaded = load_pretrained(folder)
    assert loaded.missing == loaded.unexpected == loaded.unread == []
    assert loaded.model.heads.keys() == model.heads.keys()
    assert len(loaded.model.weights) == len(model.weights)
    save_pretrained(loaded.model, folder / "again")
    for file in ("config.json", "model.safetensors"):
        assert (folder / file).read_bytes() == (folder / "again" / file).read_bytes()
    return True


@pytest.mark.slow
@pytest.mark.parametrize("kind", OPTIONS, ids=lambda kind: kind.__name__)
def test_all_heads_come_back_or_are_refused(kind, tmp_path):
    saved = [
        assert_comes_back_or_is_refused(kind, heads, tied, tmp_path / str(number))
        for number, (heads, tied) in enumerate(combinations(kind))
    ]
    assert any(saved)


@pytest.mark.slow
@pytest.mark.parametrize("kind", OPTIONS, ids=lambda kind: kind.__name__)
def test_drawn_heads_come_back_or_are_refused(kind, tmp_path):
    drawn = random.Random(7).sample(list(combinations(kind)), 2)
    for number, (heads, tied) in enumerate(drawn):
        assert_comes_back_or_is_refused(kind, heads, tied, tmp_path / str(number))


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("kind", "heads", "tied"),
    [
        (Bert, ("pooled", "masked_lm", "sequence_classification"), True),
        (Bert, ("pooled", "lm", "next_sentence"), False),
        (Bert, ("next_sentence",), True),
        (Bert, (), True),
        (Gpt2, ("multiple_choice",), True),
        (T5, ("lm", "sequence_classification"), True),
        (XLM, ("lm", "sequence_classification"), True),
        (XLNet, ("lm", "multiple_choice"), True),
        (Roberta, ("span", "multiple_choice"), False),
    ],
)
def test_these_heads_come_back(kind, heads, tied, tmp_path):
    assert assert_comes_back_or_is_refused(kind, heads, tied, tmp_path / "saved")


def test_heads_keep_their_arguments(tmp_path):
    """Where config.json has one entry for the dropout of both, and none of the labels of two."""
    heads = {
        "sequence_classification": {"labels": ["bad", "good"], "dropout": 0.5},
        "masked_lm": {},
    }
    save_pretrained(make(Bert, heads, True), tmp_path)
    loaded = load_pretrained(tmp_path).model.heads["sequence_classification"]
    assert loaded.get_config()["dropout"] == 0.5
    assert loaded.labels == ["bad", "good"]


def test_which_token_a_classifier_of_xlnet_reads_comes_back(tmp_path):
    heads = {"sequence_classification": {"labels": 3}}
    model = XLNet(**SIZES, dff=8, heads=heads, summary_column="last_token")
    save_pretrained(model, tmp_path)
    loaded = load_pretrained(tmp_path)
    assert (loaded.model.summary_column, loaded.unread) == ("last_token", [])
    rows = {"token_ids": np.array([[7, 8, 9, 5]]), "padding_mask": np.array([[1, 1, 1, 0]])}
    found, expected = (m(rows)["sequence_classification"] for m in (loaded.model, model))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "own", [keras.layers.Dense(3), keras.layers.Activation("relu")], ids=["weights", "none"]
)
def test_a_head_of_ones_own_is_refused(own, tmp_path):
    with pytest.raises(ValueError, match=r"use model\.save"):
        save_pretrained(make(Bert, {"mine": own}, True), tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.slow
def test_an_entry_of_heads_that_is_none_is_refused(tmp_path):
    save_pretrained(make(Bert, ("pooled",), True), tmp_path, config={"pad_token_id": 0})
    path = tmp_path / "config.json"
    for wrong in ("[1]", '{"pooled": 3}', '{"no_such": {}}'):
        text = path.read_text()
        path.write_text(text.rstrip("}\n") + f', "tftransformer_heads": {wrong}}}')
        with pytest.raises(ValueError, match=r"describes no model"):
            load_pretrained(tmp_path)
        path.write_text(text)


def test_labels_that_config_names_count_where_our_entry_has_their_number(tmp_path):
    heads = {"sequence_classification": {"labels": 2}, "span": {"labels": 2}}
    names = {"id2label": {"0": "no", "1": "yes"}, "label2id": {"no": 0, "yes": 1}}
    save_pretrained(make(Bert, heads, True), tmp_path, config=names)
    found = load_pretrained(tmp_path).model.heads
    assert found.keys() == heads.keys()
    assert [found[name].labels for name in heads] == [["no", "yes"], 2]
