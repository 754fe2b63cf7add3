"""What models of one stack share: inputs, heads, choices, details, decoding, files."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops

import tftransformer as tt
from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.heads import TokenHead
from tftransformer.masks import CausalMask, PaddingMask, PrefixMask
from tftransformer.models import Bert, Gpt, Roberta

SIZES = {"vocab_size": 30, "num_layers": 2, "d_model": 16, "num_heads": 4, "dff": 24}
SIZES |= {"num_positions": 20}
ALL = ["pooled", "masked_lm", "next_sentence", "sequence_classification", "span"]
IDS = np.array([[5, 6, 7, 8, 9], [9, 8, 7, 6, 5]], "int32")


def make(kind=Bert, **options):
    model = kind(**{**SIZES, **options})
    random = np.random.default_rng(2)
    for weight in model.weights:  # the initial ones would hide a bias or a norm left out
        weight.assign(np.array(weight) + random.normal(size=weight.shape, scale=0.2))
    return model


def causal(kind, **options):
    return make(kind, mask=CausalMask() & PaddingMask(), heads=["lm"], **options)


def padded(ids, left, right, pad):
    """The ids with padding on both sides, as inputs."""
    widths = ((0, 0), (left, right))
    mask = np.pad(np.ones_like(ids, bool), widths)
    return {"token_ids": np.pad(ids, widths, constant_values=pad), "padding_mask": mask}


def test_outputs_are_a_dict_of_what_was_asked_for():
    outputs = make(heads=[*ALL, "token_classification"])(IDS)
    shapes = {name: tuple(output.shape) for name, output in outputs.items()}
    assert shapes == {
        "hidden": (2, 5, 16),
        "pooled": (2, 16),
        "masked_lm": (2, 5, 30),
        "next_sentence": (2, 2),
        "sequence_classification": (2, 2),
        "span": (2, 5, 2),
        "token_classification": (2, 5, 2),
    }


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", [Bert, Roberta])
def test_masked_positions_alone_are_predicted_alike(kind):
    model = make(kind, heads=["masked_lm"])
    positions = np.array([[3, 0], [1, 1]], "int32")
    found = model({"token_ids": IDS, "mask_positions": positions})["masked_lm"]
    expected = np.take_along_axis(np.array(model(IDS)["masked_lm"]), positions[..., None], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", [Bert, Roberta])
def test_padding_on_the_right_changes_nothing(kind):
    model = make(kind, heads=["masked_lm", "sequence_classification"])
    plain = model(IDS)
    pad = model.stack.embeddings.pad_id
    more = model(np.pad(IDS, ((0, 0), (0, 3)), constant_values=pad))  # the ids tell the padding
    np.testing.assert_allclose(more["masked_lm"][:, :5], plain["masked_lm"], atol=1e-5)
    for name in ("sequence_classification",):
        np.testing.assert_allclose(more[name], plain[name], atol=1e-5)


@pytest.mark.slow
def test_padding_on_the_left_changes_nothing_where_positions_count_tokens():
    model = make(Roberta, heads=["masked_lm"])
    more = model(padded(IDS, 3, 2, 1))["masked_lm"]
    np.testing.assert_allclose(more[:, 3:8], model(IDS)["masked_lm"], atol=1e-5)


@pytest.mark.slow
def test_segments_and_positions_count():
    model = make()
    plain = model(IDS)["hidden"]
    zeros = {"token_ids": IDS, "segment_ids": np.zeros_like(IDS)}
    np.testing.assert_allclose(model(zeros)["hidden"], plain, atol=1e-6)
    assert np.abs(model(zeros | {"segment_ids": np.ones_like(IDS)})["hidden"] - plain).max() > 0.1
    columns = np.broadcast_to(np.arange(5, dtype="int32"), IDS.shape)
    same, moved = ({"token_ids": IDS, "position_ids": columns + n} for n in (0, 1))
    np.testing.assert_allclose(model(same)["hidden"], plain, atol=1e-6)
    assert np.abs(model(moved)["hidden"] - plain).max() > 0.1


@pytest.mark.slow
def test_choices_are_an_axis_of_inputs_and_outputs():
    model = make(heads=["multiple_choice", "masked_lm"])
    ids = np.random.default_rng(0).integers(3, 30, (2, 3, 5)).astype("int32")
    outputs = model({"token_ids": ids, "segment_ids": ids % 2})
    assert outputs["multiple_choice"].shape == (2, 3)
    assert outputs["masked_lm"].shape == (2, 3, 5, 30)
    for row in range(2):
        for choice in range(3):
            given = ids[row, choice][None]
            alone = model({"token_ids": given, "segment_ids": given % 2})
            np.testing.assert_allclose(
                outputs["multiple_choice"][row, choice], alone["multiple_choice"][0], atol=1e-5
            )


@pytest.mark.slow
def test_details_agree_with_the_call():
    model = make(heads=ALL)
    details, outputs = model.details(IDS), model(IDS)
    for name, output in outputs.items():
        np.testing.assert_array_equal(details[name], output)
    assert len(details["hidden_states"]) == 3
    np.testing.assert_array_equal(details["hidden_states"][-1], outputs["hidden"])
    assert [tuple(a.shape) for a in details["attentions"]] == [(2, 4, 5, 5)] * 2


@pytest.mark.slow
def test_the_mask_alone_makes_bert_a_gpt_or_a_prefix_model():
    """The same weights: what moves when the fourth token changes is what the mask says."""
    prefix = (CausalMask() | PrefixMask()) & PaddingMask()
    moved = {}
    for mask in (PaddingMask(), CausalMask() & PaddingMask(), prefix):
        model = make(mask=mask)
        inputs = {"token_ids": IDS}
        if mask == prefix:
            inputs["prefix_lengths"] = np.array([2, 2], "int32")
        changed = inputs | {"token_ids": np.where(np.arange(5) == 1, 20, IDS).astype("int32")}
        change = np.abs(np.array(model(changed)["hidden"] - model(inputs)["hidden"])).max((0, 2))
        moved[repr(mask)] = (change > 1e-6).tolist()
    assert list(moved.values()) == [[True] * 5, [False] + [True] * 4, [True] * 5]


@pytest.mark.slow
def test_heads_of_ones_own():
    model = make(heads={"pooled": {}, "tags": TokenHead(labels=7), "plain": keras.layers.Dense(3)})
    outputs = model(IDS)
    assert outputs["tags"].shape == (2, 5, 7)
    assert outputs["plain"].shape == (2, 5, 3)
    copy = Bert.from_config(model.get_config())
    assert copy(IDS)["tags"].shape == (2, 5, 7)


@pytest.mark.parametrize("name", ["hidden", "memory"])
def test_a_head_cannot_bear_the_name_of_another_output(name):
    with pytest.raises(ValueError, match=f"a head cannot be called '{name}'"):
        Bert(30, 1, 8, 2, 8, heads={name: keras.layers.Dense(3)})


@pytest.mark.slow
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"no head 'lmm'.*'masked_lm'"):
        make(heads=["lmm"])
    with pytest.raises(ValueError, match=r"not of shape \(5,\); .*token_ids\[None\]"):
        make()(IDS[0])
    with pytest.raises(ValueError, match="lack 'token_ids'"):
        make()({"ids": IDS})
    with pytest.raises(ValueError, match="no embeddings for them"):
        make()({"token_ids": IDS, "language_ids": IDS})
    with pytest.raises(ValueError, match="it has \\['pooled'\\]"):
        make().only("lm")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Bert, Roberta])
def test_one_head_trains_by_plain_keras(kind, tmp_path):
    model = make(kind, heads=["masked_lm"], dropout=0.0, attention_dropout=0.0)
    head = model.only("masked_lm")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile(keras.optimizers.Adam(0.01), loss)
    before = np.array(head(IDS))
    losses = head.fit({"token_ids": IDS}, IDS, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]
    assert np.abs(model(IDS)["masked_lm"] - before).max() > 0.1
    head.save(tmp_path / "head.keras")
    loaded = keras.saving.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(loaded(IDS), head(IDS))


@pytest.mark.slow
@pytest.mark.parametrize("output", ["masked_lm", None])
def test_one_head_takes_what_objectives_make_for_it_by_name(output):
    table = {"text": ["a bee sees a bee", "the sea sees a bee", "the tea is at sea"] * 4}
    objective = tt.MaskedTokens(output=output)
    data = tt.DataProcess("text", objective=objective, vocab_size=280, max_length=12)
    batches = data.fit(pd.DataFrame(table)).batches(pd.DataFrame(table))
    head = make(Bert, vocab_size=280, heads=["masked_lm"]).only("masked_lm")
    head.compile("adam", objective.losses(), weighted_metrics=objective.metrics())
    history = head.fit(batches.dataset(), epochs=2, shuffle=False, verbose=0).history
    assert len(history["loss"]) == 2
    assert len(history) == 1 + len(tt.MaskedTokens(output=None).metrics())


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Bert, Roberta])
@pytest.mark.parametrize("heads", [["masked_lm"], ["pooled"], ["lm"], {"span": {}}])
def test_keras_file(kind, heads, tmp_path):
    model = make(kind, heads=heads, mask=CausalMask() & PaddingMask())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.count_params() == model.count_params()
    for name, output in model(IDS).items():
        np.testing.assert_array_equal(loaded(IDS)[name], output)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_near_float32(policy):
    full, mixed = make(heads=ALL), make(heads=ALL, dtype=policy)
    mixed.set_weights(full.get_weights())
    for name, output in full(IDS).items():
        half = mixed(IDS)[name]
        assert keras.backend.standardize_dtype(half.dtype) == mixed.compute_dtype
        np.testing.assert_allclose(ops.cast(half, "float32"), output, atol=0.25)


def continuation(model, inputs, number, strategy=None):
    """Ids that a strategy adds; none ends."""
    num_beams = getattr(strategy, "num_beams", 1)
    length = inputs["token_ids"].shape[1] + number
    step = model.start_decoding(inputs, cache_length=length, num_beams=num_beams)
    decoded = (strategy or Greedy())(
        step, inputs["token_ids"], max_new_tokens=number, end_id=-1, pad_id=0
    )
    return np.array(decoded.ids)[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Bert, Roberta])
def test_cached_decoding_equals_the_whole_pass(kind):
    model = causal(kind)
    ids = continuation(model, {"token_ids": IDS}, 6)
    whole = np.concatenate([IDS, ids], axis=1)
    real = np.ones_like(whole, bool)
    logits = np.array(model({"token_ids": whole, "padding_mask": real})["lm"])
    np.testing.assert_array_equal(ids, logits[:, 4:-1].argmax(-1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Bert, Roberta])
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(3)], ids=["greedy", "beam"])
def test_padded_prompts_continue_as_alone(kind, strategy):
    model = causal(kind)
    pad = model.stack.embeddings.pad_id
    plain = continuation(model, {"token_ids": IDS}, 6, strategy)
    np.testing.assert_array_equal(continuation(model, padded(IDS, 3, 0, pad), 6, strategy), plain)


@pytest.mark.slow
def test_a_prefix_of_each_row_holds_in_cached_decoding():
    mask = (CausalMask() | PrefixMask()) & PaddingMask()
    model = Gpt(vocab_size=20, num_layers=2, d_model=16, num_heads=2, num_positions=10, mask=mask)
    ids = np.random.default_rng(1).integers(1, 20, (3, 8)).astype("int32")
    inputs = {"token_ids": ids, "prefix_lengths": np.array([1, 3, 5], "int32")}
    whole = np.array(model(inputs)["lm"])
    prompt = {**inputs, "token_ids": ids[:, :5]}
    step = model.start_decoding(prompt, cache_length=10)
    cache = step.cache
    logits, cache = step(ids[:, :5], cache, 0)
    np.testing.assert_allclose(logits, whole[:, 4], atol=1e-5)
    for position in range(5, 8):
        logits, cache = step(ids[:, position : position + 1], cache, position)
        np.testing.assert_allclose(logits, whole[:, position], atol=1e-5)
    plain = np.array(model({**inputs, "prefix_lengths": np.zeros(3, "int32")})["lm"])
    assert np.abs(plain - whole).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("head", ["pooled", "sequence_classification"])
def test_a_loss_of_whole_sequences_has_no_mask_of_tokens(head):
    model = make(heads=[head]).only(head)
    ids = np.where(np.arange(5) < [[5], [3], [4], [2], [5]], 7, 0).astype("int32")
    labels, cross_entropy = np.array([0, 1, 1, 0, 1]), keras.losses.sparse_categorical_crossentropy
    logits = model({"token_ids": ids})
    expected = np.mean(cross_entropy(labels, logits, from_logits=True))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    np.testing.assert_allclose(model.evaluate({"token_ids": ids}, labels)[0], expected, rtol=1e-5)
    model.fit({"token_ids": ids[:4]}, labels[:4], verbose=0)


@pytest.mark.slow
def test_a_loss_at_masked_positions_alone():
    model = make(heads=["masked_lm"]).only("masked_lm")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    positions, labels = np.array([[1, 3], [0, 2]]), np.array([[4, 5], [6, 7]])
    logits = ops.take_along_axis(model({"token_ids": IDS}), positions[..., None], axis=1)
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    inputs = {"token_ids": IDS, "mask_positions": positions}
    np.testing.assert_allclose(model.evaluate(inputs, labels), np.mean(losses), rtol=1e-5)
    model.fit(inputs, labels, verbose=0)


def test_a_cache_with_too_little_room_is_refused():
    model = causal(Gpt)
    with pytest.raises(ValueError, match="5 columns and the cache room for 4"):
        model.start_decoding(IDS, cache_length=4)
    with pytest.raises(ValueError, match="cache_length=21 is more than the 20 positions"):
        model.start_decoding(IDS, cache_length=21)
