"""ExtractiveSummarizer: which sentences, where they stand, long texts, folders."""

import keras
import numpy as np
import pandas as pd
import pytest
from task_contract import Contract

import tftransformer as tt
from tftransformer.heads import SentenceHead
from tftransformer.models import Bert
from tftransformer.tasks.summary_scores import chosen_table, length_of
from tftransformer.text import WordPieceTokenizer, sentences

TEXTS = [
    "It rained. Ann met Bob. It was late.",
    "One alone.",
    "Ann left! Then, at ten, Bob came in. Was it late? It was. 😀 They went home.",
    " \n",
]


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer.learn(TEXTS * 3, 70)


@pytest.fixture
def extract(tokenizer):
    """A function that makes an untrained one; arguments are its own."""

    def make(**settings):
        keras.utils.set_random_seed(5)
        pad = tokenizer.special_ids["pad"]
        heads = {"sentences": SentenceHead(name="sentences")}
        model = Bert(tokenizer.vocab_size, 2, 16, 2, 32, num_positions=20, pad_id=pad, heads=heads)
        for weight in model.trainable_weights:  # else all sentences are alike
            weight.assign(weight + np.random.default_rng(1).normal(size=weight.shape, scale=0.3))
        given = {"sentences": 2, "stride": 6, **settings}
        return tt.ExtractiveSummarizer(model, tokenizer=tokenizer, **given)

    return make


def flat(found):
    return [each["summary_text"] for each in found] + [each["score"] for each in found]


@pytest.mark.slow
def test_it_keeps_the_contract_of_tasks(extract, tmp_path):
    Contract(
        task=extract(),
        asked=TEXTS,
        frame=pd.DataFrame({"text": TEXTS}),
        inputs={"texts": TEXTS},
        served=lambda found: [*found["summaries"], *found["scores"]],
        plain=flat,
    ).check(tmp_path)


@pytest.mark.slow
def test_summaries_are_the_best_sentences_in_order_with_their_places(extract):
    task = extract()
    every = task(TEXTS, sentences=1.0)
    for text, whole, best in zip(TEXTS, every, task(TEXTS), strict=True):
        places = whole["sentences"]
        assert [text[each["start"] : each["end"]] for each in places] == sentences([text])[0]
        ranked = sorted(places, key=lambda each: -each["score"])[:2]
        kept = sorted(ranked, key=lambda each: each["start"])
        assert [each["start"] for each in best["sentences"]] == [each["start"] for each in kept]
        joined = " ".join(text[each["start"] : each["end"]] for each in kept)
        assert best["summary_text"] == joined
        scores = [each["score"] for each in kept]
        assert best["score"] == pytest.approx(np.mean(scores) if scores else 0.0, abs=1e-5)


@pytest.mark.slow
def test_long_texts_are_read_to_their_end(extract):
    text = "Ann met Bob. It was late. " * 40
    found = extract()(text, sentences=1.0)
    assert len(found["sentences"]) == 80
    assert found["summary_text"] == text.strip()
    endless = "Ann " * 200 + "left. It rained."  # a sentence longer than any window
    assert len(extract()(endless)["sentences"]) == 2


@pytest.mark.slow
def test_a_share_of_the_sentences_is_one_at_least(extract):
    found = extract(sentences=0.4)(TEXTS)
    assert [len(each["sentences"]) for each in found] == [1, 1, 2, 0]
    with pytest.raises(ValueError, match="sentences=0"):
        extract()(TEXTS, sentences=0)
    with pytest.raises(ValueError, match=r"sentences=1\.5"):
        extract(sentences=1.5)(TEXTS)


def test_labels_are_the_sentences_that_share_most_with_a_summary():
    frame = pd.DataFrame({
        "text": ["It rained. Ann met Bob. It was late.", "All rest. Cats dance.", None, "x"],
        "summary": ["Ann met Bob when it was late", ["zzz", "cats dance"], "x", None],
    })  # fmt: skip
    chosen, columns = chosen_table(frame, None, "text", "summary")
    assert columns == ["text", "summary"]
    assert chosen["summary"].tolist() == [[0, 1, 1], [0, 1], None, None]
    assert frame["summary"][0] == "Ann met Bob when it was late"
    frame["summary"] = [np.array(["c d"]), np.array(["cats dance"]), None, None]  # as of parquet
    assert chosen_table(frame, None, "text", "summary")[0]["summary"][1] == [0, 1]
    assert length_of([[1, 0], [1, 0, 0, 0], None]) == 1
    assert length_of([[1, 0], [1, 1, 0, 0], [1, 1, 1, 0, 0, 0]]) == 0.5


def rows(count):
    """Texts of which the sentence with a name is the summary, at any place."""
    draw = np.random.default_rng(0)
    made = []
    for _ in range(count):
        name = draw.choice(["Ann", "Bob", "Zoe"])
        own = [f"{name} met {draw.choice(['me', 'us'])}.", "It rained.", "We left.", "Why not?"]
        made.append((" ".join(draw.permutation(own)), own[0]))
    return pd.DataFrame(made, columns=["text", "summary"])


@pytest.mark.slow
def test_it_learns_which_sentences_count_from_scratch_and_from_a_folder(tmp_path, tokenizer):
    frame = rows(160)
    task = tt.ExtractiveSummarizer(vocab_size=60, max_length=32, stride=8)
    task.fit(frame[:120], epochs=12, validation=0, verbose=0)
    assert task.length_ == 1
    scores = task.evaluate(frame[120:])
    assert scores["rouge1"] > 0.9
    assert scores["lead"]["rouge1"] < 0.6
    task.save(tmp_path / "saved")
    further = tt.ExtractiveSummarizer(tmp_path / "saved", learning_rate=1e-4)
    further.fit(frame[:20], epochs=1, validation=0, verbose=0)
    assert further.evaluate(frame[120:])["rouge1"] > 0.9
    pad = tokenizer.special_ids["pad"]
    plain = Bert(tokenizer.vocab_size, 1, 16, 2, 32, num_positions=20, pad_id=pad)
    tt.save_pretrained(plain, tmp_path / "folder")
    begun = tt.ExtractiveSummarizer(tmp_path / "folder", tokenizer=tokenizer, stride=6)
    with pytest.raises(RuntimeError, match="no weights of the head 'sentences'"):
        begun(TEXTS)
    begun.fit(frame, epochs=1, validation=0, verbose=0)
    assert len(begun(TEXTS)) == len(TEXTS)


def test_labels_that_are_too_few_are_named(tokenizer):
    data = tt.DataProcess(
        "text", "chosen", objective=tt.Sentences(stride=2), tokenizer=tokenizer, max_length=20
    )
    frame = pd.DataFrame({"text": ["It rained. Ann left."], "chosen": [[1]]})
    with pytest.raises(ValueError, match="row 0 has 1 labels and more sentences"):
        data.batches(frame)
