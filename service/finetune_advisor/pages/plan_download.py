"""GET /interview/plan.md and /interview/plan.json: a plan to take away."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, render_template, request

from finetune_advisor.assessing import rendering
from finetune_advisor.formats.plan_markdown import render_plan_markdown
from finetune_advisor.pages.caching import keep_private
from finetune_advisor.pages.interview import Interviews
from finetune_advisor.pages.interview_query import InterviewQuery, read_query
from finetune_advisor.trees.catalog import RetiredVersionError, UnknownVersionError


def add_view(blp: Blueprint, interviews: Interviews) -> None:
    """Add the download."""

    @blp.get("/interview/plan.<ending>")
    def download(ending: str) -> Response:
        """Give the plan as Markdown, or as the JSON of POST /assess/explain."""
        if ending not in ("md", "json"):
            abort(404)
        query, problems = _read(interviews)
        if query is None:
            page = render_template("unreadable.html", problems=problems, onwards="")
            return keep_private(make_response(page, 422))
        if ending == "json":
            assessment = rendering.render_assessment(interviews.state(query).assessment)
            body = rendering.render_explanation(interviews.explain(query), assessment)
            media_type = "application/json"
        else:
            body = render_plan_markdown(interviews.explain_plan(query)).encode()
            media_type = "text/markdown"
        response = Response(body, mimetype=media_type)
        name = f"fine-tuning-plan.{ending}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return keep_private(response)


def _read(interviews: Interviews) -> tuple[InterviewQuery | None, list[str]]:
    """The query of the current request, or what is wrong with it."""
    try:
        query = read_query(interviews.catalog, request.args)
    except (RetiredVersionError, UnknownVersionError) as error:
        return None, [f"'tree': {error}"]
    labels = query.tree.inputs
    faults = [f"'{labels[name].label}': {text}" for name, text in query.faults.items()]
    problems = [*query.problems, *faults]
    return (None, problems) if problems else (query, [])
