"""What happened to the rows of a DataFrame."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Report:
    """How many rows were given, and how many were left out, by reason.

    Args:
        given: number of rows in the DataFrame.
        missing: rows with no value (None, NaN) on a side.
        empty: rows with nothing but white space on a side.
        too_long: rows with more tokens than `max_length` on a side.
        cut: rows that are used without the end of a text that was too long.
        windowed: rows whose text is split into several windows or blocks.
        notes: further remarks.
    """

    given: int
    missing: int = 0
    empty: int = 0
    too_long: int = 0
    cut: int = 0
    windowed: int = 0
    notes: tuple[str, ...] = ()

    @property
    def dropped(self) -> int:
        """Rows left out."""
        return self.missing + self.empty + self.too_long

    @property
    def used(self) -> int:
        """Rows left."""
        return self.given - self.dropped

    def __str__(self) -> str:
        counts = asdict(self)
        for name in ("given", "cut", "windowed", "notes"):
            del counts[name]
        reasons = {name.replace("_", " "): n for name, n in counts.items() if n}
        text = f"{self.used:,} of {self.given:,} rows used"
        if reasons:
            text += "; dropped: " + ", ".join(f"{n:,} {why}" for why, n in reasons.items())
        if self.cut:
            text += f"; cut to the longest allowed: {self.cut:,}"
        if self.windowed:
            text += f"; in several windows: {self.windowed:,}"
        return "; ".join([text, *self.notes])
