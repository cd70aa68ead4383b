"""Draws axes, lines, areas and dots as SVG text; it knows nothing of policies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
HEIGHT: Final = 360
LEFT: Final = 62
RIGHT: Final = 18
TOP: Final = 14
BOTTOM: Final = 46
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Maps values from `low` to `high` onto pixels, evenly or by their logarithms."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value, held within the scale.

        >>> Scale(low=1, high=100, start=0, stop=10, log=True).at(10)
        5.0
        """
        value = min(max(value, self.low), self.high)
        share = (self._of(value) - self._of(self.low)) / ((self._of(self.high) - self._of(self.low)) or 1.0)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Return round values within the scale, about five.

        >>> Scale(low=0.1, high=0.9, start=0, stop=1).ticks()
        [0.2, 0.4, 0.6, 0.8]
        """
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1, 2, 5) if len(powers) <= 3 else (1, 3) if len(powers) <= 5 else (1,)
            found = [float(f"{step}e{power}") for power in powers for step in steps]
        else:
            step = _round_step((self.high - self.low) / 5)
            first = math.ceil(self.low / step - 1e-9)
            found = [round(count * step, 10) for count in range(first, math.floor(self.high / step + 1e-9) + 1)]
        return [value for value in found if self.low <= value <= self.high]

    def _of(self, value: float) -> float:
        return math.log(value) if self.log else value


def x_scale(low: float, high: float, *, log: bool = False, width: float = WIDTH) -> Scale:
    """Return the scale along the width of a plot."""
    return Scale(low=low, high=high, start=LEFT, stop=width - RIGHT, log=log)


def y_scale(low: float, high: float, *, height: float = HEIGHT) -> Scale:
    """Return the scale up the height of a plot."""
    return Scale(low=low, high=high, start=height - BOTTOM, stop=TOP)


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """Return the span of the values with some room on either side."""
    low, high = min(values), max(values)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


class Plot:
    """Collects the parts of one picture."""

    def __init__(self, x: Scale, y: Scale, *, title: str, width: float = WIDTH, height: float = HEIGHT) -> None:
        self.x, self.y = x, y
        self._title, self._width, self._height = title, width, height
        self._parts: list[str] = []

    def axes(self, x_name: str, y_name: str, *, x_text: Callable[[float], str], y_text: Callable[[float], str]) -> None:
        """Draw a grid with values, and what they are."""
        for value in self.y.ticks():
            at = self.y.at(value)
            self._add(f'<line class="grid" x1="{self.x.start}" x2="{self.x.stop}" y1="{at:.1f}" y2="{at:.1f}"/>')
            self.text((self.x.start - 8, at + 4), y_text(value), anchor="end", css="tick")
        for value in self.x.ticks():
            self.text((self.x.at(value), self.y.start + 18), x_text(value), anchor="middle", css="tick")
        foot = self.y.start
        self._add(f'<line class="axis" x1="{self.x.start}" x2="{self.x.stop}" y1="{foot}" y2="{foot}"/>')
        self.text(((self.x.start + self.x.stop) / 2, self._height - 8), x_name, anchor="middle", css="name")
        middle = (self.y.start + self.y.stop) / 2
        turned = f'transform="rotate(-90 14 {middle:.1f})"'
        self._add(f'<text class="name" text-anchor="middle" x="14" y="{middle:.1f}" {turned}>{escape(y_name)}</text>')

    def line(self, points: Sequence[Point], css: str, *, tip: str = "") -> None:
        """Draw a line through points in values."""
        places = " ".join(f"{self.x.at(x):.1f},{self.y.at(y):.1f}" for x, y in points)
        self._add(f'<polyline class="line {css}" points="{places}">{_tip(tip)}</polyline>')

    def area(self, lower: Sequence[Point], upper: Sequence[Point], css: str, *, tip: str = "") -> None:
        """Fill what lies between two lines in values."""
        places = " ".join(f"{self.x.at(x):.1f},{self.y.at(y):.1f}" for x, y in [*upper, *reversed(lower)])
        self._add(f'<polygon class="area {css}" points="{places}">{_tip(tip)}</polygon>')

    def dot(self, point: Point, css: str, *, radius: float = 5.0, tip: str = "") -> None:
        """Draw a dot at a point in values."""
        x, y = self.x.at(point[0]), self.y.at(point[1])
        self._add(f'<circle class="dot {css}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{_tip(tip)}</circle>')

    def mark(self, x: float, text: str) -> None:
        """Draw an upright line at a value, with what begins there, if that is to be said."""
        at = self.x.at(x)
        self._add(f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{self.y.start}" y2="{self.y.stop}"/>')
        if text:
            self.text((at + 5, self.y.stop + 10), text, css="tick")

    def text(self, place: Point, text: str, *, anchor: str = "start", css: str = "label") -> None:
        """Write text at a place in pixels."""
        x, y = place
        self._add(f'<text class="{css}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>')

    def labels(self, named: Sequence[tuple[Point, str]]) -> None:
        """Write names beside points in values, moved up or down where they would overlap."""
        taken: list[tuple[float, float, float]] = []
        for point, name in sorted(named, key=lambda item: -item[0][1]):
            x, y = self.x.at(point[0]) + 9, self.y.at(point[1]) + 4
            width = 6.6 * len(name)
            anchor, left = ("end", x - 18 - width) if x + width > self.x.stop else ("start", x)
            while any(abs(y - other) < 13 and left < right and start < left + width for other, start, right in taken):
                y += 2
            taken.append((y, left, left + width))
            self.text((x - 18 if anchor == "end" else x, y), name, anchor=anchor)

    def render(self) -> str:
        """Return the picture."""
        head = f'<svg viewBox="0 0 {self._width} {self._height}" role="img" aria-label="{escape(self._title)}">'
        return "\n".join([head, *self._parts, "</svg>"])

    def _add(self, part: str) -> None:
        self._parts.append(part)


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    return next((factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999), power)
