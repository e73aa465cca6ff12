#include <arpa/inet.h>
#include <stdlib.h>
#include <limits.h>
#include <string.h>

#include "base/num.h"
#include "policy/domain.h"
#include "policy/profile_fields.h"
#include "policy/profile_words.h"
#include "table/table.h"

static int unknown_group(const struct bind *b, const struct node *n, struct err *e)
{
	struct name_near near = { 0 };

	for (const struct syscall_group *g = syscall_groups; g->name != NULL; g++)
		name_offer(&near, n->text, g->name);
	return bind_unknown(b, n, "group", n->text, near.best, e);
}

int profile_check_syscall(const struct bind *b, const struct node *n, struct err *e)
{
	struct name_near near = { 0 };

	if (syscall_find(n->text) != NULL)
		return 0;
	for (const struct syscall *s = syscalls; s->name[0] != '\0'; s++)
		name_offer(&near, n->text, s->name);
	return bind_unknown(b, n, "system call", n->text, near.best, e);
}

int profile_check_call(const struct bind *b, const struct node *n, struct err *e)
{
	if (n->text[0] != '@')
		return profile_check_syscall(b, n, e);
	return syscall_group_find(n->text) != NULL ? 0 : unknown_group(b, n, e);
}

/* The kernel takes both commands as 32 bits. */
static int name_or_number(const struct bind *b, const struct node *n, const char *what,
			  const struct name *names, struct err *e)
{
	uint64_t number;
	int64_t value;

	if (n->text[0] < '0' || n->text[0] > '9')
		return bind_name(b, n, what, names, &value, e);
	if (num_u64(n->text, &number) < 0 || number > UINT32_MAX)
		return doc_fail(b->doc, n, e, "'%s' is no %s: a name, or a number of 32 bits",
				text_shown(b->doc->arena, n->text), what);
	return 0;
}

int profile_check_ioctl(const struct bind *b, const struct node *n, struct err *e)
{
	return name_or_number(b, n, "ioctl", ioctl_names, e);
}

int profile_check_prctl(const struct bind *b, const struct node *n, struct err *e)
{
	return name_or_number(b, n, "prctl", prctl_names, e);
}

int profile_check_capability(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "capability", capability_names, &value, e);
}

int profile_check_namespace(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "namespace", namespace_names, &value, e);
}

int profile_check_architecture(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "architecture", profile_architectures, &value, e);
}

int profile_check_controller(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "controller", profile_controllers, &value, e);
}

int profile_check_pattern(const struct bind *b, const struct node *n, struct err *e)
{
	if (strncmp(n->text, "**/", 3) == 0 && n->text[3] != '\0')
		return 0;
	if (n->text[0] == '/')
		return bind_check_path(b, n, e);
	return doc_fail(b->doc, n, e, "the pattern '%s' must start with / or **/",
			text_shown(b->doc->arena, n->text));
}

/* What every container has of its own. */
static const char *const own_in_dev[] = { "null",   "zero",   "full",    "random", "urandom",
					  "tty",    "ptmx",   "console", "fd",     "stdin",
					  "stdout", "stderr", "pts",     "shm",    "mqueue" };

static bool is_own(const char *name)
{
	const size_t len = strcspn(name, "/");

	for (size_t i = 0; i < COUNT(own_in_dev); i++)
		if (strlen(own_in_dev[i]) == len && memcmp(own_in_dev[i], name, len) == 0)
			return true;
	return false;
}

const char *profile_device_fault(const char *path)
{
	static const char folder[] = "/dev/";
	const char *name = path + strlen(folder);

	if (strncmp(path, folder, strlen(folder)) != 0)
		return "it is not below /dev";
	if (strlen(path) >= PATH_MAX)
		return "it is too long for a path";
	if (strstr(path, "**") != NULL || strpbrk(path, "[]\\") != NULL)
		return "wildcards are * and ?, within a name";
	if (is_own(name))
		return "a container has that of its own";
	for (size_t len; len = strcspn(name, "/"), true; name += len + 1) {
		if (len == 0 || (len <= 2 && memcmp(name, "..", len) == 0))
			return "a path without empty names, . and .. is needed";
		if (name[len] == '\0')
			return NULL;
	}
}

