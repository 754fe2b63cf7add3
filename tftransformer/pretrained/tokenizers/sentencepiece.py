"""SentencePiece tokenizers of descriptions: models as they are, and those that have to be built."""

import base64
import warnings
from dataclasses import replace
from typing import Any

from tftransformer.pretrained.tokenizer_description import (
    Bpe,
    SentencePiece,
    Step,
    TokenizerDescription,
    Unigram,
)
from tftransformer.pretrained.tokenizers.common import added_tokens, ids_of, pieces, special_ids
from tftransformer.pretrained.tokenizers.rewriting import rewriting_of, steps_of, xlnet
from tftransformer.pretrained.tokenizers.sentencepiece_proto import (
    TAB,
    build,
    merges_of,
    read_model,
    with_tab,
)
from tftransformer.text import SentencePieceTokenizer
from tftransformer.text.added_tokens import BEHIND, WHITE
from tftransformer.text.sentencepiece_model import load_model
from tftransformer.text.unicode import members

SPACE = "▁"
# Not `Strip`, which takes all white space, where SentencePiece takes blanks alone.
NO_END_BLANKS = Step("Replace", {"pattern": {"Regex": r"\A +| +\z"}, "content": ""})
ONE_BLANK = Step("Replace", {"pattern": {"Regex": " {2,}"}, "content": " "})
FIRST_BLANK = Step("Strip", {"content": " ", "start": 1, "stop": 0})
# By the `prepend_scheme`: a blank in front of what does not begin with one, where SentencePiece
# would put another; of each part between added tokens, of the text alone, of none.
ONE_IN_FRONT: dict[str, list[list[str]]] = {
    "always": [["replace", "", " ", "^", f"[^ {SPACE}]"]],
    "first": [["replace", "", " ", "^", f"[^ {SPACE}{BEHIND}]"], ["replace", f"^{BEHIND}", ""]],
    "never": [],
}
DECODER = (
    Step("Replace", {"pattern": {"String": SPACE}, "content": " "}),
    Step("ByteFallback", {}),
    Step("Fuse", {}),
)


def make(description: TokenizerDescription) -> SentencePieceTokenizer:
    """A tokenizer of a `.model` file: T5, XLNet, Llama; of Marian, the source's."""
    model = description.model
    assert isinstance(model, SentencePiece)
    is_llama, is_marian = description.family == "llama", description.rules == "marian"
    return SentencePieceTokenizer(
        model.data,
        pieces=pieces(description.ids),
        special_ids=special_ids(description),
        added_tokens=description.added_tokens,
        words="one" if is_llama else "pieces",
        # Llama's class drops the blank in front of the text, and so does the library behind it.
        stripped="^  ?" if is_llama else f"^{WHITE}+|{WHITE}+$",
        language_codes=is_marian,
        splits_commas=description.family == "xlnet",
        rewriting=xlnet(description.settings) if description.family == "xlnet" else (),
    )


def make_target(description: TokenizerDescription) -> SentencePieceTokenizer | None:
    """Of a pair of languages the target's; None where there is one for all."""
    model = description.model
    if not isinstance(model, SentencePiece) or model.target_data is None:
        return None
    vocab = model.vocab if model.target_vocab is None else model.target_vocab
    added = tuple(
        replace(token, id=vocab.get(token.content, token.id)) for token in description.added_tokens
    )
    target = replace(description, model=SentencePiece(model.target_data, vocab), added_tokens=added)
    return make(target)


def make_unigram(description: TokenizerDescription) -> SentencePieceTokenizer:
    """A tokenizer of a Unigram model in a tokenizer.json, whose SentencePiece model is built."""
    model = description.model
    assert isinstance(model, Unigram)
    if model.unk_id is None:
        raise ValueError("a Unigram model without an unk_id is not known")
    names = [piece for piece, _ in model.vocab]
    scores = [score for _, score in model.vocab]
    return _built(description, names, scores, unknown=model.unk_id, is_bpe=False)


def make_bpe(description: TokenizerDescription) -> SentencePieceTokenizer:
    """A tokenizer of a BPE model over raw text in a tokenizer.json: Llama 2, Gemma."""
    model = description.model
    assert isinstance(model, Bpe)
    if model.byte_fallback and TAB not in model.vocab and "\t" in model.vocab:
        # Gemma has the tab in the place of its byte.
        vocab = {TAB if piece == "\t" else piece: number for piece, number in model.vocab.items()}
        model = replace(model, vocab=vocab)
        description = replace(description, model=model)
    names = pieces(model.vocab)
    if model.unk_token is None or model.unk_token not in model.vocab:
        raise ValueError("a BPE model over raw text without an unk_token is not known")
    unknown = model.vocab[model.unk_token]
    return _built(description, names, _ranks(model, names), unknown=unknown, is_bpe=True)


