/*
 * What a start finds ready made is what reading the text would give: compared field by field, by code
 * that knows nothing of images.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/profile_image.h"

#include <cmocka.h> /* last: it has a macro called fail */

static void same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void same_from(const struct from *a, const struct from *b)
{
	same_text(a->file, b->file);
	same_text(a->path, b->path);
	assert_int_equal(a->line, b->line);
	assert_int_equal(a->column, b->column);
}

static void same_words(const struct words *a, const struct words *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_string_equal(a->at[i].text, b->at[i].text);
		same_from(&a->at[i].from, &b->at[i].from);
	}
}

static void same_numbers(size_t n, const uint64_t *a, size_t m, const uint64_t *b)
{
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++)
		assert_true(a[i] == b[i]);
}

static void same_mentions(const struct call_mentions *a, const struct call_mentions *b)
{
	assert_true(a->n > 300);
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct call_mention *x = &a->at[i], *y = &b->at[i];

		assert_int_equal(x->allow, y->allow);
		assert_int_equal(x->deny, y->deny);
		assert_int_equal(x->allow_by_name, y->allow_by_name);
		assert_int_equal(x->deny_by_name, y->deny_by_name);
		assert_int_equal(x->broker, y->broker);
		assert_int_equal(x->where, y->where);
		assert_int_equal(x->tripwire, y->tripwire);
	}
}

static void same_amount(const struct amount *a, const struct amount *b)
{
	assert_int_equal(a->set, b->set);
	assert_true(a->value == b->value);
	same_from(&a->from, &b->from);
}

static void same_where(const struct where_rules *a, const struct where_rules *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct where_rule *x = &a->at[i], *y = &b->at[i];

		assert_string_equal(x->syscall, y->syscall);
		assert_int_equal(x->arg, y->arg);
		assert_true(x->mask == y->mask);
		same_numbers(x->n, x->in, y->n, y->in);
		assert_int_equal(x->then, y->then);
		same_from(&x->from, &y->from);
	}
}

static void same_sockets(const struct socket_rules *a, const struct socket_rules *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct socket_rule *x = &a->at[i], *y = &b->at[i];

		assert_int_equal(x->family, y->family);
		assert_int_equal(x->types, y->types);
		same_numbers(x->n, x->protocols, y->n, y->protocols);
		same_from(&x->from, &y->from);
	}
}

static void same_network(const struct profile *a, const struct profile *b)
{
	assert_int_equal(a->network.mode, b->network.mode);
	same_from(&a->network.mode_from, &b->network.mode_from);
	assert_int_equal(a->network.egress.n, b->network.egress.n);
	for (size_t i = 0; i < a->network.egress.n; i++) {
		const struct egress_rule *x = &a->network.egress.at[i],
					 *y = &b->network.egress.at[i];

		same_text(x->cidr, y->cidr);
		same_text(x->domain, y->domain);
		same_numbers(x->n, x->ports, y->n, y->ports);
		assert_int_equal(x->limit, y->limit);
		assert_int_equal(x->connections, y->connections);
		assert_int_equal(x->allow_private, y->allow_private);
		same_from(&x->from, &y->from);
	}
	assert_int_equal(a->network.ingress.n, b->network.ingress.n);
	for (size_t i = 0; i < a->network.ingress.n; i++) {
		assert_int_equal(a->network.ingress.at[i].port, b->network.ingress.at[i].port);
		same_from(&a->network.ingress.at[i].from, &b->network.ingress.at[i].from);
	}
}

static void same_resources(const struct profile *a, const struct profile *b)
{
	same_amount(&a->resources.memory, &b->resources.memory);
	same_amount(&a->resources.swap, &b->resources.swap);
	same_amount(&a->resources.cpus, &b->resources.cpus);
	same_amount(&a->resources.pids, &b->resources.pids);
	same_amount(&a->resources.nofile, &b->resources.nofile);
	same_amount(&a->resources.tmpfs, &b->resources.tmpfs);
	assert_int_equal(a->builtin, b->builtin);
	assert_int_equal(a->resources.view, b->resources.view);
	assert_int_equal(a->resources.view_from.line, b->resources.view_from.line);
	assert_int_equal(a->resources.io.n, b->resources.io.n);
	for (size_t i = 0; i < a->resources.io.n; i++) {
		const struct io_rule *x = &a->resources.io.at[i], *y = &b->resources.io.at[i];

		assert_string_equal(x->path, y->path);
		assert_true(x->rbps == y->rbps && x->wbps == y->wbps);
		assert_true(x->riops == y->riops && x->wiops == y->wiops);
		same_from(&x->from, &y->from);
	}
}

