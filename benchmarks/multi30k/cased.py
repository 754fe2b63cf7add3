"""Scores the translations as text: cased, detokenised, against the references as they were written.

    pip install sacremoses
    python benchmarks/multi30k/cased.py --data FOLDER

The translators of this folder write lower-cased tokens. Each word gets the case that it has most
often in the German training set, Moses's rules (sacremoses) join the tokens, and sacreBLEU cuts the
texts by its own rules (13a). The references, lower-cased and given back their case likewise, tell
what that alone costs.
"""

import argparse
import collections
import functools
import json
import pathlib
import re

import sacremoses

import tftransformer as tt

FOLDER = pathlib.Path(__file__).parent
COLUMN = "de"
TOKENS, TEXTS = "{}.lc.norm.tok.tsv.gz", "{}.tsv.gz"
# After these a sentence may begin, and its first word tells nothing.
OPENING = {"", ".", "!", "?", ":", ";", "&quot;", "(", "-"}
LONGEST_ENDING = 6


class Recaser:
    """Gives lower-cased tokens the case they have most often.

    The token before decides where the two have been seen together, then the token alone, and for
    unknown words their ending: `büsche` after `vieler` is `Büsche`, and so is what ends alike.

    Args:
        sentences: token lists, cased.
    """

    def __init__(self, sentences: list[list[str]]):
        self.forms = collections.defaultdict(collections.Counter)
        for tokens in sentences:
            for before, token in zip(["", *tokens], tokens, strict=False):
                if before not in OPENING:
                    for key in self._keys(before.lower(), token.lower()):
                        self.forms[key][_case(token)] += 1

    @staticmethod
    def _keys(before: str, token: str) -> list[tuple[str, ...]]:
        endings = [("*", token[-n:]) for n in range(min(LONGEST_ENDING, len(token) - 1), 0, -1)]
        return [(before, token), (token,), *endings]

    def __call__(self, tokens: list[str]) -> list[str]:
        cased = []
        for before, token in zip(["", *tokens], tokens, strict=False):
            known = (self.forms[key] for key in self._keys(before, token) if key in self.forms)
            case = next(known, collections.Counter(["as it is"])).most_common(1)[0][0]
            cased.append(_CASES[case](token))
        # The first word of a sentence, behind a quotation mark perhaps.
        first = next((place for place, token in enumerate(cased) if token.isalpha()), None)
        if first is not None:
            cased[first] = _CASES["first"](cased[first])
        return cased


_CASES = {
    "as it is": str,
    "first": lambda token: token[:1].upper() + token[1:],
    "parts": lambda token: re.sub(r"[^-]+", lambda part: _CASES["first"](part[0]), token),
    "all": str.upper,
}


def _case(token: str) -> str:
    """The name of the first way of casing that makes a token out of its lower-cased form."""
    ways = (name for name, way in _CASES.items() if way(token.lower()) == token)
    return next(ways, "as it is")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, metavar="FOLDER")
    options = parser.parse_args()

    @functools.cache
    def column(pattern: str, table: str) -> list[str]:
        return tt.read_table(options.data / pattern.format(table))[COLUMN].tolist()

    tokenizer = sacremoses.MosesTokenizer(lang=COLUMN)
    recase = Recaser([tokenizer.tokenize(text) for text in column(TEXTS, "train")])
    detokenizer = sacremoses.MosesDetokenizer(lang=COLUMN)

    def as_text(lines: list[str]) -> list[str]:
        return [detokenizer.detokenize(recase(line.split(" "))) for line in lines]

    def score(name: str, lines: list[str], table: str) -> dict:
        scores = tt.translation_scores(as_text(lines), column(TEXTS, table))
        print(f"{name}: {scores['bleu']:.2f} BLEU, {scores['chrf']:.1f} chrF", flush=True)
        return scores

    results = {
        f"{table}.references": score(f"{table}.references", column(TOKENS, table), table)
        for table in ("val", "test_2016_flickr", "test_2017_flickr")
    }
    for path in sorted((FOLDER / "hypotheses").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        results[path.stem] = score(path.stem, lines, path.name.split(".")[0])
    text = json.dumps(results, indent=2) + "\n"
    (FOLDER / "results" / "cased.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
