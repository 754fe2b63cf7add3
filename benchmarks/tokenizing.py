"""How many sentences each tokenizer turns into ids in a second, on one thread.

    taskset -c 0 python benchmarks/tokenizing.py [--texts FILE] [--sentences 20000] [--rounds 5]

Learns each kind of tokenizer on the sentences (the embedded corpus, or a text file with one a line)
and times `encode`, and `tokenize` in a graph in batches and one by one; beside them `encode` with
places, and peers where they do the same work: the `tokenizers` package for WordPiece, the operation
of tensorflow_text and the sentencepiece library for SentencePiece.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import tensorflow as tf
from timing import interleaved, print_table, rate

import tftransformer as tt
from tftransformer.text import SentencePieceTokenizer, WordPieceTokenizer

BATCH, SINGLE = 1024, 2000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--vocab-size", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if options.texts is None:
        corpus = tt.everyday_corpus().train
        texts = [text for pair in zip(corpus.en, corpus.de, strict=True) for text in pair]
    else:
        texts = options.texts.read_text(encoding="utf-8").splitlines()
    texts = texts[: options.sentences]
    rows = []
    for name, tokenizer in learnt(texts, options.vocab_size).items():
        tasks = ours(tokenizer, texts) | peers(tokenizer, texts)
        for task, seconds in interleaved(tasks, options.rounds).items():
            count = min(len(texts), SINGLE) if "one by one" in task else len(texts)
            rows.append([name, task, rate(count, seconds)])
    print_table(["tokenizer", "way", "sentences / s"], rows)


def learnt(texts, vocab_size):
    """Tokenizers by name."""
    made = {
        kind: SentencePieceTokenizer.learn(texts, vocab_size, kind=kind)
        for kind in ("unigram", "bpe")
    }
    for name, lower_case in (("WordPiece cased", False), ("WordPiece lower-case", True)):
        made[name] = WordPieceTokenizer.learn(texts, vocab_size, lower_case=lower_case)
    return made


def ours(tokenizer, texts):
    graph = tf.function(
        tokenizer.tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
    )
    return {
        "encode": lambda: tokenizer.encode(texts),
        "encode with places": lambda: tokenizer.encode(texts).starts,
        f"graph, batches of {BATCH}": in_batches(graph, texts, BATCH),
        "graph, one by one": in_batches(graph, texts[:SINGLE], 1),
    }


def peers(tokenizer, texts):
    """What others take for the same ids."""
    if isinstance(tokenizer, SentencePieceTokenizer):
        import sentencepiece
        import tensorflow_text

        library = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.vocabulary())
        operation = tensorflow_text.SentencepieceTokenizer(tokenizer.vocabulary())
        graph = tf.function(
            operation.tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
        )
        return {
            "sentencepiece": lambda: library.encode(texts),
            f"tensorflow_text, batches of {BATCH}": in_batches(graph, texts, BATCH),
            "tensorflow_text, one by one": in_batches(graph, texts[:SINGLE], 1),
        }
    from tokenizers import BertWordPieceTokenizer

    pieces = tokenizer.tokens(range(tokenizer.vocab_size))
    reference = BertWordPieceTokenizer(
        {piece: i for i, piece in enumerate(pieces)}, lowercase=tokenizer.lower_case
    )
    return {
        "tokenizers, encode_batch": lambda: reference.encode_batch(texts, add_special_tokens=False)
    }


def in_batches(graph, texts, size):
    batches = [tf.constant(texts[i : i + size]) for i in range(0, len(texts), size)]

    def run():
        for batch in batches:
            graph(batch)

    return run


if __name__ == "__main__":
    main()
