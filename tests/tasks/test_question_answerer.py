"""The QuestionAnswerer: its rule by brute force, windows, places, SQuAD's json, bad input."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.data import DataProcess
from tftransformer.models import Bert
from tftransformer.objectives import Answers
from tftransformer.tasks import QuestionAnswerer, squad_table
from tftransformer.tasks.questions import question_table
from tftransformer.text import Template, WordPieceTokenizer

WORDS = ["Ann", "Bob", "met", "left", "in", "Rome", "New", "York", "who", "where"]
ODD = ["  ", "\r\n", "東京で", "😀", "e\u0301", "\t", "[SEP]", "\u200b", "don't", "Yorker"]
TEMPLATES = [Template.bert(), Template.xlnet(), Template.roberta(), Template.plain()]


def untrained(**given):
    """One that was never trained, whose logits are far apart."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "##er", "?", ".", "'", "京", "で"]
    tokenizer = WordPieceTokenizer(pieces)
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 32, "num_positions": 64}
    model = Bert(tokenizer.vocab_size, **sizes, segments=3, heads=["span"])
    for weight in model.weights:
        if "kernel" in weight.path or "table" in weight.path:
            weight.assign(weight * 30)
    given = {"max_length": 24, "stride": 5, "max_answer_length": 4, **given}
    return QuestionAnswerer(model, tokenizer=tokenizer, **given)


def by_hand(task, question, context, template, words, top_k):
    """Answers as the rule says, one window and one candidate after the other."""
    tokenizer, room = task.tokenizer, task.max_length - template.num_special(True)
    asked = tokenizer.encode([question]).ids.tolist()[0]
    found = tokenizer.encode([context])
    ids, room = found.ids.tolist()[0], room - len(asked)
    context_first = template.num_before("cls", True) not in (None, 0)
    candidates, starts_at, ends_at, marks = [], [], [], []
    start = 0
    while True:
        window = ids[start : start + room]
        pair = [window, asked] if context_first else [asked, window]
        ragged = [tf.ragged.constant([row], tf.int32, ragged_rank=1) for row in pair]
        row, segments = template.in_graph(*ragged, tokenizer.special_ids)
        inputs = {"token_ids": row.to_tensor(), "segment_ids": segments.to_tensor()}
        logits = np.asarray(task.model_(inputs)["span"])[0].astype("float64")
        lengths = [len(x) for x in pair]
        begin = template.place_of("a" if context_first else "b", lengths)
        mark = template.place_of("cls" if "cls" in template.pair else "start", lengths)
        own = logits[begin : begin + len(window)]
        starts_at += [*own[:, 0], logits[mark, 0]]
        ends_at += [*own[:, 1], logits[mark, 1]]
        marks.append(logits[mark].sum())
        for i in range(len(window)):
            for j in range(i, min(i + task.max_answer_length, len(window))):
                candidates.append((own[i, 0] + own[j, 1], start + i, start + j))
        if start + room >= len(ids):
            break
        start += room - task.stride
    whole = np.log(np.exp(starts_at).sum()) + np.log(np.exp(ends_at).sum())
    best = {}
    for logit, i, j in candidates:
        if words:
            i = min(k for k in range(len(ids)) if found.words[k] == found.words[i])
            j = max(k for k in range(len(ids)) if found.words[k] == found.words[j])
        span = found.starts[i], found.ends[j]
        best[span] = max(logit, best.get(span, -np.inf))
    order = sorted(best, key=best.get, reverse=True)[:top_k]
    answers = [(int(i), int(j), best[i, j], np.exp(best[i, j] - whole)) for i, j in order]
    return answers, min(marks), np.exp(min(marks) - whole)


@pytest.fixture(scope="module")
def tasks():
    """One for each template."""
    made = []
    for template in TEMPLATES:
        task = untrained()
        task.fitted().template = template
        made.append(task)
    return made


