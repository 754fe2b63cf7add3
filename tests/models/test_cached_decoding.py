"""A cached step is the uncached model at each position."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import tftransformer as tt
from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.masks import CausalMask, Mask, PaddingMask, PrefixMask, SlidingWindowMask
from tftransformer.models import Transformer
from tftransformer.positions import LearnedPositions, RotaryPositions, SinusoidalPositions

D, V, LENGTH = 8, 13, 6
SOURCE = np.array([[5, 6, 7, 3, 0], [8, 3, 0, 0, 0], [4, 9, 10, 6, 3]], "int32")
TARGET = np.array([[2, 7, 6, 9, 4, 5], [2, 9, 8, 11, 12, 4], [2, 4, 5, 8, 8, 7]], "int32")


@keras.saving.register_keras_serializable("tests")
class EveryOtherMask(Mask):
    """A mask of a user's own."""

    def visible(self, context):
        query, key = context["query_positions"], context["key_positions"]
        return ops.equal((query[:, None] - key[None, :]) % 2, 0)


VARIANTS = {
    "sinusoidal, post": {},
    "concatenated, pre": {"position": SinusoidalPositions(D, "concatenated"), "norm": "pre"},
    "learned, rms": {"position": LearnedPositions(D, 8), "norm": "pre", "normalization": "rms"},
    "rotary": {"rotary": RotaryPositions()},
    "own mask": {"decoder_mask": CausalMask() & EveryOtherMask()},
    "window": {"decoder_mask": CausalMask() & SlidingWindowMask(2) & PaddingMask()},
    "near source": {"cross_mask": PaddingMask() & SlidingWindowMask(2, after=2)},
    "sizes": {"num_layers": (1, 2), "num_heads": (4, 2), "head_bias": True, "tie": "none"},
}


