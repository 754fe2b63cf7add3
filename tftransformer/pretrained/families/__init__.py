"""The families of models that Hugging Face's files can hold: one file of data each."""

from tftransformer.pretrained.families.albert import ALBERT
from tftransformer.pretrained.families.bart import BART
from tftransformer.pretrained.families.bert import BERT
from tftransformer.pretrained.families.camembert import CAMEMBERT
from tftransformer.pretrained.families.deberta import DEBERTA
from tftransformer.pretrained.families.deberta_v2 import DEBERTA_V2
from tftransformer.pretrained.families.distilbert import DISTILBERT
from tftransformer.pretrained.families.electra import ELECTRA
from tftransformer.pretrained.families.gemma import GEMMA, GEMMA2, GEMMA3
from tftransformer.pretrained.families.gpt import GPT
from tftransformer.pretrained.families.gpt2 import GPT2
from tftransformer.pretrained.families.gpt_neox import GPT_NEOX
from tftransformer.pretrained.families.llama import LLAMA, MISTRAL, QWEN2, QWEN3
from tftransformer.pretrained.families.marian import MARIAN
from tftransformer.pretrained.families.mbart import MBART
from tftransformer.pretrained.families.modern_bert import MODERN_BERT
from tftransformer.pretrained.families.phi import PHI
from tftransformer.pretrained.families.roberta import ROBERTA
from tftransformer.pretrained.families.t5 import T5_ENCODER, T5_WHOLE
from tftransformer.pretrained.families.transformer_xl import TRANSFORMER_XL
from tftransformer.pretrained.families.xlm import XLM_FAMILY
from tftransformer.pretrained.families.xlm_roberta import XLM_ROBERTA
from tftransformer.pretrained.families.xlnet import XLNET
from tftransformer.pretrained.family import Family

FAMILIES: tuple[Family, ...] = (
    ALBERT,
    BART,
    BERT,
    GEMMA,
    GEMMA2,
    GEMMA3,
    DEBERTA,
    DEBERTA_V2,
    CAMEMBERT,
    DISTILBERT,
    ELECTRA,
    GPT,
    GPT2,
    GPT_NEOX,
    LLAMA,
    MARIAN,
    MISTRAL,
    PHI,
    QWEN2,
    QWEN3,
    MODERN_BERT,
    MBART,
    ROBERTA,
    T5_WHOLE,
    T5_ENCODER,
    TRANSFORMER_XL,
    XLM_FAMILY,
    XLM_ROBERTA,
    XLNET,
)