int profile_check_device(const struct bind *b, const struct node *n, struct err *e)
{
	const char *fault = profile_device_fault(n->text);

	return fault == NULL ? 0
			     : doc_fail(b->doc, n, e, "'%s': %s",
					text_shown(b->doc->arena, n->text), fault);
}

int profile_check_hidden(const struct bind *b, const struct node *n, struct err *e)
{
	TRY(bind_check_path(b, n, e));
	if (strstr(n->text, "**") == NULL)
		return 0;
	doc_fail(b->doc, n, e, "'%s': a mask needs a place, and ** is any depth",
		 text_shown(b->doc->arena, n->text));
	return advise(e, "write it under filesystem.deny.read");
}

int profile_check_cidr(const struct bind *b, const struct node *n, struct err *e)
{
	char address[INET6_ADDRSTRLEN] = "";
	unsigned char bytes[16];
	const char *slash = strchrnul(n->text, '/');
	uint64_t bits = 0;

	if ((size_t)(slash - n->text) < sizeof address)
		memcpy(address, n->text, (size_t)(slash - n->text));

	unsigned most = inet_pton(AF_INET, address, bytes) == 1    ? 32
			: inet_pton(AF_INET6, address, bytes) == 1 ? 128
								   : 0;

	if (most == 0 || (*slash == '/' && (num_u64(slash + 1, &bits) < 0 || bits > most)))
		return doc_fail(b->doc, n, e,
				"'%s' is no address range such as 10.0.0.0/8 or fd00::/8",
				text_shown(b->doc->arena, n->text));
	return 0;
}

static bool is_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

int profile_check_domain(const struct bind *b, const struct node *n, struct err *e)
{
	if (!domain_pattern_valid(n->text))
		return doc_fail(b->doc, n, e, "'%s' is no domain name",
				text_shown(b->doc->arena, n->text));
	return 0;
}

int profile_check_name(const struct bind *b, const struct node *n, struct err *e)
{
	size_t len = strlen(n->text);
	bool good = len <= 64 && n->text[0] != '.' && n->text[0] != '-';

	for (const char *s = n->text; good && *s != '\0'; s++)
		good = is_label(*s) || *s == '.';
	if (!good)
		return doc_fail(b->doc, n, e,
				"'%s': a name is 1 to 64 letters, digits, '-', '_' and '.'",
				text_shown(b->doc->arena, n->text));
	return 0;
}

/* ---- rows ---- */

int profile_check_where(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct where_rule *w = at;

	if (w->mask == 0)
		w->mask = UINT64_MAX;
	for (size_t i = 0; i < w->n; i++)
		if ((w->in[i] & ~w->mask) != 0)
			return doc_fail(b->doc, n, e,
					"0x%llx has bits outside the mask: it can never be met",
					(unsigned long long)w->in[i]);
	return 0;
}

int profile_check_socket(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct socket_rule *s = at;

	(void)b, (void)n, (void)e;
	if (s->types == 0)
		s->types = ~0u;
	return 0;
}

int profile_check_egress(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct egress_rule *r = at;

	if ((r->cidr == NULL) == (r->domain == NULL))
		return doc_fail(b->doc, n, e, "needs one of 'cidr' and 'domain'");
	if (r->cidr != NULL && r->allow_private)
		return doc_fail(
			b->doc, n, e,
			"'allow_private' is about names: a range of 'cidr' may be private as it is");
	return 0;
}

int profile_check_io(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct io_rule *r = at;

	if (r->rbps == 0 && r->wbps == 0 && r->riops == 0 && r->wiops == 0)
		return doc_fail(b->doc, n, e,
				"limits nothing: give one of rbps, wbps, riops and wiops");
	return 0;
}
