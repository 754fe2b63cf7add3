"""Saving, loading, exporting; folders that are not what they seem."""

import copy
import hashlib
import json
import os
import pickle
import subprocess
import sys
import textwrap

import bare_process
import pytest
import tensorflow as tf

import tftransformer as tt
from tftransformer.text import (
    ByteBpeTokenizer,
    SentencePieceTokenizer,
    WordPieceTokenizer,
    load_tokenizer,
)
from tftransformer.text.byte_bpe_tokenizer import LETTERS
from tftransformer.text.tokenizer import CLASSES, SETTINGS_FILE

CORPUS = ["Der Hund sieht den Baum.", "Die Katze mag das große Haus!", "Ein Mann kauft Brot."]
TEXTS = ["Der Baum mag Brot!", "", "Hund"]


def make(kind):
    if kind == "byte bpe":
        merges = [("Ġ", "B"), ("B", "r"), ("ĠB", "r"), ("o", "t")]
        pieces = [*LETTERS, *map("".join, merges), "<pad>"]
        added = [tt.text.AddedToken("<pad>", 260, special=True)]
        return ByteBpeTokenizer(
            pieces, merges, special_ids={"pad": 260}, added_tokens=added, normalization="nfc"
        )
    if kind == "character bpe":
        pieces = ["<unk>", *"derhundbaumot", *(f"{x}</w>" for x in "drtmn"), "de", "der</w>"]
        pieces = list(dict.fromkeys(pieces))
        return tt.text.BpeTokenizer(pieces, [("d", "e"), ("de", "r</w>")], strip_accents=False)
    if kind == "wordpiece":
        return WordPieceTokenizer.learn(CORPUS, 70, lower_case=True, strip_accents=False)
    if kind == "numbered bpe":  # as Marian's folders number the pieces of a model
        learnt = make("bpe")
        pieces = learnt.tokens(range(learnt.vocab_size))[::-1]
        special = {name: len(pieces) - 1 - i for name, i in learnt.special_ids.items()}
        added = [tt.text.AddedToken("</s>", special["end"], special=True)]
        return SentencePieceTokenizer(
            learnt.vocabulary(), pieces=pieces, special_ids=special, added_tokens=added
        )
    return SentencePieceTokenizer.learn(CORPUS, 292, kind=kind, sampling_alpha=0.2)


def ids_of(tokenizer):
    return tokenizer.encode(TEXTS).ids.tolist()


@pytest.fixture(params=["bpe", "numbered bpe", "unigram", "wordpiece", "byte bpe", "character bpe"])
def tokenizer(request):
    return make(request.param)


@pytest.fixture
def folder(tmp_path, tokenizer):
    tokenizer.save(tmp_path / "deep" / "tokenizer")
    return tmp_path / "deep" / "tokenizer"


@pytest.mark.slow_after(1)
def test_round_trip(tokenizer, folder):
    loaded = load_tokenizer(folder)
    assert type(loaded) is type(tokenizer)
    assert loaded.get_settings() == tokenizer.get_settings()
    assert json.loads(json.dumps(loaded.get_settings())) == tokenizer.get_settings()
    assert loaded.vocabulary() == tokenizer.vocabulary()
    assert ids_of(loaded) == ids_of(tokenizer)
    assert {file.name for file in folder.iterdir()} == {SETTINGS_FILE, tokenizer.vocabulary_file}
    loaded.save(folder)
    assert ids_of(load_tokenizer(folder)) == ids_of(tokenizer)


@pytest.mark.slow
def test_the_settings_do_not_bear_the_name_of_another_librarys_file(folder):
    """Hugging Face reads tokenizer.json, and takes a folder with it for its own."""
    assert "tokenizer.json" not in {file.name for file in folder.iterdir()}


@pytest.mark.slow
def test_copies_and_pickles_cut_the_same(tokenizer):
    for other in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert ids_of(other) == ids_of(tokenizer)
        assert dict(other.special_ids) == dict(tokenizer.special_ids)


class Words(tt.text.Tokenizer):
    """A tokenizer of one's own: words between blanks, from a list."""

    vocabulary_file = "words.txt"

    def __init__(self, words):
        surfaces = [f" {word}".encode() for word in words]
        super().__init__(words, surfaces, special_ids={"unk": 0}, leading_spaces="^ ")
        values = tf.range(1, len(words))
        table = tf.lookup.KeyValueTensorInitializer(list(words[1:]), values)
        self._ids = tf.lookup.StaticHashTable(table, default_value=0)

    def cut(self, texts):
        return tf.ragged.map_flat_values(self._ids.lookup, tf.strings.split(texts))

    def vocabulary(self):
        return "\n".join(self._pieces).encode()

    def get_settings(self):
        return {}

    @classmethod
    def from_vocabulary(cls, vocabulary, settings):
        return cls(vocabulary.decode().split("\n"), **settings)


def test_a_tokenizer_of_ones_own_loads_again_once_registered(tmp_path):
    with pytest.raises(TypeError, match=r"Words is not registered.*@tt\.text\.register"):
        Words(["?", "a"]).save(tmp_path)
    assert tt.text.register(Words) is Words
    own = Words(["?", "a", "b"])
    own.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert type(loaded) is Words
    assert loaded.decode(loaded.encode(["b  a", "c"]).ids) == ["b a", "?"]
    del CLASSES["Words"]
    with pytest.raises(ValueError, match=r"'Words'.*@tt\.text\.register"):
        load_tokenizer(tmp_path)


