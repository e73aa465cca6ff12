#include "random_profile.h"

#include <linux/audit.h>
#include <string.h>

#include "policy/reference.h"
#include "table/table.h"

/* Where a word of syscalls: stands, here or in the profile that this one extends. Each is drawn for one list only. */
enum home { FREE, ALLOWED, DENIED, BROKERED, GONE, HOMES };

enum { WHERE_MAX = 64, VALUES_MAX = 512 };

/* {syscall, arg, mask} of a row that was drawn, and one of its values. */
struct where_value {
	const char *syscall;
	unsigned arg;
	uint64_t mask, value;
};

struct drawer {
	struct arena *a;
	uint64_t *seed;
	const char *extends; /* NULL: nothing */
	struct profile base; /* empty where nothing is extended */
	size_t ngroups, nwords;
	const char **word; /* groups, then calls */
	uint8_t *here, *below;
	size_t nwhere;
	struct where_value where[WHERE_MAX];
	bool patterns;           /* of filesystem.deny, and ask.read and ask.write, may be drawn */
	bool executes, connects; /* so may ask.execute and ask.connect */
	struct buf out, gone;    /* the profile, and its `remove:` */
};

/* Calls that a launch makes under the filter, or that init needs. */
static const char *const launch[] = { "execve", "exit_group", "sendmsg", "clone", "wait4" };

/* And beside ask.execute. */
static const char *const starter[] = { "execveat", "fcntl" };

uint32_t draw32(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 32);
}

uint32_t draw_below(uint64_t *seed, uint32_t n)
{
	return draw32(seed) % n;
}

static uint32_t below(struct drawer *d, size_t n)
{
	return draw_below(d->seed, (uint32_t)n);
}

static bool one_in(struct drawer *d, uint32_t n)
{
	return below(d, n) == 0;
}

static bool is_one_of(const char *const *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

static bool has_word(const struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->at[i].text, word) == 0)
			return true;
	return false;
}

/* ---- the lists of syscalls ---- */

static const char *const list_names[HOMES] = {
	[ALLOWED] = "allow", [DENIED] = "deny", [BROKERED] = "broker"
};

static const struct words *base_list(const struct drawer *d, enum home home)
{
	return home == ALLOWED  ? &d->base.syscalls.allow
	       : home == DENIED ? &d->base.syscalls.deny
				: &d->base.syscalls.broker;
}

static void find_words(struct drawer *d)
{
	while (syscall_groups[d->ngroups].name != NULL)
		d->ngroups++;
	d->nwords = d->ngroups + syscalls_count;
	d->word = arena_array(d->a, d->nwords, sizeof *d->word);
	d->here = arena_array(d->a, d->nwords, sizeof *d->here);
	d->below = arena_array(d->a, d->nwords, sizeof *d->below);
	for (size_t i = 0; i < d->nwords; i++) {
		d->word[i] = i < d->ngroups ? syscall_groups[i].name
					    : syscalls[i - d->ngroups].name;
		for (enum home h = ALLOWED; h <= BROKERED; h++)
			if (has_word(base_list(d, h), d->word[i]))
				d->below[i] = (uint8_t)h;
	}
}

static bool is_free(const struct drawer *d, size_t i)
{
	return d->here[i] == FREE && d->below[i] == FREE;
}

static bool group_holds(const char *group, const char *call)
{
	for (const char *const *m = syscall_group_find(group)->members; *m != NULL; m++)
		if (strcmp(*m, call) == 0 || (**m == '@' && group_holds(*m, call)))
			return true;
	return false;
}

static bool in_group_of(const struct drawer *d, enum home home, const char *call)
{
	for (size_t i = 0; i < d->ngroups; i++)
		if ((d->here[i] == home || d->below[i] == home) && group_holds(d->word[i], call))
			return true;
	return false;
}

static bool is_needed(const struct drawer *d, const char *call)
{
	return is_one_of(launch, COUNT(launch), call) ||
	       (d->executes && is_one_of(starter, COUNT(starter), call));
}

