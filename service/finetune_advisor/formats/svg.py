"""A tree as an SVG picture, with the path of an assessment stressed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats import labels
from finetune_advisor.formats.graphics.curves import rounded
from finetune_advisor.formats.graphics.highlight import emphasis
from finetune_advisor.formats.graphics.layout import (
    Drawing,
    Line,
    Point,
    Routed,
    can_be_laid_out,
    layout,
)
from finetune_advisor.formats.graphics.svg_style import STYLE
from finetune_advisor.formats.graphics.typesetting import lines, width, xml_text

BOX, PADDING, LEADING, FONT, SMALL = 206.0, 12.0, 17.0, 13.0, 11.5
MARGIN, HEADER, TITLE, LEAST_WIDTH, LABEL = 28.0, 92.0, 19.0, 620.0, 212.0


class TooLargeToDrawError(FinetuneAdvisorError):
    """A tree has so many questions in a row, or branches side by side, that a layout takes too long."""


def render(tree: Tree, assessment: Assessment | None = None) -> str:
    """A tree as an SVG picture; with an assessment of it, its path stands out and the rest fades.

    Raises TooLargeToDrawError.
    """
    return Picture(tree).render(assessment)


@dataclass(frozen=True)
class _Box:
    """What a node shows: its class, its lines of text, and a last small line."""

    kind: str
    text: tuple[str, ...]
    note: str = ""

    @property
    def height(self) -> float:
        return 2 * PADDING + LEADING * (len(self.text) + bool(self.note))


class Picture:
    """The picture of a tree, laid out once: by `lay_out`, or else when it is first rendered."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.boxes = {node: _box(tree, node) for node in tree.topological_index}
        self.branches = [
            (question, branch) for question in tree.ordered_questions for branch in question.branches
        ]
        texts = (labels.of_branch(tree, *branch) for branch in self.branches)
        self.labels = [lines(text, LABEL, FONT) for text in texts]
        self._lines = [
            Line(question.id, branch.to, _plate(label))
            for (question, branch), label in zip(self.branches, self.labels, strict=True)
        ]
        self.can_be_drawn = can_be_laid_out(self._lines)

    def render(self, assessment: Assessment | None = None) -> str:
        """As the function `render`."""
        return _Rendering(self, assessment).render()

    def lay_out(self) -> Drawing:
        """Where everything lies. Raises TooLargeToDrawError."""
        if not self.can_be_drawn:
            problem = f"tree {self.tree.version} is too large to draw as SVG"
            raise TooLargeToDrawError(f"{problem}; draw it with Mermaid")
        return self._drawing

    @cached_property
    def _drawing(self) -> Drawing:
        boxes = {node: (BOX, box.height) for node, box in self.boxes.items()}
        return layout(boxes, self._lines, MARGIN)


