"""Models, each a recipe over the same layers."""

from tftransformer.models.albert import Albert
from tftransformer.models.bart import Bart
from tftransformer.models.bert import Bert
from tftransformer.models.camembert import Camembert
from tftransformer.models.deberta import Deberta
from tftransformer.models.deberta_v2 import DebertaV2
from tftransformer.models.decoding_step import DecodingStep
from tftransformer.models.distilbert import DistilBert
from tftransformer.models.electra import Electra
from tftransformer.models.encoder_decoder import EncoderDecoder
from tftransformer.models.gemma import Gemma
from tftransformer.models.gemma2 import Gemma2
from tftransformer.models.gemma3 import Gemma3
from tftransformer.models.gpt import Gpt
from tftransformer.models.gpt2 import Gpt2
from tftransformer.models.gpt_neox import GptNeoX
from tftransformer.models.headed_model import OneHead, SomeHeads
from tftransformer.models.llama import Llama
from tftransformer.models.mbart import MBart
from tftransformer.models.mistral import Mistral
from tftransformer.models.modern_bert import ModernBert
from tftransformer.models.phi import Phi
from tftransformer.models.qwen2 import Qwen2
from tftransformer.models.qwen3 import Qwen3
from tftransformer.models.replaced_token_model import ReplacedTokenModel
from tftransformer.models.roberta import Roberta
from tftransformer.models.rotary_decoder import RotaryDecoder
from tftransformer.models.sentence_model import SentenceModel
from tftransformer.models.span_model import SpanModel
from tftransformer.models.stack_model import StackModel
from tftransformer.models.t5 import T5
from tftransformer.models.t5_encoder import T5Encoder
from tftransformer.models.transformer import Transformer
from tftransformer.models.transformer_xl import TransformerXL
from tftransformer.models.xlm import XLM
from tftransformer.models.xlm_roberta import XLMRoberta
from tftransformer.models.xlnet import XLNet

__all__ = [
    "T5",
    "XLM",
    "Albert",
    "Bart",
    "Bert",
    "Camembert",
    "Deberta",
    "DebertaV2",
    "DecodingStep",
    "DistilBert",
    "Electra",
    "EncoderDecoder",
    "Gemma",
    "Gemma2",
    "Gemma3",
    "Gpt",
    "Gpt2",
    "GptNeoX",
    "Llama",
    "MBart",
    "Mistral",
    "ModernBert",
    "OneHead",
    "Phi",
    "Qwen2",
    "Qwen3",
    "ReplacedTokenModel",
    "Roberta",
    "RotaryDecoder",
    "SentenceModel",
    "SomeHeads",
    "SpanModel",
    "StackModel",
    "T5Encoder",
    "Transformer",
    "TransformerXL",
    "XLMRoberta",
    "XLNet",
]
