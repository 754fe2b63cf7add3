"""A trained task as a folder of Hugging Face's library, and back."""

import json

import numpy as np
import pandas as pd
import pytest
from small_tasks import CASES, TEXTS, fitted_case
from task_contract import assert_same, flat

import tftransformer as tt
from tftransformer.models import Bert

HOW = {"epochs": 1, "validation": 0, "verbose": 0}
SIZES = {"num_layers": 1, "d_model": 16, "num_heads": 2}
NAMES = (
    "Albert",
    "Bert",
    "DistilBert",
    "Electra",
    "Roberta",
    "XLNet",
    "Bart",
    "ModernBert",
    "DebertaV2",
)
ALBERT, BERT, DISTILBERT, ELECTRA, ROBERTA, XLNET, BART, MODERN_BERT, DEBERTA = (
    {"family": name, **SIZES, "dff": 32} for name in NAMES
)
GPT2, XLM = ({"family": name, **SIZES} for name in ("Gpt2", "XLM"))
T5 = {"family": "T5", **SIZES, "head_width": 8, "dff": 32}
BEAMS = {"options": {"num_beams": 2, "length_penalty": 1.0, "max_new_tokens": 6}}
DRAFTS = {"options": {"no_repeat_ngram_size": 2, "num_beams": 1, "max_new_tokens": 6}}
# A task, a model, further settings, the side of padding, and whether rows have segments.
TRIED = [
    ("TextClassifier", BERT, {}, "right", False),
    ("TextClassifier", GPT2, {}, "right", False),
    ("TextClassifier", MODERN_BERT, {}, "right", False),
    ("TextClassifier", DEBERTA, {}, "right", False),
    ("TextClassifier", XLNET, {}, "left", False),
    ("TextClassifier", T5, {}, "right", False),
    ("TextClassifier", DISTILBERT, {}, "right", False),
    ("TokenClassifier", BERT, {}, "right", True),
    ("TokenClassifier", ELECTRA, {}, "right", True),
    ("TokenClassifier", XLM, {}, "right", False),
    ("QuestionAnswerer", DEBERTA, {}, "right", True),
    ("QuestionAnswerer", ROBERTA, {}, "right", True),
    ("QuestionAnswerer", DISTILBERT, {}, "right", False),
    ("FillMask", ALBERT, {}, "right", False),
    ("MultipleChoice", BERT, {}, "right", False),
    ("FillMask", ROBERTA, {}, "right", False),
    ("FillMask", MODERN_BERT, {}, "right", False),
    ("TextEmbedder", GPT2, {}, "right", False),
    ("TextGenerator", GPT2, DRAFTS, "left", False),
    ("Summarizer", T5, {**BEAMS, "prefix": "dog ", "max_source_length": 30}, "right", False),
    ("Translator", BART, DRAFTS, "right", False),
]


def said(folder, name="config"):
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def fitted(name, model, **settings):
    """A small task that has learnt, with weights of some size, and a table to ask it."""
    known, rows = CASES[name]
    frame = pd.DataFrame(rows)
    task = getattr(tt, name)(**{**known, **settings, "model": model}).fit(frame, **HOW)
    for number, weight in enumerate(task.model_.trainable_weights):
        noise = np.random.default_rng(number).normal(size=weight.shape, scale=0.2)
        weight.assign(weight + noise)
    masked = frame.replace(r"^\w+ ", "<mask> ", regex=True)
    return task, masked if name == "FillMask" else frame


