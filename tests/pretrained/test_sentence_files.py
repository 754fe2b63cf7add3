"""What a folder of sentence-transformers says of vectors, in its old and new layout."""

import json

import numpy as np
import pytest
from tokenizer_texts import LETTERS as PIECES

import tftransformer as tt
from tftransformer.pretrained import (
    SentenceFiles,
    read_sentence_files,
    write_sentence_files,
)

OLD = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
MODULES = ("models.Transformer", "models.Pooling", "models.Normalize")


def folder_of(path, pooling=OLD, modules=MODULES, **files):
    """Writes a folder; `files` are contents by the names of further ones."""
    (path / "1_Pooling").mkdir()
    kinds = [
        {"idx": i, "type": kind, "path": "1_Pooling" * kind.endswith("Pooling")}
        for i, kind in enumerate(modules)
    ]
    contents = {"modules": kinds, "1_Pooling/config": pooling, **files}
    for name, content in contents.items():
        (path / f"{name}.json").write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("pooling", "parts"),
    [
        (OLD, ("mean",)),
        ({**OLD, "pooling_mode_max_tokens": True}, ("max", "mean")),
        ({**OLD, "pooling_mode_mean_sqrt_len_tokens": True}, ("mean", "mean_sqrt")),
        ({"pooling_mode": "cls"}, ("first",)),
        ({"pooling_mode": "mean_sqrt_len_tokens"}, ("mean_sqrt",)),
        ({"pooling_mode": ["mean", "max"]}, ("mean", "max")),
    ],
)
def test_pooling_is_read_in_both_layouts(pooling, parts, tmp_path):
    folder_of(tmp_path, pooling, sentence_bert_config={"max_seq_length": 14})
    read = read_sentence_files(tmp_path)
    assert (read.parts, read.normalize, read.max_length) == (parts, True, 14)
    assert not read.lower_case


def test_a_prompt_that_is_empty_or_nobodys_default_changes_nothing(tmp_path):
    prompts = {"query": "Represent: ", "document": ""}
    for name in (None, "document"):
        folder = tmp_path / str(name)
        folder.mkdir()
        said = {"prompts": prompts, "default_prompt_name": name}
        folder_of(folder, modules=MODULES[:2], config_sentence_transformers=said)
        assert not read_sentence_files(folder).normalize


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modules": [*MODULES, "models.Dense"]}, "module 'Dense', which is not known"),
        ({"pooling": {"pooling_mode_weightedmean_tokens": True}}, "weightedmean_tokens; known"),
        (
            {
                "config_sentence_transformers": {
                    "default_prompt_name": "query",
                    "prompts": {"query": "Represent: "},
                }
            },
            "default_prompt_name='query', that is 'Represent: ' before each text",
        ),
    ],
)
def test_what_would_make_other_vectors_is_refused(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_sentence_files(folder_of(tmp_path, **change))


def test_that_texts_are_lower_cased_is_read_and_written(tmp_path):
    folder_of(tmp_path, sentence_bert_config={"do_lower_case": True})
    read = read_sentence_files(tmp_path)
    assert read == SentenceFiles(("mean",), normalize=True, lower_case=True)
    write_sentence_files(read, tmp_path, 32)
    assert read_sentence_files(tmp_path) == read


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("parts", [("mean",), ("mean_sqrt",), ("first", "max", "mean")])
def test_what_is_written_is_read_and_takes_the_place_of_a_prompt(parts, normalize, tmp_path):
    said = {"prompts": {"query": "Represent: "}, "default_prompt_name": "query"}
    folder_of(tmp_path, config_sentence_transformers=said)
    files = SentenceFiles(parts, normalize, 14)
    write_sentence_files(files, tmp_path, 32)
    assert read_sentence_files(tmp_path) == files
    pooling = json.loads((tmp_path / "1_Pooling" / "config.json").read_text())
    assert (pooling["word_embedding_dimension"], pooling["pooling_mode_cls_token"]) == (
        32,
        "first" in parts,
    )
    for module in json.loads((tmp_path / "modules.json").read_text()):
        assert (tmp_path / module["path"]).is_dir()


def test_another_order_of_what_is_taken_of_the_tokens_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"that library has them as \('max', 'mean'\)"):
        write_sentence_files(SentenceFiles(("mean", "max")), tmp_path, 32)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_folder_whose_texts_are_lower_cased_needs_a_tokenizer_that_does_it(tmp_path):
    bert = tt.Bert(len(PIECES), 1, 16, 2, 32, num_positions=20, heads=())
    embed = tt.TextEmbedder(bert, tokenizer=tt.WordPieceTokenizer(PIECES))
    expected = embed("a b")
    embed.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "sentence_bert_config.json").read_text())
    said = json.dumps({**config, "do_lower_case": True})
    (tmp_path / "sentence_bert_config.json").write_text(said)
    with pytest.raises(ValueError, match="do_lower_case=true, and the tokenizer does not do it"):
        tt.TextEmbedder(tmp_path)("a b")
    lowers = tt.WordPieceTokenizer(PIECES, lower_case=True)
    found = tt.TextEmbedder(tmp_path, tokenizer=lowers)("A b")
    np.testing.assert_allclose(found, expected, atol=1e-6)
