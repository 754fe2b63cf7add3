"""Draws designs of stacks, and texts for them; and says in plain Python who may see whom.

A design is one choice for each socket, a text is a row of tokens with what masks read of it. Tests
ask the same text alone, in a batch, padded on either side, in a cache, behind a memory.
"""

import os
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis
import keras
import numpy as np
from hypothesis import strategies as st

from tftransformer import masks as m
from tftransformer.core import copy_of
from tftransformer.layers import (
    FeedForward,
    MultiHeadAttention,
    RelativeScorer,
    Residual,
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
from tftransformer.stacks import Decoder, Encoder, RecurrentEncoder, TwoStreamEncoder

LAYERS, D, HEADS, VOCABULARY, LONGEST, SOURCE = 2, 8, 4, 11, 5, 3
STACKS = {cls.__name__: cls for cls in (Encoder, Decoder, RecurrentEncoder, TwoStreamEncoder)}
NORMS = {"layer": LayerNorm, "rms": keras.layers.RMSNormalization}
NOWHERE = -99  # the number of a column that holds no token


def drawn(holds, number, *strategies):
    """Asserts a property of so many draws."""
    number, seed = int(os.environ.get("COMBINATIONS", number)), os.environ.get("SEED")
    settings = hypothesis.settings(
        max_examples=number,
        deadline=None,
        derandomize=seed is None,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # a case takes a second
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    test = settings(hypothesis.given(*strategies)(holds))
    (test if seed is None else hypothesis.seed(int(seed))(test))()


@dataclass(frozen=True)
class Design:
    """A stack that is still to be made: one choice for each socket."""

    kind: str
    masks: tuple[m.Mask, ...]  # one for all layers, or one for each
    cross_mask: m.Mask = field(default_factory=m.PaddingMask)
    position: str = "none"  # none, learned, sinusoidal, rotary, bias
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
        if self.position == "rotary":
            return {"rotary": RotaryPositions(**common)}
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


@dataclass(frozen=True)
class Text:
    """A row of tokens, numbered from 0, and what masks read of it."""

    ids: tuple[int, ...]
    documents: tuple[int, ...]
    ranks: tuple[int, ...]
    prefix: int
    filled: int  # how many positions of the memory
    source: tuple[int, ...]

    def cut(self, length: int) -> "Text":
        return replace(self, ids=self.ids[:length])

    def shows(self, query: int, key: int) -> bool:
        """A mask that a person made elsewhere."""
        return (3 * query + 5 * key + self.prefix) % 4 != 0


@dataclass(frozen=True)
class Batch:
    """Texts in rows, each with its padding on one side; the same memory before all of them."""

    texts: tuple[Text, ...]
    sides: tuple[str, ...]
    room: int = 0  # columns beyond the longest text
    memory: int = 0
    targets: bool = False  # whether each place is asked for by a query stream, too

    @property
    def numbers(self) -> np.ndarray:
        """The number of the token in each column, or `NOWHERE`: int (rows, columns)."""
        width = max(len(text.ids) for text in self.texts) + self.room
        numbers = np.full((len(self.texts), width), NOWHERE)
        for row, text, side in zip(numbers, self.texts, self.sides, strict=True):
            length = len(text.ids)
            columns = slice(width - length, width) if side == "left" else slice(length)
            row[columns] = np.arange(length)
        return numbers

    @property
    def is_padded(self) -> bool:
        return bool((self.numbers == NOWHERE).any())

    def alone(self, row: int) -> "Batch":
        return replace(self, texts=self.texts[row : row + 1], sides=("right",), room=0)

    def ids(self, numbers: np.ndarray) -> np.ndarray:
        return self._each(lambda text, number: text.ids[number], numbers)

    def memories(self) -> list[np.ndarray] | None:
        """For each layer float (rows, memory, width), of each text its own."""
        if not self.memory:
            return None
        drawn = [
            np.random.default_rng([*text.source, text.prefix]).normal(size=(LAYERS, self.memory, D))
            for text in self.texts
        ]
        return list(np.stack(drawn, axis=1).astype("float32"))

    def sources(self) -> dict[str, np.ndarray]:
        """Vectors to attend to, float (rows, SOURCE, D), and which of them are real."""
        table = np.random.default_rng(1).normal(size=(VOCABULARY, D)).astype("float32")
        rows = []
        for text, side in zip(self.texts, self.sides, strict=True):
            padding = (0,) * (SOURCE - len(text.source))
            rows.append(padding + text.source if side == "left" else text.source + padding)
        ids = np.array(rows)
        return {"encoder_output": table[ids], "encoder_padding_mask": ids != 0}

    def entries(self, queries: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
        """What masks, scorers and embeddings read, of the numbers of queries and keys."""
        shown = [
            [[text.shows(q, k) for k in of_keys] for q in of_queries]
            for text, of_queries, of_keys in zip(self.texts, queries, keys, strict=True)
        ]
        of_queries, of_keys = self._documents(queries), self._documents(keys)
        return {
            "prefix_lengths": np.array([text.prefix for text in self.texts], "int32"),
            "query_documents": of_queries,
            "key_documents": of_keys,
            "query_segments": of_queries,
            "key_segments": of_keys,
            "permutation": self._each(lambda text, n: text.ranks[n], queries),
            "attention_mask": np.array(shown),
            "memory_lengths": np.array([text.filled for text in self.texts], "int32"),
        }

    def _documents(self, numbers: np.ndarray) -> np.ndarray:
        # A memory is of the text's first document.
        known = np.where(numbers == NOWHERE, numbers, np.maximum(numbers, 0))
        return self._each(lambda text, number: text.documents[number], known)

    def _each(self, value: Any, numbers: np.ndarray) -> np.ndarray:
        """A value of each token, int32; 0 for padding and what is not yet written."""
        rows = [
            [value(text, n) if 0 <= n < len(text.ids) else 0 for n in row]
            for text, row in zip(self.texts, numbers, strict=True)
        ]
        return np.array(rows, "int32")


def sees(mask: m.Mask, text: Text, query: int, key: int) -> bool:
    """Whether a token of a text may see another one, as the masks are described in words."""
    match mask:
        case m.And():
            return sees(mask.left, text, query, key) and sees(mask.right, text, query, key)
        case m.Or():
            return sees(mask.left, text, query, key) or sees(mask.right, text, query, key)
        case m.Not():
            return not sees(mask.mask, text, query, key)
        case m.PaddingMask():
            return True
        case m.CausalMask():
            return key <= query
        case m.SlidingWindowMask():
            return -mask.before <= key - query <= mask.after
        case m.PrefixMask():
            return key < text.prefix
        case m.DocumentMask():
            return text.documents[max(query, 0)] == text.documents[max(key, 0)]
        case m.PermutationMask():
            own, other = text.ranks[query], text.ranks[max(key, 0)]
            return key < 0 or other < own or (other == own and mask.stream == "content")
        case m.MemoryMask():
            return key >= -text.filled
        case m.SameLengthMask():
            return key >= query - text.filled
        case m.TensorMask():
            return text.shows(query, key)
    raise AssertionError(f"{mask!r} is not described")


LEAVES = [
    m.CausalMask(),
    m.PaddingMask(),
    m.SlidingWindowMask(0),
    m.SlidingWindowMask(2),
    m.SlidingWindowMask(1, after=1),
    m.PrefixMask(),
    m.DocumentMask(),
    m.TensorMask(),
]
OF_MEMORY = [m.MemoryMask(), m.SameLengthMask()]
OF_STREAMS = [m.PermutationMask(), m.PermutationMask("query")]


def expressions(leaves: list[m.Mask]) -> st.SearchStrategy[m.Mask]:
    """Draws trees of &, | and ~."""

    def joined(some: st.SearchStrategy[m.Mask]) -> st.SearchStrategy[m.Mask]:
        pairs = st.tuples(some, some)
        both, either = (
            pairs.map(lambda two: two[0] & two[1]),
            pairs.map(lambda two: two[0] | two[1]),
        )
        return both | either | some.map(lambda one: ~one)

    return st.recursive(st.sampled_from(leaves), joined, max_leaves=4)


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
    if kind == "TwoStreamEncoder" and not cached:
        leaves += OF_STREAMS
    positions = ["none", "rotary", "bias"] + ["learned", "sinusoidal"] * added
    if causal is None:
        causal = draw(st.booleans())

    def whole(mask: m.Mask) -> m.Mask:
        if causal:
            mask = mask & m.CausalMask()
        return mask & m.PaddingMask() if hides_padding else mask

    position = draw(st.sampled_from(positions))
    scorers = ["dot", "relative"] + ["past"] * causal
    if (
        position == "rotary"
    ):  # what is rotated and compared with what is not has no place of its own
        scorers = ["dot"]
    slots = st.lists(st.sampled_from(["before", "inside", "after"]), unique=True).map(tuple)
    norm = draw(st.one_of(st.sampled_from(["post", "pre", "sandwich"]), slots))
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
        normalization=draw(st.sampled_from(["layer", "rms"])),
        activation=draw(st.sampled_from(["relu", "gelu_tanh", "silu"])),
        gated=draw(st.booleans()),
        final_norm=draw(st.sampled_from([None, True, False])),
        zero_padding=draw(st.booleans()),
        segments=draw(st.booleans()),
        policy=draw(st.sampled_from(policies)),
        seed=draw(st.integers(0, 99)),
    )  # fmt: skip


@st.composite
def texts(draw: Any, memory: int) -> Text:
    length = draw(st.integers(1, LONGEST))

    def tokens(low: int, high: int, size: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=size, max_size=size)))

    return Text(
        ids=tokens(1, VOCABULARY - 1, length),
        documents=tuple(sorted(tokens(0, 1, length))),
        ranks=tuple(draw(st.permutations(range(length)))),
        prefix=draw(st.integers(0, length)),
        filled=draw(st.integers(0, memory)),
        source=tokens(1, VOCABULARY - 1, draw(st.integers(1, SOURCE))),
    )


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