static bool launch_needs(const struct drawer *d, const char *word)
{
	bool needs = is_needed(d, word);

	for (size_t i = 0; *word == '@' && i < COUNT(launch); i++)
		needs |= group_holds(word, launch[i]);
	for (size_t i = 0; *word == '@' && d->executes && i < COUNT(starter); i++)
		needs |= group_holds(word, starter[i]);
	return needs;
}

static void draw_removed(struct drawer *d)
{
	for (size_t i = 0; i < d->nwords; i++)
		if (d->below[i] != FREE && !launch_needs(d, d->word[i]) && one_in(d, 8))
			d->here[i] = GONE;
}

/* Patterns, addresses and ways around the broker do not go together. */
static bool goes_around(const struct drawer *d, const char *word)
{
	static const char *const ways[] = { "io_uring_setup", "open_by_handle_at" };

	for (size_t i = 0; (d->patterns || d->connects) && i < sizeof ways / sizeof *ways; i++)
		if (strcmp(word, ways[i]) == 0 || (*word == '@' && group_holds(word, ways[i])))
			return true;
	return false;
}

static void draw_groups(struct drawer *d)
{
	for (size_t i = 0; i < d->ngroups; i++) {
		if (!is_free(d, i))
			continue;
		if (one_in(d, 3) && !goes_around(d, d->word[i]))
			d->here[i] = ALLOWED;
		else if (one_in(d, 5) && !launch_needs(d, d->word[i]))
			d->here[i] = DENIED;
	}
}

static void draw_name(struct drawer *d, enum home home, const char *name)
{
	size_t i = 0;

	while (strcmp(d->word[i], name) != 0)
		i++;
	if (!is_free(d, i) || (home == DENIED && launch_needs(d, name)) || goes_around(d, name) ||
	    (home == BROKERED && (!in_group_of(d, ALLOWED, name) || in_group_of(d, DENIED, name))))
		return;
	d->here[i] = (uint8_t)home;
}

static void draw_names(struct drawer *d)
{
	static const char *const judged[] = { "open",  "openat",  "openat2", "creat",
					      "ioctl", "prctl",   "socket",  "socketpair",
					      "clone", "unshare", "execve",  "execveat" };
	static const struct {
		enum home home;
		unsigned most;
	} kinds[] = { { ALLOWED, 20 }, { DENIED, 8 }, { BROKERED, 4 } };

	for (size_t i = 0, n = one_in(d, 3) ? 0 : COUNT(judged); i < n; i++)
		if (!one_in(d, 3))
			draw_name(d, one_in(d, 3) ? ALLOWED : BROKERED, judged[i]);
	for (size_t k = 0; k < COUNT(kinds); k++)
		for (unsigned i = 0, n = below(d, kinds[k].most); i < n; i++)
			draw_name(d, kinds[k].home, syscalls[below(d, syscalls_count)].name);
}

/* What the launch needs is allowed by a group, if need be by its name. */
static void allow_launch(struct drawer *d)
{
	for (size_t i = d->ngroups; i < d->nwords; i++) {
		const char *name = d->word[i];

		if (!is_needed(d, name) || d->below[i] != FREE)
			continue;
		if (!in_group_of(d, ALLOWED, name) || (d->here[i] == FREE && one_in(d, 2)))
			d->here[i] = ALLOWED;
	}
}

/* One list of syscalls: with the words whose place here is `here` and, of what is extended, `below`. */
static void put_list(struct drawer *d, struct buf *to, enum home home, enum home here,
		     enum home under)
{
	const char *before = "";

	buf_printf(to, "%s: [", list_names[home]);
	for (size_t i = 0; i < d->nwords; i++) {
		if (d->here[i] != here || d->below[i] != under)
			continue;
		buf_printf(to, "%s\"%s\"", before, d->word[i]);
		before = ", ";
	}
	buf_puts(to, "]");
}

/* ---- where ---- */

static bool where_is_new(const struct drawer *d, const struct where_value *w)
{
	for (size_t i = 0; i < d->nwhere; i++)
		if (strcmp(d->where[i].syscall, w->syscall) == 0 && d->where[i].arg == w->arg &&
		    d->where[i].mask == w->mask && d->where[i].value == w->value)
			return false;
	return d->nwhere < WHERE_MAX;
}

