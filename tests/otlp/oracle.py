#!/usr/bin/env python3
"""Checks OTLP requests, of logs or metrics, with protobuf's own implementation and the official schema.

usage: oracle.py CASES.jsonl        (needs the PyPI package opentelemetry-proto)

Each line: {"name": .., "json": the request as OTLP JSON, "proto": the same request as protobuf, in hex}, or
{"name": .., "json": .., "refuse": true} for a request in which this program must find a fault, so that it is
itself tested. Prints what is wrong; exits with 1 if something is.

- lint: the rules of OTLP JSON of which json_format knows nothing, and those that only some receivers insist on;
- json_format, strict (unknown fields are errors), after the ids were turned from hex to base64;
- the protobuf bytes are those that protobuf's deterministic encoder writes for the message they decode to;
- both messages are equal, and so are their bytes, except where JSON cannot say what protobuf can.
"""

import base64
import json
import math
import re
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


def text(value):
    return isinstance(value, str) and all(not 0xD800 <= ord(c) < 0xE000 for c in value)


def unsigned(bits):
    return lambda value: type(value) is int and 0 < value < 2**bits


def decimal(low, high):
    def check(value):
        return isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]*", value) and low <= int(value) < high

    return check


def hex_id(digits):
    return lambda value: isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", value) and int(value, 16)


def standard_base64(value):
    try:
        return base64.b64encode(base64.b64decode(value, validate=True)).decode() == value
    except Exception:
        return False


def finite(value):
    return type(value) in (int, float) and math.isfinite(value)


# What a field may hold: a check, the name of a message, or a list of one of both.
ANY_VALUE = {
    "stringValue": text,
    "boolValue": lambda value: type(value) is bool,
    "intValue": decimal(-(2**63), 2**63),
    "doubleValue": finite,
    "arrayValue": "ArrayValue",
    "kvlistValue": "KeyValueList",
    "bytesValue": standard_base64,
}
MESSAGES = {
    "Request": {"resourceLogs": ["ResourceLogs"]},
    "ResourceLogs": {"resource": "Resource", "scopeLogs": ["ScopeLogs"], "schemaUrl": text},
    "Resource": {"attributes": ["Attribute"]},
    "ScopeLogs": {"scope": "Scope", "logRecords": ["LogRecord"], "schemaUrl": text},
    "Scope": {"name": text, "version": text, "attributes": ["Attribute"]},
    "LogRecord": {
        "timeUnixNano": decimal(1, 2**64),
        "observedTimeUnixNano": decimal(1, 2**64),
        "severityNumber": lambda value: type(value) is int and 0 < value <= 24,
        "severityText": text,
        "eventName": text,
        "body": "AnyValue",
        "attributes": ["Attribute"],
        "droppedAttributesCount": unsigned(32),
        "flags": unsigned(8),
        "traceId": hex_id(32),
        "spanId": hex_id(16),
    },
    "MetricsRequest": {"resourceMetrics": ["ResourceMetrics"]},
    "ResourceMetrics": {"resource": "Resource", "scopeMetrics": ["ScopeMetrics"], "schemaUrl": text},
    "ScopeMetrics": {"scope": "Scope", "metrics": ["Metric"], "schemaUrl": text},
    "Metric": {"name": text, "description": text, "unit": text, "histogram": "Histogram"},
    "Histogram": {"aggregationTemporality": lambda value: value in (1, 2), "dataPoints": ["HistogramDataPoint"]},
    "HistogramDataPoint": {
        "attributes": ["Attribute"],
        "startTimeUnixNano": decimal(1, 2**64),
        "timeUnixNano": decimal(1, 2**64),
        "count": unsigned(53),  # see src/otlp/metrics.rs
        "sum": finite,
        "min": finite,
        "max": finite,
        "bucketCounts": [lambda value: value == 0 or unsigned(53)(value)],
        "explicitBounds": [finite],
    },
    "Attribute": {"key": lambda value: text(value) and value, "value": "AnyValue"},
    "KeyValue": {"key": text, "value": "AnyValue"},
    "AnyValue": ANY_VALUE,
    "ArrayValue": {"values": ["AnyValue"]},
    "KeyValueList": {"values": ["KeyValue"]},
}
IDS = ("traceId", "spanId")
REQUIRED = {"Attribute": "key", "KeyValue": "key", "ArrayValue": "values", "KeyValueList": "values"}


