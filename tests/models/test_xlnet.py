"""XLNet: orders of prediction, memory, and decoding from left to right."""

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.core import unallocated
from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.masks import MemoryMask, PaddingMask, PermutationMask
from tftransformer.models import XLNet

V, D, LAYERS, LENGTH = 20, 8, 2, 7
IDS = np.random.default_rng(2).integers(1, V, (2, LENGTH)).astype("int32")
RANKS = np.array([[3, 0, 6, 1, 5, 2, 4], [0, 5, 1, 6, 2, 4, 3]], "int32")
MAPPING = np.eye(LENGTH, dtype="float32")[np.array([[2, 0], [4, 1]])]
SEGMENTS = np.array([[0, 0, 0, 1, 1, 1, 2]] * 2, "int32")


def build(**options):
    sizes = {"vocab_size": V, "num_layers": LAYERS, "d_model": D, "num_heads": 2, "dff": 12}
    return XLNet(**{**sizes, "dropout": 0.0, "attention_dropout": 0.0, "pad_id": 0, **options})


def next_logits(model, ids, **inputs):
    """Logits of the token after `ids`, each token seeing those before it, without a cache."""
    rows, length = ids.shape
    dummy = np.concatenate([ids, np.ones((rows, 1), "int32")], axis=1)
    target = np.zeros((rows, 1, length + 1), "float32")
    target[:, :, -1] = 1
    order = np.broadcast_to(np.arange(length + 1), dummy.shape)
    if "padding_mask" in inputs:
        inputs["padding_mask"] = np.pad(
            inputs["padding_mask"], ((0, 0), (0, 1)), constant_values=True
        )
    given = {"token_ids": dummy, "permutation": order, "target_mapping": target}
    return np.array(model({**given, **inputs})["lm"])[:, 0]


@pytest.mark.slow
def test_an_order_is_the_mask_of_its_ranks():
    model = build()
    given = {"token_ids": IDS, "target_mapping": MAPPING}
    by_order = model({**given, "permutation": RANKS})
    by_mask = model({**given, "attention_mask": RANKS[:, None, :] < RANKS[:, :, None]})
    np.testing.assert_array_equal(by_order["lm"], by_mask["lm"])
    assert by_order["lm"].shape == (2, 2, V)


@pytest.mark.slow
def test_a_mask_of_the_order_itself_does_what_attention_masks_do():
    mask = MemoryMask() & PaddingMask() & PermutationMask("query")
    model = XLNet(30, 2, 8, 2, 8, mask=mask)
    plain = XLNet(30, 2, 8, 2, 8)
    plain.set_weights(model.get_weights())
    inputs = {
        "token_ids": np.array([[6, 7, 8, 9]]),
        "permutation": np.array([[2, 0, 3, 1]]),
        "target_mapping": np.eye(4, dtype="float32")[None],
    }
    np.testing.assert_allclose(model(inputs)["lm"], plain(inputs)["lm"], atol=1e-5)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("mask", [None, MemoryMask() & PaddingMask() & PermutationMask("query")])
def test_padding_before_the_tokens_moves_neither_order_nor_memory(mask, vectors):
    model = XLNet(30, 2, 8, 2, 8, mask=mask, memory_length=4)
    memory = [vectors(1, 3, 8, seed=seed) for seed in (1, 2)]
    ids, ranks = np.array([[6, 7, 8, 9]]), np.array([[2, 0, 3, 1]])
    mapping, segments = np.eye(4, dtype="float32")[None], np.array([[0, 0, 1, 1]])
    alone = {
        "token_ids": ids, "permutation": ranks, "target_mapping": mapping,
        "segment_ids": segments, "memory": memory,
    }  # fmt: skip
    before = [(0, 0), (2, 0)]
    padded = {
        "token_ids": np.pad(ids, before, constant_values=5),
        "permutation": np.pad(ranks, before, constant_values=9),
        "target_mapping": np.pad(mapping, [(0, 0), (0, 0), (2, 0)]),
        "segment_ids": np.pad(segments, before),
        "memory": memory,
    }
    expected, found = model(alone), model(padded)
    np.testing.assert_allclose(found["lm"], expected["lm"], atol=1e-5)
    for own, wanted in zip(found["memory"], expected["memory"], strict=True):
        np.testing.assert_allclose(own, wanted, atol=1e-5)


@pytest.mark.slow
def test_details_of_two_streams():
    details = build().details({"token_ids": IDS, "permutation": RANKS, "target_mapping": MAPPING})
    assert [x.shape[1] for x in details["hidden_states"]] == [LENGTH, 2] * (LAYERS + 1)
    np.testing.assert_array_equal(details["hidden_states"][-1], details["hidden"])
    for content, query in zip(details["attentions"], details["query_attentions"], strict=True):
        sees = RANKS[:, None, :] < RANKS[:, :, None]
        assert not np.any(np.array(query)[~np.broadcast_to(sees[:, None], query.shape)])
        assert np.all(np.array(content)[:, :, range(LENGTH), range(LENGTH)] > 0)


@pytest.mark.slow
def test_segments_matter_by_being_others_alone():
    model = build()
    for weight in model.trainable_weights:  # large enough for the attention to be seen
        weight.assign(10 * weight)
    for layer in model.stack.layers:
        layer.attention.scorer.segment.assign(np.random.default_rng(1).normal(size=(2, 2, 4)))
    hidden = np.array(model({"token_ids": IDS, "segment_ids": SEGMENTS})["hidden"])
    renamed = np.array(model({"token_ids": IDS, "segment_ids": 5 - SEGMENTS})["hidden"])
    joined = np.array(model({"token_ids": IDS, "segment_ids": 0 * SEGMENTS})["hidden"])
    np.testing.assert_allclose(renamed, hidden, atol=1e-6)
    assert np.abs(joined - hidden).max() > 1e-3


