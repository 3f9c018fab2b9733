"""The floor: Flask as it comes, which reads the request's body and always answers the same bytes."""

from __future__ import annotations

from flask import Flask, Response, request

from bench.apps import constant

BODY = constant.body()
application = Flask(__name__)


@application.get("/healthz")
def healthz() -> str:
    return "ok"


@application.post("/assess")
def assess() -> Response:
    request.get_data()
    return Response(BODY, mimetype="application/json")
