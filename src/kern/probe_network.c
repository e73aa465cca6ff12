/*
 * What this host has to make private networks with.
 */
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "kern/probe.h"
#include "kern/sys.h"

/* Root of a user namespace may have every capability there and none over the network, which is somebody else's: the kernel
 * shows the owner of a namespace only to whoever stands at or above it (ns_get_owner() in kernel/user_namespace.c). */
static bool rules_network(void)
{
	OWN_FD net = path_open("/proc/self/ns/net", O_RDONLY);
	OWN_FD owner = net >= 0 ? ioctl(net, NS_GET_USERNS) : -1;
	struct sys_caps caps;

	return owner >= 0 && sys_capget(&caps) == 0 && (caps.effective >> CAP_NET_ADMIN & 1);
}

void probe_network(struct host *h)
{
	h->net_admin = rules_network();
	probe_program("pasta", h->pasta);
	probe_program("slirp4netns", h->slirp4netns);
}
