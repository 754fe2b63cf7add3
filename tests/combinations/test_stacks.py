"""Drawn combinations of sockets: what holds of each alone holds where they meet.

`COMBINATIONS=5000 pytest tests/combinations` draws that many; the default keeps the suite fast.
"""

import os

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.layers import (
    KeyValueCache,
    LayerState,
    MultiHeadAttention,
    RelativeScorer,
    StackState,
    TokenEmbeddings,
)
from tftransformer.masks import CausalMask, PaddingMask, SlidingWindowMask
from tftransformer.positions import (
    BucketedBias,
    LearnedPositions,
    RotaryPositions,
    SinusoidalPositions,
)
from tftransformer.stacks import Encoder

D, HEADS, LENGTH, V = 8, 4, 5, 11
COMMON = settings(
    max_examples=int(os.environ.get("COMBINATIONS", 12)), deadline=None, derandomize=True
)
CAUSAL = [
    CausalMask(),
    CausalMask() & PaddingMask(),
    SlidingWindowMask(1) & PaddingMask(),
    (CausalMask() & SlidingWindowMask(2)) | SlidingWindowMask(0),
]
OTHER = [PaddingMask(), SlidingWindowMask(1, after=1), ~SlidingWindowMask(0) & PaddingMask()]
POSITIONS = {
    "none": dict,
    "sines": lambda: {"position": SinusoidalPositions(D)},
    "learned": lambda: {"position": LearnedPositions(D, 16)},
    "rotary": lambda: {"rotary": RotaryPositions()},
    "bias": lambda: {"position_bias": BucketedBias(HEADS, 8, 16)},
}


@st.composite
def stacks(draw, masks):
    """A stack of drawn sockets."""
    options = POSITIONS[draw(st.sampled_from(sorted(POSITIONS)))]()
    mask = draw(
        st.one_of(st.sampled_from(masks), st.lists(st.sampled_from(masks), min_size=2, max_size=2))
    )
    shared, rotary = draw(st.sampled_from([1, 2, 4])), options.pop("rotary", None)
    attention = MultiHeadAttention(
        D,
        HEADS,
        num_key_value_heads=shared,
        rotary=rotary,
        scorer=RelativeScorer(D) if draw(st.booleans()) else None,
    )
    embeddings = TokenEmbeddings(V, D, position=options.pop("position", None))
    return Encoder(
        2,
        D,
        HEADS,
        12,
        mask=mask,
        attention=attention,
        embeddings=embeddings,
        norm=draw(st.sampled_from(["pre", "post", "sandwich"])),
        normalization=draw(st.sampled_from(["layer", "rms"])),
        dropout=0.0,
        **options,
    )


IDS = st.lists(
    st.lists(st.integers(1, V - 1), min_size=LENGTH, max_size=LENGTH), min_size=1, max_size=3
).map(lambda rows: np.array(rows, "int32"))


@COMMON
@given(stack=stacks(CAUSAL), ids=IDS)
def test_cached_equals_uncached(stack, ids):
    cache, steps = None, []
    whole = np.array(stack(ids))
    cache = stack.empty_cache(len(ids), LENGTH)
    for t in range(LENGTH):
        slots = [LayerState(KeyValueCache(**own, position=t)) for own in cache]
        state = StackState(slots, position=t, length=LENGTH)
        steps.append(stack(ids[:, t : t + 1], state=state))
        cache = [{"key": s.self_attention.key, "value": s.self_attention.value} for s in slots]
    np.testing.assert_allclose(np.concatenate(steps, axis=1), whole, atol=1e-4)


@COMMON
@given(stack=stacks(CAUSAL), ids=IDS, changed=st.integers(1, LENGTH - 1))
def test_nothing_before_a_token_knows_it(stack, ids, changed):
    moved = ids.copy()
    moved[:, changed] = ids[:, changed] % (V - 1) + 1
    before, after = np.array(stack(ids)), np.array(stack(moved))
    np.testing.assert_allclose(after[:, :changed], before[:, :changed], atol=1e-5)


@COMMON
@given(stack=stacks(CAUSAL + OTHER), ids=IDS, padded=st.integers(0, LENGTH))
def test_gradients_are_finite_rows_independent_and_the_configuration_whole(stack, ids, padded):
    ids[0, padded:] = 0
    with tf.GradientTape() as tape:
        whole = stack(ids)
        loss = tf.reduce_sum(tf.square(whole))
    for gradient in tape.gradient(loss, stack.trainable_variables):
        if gradient is not None:
            assert np.all(np.isfinite(tf.convert_to_tensor(gradient)))
    np.testing.assert_allclose(stack(ids[:1]), whole[:1], atol=1e-5)
    again = Encoder.from_config(stack.get_config())
    again.build(ids.shape)
    again.set_weights(stack.get_weights())
    np.testing.assert_allclose(again(ids), whole, atol=1e-6)
