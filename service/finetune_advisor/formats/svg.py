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
from finetune_advisor.formats.graphics.curves import round_corners
from finetune_advisor.formats.graphics.highlight import build_highlight
from finetune_advisor.formats.graphics.layout import (
    Drawing,
    LayoutLine,
    Point,
    RoutedLine,
    can_be_laid_out,
    lay_out_boxes,
)
from finetune_advisor.formats.graphics.svg_style import SVG_STYLESHEET
from finetune_advisor.formats.graphics.typesetting import (
    break_into_lines,
    estimate_text_width,
    replace_invalid_xml,
)

BOX_WIDTH, BOX_PADDING, LINE_HEIGHT, FONT_SIZE, SMALL = 206.0, 12.0, 17.0, 13.0, 11.5
PICTURE_MARGIN, HEADER_HEIGHT, TITLE_FONT_SIZE, MIN_PICTURE_WIDTH, MAX_LABEL_WIDTH = (
    28.0,
    92.0,
    19.0,
    620.0,
    212.0,
)


class TooLargeToDrawError(FinetuneAdvisorError):
    """A tree has so many questions in a row, or branches side by side, that a layout takes too long."""


def render_svg(tree: Tree, assessment: Assessment | None = None) -> str:
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
        return 2 * BOX_PADDING + LINE_HEIGHT * (len(self.text) + bool(self.note))


