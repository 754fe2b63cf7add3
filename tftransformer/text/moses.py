"""Moses' rules for English texts as steps of a `Rewriter`; behind them blanks part the words.

The rules (Koehn et al. 2007, "Moses: Open Source Toolkit for Statistical Machine Translation") are
those of its scripts, as sacremoses has them: punctuation marks of other scripts are replaced,
punctuation is normalised, characters that cannot be seen vanish, words and marks are parted. Where
the scripts only put or take blanks around marks that are words by themselves in the end, no step
does so. The letters DOTMULTI, which sacremoses reads as a dot, stay what they are. Chinese,
Japanese and Thai, for which XLM's class asks other programs if it is told the language, are cut as
all else.
"""

import functools
import json
import lzma
import pathlib

from tftransformer.text.unicode import PYTHON_WHITE, as_class, members

FILE = pathlib.Path(__file__).with_name("moses.json.xz")  # by tools/moses_characters.py
# A dot among several, and one that belongs to its word: characters that no text has any more.
DOTS, ENDS_WORD = r"\x{1}", r"\x{2}"
# What a dot belongs to, and what it belongs to before a number.
PREFIXES = (
    "Adj Adm Adv Asst Bart Bldg Brig Bros Capt Cmdr Col Comdr Con Corp Cpl DR Dr Drs Ens Gen Gov "
    "Hon Hr Hosp Insp Lt MM MR MRS MS Maj Messrs Mlle Mme Mr Mrs Ms Msgr Op Ord Pfc Ph Prof Pvt "
    "Rep Reps Res Rev Rt Sen Sens Sfc Sgt Sr St Supt Surg v vs rev Rs Nos Nr "
    "Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec [A-Z]"
).replace(" ", "|")
BEFORE_NUMBERS = "No|Art|pp"
SIGNS = {
    **dict.fromkeys("，、", ","),
    **dict.fromkeys("”“„《》」「", '"'),
    **dict.fromkeys("∶：", ":"),
    **dict(zip("？！；（）【】〈〉～％’━–", "?!;()[]<>~%'--", strict=True)),
    **dict(zip("０１２３４５６７８９", "0123456789", strict=True)),
    "…": "...",
}


def moses(lower_case: bool, strip_accents: bool) -> list[list[str]]:
    """The steps, with what XLM does before them (small letters) and behind them (no accents)."""
    made = [["lower"]] if lower_case else []
    made += [*_normalising(), *_parting(), *_ends_of_words()]
    if strip_accents:
        made += [["form", "NFD"], ["replace", f"[{as_class(members('Mn'))}]", ""]]
    return made


def _normalising() -> list[list[str]]:
    """Marks become those of English texts; then blanks are the only ones that cannot be seen."""
    digit = f"[{as_class(members('d'))}]"
    return [
        ["replace", f"[。．]{PYTHON_WHITE}*", ". "],
        ["form", "moses"],
        ["replace", r"\r", ""],
        ["replace", "`", "'"],
        ["replace", "''", ' " '],
        ["replace", "—", " - "],
        ["replace", "[´‘‚]", "'"],
        ["replace", "''", '"'],
        ["replace", r"\x{a0}«\x{a0}|«\x{a0}?", '"'],
        ["replace", r"\x{a0}»\x{a0}|\x{a0}?»", '"'],
        # A quotation mark goes behind the commas and dots after it: put there, then taken away.
        ["replace", "", '"', '"[,.]+', ""],
        ["replace", '"', "", "", '[,.]+"'],
        ["replace", r"\x{a0}", ".", digit, digit],
        ["replace", f"[{as_class(members('C'))}]+", ""],
        ["replace", f"{PYTHON_WHITE}+", " "],
        ["replace", "^ +| +$", ""],
    ]


def _parting() -> list[list[str]]:
    """Blanks around marks, around several dots, commas, and at apostrophes."""
    alnum, alpha, number = map(_class, ("alnum", "alpha", "number"))
    mark = rf"[^{alnum} .'\-,]"
    return [
        ["replace", "", " ", "", mark],
        ["replace", "", " ", mark, ""],
        ["replace", r"\.\.", "\x01\x01"],
        ["replace", r"\.", "\x01", DOTS, ""],
        ["replace", "", " ", "", f"{DOTS}+"],
        ["replace", "", " ", f"{DOTS}+", ""],
        ["replace", ",", " , ", f"[^{number}]", ""],
        ["replace", ",", " , ", "", f"[^{number}]"],
        ["replace", ",$", " , ", f"[{number}]", ""],
        ["replace", "'", " ' ", f"[^{alpha}]", f"[^{alpha}]"],
        ["replace", "'", " ' ", f"[^{alpha}{number}]", f"[{alpha}]"],
        ["replace", "'", " ' ", f"[{alpha}]", f"[^{alpha}]"],
        ["replace", "'", " '", f"[{alpha}]", f"[{alpha}]"],
        ["replace", "'", " '", f"[{number}]", "s"],
    ]


def _ends_of_words() -> list[list[str]]:
    """A blank before the last dot of a word that is neither an abbreviation nor goes on."""
    alpha, lower = map(_class, ("alpha", "lower"))
    with_dot = rf"[^ ]*[{alpha}][^ ]*\.[^ ]*|[^ ]*\.[^ ]*[{alpha}][^ ]*"
    return [
        # Each word has blanks of its own, so that a match takes none from the next one.
        ["replace", " +", "  "],
        ["replace", "^ +| +$", ""],
        ["replace", r"\.", "\x02", with_dot, " |$"],
        ["replace", r"\.", "\x02", f"(?:^| )(?:{PREFIXES})", " |$"],
        ["replace", r"\.", "\x02", "", f"  [{lower}]"],
        ["replace", r"\.", "\x02", f"(?:^| )(?:{BEFORE_NUMBERS})", "  [0-9]"],
        ["replace", r"\.", " .", "[^ ]", " |$"],
        ["replace", ENDS_WORD, "."],
        ["replace", r"\.'$", " . '"],
        ["replace", DOTS, "."],
    ]


@functools.cache
def _class(name: str) -> str:
    """The characters of one of Moses' own classes, as they stand between brackets."""
    edges = json.loads(lzma.decompress(FILE.read_bytes()))[name]
    return as_class(tuple(zip(edges[::2], edges[1::2], strict=True)))