def build(**options):
    model = Transformer(
        **{"num_layers": 2, "d_model": D, "num_heads": 2, "dff": 12, "vocab_size": V, **options}
    )
    model.build()
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_a_cached_step_is_the_uncached_model(name):
    model = build(**VARIANTS[name])
    expected = np.array(model({"source_ids": SOURCE, "target_ids": TARGET}))
    for chunks, num_beams, max_length in (
        ([1] * LENGTH, 1, LENGTH + 2),
        ([2, 1, 3], 1, LENGTH + 2),
        ([1] * LENGTH, 2, LENGTH + 2),
        ([2, 1, 3], 1, None),
        ([1] * LENGTH, 2, None),
    ):
        step = model.start_decoding(SOURCE, cache_length=max_length, num_beams=num_beams)
        cache = step.cache
        target, rows, position = (
            np.repeat(TARGET, num_beams, 0),
            np.repeat(expected, num_beams, 0),
            0,
        )
        for chunk in chunks:
            part = target[:, position : position + chunk]
            logits, cache = step(ops.convert_to_tensor(part), cache, position)
            position += chunk
            np.testing.assert_allclose(logits, rows[:, position - 1], atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_cache_in_half_precision(policy):
    model = build(dtype=policy)
    expected = ops.cast(model({"source_ids": SOURCE, "target_ids": TARGET}), "float32")
    step = model.start_decoding(SOURCE, cache_length=LENGTH)
    cache = step.cache
    dtypes = {keras.backend.standardize_dtype(x.dtype) for x in keras.tree.flatten(cache["layers"])}
    assert dtypes == {policy.removeprefix("mixed_")}
    for position in range(LENGTH):
        logits, cache = step(TARGET[:, position : position + 1], cache, position)
        logits = ops.cast(logits, "float32")
        np.testing.assert_allclose(logits, expected[:, position], atol=0.1)


@pytest.mark.slow
def test_rows_do_not_depend_on_their_batch():
    model = build()
    batch = {"source_ids": SOURCE, "target_ids": TARGET}
    together = np.array(model(batch))
    for row in range(3):
        real = int((SOURCE[row] != 0).sum())
        for source in (SOURCE[row, :real], np.pad(SOURCE[row, :real], (0, 4))):
            alone = model({"source_ids": source[None], "target_ids": TARGET[row : row + 1]})
            np.testing.assert_allclose(alone[0], together[row], atol=1e-5)
    padded = model({"source_ids": SOURCE, "target_ids": np.pad(TARGET, ((0, 0), (0, 3)))})
    np.testing.assert_allclose(np.array(padded)[:, :LENGTH], together, atol=1e-5)


@pytest.mark.slow
def test_a_source_padded_on_the_left():
    """Without absolute positions in the encoder, the side of the padding changes nothing."""
    nowhere = LearnedPositions(D, 8, initializer="zeros")
    model = build(rotary=RotaryPositions(), position=nowhere)
    right = np.array([[5, 6, 7, 0, 0]], "int32")
    left = np.array([[0, 0, 5, 6, 7]], "int32")
    outputs = [np.array(model({"source_ids": x, "target_ids": TARGET[:1]})) for x in (right, left)]
    np.testing.assert_allclose(*outputs, atol=1e-5)


@pytest.mark.slow
def test_greedy_with_a_cache_is_greedy_without():
    model = build()
    ids = np.full((3, 1), 2, "int32")
    for _ in range(5):
        logits = model({"source_ids": SOURCE, "target_ids": ids})[:, -1]
        ids = np.concatenate([ids, ops.argmax(logits, -1)[:, None]], axis=1).astype("int32")
    step = model.start_decoding(SOURCE, cache_length=6)
    decoded = Greedy()(step, ids[:, :1], max_new_tokens=5, end_id=-1, pad_id=0)
    np.testing.assert_array_equal(decoded.ids[:, 0], ids[:, 1:])


@pytest.mark.slow
def test_a_fresh_model_decodes_and_compiles():
    """No call before; the same inside tf.function, with unknown batch and length."""
    import tensorflow as tf

    model = Transformer(1, D, 2, 12, vocab_size=V)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def translate(source_ids):
        step = model.start_decoding(source_ids, cache_length=7, num_beams=3)
        start = tf.fill([tf.shape(source_ids)[0], 1], 2)
        search = BeamSearch(num_beams=3)
        return search(step, start, max_new_tokens=6, end_id=3, pad_id=0)

    model.build()
    inside = translate(SOURCE)
    step = model.start_decoding(SOURCE, cache_length=7, num_beams=3)
    cache = step.cache
    start = np.full((3, 1), 2, "int32")
    eager = BeamSearch(num_beams=3)(step, start, max_new_tokens=6, end_id=3, pad_id=0)
    np.testing.assert_array_equal(inside.ids, eager.ids)
    np.testing.assert_allclose(inside.scores, eager.scores, atol=1e-4)
    fresh = Transformer(1, D, 2, 12, vocab_size=V, tie="none")
    step = fresh.start_decoding(SOURCE, cache_length=4)
    cache = step.cache
    logits, _ = step(start, cache, 0)
    expected = fresh({"source_ids": SOURCE, "target_ids": start})
    np.testing.assert_allclose(logits, expected[:, 0], atol=1e-5)
    assert len(fresh.weights) == len(build(num_layers=1, tie="none").weights)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(3)])
def test_a_growing_cache_decodes_as_one_of_fixed_length(strategy):
    model = build()

    def decode(source_ids, max_length):
        step = model.start_decoding(
            source_ids, cache_length=max_length, num_beams=strategy.rows_per_prompt
        )
        prompt = ops.full((ops.shape(source_ids)[0], 1), 2)
        return strategy(step, prompt, max_new_tokens=7, end_id=3, pad_id=0)

    spec = tf.TensorSpec((None, None), "int32")
    growing = tf.function(lambda source_ids: decode(source_ids, None), input_signature=[spec])
    assert growing(SOURCE[:0]).ids.shape == (0, 1, 7)
    for rows in (3, 1):
        expected, found = decode(SOURCE[:rows], 7), growing(SOURCE[:rows])
        np.testing.assert_array_equal(found.ids.numpy(), expected.ids.numpy())
        np.testing.assert_allclose(found.scores.numpy(), expected.scores.numpy(), atol=1e-5)