static uint64_t random_mask(struct drawer *d)
{
	static const uint64_t masks[] = { UINT64_MAX, UINT32_MAX, UINT64_C(0xffffffff00000000),
					  0xff,       0xf0,       1 };
	uint64_t any = (uint64_t)draw32(d->seed) << 32 | draw32(d->seed);

	return one_in(d, 2) ? masks[below(d, COUNT(masks))] : any | 1;
}

static void put_where_row(struct drawer *d, struct where_value w)
{
	static const uint64_t small = 7;
	const char *before = d->nwhere == 0 ? "" : ", ";
	/* An open that is let past the broker is refused beside patterns. Of rarer calls some are drawn nevertheless. */
	static const char *const sends[] = { "socket", "setsockopt", "connect",
					     "sendto", "sendmsg",    "sendmmsg" };
	bool kept = (d->patterns && strncmp(w.syscall, "open", 4) == 0) ||
		    (d->executes && strncmp(w.syscall, "execve", 6) == 0) ||
		    (d->connects && is_one_of(sends, COUNT(sends), w.syscall));
	const char *then = !kept && one_in(d, 2) ? "allow" : "deny";
	bool opened = false;

	for (unsigned n = 1 + below(d, 4); n > 0; n--) {
		w.value = (uint64_t)draw32(d->seed) << 32 | draw32(d->seed);
		w.value &= one_in(d, 2) ? w.mask & small : w.mask;
		if (!where_is_new(d, &w))
			continue;
		d->where[d->nwhere++] = w;
		if (!opened)
			buf_printf(&d->out, "%s{syscall: %s, arg: %u, mask: 0x%llx, in: [", before,
				   w.syscall, w.arg, (unsigned long long)w.mask);
		buf_printf(&d->out, "%s0x%llx", opened ? ", " : "", (unsigned long long)w.value);
		opened = true;
	}
	if (opened)
		buf_printf(&d->out, "], then: %s}", then);
}

/* Rows of one call, mostly on one argument, by several masks. The base's rows of a call are left as they are. */
static void put_where_call(struct drawer *d, const char *name)
{
	unsigned arg = below(d, 6);

	if (strcmp(name, "execve") == 0 || strcmp(name, "exit_group") == 0 ||
	    strcmp(name, "sendmsg") == 0 || strcmp(name, "wait4") == 0 || goes_around(d, name))
		return;
	for (size_t i = 0; i < d->base.syscalls.where.n; i++)
		if (strcmp(d->base.syscalls.where.at[i].syscall, name) == 0)
			return;
	for (unsigned n = 1 + below(d, 3); n > 0; n--)
		put_where_row(d, (struct where_value){ .syscall = name,
						       .arg = one_in(d, 4) ? below(d, 6) : arg,
						       .mask = random_mask(d) });
}

static void put_where(struct drawer *d)
{
	static const char *const likely[] = { "personality", "ioctl",  "prctl",   "socket",
					      "clone",       "openat", "unshare", "fcntl" };

	buf_puts(&d->out, "  where: [");
	for (unsigned i = 0, n = below(d, 5); i < n; i++)
		put_where_call(d, one_in(d, 2) ? likely[below(d, COUNT(likely))]
					       : syscalls[below(d, syscalls_count)].name);
	buf_puts(&d->out, "]\n");
}

/* A machine of another architecture has none of the last two. */
static void put_architectures(struct drawer *d, enum host_arch arch)
{
	static const char *const others[] = { "", ", i386", ", x32", ", i386, x32" };
	const char *own = one_in(d, 2) ? "native" : arch == HOST_X86_64 ? "x86_64" : "aarch64";
	const char *also = others[below(d, COUNT(others))];

	if (d->extends == NULL && one_in(d, 2))
		buf_printf(&d->out, "  architectures: [%s%s]\n", own, also);
}

