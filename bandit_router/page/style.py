"""The page's style sheet, for light and for dark; it holds no content."""

from __future__ import annotations

from typing import Final

# Policies: hues that stay apart for most kinds of colour vision (after Okabe and Ito). Models: an order, from cheap to
# dear, hence one run from light to dark (after viridis).
_POLICIES: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a67c00", "#56b4e9", "#7a5195", "#6b6b6b")
_DARK_POLICIES: Final = ("#5ab0ee", "#ff9252", "#3dd1a3", "#eaa3cb", "#f0c541", "#9bd7ff", "#b995d6", "#b5b5b5")
_MODELS: Final = ("#c7e020", "#5ec962", "#21918c", "#2c728e", "#3b528b", "#472d7b", "#8c2981", "#de4968")
_DARK_MODELS: Final = ("#e4ee76", "#86dc7a", "#3fbfae", "#4f9fd0", "#7088dc", "#9d72d6", "#d263b4", "#f27f8f")


def _colours(css: str, colours: tuple[str, ...]) -> str:
    return "\n".join(f".{css}{number} {{ --c: {colour}; }}" for number, colour in enumerate(colours))


STYLE: Final = f"""
:root {{ color-scheme: light dark; --back: #fff; --ink: #1c1c1e; --soft: #5c5f66; --grid: #e4e5e8; --edge: #b9bcc2; }}
{_colours("p", _POLICIES)}
{_colours("m", _MODELS)}
@media (prefers-color-scheme: dark) {{
:root {{ --back: #16181c; --ink: #ececee; --soft: #a3a7af; --grid: #2b2e34; --edge: #555a63; }}
{_colours("p", _DARK_POLICIES)}
{_colours("m", _DARK_MODELS)}
}}
body {{ background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 860px;
  margin: 2rem auto; padding: 0 1rem; }}
h1, h2 {{ line-height: 1.2; margin: 0 0 .3rem; }}
h2 {{ font-size: 1.2rem; margin-top: 2.2rem; }}
p, .note {{ color: var(--soft); margin: .2rem 0 .7rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; margin-top: 1rem; }}
th, td {{ text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--grid); white-space: nowrap; }}
th:first-child {{ text-align: left; padding-left: 0; }}
tr:first-child th {{ color: var(--soft); font-weight: 500; }}
.hindsight th, .hindsight td {{ color: var(--soft); font-weight: 400; }}
.legend {{ list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; margin: .3rem 0; }}
.legend i {{ display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; background: var(--c);
  margin-right: .4rem; vertical-align: -1px; }}
.pair {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: .5rem; }}
figure {{ margin: 0; }}
figcaption {{ font-weight: 600; }}
svg {{ width: 100%; height: auto; display: block; }}
svg text {{ fill: var(--ink); font-size: 12px; paint-order: stroke; stroke: var(--back); stroke-width: 3px; }}
svg .tick, svg .name {{ fill: var(--soft); font-size: 11.5px; }}
.grid {{ stroke: var(--grid); }}
.axis, .mark {{ stroke: var(--edge); }}
.mark {{ stroke-dasharray: 2 3; }}
.line {{ fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }}
.dashed {{ --c: var(--soft); stroke-width: 1.2; stroke-dasharray: 5 4; }}
.area {{ fill: var(--c); stroke: var(--back); stroke-width: .6; }}
.dot {{ fill: var(--c); stroke: var(--back); stroke-width: 1; }}
.seed {{ opacity: .55; }}
.single {{ --c: var(--edge); }}
.reference {{ fill: none; stroke: var(--soft); stroke-width: 2; }}
"""