static void same_requirements(const struct profile *a, const struct profile *b)
{
	assert_int_equal(a->requirements.landlock, b->requirements.landlock);
	assert_int_equal(a->requirements.landlock_need, b->requirements.landlock_need);
	assert_int_equal(a->requirements.seccomp_notify, b->requirements.seccomp_notify);
	assert_int_equal(a->requirements.user_namespace, b->requirements.user_namespace);
	same_words(&a->requirements.cgroup, &b->requirements.cgroup);
	assert_int_equal(a->requirements.cgroup_need, b->requirements.cgroup_need);
	assert_int_equal(a->requirements.network_policy, b->requirements.network_policy);
	same_from(&a->requirements.landlock_from, &b->requirements.landlock_from);
	same_from(&a->requirements.cgroup_from, &b->requirements.cgroup_from);
}

static void same_addresses(const struct address_rules *a, const struct address_rules *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct address_rule *x = &a->at[i], *y = &b->at[i];

		same_text(x->cidr, y->cidr);
		same_numbers(x->n, x->ports, y->n, y->ports);
		assert_memory_equal(x->base, y->base, sizeof x->base);
		assert_int_equal(x->bits, y->bits);
		same_text(x->text, y->text);
		same_from(&x->from, &y->from);
	}
}

static void same_profile(const struct profile *a, const struct profile *b)
{
	same_text(a->file, b->file);
	same_text(a->name, b->name);
	same_text(a->description, b->description);
	same_words(&a->sources, &b->sources);
	same_words(&a->namespaces, &b->namespaces);
	same_words(&a->keep_capabilities, &b->keep_capabilities);
	same_words(&a->syscalls.allow, &b->syscalls.allow);
	same_words(&a->syscalls.deny, &b->syscalls.deny);
	same_words(&a->syscalls.broker, &b->syscalls.broker);
	same_words(&a->syscalls.tripwire, &b->syscalls.tripwire);
	same_words(&a->syscalls.architectures, &b->syscalls.architectures);
	same_where(&a->syscalls.where, &b->syscalls.where);
	same_mentions(&a->syscalls.mentions, &b->syscalls.mentions);
	same_words(&a->ioctl_allow, &b->ioctl_allow);
	same_words(&a->prctl_allow, &b->prctl_allow);
	same_numbers(a->ioctl_values.n, a->ioctl_values.at, b->ioctl_values.n, b->ioctl_values.at);
	same_numbers(a->prctl_values.n, a->prctl_values.at, b->prctl_values.n, b->prctl_values.at);
	same_numbers(a->ioctl_common.n, a->ioctl_common.at, b->ioctl_common.n, b->ioctl_common.at);
	same_numbers(a->prctl_common.n, a->prctl_common.at, b->prctl_common.n, b->prctl_common.at);
	same_sockets(&a->sockets_allow, &b->sockets_allow);
	assert_int_equal(a->filesystem.root_readonly, b->filesystem.root_readonly);
	same_words(&a->filesystem.read, &b->filesystem.read);
	same_words(&a->filesystem.write, &b->filesystem.write);
	same_words(&a->filesystem.execute, &b->filesystem.execute);
	same_words(&a->devices, &b->devices);
	same_words(&a->filesystem.hide, &b->filesystem.hide);
	same_words(&a->filesystem.deny_read, &b->filesystem.deny_read);
	same_words(&a->filesystem.deny_write, &b->filesystem.deny_write);
	same_words(&a->ask.read, &b->ask.read);
	same_words(&a->ask.write, &b->ask.write);
	same_words(&a->ask.execute, &b->ask.execute);
	same_words(&a->ask.always.read, &b->ask.always.read);
	same_words(&a->ask.always.write, &b->ask.always.write);
	same_words(&a->ask.always.execute, &b->ask.always.execute);
	same_addresses(&a->ask.connect, &b->ask.connect);
	same_addresses(&a->ask.always.connect, &b->ask.always.connect);
	same_amount(&a->ask.timeout, &b->ask.timeout);
	same_network(a, b);
	same_resources(a, b);
	same_requirements(a, b);
	assert_int_equal(a->audit, b->audit);
	same_words(&a->warnings, &b->warnings);
}

