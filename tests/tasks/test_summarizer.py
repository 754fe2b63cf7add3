"""Summarizer, and what all tasks from text to text share: limits, folders, options."""

import json

import bare_process
import keras
import numpy as np
import pandas as pd
import pytest

import tftransformer as tt
from tftransformer.models import T5, Bart, Transformer
from tftransformer.tasks.pair_lengths import WRITTEN
from tftransformer.tasks.text_to_text_graph import TextToTextGraph
from tftransformer.tasks.writing import warn_of_long

TEXTS = ["The dog sleeps. It is old.", "A cat", "two birds in the house and a dog", ""]


@pytest.fixture
def summarize(pair_tokenizers):
    """A function that makes an untrained summarizer; arguments are its own."""

    def make(**options):
        keras.utils.set_random_seed(3)
        size = pair_tokenizers.source_tokenizer.vocab_size
        return tt.Summarizer(Transformer(1, 16, 2, 16, vocab_size=size), pair_tokenizers, **options)

    return make


@pytest.mark.slow
def test_a_batch_is_each_text_alone_and_tables_keep_their_index(summarize):
    task = summarize(max_length=9)
    found = task(TEXTS)
    assert found[3] == {"summary_text": "", "score": 0.0, "finished": True}
    for text, answer in zip(TEXTS, found, strict=True):
        alone = task(text)
        assert alone["summary_text"] == answer["summary_text"]
        assert alone["score"] == pytest.approx(answer["score"], abs=1e-5)
    frame = task(pd.Series(TEXTS, index=[4, 2, 9, 9]))
    assert frame.index.tolist() == [4, 2, 9, 9]
    assert list(frame) == ["summary_text", "score", "finished"]
    assert task.predict(TEXTS) == [answer["summary_text"] for answer in found]
    beams = task(TEXTS[:2], num_beams=2, no_repeat_ngram_size=1)
    assert all(np.isfinite(answer["score"]) for answer in beams)


@pytest.mark.slow
def test_the_limit_grows_with_the_text_and_finished_says_when_it_cut(summarize):
    task = summarize(strategy=tt.Greedy(), processors=[NoEnd(3)])
    texts = ["dog", "dog " * 150]
    graph, module = task._graph_and_module(1)
    rows, _ = graph.encode(texts)
    tokens = np.count_nonzero(rows["source_ids"], axis=1)
    lengths = module.compute(rows).lengths.numpy()[:, 0]
    assert tokens[1] * TextToTextGraph.growth > WRITTEN
    assert lengths.tolist() == [WRITTEN, tokens[1] * TextToTextGraph.growth]
    assert not any(answer["finished"] for answer in task(texts))


@keras.saving.register_keras_serializable("tests")
class NoEnd(tt.Processor):
    """Bans the end token."""

    def __init__(self, end_id):
        object.__setattr__(self, "end_id", end_id)

    def __call__(self, scores, ids, lengths):
        return tt.decoding.BadWords([[self.end_id]])(scores, ids, lengths)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"colour": 1}, TypeError, "'colour' is no option"),
        ({"top_k": 3}, ValueError, "do_sample=True"),
        ({"stop": "."}, ValueError, "stop"),
        ({"diversity_penalty": 0.5}, ValueError, "diversity_penalty=0.5"),
        ({"num_beams": 2, "num_return_sequences": 2}, ValueError, "n_best.* gives several"),
        ({"min_new_tokens": 6}, ValueError, "min_new_tokens=6 and max_new_tokens=5"),
    ],
)
def test_options_without_sense_are_refused_by_name(summarize, options, error, message):
    with pytest.raises(error, match=message):
        summarize(max_length=5)("A cat", **options)


def test_settings_of_a_person_count_before_those_of_the_folder(summarize):
    task = summarize(options={"no_repeat_ngram_size": 2})
    task.folder_ = {"options": {"num_beams": 5, "max_length": 18, "no_repeat_ngram_size": 3}}
    how = task.generation({})
    assert (how.strategy.num_beams, how.max_length, how.max_new_tokens) == (5, 18, None)
    assert how.processors == (tt.decoding.NoRepeatNgrams(2),)
    assert task.generation({"num_beams": 1, "max_new_tokens": 4}).max_new_tokens == 4
    task.set_params(strategy=tt.Greedy(), max_length=7)
    how = task.generation({})
    assert (how.strategy, how.max_length, how.max_new_tokens) == (tt.Greedy(), None, 7)


