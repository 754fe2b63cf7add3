"""AdaptiveEmbedding."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, checked_ids, fresh, register


@register
class AdaptiveEmbedding(Layer):
    """A token table in clusters, with narrower vectors for rarer tokens (Baevski and Auli 2019).

    Ids must be sorted by frequency. Those before the first cutoff have vectors of width `d_embed`;
    in each further cluster the width shrinks by the factor `shrink`. A projection brings each
    cluster to `d_model`. Use it as the table of `TokenEmbeddings`.

    Args:
        vocab_size: number of token ids.
        d_model: width of the output.
        cutoffs: ids at which a new cluster begins, ascending; default: a single cluster.
        d_embed: width of the vectors in the first cluster; default `d_model`.
        shrink: factor by which each cluster is narrower than the one before. With 1 there is a
            single table, and a projection only if `d_embed` is not `d_model`.
        embeddings_initializer: initializer of the tables; default: a standard deviation of
            1/√d_model.
        projection_initializer: initializer of the projections; the default keeps the variance.
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        *,
        cutoffs: Sequence[int] | None = None,
        d_embed: int | None = None,
        shrink: int = 1,
        embeddings_initializer: Any = None,
        projection_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        cutoffs = list(cutoffs or ())
        self.bounds = [0, *cutoffs, vocab_size]
        if sorted(set(self.bounds)) != self.bounds:
            raise ValueError(f"cutoffs ascend between 0 and vocab_size={vocab_size}, not {cutoffs}")
        self.d_model, self.d_embed, self.shrink = d_model, d_embed or d_model, shrink
        if shrink < 1 or self.d_embed < shrink ** len(cutoffs):
            raise ValueError(
                f"d_embed={self.d_embed} divided by shrink={shrink} for each of {len(cutoffs)} "
                "cutoffs leaves no width: take fewer cutoffs, or a smaller shrink of 1 or more."
            )
        self.projection_initializer = projection_initializer
        self.projects = shrink > 1 or self.d_embed != d_model
        self.embeddings_initializer = embeddings_initializer or keras.initializers.RandomNormal(
            stddev=d_model**-0.5
        )

    @property
    def clusters(self) -> list[tuple[int, int]]:
        """The first id of each cluster, and the first after it."""
        return list(zip(self.bounds[:-1], self.bounds[1:], strict=True))

    def build(self, ids_shape: Any = None) -> None:
        tables = self.clusters if self.shrink > 1 else [(0, self.bounds[-1])]
        widths = [self.d_embed // self.shrink**index for index in range(len(tables))]
        self.tables = [
            self.add_weight(
                shape=(end - start, width),
                initializer=fresh(self.embeddings_initializer),
                name=f"table_{index}",
            )
            for index, ((start, end), width) in enumerate(zip(tables, widths, strict=True))
        ]
        self.projections = [
            self.add_weight(
                shape=(width, self.d_model),
                initializer=fresh(self.projection_initializer),
                name=f"projection_{index}",
            )
            for index, width in enumerate(widths if self.projects else ())
        ]

    def call(self, ids: Any) -> Any:
        """Looks up int ids (…) as float vectors (…, d_model), in the compute dtype."""
        ids = checked_ids(ids, self.bounds[-1])
        if len(self.tables) == 1:
            return self._look_up(0, ids)
        x = 0.0
        for index, (start, end) in enumerate(self.clusters):
            row = ops.maximum(ids - start, 0)
            own = ids >= start
            if index < len(self.clusters) - 1:  # the last table is asked for what is out of range
                row, own = ops.minimum(row, end - start - 1), ops.logical_and(own, ids < end)
            vectors = self._look_up(index, row)
            x = ops.where(ops.expand_dims(own, -1), vectors, x)
        return x

    def _look_up(self, index: int, ids: Any) -> Any:
        x = ops.cast(ops.take(self.tables[index], ids, axis=0), self.compute_dtype)
        if self.projects:
            x = ops.matmul(x, ops.cast(self.projections[index], x.dtype))
        return x

    def cluster_table(self, index: int) -> Any:
        """Returns the vectors of the tokens of a cluster: (tokens, width)."""
        if self.shrink > 1:
            return self.tables[index]
        start, end = self.clusters[index]
        return self.tables[0][start:end]

    def compute_output_shape(self, ids_shape: Any) -> tuple[int | None, ...]:
        return (*ids_shape, self.d_model)
