"""Renders a chart with Helm's own library, and holds what comes out against the API's schemas.

Reads a request from standard input and writes an answer to standard output, both JSON; see chart.rs.
"""

import json
import sys

import helm_python as helm
import kubernetes_validate
import yaml

# Of the Prometheus operator: the API's own schemas do not know them.
CUSTOM = ("PodMonitor", "PrometheusRule")


def invalid(name, texts, versions):
    """What the schemas say against the objects of one rendering."""
    found = []
    for template, text in texts.items():
        if not template.endswith(".yaml"):
            continue
        for document in yaml.safe_load_all(text):
            if document is None or document["kind"] in CUSTOM:
                continue
            for version in versions:
                try:
                    kubernetes_validate.validate(document, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    found.append(f"{name}: {template}: {document['kind']}: {version}: {error.message}")
    return found


def main():
    request = json.load(sys.stdin)
    answer = {"rendered": {}, "refused": {}, "invalid": []}
    linted = helm.lint(request["chart"])
    answer["lint"] = linted["errors"] + [m["error"] for m in linted["messages"] if m["severity"] > 1]
    with helm.Chart.load(request["chart"]) as chart:
        for name, values in request["cases"].items():
            chart.validate_schema(values)
            texts = chart.render(values, name="komainu", namespace="komainu")
            answer["rendered"][name] = texts
            answer["invalid"] += invalid(name, texts, request["versions"])
        for name, values in request["refused"].items():
            try:
                chart.validate_schema(values)
                answer["refused"][name] = None
            except helm.HelmError as error:
                answer["refused"][name] = str(error)
    json.dump(answer, sys.stdout)


main()
