"""Bar charts as SVG, by hand: a few rectangles need no library."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, LABELS, FIGURES = 760, 230, 60
BAR, GAP, TITLE, SPACE = 18, 6, 30, 24
OURS, OTHERS = "#2563eb", "#a3a8b0"


def svg(charts: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Returns one picture with all the charts below each other; bars of ours have a colour of their own."""
    parts: list[str] = []
    top = 10
    for title, bars in charts:
        parts.append(f'<text x="10" y="{top + 16}" class="title">{escape(title)}</text>')
        top += TITLE
        longest = max(bars.values())
        for name, value in bars.items():
            parts += _bar(name, value, longest, top)
            top += BAR + GAP
        top += SPACE
    style = (
        "text{font:13px system-ui,sans-serif;fill:#374151}.title{font-weight:600;font-size:14px}"
        "@media(prefers-color-scheme:dark){text{fill:#d1d5db}}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}">'
    return "\n".join([head, f"<style>{style}</style>", *parts, "</svg>", ""])


def _bar(name: str, value: float, longest: float, top: int) -> list[str]:
    width = max(1.0, value / longest * (WIDTH - LABELS - FIGURES))
    colour = OURS if name.startswith(("ours", "prefect-preflight")) else OTHERS
    baseline = top + BAR - 5
    return [
        f'<text x="{LABELS - 8}" y="{baseline}" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{LABELS}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
        f'<text x="{LABELS + width + 6:.1f}" y="{baseline}">{value:.2f}</text>',
    ]
