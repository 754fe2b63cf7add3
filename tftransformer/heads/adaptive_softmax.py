"""AdaptiveSoftmax."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import Layer, fresh, register
from tftransformer.layers import AdaptiveEmbedding


@register
class AdaptiveSoftmax(Layer):
    """Log-probabilities over a vocabulary in clusters (Grave et al. 2017; Dai et al. 2019).

    The first softmax chooses among the tokens of the first cluster and the other clusters; each of
    the other clusters has a softmax over its own tokens. Log-probabilities can be used as logits,
    so losses and decoding take them as they are.

    Args:
        tied_to: the `AdaptiveEmbedding` whose clusters and tables it shares.
        tie_projections: whether all clusters but the first also share the projections.
        kernel_initializer: initializer of the cluster vectors; projections use the initializer of
            the embeddings.
    """

    def __init__(
        self,
        tied_to: AdaptiveEmbedding,
        *,
        tie_projections: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.kernel_initializer = kernel_initializer
        self.tied_to, self.tie_projections = tied_to, tie_projections
        self.cluster_table = self.cluster_bias = None

    def build(self, hidden_shape: Any) -> None:
        table = self.tied_to
        if not table.built:
            table.build()

        def weight(name: str, *shape: int, initializer: Any = self.kernel_initializer) -> Any:
            return self.add_weight(shape=shape, initializer=fresh(initializer), name=name)

        self.biases = [
            weight(f"bias_{index}", vectors.shape[0], initializer="zeros")
            for index, vectors in enumerate(table.tables)
        ]
        tails = len(table.clusters) - 1
        if tails:
            self.cluster_table = weight("cluster_table", tails, table.d_embed)
            self.cluster_bias = weight("cluster_bias", tails, initializer="zeros")
        own = (1 if self.tie_projections else tails + 1) if table.projects else 0
        self.projections = [
            weight(
                f"projection_{index}",
                hidden_shape[-1],
                table.d_embed // table.shrink**index,
                initializer=table.projection_initializer,
            )
            for index in range(own)
        ]

    def call(
        self,
        hidden: Any,
        inputs: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Returns log-probabilities (…, vocabulary) of (…, d_model), in the compute dtype."""
        clusters = self.tied_to.clusters
        *batch, width = ops.shape(hidden)
        hidden = ops.reshape(hidden, (-1, width))  # as one plain matrix product
        first = ops.log_softmax(self._scores(hidden, 0), axis=-1)
        parts = [first[:, : clusters[0][1]]]
        for index in range(1, len(clusters)):
            # Among the entries behind the first cluster's tokens is one for each other cluster.
            entry = clusters[0][1] + index - 1
            inside = ops.log_softmax(self._scores(hidden, index), axis=-1)
            parts.append(first[:, entry : entry + 1] + inside)
        whole = ops.cast(ops.concatenate(parts, axis=-1), self.compute_dtype)
        return ops.reshape(whole, (*batch, clusters[-1][1]))

    def _scores(self, hidden: Any, index: int) -> Any:
        """Logits of a softmax: of the first cluster with the others, or inside one; float32."""
        table = self.tied_to
        start, end = table.clusters[index]
        vectors = table.cluster_table(index)
        bias = self.biases[index] if table.shrink > 1 else self.biases[0][start:end]
        if index == 0 and len(table.clusters) > 1:
            vectors = ops.concatenate([vectors, self.cluster_table], axis=0)
            bias = ops.concatenate([bias, self.cluster_bias], axis=0)
        if table.projects:
            if index < len(self.projections):
                projection = ops.convert_to_tensor(self.projections[index])
            else:
                tied = table.projections[index if table.shrink > 1 else 0]
                projection = ops.transpose(tied)
            hidden = ops.matmul(hidden, ops.cast(projection, hidden.dtype))
        scores = ops.matmul(hidden, ops.transpose(ops.cast(vectors, hidden.dtype)))
        return ops.cast(scores, "float32") + ops.cast(bias, "float32")

    def compute_output_shape(self, hidden_shape: Any) -> tuple[int | None, ...]:
        return (*hidden_shape[:-1], self.tied_to.bounds[-1])
