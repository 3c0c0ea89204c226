"""Reads pages as a browser would: tags must match, and text is what a reader sees."""

from html.parser import HTMLParser

import pytest

VOID = {"meta", "input", "rect", "path"}


class Page(HTMLParser):
    """Collects tags and text, and fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


@pytest.fixture
def read_page():
    """Reads a page: `tags`, `text`, and what is still `open` at its end."""
    return Page
