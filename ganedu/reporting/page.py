"""The parts of a page in HTML, for screens of any width, paper, and light or dark surroundings.

Taught in {ref}`training`.
"""

import re
from collections.abc import Iterable
from html import escape

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --text: #1b1f24; --quiet: #57606a; --line: #d0d7de;
  --code: #f2f4f7; --tone1: #0072b2; --tone2: #b84e00; --tone3: #00795a; --tone4: #a8487c; --tone5: #1b1f24 }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --text: #e6e9ed; --quiet: #a2abb5; --line: #39414a;
  --code: #20262d; --tone1: #5cb3ea; --tone2: #f08a4b; --tone3: #46c39c; --tone4: #e29bc3; --tone5: #e6e9ed } }
@media print { :root { color-scheme: light; --ground: #ffffff; --text: #000000; --quiet: #333333; --line: #999999;
  --code: #ffffff; --tone1: #0072b2; --tone2: #b84e00; --tone3: #00795a; --tone4: #a8487c; --tone5: #000000 }
  figure, table, pre { break-inside: avoid } h2, h3 { break-after: avoid } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2 } h2 { margin: 2rem 0 0.5rem; font-size: 1.2rem;
  border-top: 1px solid var(--line); padding-top: 1rem } h3 { margin: 1rem 0 0.3rem; font-size: 1rem }
p { margin: 0.4rem 0 } .quiet, figcaption { color: var(--quiet); font-size: 0.9rem }
pre { margin: 0.4rem 0; padding: 0.6rem 0.8rem; background: var(--code); border: 1px solid var(--line);
  border-radius: 4px; font-size: 0.85rem; white-space: pre-wrap }
figure { margin: 0.5rem 0 } img { display: block; max-width: 100%; image-rendering: pixelated }
svg { display: block; width: 100%; height: auto } svg text { font-family: system-ui, sans-serif !important }
.side-by-side { display: grid; gap: 1rem 1.5rem; 
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)) }
.rows { display: grid; grid-template-columns: minmax(3.2rem, max-content) minmax(0, 1fr); gap: 2px 0.6rem;
  align-items: center; max-width: 44rem } .rows > span { font-size: 0.8rem; color: var(--quiet); text-align: right }
.pairs { display: grid; gap: 0.8rem; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)) }
.pairs img { width: 100% }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; margin: 0.5rem 0 }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.5rem 0.25rem 0;
  border-bottom: 1px solid var(--line) }
caption { text-align: left; color: var(--quiet); font-size: 0.9rem; padding: 0.3rem 0 }
th[scope=row] { overflow-wrap: normal } thead th, td.number { overflow-wrap: normal }
td.number { font-variant-numeric: tabular-nums }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page; `parts` are HTML already.

    Taught in {ref}`training`.
    """
    head = (
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>'
    )
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>'
    )


def section(title: str, *parts: str) -> str:
    """A heading and what stands below it.

    Taught in {ref}`training`.
    """
    return "\n".join(["<section>", f"<h2>{escape(title)}</h2>", *parts, "</section>"])


def text(words: str, *, quiet: bool = False) -> str:
    """A paragraph, in which `backticks` stand around code.

    Taught in {ref}`training`.
    """
    shown = re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(words))
    return f"<p{' class=quiet' if quiet else ''}>{shown}</p>"


def code(*lines: str) -> str:
    """Lines for a shell.

    Taught in {ref}`training`.
    """
    return f"<pre><code>{escape(chr(10).join(lines))}</code></pre>"


def figure(content: str, caption: str) -> str:
    """A picture, which is HTML already, and what is said below it.

    Taught in {ref}`training`.
    """
    return f"<figure>{content}<figcaption>{escape(caption)}</figcaption></figure>"


def image(uri: str, alt: str) -> str:
    """A picture from a data URI.

    Taught in {ref}`training`.
    """
    return f'<img src="{uri}" alt="{escape(alt)}">'


def labeled_rows(rows: Iterable[tuple[str, str, str]]) -> str:
    """Pictures below each other, each with its label: (label, data URI, alt text).

    Taught in {ref}`training`.
    """
    cells = (f"<span>{escape(label)}</span>{image(uri, alt)}" for label, uri, alt in rows)
    return f'<div class="rows">{"".join(cells)}</div>'


def table(head: list[str], rows: Iterable[Iterable[object]], *, caption: str = "") -> str:
    """A table; the first cell of a row is its heading, numbers come with four decimals.

    Taught in {ref}`training`.
    """
    top = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    body = "".join(f"<tr>{''.join(map(_cell, range(len(row)), row))}</tr>" for row in map(list, rows))
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{said}{f'<thead><tr>{top}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def _cell(column: int, value: object) -> str:
    shown = f"{value:.4f}" if isinstance(value, float) else escape(str(value))
    if column == 0:
        return f'<th scope="row">{shown}</th>'
    return f"<td{' class=number' if isinstance(value, int | float) else ''}>{shown}</td>"