static void put_syscalls(struct drawer *d, enum host_arch arch)
{
	find_words(d);
	draw_removed(d);
	draw_groups(d);
	draw_names(d);
	allow_launch(d);
	buf_puts(&d->out, "syscalls:\n");
	buf_puts(&d->gone, "  syscalls:\n");
	/* Groups alone: whatever of them cannot be cut off is passed over. */
	if (one_in(d, 4))
		buf_printf(&d->out, "  tripwire: [\"%s\"]\n", d->word[below(d, d->ngroups)]);
	for (enum home h = ALLOWED; h <= BROKERED; h++) {
		buf_puts(&d->out, "  ");
		put_list(d, &d->out, h, h, FREE);
		buf_puts(&d->out, "\n");
		buf_puts(&d->gone, "    ");
		put_list(d, &d->gone, h, GONE, h);
		buf_puts(&d->gone, "\n");
	}
	put_where(d);
	put_architectures(d, arch);
}

/* ---- the other sections ---- */

struct used {
	size_t n;
	uint64_t at[VALUES_MAX];
};

static bool is_new(struct used *u, uint64_t value)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->at[i] == value)
			return false;
	if (u->n == VALUES_MAX)
		return false;
	u->at[u->n++] = value;
	return true;
}

/* Names and numbers, each value once: two names of a table may have one. */
static void put_values(struct drawer *d, const char *key, const struct name *names,
		       const struct words *base, const struct numbers *values)
{
	struct used used = { 0 };
	const char *before = "";
	size_t n = 0;

	while (names[n].name[0] != '\0')
		n++;
	for (size_t i = 0; i < values->n; i++)
		(void)is_new(&used, values->at[i]);
	buf_printf(&d->out, "%s: {allow: [", key);
	for (unsigned i = 0, m = below(d, 30); i < m; i++) {
		const struct name *known = &names[below(d, n)];
		uint32_t number = one_in(d, 2) ? below(d, 64) : draw32(d->seed);
		bool by_number = one_in(d, 4);

		if (!is_new(&used, by_number ? number : (uint32_t)known->value))
			continue;
		if (by_number)
			buf_printf(&d->out, "%s0x%x", before, number);
		else
			buf_printf(&d->out, "%s%s", before, known->name);
		before = ", ";
	}
	buf_puts(&d->out, "]}\n");
	buf_printf(&d->gone, "  %s: {allow: [", key);
	before = "";
	for (size_t i = 0; i < base->n; i++)
		if (one_in(d, 8)) {
			buf_printf(&d->gone, "%s%s", before, base->at[i].text);
			before = ", ";
		}
	buf_puts(&d->gone, "]}\n");
}

/* Beside ask.connect: those whose every way to an address is a call that names it. */
static bool names_addresses(const struct drawer *d, const char *family)
{
	return !d->connects || strcmp(family, "unix") == 0 || strcmp(family, "netlink") == 0;
}

/* A row's types and protocols; without types, every one. */
static void put_socket(struct drawer *d, const char *family, unsigned types)
{
	const char *before = "";
	uint32_t protocol = below(d, 3);

	buf_printf(&d->out, "{family: %s", family);
	if (types != 0) {
		buf_puts(&d->out, ", types: [");
		for (const struct name *t = socket_types; t->name[0] != '\0'; t++)
			if (types & 1u << t->value) {
				buf_printf(&d->out, "%s%s", before, t->name);
				before = ", ";
			}
		buf_puts(&d->out, "]");
	}
	if (one_in(d, 2)) {
		buf_printf(&d->out, ", protocols: [%u", protocol);
		for (unsigned n = below(d, 3); n > 0; n--)
			buf_printf(&d->out, ", %u", protocol += 1 + below(d, 20));
		buf_puts(&d->out, "]");
	}
	buf_puts(&d->out, "}");
}