@pytest.mark.slow
def test_a_start_token_that_is_the_pad_token_is_real():
    model = build()
    target = np.concatenate([np.zeros((3, 1), "int32"), TARGET[:, 1:]], axis=1)
    inputs = {"source_ids": SOURCE, "target_ids": target}
    logits = model(inputs)
    told = model({**inputs, "target_padding_mask": np.ones(target.shape, bool)})
    np.testing.assert_array_equal(logits, told)
    assert np.array(logits._keras_mask).all()  # a loss counts what follows the start


@pytest.mark.slow
def test_masks_read_what_the_inputs_say_of_each_row():
    model = build(decoder_mask=(CausalMask() | PrefixMask()) & PaddingMask())
    prefixes = {"prefix_lengths": np.array([3, 2, 3])}
    inputs = {"source_ids": SOURCE, "target_ids": TARGET}
    logits = model({**inputs, **prefixes})
    np.testing.assert_array_equal(logits, model(inputs, context=prefixes))
    assert not np.allclose(logits, model({**inputs, "prefix_lengths": np.array([0, 0, 0])}))
    step = model.start_decoding(
        {"source_ids": SOURCE, **prefixes}, cache_length=LENGTH, num_beams=2
    )
    cache = step.cache
    first, cache = step(np.repeat(TARGET[:, :3], 2, 0), cache, 0)
    np.testing.assert_allclose(first, np.repeat(logits[:, 2], 2, 0), atol=2e-5)


@pytest.mark.slow
def test_a_text_longer_than_the_cache_is_refused():
    step = build().start_decoding(SOURCE, cache_length=4)
    options = {"end_id": 3, "pad_id": 0}
    with pytest.raises(ValueError, match=r"cache_length=4 .* at least 5"):
        Greedy()(step, TARGET[:, :2], max_new_tokens=4, **options)
    Greedy()(step, TARGET[:, :2], max_new_tokens=3, **options)
    with pytest.raises(ValueError, match=r"source_ids must be int \(batch, length\)"):
        build().start_decoding(SOURCE[0], cache_length=4)


@pytest.mark.slow
@pytest.mark.parametrize("cache_length", [None, 20])
@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize("family", ["Gpt2", "Gpt", "XLM", "XLNet"])
def test_prompts_behind_a_prefix_go_on_as_if_it_had_been_computed(family, beams, cache_length):
    sizes = {"num_layers": 2, "d_model": 16, "num_heads": 2, "dff": 32}
    sizes |= {"causal": True} if family == "XLM" else {}
    model = getattr(tt, family)(vocab_size=40, **sizes)
    prefix = [5, 6, 7, 8, 9]
    rows = [[*prefix, 3], [*prefix, 4, 9, 11, 2], [*prefix, 5, 6]]
    ids = np.array([row + [0] * (10 - len(row)) for row in rows])
    for prompts in (ids, ids[1:2, :9], np.array([np.roll(row, len(row) - 10) for row in ids])):
        inputs = {"token_ids": prompts, "padding_mask": prompts > 0}
        how = {"cache_length": cache_length, "num_beams": beams}
        options = {"max_new_tokens": 6, "end_id": 1, "pad_id": 0}
        strategy = tt.BeamSearch(beams) if beams > 1 else tt.Greedy()
        plain = model.start_decoding(inputs, **how)
        known = model.start_decoding(inputs, prefix=model.read_prefix([prefix]), **how)
        expected, found = (strategy(step, prompts, **options) for step in (plain, known))
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


def test_a_prefix_that_prompts_do_not_begin_with_is_refused():
    model = tt.Gpt2(vocab_size=40, num_layers=1, d_model=16, num_heads=2)
    prefix = model.read_prefix([[5, 6, 7]])
    for prompt in ([5, 6, 8, 9], [5, 6, 7]):
        with pytest.raises(ValueError, match="does not begin with the 3 tokens of the prefix"):
            model.start_decoding([prompt], prefix=prefix)
    recurrent = tt.TransformerXL(vocab_size=40, num_layers=1, d_model=16, num_heads=2, dff=32)
    with pytest.raises(ValueError, match="remembers its tokens alone"):
        recurrent.read_prefix([[5, 6]])
    with pytest.raises(ValueError, match="one row of ids"):
        model.read_prefix([[5, 6], [5, 7]])
