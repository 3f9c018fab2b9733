"""GoRules' ZEN behind Flask: the exported JDM, run for one profile or for a list of them."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import zen
from flask import Flask, Response, request

decision = zen.ZenEngine().create_decision(Path(os.environ["BENCH_JDM"]).read_text())
application = Flask(__name__)


@application.get("/healthz")
def healthz() -> str:
    return "ok"


@application.post("/evaluate")
def evaluate() -> Response:
    result = decision.evaluate(request.get_data(as_text=True))["result"]
    return Response(orjson.dumps(result), mimetype="application/json")


@application.post("/evaluate/batch")
def evaluate_batch() -> Response:
    profiles = orjson.loads(request.get_data())
    results = [decision.evaluate(profile)["result"] for profile in profiles]
    return Response(orjson.dumps(results), mimetype="application/json")
