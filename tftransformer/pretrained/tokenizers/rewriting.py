"""Steps of a description that change texts, as a `Rewriter` takes them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tftransformer.pretrained.tokenizer_description import Step
from tftransformer.text.unicode import PYTHON_WHITE, as_class, members, unicode_tables

FORMS = ("NFC", "NFD", "NFKC", "NFKD")


def rewriting_of(steps: Iterable[Step]) -> list[list[str]]:
    """The steps as a `Rewriter` takes them.

    Raises:
        ValueError: a step is not known.
    """
    made = []
    for step in steps:
        if step.kind in FORMS:
            made.append(["form", step.kind])
        elif step.kind == "StripAccents":
            made.append(["replace", f"[{as_class(members('M'))}]", ""])
        elif step.kind == "Lowercase":
            made.append(["lower"])
        elif step.kind == "Replace":
            made.append(["replace", _pattern(step.options["pattern"]), step.options["content"]])
        elif step.kind == "Strip":
            sides = [("strip_left", "^{}+"), ("strip_right", "{}+$")]
            white = f"[{as_class(members('s'))}]"
            patterns = [form.format(white) for side, form in sides if step.options[side]]
            made += [["replace", pattern, ""] for pattern in patterns]
        else:
            raise ValueError(f"a step {step.kind} before the text is cut is not known")
    return made


def steps_of(rewriting: Iterable[Sequence[str]]) -> tuple[Step, ...]:
    """The opposite of `rewriting_of`.

    Raises:
        ValueError: an expression means something else in a tokenizer.json.
    """
    made = []
    for kind, *options in rewriting:
        if kind == "replace":
            pattern, content = options
            if pattern.startswith("^") or pattern.endswith("$"):  # of lines there, here of texts
                raise ValueError(f"tokenizer.json cannot express the expression {pattern!r}")
            made.append(Step("Replace", {"pattern": {"Regex": pattern}, "content": content}))
        else:
            made.append(Step(options[0] if kind == "form" else "Lowercase", {}))
    return tuple(made)


def xlnet(settings: Mapping[str, Any]) -> list[list[str]]:
    """What XLNet's Python class does to a text."""
    made = [["replace", f"{PYTHON_WHITE}+", " "]] if settings.get("remove_space", True) else []
    made += [["replace", "``", '"'], ["replace", "''", '"']]
    if not settings.get("keep_accents", False):
        marks = sorted(map(ord, unicode_tables()["combining"]))
        pattern = as_class(tuple((code, code) for code in marks))
        made += [["form", "NFKD"], ["replace", f"[{pattern}]", ""]]
    return [*made, ["lower"]] if settings.get("do_lower_case", False) else made


def _pattern(pattern: Mapping[str, str]) -> str:
    """A pattern of the `tokenizers` package as RE2 reads it.

    Raises:
        ValueError: RE2 cannot express it.
    """
    ((kind, text),) = pattern.items()
    if kind == "String":
        return re.escape(text)
    if re.search(r"\(\?[=!<>]|\\[1-9]|[*+?}][+]", text):
        raise ValueError(f"the expression {text!r} looks around, which is not known")
    return text