def lint(value, message, path):
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    if message == "AnyValue" and len(value) != 1:
        yield f"{path}: {len(value)} members, not one"
    if message in REQUIRED and REQUIRED[message] not in value:
        yield f"{path}: no {REQUIRED[message]}"
    for name, member in value.items():
        here = f"{path}.{name}"
        rule = MESSAGES[message].get(name)
        if rule is None:
            yield f"{here}: no such field"
        elif isinstance(rule, str):
            yield from lint(member, rule, here)
        elif isinstance(rule, list):
            if not isinstance(member, list):
                yield f"{here}: not an array"
                continue
            for i, element in enumerate(member):
                if isinstance(rule[0], str):
                    yield from lint(element, rule[0], f"{here}[{i}]")
                elif not rule[0](element):
                    yield f"{here}[{i}]: {element!r}"
            if rule[0] in ("Attribute", "KeyValue"):
                keys = [repr(entry.get("key")) for entry in member if isinstance(entry, dict)]
                if len(keys) != len(set(keys)):
                    yield f"{here}: a key is there twice"
        elif not rule(member):
            yield f"{here}: {member!r}"


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def with_base64_ids(value):
    if isinstance(value, list):
        return [with_base64_ids(element) for element in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(member)).decode() if name in IDS else with_base64_ids(member)
        for name, member in value.items()
    }


def say_as_json_does(request):
    """Puts strings for what has no safe form in JSON; returns whether there was such a value."""
    changed = False

    def visit(value, in_array):
        nonlocal changed
        kind = value.WhichOneof("value")
        if kind is None and in_array:
            value.string_value, changed = "", True
        elif kind == "double_value" and not math.isfinite(value.double_value):
            names = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
            value.string_value, changed = names[str(value.double_value)], True
        elif kind == "array_value":
            for element in value.array_value.values:
                visit(element, True)
        elif kind == "kvlist_value":
            entries(value.kvlist_value.values)

    def entries(pairs):
        for pair in pairs:
            if pair.HasField("value"):
                visit(pair.value, False)

    if isinstance(request, ExportMetricsServiceRequest):
        return False

    for resource_logs in request.resource_logs:
        entries(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            entries(scope_logs.scope.attributes)
            for record in scope_logs.log_records:
                entries(record.attributes)
                if record.HasField("body"):
                    visit(record.body, False)
    return changed


def faults(case):
    try:
        document = json.loads(case["json"], object_pairs_hook=unique, parse_constant=no_constant)
    except ValueError as error:
        yield f"JSON: {error}"
        return
    if "\n" in case["json"]:
        yield "JSON: not one line"
    is_metrics = isinstance(document, dict) and "resourceMetrics" in document
    request = ExportMetricsServiceRequest if is_metrics else ExportLogsServiceRequest
    yield from lint(document, "MetricsRequest" if is_metrics else "Request", "$")
    from_json = request()
    try:
        json_format.ParseDict(with_base64_ids(document), from_json, ignore_unknown_fields=False)
    except Exception as error:
        yield f"json_format: {error}"
        return
    if "proto" not in case:
        return
    encoded = bytes.fromhex(case["proto"])
    try:
        from_proto = request.FromString(encoded)
    except Exception as error:
        yield f"protobuf: {error}"
        return
    if from_proto.SerializeToString(deterministic=True) != encoded:
        yield "protobuf: not the canonical bytes"
    changed = say_as_json_does(from_proto)
    if from_proto != from_json:
        yield "JSON and protobuf are different requests"
    if not changed and from_json.SerializeToString(deterministic=True) != encoded:
        yield "JSON and protobuf are different bytes"


def main(path):
    wrong, count, records = 0, 0, 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            case = json.loads(line)
            found = list(faults(case))
            count += 1
            records += case["json"].count('"timeUnixNano"')
            if case.get("refuse"):
                found = [] if found else ["should have been refused"]
            for fault in found:
                print(f"{case['name']}: {fault}")
            wrong += bool(found)
    print(f"{count} requests, {records} records, {wrong} wrong")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
