"""Transformer-XL: segments are one long pass, steps with a cache are the model without one."""

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.core import unallocated
from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.masks import CausalMask, MemoryMask, PrefixMask
from tftransformer.models import TransformerXL

V, D, LAYERS = 20, 8, 2
IDS = np.random.default_rng(2).integers(1, V, (2, 9)).astype("int32")
SIZES = {
    "vocab_size": V,
    "num_layers": LAYERS,
    "d_model": D,
    "num_heads": 2,
    "dff": 12,
    "memory_length": 4,
    "clamp": None,
    "cutoffs": (),
    "dropout": 0.0,
}
VARIANTS = {
    "post": {},
    "pre": {"norm": "pre"},
    "same length": {"same_length": True},
    "unequal lengths": {"same_length": False},
    "clamped": {"clamp": 2},
    "clusters": {"cutoffs": (5, 12), "d_embed": 4, "shrink": 2},
    "wide heads": {"head_width": 6},
    "no memory": {"memory_length": 0},
}


def build(**options):
    return TransformerXL(**{**SIZES, **options})


def in_segments(model, ids, lengths, **inputs):
    """Log-probabilities, segment by segment."""
    parts, start = [], 0
    for length in lengths:
        outputs = model({"token_ids": ids[:, start : start + length], **inputs})
        inputs["memory"] = outputs["memory"]
        parts.append(outputs["lm"])
        start += length
    return np.concatenate(parts, axis=1)


def nothing(rows=2):
    return [np.zeros((rows, 0, D), "float32")] * LAYERS


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", ["post", "pre", "clamped", "clusters", "wide heads"])
def test_segments_are_one_long_pass_where_the_memory_covers_the_past(name):
    model = build(**VARIANTS[name], memory_length=9, same_length=False)
    whole = np.array(model({"token_ids": IDS, "memory": nothing()})["lm"])
    np.testing.assert_allclose(
        in_segments(model, IDS, [3, 1, 5], memory=nothing()), whole, atol=1e-5
    )
    # A memory of the full size, filled bit by bit, does the same with fixed shapes.
    memory, parts = [np.zeros((2, 9, D), "float32")] * LAYERS, []
    for start in (0, 3, 6):
        given = {"token_ids": IDS[:, start : start + 3], "memory": memory}
        outputs = model({**given, "memory_lengths": np.full(2, start, "int32")})
        memory = outputs["memory"]
        parts.append(outputs["lm"])
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


@pytest.mark.slow
def test_with_the_same_length_segments_are_one_pass_whatever_the_memory_holds():
    """Each token sees the `memory_length` before the next, in every segmentation."""
    model = build(same_length=True)
    whole = np.array(model(IDS)["lm"])
    np.testing.assert_allclose(in_segments(model, IDS, [2, 4, 3]), whole, atol=1e-5)


@pytest.mark.slow
def test_the_first_memory_is_zeros():
    model = build()
    zeros = [np.zeros((2, 4, D), "float32")] * LAYERS
    expected = np.array(model({"token_ids": IDS, "memory": zeros})["lm"])
    np.testing.assert_allclose(model(IDS)["lm"], expected, atol=1e-6)
    assert [part.shape for part in model(IDS)["memory"]] == [(2, 4, D)] * LAYERS


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_a_cached_step_is_the_model_on_a_segment(name):
    model = build(**VARIANTS[name])
    step = model.start_decoding(IDS[:, :3], cache_length=9)
    cache = step.cache
    steps, position = [], 0
    for length in (3, 1, 1, 1, 1, 1, 1):
        logits, cache = step(IDS[:, position : position + length], cache, position)
        position += length
        steps.append(np.array(logits))
    if model.stack.memory_length:
        expected = in_segments(model, IDS, [3, 1, 1, 1, 1, 1, 1])
    else:
        expected = np.array(model(IDS)["lm"])  # the cache is all the memory there is
    np.testing.assert_allclose(np.stack(steps, axis=1), expected[:, 2:], atol=1e-5)


@pytest.mark.slow
def test_decoding_goes_on_from_a_memory():
    model = build()
    memory = model(IDS[:, :5])["memory"]
    expected = np.array(model({"token_ids": IDS[:, 5:], "memory": memory})["lm"])[:, -1]
    given = {"token_ids": IDS[:, 5:], "memory": memory}
    step = model.start_decoding(given, cache_length=4)
    cache = step.cache
    np.testing.assert_allclose(step(IDS[:, 5:], cache, 0)[0], expected, atol=1e-5)
    filled = {**given, "memory_lengths": np.array([1, 3], "int32")}
    step = model.start_decoding(filled, cache_length=4)
    cache = step.cache
    expected = np.array(model(filled)["lm"])[:, -1]
    np.testing.assert_allclose(step(IDS[:, 5:], cache, 0)[0], expected, atol=1e-5)


