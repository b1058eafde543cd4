"""Python text and its syntax tree, with the place of each node as bytes."""

import ast
import re


class Source:
    """A text with its tree. Places are counted in bytes, as `ast` counts columns.

    Raises SyntaxError for text that is not Python.
    """

    def __init__(self, text: str):
        self.text, self.bytes, self.tree = text, text.encode(), ast.parse(text)
        self.starts = [0]
        for line in self.bytes.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """First byte of a node, and the byte after its last."""
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def of(self, node: ast.AST) -> str:
        """The text of a node."""
        first, end = self.span(node)
        return self.bytes[first:end].decode()

    def line(self, number: int) -> str:
        """A line without the space around it; the first is 1."""
        return self.text.splitlines()[number - 1].strip()

    def between(self, left: ast.AST, right: ast.AST, token: str) -> tuple[int, int]:
        """The span of an operator that stands between two nodes, where there are only brackets and comments besides."""
        first, end = self.span(left)[1], self.span(right)[0]
        gap = re.sub(rb"#[^\n]*", lambda comment: b" " * len(comment[0]), self.bytes[first:end])
        found = re.search(rb"\s+".join(re.escape(word.encode()) for word in token.split()), gap)
        return first + found.start(), first + found.end()

    def edited(self, first: int, end: int, new: str) -> str:
        """The text with one span replaced."""
        return (self.bytes[:first] + new.encode() + self.bytes[end:]).decode()
