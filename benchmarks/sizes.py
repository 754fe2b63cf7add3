"""The models that the benchmarks measure, and the batches they are trained on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """A Transformer with one vocabulary and tied embeddings, and its batch without padding.

    A model of one stack has the same sizes.

    Args:
        num_layers: layers of each stack.
        d_model: width of the model.
        num_heads: attention heads.
        dff: width inside the feed-forward nets.
        vocab_size: token ids.
        batch: sentence pairs in a training batch.
        length: tokens of each sentence.
    """

    num_layers: int
    d_model: int
    num_heads: int
    dff: int
    vocab_size: int
    batch: int
    length: int = 32

    @property
    def widths(self) -> dict[str, int]:
        """The arguments of `Transformer`."""
        names = ("num_layers", "d_model", "num_heads", "dff", "vocab_size")
        return {name: getattr(self, name) for name in names}


SIZES = {
    "tiny": Size(4, 128, 4, 256, 10_000, batch=64),
    "base": Size(6, 512, 8, 2048, 32_000, batch=32),
}
CLASSES = 3  # of the classifier
FAMILIES = {
    "bert": Size(12, 768, 12, 3072, 30_522, batch=2, length=512),
    "classifier": Size(12, 768, 12, 3072, 30_522, batch=32, length=128),
    "gpt2": Size(12, 768, 12, 3072, 50_257, batch=2, length=512),
}
