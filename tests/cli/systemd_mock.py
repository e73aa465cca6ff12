#!/usr/bin/env python3
"""systemd_mock.py RECORD HIERARCHY… - org.freedesktop.systemd1 for tests, on the system bus of its environment.

Answers what a scope needs: makes its group in each hierarchy (folder) and moves the processes there, as systemd
does. Each call becomes a line of JSON in RECORD. SYSTEMD_MOCK=refuse refuses, =fail lets the job fail, =elsewhere
makes the group under another name, =late answers before the group is there.
"""
import json
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

record, hierarchies = sys.argv[1], sys.argv[2:]
mode = os.environ.get("SYSTEMD_MOCK", "")
NAME = "org.freedesktop.systemd1"


def slice_path(name):
    parts = name.removesuffix(".slice").split("-")
    return "/".join("-".join(parts[: i + 1]) + ".slice" for i in range(len(parts)))


class UnitExists(dbus.DBusException):
    _dbus_error_name = NAME + ".UnitExists"


class Refused(dbus.DBusException):
    _dbus_error_name = "org.freedesktop.DBus.Error.AccessDenied"


class Scope(dbus.service.Object):
    def __init__(self, bus, path, group):
        super().__init__(bus, path)
        self.group = group

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        assert (interface, name) == (NAME + ".Scope", "ControlGroup"), (interface, name)
        return self.group


class Manager(dbus.service.Object):
    def __init__(self, bus):
        super().__init__(bus, "/org/freedesktop/systemd1")
        self.bus, self.jobs, self.units, self.failed = bus, 0, {}, set()

    def note(self, call, **what):
        with open(record, "a") as f:
            f.write(json.dumps({"call": call, **what}) + "\n")

    @dbus.service.method(NAME + ".Manager")
    def Subscribe(self):
        self.note("Subscribe")

    @dbus.service.method(NAME + ".Manager", in_signature="ssa(sv)a(sa(sv))", out_signature="o")
    def StartTransientUnit(self, unit, how, properties, aux):
        values = {str(k): v for k, v in properties}
        plain = {k: [int(p) for p in v] if isinstance(v, dbus.Array) else
                 bool(v) if isinstance(v, dbus.Boolean) else int(v) if isinstance(v, int) else str(v)
                 for k, v in values.items()}
        self.note("StartTransientUnit", unit=str(unit), how=str(how), properties=plain)
        if mode == "refuse":
            raise Refused("Interactive authentication required.")
        if str(unit) in self.failed or str(unit) in self.units and os.path.isdir(
                hierarchies[0] + self.units[str(unit)].group):
            raise UnitExists(f"Unit {unit} already exists.")
        group = "/" + slice_path(plain["Slice"]) + "/" + ("other-" if mode == "elsewhere" else "") + str(unit)
        self.jobs += 1
        job = f"/org/freedesktop/systemd1/job/{self.jobs}"
        for top in hierarchies:
            os.makedirs(top + group, exist_ok=True)
            for pid in plain["PIDs"]:
                with open(top + group + "/cgroup.procs", "w") as f:
                    f.write(str(pid))
        if str(unit) not in self.units:
            path = f"/org/freedesktop/systemd1/unit/u{len(self.units)}"
            self.units[str(unit)] = Scope(self.bus, path, group)
            self.units[str(unit)].path = path
        GLib.timeout_add(200 if mode == "late" else 0, self.end, job, str(unit))
        return dbus.ObjectPath(job)

    def end(self, job, unit):
        self.JobRemoved(self.jobs, job, unit, "failed" if mode == "fail" else "done")
        return False

    @dbus.service.signal(NAME + ".Manager", signature="uoss")
    def JobRemoved(self, number, job, unit, result):
        pass

    @dbus.service.method(NAME + ".Manager", in_signature="s")
    def ResetFailedUnit(self, unit):
        self.note("ResetFailedUnit", unit=str(unit))
        self.failed.discard(str(unit))

    @dbus.service.method(NAME + ".Manager", in_signature="s", out_signature="o")
    def GetUnit(self, unit):
        return dbus.ObjectPath(self.units[str(unit)].path)


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
claimed = dbus.service.BusName(NAME, bus, do_not_queue=True)
manager = Manager(bus)
if mode == "stale":
    manager.failed.update(os.environ["SYSTEMD_MOCK_STALE"].split())
print("ready", flush=True)
GLib.MainLoop().run()