static void put_sockets(struct drawer *d)
{
	const struct socket_rules *base = &d->base.sockets_allow;
	struct used used = { 0 };
	const char *before = "";

	for (size_t i = 0; i < base->n; i++)
		(void)is_new(&used, (uint64_t)base->at[i].family);
	buf_puts(&d->out, "sockets: {allow: [");
	for (const struct name *f = socket_families; f->name[0] != '\0'; f++) {
		unsigned types = 0;

		if (!names_addresses(d, f->name) || !one_in(d, 12) ||
		    !is_new(&used, (uint64_t)f->value))
			continue;
		for (const struct name *t = socket_types; t->name[0] != '\0'; t++)
			if (one_in(d, 3))
				types |= 1u << t->value;
		buf_puts(&d->out, before);
		put_socket(d, f->name, types);
		before = ", ";
		if (types == 0 || one_in(d, 2))
			continue;
		/* Another row of the family, which shares a type with the first. */
		buf_puts(&d->out, before);
		put_socket(d, f->name,
			   one_in(d, 2) ? 0 : types ^ 1u << (one_in(d, 2) ? 1 : 2) ^ 1u << 3);
	}
	buf_puts(&d->out, "]}\n");
	buf_puts(&d->gone, "  sockets: {allow: [");
	if (base->n > 0 && one_in(d, 2))
		buf_printf(&d->gone, "{family: %s}",
			   name_of(socket_families, base->at[below(d, base->n)].family)->name);
	buf_puts(&d->gone, "]}\n");
}

static void put_some(struct drawer *d, const char *key, const char *const *pool, size_t n,
		     uint32_t odds)
{
	const char *before = "";

	buf_printf(&d->out, "%s: [", key);
	for (size_t i = 0; i < n; i++)
		if (one_in(d, odds)) {
			buf_printf(&d->out, "%s\"%s\"", before, pool[i]);
			before = ", ";
		}
	buf_puts(&d->out, "]");
}

static void put_devices(struct drawer *d)
{
	static const char *const devices[] = { "/dev/a", "/dev/b/*", "/dev/c?" };

	put_some(d, "devices", devices, COUNT(devices), 2);
	buf_puts(&d->out, "\n");
}

/* None of these stands in a built-in profile. */
static void put_filesystem(struct drawer *d)
{
	static const char *const read[] = { "/opt/a", "/opt/b" };
	static const char *const write[] = { "/srv/a", "/srv/b", "/opt/c" };
	static const char *const execute[] = { "/srv/c", "/opt/d" };
	static const char *const hide[] = { "/etc/a", "/usr/share/b", "/opt/e" };
	static const char *const deny_read[] = { "**/.env", "**/id_*", "/usr/share/c/*" };
	static const char *const deny_write[] = { "**/.git/hooks/**", "/srv/a/?/x" };

	buf_puts(&d->out, "filesystem: {");
	put_some(d, "read", read, COUNT(read), 2);
	buf_puts(&d->out, ", ");
	put_some(d, "write", write, COUNT(write), 2);
	buf_puts(&d->out, ", ");
	put_some(d, "execute", execute, COUNT(execute), 2);
	buf_puts(&d->out, ", ");
	put_some(d, "hide", hide, COUNT(hide), 2);
	buf_puts(&d->out, ", deny: {");
	put_some(d, "read", deny_read, d->patterns ? COUNT(deny_read) : 0, 8);
	buf_puts(&d->out, ", ");
	put_some(d, "write", deny_write, d->patterns ? COUNT(deny_write) : 0, 4);
	buf_puts(&d->out, "}}\n");
}

static void put_addresses(struct drawer *d, const char *const *pool, size_t n)
{
	static const char *const ports[] = { "", ", ports: [443]", ", ports: [53, 80, 65535]" };
	const char *before = "";

	buf_puts(&d->out, "connect: [");
	for (size_t i = 0; i < n; i++)
		if (one_in(d, 2)) {
			buf_printf(&d->out, "%s{cidr: \"%s\"%s}", before, pool[i],
				   ports[below(d, COUNT(ports))]);
			before = ", ";
		}
	buf_puts(&d->out, "]");
}

