"""The figure that every picture is drawn on. The only way to matplotlib is through here."""

from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tftransformer.core import replacing

FORMATS = (".png", ".svg", ".pdf")


class Plot(Figure):
    """A matplotlib figure that shows itself in a notebook and leaves pyplot alone.

    It is never registered with `matplotlib.pyplot`: no backend is chosen, no display needed, no
    window kept in memory. A bare `Figure` would appear in a notebook as text until something
    imports pyplot; this one brings its own `_repr_png_`.

    Args:
        width: width in inches.
        height: height in inches.
    """

    def __init__(self, width: float, height: float):
        # Very many tokens get a smaller resolution instead of gigabytes of pixels.
        dpi = min(150, 10_000 / max(width, height))
        super().__init__(figsize=(width, height), dpi=dpi, layout="none")  # type: ignore[arg-type] # not in its stub
        FigureCanvasAgg(self)

    def save(self, path: str | Path) -> None:
        """Writes the picture to `path`, in the format of its ending; creates its folder.

        Raises:
            ValueError: the ending is none of .png, .svg and .pdf.
        """
        path = Path(path)
        if path.suffix.lower() not in FORMATS:
            raise ValueError(f"path {str(path)!r} must end in one of {', '.join(FORMATS)}.")
        with replacing(path) as beside:
            self._write(beside, path.suffix[1:].lower())

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self._write(buffer, "png")
        return buffer.getvalue()

    def _write(self, target: Any, kind: str) -> None:
        self.savefig(target, format=kind, dpi="figure", bbox_inches="tight", pad_inches=0.12)