@pytest.mark.slow
def test_causal_segments_are_one_long_pass():
    model = build(causal=True)
    outputs, parts = {}, []
    for start, end in ((0, 3), (3, 4), (4, 7)):
        memory = {"memory": outputs["memory"]} if outputs else {}
        outputs = model({"token_ids": IDS[:, start:end], **memory})
        parts.append(outputs["hidden"])
    whole = model(IDS)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole["hidden"], atol=1e-5)
    np.testing.assert_allclose(outputs["memory"][1], whole["memory"][1], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"causal": True}, {"clamp": 2}])
def test_a_cached_step_is_the_model_without_a_cache(options):
    model = build(**options)
    step = model.start_decoding(IDS[:, :3], cache_length=LENGTH)
    cache = step.cache
    position = 0
    for length in (3, 1, 1, 1, 1):
        logits, cache = step(IDS[:, position : position + length], cache, position)
        position += length
        np.testing.assert_allclose(logits, next_logits(model, IDS[:, :position]), atol=1e-5)


@pytest.mark.slow
def test_decoding_goes_on_from_a_memory():
    model = build(memory_length=4)
    memory = model(IDS)["memory"]
    given = {"token_ids": IDS[:, :2], "memory": memory}
    step = model.start_decoding(given, cache_length=2)
    cache = step.cache
    expected = next_logits(model, IDS[:, :2], memory=memory)
    np.testing.assert_allclose(step(IDS[:, :2], cache, 0)[0], expected, atol=1e-5)


@pytest.mark.slow
def test_padding_on_the_left_changes_nothing():
    model = build()
    padded = np.pad(IDS[:, :3], ((0, 0), (2, 0)))
    given = {"max_new_tokens": 4, "end_id": -1, "pad_id": 0}
    alone = Greedy()(model.start_decoding(IDS[:, :3], cache_length=7), IDS[:, :3], **given)
    beside = Greedy()(model.start_decoding(padded, cache_length=9), padded, **given)
    np.testing.assert_array_equal(alone.ids, beside.ids)
    np.testing.assert_allclose(alone.scores, beside.scores, atol=1e-4)


@pytest.mark.slow
def test_beams():
    model, given = build(), {"max_new_tokens": 4, "end_id": 0, "pad_id": 0}
    greedy = Greedy()(model.start_decoding(IDS, cache_length=11), IDS, **given)
    one = BeamSearch(1, length_penalty=0.0)(
        model.start_decoding(IDS, cache_length=11), IDS, **given
    )
    np.testing.assert_array_equal(one.ids, greedy.ids)
    wide = BeamSearch(3, length_penalty=0.0)
    wide = wide(model.start_decoding(IDS, cache_length=11, num_beams=3), IDS, **given)
    assert np.all(np.array(wide.scores) >= np.array(greedy.scores) - 1e-4)


HEADS = {
    "lm": ({}, (2, LENGTH, V)),
    "sequence_classification": ({"labels": 3}, (2, 3)),
    "token_classification": ({"labels": 3}, (2, LENGTH, 3)),
    "span": ({}, (2, LENGTH, 2)),
}


@pytest.mark.slow
def test_heads_and_file(tmp_path):
    model = build(heads={name: options for name, (options, _) in HEADS.items()})
    outputs = model({"token_ids": IDS, "segment_ids": SEGMENTS})
    assert {name: tuple(outputs[name].shape) for name in HEADS} == {
        name: shape for name, (_, shape) in HEADS.items()
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = loaded({"token_ids": IDS, "segment_ids": SEGMENTS})
    for name in HEADS:
        np.testing.assert_array_equal(again[name], outputs[name])


def test_choices():
    model = build(heads=["multiple_choice"])
    choices = np.stack([IDS, IDS[::-1]], axis=1)
    scores = np.array(model(choices)["multiple_choice"])
    assert scores.shape == (2, 2)
    np.testing.assert_allclose(scores[0], scores[1, ::-1], atol=1e-5)


@pytest.mark.slow
def test_a_beam_of_spans():
    found = build(heads=["span_beam"], starts=3, ends=2)({"token_ids": IDS})["span_beam"]
    assert found["end_positions"].shape == (2, 3, 2)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_precision(policy):
    model = build(dtype=policy)
    given = {"token_ids": IDS, "permutation": RANKS, "target_mapping": MAPPING}
    outputs = model({**given, "segment_ids": SEGMENTS, "memory": model(IDS)["memory"]})
    assert keras.backend.standardize_dtype(outputs["lm"].dtype) == policy.removeprefix("mixed_")
    assert np.all(np.isfinite(np.array(ops.cast(outputs["lm"], "float32"))))


@pytest.mark.slow
def test_training_moves_every_weight():
    model = build()
    before = [np.array(weight) for weight in model.trainable_variables]
    lm = model.only("lm")
    lm.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True
    )
    inputs = {"token_ids": IDS, "permutation": RANKS, "target_mapping": MAPPING}
    lm.train_on_batch({**inputs, "segment_ids": SEGMENTS}, IDS[:, :2])
    for weight, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(np.array(weight) != old), weight.path


def test_parameters_of_the_published_size():
    with unallocated():
        model = XLNet(heads=())
    # Base: 12 layers of width 768; the paper's configuration with its vocabulary of 32000.
    assert model.count_params() == 116_718_336
