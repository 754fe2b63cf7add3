"""DocumentMask."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.masks.mask import Mask, paired


@register
class DocumentMask(Mask):
    """Each query sees the keys of its own document, in a row of packed documents.

    Reads `query_documents` and `key_documents`: int (batch, queries) and (batch, keys).
    """

    entries = ("query_documents", "key_documents")

    def visible(self, context: Mapping[str, Any]) -> Any:
        return ops.equal(*paired(context["query_documents"], context["key_documents"]))
