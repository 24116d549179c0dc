"""Reads the metrics of a server with the parser of Prometheus's own client, and prints every family as JSON."""

import json
import os
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

with urllib.request.urlopen(os.environ["METRICS_URL"]) as answer:
    kind = answer.headers["Content-Type"]
    text = answer.read().decode()

assert kind == "text/plain; version=0.0.4; charset=utf-8", kind
families = list(text_string_to_metric_families(text))
names = [family.name for family in families]
assert len(names) == len(set(names)), "a family occurs twice"

for family in families:
    assert family.type in ("counter", "gauge", "histogram"), family
    assert family.documentation, family
    series = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
    assert len(series) == len(set(series)), f"a sample of {family.name} occurs twice"
    if family.type == "histogram":
        # Buckets are cumulative, and the last one is the count.
        groups = {}
        for sample in family.samples:
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
            groups.setdefault(labels, []).append(sample)
        for samples in groups.values():
            buckets = [sample for sample in samples if sample.name.endswith("_bucket")]
            bounds = [float(sample.labels["le"]) for sample in buckets]
            counts = [sample.value for sample in buckets]
            assert bounds == sorted(bounds) and bounds[-1] == float("inf"), family.name
            assert counts == sorted(counts), family.name
            (count,) = [sample.value for sample in samples if sample.name.endswith("_count")]
            assert count == counts[-1], family.name

print(json.dumps([
    {
        "name": family.name,
        "type": family.type,
        "samples": [{"name": s.name, "labels": s.labels, "value": s.value} for s in family.samples],
    }
    for family in families
]))
