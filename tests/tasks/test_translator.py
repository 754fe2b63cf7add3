"""The Translator: containers, batching, n-best, alignment, saving."""

import copy
import json
import types
import zipfile

import numpy as np
import pandas as pd
import pytest

from tftransformer.decoding import BeamSearch, Greedy, MinNewTokens, Sampling
from tftransformer.models import T5, Transformer
from tftransformer.positions import LearnedPositions
from tftransformer.tasks import Translator, Written

TEXTS = ["The dog sleeps.", "A cat", "", "two birds in the house and a dog", "Hund", "  "]
ROW = {"source_ids": np.array([[5, 6, 3]], "int32"), "row_numbers": np.array([0], "int32")}


@pytest.fixture(scope="module")
def translator(make_translator):
    return make_translator(strategy=BeamSearch(3, num_return=2))


@pytest.mark.slow
def test_container_order_and_index_are_kept(translator):
    expected = translator(TEXTS)
    assert isinstance(expected, list)
    assert len(expected) == len(TEXTS)
    assert translator(TEXTS[0]) == expected[0]
    assert translator(tuple(TEXTS)) == tuple(expected)
    array = translator(np.array(TEXTS).reshape(2, 3))
    assert array.shape == (2, 3)
    assert array.ravel().tolist() == expected
    series = pd.Series(TEXTS, index=[5, 5, 1, 0, 9, 7], name="en")
    translated = translator(series)
    pd.testing.assert_index_equal(translated.index, series.index)
    assert translated.name == "en"
    assert translated.tolist() == expected


def test_nothing_translates_to_nothing(translator):
    assert translator("") == ""
    assert translator([]) == []
    assert translator(np.array([], dtype=object)).shape == (0,)
    assert translator(pd.Series([], dtype=str)).empty
    assert translator.n_best(["", " \n\u00a0"]) == [[Written("", 0.0)]] * 2


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(3), Sampling(seed=4)], ids=repr)
@pytest.mark.parametrize(
    "settings", [{"batch_size": 1}, {"parallel": 2}, {"parallel": 64}], ids=str
)
def test_batches_their_parts_and_their_order_change_no_translation(
    make_translator, strategy, settings
):
    together = make_translator(strategy=strategy, batch_size=64).n_best(TEXTS)
    apart = make_translator(strategy=strategy, **settings).n_best(TEXTS)
    for one, other in zip(together, apart, strict=True):
        assert [t.text for t in one] == [t.text for t in other]
        np.testing.assert_allclose([t.score for t in one], [t.score for t in other], rtol=1e-5)


@pytest.mark.slow
def test_n_best_is_sorted_and_begins_with_the_translation(translator):
    for text, found in zip(TEXTS, translator.n_best(TEXTS), strict=True):
        assert found[0].text == translator(text)
        if text.strip():
            assert len(found) == 2
            assert found[0].score >= found[1].score


@pytest.mark.parametrize("texts", [[None], ["a", 3], [float("nan")], pd.Series(["a", None])])
def test_a_text_that_is_none_is_an_error_that_names_it(translator, texts):
    with pytest.raises(ValueError, match=r"texts\[\d\]"):
        translator(texts)


def test_a_table_without_the_column_is_refused(translator):
    with pytest.raises(ValueError, match="column 'source' is not in the DataFrame"):
        translator(pd.DataFrame({"en": ["a"]}))


@pytest.mark.parametrize("texts", [{"a": 1}, b"a"])
def test_a_container_of_something_else_is_refused(translator, texts):
    with pytest.raises(TypeError, match=type(texts).__name__):
        translator(texts)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "settings",
    [
        {"max_length": 0},
        {"max_length": 2.5},
        {"max_source_length": 1},
        {"batch_size": -1},
        {"parallel": 0},
    ],
    ids=str,
)
def test_settings_without_sense_are_refused(make_translator, settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name}=.* expected an int"):
        make_translator(**settings)


@pytest.mark.slow
def test_long_sources_are_cut_with_a_warning(make_translator):
    short = make_translator(max_source_length=4)
    with pytest.warns(UserWarning, match="1 of 2 texts have more than max_source_length=4"):
        cut, _ = short(["The dog sleeps in the house.", "dog"])
    pieces = short.source_tokenizer.encode(["The dog sleeps in the house."]).ids[0][:3]
    assert cut == make_translator()(short.source_tokenizer.decode([pieces])[0])


@pytest.mark.slow
def test_positions_and_vocabulary_of_the_model_are_limits(pair_tokenizers):
    size = pair_tokenizers.source_tokenizer.vocab_size
    model = Transformer(1, 8, 2, 8, vocab_size=size, position=LearnedPositions(8, 10))
    limited = Translator(model, pair_tokenizers)
    graph = limited.graph()
    assert (graph.max_target_length, graph.max_length) == (10, 10)
    with pytest.warns(UserWarning, match="max_source_length=10"):
        limited("two birds in the house and a dog and a cat")
    with pytest.raises(ValueError, match=r"max_length=11 .*≤ 10, the positions"):
        Translator(model, pair_tokenizers, max_length=11)
    small = Transformer(1, 8, 2, 8, vocab_size=size - 1)
    with pytest.raises(ValueError, match=f"{size} pieces and the model knows {size - 1}"):
        Translator(small, pair_tokenizers)


