"""What holds of each socket alone holds where they meet: properties of drawn stacks.

`COMBINATIONS=5000 SEED=3 pytest tests/combinations` draws that many of each, others for each seed.
"""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from draw import (
    LAYERS,
    LEAVES,
    NOWHERE,
    OF_MEMORY,
    OF_STREAMS,
    batches,
    designs,
    drawn,
    expressions,
    sees,
    texts,
)
from hypothesis import strategies as st

from tftransformer.masks import SlidingWindowMask

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


def as_numbers(tensor):
    return np.array(tf.cast(tensor, "float32"))


def close(found, expected, design):
    bound = BOUNDS[design.policy] * max(1.0, np.abs(expected).max(initial=0.0))
    assert np.abs(found - expected).max(initial=0.0) <= bound, (design, found, expected)


# The properties


def a_row_is_the_same_alone_and_in_a_padded_batch(case):
    design, batch = case
    if batch.memory:  # it stands before the first column, not before the first token
        batch = replace(batch, sides=("right",) * len(batch.sides))
    stack = design.make()
    together = run(stack, design, batch)
    for row, (found, numbers) in enumerate(zip(together, batch.numbers, strict=True)):
        close(found[numbers != NOWHERE], run(stack, design, batch.alone(row))[0], design)


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
            assert np.isfinite(as_numbers(tf.convert_to_tensor(gradient))).all(), (
                design,
                batch,
                weight.path,
            )


def a_target_that_starts_as_its_token_ends_as_it(case):
    design, batch = case
    masks = tuple(mask | SlidingWindowMask(0) for mask in design.masks)
    design = replace(design, masks=masks, segments=False)
    text = replace(batch.texts[0], ids=(3,) * len(batch.texts[0].ids))
    batch = replace(batch.alone(0), texts=(text,), targets=False)
    stack = design.make()
    stack.target.assign(as_numbers(stack.embeddings(np.array([[3]])))[0, 0])
    content = run(stack, design, batch)
    close(run(stack, design, replace(batch, targets=True)), content, design)


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
    if design.scorer == "past" and all(mask.is_causal for mask in design.masks):
        design.make()
    else:
        with pytest.raises(ValueError, match=words):
            design.make()


FAULTS = st.sampled_from([
    ({"key_value_heads": 3}, "cannot share num_key_value_heads=3"),
    ({"scorer": "past"}, "may show keys after their query, which RelativeScorer"),
    ({"score_cap": -2.0}, "score_cap=-2.0 was given; expected a number > 0"),
    ({"norm": "post", "normalization": "batch"}, "normalization must be one of .* not 'batch'"),
    ({"norm": "middle"}, "norm must stand .* not 'middle'"),
])  # fmt: skip
ALL = [*LEAVES, *OF_MEMORY, *OF_STREAMS]
# Each property with how many draws are made, and over what.
PROPERTIES = {
    a_row_is_the_same_alone_and_in_a_padded_batch: (10, cases()),
    what_nobody_sees_moves_nobody: (8, cases(), st.integers(0, 99)),
    a_target_that_starts_as_its_token_ends_as_it: (
        4, cases(kinds=["TwoStreamEncoder"], added=False),
    ),
    gradients_are_finite: (8, cases(hides_padding=False)),
    a_mask_reaches_as_far_as_it_sees: (50, expressions(ALL), texts(3)),
    what_cannot_be_is_refused_in_words: (6, designs(), FAULTS),
}  # fmt: skip


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_of_drawn_designs(holds):
    number, *strategies = PROPERTIES[holds]
    drawn(holds, number, *strategies)