static void load(struct arena *a, const char *file, const char *text, struct profile *p)
{
	struct err e = { 0 };

	if (profile_load(a, file, text, strlen(text), NULL, NULL, p, &e) < 0)
		fail_msg("%s", e.text);
}

static void pack(struct arena *a, const struct profile *p, struct profile_image *image)
{
	struct err e = { 0 };

	if (profile_pack(a, p, image, &e) < 0)
		fail_msg("%s", e.text);
}

static void builtins_are_ready(void **state)
{
	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++) {
		struct arena a = { 0 };
		struct builtin_profile plain;
		struct profile text, ready;
		struct err e = { 0 };

		assert_non_null(b->image);
		plain = *b;
		plain.image = NULL;
		assert_int_equal(profile_load_builtin(&a, &plain, &text, &e), 0);
		assert_int_equal(profile_load_builtin(&a, b, &ready, &e), 0);
		same_profile(&text, &ready);
		assert_true(ready.syscalls.allow.n != 0 &&
			    ready.syscalls.allow.at[0].from.line != 0);
		assert_string_equal(ready.file, b->name);
		arena_free(&a);
	}
}

/* Every key, so that no field is without a value. */
static const char every_key[] =
	"zviz: 1\n"
	"name: every-key\n"
	"description: \"\\\"quotes\\\", \\\\ and \\u00e4\"\n"
	"namespaces: [user, pid]\n"
	"capabilities: {keep: [CAP_CHOWN]}\n"
	"syscalls:\n"
	"  allow: [\"@basic-io\", getpid]\n"
	"  deny: [ptrace]\n"
	"  broker: [openat]\n"
	"  tripwire: [getpid, \"@sockets\"]\n"
	"  where: [{syscall: personality, arg: 3, mask: 0xf0, in: [0x10, 0x20], then: deny}]\n"
	"  architectures: [native]\n"
	"devices: [/dev/fuse, \"/dev/dri/*\"]\n"
	"ioctl: {allow: [TCGETS, 0x5413]}\n"
	"prctl: {allow: [PR_SET_NAME]}\n"
	"sockets: {allow: [{family: inet, types: [stream], protocols: [0, 6]}, {family: unix}]}\n"
	"filesystem:\n"
	"  root: writable\n"
	"  read: [/]\n"
	"  write: [/tmp]\n"
	"  execute: [/usr]\n"
	"  hide: [/etc/shadow]\n"
	"  deny: {read: [\"**/.env\"], write: [\"**/.git/**\"]}\n"
	"ask:\n"
	"  read: [\"**/a\"]\n"
	"  write: [\"/b/**\"]\n"
	"  execute: [/c]\n"
	"  connect: [{cidr: 10.0.0.0/8, ports: [443, 80]}, {cidr: \"fd00::/8\"}]\n"
	"  always: {read: [/d/a], write: [/b/c], execute: [/e], connect: [{cidr: 10.1.1.1}]}\n"
	"  timeout: 3s\n"
	"network:\n"
	"  mode: private\n"
	"  egress: {allow: [{cidr: 10.0.0.0/8, ports: [443, 80], limit: 10M},\n"
	"    {domain: \"*.example.org\", allow_private: true, connections: 3}]}\n"
	"  ingress: {allow: [{port: 8080}]}\n"
	"resources: {memory: 4G, swap: 0, cpus: 0.5, pids: 512, nofile: 1024, tmpfs: 1G,\n"
	"            view: true, io: [{path: /work, rbps: 1M, wbps: 2M, riops: 3, wiops: 4}]}\n"
	"requirements: {landlock: 3, seccomp_notify: preferred, user_namespace: preferred,\n"
	"               network_policy: preferred,\n"
	"               cgroup: {controllers: [memory, pids], need: preferred}}\n"
	"audit: decisions\n"
	"warn: [careful]\n";

