"""Models from scratch: whichever family and sizes a task is told."""

import numpy as np
import pandas as pd
import pytest

import tftransformer as tt
from tftransformer.tasks.learners import learn_bpe

SMALL = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16}
TEXTS = ["a good film", "a bad day", "good fun", "bad jokes"] * 6
WITHOUT_SEGMENTS = ("Bart", "DistilBert", "ModernBert")
ONCE = {"epochs": 1, "validation": 0, "verbose": 0}


def classified(family):
    task = tt.TextClassifier({"family": family, **SMALL}, vocab_size=60)
    task.fit(TEXTS, [1, 0] * 12, **ONCE)
    draw = np.random.default_rng(0)
    for weight in task.model_.trainable_weights:  # else all answers are alike
        weight.assign(weight + draw.normal(size=weight.shape, scale=0.3))
    texts = ["fun", "a good day and bad jokes", "good"]  # each is padded otherwise alone
    scores = [answer["score"] for answer in task(texts)]
    return task, scores == pytest.approx([task(text)["score"] for text in texts], abs=1e-5)


def tagged(family):
    task = tt.TokenClassifier({"family": family, **SMALL}, vocab_size=60)
    words = [text.split() for text in TEXTS]
    task.fit(words, [["X"] * len(row) for row in words], **ONCE)
    return task, isinstance(task("a good day"), list)


def continued(family):
    task = tt.TextGenerator({"family": family, **SMALL}, vocab_size=60, max_length=24)
    return task, isinstance(task.fit(TEXTS, **ONCE)("a good")["generated_text"], str)


def translated(family):
    task = tt.Translator({"family": family, **SMALL}, vocab_size=280, max_length=24)
    task.fit(pd.DataFrame({"en": TEXTS, "de": TEXTS[::-1]}), **ONCE)
    return task, isinstance(task("a good day"), str)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "family"),
    [
        *((classified, f) for f in ("SentenceModel", "Bert", "Roberta", "Gpt2", "XLNet", "XLM")),
        *((classified, f) for f in ("DebertaV2", "DistilBert", "Electra", "ModernBert", "Qwen3")),
        *((classified, family) for family in ("Bart", "T5")),
        *((tagged, family) for family in ("Bert", "Deberta", "ModernBert", "T5Encoder")),
        *((continued, family) for family in ("Gpt", "Gpt2", "TransformerXL", "Llama", "Gemma3")),
        *((translated, family) for family in ("Transformer", "T5", "Bart", "MBart")),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_task_trains_the_family_that_it_is_told(run, family, tmp_path):
    task, answers = run(family)
    assert answers
    assert type(getattr(task.model_, "model", task.model_)).__name__ == family
    assert task.model_.d_model == SMALL["d_model"]
    task.save(tmp_path / "saved")
    assert type(task).load(tmp_path / "saved").model == task.model


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"family": "Brt"}, r"family='Brt' was given; expected one of Albert, Bart, Bert, "),
        (
            {"layers": 2},
            r"layers=2 was given; SentenceModel takes vocab_size, num_layers, .* heads\.$",
        ),
        ({"d_model": 30, "num_heads": 4}, "num_heads"),
        ({"family": "Transformer", **SMALL}, "a Transformer has no heads and only writes texts"),
        ([2], r'model=\[2\] was given; expected a folder, a Keras model .*{"num_layers": 2}'),
    ],
)
def test_sizes_that_no_model_has_are_refused_before_anything_is_learnt(model, said):
    with pytest.raises((ValueError, TypeError), match=said):
        tt.TextClassifier(model).fit(TEXTS, [1, 0] * 12)


def test_a_family_without_the_head_is_refused_before_anything_is_learnt():
    with pytest.raises(
        ValueError, match=r"Gpt2 has no head 'masked_lm', which a FillMask needs.* lm,"
    ):
        tt.FillMask({"family": "Gpt2", **SMALL}).fit(TEXTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "rows"),
    [(tt.TextClassifier, {"label": [1, 0] * 12}), (tt.TextGenerator, {}), (tt.Translator, {})],
)
def test_a_tokenizer_that_is_given_has_its_own_pieces_whatever_is_learnt_without(task, rows):
    tokenizer = learn_bpe(TEXTS, 60)
    name = "tokenizers" if task is tt.Translator else "tokenizer"
    fitted = task(SMALL, **{name: tokenizer})
    fitted.fit(pd.DataFrame({"text": TEXTS, "en": TEXTS, "de": TEXTS, **rows}), **ONCE)
    assert fitted.data_.tokenizers[0] is tokenizer


@pytest.mark.slow
def test_texts_are_cut_at_random_by_a_tokenizer_that_is_given_if_asked():
    tokenizer = learn_bpe(TEXTS, 60)
    translate = tt.Translator(SMALL, tokenizers=tokenizer, sampling_alpha=0.2, vocab_size=60)
    translate.fit(pd.DataFrame({"en": TEXTS, "de": TEXTS[::-1]}), **ONCE)
    source, target = translate.data_.tokenizers
    assert source is target
    assert (source.sampling_alpha, tokenizer.sampling_alpha) == (0.2, 0.0)
    assert source.vocabulary() == tokenizer.vocabulary()


@pytest.mark.slow
@pytest.mark.parametrize(
    "family",
    ["SentenceModel", "Albert", "Bert", "Roberta", "Gpt2", "XLNet", "Deberta", *WITHOUT_SEGMENTS],
)
def test_pairs_have_the_segments_of_their_tokenizer_in_any_family_that_reads_some(family):
    classify = tt.TextClassifier({"family": family, **SMALL}, tokenizer="wordpiece", vocab_size=60)
    pairs = list(zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True))
    classify.fit(pairs, [1, 0] * 12, **ONCE)
    found = classify.data_.row_template.segments(pair=True)
    assert found == (None if family in WITHOUT_SEGMENTS else 2)
    together = [answer["score"] for answer in classify(pairs[:3])]
    assert together == pytest.approx([classify(p)["score"] for p in pairs[:3]], abs=1e-5)


@pytest.mark.slow
def test_contexts_and_choices_have_the_segments_of_their_tokenizer():
    choose = tt.MultipleChoice(SMALL, tokenizer="wordpiece", vocab_size=60)
    rows = [(text, "what?", ["a film", "a day"], 0) for text in TEXTS]
    choose.fit(rows, **ONCE)
    assert choose.model_.stack.embeddings.segments.input_dim == 2
    assert choose("good fun", "what?", ["a film", "a day"])["choice"] in ("a film", "a day")


@pytest.mark.slow
def test_a_model_of_two_stacks_knows_the_tokens_that_rows_begin_and_end_with():
    task = tt.TextClassifier({"family": "Bart", **SMALL}, vocab_size=60)
    task.fit(TEXTS, [1, 0] * 12, **ONCE)
    special = task.data_.tokenizers[0].special_ids
    assert task.model_.start_id == special["start"]
    assert task.model_.heads["sequence_classification"].pooler.token_id == special["end"]


@pytest.mark.slow
def test_what_a_family_passes_to_its_stacks_counts_among_its_sizes():
    for model, norm in (({}, "pre"), ({"norm": "post"}, "post")):
        made = tt.Translator({**SMALL, **model}).from_scratch({"vocab_size": 40}, pad_id=0)
        assert made.get_config()["norm"] == norm
