"""A published page as a parser sees it."""

import csv
import io
from html.parser import HTMLParser
from urllib.parse import unquote

VOID = {"meta", "link", "br", "hr", "img"}


class Page(HTMLParser):
    """Elements with their attributes, ancestors and text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert self._open == [], "unclosed elements"

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "attrs": dict(attrs), "inside": [*self._open], "text": ""}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        inside = [*self._open]
        self.elements.append({"tag": tag, "attrs": dict(attrs), "inside": inside, "text": ""})

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def all(self, tag, **attrs):
        return [
            e
            for e in self.elements
            if e["tag"] == tag and all(e["attrs"].get(k) == v for k, v in attrs.items())
        ]

    def downloads(self):
        """The files that the page holds, as rows by their names."""
        start = "data:text/csv;charset=utf-8,"
        links = {e["attrs"].get("download"): e["attrs"]["href"] for e in self.all("a")}
        del links[None]  # those that lead to sections
        assert all(address.startswith(start) for address in links.values())
        return {
            name: list(csv.DictReader(io.StringIO(unquote(address.removeprefix(start)))))
            for name, address in links.items()
        }

    def rows(self, table):
        """The cells' texts of the body rows of the first table of a class."""
        found = next(e for e in self.all("table") if table in e["attrs"]["class"].split())
        body = next(e for e in self.all("tbody") if found in e["inside"])
        return [
            [" ".join(c["text"].split()) for c in self.elements if row in c["inside"][-1:]]
            for row in self.all("tr")
            if body in row["inside"]
        ]
