"""Learns to find the constituents of sentences, looks at how well, and serves it.

    python examples/parse.py               parses sentences of a small grammar; where a
                                           phrase belongs depends on its words, and a tenth
                                           of the nouns and adjectives are made up
    python examples/parse.py --sequence    the same by a model that writes trees, symbol by
                                           symbol, as a translator writes
    python examples/parse.py --data FILE [--test FILE]

trains on trees in brackets, as treebanks write them: a file of them (.mrg, .txt), or lines of json
with a tree in each (.jsonl); .gz, too.
"""

import random

import pandas as pd
from shared import options_of, parser_of, tables, text_of

import tftransformer as tt
from tftransformer.scores.trees import read_trees

WORDS = {
    "NNP": "Ann Tom Mary Bob Zoe Paul Emma Max Lena Felix Nora Otto Ida Hugo Greta Karl Rosa Emil",
    "NN": "dog cat house boy girl letter garden river teacher doctor car book window train friend",
    "TOOL": "telescope key spoon hammer ladder rope brush knife camera lamp",
    "NNS": "dogs cats houses boys girls letters gardens rivers teachers doctors cars books trains",
    "JJ": "old red small young green tired happy heavy quiet strange yellow empty",
    "DT": "the a every this that some",
    "PRP": "she he they we you",
    "VBD": "saw painted opened found followed washed touched watched sold carried",
    "SAY": "said thought knew believed heard hoped",
    "VBI": "slept laughed left waited arrived danced fell sang",
    "IN": "in near behind under beside above",
    "RB": "quickly often yesterday slowly never soon",
    "CC": "and or",
}
WORDS = {tag: words.split() for tag, words in WORDS.items()}
# A phrase with a tool belongs to the verb, others to the noun before.
RULES = {
    "S": [(4, "NP VP"), (1, "ADVP NP VP"), (1, "S , CC S")],
    "NP": [(4, "DT NN"), (2, "DT JJ NN"), (3, "NNP"), (2, "PRP"), (2, "NNS"), (2, "NP PP"),
           (1, "NP CC NP"), (1, "NP SBAR-WH")],
    "VP": [(3, "VBI"), (5, "VBD NP"), (2, "VBD NP PP-TOOL"), (2, "SAY SBAR"), (1, "VBI PP"),
           (1, "VP ADVP")],
    "PP": [(1, "IN NP")],
    "PP-TOOL": [(1, "WITH NP-TOOL")],
    "NP-TOOL": [(2, "DT TOOL"), (1, "DT JJ TOOL")],
    "SBAR": [(2, "THAT S"), (1, "S")],
    "SBAR-WH": [(1, "WHNP S-WH")],
    "WHNP": [(1, "WHO")],
    "S-WH": [(1, "VP")],
    "ADVP": [(1, "RB")],
}  # fmt: skip
ALIKE = {"TOOL": "NN", "SAY": "VBD", "VBI": "VBD", "WITH": "IN", "THAT": "IN", "WHO": "WP"}
FIXED = {"WITH": "with", "THAT": "that", "WHO": "who", ",": ","}


def made_trees(count: int, seed: int, new: float = 0.0) -> pd.DataFrame:
    """Trees of a small grammar; so large a share of the words are made up."""
    draw = random.Random(seed)

    def tree(label: str, depth: int) -> str:
        if label not in RULES:
            word = FIXED.get(label) or draw.choice(WORDS[label])
            if label in ("NN", "NNS", "JJ") and draw.random() < new:
                word = "".join(draw.choice("bdlmrst") + draw.choice("aeiou") for _ in range(3))
                word += {"NN": "n", "NNS": "ns", "JJ": "y"}[label]
            return f"({ALIKE.get(label, label)} {word})"
        rules = [rule for rule in RULES[label] if depth < 4 or label not in rule[1].split()]
        if depth > 6:
            rules = rules[:1]
        weights, parts = zip(*rules, strict=True)
        chosen = draw.choices(parts, weights)[0].split()
        return f"({label.partition('-')[0]} {' '.join(tree(part, depth + 1) for part in chosen)})"

    trees = [tree("S", 0) for _ in range(count)]
    return pd.DataFrame({"tree": [f"{text[:-1]} (. .))" for text in trees]})


def read(path: str) -> pd.DataFrame:
    """A table of trees."""
    if ".jsonl" in path:
        return tt.read_table(path)[["tree"]]
    return pd.DataFrame({"tree": [str(tree) for tree in read_trees(text_of(path))]})


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", metavar="FILE", help="what to learn from; default: trees made here")
    add("--test", metavar="FILE", help="what to score; default: a tenth of the other")
    add("--sequence", action="store_true", help="write trees, instead of labelling words")
    options = options_of(parser, None, "20; over trees made here 12; with --sequence 40")
    if options.data:
        train, test = tables(options.data, options.test, read)
    else:
        train, test = made_trees(2000, 0, new=0.1), made_trees(200, 1, new=0.1)
    epochs = options.epochs or (20 if options.data else 12)

    parse = tt.Parser()
    if options.sequence:
        parse = tt.SequenceParser({"num_layers": 2}, warmup_steps=200, batch_tokens=1024)
        epochs = options.epochs or 40
    parse.fit(train, epochs=epochs, minutes=options.minutes)
    print(f"rows: {parse.report_}")

    # How good it is, and what counting makes of the same words.
    scores = parse.evaluate(test)
    keys = ("f1", "precision", "recall", "exact_match", "tag_accuracy", "f1_up_to_40", "errors")
    for name, some in (("right branching", scores["right_branching"]), ("this", scores)):
        print(f"{name:15}", *(f"{key} {some[key]:.1f}" for key in keys if key in some))
    for answer in parse(test[:5]).itertuples():
        print(f"  {answer.score:.2f}  {answer.tree}")

    # A folder to load again, and a SavedModel: sentences in, trees out.
    parse.save(options.directory / "parser")
    print("exported:", parse.export(options.directory / "saved_model"))


if __name__ == "__main__":
    main()
