"""Golden figures of the reference implementations; each case of each folder is a test.

`TFTRANSFORMER_GOLDENS_ROOT` names a folder of golden trees; without it the small ones that stand
beside this file are used. A folder, option or field that is not covered here is a failure.
"""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tftransformer import scores

NAMED = os.environ.get("TFTRANSFORMER_GOLDENS_ROOT")
ROOT = Path(NAMED) / "metrics" if NAMED else Path(__file__).parent / "goldens"
KINDS = {"single": "single", "multi": "several", "regression": "numbers"}


def entities(inputs, options):
    assert inputs.keys() == {"true", "predicted"}
    return scores.entity_scores(inputs["true"], inputs["predicted"], **options)


def squad(rows, options):
    names = ("answers", "prediction", "no_answer")
    assert all(row.keys() == {"id", *names} for row in rows)
    answers, found, no_answer = ([row[name] for row in rows] for name in names)
    if options["version"] == 2:
        options = {"no_answer": no_answer, **options}
    result = scores.squad_scores(answers, found, **options)
    result["each"] = {row["id"]: list(x) for row, x in zip(rows, result["each"], strict=True)}
    return result


def brackets(inputs, options):
    assert inputs.keys() == {"gold", "found"}
    return scores.bracket_scores(inputs["gold"], inputs["found"], **options)


def rouge(inputs, options):
    assert inputs.keys() == {"target", "prediction"}
    assert options.keys() == {"use_stemmer", "sentences"}
    assert options["sentences"] == "lines"
    true, predicted = [inputs["target"]], [inputs["prediction"]]
    return scores.rouge_scores(true, predicted, stemmed=options["use_stemmer"])


def classification(inputs, options):
    assert inputs.keys() == {"true", "predicted"}
    assert options.keys() == {"kind"}
    return scores.classification_scores(inputs["true"], inputs["predicted"], KINDS[options["kind"]])


def perplexity(rows, options):
    assert all(row.keys() == {"logits", "labels"} for row in rows)
    logits, labels = ([row[name] for row in rows] for name in ("logits", "labels"))
    return scores.perplexity_scores(logits, labels, **options)


def translation(inputs, options):
    options = dict(options)
    name = options.pop("metric")
    if name == "sentence_bleu":
        assert inputs.keys() == {"hypothesis", "references"}
        (score,) = scores.sentence_bleu([inputs["hypothesis"]], [inputs["references"]], **options)
        return {"score": score}
    name += "+" * options.pop("word_order", 0)
    result = scores.translation_scores(
        inputs["hypotheses"], inputs["references"], metrics=[name], **options
    )
    return {"score": result[name], "signature": result[f"{name}_signature"]}


SCORES = {
    "entities": entities,
    "squad": squad,
    "brackets": brackets,
    "rouge": rouge,
    "classification": classification,
    "perplexity": perplexity,
    "translation_scores": translation,
}


def cases():
    for path in sorted(ROOT.glob("*/cases.json*")):
        content = path.read_bytes()
        golden = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
        for case in golden["cases"]:
            yield pytest.param(golden, case, id=f"{path.parent.name}-{case['name']}")


def with_texts(golden, inputs):
    """The inputs of a corpus score of translations, whose texts stand in `sets`."""
    if golden["metric"] != "translation_scores" or "set" not in inputs:
        return inputs
    assert inputs.keys() == {"set", "references"}
    (texts,) = (some for some in golden["sets"] if some["name"] == inputs["set"])
    columns = texts["references"][: inputs["references"]]
    assert len(columns) == inputs["references"]
    return {
        "hypotheses": texts["hypotheses"],
        "references": list(zip(*columns, strict=True)),
    }


def compare(found, expected, tolerance, place=""):
    """Each field that is expected is there, and equal to the tolerance."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in found, f"{place}/{name} is not there"
            compare(found[name], value, tolerance, f"{place}/{name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for index, value in enumerate(expected):
            compare(found[index], value, tolerance, f"{place}/{index}")
    elif expected is None:
        assert found is None, place
    else:
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=place)


@pytest.mark.parametrize(("golden", "case"), cases())
def test_figures_equal_the_reference(golden, case):
    assert golden.keys() <= {"format", "metric", "rule", "tolerance", "cases", "sets"}
    assert golden["format"] == 1
    assert case.keys() <= {"name", "inputs", "options", "expected", "signature", "note"}
    score = SCORES[golden["metric"]]
    found = score(with_texts(golden, case["inputs"]), case["options"])
    compare(found, case["expected"], golden["tolerance"])
    if "signature" in case:
        assert found["signature"].rpartition("|version:")[0] == case["signature"]
    if golden["metric"] in ("entities", "classification", "perplexity", "rouge", "squad"):
        extra = {"best_exact", "best_f1", "best_exact_threshold", "best_f1_threshold"}
        assert found.keys() - case["expected"].keys() <= extra


def test_every_folder_is_covered_and_every_score_has_one():
    folders = {path.name for path in ROOT.iterdir()}
    assert folders <= SCORES.keys()
    assert NAMED or folders == SCORES.keys()
