"""Golden trees of tokenizers, and what ours makes of their texts."""

import functools
import gzip
import json
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged
from tftransformer.pretrained import read_tokenizer

NAMED = os.environ.get("TFTRANSFORMER_GOLDENS_ROOT")
ROOT = Path(NAMED) if NAMED else Path(__file__).with_name("goldens")
FOLDERS = sorted(ROOT.glob("tokenizers/*/*/"))
FIRST, SECOND = 10**6, 10**9  # more than any id: they number the pieces of a row's texts


def name_of(folder):
    return f"{folder.parent.name}-{folder.name}"


@functools.cache
def golden(folder):
    """The cases of a folder."""
    path = folder / "cases.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    with gzip.open(path.with_suffix(".json.gz")) as file:
        return json.load(file)


@functools.cache
def loaded(folder):
    return read_tokenizer(folder)


@functools.cache
def graphs(folder):
    """Strings to ids and places, as functions that are graphs."""
    tokenizer = loaded(folder).tokenizer
    spec = tf.TensorSpec([None], tf.string)
    made = {}
    for allowed in (False, True):
        for name in ("tokenize", "tokenize_with_places"):
            method = functools.partial(getattr(tokenizer, name), allow_special=allowed)
            made[name, allowed] = tf.function(method, input_signature=[spec], autograph=False)
    return made


def encoded(folder, texts, *, allow_special=False, with_places=True):
    """Ids and, perhaps, starts, ends, words as lists of lists; in a graph they are the same."""
    encoding = loaded(folder).tokenizer.encode(texts, allow_special=allow_special)
    strings = tf.constant(texts, tf.string, [len(texts)])
    made = graphs(folder)
    ids = encoding.ids.tolist()
    assert made["tokenize", allow_special](strings).to_list() == ids
    columns = {"ids": ids}
    if with_places:
        for name in ("starts", "ends", "words"):
            rows = Ragged(getattr(encoding, name), encoding.ids.row_splits)
            columns[name] = rows.tolist()
        placed = made["tokenize_with_places", allow_special](strings)
        assert {name: column.to_list() for name, column in placed.items()} == columns
    return columns


def rows_of(folder, *texts):
    """Rows through the template: where each piece comes from, and its columns.

    Args:
        texts: one or two lists of ids.

    Returns:
        ids, types, special, and of each piece the text and the place that it has there.
    """
    read = loaded(folder)
    special = read.tokenizer.special_ids
    given = [Ragged.from_rows([text]) for text in texts]
    second = given[1] if len(given) > 1 else None
    ids, types = read.template(given[0], second, special)
    in_graph = read.template.in_graph(
        *[tf.ragged.constant([text], tf.int32) for text in texts],
        *([None] if second is None else []),
        special,
    )
    assert [column.to_list() for column in in_graph] == [ids.tolist(), types.tolist()]
    numbered = [
        Ragged(np.arange(len(text), dtype=np.int32) + base, np.array([0, len(text)]))
        for text, base in zip(texts, (FIRST, SECOND), strict=False)
    ]
    places = read.template(numbered[0], numbered[1] if second else None, special)[0].tolist()[0]
    sources = [
        None if n < FIRST else (0, n - FIRST) if n < SECOND else (1, n - SECOND) for n in places
    ]
    return {
        "ids": ids.tolist()[0],
        "types": types.tolist()[0],
        "special": [int(source is None) for source in sources],
        "sources": sources,
    }


def row(folder, columns, which):
    """The row of text `which`, or of a pair of texts, as the goldens write it.

    Args:
        columns: what `encoded` gives; two of them for a pair.
    """
    made = rows_of(folder, *[part["ids"][which] for part in columns])
    sources = made.pop("sources")
    if "words" in columns[0]:
        made["words"] = [s and columns[s[0]]["words"][which][s[1]] for s in sources]
        edges = ("starts", "ends")
        made["offsets"] = [
            [columns[s[0]][edge][which][s[1]] for edge in edges] if s else [0, 0] for s in sources
        ]
    return made
