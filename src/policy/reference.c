#include "policy/reference.h"

#include <stdio.h>

#include "table/table.h"

enum { LAST_CAPABILITY = 40 }; /* CAP_CHECKPOINT_RESTORE, Linux 5.9 */

static unsigned newest_landlock(void)
{
	unsigned newest = 0;

	for (const struct landlock_right *r = landlock_fs_rights; r->name != NULL; r++)
		if (r->abi > newest)
			newest = r->abi;
	return newest > 6 ? newest : 6; /* ABI 6 brought scopes, and no right over files */
}

void reference_host(enum host_arch arch, struct host *out)
{
	*out = (struct host){
		.arch = arch,
		.privileged = true,
		.initial_userns = true,
		.id_limit = UINT32_MAX,
		.user_namespaces = true,
		.landlock_abi = newest_landlock(),
		.seccomp_notify = true,
		.seccomp_killable_wait = true,
		.seccomp_sync_wake = true,
		.time_namespaces = true,
		.last_capability = LAST_CAPABILITY,
		.has_newuidmap = true,
		.net_admin = true,
	};
	snprintf(out->cgroup.v2_mount, sizeof out->cgroup.v2_mount, "/sys/fs/cgroup");
	snprintf(out->cgroup.v2_parent, sizeof out->cgroup.v2_parent, "/sys/fs/cgroup");
	out->cgroup.v2_controllers = (1u << CGROUP_CONTROLLERS) - 1;
}

int reference_plan_on(struct arena *a, const struct profile *p, struct reference *ref,
		      struct plan *out, struct err *e)
{
	struct plan_disk *disks = arena_array(a, p->resources.io.n, sizeof *disks);

	/* Which disk a path lies on is the machine's: the first SCSI one stands for all. */
	for (size_t i = 0; i < p->resources.io.n; i++)
		disks[i] = (struct plan_disk){ 8, 0 };
	ref->view = (struct direct_view){ .work = "/srv/work",
					  .work_uid = 1000,
					  .work_gid = 1000,
					  .user = "user",
					  .home = "/home/user" };
	ref->request.id = "reference";
	ref->request.init = true;
	ref->request.direct = &ref->view;
	ref->request.ndisks = p->resources.io.n;
	ref->request.disks = disks;
	ref->spec = (struct spec){ .file = "the command line", .hostname = "reference" };
	ref->spec.process.set = true;
	ref->spec.process.cwd = "/work";
	ref->spec.process.uid = ref->spec.process.gid = 1000;
	*LIST_ADD(a, &ref->spec.process.args) = "true";
	return plan_make(a, &ref->request, &ref->spec, p, &ref->host, out, e);
}

int reference_plan(struct arena *a, const struct profile *p, enum host_arch arch, bool verbose,
		   bool events, struct reference *ref, struct plan *out, struct err *e)
{
	reference_host(arch, &ref->host);
	ref->request = (struct plan_request){ .verbose = verbose, .events = events };
	return reference_plan_on(a, p, ref, out, e);
}
