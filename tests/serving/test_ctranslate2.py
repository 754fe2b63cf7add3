"""CTranslate2 finds in its folder what our own decoding finds in the model."""

import builtins
import types

import keras
import numpy as np
import pytest

from tftransformer.decoding import BeamSearch, Greedy, PowerLengthPenalty
from tftransformer.layers import FeedForward, MultiHeadAttention, RelativeScorer
from tftransformer.masks import CausalMask, PaddingMask, SlidingWindowMask
from tftransformer.models import Gpt, Transformer
from tftransformer.positions import LearnedPositions, RotaryPositions, SinusoidalPositions
from tftransformer.serving import write_ctranslate2
from tftransformer.tasks import Translator
from tftransformer.text import SentencePieceTokenizer, WordPieceTokenizer

ctranslate2 = pytest.importorskip("ctranslate2", exc_type=ImportError)

LENGTH = 16
NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf"}
PAIRS = [(f"{a} and {b}", f"{NUMBERS[a]} und {NUMBERS[b]}") for a in NUMBERS for b in NUMBERS]
TEXTS = [*(english for english, _ in PAIRS), "two", "five and one and four and three", "Vögel 🐦"]
BEAM = BeamSearch(4, PowerLengthPenalty(0.8), early_stopping=True, num_return=4)
STRATEGIES = {
    Greedy(): {"beam_size": 1, "length_penalty": 0},
    BEAM: {"beam_size": 4, "length_penalty": 0.8, "num_hypotheses": 4},
}


@pytest.fixture(scope="module")
def tokenizers():
    """A SentencePiece tokenizer for each side, of different sizes."""
    english, german = zip(*PAIRS, strict=True)
    return types.SimpleNamespace(
        source_tokenizer=SentencePieceTokenizer.learn(english, 290),
        target_tokenizer=SentencePieceTokenizer.learn(german, 300),
    )


def assert_equal(model, tokenizers, folder):
    """Our decoding and CTranslate2's find the same tokens, hence texts, and scores."""
    for strategy, settings in STRATEGIES.items():
        translator = Translator(model, tokenizers, strategy=strategy, max_length=LENGTH)
        if not folder.exists():
            translator.export(folder, format="ctranslate2")
            served = ctranslate2.Translator(str(folder), intra_threads=1)
        source, target = translator.source_tokenizer, translator.target_tokenizer
        found = served.translate_batch(
            [source.tokens(ids) for ids in source.encode(TEXTS).ids],
            max_decoding_length=LENGTH,
            min_decoding_length=0,
            return_end_token=True,
            return_scores=True,
            **settings,
        )
        names = target.tokens(range(target.vocab_size))
        ids = [[names.index(piece) for piece in n_best] for r in found for n_best in r.hypotheses]
        expected = [translation for n_best in translator.n_best(TEXTS) for translation in n_best]
        assert target.decode(ids) == [translation.text for translation in expected]
        np.testing.assert_allclose(
            [score for result in found for score in result.scores],
            [translation.score for translation in expected],
            rtol=1e-4,
            # CTranslate2 subtracts log Σ exp from logits of ±16: what is left near 0 are multiples
            # of 2⁻²⁰, one for each token. Ours are exact there.
            atol=2e-5,
        )


@pytest.mark.slow
def test_a_trained_model_translates_the_same(tokenizers, tmp_path):
    model = Transformer(*(1, 32, 4, 64), source_vocab_size=290, target_vocab_size=300, dropout=0.0)
    source, target = tokenizers.source_tokenizer, tokenizers.target_tokenizer
    german = target.encode([de for _, de in PAIRS]).ids
    rows = zip(source.encode(TEXTS[:25]).ids, german, strict=True)
    start, end = target.special_ids["start"], target.special_ids["end"]
    source_ids, target_ids = np.zeros((25, LENGTH), "int32"), np.zeros((25, LENGTH), "int32")
    for row, (english, german) in enumerate(rows):
        source_ids[row, : len(english) + 1] = [*english, source.special_ids["end"]]
        target_ids[row, : len(german) + 2] = [start, *german, end]
    labels = target_ids[:, 1:]
    model.compile(
        keras.optimizers.Adam(0.005),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
    )
    inputs = {"source_ids": source_ids, "target_ids": target_ids[:, :-1]}
    model.fit(inputs, labels, batch_size=25, epochs=80, verbose=0)
    translator = Translator(model, tokenizers, strategy=Greedy(), max_length=LENGTH)
    assert np.mean([translator(en) == de for en, de in PAIRS]) > 0.9
    assert_equal(model, tokenizers, tmp_path / "served")