def describe(tokenizer: SentencePieceTokenizer) -> TokenizerDescription:
    """What `make_unigram` or `make_bpe` makes this tokenizer of, but for how rows are made.

    Raises:
        ValueError: it has ids or a rewriting for which a tokenizer.json has no words.
    """
    model = read_model(tokenizer.vocabulary())
    names = tokenizer.tokens(range(tokenizer.vocab_size))
    added = added_tokens(tokenizer)
    beyond = {*names[len(model.pieces) :]} - {token.content for token in added}
    if names[: len(model.pieces)] != model.pieces or beyond:
        raise ValueError("tokenizer.json cannot express ids that differ from those of the model")
    unknown = model.pieces[model.unknown]
    made: Bpe | Unigram
    if model.is_bpe:
        model = with_tab(model)
        made = Bpe(
            ids_of(model.pieces),
            merges_of(model),
            unknown,
            fuse_unk=True,
            byte_fallback=model.byte_fallback,
        )
    else:
        vocab = tuple(zip(model.pieces, model.scores, strict=True))
        made = Unigram(vocab, model.unknown, model.byte_fallback)
    rewriting = [*map(list, tokenizer.rewriting)]
    by_white = rewriting != [] and rewriting[-1:] == _blanks_of_white(tokenizer.vocabulary())
    scheme, in_front = next(
        (scheme, steps)
        for scheme, steps in ONE_IN_FRONT.items()
        if rewriting[len(rewriting) - len(steps) :] == steps
    )
    normalizer = [*steps_of(rewriting[: len(rewriting) - (by_white or len(in_front))])]
    if model.charsmap:
        charsmap = base64.b64encode(model.charsmap).decode()
        normalizer.append(Step("Precompiled", {"precompiled_charsmap": charsmap}))
    if by_white and not model.dummy_prefix:
        raise ValueError(
            "tokenizer.json cannot express words without a blank in front of the first"
        )
    scheme = "always" if model.dummy_prefix else scheme
    splits = model.drops_blanks or tokenizer.words == "pieces"
    blanks = {"replacement": SPACE, "prepend_scheme": scheme, "split": splits}
    if in_front:
        pre_tokenizer = [Step("Metaspace", blanks)]
    elif model.drops_blanks:
        normalizer += [NO_END_BLANKS, ONE_BLANK]
        pre_tokenizer = [*[Step("WhitespaceSplit", {})] * by_white, Step("Metaspace", blanks)]
    else:
        normalizer += [Step("Prepend", {"prepend": SPACE})] if model.dummy_prefix else []
        normalizer.append(Step("Replace", {"pattern": {"String": " "}, "content": SPACE}))
        pre_tokenizer = []
    return TokenizerDescription(
        made,
        normalizer=tuple(normalizer),
        pre_tokenizer=tuple(pre_tokenizer),
        decoder=(*DECODER, FIRST_BLANK) if model.dummy_prefix or in_front else DECODER,
        added_tokens=added,
    )


def _built(
    description: TokenizerDescription,
    names: list[str],
    scores: list[float],
    *,
    unknown: int,
    is_bpe: bool,
) -> SentencePieceTokenizer:
    """The tokenizer of a model that is built of pieces and scores; see `build`."""
    model: Any = description.model
    manner, rewriting = _manner(description)
    data = build(
        names,
        scores,
        unknown=unknown,
        special={token.content for token in description.added_tokens if token.special},
        is_bpe=is_bpe,
        byte_fallback=model.byte_fallback,
        **manner,
    )
    by_white = any(step.kind == "WhitespaceSplit" for step in description.pre_tokenizer)
    splits = by_white or any(
        step.kind == "Metaspace" and step.options["split"] for step in description.pre_tokenizer
    )
    if by_white:
        rewriting = [*rewriting, *_blanks_of_white(data)]
    return SentencePieceTokenizer(
        data,
        pieces=pieces(description.ids),
        special_ids=special_ids(description),
        added_tokens=description.added_tokens,
        words="pieces" if splits else "one",
        stripped="^ " if _strips(description) else "",
        rewriting=rewriting,
    )


def _strips(description: TokenizerDescription) -> bool:
    """Whether the blank in front of a text goes when ids become a text again."""
    decoder = description.decoder
    return not decoder or any(step.kind in ("Strip", "Metaspace") for step in decoder)


