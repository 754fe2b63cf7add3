"""Translators of many languages: whose codes stand around sources, and in front of targets."""

import json

import numpy as np
import pandas as pd
import pytest
import sentencepiece

import tftransformer as tt
from tftransformer.pretrained import read_tokenizer_files, save_pretrained

TEXTS = ["a good day", "a bad film", "good fun", "a day of bad jokes", "films and days"] * 4
ONCE = {"epochs": 1, "validation": 0, "verbose": 0}


def folder_of(kind, folder, **generation):
    """A folder of an untrained mBART, for texts in German."""
    folder.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS),
        model_prefix=str(folder / "sentencepiece.bpe"),
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    told = {"tokenizer_class": kind, "src_lang": "de_DE"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    described = read_tokenizer_files(folder)
    ids = described.ids
    model = tt.MBart(
        described.vocab_size,
        1,
        16,
        2,
        32,
        num_positions=40,
        start_id=ids["ro_RO"] if kind == "MBartTokenizer" else 2,
    )
    options = {name: ids[token] for name, token in generation.items()}
    save_pretrained(model, folder, generation={"max_length": 12, **options})
    return ids


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("kind", "generation", "behind", "before", "start"),
    [
        ("MBartTokenizer", {}, ["</s>", "de_DE"], [], ["ro_RO"]),
        ("MBart50Tokenizer", {"forced_bos_token_id": "ro_RO"}, ["</s>"], ["de_DE"], ["</s>"]),
    ],
)
def test_rows_of_training_have_the_codes_of_their_languages(
    kind, generation, behind, before, start, tmp_path
):
    ids = folder_of(kind, tmp_path / "model", **generation)
    translate = tt.Translator(tmp_path / "model")
    frame = pd.DataFrame({"en": TEXTS, "de": TEXTS[::-1]})
    translate.fit(frame, **ONCE)
    inputs, labels, _ = next(translate.data_.batches(frame).iterate())
    labels = labels["lm"] if isinstance(labels, dict) else labels
    codes = [ids[token] for token in generation.values() and ["ro_RO"]]
    for source, target, label in zip(
        inputs["source_ids"], inputs["target_ids"], np.array(labels), strict=True
    ):
        source, target, label = ([*row[row != 1]] for row in (source, target, label))
        assert source[: len(before)] == [ids[token] for token in before]
        assert source[len(source) - len(behind) :] == [ids[token] for token in behind]
        assert target == [*(ids[token] for token in start), *label[:-1]]
        assert label[: len(codes)] == codes
        assert label[-1] == ids["</s>"]
    expected = translate(TEXTS[:3])
    translate.save_pretrained(tmp_path / "again")
    assert tt.Translator(tmp_path / "again")(TEXTS[:3]) == expected
