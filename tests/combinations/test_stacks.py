"""What holds of each socket alone holds where they meet: properties of drawn stacks.

`COMBINATIONS=5000 SEED=3 pytest tests/combinations` draws that many of each, others for each seed.
"""

import contextlib
import tempfile
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from draw import HEADS, batches, designs
from hypothesis import strategies as st
from properties import MANY, as_numbers, close, drawn
from rows import LAYERS, LEAVES, NOWHERE, OF_MEMORY, D, expressions, sees, texts

from tftransformer.layers import LayerState, StackState, blocked_attention
from tftransformer.masks import CausalMask, MemoryMask, SameLengthMask, SlidingWindowMask
from tftransformer.stacks.cached_stack import CachedStack, Prompts

# How far two ways to the same vectors may part: numbers near 1 that went through two layers, each
# of some ten roundings, of 2^-24, 2^-11 and 2^-8.
BOUNDS = {"float32": 1e-4, "mixed_float16": 0.03, "mixed_bfloat16": 0.25}


@st.composite
def cases(draw, *, memory=True, targets=True, **options):
    """A design and a batch."""
    design = draw(designs(**options))
    return design, draw(batches(design, memory=memory, targets=targets))


# Running a batch


def arguments(design, batch):
    """The ids of a batch, and what a call without a cache is given beside them."""
    numbers = batch.numbers
    memory = np.tile(np.arange(-batch.memory, 0), (len(numbers), 1))
    given = beside(design, batch, numbers, np.concatenate([memory, numbers], axis=1))
    given["padding_mask"] = numbers != NOWHERE
    if batch.memory:
        given["memory"] = batch.memories()
    if batch.targets:
        places = np.eye(numbers.shape[1], dtype="float32")
        given["target_mapping"] = np.tile(places, (len(numbers), 1, 1))
    return batch.ids(numbers), given


def beside(design, batch, queries, keys):
    """What a call is given beside ids and padding, by the numbers of queries and keys."""
    context = batch.entries(queries, keys)
    if design.counts_columns:
        context["position_ids"] = np.maximum(queries, 0)
    if design.segments:
        context["segment_ids"] = context["query_documents"]
    source = {**batch.sources(), "cross_context": {}} if design.kind == "Decoder" else {}
    return {"context": context, **source}


def run(stack, design, batch, state=None):
    """The outputs of a batch, whole and without a cache: float32 (rows, columns, D)."""
    ids, given = arguments(design, batch)
    return as_numbers(stack(ids, state=state, **given))


def cached(stack, design, batch, new, *, growing, at_once):
    """The vectors of each prompt's last token and of `new` tokens behind it: float32."""
    prompts = replace(
        batch, texts=tuple(text.cut(len(text.ids) - new) for text in batch.texts), targets=False
    )
    mask = prompts.numbers != NOWHERE
    rows, width = mask.shape
    known = Prompts(rows, width, None if mask.all() else mask)
    leading = np.zeros((rows, 1), int) if mask.all() else np.array(known.leading)[:, None]
    memory = batch.memories()
    steps = CachedStack(stack, known, None if growing else width + new + 1, memory=memory)
    cache, found, position = steps.first_cache(), [], 0
    for count in [width] + ([new] * (new > 0) if at_once else [1] * new):
        queries = np.arange(position, position + count) - leading
        ids = batch.ids(queries)

        def call(columns, padding_mask, state, queries=queries, ids=ids):
            slots = np.arange(np.array(state.length)) - batch.memory - leading
            slots = np.where(slots < -batch.memory, NOWHERE, slots)
            given = beside(design, batch, np.where(queries < 0, NOWHERE, queries), slots)
            return stack(ids, padding_mask=padding_mask, state=state, **given)

        hidden, cache = steps.step(ids, cache, position, call)
        found.append(as_numbers(hidden)[:, -1:] if position == 0 else as_numbers(hidden))
        position += count
    return np.concatenate(found, axis=1)


