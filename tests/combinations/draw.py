"""Draws designs of stacks, one choice for each socket, and batches for them."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from hypothesis import strategies as st
from rows import (
    LAYERS,
    LEAVES,
    LONGEST,
    OF_MEMORY,
    SOURCE,
    VOCABULARY,
    Batch,
    D,
    expressions,
    texts,
)

from tftransformer import masks as m
from tftransformer.core import copy_of
from tftransformer.layers import (
    FeedForward,
    MultiHeadAttention,
    RelativeScorer,
    Residual,
    ShiftedRMSNorm,
    SoftmaxAttention,
    TokenEmbeddings,
)
from tftransformer.layers.norms import LayerNorm
from tftransformer.positions import (
    BucketedBias,
    LearnedPositions,
    RotaryPositions,
    SinusoidalPositions,
)
from tftransformer.stacks import (
    Decoder,
    Encoder,
    ParallelEncoder,
    RecurrentEncoder,
    TwoStreamEncoder,
)

HEADS = 4
KINDS = Encoder, ParallelEncoder, Decoder, RecurrentEncoder, TwoStreamEncoder
STACKS = {cls.__name__: cls for cls in KINDS}
NORMS = {"layer": LayerNorm, "rms": keras.layers.RMSNormalization, "shifted_rms": ShiftedRMSNorm}
# How rotary positions turn: all features in pairs of neighbours, or half of them, more slowly.
TURNS = {
    "rotary": {},
    "rotary of a part": {
        "layout": "concatenated",
        "width": 2,
        "scaling": {"rope_type": "linear", "factor": 3.0},
    },
}


@dataclass(frozen=True)
class Design:
    """A stack that is still to be made: one choice for each socket."""

    kind: str
    masks: tuple[m.Mask, ...]  # one for all layers, or one for each
    cross_mask: m.Mask = field(default_factory=m.PaddingMask)
    position: str = "none"  # none, learned, sinusoidal, bias, or one of TURNS
    scorer: str = "dot"  # dot, relative, past: relative without the future
    key_value_heads: int = HEADS
    head_norms: bool = False
    score_cap: float | None = None
    norm: str | tuple[str, ...] = "post"  # a word, or the slots that hold one
    normalization: str = "layer"
    activation: str = "relu"
    gated: bool = False
    final_norm: bool | None = None
    zero_padding: bool = False
    segments: bool = False
    policy: str = "float32"
    seed: int = 0

    @property
    def has_memory(self) -> bool:
        return self.kind in ("RecurrentEncoder", "TwoStreamEncoder")

    @property
    def counts_columns(self) -> bool:
        """Whether positions are numbers that are added, and not distances."""
        return self.position in ("learned", "sinusoidal")

    def make(self, **options: Any) -> Encoder:
        """Returns the stack, with weights large enough to tell things apart."""
        common = {"dtype": self.policy}
        made = {"position": None, "rotary": None, **self._positions(common)}
        feed_forward = None
        if self.gated:
            feed_forward = FeedForward(D, 12, activation=self.activation, gated=True, **common)
        if self.kind == "Decoder":
            options["cross_mask"] = self.cross_mask
        stack = STACKS[self.kind](
            LAYERS,
            D,
            HEADS,
            12,
            mask=self.masks[0] if len(self.masks) == 1 else self.masks,
            embeddings=TokenEmbeddings(
                VOCABULARY,
                D,
                position=made.pop("position"),
                segments=2 if self.segments else None,
                **common,
            ),
            attention=self._attention(made.pop("rotary"), common),
            feed_forward=feed_forward,
            num_key_value_heads=self.key_value_heads,
            activation=self.activation,
            final_norm=self.final_norm,
            zero_padding=self.zero_padding,
            dropout=0.0,
            **self._norms(common),
            **made,
            **common,
            **options,
        )
        shapes = [(None, LONGEST)] + [(None, SOURCE, D)] * (self.kind == "Decoder")
        stack.build(*shapes)
        self.shake(stack)
        return stack

    def shake(self, stack: Encoder) -> None:
        random = np.random.default_rng(self.seed)
        for weight in stack.weights:
            start = 1.0 if weight.name in ("gamma", "scale") else 0.0
            weight.assign(start + random.normal(size=weight.shape, scale=0.4))

    def _positions(self, common: dict[str, Any]) -> dict[str, Any]:
        if self.position == "learned":
            return {"position": LearnedPositions(D, 2 * LONGEST, **common)}
        if self.position == "sinusoidal":
            return {"position": SinusoidalPositions(D, **common)}
        if self.position in TURNS:
            return {"rotary": RotaryPositions(**TURNS[self.position], **common)}
        if self.position == "bias":
            return {"position_bias": BucketedBias(HEADS, num_buckets=8, max_distance=6, **common)}
        return {}

    def _attention(self, rotary: Any, common: dict[str, Any]) -> MultiHeadAttention:
        scorer = None
        if self.scorer != "dot":
            future = self.scorer == "relative"
            scorer = RelativeScorer(D, future=future, segments=self.segments, **common)
        norms = [LayerNorm(epsilon=1e-5, **common) if self.head_norms else None for _ in "qk"]
        return MultiHeadAttention(
            D,
            HEADS,
            num_key_value_heads=self.key_value_heads,
            core=SoftmaxAttention(scorer, score_cap=self.score_cap, **common),
            rotary=rotary,
            query_norm=norms[0],
            key_norm=norms[1],
            **common,
        )

    def _norms(self, common: dict[str, Any]) -> dict[str, Any]:
        if isinstance(self.norm, str):
            return {"norm": self.norm, "normalization": self.normalization}
        norm = NORMS[self.normalization](epsilon=1e-5, **common)
        residual = Residual(**{slot: copy_of(norm) for slot in self.norm}, **common)
        names = ["attention_residual", "feed_forward_residual"]
        names += ["cross_attention_residual"] * (self.kind == "Decoder")
        return dict.fromkeys(names, residual)


@st.composite
def designs(
    draw: Any,
    kinds: Any = tuple(STACKS),
    causal: bool | None = None,
    hides_padding: bool = True,
    cached: bool = False,
    added: bool = True,
    exact: bool = False,
) -> Design:
    """Draws a design.

    Args:
        draw: of hypothesis.
        kinds: the stacks to choose from.
        causal: whether no query sees what follows it; None: either.
        hides_padding: whether nobody sees padding.
        cached: whether it is to run with a cache as without: nothing then depends on columns, nor
            on where a step begins.
        added: whether positions may be added to the embeddings.
        exact: whether it computes in float32.
    """
    kind = draw(st.sampled_from(kinds))
    leaves = list(LEAVES)
    if kind in ("RecurrentEncoder", "TwoStreamEncoder"):
        leaves += OF_MEMORY[:1] if cached else OF_MEMORY
    positions = ["none", *TURNS, "bias"] + ["learned", "sinusoidal"] * added
    if causal is None:
        causal = draw(st.booleans())

    def whole(mask: m.Mask) -> m.Mask:
        if causal:
            mask = mask & m.CausalMask()
        return mask & m.PaddingMask() if hides_padding else mask

    position = draw(st.sampled_from(positions))
    scorers = ["dot", "relative"] + ["past"] * causal
    if position in TURNS:  # the others do not take what is rotated
        scorers = ["dot"]
    after = ["after"] * (kind != "ParallelEncoder")  # whose sublayers share a sum
    slots = st.lists(st.sampled_from(["before", "inside", *after]), unique=True).map(tuple)
    places = ["pre", "sandwich", *["post" for _ in after]]
    norm = draw(st.one_of(st.sampled_from(places), slots))
    policies = ["float32"] * 3
    if norm and not exact:  # without a norm numbers grow, and so do their roundings
        policies += ["mixed_bfloat16", "mixed_float16"]
    return Design(
        kind=kind,
        masks=tuple(
            draw(st.lists(expressions(leaves).map(whole), min_size=1, max_size=LAYERS))
        ),
        cross_mask=draw(
            st.sampled_from([
                m.PaddingMask(),
                m.PaddingMask() & m.SlidingWindowMask(1, after=1),
                m.CausalMask() & m.PaddingMask(),
            ])
        ),
        position=position,
        scorer=draw(st.sampled_from(scorers)),
        key_value_heads=draw(st.sampled_from([1, 2, 4])),
        head_norms=draw(st.booleans()),
        score_cap=draw(st.sampled_from([None, 2.0])),
        norm=norm,
        normalization=draw(st.sampled_from([*NORMS])),
        activation=draw(st.sampled_from(["relu", "gelu_tanh", "silu"])),
        gated=draw(st.booleans()),
        final_norm=draw(st.sampled_from([None, True, False])),
        zero_padding=draw(st.booleans()),
        segments=draw(st.booleans()),
        policy=draw(st.sampled_from(policies)),
        seed=draw(st.integers(0, 99)),
    )  # fmt: skip


@st.composite
def batches(draw: Any, design: Design, *, memory: bool = True, targets: bool = True) -> Batch:
    """Draws texts for a design, with a memory and with targets where it takes them."""
    memory = draw(st.integers(0, 3)) if design.has_memory and memory else 0
    rows = draw(st.lists(texts(memory), min_size=1, max_size=3))
    sides = st.lists(st.sampled_from(["left", "right"]), min_size=len(rows), max_size=len(rows))
    return Batch(
        texts=tuple(rows),
        sides=tuple(draw(sides)),
        room=draw(st.integers(0, 2)),
        memory=memory,
        targets=design.kind == "TwoStreamEncoder" and targets and draw(st.booleans()),
    )
