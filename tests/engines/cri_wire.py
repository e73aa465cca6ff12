"""The messages of the container runtime interface (runtime.v1) that cri.py takes, by name and number of their fields."""

# ---- messages: a field is its number and its kind: a text, bytes, an integer, a map of texts, a message; a list has any of them ----

TEXT, BYTES, INT, MAP = "text", "bytes", "int", "map"
ID = {"id": (1, TEXT)}
VALUE = {"value": (1, INT)}
KEY_VALUE = {"key": (1, TEXT), "value": (2, TEXT)}
RESOURCES = {"cpu_period": (1, INT), "cpu_quota": (2, INT), "cpu_shares": (3, INT), "memory": (4, INT), "oom_score_adj": (5, INT)}
ID_MAP = {"host": (1, INT), "inside": (2, INT), "length": (3, INT)}
NAMESPACES = {"network": (1, INT), "pid": (2, INT), "ipc": (3, INT), "target": (4, TEXT),
              "user": (5, {"mode": (1, INT), "uids": (2, [ID_MAP]), "gids": (3, [ID_MAP])})}
SANDBOX = {
    "metadata": (1, {"name": (1, TEXT), "uid": (2, TEXT), "namespace": (3, TEXT), "attempt": (4, INT)}),
    "hostname": (2, TEXT), "log_directory": (3, TEXT), "dns": (4, {"servers": (1, [TEXT])}), "annotations": (7, MAP),
    "linux": (8, {"cgroup_parent": (1, TEXT), "security": (2, {"namespaces": (1, NAMESPACES), "privileged": (6, INT)})}),
}
CONTAINER_CONFIG = {
    "metadata": (1, {"name": (1, TEXT), "attempt": (2, INT)}), "image": (2, {"image": (1, TEXT)}), "command": (3, [TEXT]),
    "cwd": (5, TEXT), "env": (6, [KEY_VALUE]), "mounts": (7, [{"inside": (1, TEXT), "host": (2, TEXT), "readonly": (3, INT)}]),
    "devices": (8, [{"inside": (1, TEXT), "host": (2, TEXT), "allowed": (3, TEXT)}]), "annotations": (10, MAP), "log": (11, TEXT),
    "linux": (15, {"resources": (1, RESOURCES), "security": (2, {"privileged": (2, INT), "namespaces": (3, NAMESPACES), "user": (5, VALUE), "readonly": (7, INT),
                                                                "group": (12, VALUE)})}),
}
STATUS = {"id": (1, TEXT), "state": (3, INT), "exit_code": (7, INT), "reason": (10, TEXT), "message": (11, TEXT)}
CALLS = {  # request, response
    "Version": ({}, {"name": (2, TEXT), "version": (3, TEXT)}),
    "Status": ({}, {"status": (1, {"conditions": (1, [{"type": (1, TEXT), "status": (2, INT), "message": (4, TEXT)}])})}),
    "RunPodSandbox": ({"config": (1, SANDBOX), "handler": (2, TEXT)}, ID),
    "PodSandboxStatus": (ID, {"status": (1, {"state": (3, INT), "network": (5, {"ip": (1, TEXT)})})}),
    "StopPodSandbox": (ID, {}),
    "RemovePodSandbox": (ID, {}),
    "ListPodSandbox": ({}, {"items": (1, [ID])}),
    "CreateContainer": ({"pod": (1, TEXT), "config": (2, CONTAINER_CONFIG), "sandbox": (3, SANDBOX)}, ID),
    "StartContainer": (ID, {}),
    "StopContainer": ({"id": (1, TEXT), "timeout": (2, INT)}, {}),
    "RemoveContainer": (ID, {}),
    "ContainerStatus": (ID, {"status": (1, STATUS)}),
    "ExecSync": ({"id": (1, TEXT), "command": (2, [TEXT]), "timeout": (3, INT)}, {"stdout": (1, BYTES), "stderr": (2, BYTES), "code": (3, INT)}),
    "UpdateContainerResources": ({"id": (1, TEXT), "linux": (2, RESOURCES)}, {}),
    "ContainerStats": (ID, {"stats": (1, {"cpu": (2, {"ns": (2, VALUE)}), "memory": (3, {"working_set": (2, VALUE)})})}),
}


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def encode_one(number, kind, value):
    if kind == INT:
        return varint(number << 3) + varint(value)
    if kind == TEXT:
        value = value.encode()
    elif isinstance(kind, dict):
        value = encode(kind, value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def encode(shape, message):
    out = b""
    for name, value in message.items():
        number, kind = shape[name]
        if kind == MAP:
            value, kind = [{"key": k, "value": v} for k, v in value.items()], [KEY_VALUE]
        for one in value if isinstance(kind, list) else [value]:
            out += encode_one(number, kind[0] if isinstance(kind, list) else kind, one)
    return out


def read_varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return n, at


def decode_one(kind, value):
    if kind == TEXT:
        return value.decode()
    return decode(kind, value) if isinstance(kind, dict) else value


def decode(shape, data):
    """Fields that are not there have their kind's nothing; those that the shape does not name are passed over."""
    out = {name: [] if isinstance(kind, list) else 0 if kind == INT else b"" if kind == BYTES else "" if kind == TEXT else {}
           for name, (_, kind) in shape.items()}
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            assert tag & 7 in (1, 5), "wire type %d" % (tag & 7)
            value, at = None, at + (8 if tag & 7 == 1 else 4)
        for name, (number, kind) in shape.items():
            if number == tag >> 3 and isinstance(kind, list):
                out[name].append(decode_one(kind[0], value))
            elif number == tag >> 3:
                out[name] = decode_one(kind, value)
    return out