def answers(task, frame):
    names = task.text_columns()
    if not {*names} <= {*frame.columns}:  # no folder of theirs names columns
        frame = frame.rename(columns=dict(zip(frame.columns, names, strict=False)))
    found = task(frame)
    return flat(found.to_dict("records") if hasattr(found, "columns") else found.tolist())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "model", "settings", "side", "has_segments"),
    TRIED,
    ids=[f"{name}-{model['family']}" for name, model, *_ in TRIED],
)
def test_a_trained_task_answers_alike_from_the_folder_that_it_wrote(
    name, model, settings, side, has_segments, tmp_path
):
    task, frame = fitted(name, model, **settings)
    expected = answers(task, frame)
    task.save(tmp_path / "saved")
    tt.load(tmp_path / "saved").save_pretrained(tmp_path / "model")
    kept = {"stride": 4} if "stride" in CASES[name][0] else {}
    again = type(task)(tmp_path / "model", **kept)
    again.fitted()
    assert_same(answers(again, frame), expected)
    config = said(tmp_path / "model", "tokenizer_config")
    assert config["padding_side"] == side
    assert ("token_type_ids" in config["model_input_names"]) == has_segments
    again.save_pretrained(tmp_path / "again")
    for file in ("config", "tokenizer_config"):
        assert said(tmp_path / "again", file) == said(tmp_path / "model", file)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "kind", "names", "problem"),
    [
        ([7, 3, 3] * 4, None, ["3", "7"], "single_label_classification"),
        ([["x"], ["y"], ["x", "z"]] * 4, "several", ["x", "y", "z"], "multi_label_classification"),
        ([0.5, 1.5, 2.5] * 4, "numbers", ["LABEL_0"], "regression"),
    ],
    ids=["whole numbers", "several", "numbers"],
)
def test_labels_have_names_there_and_are_here_what_they_were(
    labels, kind, names, problem, tmp_path
):
    classify = tt.TextClassifier(BERT, vocab_size=60, labels=kind).fit(TEXTS, labels, **HOW)
    classify.save_pretrained(tmp_path)
    config = said(tmp_path)
    assert [*config["id2label"].values()] == [*config["label2id"]] == names
    assert config["problem_type"] == problem
    again = tt.TextClassifier(tmp_path)
    assert (again.kind, again(TEXTS[:3])) == (classify.kind, classify(TEXTS[:3]))
    further = tt.TextClassifier(tmp_path, learning_rate=1e-12).fit(TEXTS, labels, **HOW)
    assert_same(flat(further(TEXTS[:3])), flat(classify(TEXTS[:3])), atol=1e-3)  # the same head
    other = {"0": "no", "1": "yes"}
    if kind is None:  # as after a training elsewhere
        (tmp_path / "config.json").write_text(json.dumps({**config, "id2label": other}))
        assert tt.TextClassifier(tmp_path).classes_.tolist() == ["no", "yes"]


@pytest.mark.slow
def test_what_no_task_learns_is_told(tmp_path):
    classify, _ = fitted("TextClassifier", BERT)
    classify.save_pretrained(tmp_path)
    config = said(tmp_path)
    for wrong in (
        3,
        {"objective": None},
        {"objective": {"classes_": ["a"]}},
        {"threshold": "high"},
    ):
        again = {**config, "tftransformer_learnt": {"text_classifier": wrong}}
        (tmp_path / "config.json").write_text(json.dumps(again))
        with pytest.raises(ValueError, match=r"no save_pretrained writes beside . labels. Delete"):
            tt.TextClassifier(tmp_path).fitted()


@pytest.mark.slow
def test_what_was_learnt_beside_the_model_comes_along(tmp_path):
    tag, _ = fitted("TokenClassifier", BERT)
    tag.save_pretrained(tmp_path / "tag")
    again = tt.TokenClassifier(tmp_path / "tag").fitted().objective
    assert again.learnt == tag.data_.objective.learnt
    rows = {**CASES["QuestionAnswerer"][1], "answer": ["dog", "cat", ""] * 4}
    answer = tt.QuestionAnswerer(BERT, vocab_size=60, max_length=32).fit(pd.DataFrame(rows), **HOW)
    answer.threshold_ = 0.25
    answer.save_pretrained(tmp_path / "answer")
    again = tt.QuestionAnswerer(tmp_path / "answer")
    assert (again.fitted().objective.unanswered_, again.threshold_) == (4, 0.25)
    assert again("who eats", TEXTS[1]) == answer("who eats", TEXTS[1])


