"""events.py SCHEMA FILE… - every line of each FILE is one event by the schema, has no key that it does not know, and
fits into one write to a pipe. Prints how many there are of each verdict and layer.
"""

import collections
import json
import sys

import jsonschema

LINE_MAX = 4096

with open(sys.argv[1]) as file:
    schema = json.load(file)
check = jsonschema.Draft202012Validator(schema)
check.check_schema(schema)
seen = collections.Counter()
for name in sys.argv[2:]:
    with open(name, "rb") as file:
        lines = file.readlines()
    for line in lines:
        assert len(line) <= LINE_MAX and line.endswith(b"\n"), line
        event = json.loads(line)
        errors = [e.message for e in check.iter_errors(event)]
        unknown = set(event) - set(schema["properties"])
        assert not errors and not unknown, f"{line}: {errors} {unknown}"
        seen[f"{event['verdict']} {event['layer']}"] += 1
for what, count in sorted(seen.items()):
    print(what, count)
