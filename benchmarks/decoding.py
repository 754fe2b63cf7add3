"""How many tokens a second a Transformer writes, with the cache and without.

    python benchmarks/decoding.py [--size tiny|base]

Greedy and beam search, each compiled with `tf.function`, drive three steps of the same model: the
one of `start_decoding`, which keeps keys and values; one that runs the decoder over all tokens so
far; and one that calls the whole model, as tutorials do. No token ends a sentence, so that all
write the same number. The rounds are interleaved, and the three must find the same tokens.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sizes import SIZES
from timing import interleaved, print_table, rate, rate_range, ratio, ratio_range

import tftransformer as tt

START_ID, NO_END_ID = 2, -1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32, help="new tokens of a sentence")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32], help="sentences at once")
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    size = SIZES[options.size]
    model = tt.Transformer(**size.widths)
    print(
        f"{options.size}: {size.num_layers} + {size.num_layers} layers, d_model {size.d_model}, "
        f"{model.count_params():,} weights, {size.length} source tokens, {options.tokens} new "
        f"tokens, float32, {options.rounds} rounds"
    )
    rows = []
    for strategy, search in ((tt.Greedy(), "greedy"), (tt.BeamSearch(4), "beam 4")):
        for batch in options.batch:
            source_ids = random_ids(batch, size)
            decoders = {
                name: decoder(model, start, strategy, source_ids, options.tokens)
                for name, start in STARTS.items()
            }
            check_equal({name: decode() for name, decode in decoders.items()})
            times = interleaved(decoders, options.rounds)
            with_cache, *_ = times.values()
            for name, taken in times.items():
                rows.append(
                    [
                        f"{search}, batch {batch}, {name}",
                        rate(batch * options.tokens, taken),
                        rate_range(batch * options.tokens, taken),
                        ratio(with_cache, taken),
                        ratio_range(with_cache, taken),
                    ]
                )
    print_table(
        ["decoding", "tokens/s", "slowest – fastest", "cache is × faster", "lowest – highest"], rows
    )


def decoder(model, start, strategy, source_ids, new_tokens: int):
    """Returns a function that decodes the sentences and hands over the ids."""

    @tf.function(autograph=False)
    def decode(source_ids):
        step = start(model, source_ids, new_tokens, strategy.rows_per_prompt)
        prompt = tf.fill([tf.shape(source_ids)[0], 1], START_ID)
        return strategy(
            step, prompt, max_new_tokens=new_tokens, end_id=NO_END_ID, pad_id=model.pad_id
        ).ids

    return lambda: decode(source_ids).numpy()


def cached(model, source_ids, length, num_beams):
    """One token at a time, beside the keys and values of those before it."""
    return model.start_decoding(source_ids, cache_length=length, num_beams=num_beams)


def prefix_through_decoder(model, source_ids, length, num_beams):
    """All tokens so far through the decoder, the encoder once, logits of the last token only."""
    encoder_output = ops.repeat(model.encoder(source_ids, training=False), num_beams, axis=0)
    source_mask = ops.repeat(model.source_padding_mask(source_ids), num_beams, axis=0)

    def logits(prefix):
        hidden = model.decoder(
            prefix, encoder_output, encoder_padding_mask=source_mask, training=False
        )
        return model.head(hidden[:, -1])

    return over_prefixes(logits, source_mask, length)


def prefix_through_model(model, source_ids, length, num_beams):
    """All tokens so far through the whole model, at each step."""
    source_ids = ops.repeat(source_ids, num_beams, axis=0)

    def logits(prefix):
        inputs = {"source_ids": source_ids, "target_ids": prefix}
        return model(inputs, training=False)[:, -1]

    return over_prefixes(logits, source_ids, length)


def over_prefixes(logits, rows_like, length):
    """A step that keeps nothing but the tokens so far."""

    def step(ids, cache, position):
        tokens = ops.slice_update(cache["ids"], (0, position), ids)
        return logits(tokens[:, : position + 1]), {"ids": tokens}

    cache = {"ids": ops.zeros((ops.shape(rows_like)[0], length), "int32")}
    return tt.DecodingStep(step, cache, cache_length=length)


STARTS = {
    "cache": cached,
    "no cache, decoder over the prefix": prefix_through_decoder,
    "no cache, model over the prefix": prefix_through_model,
}


def random_ids(batch, size):
    ids = np.random.default_rng(batch).integers(4, size.vocab_size, (batch, size.length))
    return tf.constant(ids, tf.int32)


def check_equal(found):
    (first, ids), *others = found.items()
    for name, other in others:
        if not np.array_equal(ids, other):
            raise AssertionError(f"{first!r} and {name!r} disagree on {np.mean(ids != other):.1%}")


if __name__ == "__main__":
    main()
