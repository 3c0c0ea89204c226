"""How are amounts written? With three digits at most, and the unit that keeps them short."""

from __future__ import annotations

__all__ = ["format_bytes", "format_count", "format_ms"]

_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000.0


def format_bytes(nbytes: float) -> str:
    """Bytes with a decimal unit: `format_bytes(3_686_400)` is `"3.69 MB"`."""
    value, place = float(nbytes), 0
    while value >= _THOUSAND - 0.5 and place < len(_UNITS) - 1:
        value, place = value / _THOUSAND, place + 1
    if not place:
        return f"{value:.0f} B"
    return f"{_three_digits(value)} {_UNITS[place]}"


def format_count(value: float) -> str:
    """A mean count: whole where it is whole, else with one decimal, or two below one."""
    if value == round(value):
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 1 else f"{value:.1f}"


def format_ms(value: float) -> str:
    """Milliseconds, with three digits and at most three decimals."""
    if not value:
        return "0"
    return f"{value:.3f}" if value < 1 else _three_digits(value)


def _three_digits(value: float) -> str:
    return f"{value:.{max(0, 3 - len(str(int(value))))}f}"
