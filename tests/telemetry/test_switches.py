"""What the service leaves as it found it: libraries' switches that hold for a whole process."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import plain_environment

SNAPSHOT = """
import importlib, json, logging, sys, warnings
import apispec, flask, flask_smorest, gunicorn.glogging, marshmallow, prometheus_client, ruamel.yaml, webargs
import prometheus_client.metrics, pythonjsonlogger.core, werkzeug

def switches():
    found = {}
    for name, module in [*sys.modules.items()]:
        if name in before:
            for key, value in vars(module).items():
                if isinstance(value, (bool, int, str, type(None))) and not key.startswith("__"):
                    found[f"{name}.{key}"] = value
    representers = ruamel.yaml.representer.RoundTripRepresenter.yaml_representers
    found["representers"] = sorted(f"{key} {value}" for key, value in representers.items())
    found["recursion"] = sys.getrecursionlimit()
    found["warnings"] = str(warnings.filters)
    return found

before = {*sys.modules} - {"__main__"}
old = switches()
import finetune_advisor.server.gunicorn_config
from finetune_advisor.app import create_app
from finetune_advisor.cli import main
client = create_app().test_client()
client.post("/assess", json={"profile": {}})
text = client.get("/metrics").text
try:
    main(["openapi"])
except SystemExit:
    pass
new = switches()
changed = {key: [value, new[key]] for key, value in old.items() if new[key] != value}
print(json.dumps(changed), file=sys.stderr)
"""


def test_no_switch_of_a_library_is_touched() -> None:
    """Neither serving nor printing the contract changes a module's switches, which others rely on."""
    done = subprocess.run(
        [sys.executable, "-c", SNAPSHOT],
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert {} == json.loads(done.stderr.splitlines()[-1])


HANDLER = """
import json, logging.config, os, sys, threading
import finetune_advisor.server.gunicorn_config
from finetune_advisor.app import create_app
from finetune_advisor.telemetry import deferred

deferred.FLUSH_SECONDS = 3600  # nothing but the call below flushes, however slow the machine is
said = []
logging.config.dictConfig(finetune_advisor.server.gunicorn_config.logconfig_dict)
app = create_app()

class Others(logging.Handler):
    def emit(self, record):
        said.append(self.format(record).split("|"))

others = Others()
others.setFormatter(logging.Formatter(
    "%(process)d|%(processName)s|%(thread)d|%(threadName)s|%(levelname)s|%(name)s|%(message)s|%(filename)s"
))
logging.getLogger("finetune_advisor").addHandler(others)
child = os.fork()
if child:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
app.test_client().get("/healthz")
logging.getLogger("finetune_advisor.others").info("said")
deferred.flush()
here = [str(os.getpid()), "MainProcess", str(threading.get_ident()), "MainThread", "INFO"]
expected = [
    [*here, "finetune_advisor.others", "said", "<string>"],
    [*here, "finetune_advisor.access", "request", ""],
]
assert said == expected, said
os._exit(0)
"""


def test_handlers_of_others_get_whole_records() -> None:
    """Every field that logging documents is there and true, also in a worker that was forked."""
    done = subprocess.run(
        [sys.executable, "-c", HANDLER],
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
