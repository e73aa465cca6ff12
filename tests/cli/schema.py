"""schema.py accepts|refuses ZVIZ FILE… - the printed schema and zviz itself agree on profiles.
schema.py keys <SCHEMA - each key by its whole name, as the manual page has them.

accepts: both take each FILE. refuses: for each key of the schema, a profile with a wrong value for it is refused by both,
and one with a key that does not exist beside it; FILE is then a folder to write to.
"""

import copy
import json
import os
import re
import subprocess
import sys

import jsonschema
import yaml


def zviz(program, path):
    return subprocess.run([program, "explain", path], capture_output=True, text=True)


def accepts(program, check, files):
    for name in files:
        with open(name) as file:
            errors = [e.message for e in check.iter_errors(yaml.safe_load(file))]
        said = zviz(program, name)
        # A profile may be one that this host cannot run; what does not read is told with its column.
        assert not errors, f"{name}: {errors}"
        assert said.returncode == 0 or not re.search(r"\.yaml:\d+:\d+:", said.stderr), f"{name}: {said.stderr}"
    print(f"{len(files)} profiles")


def resolve(schema, part):
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
    return part


def places(schema, part, path=()):
    """Each key of the schema as the way to it, with what it may be."""
    part = resolve(schema, part)
    for form in part.get("anyOf", []):
        yield from places(schema, form, path)
    for key, value in part.get("properties", {}).items():
        yield path + (key,), value
        yield from places(schema, value, path + (key,))
    if "items" in part:
        yield from places(schema, part["items"], path + (0,))


def example(schema, part):
    """The least that is right."""
    part = resolve(schema, part)
    if "anyOf" in part:
        return example(schema, part["anyOf"][0])
    if "enum" in part:
        return part["enum"][0]
    if part["type"] == "object":
        keys = part.get("required", []) + part.get("oneOf", [{"required": []}])[0]["required"]
        more = max(0, part.get("minProperties", 0) - len(keys))
        keys += [key for key in part["properties"] if key not in keys][:more]
        return {key: example(schema, part["properties"][key]) for key in keys}
    if part["type"] == "array":
        return [example(schema, part["items"])]
    if part["type"] == "boolean":
        return True
    if part["type"] in ("integer", "number"):
        return part.get("minimum", 1)
    return next(text for text in ("/x", "/dev/x", "10.0.0.0/8", "0-3,6", "2MB", "x", "10s") if re.search(part.get("pattern", ""), text))


def build(schema, path, value):
    """A profile in which `value` stands at the end of `path`, and all above it is right."""
    document = example(schema, schema)
    if path[0] in schema.get("dependentRequired", {}):
        document["extends"] = "ci-runner"
    at, part = document, schema
    for i, step in enumerate(path):
        last = i + 1 == len(path)
        part = resolve(schema, part)
        while "anyOf" in part:
            wanted = "items" if step == 0 else "properties"
            part = resolve(schema, next(f for f in part["anyOf"] if wanted in f and (step == 0 or step in f[wanted])))
        excluded = [key for form in part.get("oneOf", []) for key in form["required"]]
        if step in excluded:
            for key in excluded:
                at.pop(key, None)
        part = part["items"] if step == 0 else part["properties"][step]
        below = value if last else example(schema, part)
        if not last and path[i + 1] == 0:
            below = []
        elif not last and not isinstance(below, dict):
            below = example(schema, next(f for f in part["anyOf"] if f.get("type") == "object"))
        if step == 0:
            at.append(below)
        else:
            at[step] = below
        at = below
    return document


def refuses(program, check, schema, folder):
    tried = 0
    for path, part in list(places(schema, schema)):
        right = example(schema, part)
        kinds = [{"no-such-key": 1}, "~no such word", [{"no-such-key": 1}], None]
        if isinstance(right, int):
            kinds += [-1, 0.0001]  # where text may stand, YAML's numbers are text
        if isinstance(right, list):
            kinds += [right * 2, right + [{}], right + [None]]
        if isinstance(right, dict):
            kinds += [{key: right[key] for key in right if key != less} for less in right]
        # What is refused below is refused for the wrong value alone.
        errors = [e.message for e in check.iter_errors(build(schema, path, right))]
        assert not errors, f"{path} = {right!r}: {errors}"
        for wrong in kinds:
            document = build(schema, path, wrong)
            if not list(check.iter_errors(document)):
                continue  # right by the schema: text, mostly
            name = os.path.join(folder, "wrong.yaml")
            with open(name, "w") as file:
                yaml.safe_dump(document, file)
            said = zviz(program, name)
            assert said.returncode == 1 and "wrong.yaml:" in said.stderr and path[0] in said.stderr, (
                f"{path} = {wrong!r}: the schema refuses it, zviz says: {said.stdout[:80]}{said.stderr}"
            )
            tried += 1
    assert tried > 200, tried
    print(f"{tried} wrong profiles")


def keys(part, above=""):
    for key, value in part.get("properties", {}).items():
        if above == "" and key == "remove":
            continue  # the same ones once more
        assert value.get("description"), f"{above}{key} has no description"
        print(above + key)
        keys(value, above + key + ".")
        keys(value.get("items", {}), above + key + "[].")


def main():
    if sys.argv[1] == "keys":
        keys(json.load(sys.stdin))
        return
    how, program, *files = sys.argv[1:]
    schema = json.loads(subprocess.run([program, "profiles", "schema"], capture_output=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    if how == "accepts":
        accepts(program, check, files)
    else:
        refuses(program, check, copy.deepcopy(schema), files[0])


main()