/* What is asked about stands in no other list, and in no built-in profile. */
static void put_ask(struct drawer *d)
{
	static const char *const files[] = { "**/*.key", "/srv/d/**", "/usr/share/d/?" };
	static const char *const programs[] = { "/usr/bin/x*", "/opt/d/**" };
	static const char *const always[] = { "/srv/d/e", "/opt/d/f" };
	static const char *const hosts[] = { "10.0.0.0/8", "::/0", "127.0.0.1", "2001:db8::/32" };
	static const char *const always_hosts[] = { "10.1.2.3", "fd00::/8" };

	buf_puts(&d->out, "ask: {");
	put_some(d, "read", files, d->patterns ? COUNT(files) : 0, 6);
	buf_puts(&d->out, ", ");
	put_some(d, "write", files, d->patterns ? COUNT(files) : 0, 6);
	buf_puts(&d->out, ", ");
	put_some(d, "execute", programs, d->executes ? COUNT(programs) : 0, 2);
	buf_puts(&d->out, ", ");
	put_addresses(d, hosts, d->connects ? COUNT(hosts) : 0);
	buf_puts(&d->out, ", always: {");
	put_some(d, "read", always, COUNT(always), 4);
	buf_puts(&d->out, ", ");
	put_some(d, "execute", always, COUNT(always), 4);
	buf_puts(&d->out, ", ");
	put_addresses(d, always_hosts, d->connects ? COUNT(always_hosts) : 0);
	buf_puts(&d->out, "}}\n");
}

static void choose_base(struct drawer *d)
{
	size_t n = 0;
	struct err e;

	while (builtin_profiles[n].name != NULL)
		n++;
	if (n == 0 || !one_in(d, 4))
		return;

	const struct builtin_profile *b = &builtin_profiles[below(d, n)];

	if (profile_load_builtin(d->a, b, &d->base, &e) == 0)
		d->extends = b->name;
}

const char *random_profile(struct arena *a, uint64_t *seed, enum host_arch arch)
{
	static const char *const audits[] = { "none", "denials", "decisions", "all" };
	struct drawer d = { .a = a, .seed = seed, .out = { .arena = a }, .gone = { .arena = a } };

	d.patterns = one_in(&d, 2);
	d.executes = one_in(&d, 3);
	d.connects = one_in(&d, 3);
	choose_base(&d);
	buf_puts(&d.out, "zviz: 1\nname: random\n");
	put_syscalls(&d, arch);
	put_values(&d, "ioctl", ioctl_names, &d.base.ioctl_allow, &d.base.ioctl_values);
	put_values(&d, "prctl", prctl_names, &d.base.prctl_allow, &d.base.prctl_values);
	put_sockets(&d);
	put_devices(&d);
	put_filesystem(&d);
	put_ask(&d);
	buf_printf(&d.out, "audit: %s\n", audits[below(&d, COUNT(audits))]);
	if (d.extends != NULL)
		buf_printf(&d.out, "extends: %s\nremove:\n%s", d.extends, buf_text(&d.gone));
	return buf_text(&d.out);
}

/* ---- plans ---- */

const struct meaning_request listeners[LISTENERS] = { { false, false },
						      { .events = true },
						      { .verbose = true } };

int load_builtin(struct arena *a, const struct builtin_profile *b, bool all_abis,
		 struct profile *out, struct err *e)
{
	const char *text = arena_printf(
		a, "zviz: 1\nextends: %s\nsyscalls: {architectures: [x86_64, i386, x32]}\n",
		b->name);

	return all_abis ? profile_load(a, "own", text, strlen(text), NULL, NULL, out, e)
			: profile_load_builtin(a, b, out, e);
}

int plan_under(struct arena *a, struct planned *p, enum host_arch arch,
	       const struct meaning_request *r, struct err *e)
{
	static const struct direct_view view = { .work = "/srv/project",
						 .user = "user",
						 .home = "/home/user" };
	static const char *args[] = { "true" };

	p->request = (struct plan_request){
		.id = "x", .verbose = r->verbose, .events = r->events, .direct = &view
	};
	reference_host(arch, &p->host);
	p->spec = (struct spec){ .file = "test", .hostname = "x" };
	p->spec.process.set = true;
	p->spec.process.cwd = "/";
	p->spec.process.args = (struct strings){ 1, 1, args };
	meaning_make(a, &p->profile, r,
		     arch == HOST_AARCH64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64, &p->meaning);
	return plan_make(a, &p->request, &p->spec, &p->profile, &p->host, &p->plan, e);
}