@pytest.mark.slow
def test_a_registered_tokenizer_loads_in_a_fresh_process_that_imports_it(tmp_path):
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""
            import tftransformer as tt

            @tt.text.register
            class Mine(tt.text.WordPieceTokenizer):
                pass
        """)
    )
    program = """
        import sys
        import tftransformer as tt
        if sys.argv[1] == "save":
            import mine
            mine.Mine(["[UNK]", "a", "b"]).save("saved")
        else:
            try:
                tt.text.load_tokenizer("saved")
            except ValueError as error:
                assert "'Mine'" in str(error) and "@tt.text.register" in str(error)
            import mine
            loaded = tt.text.load_tokenizer("saved")
            assert type(loaded) is mine.Mine
            assert loaded.encode(["b a c"]).ids.tolist() == [[2, 1, 0]]
    """
    for step in ("save", "load"):
        command = [sys.executable, "-c", textwrap.dedent(program), step]
        paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
        subprocess.run(command, check=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths})


def test_register_refuses_what_could_not_be_loaded():
    with pytest.raises(TypeError, match="subclass of Tokenizer"):
        tt.text.register(dict)
    with pytest.raises(TypeError, match="lacks cut, from_vocabulary"):
        tt.text.register(type("Half", (tt.text.Tokenizer,), {}))
    with pytest.raises(ValueError, match="registered already"):
        tt.text.register(type("WordPieceTokenizer", (Words,), {}))


@pytest.mark.parametrize(
    ("special_ids", "message"), [({"bos": 1}, "'bos'"), ({"end": -1}, "-1"), ({"end": 2}, "is 2")]
)
def test_special_ids_that_cannot_be_are_refused(special_ids, message):
    class Other(Words):
        def __init__(self):
            super(Words, self).__init__(
                ["?", "a"], [b"?", b"a"], special_ids=special_ids, leading_spaces=""
            )

    with pytest.raises(ValueError, match=message):
        Other()


@pytest.mark.slow
def test_a_save_that_fails_leaves_the_older_one(tokenizer, folder, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        make("bpe").save(folder)
    assert ids_of(load_tokenizer(folder)) == ids_of(tokenizer)


def test_texts_of_another_shape_are_refused(tokenizer):
    for texts in ("one", [["two"]]):
        with pytest.raises(ValueError, match=r"shape \(batch,\)"):
            tokenizer.tokenize(tf.constant(texts))


def test_missing_files_are_named(tokenizer, folder):
    (folder / tokenizer.vocabulary_file).unlink()
    with pytest.raises(FileNotFoundError, match=tokenizer.vocabulary_file):
        load_tokenizer(folder)
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        load_tokenizer(folder / "nowhere")


def test_a_damaged_vocabulary_is_named(tokenizer, folder):
    path = folder / tokenizer.vocabulary_file
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=tokenizer.vocabulary_file):
        load_tokenizer(folder)


@pytest.mark.slow_after(7)
@pytest.mark.parametrize(
    "change",
    [
        {"format": 1},
        {"class": "os.system"},
        {"class": ["SentencePieceTokenizer"]},
        {"settings": {"surprise": 1}},
        {"settings": [1, 2]},
        {"settings": None},
        {"sha256": None},
    ],
    ids=str,
)
def test_hostile_settings_are_refused(folder, change):
    path = folder / SETTINGS_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=r"tokenizer\.json|vocab|model"):
        load_tokenizer(folder)


@pytest.mark.slow_after(6)
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"{}", b"\xff\x00", b"\x80\x04."])
def test_garbled_settings_are_refused(folder, content):
    (folder / SETTINGS_FILE).write_bytes(content)
    with pytest.raises(ValueError, match=r"tokenizer\.json is damaged"):
        load_tokenizer(folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"cos\nsystem\n(S'true'\ntR."])
def test_nonsense_with_a_fitting_checksum_is_refused(tokenizer, folder, content):
    (folder / tokenizer.vocabulary_file).write_bytes(content)
    path = folder / SETTINGS_FILE
    settings = json.loads(path.read_text()) | {"sha256": hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="is damaged"):
        load_tokenizer(folder)


@pytest.mark.slow
def test_exported_tokenizers_run_without_this_package(tmp_path):
    """Python reload and the session loader, which is what a server uses."""
    module = tf.Module()
    module.first, module.second = make("bpe"), make("wordpiece")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(texts):
        first = module.first.tokenize(texts)
        return {
            "ids": first.to_tensor(module.first.special_ids["pad"]),
            "first": module.first.detokenize(first.to_tensor(0)),
            "second": module.second.detokenize(module.second.tokenize(texts)),
        }

    tf.saved_model.save(module, str(tmp_path), signatures=serve)
    ways = bare_process.served({tmp_path: {"texts": TEXTS}}, asks_nothing=True)
    expected = {name: value.numpy().tolist() for name, value in serve(tf.constant(TEXTS)).items()}
    for name in ("first", "second"):
        expected[name] = [text.decode() for text in expected[name]]
    assert ways == {str(tmp_path): [expected, expected]}
