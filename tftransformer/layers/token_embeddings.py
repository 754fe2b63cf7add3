"""TokenEmbeddings."""

from typing import Any, Literal

import keras
from keras import ops

from tftransformer.core import Layer, build_once, check_layer, checked_ids, fresh, register, require
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection
from tftransformer.positions import RotaryPositions


@register
class TokenEmbeddings(Layer):
    """Vectors of tokens, with their positions (Vaswani et al. 2017, §3.4 and §3.5).

    `dropout(norm(E[ids] · √width + P[positions] + S[segments] + L[languages]))`; all parts but the
    first are optional. Vectors of another width than the model's are projected to it in the end.

    Args:
        vocab_size: number of token ids.
        d_model: width of the output.
        width: width of the tables, if they are factorised (Lan et al. 2020, §3.1): then the output
            is `dropout(…) W + b`. Default: d_model, without that projection.
        position: layer from int positions to vectors of the width of the tables, or None.
        scale: whether token vectors are multiplied by the root of their width. The table is then
            initialised with its inverse as standard deviation, so that the vectors start near unit
            variance.
        dropout: rate on the sum.
        token_dropout: rate at which training drops the whole vector of a token, but not its
            position, so that no text depends on a single word (Iyyer et al. 2015, §3.1).
        pad_id: the id of padding; None if there is none.
        table: an `Embedding` layer to share; default: a new table.
        segments: number of segments, each with a vector (Devlin et al. 2019, §3); or "tokens" to
            look up segment ids in the table of the tokens (Radford et al. 2018); None for none.
        languages: number of languages, each with a vector (Lample and Conneau 2019, §3.1).
        spelling: number of spelling features of words, each with a vector. The vectors of the
            features of its word are added to that of the token (as in Bojanowski et al. 2017).
            Training drops each of them independently, at the rate of `token_dropout`. None for
            none.
        norm: layer that normalises the sum, or None.
        embeddings_initializer: initializer of the tables; default: see `scale`.
        kernel_initializer: initializer of the projection.
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        *,
        width: int | None = None,
        position: keras.layers.Layer | None = None,
        scale: bool = True,
        dropout: float = 0.0,
        token_dropout: float = 0.0,
        pad_id: int | None = 0,
        table: keras.layers.Embedding | None = None,
        segments: int | Literal["tokens"] | None = None,
        languages: int | None = None,
        spelling: int | None = None,
        norm: keras.layers.Layer | None = None,
        embeddings_initializer: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if isinstance(position, RotaryPositions):
            raise TypeError(
                "RotaryPositions turn queries and keys and are not added to embeddings: give them "
                "to the layers, rotary=RotaryPositions(), and position=None."
            )
        check_layer("position", position, "positions", such_as="LearnedPositions(d_model, 512)")
        self.projection = None
        if width is not None:
            self.projection = make_projection(
                "projection", d_model, True, kernel_initializer, self.dtype_policy
            )
        self.width = width = width or d_model
        given = getattr(position, "d_model", width)
        require(given == width, "the d_model of position", given, f"that of the tokens, {width}")
        self.vocab_size, self.d_model = vocab_size, d_model
        self.position, self.pad_id = position, pad_id
        self.factor = width**0.5 if scale else 1.0
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.token_dropout = Dropout(
            token_dropout, (None, None, 1), dtype=self.dtype_policy, name="token_dropout"
        )
        self.norm = norm

        embeddings_initializer = embeddings_initializer or keras.initializers.RandomNormal(
            stddev=width**-0.5 if scale else 0.02
        )

        def make_table(rows: int, name: str) -> keras.layers.Embedding:
            return keras.layers.Embedding(
                rows,
                width,
                embeddings_initializer=fresh(embeddings_initializer),
                dtype=self.dtype_policy,
                name=name,
            )

        self.table = table or make_table(vocab_size, "table")
        self.segments = None
        if segments == "tokens":
            self.segments = self.table
        elif segments is not None:
            self.segments = make_table(segments, "segments")
        self.languages = make_table(languages, "languages") if languages else None
        self.spelling = make_table(spelling, "spelling") if spelling else None
        self.spelling_dropout = Dropout(
            token_dropout if spelling else 0.0,
            (None, None, None, 1),
            dtype=self.dtype_policy,
            name="spelling_dropout",
        )

    def build(self, ids_shape: Any) -> None:
        for layer in (self.table, self.position, self.segments, self.languages, self.spelling):
            build_once(layer, ids_shape, dtype="int32")
        for layer in (self.norm, self.projection):
            build_once(layer, (*ids_shape, self.width))

    def call(
        self,
        ids: Any,
        positions: Any = None,
        segment_ids: Any = None,
        language_ids: Any = None,
        spelling_ids: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Embeds token ids.

        Args:
            ids: int tensor (batch, length).
            positions: int tensor (length,) or (batch, length); default 0, 1, 2, …
            segment_ids: int tensor (batch, length). Default: all 0 if segments have their own
                table, else no segment is added.
            language_ids: int tensor (batch, length); default: no language is added.
            spelling_ids: int tensor (batch, length, spellings), where 0 stands for no feature;
                default: none is added.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, d_model), in the compute dtype.
        """
        x = self.table(checked_ids(ops.convert_to_tensor(ids), self.vocab_size)) * self.factor
        x = self.token_dropout(x, training=training)
        if spelling_ids is not None:
            x = x + self._spelled(ops.convert_to_tensor(spelling_ids), training)
        if self.position is not None:
            if positions is None:
                positions = ops.arange(ops.shape(ids)[1])
            x = x + ops.cast(self.position(positions), x.dtype)
        if segment_ids is None and self.segments not in (None, self.table):
            segment_ids = ops.zeros_like(ids)
        x = self._add(x, self.segments, segment_ids, "segment_ids")
        x = self._add(x, self.languages, language_ids, "language_ids")
        if self.norm is not None:
            x = self.norm(x)
        x = self.dropout(x, training=training)
        return x if self.projection is None else self.projection(x)

    def _spelled(self, ids: Any, training: bool | None) -> Any:
        """The sum over all spellings of a token; 0 stands for none."""
        if self.spelling is None:
            raise ValueError("the model was given 'spelling_ids' and has no embeddings for them.")
        found = self.spelling(checked_ids(ids, self.spelling.input_dim))
        found = found * ops.expand_dims(ops.cast(ids > 0, found.dtype), -1)
        return ops.sum(self.spelling_dropout(found, training=training), axis=-2)

    def _add(self, x: Any, table: keras.layers.Embedding | None, ids: Any, name: str) -> Any:
        if ids is None:
            return x
        if table is None:
            raise ValueError(f"the model was given {name!r} and has no embeddings for them.")
        return x + table(checked_ids(ops.convert_to_tensor(ids), table.input_dim))

    def compute_mask(self, ids: Any, mask: Any = None) -> Any:
        """Returns bool (batch, length), True = a real token; None without a `pad_id`."""
        return None if self.pad_id is None else ops.not_equal(ids, self.pad_id)

    def compute_output_shape(self, ids_shape: Any) -> tuple[int | None, ...]:
        return (*ids_shape, self.d_model)
