"""The words of a PDF that our printing made: enough of the format to read what it writes."""

from __future__ import annotations

import re
import zlib


def text_of(pdf: bytes) -> str:
    """Every text that stands on the pages, one after the other, in the order in which it was written."""
    streams = [_inflated(found) for found in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)]
    maps = [_letters(one) for one in streams if b"beginbfchar" in one]
    fonts = [int(number) for number in re.findall(rb"/F(\d+) \d+ 0 R", pdf)]
    letters = dict(zip(dict.fromkeys(fonts), maps, strict=False))
    told: list[str] = []
    for page in (one for one in streams if b" Tf" in one):
        now: dict[int, str] = {}
        for font, shown in re.findall(rb"/F(\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\)", page, re.DOTALL):
            if font:
                now = letters.get(int(font), {})
            else:
                raw = re.sub(rb"\\(.)", lambda found: {b"r": b"\r", b"n": b"\n"}.get(found[1], found[1]), shown, flags=re.DOTALL)
                told.append("".join(now.get(int.from_bytes(raw[at : at + 2], "big"), "") for at in range(0, len(raw), 2)))
    return "\n".join(told)


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def _letters(cmap: bytes) -> dict[int, str]:
    """From glyph numbers to letters, as a font's table of characters says."""
    found: dict[int, str] = {}
    for glyph, letter in re.findall(rb"<([0-9A-Fa-f]{4})>\s*<([0-9A-Fa-f]{4,})>\s*\n", cmap):
        found[int(glyph, 16)] = bytes.fromhex(letter.decode()).decode("utf-16-be", "replace")
    return found
