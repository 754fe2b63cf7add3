"""Golden folders: what is generated, summarized and translated is what the reference writes."""

import warnings

import pytest
from task_goldens import GoldenTask, golden_of

import tftransformer as tt


def of_folder(cls):
    def make(folder, golden):
        assert golden["rule"]
        return cls(str(folder))

    return make


def written(task, text, options):
    """What one of the two stacks' tasks writes, with the ids behind the start tokens."""
    ((best, *_),) = task.n_best([text], **options)
    how = task.generation(options)
    graph, module = task._graph_and_module(1, generation=how)
    rows, _ = graph.encode([text])
    ids = module.compute(rows).ids.numpy()[0, 0].tolist()
    special = task.target_tokenizer.special_ids
    forced = task.folder_["options"].get("forced_bos_token_id")
    ids = ids[1:] if forced is not None and ids[0] == forced else ids
    ids = ids[: ids.index(special["end"])] if special["end"] in ids else ids
    ids = [i for i in ids if i != special["pad"]] if not best.finished else ids
    return {"ids": ids, "text": best.text, "finished": best.finished}


def generated(task, prompt, options):
    answer = task(prompt, **options)
    how = task.generation(options)
    graph, module = task._graph_and_module(1, generation=how)
    rows, _ = graph.encode([prompt])
    found = module.compute(rows)
    ids = found.ids.numpy()[0, 0, : found.lengths.numpy()[0, 0]].tolist()
    end = task.data_.tokenizers[0].special_ids.get("end", -1)
    ids = ids[: ids.index(end)] if end in ids else ids
    if how.stop and answer["finished"]:  # up to the token that completes it
        tokenizer = task.data_.tokenizers[0]
        for count in range(1, len(ids) + 1):
            text = tokenizer.decode([ids[:count]])[0]
            if any(stop in text for stop in how.stop):
                ids = ids[:count]
                break
    return {"ids": ids, "text": answer["generated_text"], "finished": answer["finished"]}


TASKS = {
    task.name: task
    for task in [
        GoldenTask("summarization", of_folder(tt.Summarizer), written),
        GoldenTask("translation", of_folder(tt.Translator), written),
        GoldenTask("text_generation", of_folder(tt.TextGenerator), generated),
    ]
}
CASES = [param for task in TASKS.values() for param in task.params("cases")]
FOLDERS = [folder for task in TASKS.values() for folder in task.folders()]


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "case"), CASES)
def test_the_text_is_that_of_the_reference(folder, case):
    TASKS[folder.parent.name].check_case(folder, case)


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_texts_in_a_batch_are_what_they_are_alone(folder):
    task, golden = of_folder_task(folder), golden_of(folder)
    cases = [case for case in golden["cases"] if case["name"].startswith("beam_1")]
    same = [case for case in golden["cases"] if case["options"] == cases[0]["options"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = task([case["inputs"] for case in same], **cases[0]["options"])
    texts = [
        answer
        if isinstance(answer, str)
        else answer.get("summary_text", answer.get("generated_text"))
        for answer in found
    ]
    assert texts == [case["expected"]["text"] for case in same]


def of_folder_task(folder):
    classes = {
        "summarization": tt.Summarizer,
        "translation": tt.Translator,
        "text_generation": tt.TextGenerator,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classes[folder.parent.name](str(folder))
