"""Parts of self-contained pages, used by more than one: pictures as SVG, and the style sheet."""
