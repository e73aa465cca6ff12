/*
 * The schema's section requirements:.
 */
#include <stddef.h>

#include "policy/profile_fields.h"
#include "policy/profile_words.h"

enum { LANDLOCK_ABI_MAX = 64 }; /* far beyond any kernel: a slip, not a wish */
#define IN(member) offsetof(struct profile, member)

static bool is_word(const struct node *n)
{
	return bind_is_text(n) && (n->text[0] < '0' || n->text[0] > '9');
}

/* landlock: the lowest ABI that will do, or `required` (any), or `preferred` (any or none). */
static int read_landlock(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct profile *p = at;
	int64_t need = NEED_REQUIRED;
	uint64_t abi = 0;

	if (is_word(n)) {
		TRY(bind_name(b, n, "need", profile_needs, &need, e));
		abi = need == NEED_REQUIRED;
	} else {
		TRY(bind_number(b, n, 1, LANDLOCK_ABI_MAX, &abi, e));
	}
	p->requirements.landlock = (unsigned)abi;
	p->requirements.landlock_need = (enum need)need;
	return 0;
}

static const struct field cgroup_fields[] = {
	{ "controllers", AS_WORDS, IN(requirements.cgroup), .required = true,
	  .check = profile_check_controller,
	  .about = ABOUT(.words = &profile_controller_words, .told = "The controllers.") },
	{ "need", AS_ENUM, IN(requirements.cgroup_need), .names = profile_needs, .required = true,
	  .about = ABOUT(.told = "Whether they have to be there.") },
	{ 0 }
};

static int read_controllers(const struct bind *b, const struct node *n, struct profile *p,
			    struct err *e)
{
	for (const struct node *x = n->first; x != NULL; x = x->next) {
		TRY(profile_check_controller(b, x, e));
		*LIST_ADD(b->doc->arena,
			  &p->requirements.cgroup) = (struct word){ x->text, doc_place(b->doc, x) };
	}
	p->requirements.cgroup_need = NEED_REQUIRED;
	return 0;
}

/* cgroup: a list of controllers that must be there, or a need, or both in a map. */
static int read_cgroup(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct profile *p = at;
	int64_t need;

	if (n->kind == NODE_MAP)
		return bind_map(b, n, cgroup_fields, p, e);
	if (n->kind == NODE_LIST)
		return read_controllers(b, n, p, e);
	TRY(bind_name(b, n, "need", profile_needs, &need, e));
	p->requirements.cgroup_need = (enum need)need;
	return 0;
}

static const struct field landlock_forms[] = { { "", AS_U32, .min = 1, .max = LANDLOCK_ABI_MAX },
					       { "", AS_ENUM, .names = profile_needs },
					       { 0 } };
static const struct field cgroup_forms[] = { { "", AS_WORDS,
					       .about = ABOUT(.words = &profile_controller_words) },
					     { "", AS_ENUM, .names = profile_needs },
					     { "", AS_STRUCT, .fields = cgroup_fields },
					     { 0 } };

const struct field profile_requirements_fields[] = {
	{ "landlock", AS_CALL, .call = read_landlock,
	  .about =
		  ABOUT(.forms = landlock_forms,
			.told = "The lowest ABI that will do; required is any, preferred any or none.") },
	{ "landlock", AS_FROM, IN(requirements.landlock_from) },
	{ "seccomp_notify", AS_ENUM, IN(requirements.seccomp_notify), .names = profile_needs,
	  .about =
		  ABOUT(.told = "The broker. Without one that is preferred, refusals are not reported and patterns of "
				"filesystem.deny not enforced.") },
	{ "user_namespace", AS_ENUM, IN(requirements.user_namespace), .names = profile_needs,
	  .about =
		  ABOUT(.told = "Namespaces. Where none can be made and that is preferred, the direct form runs with the layers that need none: Landlock, seccomp, broker.") },
	{ "network_policy", AS_ENUM, IN(requirements.network_policy), .names = profile_needs,
	  .about = ABOUT(.told = "The rules of network.egress and network.ingress.") },
	{ "cgroup", AS_CALL, .call = read_cgroup,
	  .about =
		  ABOUT(.forms = cgroup_forms,
			.told = "Controllers that have to be there, or required (whichever a limit needs) or preferred, or "
				"a map of both.") },
	{ "cgroup", AS_FROM, IN(requirements.cgroup_from) },
	{ 0 }
};
