"""A model of one's own, of today's parts, which learns characters.

    python examples/pretrain/own_model.py --data train.txt --validation val.txt [--seeds 0 1 2]

Rotary positions (Su et al. 2021), norms without means (Zhang and Sennrich 2019) and gated
feed-forward nets (Shazeer 2020): six layers, six heads, 192 wide; 4,000 updates of eight blocks of
256 characters. Without --data it learns the embedded corpus. Beside it: counting the six characters
before. A run that was stopped goes on with --directory FOLDER.
"""

from typing import Any

import keras
from language import learn_characters, options_of

import tftransformer as tt

LENGTH, ROWS = 256, 8
LAYERS, HEADS, WIDTH, INNER = 6, 6, 192, 512


@tt.core.register
class OwnModel(tt.StackModel):
    """A pre-norm stack under a causal mask, whose head shares the table of the characters."""

    def __init__(self, vocab_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        starts = {
            "kernel_initializer": keras.initializers.RandomNormal(stddev=0.02),
            # The sum of all layers keeps its variance (Radford et al. 2019, §2.3).
            "output_initializer": keras.initializers.RandomNormal(
                stddev=0.02 * (2 * LAYERS) ** -0.5
            ),
        }
        embeddings = tt.TokenEmbeddings(
            vocab_size,
            WIDTH,
            scale=False,
            dropout=0.1,
            embeddings_initializer=starts["kernel_initializer"],
        )
        self.stack = tt.Encoder(
            LAYERS,
            WIDTH,
            HEADS,
            INNER,
            mask=tt.CausalMask() & tt.PaddingMask(),
            embeddings=embeddings,
            rotary=tt.RotaryPositions("concatenated"),
            feed_forward=tt.FeedForward(
                WIDTH, INNER, activation="silu", gated=True, use_bias=False, **starts
            ),
            norm="pre",
            normalization="rms",
            use_bias=False,
            dropout=0.1,
            **starts,
        )
        self.make_heads({"lm": tt.LanguageModelHead(vocab_size, tied_to=embeddings.table)}, {})
        self.build()


def main() -> None:
    options = options_of(__doc__, minutes=60, steps=4000)
    learn_characters("own model", OwnModel, options, LENGTH, ROWS, peak=2e-3)


if __name__ == "__main__":
    main()