@pytest.mark.slow
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max", None])
def test_vectors_are_told_as_sentence_transformers_does(pooling, normalize, tmp_path):
    settings = {"pooling": pooling, "normalize": normalize, "max_length": 9}
    embed, frame = fitted("TextEmbedder", BERT, **settings)
    embed.save_pretrained(tmp_path)
    files = tt.pretrained.read_sentence_files(tmp_path)
    parts = {"cls": ("first",), None: ("max", "mean")}.get(pooling, (pooling,))
    assert (files.parts, files.normalize, files.max_length) == (parts, normalize, 9)
    assert said(tmp_path, "1_Pooling/config")["word_embedding_dimension"] == 16
    assert said(tmp_path)["architectures"] == ["BertModel"]
    assert tt.from_pretrained(tmp_path).heads == {}
    assert_same(answers(tt.TextEmbedder(tmp_path), frame), answers(embed, frame))


REFUSED = {
    "TextClassifier": (None, {}, "SentenceModel has no such format"),
    "ExtractiveSummarizer": (BERT, {}, "Hugging Face has no names for"),
    "Parser": (BERT, {}, "cannot express trees"),
    "SequenceParser": (SIZES, BEAMS, "cannot express trees"),
    "TextEmbedder": (T5, {}, "reads the encoder alone of a T5.*T5Encoder"),
    "Summarizer": (T5, {}, "cannot express strategy=BeamSearch.*WuLengthPenalty"),
    "TextGenerator": (GPT2, {"options": {"stop": "dog"}}, "cannot express stop=.'dog',."),
    "Translator": (SIZES, BEAMS, "Hugging Face has no names for"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_such_format_is_refused_and_nothing_is_written(name, tmp_path):
    model, settings, message = REFUSED[name]
    task, _ = fitted(name, model, **settings)
    with pytest.raises(ValueError, match=rf"(?s)this {name} cannot be .*{message}.*save\(folder\)"):
        task.save_pretrained(tmp_path / "new")
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_limit_that_grows_with_the_source_is_refused_and_another_one_is_said(tmp_path):
    task, _ = fitted("Translator", T5, options={"num_beams": 1})
    with pytest.raises(ValueError, match=r"a limit that grows.*max_new_tokens.*save\(folder\)"):
        task.save_pretrained(tmp_path / "new")
    assert not any(tmp_path.iterdir())
    task.max_length = 7
    task.save_pretrained(tmp_path / "new")
    assert said(tmp_path / "new", "generation_config")["max_new_tokens"] == 7
    assert tt.Translator(tmp_path / "new")(TEXTS[:3]) == task(TEXTS[:3])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "limits"),
    [({}, [16, None]), ({"max_new_tokens": 5}, [5, None]), ({"max_length": 9}, [None, 9])],
)
def test_how_much_is_written_behind_a_prompt_is_said(options, limits, tmp_path):
    write, _ = fitted("TextGenerator", GPT2, options=options or None)  # it knows 32 positions
    write.save_pretrained(tmp_path)
    generation = said(tmp_path, "generation_config")
    assert [generation.get(name) for name in ("max_new_tokens", "max_length")] == limits
    assert tt.TextGenerator(tmp_path)("the dog") == write("the dog")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "side"), [("cls a sep b:1 sep:1", "right"), ("a sep b:1 sep:1 cls:2", "left")]
)
def test_the_side_that_is_padded_tells_whether_questions_stand_first(row, side, tmp_path):
    answer, _ = fitted("QuestionAnswerer", XLNET)
    template = tt.Template("a", row)  # as of BERT, and of XLNet
    tokenizer = tt.pretrained.FolderTokenizer(answer.data_.tokenizers[0], template)
    answer = tt.QuestionAnswerer(answer.model_, tokenizer=tokenizer, max_length=32)
    answer.save_pretrained(tmp_path)
    assert said(tmp_path, "tokenizer_config")["padding_side"] == side
    again = tt.QuestionAnswerer(tmp_path)
    assert again("who eats", TEXTS[1]) == answer("who eats", TEXTS[1])