class _Rendering:
    """A picture in the making."""

    def __init__(self, picture: Picture, assessment: Assessment | None) -> None:
        self.picture, self.tree, self.assessment = picture, picture.tree, assessment
        self.about = emphasis(assessment) if assessment else None
        self.boxes = picture.boxes

    def render(self) -> str:
        drawing = self.picture.lay_out()
        legend, reach = self._legend()
        wide = max(drawing.width, LEAST_WIDTH, reach + MARGIN)
        title = lines(labels.heading(self.tree), wide - 2 * MARGIN, TITLE * 1.12)
        head = HEADER + TITLE * 1.3 * (len(title) - 1)
        high = drawing.height + head
        root = Element("svg", _numbers(viewBox=f"0 0 {wide:g} {high:g}", width=wide, height=high))
        root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "class": "fa-tree", "role": "img"}
        root.set("aria-labelledby", "fa-title fa-desc")
        _add(root, "title", labels.heading(self.tree), id="fa-title")
        _add(root, "desc", " ".join(self._description()), id="fa-desc")
        _add(root, "style", STYLE)
        _add(root, "rect", **{"class": "card"}, x=0.5, y=0.5, width=wide - 1, height=high - 1, rx=10)
        for number, line in enumerate(title):
            _text(root, line, (MARGIN, 36 + TITLE * 1.3 * number), "heading", anchor="start")
        legend.set("transform", f"translate(0 {head - HEADER + 62:g})")
        root.append(legend)
        shift = (wide - drawing.width) / 2
        body = _add(root, "g", transform=f"translate({shift:g} {head - MARGIN / 2:g})")
        for (question, branch), label, routed in zip(
            self.picture.branches, self.picture.labels, drawing.lines, strict=True
        ):
            _line(body, self._line_class(question, branch), (question.id, branch.to), label, routed)
        for node in self.tree.topological_index:
            self._node(body, node, drawing.centres[node])
        ElementTree.indent(root, " ")
        return ElementTree.tostring(root, encoding="unicode") + "\n"

    def _description(self) -> Iterator[str]:
        tree = self.tree
        yield f"A decision tree of {len(tree.questions)} questions and"
        yield f"{len(tree.recommendations)} recommendations, digest {tree.digest}."
        if self.assessment:
            for step in self.assessment.path:
                yield f"{step.question.text} {labels.of_branch(tree, step.question, step.branch)}."
            ends = "; ".join(tree.recommendations[one].title for one in self.assessment.candidates)
            yield f"{'Recommended' if self.assessment.recommendation else 'Still possible'}: {ends}."

    def _legend(self) -> tuple[Element, float]:
        """What the colours and marks mean, and how far to the right it reaches."""
        legend = Element("g")
        _text(legend, "Fine-tune?", (MARGIN, 0), "small", anchor="start")
        x = MARGIN + 74
        tunes = {leaf.finetune for leaf in self.tree.recommendations.values()}
        for tune in (one for one in labels.FINETUNE if one in tunes):
            group = _add(legend, "g", **{"class": tune})
            _add(group, "rect", **{"class": "box"}, x=x, y=-10, width=18, height=13, rx=2)
            _text(group, labels.FINETUNE[tune], (x + 24, 0), "small", anchor="start")
            x += 46 + width(labels.FINETUNE[tune], SMALL)
        if self.about:
            marks = "Numbered, on thick lines: the path."
            marks += " Dashed: the next question." if self.about.next else ""
            _text(legend, marks, (x + 6, 0), "small", anchor="start")
            x += 6 + width(marks, SMALL)
        return legend, x

    def _line_class(self, question: Question, branch: Branch) -> str:
        if self.about is None:
            return "branch"
        if (question.id, branch) in self.about.taken:
            return "branch taken"
        possible = question.id in self.about.open and branch.to in self.about.nodes
        return "branch" if possible else "branch faded"

    def _node_class(self, node: str) -> str:
        kind, about = self.boxes[node].kind, self.about
        if about is None:
            return kind
        if node == about.next:
            return f"{kind} next"
        if node in about.answered or (node in about.candidates and len(about.candidates) == 1):
            return f"{kind} stressed"
        return kind if node in about.nodes else f"{kind} faded"

    def _node(self, body: Element, node: str, centre: Point) -> None:
        box, (x, y) = self.boxes[node], centre
        left, top = x - BOX / 2, y - box.height / 2
        group = _add(body, "g", **{"class": self._node_class(node), "data-node": node})
        corner = 18 if box.kind == "question" else 3
        shape = {"x": left, "y": top, "width": BOX, "height": box.height, "rx": corner}
        _add(group, "rect", **{"class": "box"}, **shape)
        style = "" if box.kind == "question" else "title"
        for number, line in enumerate(box.text):
            _text(group, line, (x, top + PADDING + LEADING * number + 13), style)
        if box.note:
            _text(group, box.note, (x, top + box.height - PADDING - 3), "small")
        if self.about and node in self.about.answered:
            _badge(group, str(self.about.answered.index(node) + 1), (left + 3, top + 3))
        elif self.about and node == self.about.next:
            _badge(group, "?", (left + 3, top + 3))


def _box(tree: Tree, node: str) -> _Box:
    most = BOX - 2 * PADDING
    if node in tree.questions:
        return _Box("question", tuple(lines(tree.questions[node].text, most, FONT)))
    leaf = tree.recommendations[node]
    title = tuple(lines(leaf.title, most, FONT * 1.1))
    return _Box(leaf.finetune, title, f"fine-tune: {labels.FINETUNE[leaf.finetune]}")


def _line(body: Element, style: str, ends: tuple[str, str], label: list[str], routed: Routed) -> None:
    group = _add(body, "g", **{"class": style, "data-from": ends[0], "data-to": ends[1]})
    _add(group, "path", **{"class": "line"}, d=rounded(routed.points))
    x, y = routed.points[-1]
    _add(group, "path", **{"class": "head"}, d=f"M{x:g} {y:g}l-5 -9h10z")
    (wide, high), (x, y) = _plate(label), routed.label
    plate = {"x": x - wide / 2, "y": y - high / 2, "width": wide, "height": high, "rx": 4}
    _add(group, "rect", **{"class": "plate"}, **plate)
    for number, line in enumerate(label):
        _text(group, line, (x, y - high / 2 + 13.5 + LEADING * number), "")


def _plate(label: list[str]) -> tuple[float, float]:
    """The size of a branch's label."""
    return max(width(line, FONT) for line in label) + 8, LEADING * len(label) + 2


def _badge(group: Element, text: str, centre: Point) -> None:
    _add(group, "circle", **{"class": "badge"}, cx=centre[0], cy=centre[1], r=11)
    _text(group, text, (centre[0], centre[1] + 4.3), "badge-text")


def _text(parent: Element, text: str, at: Point, style: str, anchor: str = "middle") -> None:
    extra = {"class": style} if style else {}
    _add(parent, "text", text, **extra, **{"text-anchor": anchor}, x=at[0], y=at[1])


def _add(parent: Element, tag: str, text: str = "", /, **attributes: str | float) -> Element:
    element = ElementTree.SubElement(parent, tag, _numbers(**attributes))
    element.text = xml_text(text) or None
    return element


def _numbers(**attributes: str | float) -> dict[str, str]:
    return {k: v if isinstance(v, str) else f"{round(v, 1):g}" for k, v in attributes.items()}