@pytest.mark.slow
def test_a_folder_says_what_begins_and_ends_texts_until_they_are_learnt(pair_tokenizers, tmp_path):
    tokenizer = pair_tokenizers.source_tokenizer
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "head_width": 8, "dff": 16}
    tt.save_pretrained(T5(tokenizer.vocab_size, **sizes, pad_id=0, start_id=2, end_id=3), tmp_path)
    folder = tt.pretrained.FolderTokenizer(tokenizer, tt.text.Template("a end"))
    tt.pretrained.save_tokenizer(folder, tmp_path)
    told = {"decoder_start_token_id": 7, "eos_token_id": [5, 3]}
    (tmp_path / "generation_config.json").write_text(json.dumps(told))
    task = tt.Summarizer(tmp_path, learning_rate=0.01)
    assert (task.graph().start_id, task.generation({}).end_ids) == (7, (5, 3))
    assert task.generation({"eos_token_id": 6}).end_ids == (6,)
    task.fit(["A cat"] * 4, ["cat"] * 4, epochs=1, validation=0, verbose=0)
    assert (task.graph().start_id, task.generation({}).end_ids) == (7, (3,))
    task.save(tmp_path / "saved")
    further = tt.Summarizer(tmp_path / "saved")
    further.fit(["A cat"] * 4, ["cat"] * 4, epochs=1, validation=0, verbose=0)
    assert further.graph().start_id == further.data_.objective.start_id == 7


@pytest.mark.slow
def test_what_it_learns_from_begins_as_what_it_is_asked(pair_tokenizers, monkeypatch):
    frame = pd.DataFrame({"text": TEXTS * 2, "summary": ["dog"] * 8}, index=range(8, 0, -1))
    seen = {}

    def batches(data, rows, training=True):
        seen[training] = rows["text"].tolist()
        return of_data(data, rows, training)

    of_data = tt.DataProcess.batches
    monkeypatch.setattr(tt.DataProcess, "batches", batches)
    one = pair_tokenizers.source_tokenizer
    trained = Transformer(1, 16, 2, 16, vocab_size=one.vocab_size)
    for given in ((trained, pair_tokenizers), ({"num_layers": 1, "d_model": 16}, one)):
        task = tt.Summarizer(*given, prefix="dog ")
        task.fit(frame, epochs=1, validation=frame[:4], verbose=0)
        expected = [f"dog {text}" if text else "" for text in TEXTS]
        assert seen == {True: expected * 2, False: expected}
        assert task.trained_on_["text"].tolist() == frame["text"].tolist() == TEXTS * 2


@pytest.mark.slow
def test_an_export_answers_as_the_object_in_a_process_that_has_tensorflow_alone(
    summarize, tmp_path
):
    task = summarize(max_length=6, prefix="dog ")
    expected = task(TEXTS)
    assert expected != summarize(max_length=6)(TEXTS)  # the prefix is read
    path = str(task.export(tmp_path / "export"))
    for found in bare_process.served({path: {"texts": TEXTS}})[path]:
        assert found["summaries"] == [answer["summary_text"] for answer in expected]
        assert found["finished"] == [answer["finished"] for answer in expected]
    task.save(tmp_path / "saved")
    assert tt.Summarizer.load(tmp_path / "saved")(TEXTS) == expected


@pytest.mark.slow
@pytest.mark.parametrize("family", [T5, Bart])
def test_models_with_heads_are_trained_further(pair_tokenizers, family):
    size = pair_tokenizers.source_tokenizer.vocab_size
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16, "pad_id": 0}
    model = family(
        size, **sizes, start_id=2, end_id=3, **({} if family is Bart else {"head_width": 8})
    )
    task = tt.Summarizer(model, pair_tokenizers, learning_rate=0.01, warmup_steps=10)
    frame = pd.DataFrame(
        {"text": ["the dog sleeps", "a cat eats"] * 8, "summary": ["dog", "cat"] * 8}
    )
    task.fit(frame, epochs=12, validation=0, verbose=0)
    losses = task.history_["loss"]
    assert losses[-1] < losses[0] - 1
    scores = task.evaluate(frame)
    assert scores.keys() >= {"rows", "rouge1", "rouge2", "rougeL", "lead"}
    assert scores["lead"]["sentences"] == 1


def test_long_texts_that_are_read_whole_are_warned_of():
    with pytest.warns(UserWarning, match="1 of 2 texts .* up to 20,001, .*max_source_length=1024"):
        warn_of_long(["a", "a" * 20_001], "max_source_length")


@pytest.mark.slow
def test_of_long_texts_the_beginnings_are_learnt_and_no_long_summary_is_cut():
    texts = ["dog cat bird fish " * 20, "cat dog", "bird fish cat"] * 6
    summaries = ["dog", "cat " * 30, "bird"] * 6
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16}
    task = tt.Summarizer(sizes, vocab_size=280, max_source_length=10)
    with pytest.warns(UserWarning, match="12 of 18 rows used; dropped: 6 too long; cut .*: 6"):
        task.fit(texts, summaries, epochs=1, validation=0, verbose=0)
    assert (task.report_.used, task.report_.cut, task.report_.too_long) == (12, 6, 6)
    with pytest.warns(UserWarning, match="cut to the longest allowed: 6"):
        batches = task.data_.batches(task.trained_on_, training=False)
    sources = [row for inputs, *_ in batches.iterate() for row in inputs["source_ids"]]
    assert max(np.count_nonzero(row) for row in sources) == 10
    assert tt.Summarizer(sizes).learning_limit(None) == 512
    assert tt.Summarizer(sizes, max_length=60).learning_limit(None) == 60
    assert tt.Translator(sizes).learning_limit(None) == 128
