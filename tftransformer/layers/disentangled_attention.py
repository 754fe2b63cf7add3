"""DisentangledAttention."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.layers.disentangled_scorer import DisentangledScorer
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.multi_head_attention import MultiHeadAttention
from tftransformer.layers.projection import make_projection

# Which of the two is the content and which the distance: query to key.
TERMS = ("c2p", "p2c")


@register
class DisentangledAttention(MultiHeadAttention):
    """Attention to content and distances apart (DeBERTa, He et al. 2021, §3.1).

    Scores are those of `DisentangledScorer`, divided by √(head width · (1 + number of terms)). The
    stack brings the vectors of distances: `Encoder(distances=DistanceVectors(…))`.

    Args:
        d_model: width of the output, and of the vectors of distances.
        num_heads: number of heads.
        terms: "c2p", whether queries are compared with keys of distances; "p2c", whether queries of
            distances are compared with keys.
        shared: whether vectors of distances are projected as tokens are; otherwise there are
            projections of their own.
        distance_bias: whether the projection of their own to keys has a bias; that to queries has
            one.
        distance_dropout: rate on the vectors of distances.
        kernel_initializer: initializer of all projections.
        **options: further arguments of `MultiHeadAttention`: dropout, key_bias.

    Example:

    >>> layer = DisentangledAttention(8, 2)
    >>> distances = tt.positions.DistanceVectors(8, 4)(np.arange(3), np.arange(3))
    >>> layer(np.ones((1, 3, 8), "float32"), context={"distance_vectors": distances}).shape
    TensorShape([1, 3, 8])
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        terms: Sequence[str] = TERMS,
        shared: bool = True,
        distance_bias: bool = True,
        distance_dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        **options: Any,
    ):
        if not terms or isinstance(terms, str) or not {*terms} <= {*TERMS}:
            raise ValueError(f"terms are some of {TERMS}, not {terms!r}")
        super().__init__(
            d_model,
            num_heads,
            scorer=DisentangledScorer(
                (d_model // num_heads * (1 + len({*terms}))) ** -0.5,
                dtype=options.get("dtype"),
                name="scorer",
            ),
            kernel_initializer=kernel_initializer,
            **options,
        )
        self.terms, self.shared = terms, shared
        self.distance_dropout = Dropout(
            distance_dropout, dtype=self.dtype_policy, name="distance_dropout"
        )

        def projection(name: str, bias: bool) -> Any:
            return make_projection(name, d_model, bias, kernel_initializer, self.dtype_policy)

        own = () if shared else terms
        self.distance_key = projection("distance_key", distance_bias) if "c2p" in own else None
        self.distance_query = projection("distance_query", True) if "p2c" in own else None

    def build(self, query_shape: Any, value_shape: Any = None) -> None:
        super().build(query_shape, value_shape)
        for own in (self.distance_key, self.distance_query):
            if own is not None:
                own.build((None, self.d_model))

    def scored(self, context: Mapping[str, Any], training: bool | None) -> Mapping[str, Any]:
        if "distance_vectors" not in context:
            raise ValueError(
                "DisentangledAttention found no 'distance_vectors' in the context: the stack makes "
                "them, Encoder(distances=DistanceVectors(d_model, reach))."
            )
        vectors = self.distance_dropout(context["distance_vectors"], training=training)
        found = {}
        if "c2p" in self.terms:
            found["distance_keys"] = self._of_heads((self.distance_key or self.key)(vectors))
        if "p2c" in self.terms:
            found["distance_queries"] = self._of_heads((self.distance_query or self.query)(vectors))
        return {**context, **found}

    def _of_heads(self, vectors: Any) -> Any:
        """(…, distances, heads · width) → (…, heads, distances, width)."""
        *rows, count, _ = ops.shape(vectors)
        split = ops.reshape(vectors, (*rows, count, self.num_heads, self.head_width))
        return ops.swapaxes(split, -2, -3)
