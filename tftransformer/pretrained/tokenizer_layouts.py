"""Tokenizers of folders without a tokenizer.json: vocab.txt, vocab.json and merges.txt, .model."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tftransformer.pretrained.folder import read_json
from tftransformer.pretrained.tokenizer_description import (
    Bpe,
    SentencePiece,
    Step,
    TokenizerDescription,
    Unigram,
    WordPiece,
)
from tftransformer.pretrained.tokenizer_json import (
    BERT,
    BYTES,
    check_merges,
    check_vocab,
    read_merges,
)
from tftransformer.pretrained.tokenizers.common import SPELLED
from tftransformer.text import AddedToken, Template
from tftransformer.text.template import TEXTS

# What tokenizer_config.json says, and how the special tokens are spelled.
Config = Mapping[str, Any]
Roles = Mapping[str, str]
# Spelling and id of each special token by its role, as Hugging Face calls that.
Tokens = Mapping[str, tuple[str, int]]
# How rows are made of XLM and Marian, of which no other family makes them so.
XLM_ROWS = Template("start a sep", "start a sep b:1 sep:1")
MARIAN_ROWS = Template("a end", "a b end")
# Codes of the languages of mBART, in the order of their ids, and the further ones of mBART-50.
LANGUAGES = """
    ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT
    lv_LV my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN
    """
FURTHER_LANGUAGES = """
    af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN pl_PL ps_AF
    pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI
    """
# The library that trained these models has ids of its own before those of the pieces.
FIRST = ("<s>", "<pad>", "</s>", "<unk>")
CAMEMBERT_FIRST = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED")


def template_step(rows: Template, special: Callable[[str], tuple[str, int]]) -> Step:
    """The step that makes the rows of a template.

    Args:
        rows: the template.
        special: spelling and id of a special token, by its name in the template.
    """
    used: dict[str, Any] = {}

    def item(name: str, segment: int) -> dict[str, Any]:
        if name in TEXTS:
            return {"Sequence": {"id": name.upper(), "type_id": segment}}
        token, number = special(name)
        used[token] = {"id": token, "ids": [number], "tokens": [token]}
        return {"SpecialToken": {"id": token, "type_id": segment}}

    made = {kind: [item(*part) for part in parts] for kind, parts in rows.parts.items()}
    return Step("TemplateProcessing", {**made, "special_tokens": used})


def bert(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """vocab.txt: a piece a line."""
    if config.get("do_basic_tokenize") is False:
        raise ValueError("do_basic_tokenize=False (text that is cut already) is not supported")
    with (folder / "vocab.txt").open(encoding="utf-8") as lines:
        vocab = {line.rstrip("\n"): number for number, line in enumerate(lines)}
    normalizer = {
        **BERT,
        "handle_chinese_chars": config.get("tokenize_chinese_chars", True),
        "strip_accents": config.get("strip_accents"),
        "lowercase": config.get("do_lower_case", True),
    }
    return TokenizerDescription(
        WordPiece(vocab, roles.get("unk", WordPiece.unk_token)),
        normalizer=(Step("BertNormalizer", normalizer),),
        pre_tokenizer=(Step("BertPreTokenizer", {}),),
        decoder=(Step("WordPiece", {"prefix": "##", "cleanup": True}),),
    )


def byte_bpe(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """vocab.json and merges.txt of bytes: GPT-2, RoBERTa, BART, DeBERTa."""
    before = {**BYTES, "add_prefix_space": config.get("add_prefix_space", False)}
    return TokenizerDescription(
        _bpe(folder, continuing_subword_prefix="", end_of_word_suffix=""),
        pre_tokenizer=(Step("ByteLevel", before),),
        decoder=(Step("ByteLevel", BYTES),),
    )


def gpt(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """vocab.json and merges.txt of characters, where `</w>` ends a word."""
    return TokenizerDescription(
        _bpe(folder, end_of_word_suffix="</w>", unk_token=roles.get("unk")),
        normalizer=(Step("BertNormalizer", BERT),),
        pre_tokenizer=(Step("BertPreTokenizer", {}),),
        decoder=(Step("BPEDecoder", {"suffix": "</w>"}),),
    )


def xlm(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """vocab.json and merges.txt, whose lines end in how often each pair stood in the corpus."""
    model = _bpe(folder, end_of_word_suffix="</w>", unk_token=roles.get("unk"), counted=True)
    return TokenizerDescription(model, rules="xlm")


def t5(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """spiece.model, and behind its pieces `<extra_id_0>` … from the last id down."""
    described = _sentencepiece(folder, "spiece.model")
    count, size = config.get("extra_ids", 100), len(described.model.vocab)
    extra = [
        AddedToken(f"<extra_id_{i}>", size + count - 1 - i, True, False, lstrip=True, rstrip=True)
        for i in reversed(range(count))
    ]
    return replace(described, added_tokens=tuple(extra))


def xlnet(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """spiece.model."""
    return _sentencepiece(folder, "spiece.model")


def deberta_v2(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """spm.model."""
    for setting in ("do_lower_case", "split_by_punct"):
        if config.get(setting):
            raise ValueError(f"{setting}=True is not supported without a tokenizer.json")
    return _sentencepiece(folder, "spm.model")


def renumbered(
    folder: Path, first: tuple[str, ...], own: int, codes: Sequence[str] = ()
) -> TokenizerDescription:
    """sentencepiece.bpe.model, whose pieces but the first few stand behind others.

    Args:
        folder: the folder.
        first: what stands before the pieces.
        own: how many of the pieces these replace.
        codes: codes of languages, which stand behind the pieces.
    """
    from tftransformer.pretrained.tokenizers.sentencepiece_proto import read_model

    name = "sentencepiece.bpe.model"
    _sentencepiece(folder, name)  # raises where it is none
    model = read_model((folder / name).read_bytes())
    if model.is_bpe:
        raise ValueError(f"{name} is a BPE model; only a Unigram model is known")
    scored = [*zip(model.pieces[own:], model.scores[own:], strict=True)]
    vocab = [*((piece, 0.0) for piece in first), *scored, *((code, 0.0) for code in codes)]
    start = len(first) + len(scored)
    charsmap = {"precompiled_charsmap": base64.b64encode(model.charsmap).decode()}
    blanks = Step("Metaspace", {"replacement": "▁", "prepend_scheme": "always", "split": True})
    several = {"pattern": {"Regex": " {2,}"}, "content": "▁"}
    return TokenizerDescription(
        Unigram(tuple(vocab), first.index("<unk>")),
        normalizer=(
            *[Step("Precompiled", charsmap)] * bool(model.charsmap),
            Step("Strip", {"strip_left": False, "strip_right": True}),
            Step("Replace", several),
        ),
        pre_tokenizer=(blanks,),
        decoder=(blanks,),
        added_tokens=tuple(
            AddedToken(code, start + n, True, normalized=False) for n, code in enumerate(codes)
        ),
    )


def xlm_roberta(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """sentencepiece.bpe.model of XLM-RoBERTa."""
    return renumbered(folder, FIRST, 3)


def camembert(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """sentencepiece.bpe.model of CamemBERT."""
    return renumbered(folder, CAMEMBERT_FIRST, 1)


def mbart(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """sentencepiece.bpe.model of mBART, for 25 languages."""
    return renumbered(folder, FIRST, 3, LANGUAGES.split())


def mbart50(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """sentencepiece.bpe.model of mBART-50."""
    return renumbered(folder, FIRST, 3, (LANGUAGES + FURTHER_LANGUAGES).split())


def llama(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """tokenizer.model."""
    return _sentencepiece(folder, "tokenizer.model")


def marian(folder: Path, config: Config, roles: Roles) -> TokenizerDescription:
    """source.spm and target.spm cut; vocab.json, or one for each side, numbers."""
    source, target = ((folder / f"{side}.spm").read_bytes() for side in ("source", "target"))
    vocab = read_json(folder / "vocab.json")
    check_vocab(vocab, "vocab.json")
    other = None
    if config.get("separate_vocabs"):
        other = read_json(folder / "target_vocab.json")
        check_vocab(other, "target_vocab.json")
    return TokenizerDescription(SentencePiece(source, vocab, target, other), rules="marian")


# What each family's folder holds where there is no tokenizer.json, and who reads it.
LAYOUTS: dict[str, tuple[tuple[str, ...], Callable[..., TokenizerDescription]]] = {
    "bert": (("vocab.txt",), bert),
    "roberta": (("vocab.json", "merges.txt"), byte_bpe),
    "deberta": (("vocab.json", "merges.txt"), byte_bpe),
    "deberta_v2": (("spm.model",), deberta_v2),
    "gpt2": (("vocab.json", "merges.txt"), byte_bpe),
    "gpt": (("vocab.json", "merges.txt"), gpt),
    "xlm": (("vocab.json", "merges.txt"), xlm),
    "t5": (("spiece.model",), t5),
    "xlnet": (("spiece.model",), xlnet),
    "llama": (("tokenizer.model",), llama),
    "marian": (("source.spm", "target.spm", "vocab.json"), marian),
    "camembert": (("sentencepiece.bpe.model",), camembert),
    "mbart": (("sentencepiece.bpe.model",), mbart),
    "mbart50": (("sentencepiece.bpe.model",), mbart50),
    "xlmroberta": (("sentencepiece.bpe.model",), xlm_roberta),
}


def post_processor(family: str, config: Config, tokens: Tokens) -> tuple[Step, ...]:
    """How rows are made in a folder that has no tokenizer.json to say so."""
    if family == "roberta":
        options = {
            "sep": list(named(tokens, "sep")),
            "cls": list(named(tokens, "cls")),
            "trim_offsets": config.get("trim_offsets", True),
            "add_prefix_space": config.get("add_prefix_space", False),
        }
        return (Step("RobertaProcessing", options),)
    if family == "gpt2" and not config.get("add_bos_token"):
        return (Step("ByteLevel", {**BYTES, "trim_offsets": False}),)
    rows = {
        **dict.fromkeys(("bert", "deberta", "deberta_v2"), Template.bert()),
        **dict.fromkeys(("camembert", "xlmroberta"), Template.roberta()),
        "gpt2": Template("start a", "start a b:1"),
        "t5": Template("a end", "a end b end"),
        "xlnet": Template.xlnet(),
        "xlm": XLM_ROWS,
        "marian": MARIAN_ROWS,
        "mbart": _rows_of_language("a end {}", "a b end {}", tokens),
        "mbart50": _rows_of_language("{} a end", "{} a b end", tokens),
        "llama": _llama_rows(config),
    }
    return (template_step(rows[family], partial(named, tokens)),) if family in rows else ()


def _rows_of_language(single: str, pair: str, tokens: Tokens) -> Template:
    """Rows with the code of a language, which has no role, in the place of `{}`."""
    code = f"#{tokens['lang'][1]}" if "lang" in tokens else ""
    return Template(single.format(code), pair.format(code))


def named(tokens: Tokens, name: str) -> tuple[str, int]:
    """Spelling and id of a special token, by its name in a template."""
    if name.startswith("#"):
        return next(token for token in tokens.values() if f"#{token[1]}" == name)
    role = SPELLED.get(name, name)
    if role not in tokens:
        raise ValueError(f"no file names the {role}_token, which every row has")
    return tokens[role]


def _llama_rows(config: Config) -> Template:
    start = "start{} " if config.get("add_bos_token", True) else ""
    end = " end{}" if config.get("add_eos_token", False) else ""
    one, other = (start + text + "{}" + end for text in TEXTS)
    first = one.replace("{}", "")
    return Template(first, f"{first} {other.replace('{}', ':1')}")


def _bpe(folder: Path, counted: bool = False, **options: Any) -> Bpe:
    vocab = read_json(folder / "vocab.json")
    check_vocab(vocab, "vocab.json")
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    lines = [line for line in lines if line and not line.startswith("#version")]
    if counted:
        lines = [line.rpartition(" ")[0] if line.count(" ") == 2 else line for line in lines]
    values = {"vocab": vocab, "merges": read_merges(lines), **options}
    check_merges(values)
    return Bpe(**values)


def _sentencepiece(folder: Path, name: str) -> TokenizerDescription:
    import sentencepiece

    data = (folder / name).read_bytes()
    try:
        model = sentencepiece.SentencePieceProcessor(model_proto=data)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{name} is no model of sentencepiece: {error}") from error
    vocab = {model.id_to_piece(number): number for number in range(model.get_piece_size())}
    return TokenizerDescription(SentencePiece(data, vocab), rules="sentencepiece")