static void an_image_keeps_every_field(void **state)
{
	struct arena a = { 0 };
	struct profile text, copy, empty = { 0 };
	struct profile_image image, again;

	(void)state;
	load(&a, "d/every-key.yaml", every_key, &text);
	text.requirements.landlock_need = NEED_PREFERRED; /* no text gives both an ABI and this */
	pack(&a, &text, &image);
	profile_unpack(&a, &image, &copy);
	same_profile(&text, &copy);
	pack(&a, &copy, &again);
	assert_int_equal(again.nwords, image.nwords);
	assert_int_equal(again.npointers, image.npointers);
	assert_memory_equal(again.words, image.words, image.nwords * sizeof *image.words);
	assert_memory_equal(again.pointers, image.pointers,
			    image.npointers * sizeof *image.pointers);
	pack(&a, &empty, &image);
	assert_int_equal(image.npointers, 0);
	arena_free(&a);
}

/* A field that the shapes forgot would be four bytes or more that no row of them covers. */
static void covered(const struct shape *s, size_t size, bool *seen)
{
	memset(seen, 0, size);
	for (; s->size != 0; s++) {
		assert_true(s->offset + s->size <= size);
		for (size_t i = s->offset; i < s->offset + s->size; i++) {
			assert_false(seen[i]);
			seen[i] = true;
		}
		if (s->kind == SHAPE_LIST) {
			bool row[256];

			assert_true(s->row_size <= sizeof row);
			covered(s->rows, s->row_size, row);
		}
	}
	for (size_t i = 0; i + 4 <= size; i += 4)
		if (!seen[i] && !seen[i + 1] && !seen[i + 2] && !seen[i + 3])
			assert_true(i % 8 == 4); /* padding up to the next 8 bytes */
}

static void shapes_are_whole(void **state)
{
	bool seen[sizeof(struct profile)];

	(void)state;
	covered(profile_shape, sizeof(struct profile), seen);
}

static void too_large(void **state)
{
	enum { WORDS = 20000 };
	struct arena a = { 0 };
	struct profile p = { .name = "large" };
	struct profile_image image;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < WORDS; i++)
		LIST_ADD(&a, &p.filesystem.hide)->text = "/etc/shadow";
	assert_int_equal(profile_pack(&a, &p, &image, &e), -E2BIG);
	arena_free(&a);
}

/* What a user's file extends is a copy: a change to it reaches nobody else. */
static void extends_takes_a_copy(void **state)
{
	struct arena a = { 0 };
	struct profile own, after;
	struct err e = { 0 };
	const struct builtin_profile *b = profile_builtin("ci-runner");

	(void)state;
	assert_non_null(b);
	load(&a, "own.yaml",
	     "zviz: 1\n"
	     "extends: ci-runner\n"
	     "remove: {filesystem: {write: [/work]}}\n"
	     "syscalls: {allow: [ptrace]}\n",
	     &own);
	assert_int_equal(profile_load_builtin(&a, b, &after, &e), 0);
	assert_string_equal(own.name, "own");
	assert_false(own.builtin);
	assert_true(after.builtin);
	assert_int_equal(own.syscalls.allow.n, after.syscalls.allow.n + 1);
	assert_string_equal(own.syscalls.allow.at[after.syscalls.allow.n].from.file, "own.yaml");
	assert_string_equal(own.syscalls.allow.at[0].from.file, "ci-runner");
	assert_int_equal(own.filesystem.write.n + 1, after.filesystem.write.n);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtins_are_ready),
		cmocka_unit_test(an_image_keeps_every_field),
		cmocka_unit_test(shapes_are_whole),
		cmocka_unit_test(too_large),
		cmocka_unit_test(extends_takes_a_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