def _blanks_of_white(data: bytes) -> list[list[str]]:
    """The rewriting, if any, that makes blanks of white space which a model takes for letters.

    What is split at white space is rewritten so in the end, and by that it is told again.
    """
    normalize = load_model(data).normalize
    white = [c for first, last in members("s") for c in map(chr, range(first, last + 1))]
    kept = "".join(c for c in white if c != " " and c in normalize(f"a{c}b"))
    return [["replace", f"[{kept}]", " "]] if kept else []


def _ranks(model: Bpe, names: list[str]) -> list[float]:
    """Scores by which SentencePiece merges in the order of the merges.

    It puts any two pieces together that make a piece, the best piece first.

    Raises:
        ValueError: the merges tell of another order, or lack some of those.
    """
    scores = dict.fromkeys(names, 0.0)
    rank, last = 0, None
    seen = set()
    for left, right in model.merges:
        made = left + right
        if made != last:
            if made in seen:
                raise ValueError(f"the merges that make {made!r} do not stand side by side")
            rank, last = rank + 1, made
            seen.add(made)
            scores[made] = -float(rank)
    merges = set(model.merges)
    for name in names:
        for place in range(1, len(name)):
            pair = name[:place], name[place:]
            if name in seen and pair not in merges and pair[0] in scores and pair[1] in scores:
                raise ValueError(f"the merges lack {pair}, which make {name!r}")
    return [scores[name] for name in names]


def _manner(description: TokenizerDescription) -> tuple[dict[str, Any], list[list[str]]]:
    """What happens to blanks and characters in the model, and what before it."""
    manner: dict[str, Any] = {"charsmap": b"", "dummy_prefix": False, "drops_blanks": False}
    before: list[Step] = []
    for step in description.normalizer:
        if step.kind == "Precompiled":
            manner["charsmap"] = base64.b64decode(step.options["precompiled_charsmap"])
        elif step.kind == "Prepend" and step.options["prepend"] == SPACE:
            _warn_of_prepended(description)
            manner["dummy_prefix"] = True
        elif _drops_blanks(step):
            manner["drops_blanks"] = True
        elif not _is_space(step):
            if manner["charsmap"]:
                raise ValueError(f"a step {step.kind} behind a charsmap is not known")
            before.append(step)
    rewriting, by_white = rewriting_of(before), False
    for step in description.pre_tokenizer:
        if step.kind == "WhitespaceSplit":
            manner["drops_blanks"] = by_white = True
        elif step.kind == "Split" and _leaves_no_blanks(description):
            continue  # Gemma: at blanks, of which there are none
        elif step.kind != "Metaspace" or step.options["replacement"] != SPACE:
            raise ValueError(f"SentencePiece with a step {step.kind} is not known")
        elif (scheme := step.options["prepend_scheme"]) != "always" and by_white:
            raise ValueError(
                f"prepend_scheme={scheme!r} behind WhitespaceSplit, by which words lose their "
                "blanks, is not known; known there: 'always'"
            )
        elif manner["drops_blanks"] or manner["charsmap"]:
            manner["dummy_prefix"] |= scheme != "never"
        elif not manner["dummy_prefix"]:
            rewriting += ONE_IN_FRONT[scheme]
    return manner, rewriting


def _warn_of_prepended(description: TokenizerDescription) -> None:
    """Tells of tokens that are looked for in texts that have got a blank in front."""
    for token in description.added_tokens:
        if token.normalized and not token.special:
            warnings.warn(
                f"the added token {token.content!r} counts wherever it stands. Its tokenizer.json "
                f"says that it is looked for in the normalised text, where it is "
                f"{SPACE + token.content!r} and counts behind a blank alone; "
                '"normalized": false says what is done here.',
                stacklevel=2,
            )


def _leaves_no_blanks(description: TokenizerDescription) -> bool:
    """Whether what cuts at blanks finds none, since they are written in another way."""
    at_blanks = {"String": " "}
    cuts = [step for step in description.pre_tokenizer if step.kind == "Split"]
    return any(map(_is_space, description.normalizer)) and all(
        step.options["pattern"] == at_blanks for step in cuts
    )


def _is_space(step: Step) -> bool:
    """Whether it writes blanks as SentencePiece does."""
    spaces = {"pattern": {"String": " "}, "content": SPACE}
    return step.kind == "Replace" and dict(step.options) == spaces


def _drops_blanks(step: Step) -> bool:
    """Whether it is about blanks at the ends, or about several that become one."""
    if step.kind != "Replace":
        return step.kind == "Strip"
    known = {" ": ONE_BLANK, SPACE: ONE_BLANK, "": NO_END_BLANKS}.get(step.options["content"])
    return known is not None and step.options["pattern"] == known.options["pattern"]