@contextlib.contextmanager
def blocks_of(queries):
    """Within it, attention is in blocks of so few queries wherever it can be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocked_attention, "BLOCK", queries)
        patch.setattr(blocked_attention, "MANY_SCORES", 0)
        yield


def alike(found, expected, design):
    close(found, expected, BOUNDS[design.policy], design)


# The properties


def a_row_is_the_same_alone_and_in_a_padded_batch(case):
    design, batch = case
    stack = design.make()
    together = run(stack, design, batch)
    for row, (found, numbers) in enumerate(zip(together, batch.numbers, strict=True)):
        alike(found[numbers != NOWHERE], run(stack, design, batch.alone(row))[0], design)


def a_cached_pass_is_the_whole_pass(case, growing, at_once, block):
    design, batch = case
    stack, new = design.make(), min(len(text.ids) for text in batch.texts) - 1
    with blocks_of(block):
        found = cached(stack, design, batch, new, growing=growing, at_once=at_once)
    for row, text in enumerate(batch.texts):
        whole = run(stack, design, batch.alone(row))[0]
        alike(found[row], whole[len(text.ids) - new - 1 :], design)


def a_cached_step_is_a_segment_behind_its_memory(case, mask, memory_length):
    design, batch = case
    design = replace(design, masks=(mask,), segments=False)
    stack, new = design.make(memory_length=memory_length), min(len(t.ids) for t in batch.texts) - 1
    found = cached(stack, design, batch, new, growing=False, at_once=False)
    for row in range(len(batch.texts)):
        alone = batch.alone(row)
        ids, (text,), memory = alone.ids(alone.numbers), alone.texts, alone.memories()
        first, filled, expected = len(text.ids) - new, text.filled, []
        segments = [(0, first), *((n, n + 1) for n in range(first, len(text.ids)))]
        for start, end in segments:
            state = StackState([LayerState() for _ in range(LAYERS)])
            context = {
                "memory_lengths": np.array([filled], "int32"),
                "position_ids": np.arange(start, end)[None],
            }
            hidden = stack(ids[:, start:end], memory=memory, context=context, state=state)
            memory = stack.update_memory(state.hidden_states, memory)
            filled = min(filled + end - start, memory_length or 99)
            expected.append(as_numbers(hidden)[0, -1])
        alike(found[row], np.stack(expected), design)


def a_query_gives_weight_exactly_to_what_it_may_see(case):
    design, batch = case
    stack, state = design.make(), StackState([LayerState() for _ in range(LAYERS)])
    run(stack, design, batch, state)
    for layer, slot in enumerate(state.layers):
        mask = design.masks[layer % len(design.masks)]
        streams = {mask: slot.self_attention}
        if design.kind == "TwoStreamEncoder":
            streams = {mask | SlidingWindowMask(0): slot.self_attention}
        if batch.targets:
            streams[mask] = slot.cross_attention
        for mask, attention in streams.items():
            for row, seen in enumerate(np.array(attention.weights) > 0):
                text, numbers = batch.texts[row], batch.numbers[row]
                first = np.argmax(numbers != NOWHERE)  # of the tokens: the memory stands before it
                keys = [*numbers[:first], *range(-batch.memory, 0), *numbers[first:]]
                expected = [
                    [key != NOWHERE and sees(mask, text, query, key) for key in keys]
                    for query in numbers[numbers != NOWHERE]
                ]
                found = seen[:, numbers != NOWHERE].tolist()
                assert found == [expected] * HEADS, (design, batch, layer, row)


def what_nobody_sees_moves_nobody(case, changed):
    design, batch = case
    batch = replace(batch.alone(changed % len(batch.texts)), targets=False)
    text, stack = batch.texts[0], design.make()
    length = len(text.ids)
    place = changed % length
    knows = np.eye(length, dtype=bool)
    for layer in range(LAYERS):
        mask = design.masks[layer % len(design.masks)]
        one = np.array([[sees(mask, text, q, k) for k in range(length)] for q in range(length)])
        knows = knows | (one @ knows)
    before = run(stack, design, batch)[0]
    ids = [*text.ids]
    ids[place] = ids[place] % 10 + 1
    after = run(stack, design, replace(batch, texts=(replace(text, ids=tuple(ids)),)))[0]
    np.testing.assert_array_equal(before[~knows[:, place]], after[~knows[:, place]], repr(design))


def gradients_are_finite(case):
    design, batch = case
    stack = design.make()
    ids, given = arguments(design, batch)
    with tf.GradientTape() as tape:
        outputs = stack(ids, training=True, **given)
        loss = tf.reduce_mean(tf.square(tf.cast(outputs, "float32")))
    assert np.isfinite(as_numbers(outputs)).all(), design
    gradients = tape.gradient(loss, stack.trainable_variables)
    for weight, gradient in zip(stack.trainable_variables, gradients, strict=True):
        if gradient is not None:
            dense = tf.convert_to_tensor(gradient)
            assert np.isfinite(as_numbers(dense)).all(), (design, batch, weight.path)


def blocks_of_queries_are_all_at_once(case, block):
    design, batch = case
    stack = design.make()
    ids, given = arguments(design, batch)

    def found():
        with tf.GradientTape() as tape:
            outputs = tf.cast(stack(ids, **given), "float32")
            loss = tf.reduce_mean(tf.sin(outputs))
        gradients = tape.gradient(loss, stack.trainable_variables)
        gradients = [tf.convert_to_tensor(x) for x in gradients if x is not None]
        return [as_numbers(x) for x in (outputs, *gradients)]

    expected = found()
    with blocks_of(block):
        for one, other in zip(expected, found(), strict=True):
            alike(one, other, design)


def a_target_that_starts_as_its_token_ends_as_it(case):
    design, batch = case
    masks = tuple(mask | SlidingWindowMask(0) for mask in design.masks)
    design = replace(design, masks=masks, segments=False)
    text = replace(batch.texts[0], ids=(3,) * len(batch.texts[0].ids))
    batch = replace(batch.alone(0), texts=(text,), targets=False)
    stack = design.make()
    stack.target.assign(as_numbers(stack.embeddings(np.array([[3]])))[0, 0])
    content = run(stack, design, batch)
    alike(run(stack, design, replace(batch, targets=True)), content, design)


def a_mask_reaches_as_far_as_it_sees(mask, text):
    context = {"prefix_lengths": np.array([text.prefix]), "memory_lengths": np.array([text.filled])}
    for query in range(len(text.ids)):
        low, high = mask.reach(query, query, context)
        low, high = -9 if low is None else int(low), 99 if high is None else int(high)
        for key in range(-3, len(text.ids)):
            assert low <= key <= high or not sees(mask, text, query, key), (mask, text, query, key)
            assert not (mask.is_causal and key > query and sees(mask, text, query, key)), mask


def what_cannot_be_is_refused_in_words(design, fault):
    change, words = fault
    design = replace(design, **{"position": "none", **change})
    if change.get("scorer") == "past" and all(mask.is_causal for mask in design.masks):  # no fault
        design.make()
    else:
        with pytest.raises(ValueError, match=words):
            design.make()


def a_saved_graph_is_the_stack(case):
    design, batch = case
    stack = design.make()
    ids, given = arguments(design, batch)
    given = {"inputs": ids, **given}
    eager = stack(**given)
    symbols = keras.tree.map_structure(
        lambda x: keras.Input([None if n != D else D for n in x.shape[1:]], dtype=str(x.dtype)),
        given,
    )
    model = keras.Model(symbols, stack(**symbols))
    assert model.output.shape[2:] == eager.shape[2:]
    assert model.output.dtype == keras.backend.standardize_dtype(eager.dtype)
    alike(as_numbers(model(given)), as_numbers(eager), design)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras")
    np.testing.assert_array_equal(as_numbers(loaded(given)), as_numbers(model(given)))
    alike(as_numbers(tf.function(loaded)(given)), as_numbers(eager), design)


BY_DISTANCE = st.sampled_from([
    CausalMask() & MemoryMask(),
    CausalMask() & MemoryMask() & SlidingWindowMask(2),
    CausalMask() & SameLengthMask() & MemoryMask(),
])  # fmt: skip
FAULTS = st.sampled_from([
    ({"key_value_heads": 3}, "cannot share num_key_value_heads=3"),
    ({"scorer": "past"}, "may show keys after their query, which RelativeScorer"),
    ({"score_cap": -2.0}, "score_cap=-2.0 was given; expected a number > 0"),
    ({"position": "rotary", "scorer": "relative"}, "does not go with RelativeScorer"),
    ({"norm": "post", "normalization": "batch"}, "normalization='batch' was given"),
    ({"norm": "middle"}, "norm='middle' was given; expected one of"),
])  # fmt: skip
RECURRENT, STREAMS = ["RecurrentEncoder"], ["TwoStreamEncoder"]
ALL = [*LEAVES, *OF_MEMORY]
# Each property with what it is drawn over, and how many draws the fast suite makes.
PROPERTIES = {
    a_row_is_the_same_alone_and_in_a_padded_batch: (6, cases()),
    a_cached_pass_is_the_whole_pass: (
        6, cases(causal=True, cached=True, targets=False), st.booleans(), st.booleans(),
        st.sampled_from([1, 2, 99]),
    ),
    a_cached_step_is_a_segment_behind_its_memory: (
        3, cases(kinds=RECURRENT, causal=True), BY_DISTANCE, st.sampled_from([None, 1, 3]),
    ),
    a_query_gives_weight_exactly_to_what_it_may_see: (6, cases(exact=True)),
    what_nobody_sees_moves_nobody: (5, cases(), st.integers(0, 99)),
    gradients_are_finite: (5, cases(hides_padding=False)),
    blocks_of_queries_are_all_at_once: (5, cases(exact=True), st.integers(1, 3)),
    a_target_that_starts_as_its_token_ends_as_it: (3, cases(kinds=STREAMS, added=False)),
    a_saved_graph_is_the_stack: (1, cases()),
    a_mask_reaches_as_far_as_it_sees: (60, expressions(ALL), texts(3)),
    what_cannot_be_is_refused_in_words: (6, designs(), FAULTS),
}  # fmt: skip


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_of_a_few_designs(holds):
    number, *strategies = PROPERTIES[holds]
    drawn(holds, number, *strategies)


@pytest.mark.slow
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_of_many_designs(holds):
    number, *strategies = PROPERTIES[holds]
    drawn(holds, MANY * number, *strategies)