def tokenizers_like(tokenizer, **ids):
    """The tokenizer on both sides, with other special ids; None takes one away."""
    other = copy.copy(tokenizer)
    changed = {**tokenizer.special_ids, **ids}
    other.special_ids = {role: i for role, i in changed.items() if i is not None}
    return types.SimpleNamespace(source_tokenizer=other, target_tokenizer=other)


@pytest.mark.slow
def test_a_target_begins_as_the_model_says_where_the_tokenizer_does_not(pair_tokenizers):
    tokenizer = pair_tokenizers.target_tokenizer
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16, "head_width": 8}
    model = T5(tokenizer.vocab_size, **sizes, start_id=5)
    without = Translator(model, tokenizers_like(tokenizer, start=None), Greedy())
    told = Translator(model, tokenizers_like(tokenizer, start=5), Greedy())
    assert without.n_best(TEXTS) == told.n_best(TEXTS)
    np.testing.assert_array_equal(
        without.alignment("dog", "Hund").weights, told.alignment("dog", "Hund").weights
    )


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ({"start": None}, "no start token of the target"),
        ({"end": None}, "no end token of the source, no end token of the target"),
        ({"pad": 3}, "pads with id 3 and the model takes 0"),
    ],
    ids=str,
)
def test_special_ids_that_do_not_fit_are_told(pair_tokenizers, ids, message):
    tokenizer = pair_tokenizers.target_tokenizer
    model = Transformer(1, 8, 2, 8, vocab_size=tokenizer.vocab_size)
    with pytest.raises(ValueError, match=message):
        Translator(model, tokenizers_like(tokenizer, **ids))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(2), Sampling(seed=1)], ids=repr)
def test_ids_without_a_piece_are_never_chosen(pair_tokenizers, strategy):
    size = pair_tokenizers.target_tokenizer.vocab_size
    model = Transformer(1, 8, 2, 8, vocab_size=size + 5, head_bias=True)
    model.head.bias.assign(np.where(np.arange(size + 5) < size, 0.0, 50.0))
    translate = Translator(model, pair_tokenizers, strategy, max_length=6)
    found = translate.module.compute(ROW)
    assert found.ids.numpy().max() < size
    assert np.isfinite(found.scores.numpy()).all()


@pytest.mark.slow
def test_processors_reach_the_decoding(make_translator):
    end = make_translator().target_tokenizer.special_ids["end"]
    found = make_translator(strategy=Greedy(), processors=[MinNewTokens(12, end)])
    ids = found.module.compute(ROW).ids
    assert end not in ids.numpy()


@pytest.mark.slow
def test_what_cannot_decode_is_told(make_translator):
    with pytest.raises(TypeError, match=r"processors must be functions.*not \('x',\)"):
        make_translator(processors=["x"])
    broken = make_translator()
    broken.model.weights[0].assign(np.full(broken.model.weights[0].shape, np.nan))
    with pytest.raises(ValueError, match=r"no translation of 'The dog sleeps\.' has a finite"):
        broken("The dog sleeps.")


@pytest.mark.slow
def test_alignment_is_the_attention_of_the_forced_translation(translator):
    alignment = translator.alignment("The dog sleeps.", "Der Hund")
    layers, heads, target, source = alignment.weights.shape
    assert (layers, heads) == (2, 4)
    assert target == len(alignment.target_tokens)
    assert source == len(alignment.source_tokens)
    assert alignment.source_tokens[-1] == alignment.target_tokens[-1] == "</s>"
    np.testing.assert_allclose(alignment.weights.sum(-1), 1, rtol=1e-5)
    # The same as the model says when it is asked directly.
    special = translator.target_tokenizer.special_ids
    start, end = special["start"], special["end"]
    source_ids, target_ids = translator.source_tokenizer.encode(["The dog sleeps.", "Der Hund"]).ids
    details = translator.model.details(
        {
            "source_ids": np.array([[*source_ids, end]]),
            "target_ids": np.array([[start, *target_ids]]),
        }
    )
    np.testing.assert_allclose(
        alignment.weights, np.stack([w[0] for w in details["cross_attentions"]]), atol=1e-6
    )
    assert translator.alignment("dog").target_tokens[:-1] == translator.target_tokenizer.tokens(
        translator.target_tokenizer.encode([translator("dog")]).ids[0]
    )


@pytest.mark.slow
def test_an_alignment_is_of_all_that_the_model_reads(make_translator):
    alignment = make_translator(prefix="The dog ").alignment("sleeps.", "Der Hund")
    expected = make_translator().alignment("The dog sleeps.", "Der Hund")
    assert alignment.source_tokens == expected.source_tokens
    np.testing.assert_array_equal(alignment.weights, expected.weights)


