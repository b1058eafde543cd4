"""What the theme and its companions write that a screen reader trips over, mended as each page is rendered.

axe-core finds these, and `tests/test_book.py` asks it. The patterns are of the pinned versions: where one matches no
more, the page is left as it is, and the test tells.
"""

import re

from sphinx.jinja2glue import BuiltinTemplateLoader

MENDED = (
    # The name of a button must contain what is written on it: "Search", and the keys that do the same.
    (re.compile(r'(<button class="btn search-button-field[^>]*?) aria-label="Search"'), r"\1"),
    (re.compile(r'(<i class="theme-switch [^>]*?)\s+title="[^"]*"'), r"\1"),
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    # An arrow alone has no name.
    (re.compile(r'<summary>(?=<span class="toctree-toggle")'), '<summary aria-label="Pages below this one">'),
    # A list may hold list items only, and these are paragraphs.
    (re.compile(r'<div role="list" class="citation-list">'), '<div class="citation-list">'),
    # A link within a button cannot be reached by everybody: it moves below the line that folds.
    (
        re.compile(r'<summary>✓ <a href="([^"]*)"[^>]*>(.*?)</a>(.*?)</summary>'),
        r'<summary>✓ \2\3</summary><p><a href="\1">To the formula \2</a></p>',
    ),
)


class Templates(BuiltinTemplateLoader):
    """Sphinx's templates, with the faults of the pages mended."""

    def render(self, template, context):
        """The page, as text."""
        page = super().render(template, context)
        for pattern, mended in MENDED:
            page = pattern.sub(mended, page)
        return page
