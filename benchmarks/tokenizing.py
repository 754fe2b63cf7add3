"""How many sentences each tokenizer turns into ids in a second, on one thread.

    taskset -c 0 python benchmarks/tokenizing.py [--texts FILE] [--sentences 20000] [--rounds 5] \
        [--byte-bpe FOLDER]

Learns each kind of tokenizer on the sentences (the embedded corpus, or a text file with one a line)
and times `encode`, and `tokenize` in a graph in batches and one by one; beside them `encode` with
places, and peers where they do the same work: the `tokenizers` package for WordPiece and byte-level
BPE, KerasHub for the latter, the operation of tensorflow_text and the sentencepiece library for
SentencePiece. `--byte-bpe` takes the vocab.json and merges.txt of a folder, such as GPT-2's.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import tensorflow as tf
from peers import has_keras_hub
from timing import interleaved, print_table, rate

import tftransformer as tt
from tftransformer.text import ByteBpeTokenizer, SentencePieceTokenizer, WordPieceTokenizer

BATCH, SINGLE = 1024, 2000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--vocab-size", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--byte-bpe", type=Path)
    parser.add_argument("--only", default="")
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
    for name, tokenizer in learnt(texts, options).items():
        tasks = ours(tokenizer, texts) | peers(tokenizer, texts)
        for task, seconds in interleaved(tasks, options.rounds).items():
            count = min(len(texts), SINGLE) if "one by one" in task else len(texts)
            rows.append([name, task, rate(count, seconds)])
    print_table(["tokenizer", "way", "sentences / s"], rows)


def learnt(texts, options):
    """Tokenizers by name, those whose name holds `--only`."""
    size = options.vocab_size
    kinds = {
        "unigram": lambda: SentencePieceTokenizer.learn(texts, size, kind="unigram"),
        "bpe": lambda: SentencePieceTokenizer.learn(texts, size, kind="bpe"),
        "WordPiece cased": lambda: WordPieceTokenizer.learn(texts, size),
        "WordPiece lower-case": lambda: WordPieceTokenizer.learn(texts, size, lower_case=True),
        "byte BPE": lambda: byte_bpe(texts, options),
    }
    return {name: make() for name, make in kinds.items() if options.only in name}


def byte_bpe(texts, options):
    """A folder's, or one that the `tokenizers` package learns."""
    if options.byte_bpe is not None:
        vocabulary = (options.byte_bpe / "vocab.json").read_text(encoding="utf-8")
        lines = (options.byte_bpe / "merges.txt").read_text(encoding="utf-8").splitlines()
        merges = [tuple(line.split()) for line in lines if not line.startswith("#version")]
        ids = json.loads(vocabulary)
    else:
        from tokenizers import ByteLevelBPETokenizer

        learner = ByteLevelBPETokenizer()
        learner.train_from_iterator(texts, options.vocab_size, show_progress=False)
        ids = learner.get_vocab()
        merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    return ByteBpeTokenizer(sorted(ids, key=ids.get), merges)


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
    pieces = tokenizer.tokens(range(tokenizer.vocab_size))
    if isinstance(tokenizer, ByteBpeTokenizer):
        return peers_of_byte_bpe(tokenizer, {x: i for i, x in enumerate(pieces)}, texts)
    from tokenizers import BertWordPieceTokenizer

    reference = BertWordPieceTokenizer(
        {piece: i for i, piece in enumerate(pieces)}, lowercase=tokenizer.lower_case
    )
    return {
        "tokenizers, encode_batch": lambda: reference.encode_batch(texts, add_special_tokens=False)
    }


def peers_of_byte_bpe(tokenizer, ids, texts):
    from tokenizers import ByteLevelBPETokenizer

    reference = ByteLevelBPETokenizer(ids, list(tokenizer.merges))
    tasks = {"tokenizers, encode_batch": lambda: reference.encode_batch(texts)}
    if has_keras_hub():
        from keras_hub.tokenizers import BytePairTokenizer

        merges = [" ".join(pair) for pair in tokenizer.merges]
        theirs = BytePairTokenizer(vocabulary=ids, merges=merges)
        tasks |= {
            f"KerasHub, batches of {BATCH}": in_batches(theirs, texts, BATCH),
            "KerasHub, one by one": in_batches(theirs, texts[:SINGLE], 1),
        }
    return tasks


def in_batches(graph, texts, size):
    batches = [tf.constant(texts[i : i + size]) for i in range(0, len(texts), size)]

    def run():
        for batch in batches:
            graph(batch)

    return run


if __name__ == "__main__":
    main()
