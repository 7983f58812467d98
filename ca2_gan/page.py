"""Self-contained HTML pages: pictures are embedded, and there are no scripts or links."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
h1 { font-size: 1.6rem }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem }
p { margin: .3rem 0; max-width: 48rem }
img { max-width: 100%; height: auto }
img.pixels { image-rendering: pixelated }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .2rem .8rem .2rem 0; text-align: right; vertical-align: top }
th { border-bottom: 1px solid #999 }
td:first-child, th:first-child, table.facts td { text-align: left }
figure { margin: 0 }
figcaption { font-size: .9rem; color: #555 }
.side { display: flex; flex-wrap: wrap; gap: 1.5rem }
.wide { overflow-x: auto }
"""


@dataclass(frozen=True)
class Section:
    """A heading with HTML below it; ``page`` escapes the heading only."""

    title: str
    body: str


def page(title: str, sections: Sequence[Section]) -> str:
    """A whole HTML document."""
    content = "\n".join(f"<section><h2>{escape(section.title)}</h2>\n{section.body}</section>" for section in sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n{content}\n</body></html>\n"
    )


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n"


def image(png: bytes, alt: str, caption: str | None = None, pixels: bool = False) -> str:
    """A PNG embedded in the page.

    :param alt: what it shows, in words
    :param pixels: whether to keep its pixels sharp where the browser enlarges it
    """
    kind = ' class="pixels"' if pixels else ""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img{kind} alt="{escape(alt)}" src="data:image/png;base64,{b64encode(png).decode()}">{below}</figure>\n'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """A table of names and values, without a header."""
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="facts">{cells}</table>\n'


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is aligned left, the others right."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>\n'


def side_by_side(parts: Sequence[str]) -> str:
    return f'<div class="side">{"".join(parts)}</div>\n'