VARIANTS = {
    "post-norm, one bias for each target token": {"head_bias": True, "epsilon": 1e-3},
    "pre-norm, learned positions, nothing tied": {
        "norm": "pre",
        "activation": "gelu",
        "position": LearnedPositions(32, LENGTH + 4, offset=2),
        "tie": "none",
    },
    "RMS norms, no biases, stacks of different sizes": {
        "norm": "pre",
        "normalization": "rms",
        "activation": "silu",
        "use_bias": False,
        "scale_embeddings": False,
        "num_layers": (2, 1),
        "num_heads": (4, 2),
        "dff": (64, 48),
    },
    "gated nets, no norm at the end": {
        "norm": "pre",
        "final_norm": False,
        "feed_forward": FeedForward(32, 64, activation="gelu_tanh", gated=True),
        "position": SinusoidalPositions(32, layout="concatenated"),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_every_part_is_handed_over(tokenizers, tmp_path, options):
    sizes = {"num_layers": 1, "d_model": 32, "num_heads": 4, "dff": 64}
    # More ids than the tokenizers have pieces, as where they are rounded up; never the best.
    vocabularies = {"source_vocab_size": 296, "target_vocab_size": 300}
    model = Transformer(**{**sizes, **vocabularies, **options})
    for number, weight in enumerate(model.weights):
        if weight.dtype == "float32":
            noise = np.random.default_rng(number).normal(size=weight.shape, scale=0.2)
            weight.assign_add(noise)
    assert_equal(model, tokenizers, tmp_path / "served")


def test_one_vocabulary_stands_in_the_folder_once(make_translator, tmp_path):
    translator = make_translator()
    folder = translator.export(tmp_path / "served", "ctranslate2")
    assert {file.name for file in folder.iterdir()} == {
        *("model.bin", "config.json", "shared_vocabulary.json"),
        *("source_tokenizer", "target_tokenizer", "README.md"),
    }
    # Three uses of one table of tokens, and the table of positions.
    most = 4 * (translator.model.count_params() + 2048 * 32)
    assert (folder / "model.bin").stat().st_size < 1.1 * most
    with pytest.raises(FileExistsError, match="exists already"):
        translator.export(folder, "ctranslate2")


@pytest.mark.slow
def test_special_tokens_bear_the_names_that_ctranslate2_knows(tmp_path):
    tokenizer = WordPieceTokenizer.learn([english for english, _ in PAIRS], 60)
    model = Transformer(1, 16, 2, 16, vocab_size=tokenizer.vocab_size)
    both = types.SimpleNamespace(source_tokenizer=tokenizer, target_tokenizer=tokenizer)
    translator = Translator(model, both, strategy=Greedy(), max_length=4)
    folder = translator.export(tmp_path / "served", "ctranslate2")
    pieces = tokenizer.tokens(tokenizer.encode(["one and two"]).ids[0])
    (found,) = ctranslate2.Translator(str(folder)).translate_batch(
        [pieces],
        max_decoding_length=4,
        min_decoding_length=0,
        return_scores=True,
        **STRATEGIES[Greedy()],
    )
    ((best,),) = translator.n_best(["one and two"])
    np.testing.assert_allclose(found.scores, [best.score], rtol=1e-4)


SETTINGS = {
    "a prefix and a beam": {
        "prefix": "two and ",
        "strategy": BeamSearch(3, PowerLengthPenalty(0.7), early_stopping=True),
    },
    "the best token alone": {"options": {"num_beams": 1}},
    "fewest and most tokens": {
        "options": {"num_beams": 1, "min_new_tokens": 5, "max_new_tokens": 7}
    },
    "rules against repetition": {
        "options": {
            "num_beams": 1,
            "repetition_penalty": 1.4,
            "no_repeat_ngram_size": 2,
            # CTranslate2 does not count the start token as one that was there.
            "bad_words_ids": [[1], [2]],
        }
    },
    "tokens that are banned or come first": {
        "options": {
            "num_beams": 1,
            "bad_words_ids": [[270], [265, 266]],
            "forced_bos_token_id": 264,
            "min_length": 4,
            "eos_token_id": [3, 267],
        }
    },
    "short sources": {"options": {"num_beams": 1}, "max_source_length": 4},
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_code_of_the_card_translates_as_the_task_does(tokenizers, tmp_path, settings):
    model = Transformer(1, 32, 4, 64, source_vocab_size=290, target_vocab_size=300, norm="pre")
    for number, weight in enumerate(model.weights):
        if weight.dtype == "float32":
            noise = np.random.default_rng(number).normal(size=weight.shape, scale=0.2)
            weight.assign_add(noise)
    translate = Translator(model, tokenizers, **{"max_length": LENGTH, **settings})
    folder = translate.export(tmp_path / "served", "ctranslate2")
    card = (folder / "README.md").read_text()
    assert "cannot be told" not in card
    code = card.partition("```python\n")[2].partition("```")[0]
    run = {}
    exec(code.replace("FOLDER", str(folder)).replace('["…"]', repr(TEXTS)), run)
    assert run["translations"] == translate(TEXTS)


def test_the_card_names_what_ctranslate2_cannot_be_told(make_translator, tmp_path):
    def rule(scores, ids, lengths):
        return scores

    translate = make_translator(
        strategy=BeamSearch(2), processors=[rule], options={"forced_eos_token_id": 3}
    )
    card = (translate.export(tmp_path / "served", "ctranslate2") / "README.md").read_text()
    assert "WuLengthPenalty(alpha=0.6)` (it has `PowerLengthPenalty` alone)" in card
    assert "`early_stopping=False` (it has True alone)" in card
    assert "ForcedEnd(max_length=None, end_id=3)" in card
    assert "function " in card


def test_sources_and_targets_that_begin_with_another_token_are_refused(tokenizers, tmp_path):
    model = Transformer(1, 16, 2, 16, source_vocab_size=290, target_vocab_size=300)
    translate = Translator(model, tokenizers)
    translate.folder_ = {"options": {}, "start_id": 7}
    with pytest.raises(ValueError, match="targets begin with 7"):
        translate.export(tmp_path / "served", "ctranslate2")
    assert not (tmp_path / "served").exists()


MISFITS = {
    "rotary=<RotaryPositions": {"rotary": RotaryPositions()},
    "encoder_mask=SlidingWindowMask": {"encoder_mask": SlidingWindowMask(3) & PaddingMask()},
    "decoder_mask=": {"decoder_mask": CausalMask() & SlidingWindowMask(3) & PaddingMask()},
    "cross_mask=": {"cross_mask": CausalMask() & PaddingMask()},
    "scorer=<RelativeScorer": {
        "attention": MultiHeadAttention(16, 2, scorer=RelativeScorer(16, clamp=2))
    },
    "2 heads of width 4": {"attention": MultiHeadAttention(16, 2, head_width=4)},
    "activation='mish'": {"activation": "mish"},
    "feed_forward=<Dense": {"feed_forward": keras.layers.Dense(16)},
    "layers that differ": {"num_layers": 2, "activation": ["relu", "gelu"]},
    'final_norm=True and norm="post"': {"final_norm": True},
}


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(("message", "options"), MISFITS.items(), ids=MISFITS)
def test_what_ctranslate2_cannot_run_is_named(pair_tokenizers, tmp_path, message, options):
    size = pair_tokenizers.source_tokenizer.vocab_size
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16, "vocab_size": size}
    translator = Translator(Transformer(**{**sizes, **options}), pair_tokenizers)
    with pytest.raises(ValueError, match="cannot run a model with") as raised:
        translator.export(tmp_path / "served", "ctranslate2")
    assert message in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_model_of_another_kind_is_refused(pair_tokenizers, tmp_path):
    tokenizer = pair_tokenizers.source_tokenizer
    model = Gpt(vocab_size=tokenizer.vocab_size, num_layers=1, d_model=16, num_heads=2)
    with pytest.raises(ValueError, match="gets a Transformer from here, not a Gpt"):
        write_ctranslate2(model, tokenizer, tokenizer, tmp_path / "served")


def test_a_format_that_there_is_not_is_refused(make_translator, tmp_path):
    with pytest.raises(ValueError, match=r"format=.* was given; expected one of"):
        make_translator().export(tmp_path / "served", "onnx")


def test_the_missing_package_is_named(make_translator, tmp_path, monkeypatch):
    whole = builtins.__import__

    def without(name, *rest, **named):
        if name == "ctranslate2":
            raise ImportError(name)
        return whole(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install ctranslate2"):
        make_translator().export(tmp_path / "served", "ctranslate2")


def test_missing_pytorch_is_named_where_it_is_needed(make_translator, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install torch, or take"):
        make_translator().export(tmp_path / "served", "ctranslate2", weights="bfloat16")
    assert not (tmp_path / "served").exists()