class Picture:
    """The picture of a tree, laid out once: by `lay_out`, or else when it is first rendered."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.boxes = {node: _make_box(tree, node) for node in tree.topological_index}
        self.branches = [
            (question, branch) for question in tree.ordered_questions for branch in question.branches
        ]
        texts = (labels.label_branch(tree, *branch) for branch in self.branches)
        self.labels = [break_into_lines(text, MAX_LABEL_WIDTH, FONT_SIZE) for text in texts]
        self._lines = [
            LayoutLine(question.id, branch.to, _label_size(label))
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
        boxes = {node: (BOX_WIDTH, box.height) for node, box in self.boxes.items()}
        return lay_out_boxes(boxes, self._lines, PICTURE_MARGIN)


class _Rendering:
    """A picture in the making."""

    def __init__(self, picture: Picture, assessment: Assessment | None) -> None:
        self.picture, self.tree, self.assessment = picture, picture.tree, assessment
        self.about = build_highlight(assessment) if assessment else None
        self.boxes = picture.boxes

    def render(self) -> str:
        drawing = self.picture.lay_out()
        legend, reach = self._legend()
        wide = max(drawing.width, MIN_PICTURE_WIDTH, reach + PICTURE_MARGIN)
        title = break_into_lines(
            labels.format_tree_heading(self.tree), wide - 2 * PICTURE_MARGIN, TITLE_FONT_SIZE * 1.12
        )
        head = HEADER_HEIGHT + TITLE_FONT_SIZE * 1.3 * (len(title) - 1)
        high = drawing.height + head
        root = Element(
            "svg", _format_attributes(viewBox=f"0 0 {wide:g} {high:g}", width=wide, height=high)
        )
        root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "class": "fa-tree", "role": "img"}
        root.set("aria-labelledby", "fa-title fa-desc")
        _add_element(root, "title", labels.format_tree_heading(self.tree), id="fa-title")
        _add_element(root, "desc", " ".join(self._description()), id="fa-desc")
        _add_element(root, "style", SVG_STYLESHEET)
        _add_element(
            root, "rect", **{"class": "card"}, x=0.5, y=0.5, width=wide - 1, height=high - 1, rx=10
        )
        for number, line in enumerate(title):
            _draw_text(
                root,
                line,
                (PICTURE_MARGIN, 36 + TITLE_FONT_SIZE * 1.3 * number),
                "heading",
                anchor="start",
            )
        legend.set("transform", f"translate(0 {head - HEADER_HEIGHT + 62:g})")
        root.append(legend)
        shift = (wide - drawing.width) / 2
        body = _add_element(root, "g", transform=f"translate({shift:g} {head - PICTURE_MARGIN / 2:g})")
        for (question, branch), label, routed in zip(
            self.picture.branches, self.picture.labels, drawing.lines, strict=True
        ):
            _draw_line(body, self._line_class(question, branch), (question.id, branch.to), label, routed)
        for node in self.tree.topological_index:
            self._node(body, node, drawing.centers[node])
        ElementTree.indent(root, " ")
        return ElementTree.tostring(root, encoding="unicode") + "\n"

    def _description(self) -> Iterator[str]:
        tree = self.tree
        yield f"A decision tree of {len(tree.questions)} questions and"
        yield f"{len(tree.recommendations)} recommendations, digest {tree.digest}."
        if self.assessment:
            for step in self.assessment.path:
                yield f"{step.question.text} {labels.label_branch(tree, step.question, step.branch)}."
            ends = "; ".join(tree.recommendations[one].title for one in self.assessment.candidates)
            yield f"{'Recommended' if self.assessment.recommendation else 'Still possible'}: {ends}."

    def _legend(self) -> tuple[Element, float]:
        """What the colours and marks mean, and how far to the right it reaches."""
        legend = Element("g")
        _draw_text(legend, "Fine-tune?", (PICTURE_MARGIN, 0), "small", anchor="start")
        x = PICTURE_MARGIN + 74
        tunes = {leaf.finetune for leaf in self.tree.recommendations.values()}
        for tune in (one for one in labels.FINETUNE_LABELS if one in tunes):
            group = _add_element(legend, "g", **{"class": tune})
            _add_element(group, "rect", **{"class": "box"}, x=x, y=-10, width=18, height=13, rx=2)
            _draw_text(group, labels.FINETUNE_LABELS[tune], (x + 24, 0), "small", anchor="start")
            x += 46 + estimate_text_width(labels.FINETUNE_LABELS[tune], SMALL)
        if self.about:
            marks = "Numbered, on thick lines: the path."
            marks += " Dashed: the next question." if self.about.next else ""
            _draw_text(legend, marks, (x + 6, 0), "small", anchor="start")
            x += 6 + estimate_text_width(marks, SMALL)
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
        left, top = x - BOX_WIDTH / 2, y - box.height / 2
        group = _add_element(body, "g", **{"class": self._node_class(node), "data-node": node})
        corner = 18 if box.kind == "question" else 3
        shape = {"x": left, "y": top, "width": BOX_WIDTH, "height": box.height, "rx": corner}
        _add_element(group, "rect", **{"class": "box"}, **shape)
        style = "" if box.kind == "question" else "title"
        for number, line in enumerate(box.text):
            _draw_text(group, line, (x, top + BOX_PADDING + LINE_HEIGHT * number + 13), style)
        if box.note:
            _draw_text(group, box.note, (x, top + box.height - BOX_PADDING - 3), "small")
        if self.about and node in self.about.answered:
            _draw_badge(group, str(self.about.answered.index(node) + 1), (left + 3, top + 3))
        elif self.about and node == self.about.next:
            _draw_badge(group, "?", (left + 3, top + 3))


def _make_box(tree: Tree, node: str) -> _Box:
    most = BOX_WIDTH - 2 * BOX_PADDING
    if node in tree.questions:
        return _Box("question", tuple(break_into_lines(tree.questions[node].text, most, FONT_SIZE)))
    leaf = tree.recommendations[node]
    title = tuple(break_into_lines(leaf.title, most, FONT_SIZE * 1.1))
    return _Box(leaf.finetune, title, f"fine-tune: {labels.FINETUNE_LABELS[leaf.finetune]}")


def _draw_line(
    body: Element, style: str, ends: tuple[str, str], label: list[str], routed: RoutedLine
) -> None:
    group = _add_element(body, "g", **{"class": style, "data-from": ends[0], "data-to": ends[1]})
    _add_element(group, "path", **{"class": "line"}, d=round_corners(routed.points))
    x, y = routed.points[-1]
    _add_element(group, "path", **{"class": "head"}, d=f"M{x:g} {y:g}l-5 -9h10z")
    (wide, high), (x, y) = _label_size(label), routed.label
    plate = {"x": x - wide / 2, "y": y - high / 2, "width": wide, "height": high, "rx": 4}
    _add_element(group, "rect", **{"class": "plate"}, **plate)
    for number, line in enumerate(label):
        _draw_text(group, line, (x, y - high / 2 + 13.5 + LINE_HEIGHT * number), "")


def _label_size(label: list[str]) -> tuple[float, float]:
    """The size of a branch's label."""
    return max(estimate_text_width(line, FONT_SIZE) for line in label) + 8, LINE_HEIGHT * len(label) + 2


def _draw_badge(group: Element, text: str, centre: Point) -> None:
    _add_element(group, "circle", **{"class": "badge"}, cx=centre[0], cy=centre[1], r=11)
    _draw_text(group, text, (centre[0], centre[1] + 4.3), "badge-text")


def _draw_text(parent: Element, text: str, at: Point, style: str, anchor: str = "middle") -> None:
    extra = {"class": style} if style else {}
    _add_element(parent, "text", text, **extra, **{"text-anchor": anchor}, x=at[0], y=at[1])


def _add_element(parent: Element, tag: str, text: str = "", /, **attributes: str | float) -> Element:
    element = ElementTree.SubElement(parent, tag, _format_attributes(**attributes))
    element.text = replace_invalid_xml(text) or None
    return element


def _format_attributes(**attributes: str | float) -> dict[str, str]:
    return {k: v if isinstance(v, str) else f"{round(v, 1):g}" for k, v in attributes.items()}
