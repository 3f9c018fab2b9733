"""Probes of JSON bodies: what can be read, and what keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator

from tests.contract.framing_probes import LIMIT
from tests.contract.probe import EMPTY, WORKSHEET, Probe, post

DEEP = 5000
MARK = b"\xef\xbb\xbf"


def _answer(value: bytes) -> bytes:
    return b'{"profile":{"data_sensitive":' + value + b"}}"


UNREADABLE = {
    "RFC 8259 §8.1: one byte order mark may be ignored, at the beginning": {
        "two byte order marks": MARK + MARK + b'{"profile":{}}',
        "byte order mark inside": b'{"profile":' + MARK + b"{}}",
        "byte order mark alone": MARK,
        "a hundred thousand byte order marks": MARK * 100_000,
    },
    "RFC 8259 §8.1: UTF-8 and nothing else": {
        "UTF-16": '{"profile":{}}'.encode("utf-16"),
        "UTF-16 without mark": '{"profile":{}}'.encode("utf-16-le"),
        "UTF-32": '{"profile":{}}'.encode("utf-32"),
        "invalid UTF-8": b'{"profile":{"\xff":true}}',
        "overlong UTF-8": b'{"profile":{"\xc0\xaf":true}}',
        "encoded surrogate": b'{"profile":{"\xed\xa0\x80":true}}',
        "latin-1": '{"profile":{"é":true}}'.encode("latin-1"),
    },
    "RFC 8259 §8.2: a lone surrogate names no character": {
        "high surrogate": rb'{"profile":{"\ud800":true}}',
        "low surrogate": rb'{"profile":{"\udc00":true}}',
        "surrogates swapped": rb'{"profile":{"\udc00\ud800":true}}',
        "surrogate in a value": _answer(rb'"\ud800"'),
    },
    "RFC 8259 §7: strings": {
        "raw NUL": b'{"profile":{"a\x00":true}}',
        "raw tab": _answer(b'"\t"'),
        "raw line break": _answer(b'"\n"'),
        "unknown escape": _answer(rb'"\x41"'),
        "short escape": _answer(rb'"\u00"'),
        "single quotes": b"{'profile':{}}",
        "open string": b'{"profile',
    },
    "RFC 8259 §2: grammar": {
        "empty": b"",
        "white space alone": b" \n\t\r ",
        "NUL alone": b"\x00",
        "NUL after": b'{"profile":{}}\x00',
        "trailing garbage": b'{"profile":{}} x',
        "two values": b'{"profile":{}}{"profile":{}}',
        "two lines": b'{"profile":{}}\n{"profile":{}}',
        "comment": b'{"profile":{}/* all unknown */}',
        "line comment": b'{"profile":{}} // unknown',
        "trailing comma": b'{"profile":{},}',
        "no quotes": b"{profile:{}}",
        "unfinished": b'{"profile":{}',
        "form": b"profile=%7B%7D",
        "vertical space": b'\x0b{"profile":{}}',
        "no-break space": b'\xc2\xa0{"profile":{}}',
    },
    "RFC 8259 §3: literals": {
        "upper case": _answer(b"True"),
        "None": _answer(b"None"),
        "undefined": _answer(b"undefined"),
    },
    "RFC 8259 §6: numbers": {
        "NaN": _answer(b"NaN"),
        "Infinity": _answer(b"Infinity"),
        "-Infinity": _answer(b"-Infinity"),
        "leading zero": _answer(b"01"),
        "plus": _answer(b"+1"),
        "bare point": _answer(b".5"),
        "open point": _answer(b"1."),
        "hexadecimal": _answer(b"0x10"),
        "separator": _answer(b"1_000"),
    },
    "RFC 8259 §9: a limit on the range of numbers": {
        "5,000 digits": _answer(b"1" * 5000),
        "-5,000 digits": _answer(b"-" + b"1" * 5000),
        "1e400": _answer(b"1e400"),
        "-1e400": _answer(b"-1e400"),
    },
    "RFC 8259 §9: a limit on the depth of nesting": {
        "deep arrays": _answer(b"[" * DEEP + b"]" * DEEP),
        "deep objects": _answer(b'{"a":' * DEEP + b"1" + b"}" * DEEP),
        "deep and open": b"[" * DEEP,
        "deepest that fits": b"[" * 1_000_000,
    },
}

REPEATED: dict[str, tuple[bytes, str]] = {
    "profile twice": (b'{"profile":{},"profile":{}}', "#/profile"),
    "same value twice": (
        b'{"profile":{"data_sensitive":true,"data_sensitive":true}}',
        "#/profile/data_sensitive",
    ),
    "nested": (
        b'{"profile":{"data_sensitive":true,"data_sensitive":false}}',
        "#/profile/data_sensitive",
    ),
    "equal by escape": (
        rb'{"profile":{"data_sensitive":true,"data\u005fsensitive":true}}',
        "#/profile/data_sensitive",
    ),
    "all escaped": (rb'{"\u0070rofile":{},"profile":{}}', "#/profile"),
    "unknown name twice": (b'{"profile":{},"a":1,"\\u0061":2}', "#/a"),
    "deep down": (b'{"profile":{"a":[[{"b":1,"b":2}]]}}', "#/profile/a/0/0/b"),
    "empty name": (b'{"profile":{"":1,"":2}}', "#/profile/"),
    "beside colons": (
        b'{"profile":{"data_sensitive":true,"data_sensitive":true},"a":":::"}',
        "#/profile/data_sensitive",
    ),
}

NOT_BOOLEANS = {
    '"yes"': b'"yes"',
    '"true"': b'"true"',
    '""': b'""',
    "1": b"1",
    "0": b"0",
    "-0": b"-0",
    "1.0": b"1.0",
    "0.0": b"0.0",
    "1e0": b"1e0",
    "null": b"null",
    "[]": b"[]",
    "[true]": b"[true]",
    "{}": b"{}",
    "30 digits": b"1" * 30,
    "emoji": '"🙂"'.encode(),
}

INVALID: dict[str, tuple[bytes, tuple[str, ...]]] = {
    **{
        f"boolean as {name}": (_answer(value), ("#/profile/data_sensitive",))
        for name, value in NOT_BOOLEANS.items()
    },
    "top-level array": (b"[]", ("#",)),
    "top-level string": (b'"profile"', ("#",)),
    "top-level null": (b"null", ("#",)),
    "top-level number": (b"1", ("#",)),
    "top-level boolean": (b"true", ("#",)),
    "no profile": (b"{}", ("#/profile",)),
    "bare profile": (b'{"data_sensitive":true}', ("#/data_sensitive", "#/profile")),
    "profile null": (b'{"profile":null}', ("#/profile",)),
    "profile array": (b'{"profile":[]}', ("#/profile",)),
    "profile string": (b'{"profile":"{}"}', ("#/profile",)),
    "profile number": (b'{"profile":0}', ("#/profile",)),
    "profile boolean": (b'{"profile":false}', ("#/profile",)),
    "unknown field": (b'{"profile":{},"verbose":true}', ("#/verbose",)),
    "unknown input": (b'{"profile":{"data_sensitve":true}}', ("#/profile/data_sensitve",)),
    "other case": (b'{"profile":{"Data_Sensitive":true}}', ("#/profile/Data_Sensitive",)),
    "empty name": (b'{"profile":{"":true}}', ("#/profile/",)),
    "escaped NUL": (rb'{"profile":{"\u0000":true}}', ("#/profile/%00",)),
    "pointer escapes": (b'{"profile":{"a/b~c":1}}', ("#/profile/a~1b~0c",)),
    "fragment escapes": (b'{"profile":{"a b%\\"^":1}}', ("#/profile/a%20b%25%22%5E",)),
    "name outside ASCII": ('{"profile":{"é":1}}'.encode(), ("#/profile/%C3%A9",)),
    "paired surrogates": (rb'{"profile":{"\ud83d\ude42":1}}', ("#/profile/%F0%9F%99%82",)),
    "prototype": (b'{"profile":{"__proto__":{}}}', ("#/profile/__proto__",)),
    "schema's own word": (b'{"profile":{"_schema":1}}', ("#/profile/_schema",)),
    "schema's own word on top": (b'{"profile":{},"_schema":1}', ("#/_schema",)),
    "two faults": (
        b'{"profile":{"data_sensitive":1,"api_usable":2}}',
        ("#/profile/api_usable", "#/profile/data_sensitive"),
    ),
    "version unknown": (b'{"profile":{},"tree_version":"9.9.9"}', ("#/tree_version",)),
    "version null": (b'{"profile":{},"tree_version":null}', ("#/tree_version",)),
    "version number": (b'{"profile":{},"tree_version":1.0}', ("#/tree_version",)),
    "version array": (b'{"profile":{},"tree_version":["1.0.0"]}', ("#/tree_version",)),
    "version object": (b'{"profile":{},"tree_version":{}}', ("#/tree_version",)),
    "version boolean": (b'{"profile":{},"tree_version":true}', ("#/tree_version",)),
    "version empty": (b'{"profile":{},"tree_version":""}', ("#/tree_version",)),
    "version padded": (b'{"profile":{},"tree_version":" 1.0.0"}', ("#/tree_version",)),
    "version path": (b'{"profile":{},"tree_version":"../1.0.0"}', ("#/tree_version",)),
}

READABLE = {
    "nothing known": b'{"profile":{}}',
    "byte order mark": MARK + b'{"profile":{}}',
    "white space around": b' \n\t\r{ "profile" : { } }\r\n',
    "escaped name": rb'{"\u0070rofile":{}}',
    "version named": b'{"profile":{},"tree_version":"1.0.0"}',
    "true": _answer(b"true"),
    "false": _answer(b"false"),
}

UNEXPLAINABLE = {
    "unknown target": (b'{"profile":{},"target":"use_force"}', ("#/target",)),
    "target of a type": (b'{"profile":{},"target":true}', ("#/target",)),
    "frozen no list": (b'{"profile":{},"frozen":"data_sensitive"}', ("#/frozen",)),
    "frozen unknown": (b'{"profile":{},"frozen":["api_usable","x"]}', ("#/frozen/1",)),
    "frozen null": (b'{"profile":{},"frozen":null}', ("#/frozen",)),
    "limit of nothing": (b'{"profile":{},"limit":0}', ("#/limit",)),
    "limit too large": (b'{"profile":{},"limit":1001}', ("#/limit",)),
    "limit with a fraction": (b'{"profile":{},"limit":1.5}', ("#/limit",)),
    "limit true": (b'{"profile":{},"limit":true}', ("#/limit",)),
}

EXPLAINABLE = {
    "target": b'{"profile":{},"target":"use_rag"}',
    "frozen": b'{"profile":{},"frozen":["data_sensitive","data_sensitive"]}',
    "limit": b'{"profile":{"prompt_engineering_sufficient":true},"limit":1.0}',
}

BATCH = {
    **{name: probe for name, probe in INVALID.items() if name.startswith(("top-level", "version"))},
    "no profiles": (b"{}", ("#/profiles",)),
    "one profile": (b'{"profile":{}}', ("#/profile", "#/profiles")),
    "profiles null": (b'{"profiles":null}', ("#/profiles",)),
    "profiles object": (b'{"profiles":{}}', ("#/profiles",)),
    "profiles string": (b'{"profiles":"[]"}', ("#/profiles",)),
    "too many": (b'{"profiles":[%b0]}' % (b"0," * 10_000), ("#/profiles",)),
    "unknown field": (b'{"profiles":[],"verbose":true}', ("#/verbose",)),
    "defaults null": (b'{"profiles":[],"defaults":null}', ("#/defaults",)),
    "defaults array": (b'{"profiles":[],"defaults":[]}', ("#/defaults",)),
    "defaults wrong": (b'{"profiles":[],"defaults":{"api_usable":1}}', ("#/defaults/api_usable",)),
    "defaults unknown": (b'{"profiles":[],"defaults":{"a/b":1}}', ("#/defaults/a~1b",)),
}
BATCH |= {
    name: (body.replace(b'"profile":{}', b'"profiles":[]'), pointers)
    for name, (body, pointers) in BATCH.items()
    if name.startswith("version")
}

BATCHES = {
    "nothing": b'{"profiles":[]}',
    "byte order mark": MARK + b'{"profiles":[{},{"api_usable":true}]}',
    "nothing known": b'{"profiles":[{},{}]}',
    "bad items": b'{"profiles":[null,1,"{}",[],{"nope":1},{"data_sensitive":1},{}]}',
    "the most": b'{"profiles":[%b0]}' % (b"0," * 9_999),
    "defaults": b'{"profiles":[{}],"defaults":{"prompt_engineering_sufficient":true}}',
    "version named": b'{"profiles":[{}],"tree_version":"1.0.0"}',
    "escaped name": rb'{"\u0070rofiles":[{"\u0070rompt_engineering_sufficient":true}]}',
}

WORKSHEETS = {
    "empty object": (b"{}", ("#/quantities",)),
    "array": (b"[]", ("#",)),
    "quantities of null": (b'{"quantities":null}', ("#/quantities",)),
    "quantities as a list": (b'{"quantities":[1]}', ("#/quantities",)),
    "too many quantities": (
        b'{"quantities":{%b}}' % b",".join(b'"a%d":1' % number for number in range(21)),
        ("#/quantities",),
    ),
    "unknown field": (b'{"quantities":{},"unit":"USD"}', ("#/unit",)),
}

TARGETS = {
    WORKSHEET: ("workOutInput", WORKSHEETS, {}),
    "/assess/batch": ("assessBatch", BATCH, BATCHES),
    "/assess": ("assess", INVALID, READABLE),
    "/assess/explain": ("explain", INVALID | UNEXPLAINABLE, READABLE | EXPLAINABLE),
}


def _of(target: str) -> Iterator[Probe]:
    operation, invalid, readable = TARGETS[target]
    where = {"target": target, "operation": operation}
    for clause, bodies in UNREADABLE.items():
        for name, body in bodies.items():
            yield post(f"{target} JSON {name}", clause, 400, body, **where)
    for name, (body, pointer) in REPEATED.items():
        clause = "RFC 8259 §4: names within an object should be unique"
        yield post(f"{target} JSON {name}", clause, 400, body, pointers=(pointer,), **where)
    for name, (body, pointers) in invalid.items():
        clause = "RFC 9110 §15.5.21; RFC 9457 §3; RFC 6901 §6: readable, but breaks the contract there"
        yield post(f"{target} body {name}", clause, 422, body, pointers=pointers, **where)
    for name, body in readable.items():
        yield post(f"{target} body {name}", "RFC 8259 §2", 200, body, **where)


def _refused(target: str, where: dict[str, str]) -> Iterator[Probe]:
    """What is refused before anybody looks into the body."""
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    html = (("Content-Type", "application/json"), ("Accept", "text/html"))
    yield post(f"{target} not acceptable", "RFC 9110 §15.5.7", 406, fields=html, **where)
    yield post(f"{target} too large", "RFC 9110 §15.5.14", 413, EMPTY.ljust(LIMIT + 1), **where)
    yield post(f"{target} as a form", "RFC 9110 §15.5.16", 415, fields=form, **where)


PROBES: list[Probe] = [
    *(probe for target in TARGETS for probe in _of(target)),
    *(
        probe
        for operation, target in (
            ("explain", "/assess/explain"),
            ("assessBatch", "/assess/batch"),
            ("workOutInput", WORKSHEET),
        )
        for probe in _refused(target, {"target": target, "operation": operation})
    ),
    *(
        post(
            f"worksheet {name}",
            "RFC 9110 §15.5.5: there is no such worksheet",
            404,
            b'{"quantities":{"%b":1}}' % (b"a" * 64),
            target=target,
            slug=slug,
            operation="workOutInput",
        )
        for name, target, slug in (
            ("of an input without one", WORKSHEET, "unknown-worksheet"),
            ("of no input", f"{WORKSHEET}s", "unknown-worksheet"),
            ("of bytes", WORKSHEET.replace("data_sensitive", "%ff%00"), "unknown-worksheet"),
            ("of a long name", WORKSHEET.replace("data_sensitive", "a" * 3000), "unknown-worksheet"),
            ("of no version", WORKSHEET.replace("1.0.0", "9.9.9"), "unknown-version"),
        )
    ),
]