@pytest.mark.slow
def test_strategies():
    model, given = build(), {"max_new_tokens": 4, "end_id": 0, "pad_id": 0}
    greedy = Greedy()(model.start_decoding(IDS, cache_length=13), IDS, **given)
    ids = IDS
    for _ in range(4):
        best = np.array(in_segments(model, ids, [9] + [1] * (ids.shape[1] - 9)))[:, -1].argmax(-1)
        ids = np.concatenate([ids, best[:, None].astype("int32")], axis=1)
    for row, expected in zip(np.array(greedy.ids)[:, 0], ids[:, 9:], strict=True):
        ends = np.flatnonzero(expected == 0)
        length = ends[0] + 1 if len(ends) else 4
        assert row[:length].tolist() == expected[:length].tolist()
    one = BeamSearch(1, length_penalty=0.0)(
        model.start_decoding(IDS, cache_length=13), IDS, **given
    )
    np.testing.assert_array_equal(one.ids, greedy.ids)
    wide = BeamSearch(3, length_penalty=0.0)
    wide = wide(model.start_decoding(IDS, cache_length=13, num_beams=3), IDS, **given)
    assert np.all(np.array(wide.scores) >= np.array(greedy.scores) - 1e-4)


def test_padding_behind_a_text_sees_itself_and_no_token_sees_it():
    with_padding = TransformerXL(**SIZES, pad_id=0)
    without = TransformerXL(**SIZES)
    without.set_weights(with_padding.get_weights())
    ids = np.array([[5, 6, 7, 8, 9], [4, 5, 6, 0, 0]], "int32")
    one, other = with_padding(ids), without(ids)
    for name in ("hidden", "lm"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-5)
    for mine, theirs in zip(one["memory"], other["memory"], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_the_classifier_reads_the_token_before_the_first_padding():
    model = build(heads={"sequence_classification": {"labels": 3}}, pad_id=0)
    ids = IDS.copy()
    ids[0, 4] = ids[0, 6:] = 0
    outputs = model(ids)
    head = model.heads["sequence_classification"]
    for row, column in ((0, 3), (1, 8)):
        expected = np.array(head.projection(outputs["hidden"][row : row + 1, column]))[0]
        np.testing.assert_allclose(outputs["sequence_classification"][row], expected, atol=1e-6)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", ["post", "clusters", "same length"])
def test_a_saved_model_comes_back(name, tmp_path):
    model = build(**VARIANTS[name])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IDS)["lm"], model(IDS)["lm"])
    assert loaded.count_params() == model.count_params()


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_precision(policy):
    model = build(dtype=policy, **VARIANTS["clusters"])
    outputs = model({"token_ids": IDS, "memory": model(IDS)["memory"]})
    assert keras.backend.standardize_dtype(outputs["lm"].dtype) == policy.removeprefix("mixed_")
    assert np.all(np.isfinite(np.array(ops.cast(outputs["lm"], "float32"))))


@pytest.mark.slow
def test_training_moves_every_weight():
    model = build(**VARIANTS["clusters"])
    before = [np.array(weight) for weight in model.trainable_variables]
    lm = model.only("lm")
    lm.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True
    )
    lm.train_on_batch(IDS[:, :-1], IDS[:, 1:])
    for weight, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(np.array(weight) != old), weight.path


def test_parameters_of_the_published_size():
    with unallocated():
        model = TransformerXL()
    d, embed, table = 1024, (1024, 256, 64, 16), (20000, 20000, 160000, 67735)
    tables = sum(rows * width for rows, width in zip(table, embed, strict=True))
    layer = 5 * d * d + 2 * d + 2 * d * 4096 + 4096 + d + 4 * d
    head = 267735 + 3 * (d + 1) + d * d
    assert model.count_params() == tables + d * sum(embed) + 18 * layer + head


def test_default_clusters_lie_within_the_vocabulary(tmp_path):
    model = TransformerXL(30000, 1, 8, 2, 8, memory_length=2)
    assert model.stack.embeddings.table.bounds == [0, 20000, 30000]
    assert model.get_config()["cutoffs"] == [20000]


def test_a_mask_that_shows_the_future_scores_it():
    """The same layers with and without the part of the scores that causal masks hide."""
    mask = (CausalMask() | PrefixMask()) & MemoryMask()
    model = TransformerXL(20, 1, 8, 2, 8, memory_length=2, mask=mask)
    assert all(layer.attention.scorer.future for layer in model.stack.layers)
    causal = TransformerXL(20, 1, 8, 2, 8, memory_length=2)
    assert not any(layer.attention.scorer.future for layer in causal.stack.layers)


def test_no_memory_is_a_memory_of_zeros():
    model = build()
    expected = np.array(model({"token_ids": IDS})["lm"])
    np.testing.assert_array_equal(model({"token_ids": IDS, "memory": None})["lm"], expected)