@pytest.mark.slow
@given(
    which=st.integers(0, len(TEMPLATES) - 1),
    question=st.lists(st.sampled_from(WORDS), max_size=6),
    context=st.lists(st.sampled_from([*WORDS, *ODD]), min_size=1, max_size=40),
    words=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_answers_are_what_trying_all_spans_of_all_windows_gives(
    tasks, which, question, context, words
):
    task, question, context = tasks[which], " ".join(question), " ".join([*context, "Rome"])
    found = task(question, context, top_k=6, align_to_words=words)
    expected, none, none_score = by_hand(task, question, context, TEMPLATES[which], words, 6)
    assert [(each["start"], each["end"]) for each in found] == [each[:2] for each in expected]
    for each, (start, end, logit, score) in zip(found, expected, strict=True):
        assert each["answer"] == context[start:end] == each["answer"].strip()
        assert each["logit"] == pytest.approx(logit, rel=1e-4, abs=1e-3)
        assert each["score"] == pytest.approx(score, rel=1e-2, abs=1e-6)
        assert each["no_answer_logit"] == pytest.approx(none, rel=1e-4, abs=1e-3)
        assert each["no_answer_score"] == pytest.approx(none_score, rel=1e-2, abs=1e-6)
    scores = [each["score"] for each in found]
    assert scores == sorted(scores, reverse=True)
    assert len({(each["start"], each["end"]) for each in found}) == len(found)


@pytest.mark.slow
def test_a_batch_gives_what_each_row_alone_gives(tasks):
    rows = [("who left?", "Ann left. " * n + "Bob met Ann in New York.") for n in (1, 30, 2, 9)]
    for row, together in zip(rows, tasks[0](rows), strict=True):
        alone = tasks[0](*row)
        assert {**together, **alone} == pytest.approx(together, abs=1e-4)
    frame = pd.DataFrame(rows, columns=["question", "context"], index=[5, 5, 1, 0])
    assert tasks[0](frame).index.tolist() == [5, 5, 1, 0]
    assert tasks[0].predict(frame).tolist() == [each["answer"] for each in tasks[0](rows)]


@pytest.mark.slow
def test_no_answer_is_one_where_it_is_asked_for_and_the_threshold_moves_it(tasks):
    task = tasks[0]
    found = task("who?", "Ann left Rome.", top_k=99, handle_impossible_answer=True)
    (none,) = [each for each in found if each["answer"] == ""]
    assert none["score"] == pytest.approx(none["no_answer_score"])
    assert none["logit"] == none["no_answer_logit"]
    others = task("who?", "Ann left Rome.", top_k=99)
    assert [each for each in found if each["answer"]] == others
    margin = none["logit"] - others[0]["logit"]
    frame = pd.DataFrame(
        {"question": ["who?"] * 2, "context": ["Ann left Rome."] * 2, "answer": ["Ann", ""]}
    )
    task.tune(frame)
    try:
        for threshold, is_none in ((margin - 0.1, True), (margin + 0.1, False)):
            task.threshold_, task._made = threshold, ([], {})
            best = task("who?", "Ann left Rome.", handle_impossible_answer=True)
            assert (best["answer"] == "") == is_none
    finally:
        task.threshold_, task._made = 0.0, ([], {})


def test_windows_learn_where_the_answer_is_or_that_it_is_not_there():
    task = untrained()
    frame = pd.DataFrame({
        "question": ["who?"], "context": ["Ann left Rome Bob met Ann in New Yorker . Rome"],
        "answer": [(29, 39)],
    })  # fmt: skip
    data = DataProcess(
        "question", "context", "answer", objective=Answers(2), tokenizer=task.tokenizer,
        template=Template.bert(), max_length=10,
    )  # fmt: skip
    inputs, labels, weights = next(data.fit(frame).batches(frame, training=False).iterate())
    pieces = [task.tokenizer.tokens(row) for row in inputs["token_ids"]]
    assert weights.tolist() == [1.0] * len(pieces)
    learnt = [
        row[start : end + 1]
        for row, (start, end) in zip(pieces, labels.tolist(), strict=True)
        if start
    ]
    assert learnt == [["New", "York", "##er"]] * len(learnt)
    assert learnt
    assert ["[CLS]"] in [row[a : b + 1] for row, (a, b) in zip(pieces, labels, strict=True)]
    for row, mask in zip(pieces, inputs["span_mask"], strict=True):
        allowed = [piece for piece, may in zip(row, mask, strict=True) if may]
        assert allowed == ["[CLS]", *row[4 : row.index("[SEP]", 4)]]


@pytest.mark.slow
def test_it_learns_saves_and_is_served(tmp_path):
    rows = [
        ("who left?", "Ann left Rome.", [{"text": "Ann", "answer_start": 0}]),
        ("who met Bob?", "In Rome Zoe met Bob.", [{"text": "Zoe", "answer_start": 8}]),
        ("where is Bob?", "Bob met Ann in Rome.", [{"text": "Rome", "answer_start": 15}]),
        ("where is Ann?", "Nobody knows.", []),
    ] * 4
    frame = pd.DataFrame(rows, columns=["question", "context", "answers"])
    sizes = {"vocab_size": 80, "max_length": 32, "stride": 8, "learning_rate": 0.01}
    how = {"answer": "answers", "epochs": 80, "validation": 0, "verbose": 0}
    task = QuestionAnswerer(**sizes).fit(frame, **how)
    scores = task.evaluate(frame)
    assert scores["exact"] == 100
    assert {"f1", "sliding_window", "with_answer", "without_answer"} <= scores.keys()
    asked = [(question, context) for question, context, _ in rows[:4]]
    asked.append(("who left?", "Nobody knows. " * 40 + "Ann left Rome."))
    found = task(asked)
    names = [each["answer"] for each in found]
    assert names[:4] == ["Ann", "Zoe", "Rome", ""]
    assert names[4] == asked[4][1][found[4]["start"] : found[4]["end"]]
    task.save(tmp_path / "qa")
    assert QuestionAnswerer.load(tmp_path / "qa")(asked) == found
    module = tf.saved_model.load(task.export(tmp_path / "served"))
    questions, contexts = (tf.constant(column) for column in zip(*asked, strict=True))
    served = module.signatures["serving_default"](questions=questions, contexts=contexts)
    for name in ("answer", "start", "end", "score"):
        values = [x.decode() if name == "answer" else x for x in served[name].numpy()[:, 0]]
        assert values == pytest.approx([each[name] for each in found], abs=1e-5) or name == "answer"
    assert [x.decode() for x in served["answer"].numpy()[:, 0]] == names


def test_squads_json_is_read():
    asked = [
        {"id": "1", "question": "who?", "answers": [{"text": "Ann", "answer_start": 0}]},
        {"id": "2", "question": "why?", "answers": [], "is_impossible": True},
    ]
    data = {"data": [{"title": "x", "paragraphs": [{"context": "Ann left.", "qas": asked}]}]}
    frame = squad_table(json.loads(json.dumps(data)))
    assert frame["question"].tolist() == ["who?", "why?"]
    table, true = question_table(data, "question", "context", "answer")
    assert true == [["Ann"], []]
    assert table["answers"].tolist() == [(0, 3), ()]
    again, known = question_table(frame, "question", "context", "answer")  # of a table, too
    assert again["answers"].tolist() == table["answers"].tolist()
    assert known == true
    with pytest.raises(ValueError, match="not SQuAD's json"):
        squad_table({"data": [{"paragraphs": [{}]}]})


@pytest.mark.slow
def test_what_cannot_be_answered_or_learnt_is_refused_with_what_to_do():
    task = untrained()
    with pytest.raises(ValueError, match=r"texts\[0\] takes .* max_length=24"):
        task("who left " * 30, "Ann.")
    with pytest.raises(ValueError, match="context of question 1 is empty"):
        task([("who?", "Ann"), ("who?", " \n")])
    with pytest.raises(TypeError, match="Several questions go in tuples"):
        task(["who?"], ["Ann"])
    with pytest.raises(ValueError, match="all of these questions have an answer"):
        task.tune(pd.DataFrame({"question": ["who?"], "context": ["Ann"], "answer": ["Ann"]}))
    with pytest.raises(ValueError, match="stride=40"):
        untrained(stride=40)("who?", "Ann")
    frame = pd.DataFrame({"question": ["who?"], "context": ["Ann left."], "answer": ["Bob"]})
    with pytest.raises(ValueError, match="row 0: the answer 'Bob' does not stand"):
        QuestionAnswerer().fit(frame)
    with pytest.raises(ValueError, match="does not stand at character 4"):
        QuestionAnswerer().fit(frame.assign(answer=["Ann"], start=[4]))
    as_string = str([{"text": "Ann", "answer_start": 0}])
    with pytest.raises(ValueError, match="turned into a string: keep such rows in"):
        QuestionAnswerer().fit(frame.assign(answer=[as_string]))
    with pytest.raises(TypeError, match="data is of type list; expected a DataFrame"):
        QuestionAnswerer().fit([1, 2])
    with pytest.raises(ValueError, match="no row has an answer"):
        QuestionAnswerer().fit(frame.assign(answer=[""]), verbose=0, validation=0)
    with pytest.raises(ValueError, match="'answer' is not in the DataFrame"):
        QuestionAnswerer().fit(frame.drop(columns="answer"))
