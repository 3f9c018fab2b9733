"""A page as a test reads it: its words, links and form, and how to send that."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

from flask.testing import FlaskClient

from finetune_advisor.engine.model.inputs import Value

AGAIN = "again"
"""The form whose buttons send the answers that a page shows, and one more field."""
VOID = {"meta", "link", "input", "img", "br"}


class Page(HTMLParser):
    """An answer that is HTML, at a URL, with its status."""

    def __init__(self, client: FlaskClient, url: str) -> None:
        super().__init__()
        answer = client.get(url)
        while answer.status_code == 303:
            url = urljoin(url, answer.headers["Location"])
            answer = client.get(url)
        self.client, self.url, self.status, self.html = client, url, answer.status_code, answer.text
        self.headers = answer.headers
        self.texts: dict[str, list[str]] = {}
        self.words: list[str] = []
        self.links: dict[str, str] = {}
        self.hidden: list[tuple[str, str]] = []
        self.values: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.skip = ""
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self._is_again = False
        self._again: list[tuple[str, str]] = []
        self._buttons: dict[str, tuple[str, str]] = {}
        self.feed(self.html)
        for words, pair in self._buttons.items():
            self.links[words] = f"interview?{urlencode([*self._again, pair])}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._is_again = given.get("id") == AGAIN
        if tag == "input" and self._is_again:
            self._again.append((str(given["name"]), str(given["value"])))
        elif tag == "input":
            self._read_field(str(given["name"]), given)
        if tag == "button" and given.get("name") == "skip":
            self.skip = str(given["value"])
        if tag not in VOID:
            self._open.append((tag, given))
            self.texts.setdefault(tag, []).append("")

    def _read_field(self, name: str, given: Mapping[str, str | None]) -> None:
        value = str(given.get("value") or "")
        if given["type"] == "hidden":
            self.hidden.append((name, value))
        elif given["type"] == "radio":
            self.choices.setdefault(name, []).append(value)
            if "checked" in given:
                self.values[name] = value
        else:
            self.choices.setdefault(name, [])
            self.values[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_again = False
        if tag not in VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if not words or not self._open:
            return
        self.words.append(words)
        tag, given = self._open[-1]
        self.texts[tag][-1] = f"{self.texts[tag][-1]} {words}".strip()
        for tag, given in self._open:
            if tag == "a":
                target = str(given["href"])
                self.links[words] = target
            elif tag == "button" and (self._is_again or given.get("form") == AGAIN):
                self._buttons[words] = (str(given["name"]), str(given["value"]))

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def title(self) -> str:
        return self.texts["title"][0]

    @property
    def heading(self) -> str:
        return self.texts["h1"][0]

    def follow(self, words: str) -> Page:
        """The page that a link leads to, or a button beside the answers."""
        return Page(self.client, urljoin(self.url, self.links[words]))

    def send(self, *pairs: tuple[str, str]) -> Page:
        """The page that the form leads to, with some fields filled in."""
        return Page(self.client, urljoin(self.url, f"interview?{urlencode([*self.hidden, *pairs])}"))

    def dont_know(self) -> Page:
        """The page that "I don't know yet" leads to."""
        return self.send(("skip", self.skip))

    def answer(self, profile: Mapping[str, Value]) -> Page:
        """The page that answers of a profile to the question lead to."""
        return self.send(*((name, write(profile[name])) for name in self.choices))


def write(value: Value) -> str:
    """An answer as a form sends it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def interview(client: FlaskClient, version: str, profile: Mapping[str, Value]) -> list[Page]:
    """The pages of an interview about a tree, from the first question to the plan."""
    pages = [Page(client, f"/interview?tree={version}")]
    while pages[-1].choices:
        pages.append(pages[-1].answer(profile))
    return pages
