"""Probes of a server that has a deprecated and a retired version."""

from __future__ import annotations

from tests.contract.probe import JSON, MERMAID, SVG, Probe, get, post
from tests.editions import DEPRECATED, HEADERS, RETIRED, SUCCESSOR, SUCCESSOR_LINK

OPERATIONS = {
    "getVersion": ("", JSON),
    "getChanges": (f"/changes?since={SUCCESSOR}", JSON),
    "getDiagram": ("/diagram", SVG),
}
TOLD = {name.lower(): value for name, value in HEADERS.items()}
SILENT = tuple(TOLD)
BODIES = {
    "assess": ("/assess", b'"profile":{}'),
    "assessBatch": ("/assess/batch", b'"profiles":[{},1]'),
    "explain": ("/assess/explain", b'"profile":{}'),
}

DEPRECATED_ONES = [
    *(
        get(
            f"deprecated: {operation}",
            "RFC 9745 §2, RFC 8594 §3, RFC 5829 §3.3: a deprecated version says so",
            f"/tree/versions/{DEPRECATED}{rest}",
            200,
            headers=TOLD,
            media=media,
            operation=operation,
        )
        for operation, (rest, media) in OPERATIONS.items()
    ),
    get(
        "deprecated: Mermaid",
        "RFC 9745 §2: whatever the kind of picture",
        f"/tree/versions/{DEPRECATED}/diagram",
        200,
        ("Accept", "text/vnd.mermaid"),
        headers=TOLD,
        media=MERMAID,
        operation="getDiagram",
    ),
    *(
        post(
            f"deprecated: {operation}",
            "RFC 9745 §2: an answer from a deprecated version says so",
            200,
            b'{%b,"tree_version":"%b"}' % (asked, DEPRECATED.encode()),
            target=target,
            headers=TOLD,
            operation=operation,
        )
        for operation, (target, asked) in BODIES.items()
    ),
]

RETIRED_ONES = [
    *(
        get(
            f"retired: {operation}",
            "RFC 9110 §15.5.11: what was here is gone for good",
            f"/tree/versions/{RETIRED}{rest}",
            410,
            headers={"link": SUCCESSOR_LINK},
            absent=("deprecation", "sunset", "etag"),
            operation=operation,
        )
        for operation, (rest, _) in OPERATIONS.items()
    ),
    *(
        post(
            f"retired: {operation}",
            "RFC 9110 §15.5.21: the body names a version that isn't served",
            422,
            b'{%b,"tree_version":"%b"}' % (asked, RETIRED.encode()),
            target=target,
            pointers=("#/tree_version",),
            operation=operation,
        )
        for operation, (target, asked) in BODIES.items()
    ),
    get(
        "retired: since",
        "RFC 9110 §15.5.21: the query names a version that isn't served",
        f"/tree/versions/{SUCCESSOR}/changes?since={RETIRED}",
        422,
        parameters=("since",),
        operation="getChanges",
    ),
]

OTHERS = [
    get(
        f"not deprecated: {path}",
        "RFC 9745 §2: what isn't deprecated doesn't say so",
        path,
        200,
        absent=SILENT,
    )
    for path in ("/tree", "/tree/versions", f"/tree/versions/{SUCCESSOR}")
]

QUANTITIES = {
    "all": (b'{"documents":1,"length":1}', ()),
    "without the default": (b'{"documents":1e2}', ()),
    "none": (b"{}", ("#/quantities/documents",)),
    "null": (b'{"documents":null}', ("#/quantities/documents",)),
    "of other types": (
        b'{"documents":true,"length":"1"}',
        ("#/quantities/documents", "#/quantities/length"),
    ),
    "out of range": (b'{"documents":-1}', ("#/quantities/documents",)),
    "too large": (b'{"documents":1e300}', ("#/quantities/documents",)),
    "unknown": (b'{"documents":1,"words":1}', ("#/quantities/words",)),
}
WORKSHEETS = [
    *(
        post(
            f"worksheet: {name}",
            "contract: a worksheet's quantities, each in its range; RFC 9110 §15.5.21",
            422 if pointers else 200,
            b'{"quantities":%b}' % quantities,
            target="/tree/versions/9.0.0-typed/worksheets/corpus_length",
            pointers=pointers or None,
            operation="workOutInput",
        )
        for name, (quantities, pointers) in QUANTITIES.items()
    ),
    post(
        "retired: workOutInput",
        "RFC 9110 §15.5.11: what was here is gone for good",
        410,
        b'{"quantities":{}}',
        target=f"/tree/versions/{RETIRED}/worksheets/rows",
        headers={"link": SUCCESSOR_LINK},
        operation="workOutInput",
    ),
]

PROBES: list[Probe] = [*DEPRECATED_ONES, *RETIRED_ONES, *OTHERS, *WORKSHEETS]