def test_a_translation_as_long_as_the_model_allows_has_an_alignment(pair_tokenizers):
    size = pair_tokenizers.source_tokenizer.vocab_size
    model = Transformer(1, 8, 2, 8, vocab_size=size, position=LearnedPositions(8, 10))
    weights = Translator(model, pair_tokenizers).alignment("dog", "Hund " * 20).weights
    assert weights.shape[2] == 10


@pytest.mark.slow
def test_evaluate_scores_its_own_translations_perfectly(translator):
    texts = ["The dog sleeps in the house.", "A cat and two birds."]
    scores = translator.evaluate(texts, ["a b c d", "e f g h"])
    assert scores["bleu"] < 10
    assert "tok:13a" in scores["bleu_signature"]


def test_what_cannot_be_scored_is_not_translated_first(translator):
    texts = ["The dog sleeps in the house.", "A cat and two birds."]
    translate, translator.module.compute = translator.module.compute, None
    try:
        with pytest.raises(ValueError, match="2 hypotheses and 1 references"):
            translator.evaluate(texts, ["x"])
        with pytest.raises(ValueError, match=r"references\[1\] is None"):
            translator.evaluate(texts, ["x", None])
        with pytest.raises(ValueError, match="tokenize='zhh' was given; expected one of"):
            translator.evaluate(texts, texts, "zhh")
    finally:
        translator.module.compute = translate


@pytest.mark.slow
def test_saved_and_loaded_translates_the_same(make_translator, tmp_path):
    translator = make_translator(strategy=BeamSearch(2), processors=[MinNewTokens(3, 3)])
    translator.save(tmp_path / "de")
    translator.save(tmp_path / "de")  # over an older one
    loaded = Translator.load(tmp_path / "de")
    assert loaded.n_best(TEXTS) == translator.n_best(TEXTS)
    assert loaded.strategy == BeamSearch(2)
    assert loaded.processors == translator.processors
    greedy = Translator.load(tmp_path / "de", strategy=Greedy())
    assert greedy(TEXTS) == make_translator(strategy=Greedy(), processors=[MinNewTokens(3, 3)])(
        TEXTS
    )


def test_what_could_not_be_read_again_is_not_written(make_translator, tmp_path):
    translator = make_translator(processors=[lambda scores, ids, length: scores])
    with pytest.raises(ValueError, match=r"processors=.* cannot be saved"):
        translator.save(tmp_path / "de")
    assert not (tmp_path / "de").exists()


@pytest.mark.slow
def test_a_hostile_folder_takes_no_memory_and_no_stack(make_translator, tmp_path):
    make_translator().save(tmp_path)
    settings, path = tmp_path / "translator.json", tmp_path / "model.keras"
    good = settings.read_text()
    settings.write_text('{"strategy": ' + "[" * 5000 + "]" * 5000 + "}")
    with pytest.raises(ValueError, match=r"translator\.json is damaged"):
        Translator.load(tmp_path)
    settings.write_text(good)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["vocab_size"] = 2**40  # eight terabytes
    for damage, words in (
        (json.dumps(config), "it describes .* weights and holds"),
        ('{"config": ' + "[" * 5000 + "]" * 5000 + "}", "cannot be read"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**parts, "config.json": damage}.items():
                archive.writestr(name, content)
        with pytest.raises(ValueError, match=words):
            Translator.load(tmp_path)


@pytest.mark.slow
def test_an_interrupted_save_leaves_the_older_one_whole(make_translator, tmp_path, monkeypatch):
    make_translator().save(tmp_path / "de")
    before = Translator.load(tmp_path / "de").n_best(TEXTS)
    other = make_translator(strategy=Greedy())
    (tmp_path / "de" / "notes.txt").write_text("mine")
    monkeypatch.setattr(type(other.source_tokenizer), "save", None)  # after the model is written
    with pytest.raises(TypeError):
        other.save(tmp_path / "de")
    monkeypatch.undo()
    assert Translator.load(tmp_path / "de").n_best(TEXTS) == before
    assert [path.name for path in tmp_path.iterdir()] == ["de"]
    other.save(tmp_path / "de")
    assert Translator.load(tmp_path / "de").strategy == Greedy()
    assert (tmp_path / "de" / "notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_a_damaged_folder_is_named(make_translator, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no translator"):
        Translator.load(tmp_path)
    make_translator().save(tmp_path)
    settings = tmp_path / "translator.json"
    good = settings.read_text()
    settings.write_text(good[:20])
    with pytest.raises(ValueError, match=r"translator\.json is damaged"):
        Translator.load(tmp_path)
    settings.write_text(json.dumps({"strategy": {"class_name": "Popen", "module": "subprocess"}}))
    with pytest.raises(TypeError, match="strategy must be a decoding strategy"):
        Translator.load(tmp_path)
    settings.write_text(good)
    model = tmp_path / "model.keras"
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"model\.keras cannot be read"):
        Translator.load(tmp_path)
