"""RelativeScorer."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import Layer, fresh, register
from tftransformer.layers.dropout import Dropout
from tftransformer.masks import Mask
from tftransformer.positions import SinusoidalPositions


@register
class RelativeScorer(Layer):
    """Scores by content and by distance (Transformer-XL, Dai et al. 2019, §3.3).

    `((q + u) · k + (q + v) · W_r R[distance] + (q + s) · E[other segment]) / √(head width)`, where
    the distance is the query's position less the key's, R its sines and cosines, and the last
    term that of XLNet (Yang et al. 2019, §2.5).

    Positions are read from the context and count up by one from column to column; so only those of
    the first query and the first key matter, and memory before position 0 is nothing special.
    Queries are not to be rotated: u, v and the encodings are not.

    Args:
        d_model: width of the encoding of a distance.
        clamp: the largest distance told apart, in both directions; None = all are.
        future: whether keys after their query are scored too. False where the mask hides them:
            it saves up to half of the work, and what stands there has no meaning.
        segments: whether there is a term for the segment. It acts where the context holds
            `query_segments` and `key_segments`, int (batch, queries) and (batch, keys).
        dropout: rate on the encodings of distances.
        initializer: of all weights.
    """

    assignable = frozenset({"clamp", "future"})
    # A rotated query beside what is not rotated would count columns, and padding with them.
    takes_rotated = False

    def __init__(
        self,
        d_model: int,
        *,
        clamp: int | None = None,
        future: bool = True,
        segments: bool = False,
        dropout: float = 0.0,
        initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if clamp is not None and clamp < 1:
            raise ValueError(f"clamp is a distance of 1 or more, or None, not {clamp}")
        self.clamp, self.future, self.segments = clamp, future, segments
        self.initializer = initializer
        self.encoding = SinusoidalPositions(
            d_model, layout="concatenated", dtype=self.dtype_policy, name="encoding"
        )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.segment_bias = self.segment = None

    def check_mask(self, mask: Mask) -> None:
        """Raises a ValueError for a mask under which what is not scored would count."""
        if not self.future and not mask.is_causal:
            raise ValueError(
                f"{mask!r} may show keys after their query, which RelativeScorer(future=False) "
                "does not score: RelativeScorer(future=True), or & CausalMask()."
            )

    def build(self, query_shape: Any, key_shape: Any = None) -> None:
        _, heads, _, width = query_shape

        def weight(name: str, *shape: int) -> Any:
            return self.add_weight(shape=shape, initializer=fresh(self.initializer), name=name)

        self.content_bias = weight("content_bias", heads, width)
        self.position_bias = weight("position_bias", heads, width)
        self.position = weight("position", self.encoding.d_model, heads * width)
        if self.segments:
            self.segment_bias = weight("segment_bias", heads, width)
            self.segment = weight("segment", 2, heads, width)

    def call(self, query: Any, key: Any, context: Mapping[str, Any] | None = None) -> Any:
        """Scores each query against each key.

        Args:
            query: float tensor (batch, heads, queries, head width).
            key: float tensor (batch, heads, keys, head width).
            context: holds `query_positions` and `key_positions`, int (queries,) and (keys,), or
                so for each row; default: the columns; and the segments, if there are some.

        Returns:
            float tensor (batch, heads, queries, keys).
        """
        context = context or {}
        query = query * query.shape[-1] ** -0.5
        scores = ops.matmul(self._biased(query, self.content_bias), ops.swapaxes(key, -1, -2))
        encoded = self._encode(*self._distances(query, key, context))
        by_distance = ops.matmul(self._biased(query, self.position_bias), encoded)
        scores = scores + shift_to_keys(by_distance, ops.shape(key)[2])
        if self.segments and "query_segments" in context:
            scores = scores + self._score_segments(query, context)
        return scores

    def _biased(self, query: Any, bias: Any) -> Any:
        """`query + bias`, where the query is scaled already."""
        return query + ops.cast(bias, query.dtype)[:, None] * query.shape[-1] ** -0.5

    def _distances(self, query: Any, key: Any, context: Mapping[str, Any]) -> tuple[Any, Any]:
        """The largest distance, and how many there are from it downwards."""
        first_query, first_key = (
            ops.cast(context[name][..., 0], "int32") if name in context else 0
            for name in ("query_positions", "key_positions")
        )
        queries, keys = ops.shape(query)[2], ops.shape(key)[2]
        return first_query - first_key + queries - 1, keys + (queries if self.future else 1)

    def _encode(self, largest: Any, count: Any) -> Any:
        """Keys of the distances: (heads, head width, count), or so for each row."""
        distances = ops.expand_dims(largest, -1) - ops.arange(count)
        if self.clamp is not None:
            distances = ops.clip(distances, -self.clamp, self.clamp)
        encoded = self.dropout(self.encoding(distances))
        encoded = ops.matmul(encoded, ops.cast(self.position, encoded.dtype))
        heads, width = self.content_bias.shape
        split = ops.reshape(encoded, (*ops.shape(encoded)[:-1], heads, width))
        return ops.moveaxis(split, -3, -1)

    def _score_segments(self, query: Any, context: Mapping[str, Any]) -> Any:
        """One score for keys of the query's own segment, one for those of others."""
        table = ops.transpose(ops.cast(self.segment, query.dtype), (1, 2, 0))
        own, other = ops.split(
            ops.matmul(self._biased(query, self.segment_bias), table), 2, axis=-1
        )
        differs = ops.not_equal(
            context["query_segments"][:, :, None], context["key_segments"][:, None, :]
        )
        return ops.where(differs[:, None], other, own)

    def compute_output_shape(
        self, query_shape: Any, key_shape: Any, context_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (*query_shape[:-1], key_shape[-2])


def shift_to_keys(by_distance: Any, keys: Any) -> Any:
    """Turns scores by distance into scores by key: the "relative shift".

    Column c of the input is the distance D − c, where the last query has distance D to the first
    key. Query i of Q finds its first key in column Q − 1 − i, one column further left than the
    query before; read as one long row, each query's keys begin `columns − 1` after the previous.

    Args:
        by_distance: float tensor (batch, heads, queries, columns), columns > keys.
        keys: how many keys there are.

    Returns:
        float tensor (batch, heads, queries, keys).
    """
    batch, heads, queries, columns = ops.shape(by_distance)
    line = ops.reshape(by_distance, (batch, heads, queries * columns))
    line = line[:, :, queries - 1 : queries - 1 + queries * (columns - 1)]
    return ops.reshape(line, (batch, heads, queries, columns - 1))[..., :keys]
