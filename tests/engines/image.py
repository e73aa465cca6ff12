"""An OCI archive with two images of busybox: image.py BUSYBOX >ARCHIVE.

localhost/small has every command of busybox, localhost/pause is the same and sleeps, as what holds the namespaces of a Pod.
"""
import hashlib
import io
import json
import platform
import subprocess
import sys
import tarfile

FOLDERS = {"bin": 0o755, "dev": 0o755, "etc": 0o755, "proc": 0o755, "root": 0o755, "run": 0o755, "sys": 0o755, "tmp": 0o1777}
FILES = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n", "etc/group": "root:x:0:\nuser:x:1000:\n"}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
OCI = "application/vnd.oci.image."


def add(tar, name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type, entry.linkname, entry.size = mode, kind, link, len(data)
    tar.addfile(entry, io.BytesIO(data))


def archive(fill):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        fill(tar)
    return out.getvalue()


def layer(tar):
    for name, mode in FOLDERS.items():
        add(tar, name, mode=mode, kind=tarfile.DIRTYPE)
    with open(sys.argv[1], "rb") as f:
        add(tar, "bin/busybox", f.read(), 0o755)
    for name in subprocess.check_output([sys.argv[1], "--list"], text=True).split():
        if name != "busybox":
            add(tar, "bin/" + name, kind=tarfile.SYMTYPE, link="busybox")
    for name, text in FILES.items():
        add(tar, name, text.encode())


blobs = {}


def blob(kind, data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    digest = hashlib.sha256(data).hexdigest()
    blobs["blobs/sha256/" + digest] = data
    return {"mediaType": OCI + kind, "digest": "sha256:" + digest, "size": len(data)}


def image(name, below, **config):
    about = {"architecture": MACHINES.get(platform.machine(), platform.machine()), "os": "linux"}
    made = blob("config.v1+json", {**about, "config": {"Env": ["PATH=/bin"], **config},
                                   "rootfs": {"type": "layers", "diff_ids": [below["digest"]]}})
    manifest = blob("manifest.v1+json", {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": made, "layers": [below]})
    return {**manifest, "platform": about, "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}}


def whole(tar):
    below = blob("layer.v1.tar", archive(layer))
    images = [image("localhost/small:latest", below, Cmd=["/bin/sh"]),
              image("localhost/pause:latest", below, Entrypoint=["/bin/sleep", "1000000"])]
    add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": images}).encode())
    for name, data in blobs.items():
        add(tar, name, data)


sys.stdout.buffer.write(archive(whole))
