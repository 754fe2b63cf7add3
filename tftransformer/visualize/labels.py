"""Tokens as labels: short, printable, in fonts that are there."""

from collections.abc import Iterable
from functools import cache

from matplotlib import rcParams
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

# Families with the scripts that DejaVu Sans, which comes with matplotlib, has not.
_FALLBACKS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans JP",
    "Noto Sans SC",
    "Noto Sans KR",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Arial Unicode MS",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "WenQuanYi Micro Hei",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Emoji",
)
_LONGEST = 22
_SIGNS = str.maketrans({"▁": "·", "\n": "↵", "\r": "↵", "\t": "⇥"})


def readable(token: str) -> str:
    """Returns a token as a label: `▁Haus` as `·Haus`, long ones cut, unknown glyphs as `□`."""
    text = str(token).translate(_SIGNS)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    # A glyph that no font has would cost a warning each time the figure is drawn.
    glyphs = _glyphs(tuple(families()))
    return "".join(char if ord(char) in glyphs else "□" for char in text)


def families() -> list[str]:
    """Returns the font families of a label: the user's own, then those with more scripts."""
    installed = set(fontManager.get_font_names())
    return [*rcParams["font.family"], "DejaVu Sans", *filter(installed.__contains__, _FALLBACKS)]


def longest_inches(labels: Iterable[str], size: float) -> float:
    """Returns the length of the longest of `labels` in inches, in letters of `size` points."""
    renderer = RendererAgg(1, 1, 72)  # one pixel is one point
    font = FontProperties(family=families(), size=size)
    return max(renderer.get_text_width_height_descent(text, font, False)[0] for text in labels) / 72


@cache
def _glyphs(names: tuple[str, ...]) -> frozenset[int]:
    fonts = [get_font(findfont(FontProperties(family=[name]))) for name in names]
    return frozenset().union(*(font.get_charmap() for font in fonts))
