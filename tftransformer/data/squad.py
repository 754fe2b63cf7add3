"""SQuAD's questions."""

from collections.abc import Iterator
from typing import Any


def squad_rows(data: Any) -> Iterator[dict[str, Any]]:
    """The questions of SQuAD's json (1.1 or 2.0), as it was parsed.

    Returns:
        an iterator of dicts of `id`, `question`, `context`, and `answers`, a list of dicts of
        `text` and `answer_start`, empty where there is none.

    Raises:
        ValueError: it is not built like that.
    """
    try:
        for article in data["data"]:
            for paragraph in article["paragraphs"]:
                for asked in paragraph["qas"]:
                    yield {
                        "id": asked.get("id"),
                        "question": asked["question"],
                        "context": paragraph["context"],
                        "answers": [] if asked.get("is_impossible") else asked["answers"],
                    }
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is not SQuAD's json: {error!r} is not as it has it.") from error
