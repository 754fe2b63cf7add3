"""How many tokens a second the exported model writes, strings in and strings out.

    python benchmarks/serving.py [--size tiny|base] [--peer-python PATH]

The SavedModel, in a process that imports TensorFlow and tensorflow_text alone, beside the same
weights in CTranslate2 and in Marian of `transformers`. Each stands in a process of its own, they
take turns, and no token ends a sentence, so that all write the same number of tokens.
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
import types
from pathlib import Path

import keras
import numpy as np
import sentencepiece
from peers import answering, peer_environment
from sizes import SIZES
from timing import against, interleaved, print_table, rate, rate_range

import tftransformer as tt

OURS = "saved_model-float32"
# Kind and weights, and whether the search is part of the model.
SERVERS = {
    OURS: True,
    "saved_model-int8": True,
    "saved_model-bfloat16": True,
    "parts-float32": True,
    "parts-bfloat16": True,
    "compiled-float32": True,
    "compiled-bfloat16": True,
    "compiled-int8": True,
    "ctranslate2-float32": False,
    "ctranslate2-bfloat16": False,
    "ctranslate2-int8": False,
    "ctranslate2_parts-int8": False,
    "transformers-float32": False,
}
SEARCHES = {"greedy": tt.Greedy(), "beam 4": tt.BeamSearch(4)}
# Source tokens of each sentence, the end token included.
CASES = {
    "1 × 32": [32],
    "32 × 32": [32] * 32,
    "1 × 200": [200],
    "32 × 4–60": np.random.default_rng(0).integers(4, 61, 32).tolist(),
}
SPECIALS = 4
# A passive wait policy of OpenMP would cost CTranslate2 a third of its speed on one sentence.
REST = 0.25


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--search", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=32, help="new tokens of a sentence")
    parser.add_argument("--peer-python", default=sys.executable, help="has the peers' packages")
    parser.add_argument("--models", type=Path, help="keeps the models, and takes them from here")
    options = parser.parse_args()
    # Where there is a card, all serve from it: none may take all of its memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with contextlib.ExitStack() as stack:
        folder = options.models or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_models(folder, SIZES[options.size], options)
        print(f"{options.size}, {options.tokens} new tokens, {options.rounds} rounds")
        rows, starts = [], []
        for search in options.search:
            measure(search, folder, options, rows, starts)
    print_table(["start", "imports s", "load s", "first call s", "MB"], starts)
    print_table(["serving", "tokens/s", "slowest – fastest", f"{OURS} is × faster", "equal"], rows)


def measure(search, folder, options, rows, starts):
    """Serves with one search; adds to the rows of both tables."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for kind in dict.fromkeys([OURS, *options.servers]):
            model = path_of(folder, kind, search)
            server = start(kind, model, SEARCHES[search], options, stack, starts)
            if server is not None:
                servers[kind] = server
        for case in options.cases:
            texts = sentences(CASES[case])
            found = {}

            def task(kind, texts=texts, found=found):
                found[kind] = servers[kind](texts)

            tasks = {kind: lambda kind=kind: task(kind) for kind in servers}
            times = interleaved(tasks, options.rounds, rest=REST)
            amount = len(texts) * options.tokens
            for kind, taken in times.items():
                equal = np.mean([a == b for a, b in zip(found[kind], found[OURS], strict=True)])
                rows.append(
                    [
                        f"{search}, {case}, {kind}",
                        rate(amount, taken),
                        rate_range(amount, taken),
                        *against(times[OURS], times, [kind]),
                        f"{equal:.0%}",
                    ]
                )


def start(kind, model, strategy, options, stack, starts):
    """Starts a server and has it translate once; None if its packages are not installed."""
    python = sys.executable if SERVERS[kind] else options.peer_python
    environment = peer_environment() if kind.startswith("transformers") else None
    begin = time.perf_counter()
    command = [kind, model, strategy.rows_per_prompt, options.tokens]
    process = answering(python, "serving_peer.py", *command, environment=environment)
    ask = stack.enter_context(process)
    seconds = []
    try:
        for question in (None, None, sentences([32])):
            ask(question)
            seconds.append(time.perf_counter() - begin)
    except RuntimeError:
        print(f"{kind} is left out: {python} cannot serve it. --peer-python names one that can.")
        return None
    imports, load, first = np.diff([0, *seconds])
    size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
    starts.append(
        [f"{kind}, {strategy.rows_per_prompt} beams"]
        + [f"{figure:.2f}" for figure in (imports, load, first)]
        + [f"{size / 1e6:.1f}"]
    )
    return ask


def path_of(folder, kind, search):
    """Where the model of a server stands. CTranslate2 makes bfloat16 of float32 when it loads."""
    if SERVERS[kind]:
        return folder / f"{kind}-{search}"
    return folder / kind.replace("_parts", "").replace(
        "ctranslate2-bfloat16", "ctranslate2-float32"
    )


def write_models(folder, size, options):
    """Writes one model, with weights of chance, in all formats that are asked for and not there."""
    kinds = dict.fromkeys([OURS, *options.servers])
    paths = {path_of(folder, kind, search): search for kind in kinds for search in options.search}
    missing = {path: search for path, search in paths.items() if not path.is_dir()}
    if not missing:
        return
    keras.utils.set_random_seed(0)
    model = tt.Transformer(
        **size.widths,
        head_bias=True,
        epsilon=1e-5,
        activation="relu",
        attention_dropout=0.0,
        activation_dropout=0.0,
        position=tt.SinusoidalPositions(size.d_model, layout="concatenated"),
    )
    # No special token is ever the best: no sentence ends.
    model.head.bias.assign(np.where(np.arange(size.vocab_size) < SPECIALS, -1e4, 0.0))
    tokenizer = word_tokenizer(size.vocab_size)
    both = types.SimpleNamespace(source_tokenizer=tokenizer, target_tokenizer=tokenizer)
    for path, search in missing.items():
        form, weights, *_ = path.name.split("-")
        parallel = os.cpu_count() if form == "parts" else 1
        strategy = SEARCHES[search]
        translator = tt.Translator(
            model, both, strategy, max_length=options.tokens, parallel=parallel
        )
        if form == "ctranslate2":
            translator.export(path, form, weights)
        elif form == "transformers":
            write_marian(model, tokenizer, path)
        else:
            translator.export(path, weights=weights, jit_compile=form == "compiled")


def write_marian(model, tokenizer, path):
    """Writes a folder of `transformers`."""
    special = tokenizer.special_ids
    ids = {"decoder_start_token_id": special["start"], "eos_token_id": special["end"]}
    ids["forced_eos_token_id"] = None
    tt.save_pretrained(model, path, config=ids)
    tokenizer.save(path)


def word_tokenizer(pieces):
    """A tokenizer to which each word, `w4`, `w5`, …, is one token."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([f"w{i}" for i in range(SPECIALS, pieces)]),
        model_writer=model,
        model_type="word",
        vocab_size=pieces,
        pad_id=0,
        unk_id=1,
        bos_id=2,
        eos_id=3,
        minloglevel=2,
    )
    return tt.SentencePieceTokenizer(model.getvalue())


def sentences(lengths):
    """Texts of so many tokens, the end token included."""
    chance = np.random.default_rng(len(lengths))
    return [" ".join(f"w{i}" for i in chance.integers(4, 9000, n - 1)) for n in lengths]


if __name__ == "__main__":
    main()
