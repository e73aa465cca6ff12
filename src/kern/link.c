#include "kern/link.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static unsigned long long own_namespace(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) < 0 ? 0 : (unsigned long long)st.st_ino;
}

void link_describe(unsigned index, char out[LINK_TEXT_BYTES])
{
	char name[IF_NAMESIZE];

	out[0] = '\0';
	if (index != 0 && if_indextoname(index, name) != NULL && strncmp(name, "zviz", 4) == 0)
		snprintf(out, LINK_TEXT_BYTES, "%llu %u %s", own_namespace(), index, name);
}

void link_remove(const char *text)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} ask = { .head = { .nlmsg_len = sizeof ask,
			    .nlmsg_type = RTM_DELLINK,
			    .nlmsg_flags = NLM_F_REQUEST } };
	char now[LINK_TEXT_BYTES];
	unsigned long long space;
	unsigned index;

	if (sscanf(text, "%llu %u ", &space, &index) != 2)
		return;
	link_describe(index, now);
	if (strcmp(now, text) != 0)
		return;
	ask.link.ifi_index = (int)index;

	OWN_FD nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	/* The kernel has done it, or not, when send() returns. */
	if (nl >= 0)
		(void)!send(nl, &ask, sizeof ask, 0);
}