@pytest.mark.slow
def test_a_folder_is_replaced_in_one_step_and_what_else_lies_in_it_stays(tmp_path):
    write, _ = fitted("TextGenerator", GPT2)
    write.save_pretrained(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "added_tokens.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    learnt = tt.SentencePieceTokenizer.learn(TEXTS, 60, byte_fallback=False)
    tokenizer = tt.SentencePieceTokenizer(learnt.vocabulary(), language_codes=True)
    classify, _ = fitted("TextClassifier", BERT, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="MarianTokenizer makes rows by itself"):  # after the model
        classify.save_pretrained(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    classify, _ = fitted("TextClassifier", BERT)
    classify.save_pretrained(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == before.keys() - {"generation_config.json", "added_tokens.json"}
    assert tt.TextClassifier(tmp_path)(TEXTS[0]) == classify(TEXTS[0])


@pytest.mark.slow
def test_parameters_of_other_tasks_stay_and_those_of_the_own_are_said_once(tmp_path):
    task, _ = fitted("Summarizer", T5, **BEAMS)
    params = {"summarization": {"prefix": "sum: ", "num_beams": 5}, "translation": {"prefix": "x"}}
    task.model_.further_config = {"task_specific_params": params}
    task.save_pretrained(tmp_path / "first")
    summarize = tt.Summarizer(tmp_path / "first", prefix="dog ", options={"num_beams": 3})
    summarize.save_pretrained(tmp_path / "second")
    config = said(tmp_path / "second")
    assert config["task_specific_params"] == {"translation": {"prefix": "x"}}
    assert config["prefix"] == "dog "
    generation = said(tmp_path / "second", "generation_config")
    assert (generation["num_beams"], generation["max_new_tokens"]) == (3, 6)
    again = tt.Summarizer(tmp_path / "second")
    assert again(TEXTS[:3]) == summarize(TEXTS[:3])
    assert again.generation({}) == summarize.generation({})


@pytest.mark.slow
def test_gpts_models_are_given_no_segments(tmp_path):
    classify = tt.TextClassifier(GPT2, vocab_size=60, max_length=32)
    classify.fit(pd.DataFrame({"text": TEXTS, "label": [0, 1, 1] * 4}), **HOW)
    model, tokenizer = classify.model_, classify.data_.tokenizers[0]
    bare = tt.pretrained.FolderTokenizer(tokenizer, tt.Template("a", "a b:1"))
    pairs = tt.TextClassifier(model, tokenizer=bare)
    pairs(("the dog", "sleeps"))
    assert not pairs.graph(texts=2).has_segments
    pairs.save_pretrained(tmp_path)
    names = said(tmp_path, "tokenizer_config")["model_input_names"]
    assert names == ["input_ids", "attention_mask"]


@pytest.mark.slow
def test_a_task_that_was_given_a_model_and_never_fitted_writes_it_too(tmp_path):
    task, frame, _ = fitted_case("FillMask")
    model = Bert(task.data_.tokenizers[0].vocab_size, **SIZES, dff=32, heads=["masked_lm"])
    fill = tt.FillMask(model, tokenizer=task.data_.tokenizers[0])
    fill.save_pretrained(tmp_path)
    asked = frame["text"].iloc[0].replace("dog", "<mask>")
    assert tt.pipeline("fill-mask", tmp_path)(asked) == fill(asked)
    with pytest.raises(RuntimeError, match="has learnt nothing yet"):
        tt.FillMask().save_pretrained(tmp_path)
