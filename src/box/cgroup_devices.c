/*
 * Device rules in force, before the group has a process.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "base/fd.h"
#include "box/cgroup.h"
#include "kern/sys.h"

enum { DEVICES_BIT = 8 }; /* of CGROUP_DEVICES */

static int write_rules(const struct cgroup_group *g, const struct plan_devices *v, struct err *e)
{
	TRY(file_set(g->dir, "devices.deny", "a *:* rwm", e));
	for (size_t i = 0; i < v->nrules; i++) {
		const struct device_rule *r = &v->rules[i];
		TRY(file_set(g->dir, r->allow ? "devices.allow" : "devices.deny", r->text, e));
	}
	return 0;
}

static int load(const struct plan_devices *v)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)v->code,
		.insn_cnt = (uint32_t)v->ncode,
		.license = (uint64_t)(uintptr_t) "Apache-2.0",
		.expected_attach_type = BPF_CGROUP_DEVICE,
	};

	return SYS_CALL(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
}

/* Beside those of the groups above, all of which have to agree. The group holds it from here on. */
static int attach(const struct cgroup_group *g, const struct plan_devices *v, struct err *e)
{
	OWN_FD program = load(v);

	if (program < 0) {
		fail(e, -program, "devices: load a program of %zu instructions: %m", v->ncode);
		return advise(e, "the kernel needs CONFIG_CGROUP_BPF, and zviz root's rights");
	}

	union bpf_attr attr = {
		.target_fd = (uint32_t)g->dir,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	int r = SYS_CALL(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr);

	return r < 0 ? fail(e, -r, "devices: attach the program to %s: %m", g->path) : 0;
}

int cgroup_devices(const struct cgroup *c, const struct plan *p, struct err *e)
{
	const struct cgroup_group *g = cgroup_group_for(c, DEVICES_BIT);

	if (g == NULL)
		return fail(e, ENOENT, "devices: no group to limit");
	return g->v2 ? attach(g, &p->devices, e) : write_rules(g, &p->devices, e);
}
