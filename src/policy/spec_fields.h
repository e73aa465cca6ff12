/*
 * The table of config.json's keys, and the checks of what the OCI runtime specification demands of values.
 */
#ifndef POLICY_SPEC_FIELDS_H
#define POLICY_SPEC_FIELDS_H

#include "policy/spec.h"
#include "text/bind.h"

extern const struct field spec_fields[];
extern const struct field spec_hook_fields[];    /* of one hook; they bind to a struct spec_hook */
extern const struct field spec_process_fields[]; /* of process, likewise */
extern const struct field spec_seccomp_fields[]; /* of linux.seccomp; they bind to a struct spec */
extern const struct field spec_resources_fields[]; /* of linux.resources, likewise */
extern const struct name spec_seccomp_actions[], spec_seccomp_operators[], spec_seccomp_arches[];
extern const struct name spec_seccomp_flags[]; /* "SECCOMP_FILTER_FLAG_LOG" */

/* Of one value. */
int spec_check_version(const struct bind *b, const struct node *n, struct err *e);
int spec_check_hostname(const struct bind *b, const struct node *n, struct err *e);
int spec_check_env(const struct bind *b, const struct node *n, struct err *e);
int spec_check_label(const struct bind *b, const struct node *n, struct err *e);
int spec_check_capability(const struct bind *b, const struct node *n, struct err *e);
int spec_check_rlimit(const struct bind *b, const struct node *n, struct err *e);
int spec_check_namespace(const struct bind *b, const struct node *n, struct err *e);
int spec_check_device_type(const struct bind *b, const struct node *n, struct err *e);
int spec_check_propagation(const struct bind *b, const struct node *n, struct err *e);
int spec_check_personality(const struct bind *b, const struct node *n, struct err *e);
int spec_check_scheduler_flag(const struct bind *b, const struct node *n, struct err *e);
int spec_check_cpu_list(const struct bind *b, const struct node *n, struct err *e);
int spec_check_sysctl(const struct bind *b, const struct node *n, struct err *e);
int spec_check_cgroups_path(const struct bind *b, const struct node *n, struct err *e);
int spec_check_seccomp_arch(const struct bind *b, const struct node *n, struct err *e);
int spec_check_seccomp_flag(const struct bind *b, const struct node *n, struct err *e);

/* Of one bound map; `at` is its struct. */
int spec_check_process(const struct bind *b, const struct node *n, void *at, struct err *e);
int spec_check_id_map(const struct bind *b, const struct node *n, void *at, struct err *e);
int spec_check_one_rlimit(const struct bind *b, const struct node *n, void *at, struct err *e);
int spec_check_device(const struct bind *b, const struct node *n, void *at, struct err *e);
int spec_check_seccomp_rule(const struct bind *b, const struct node *n, void *at, struct err *e);
int spec_check_seccomp(const struct bind *b, const struct node *n, void *at, struct err *e);
int spec_check_clocks(const struct bind *b, const struct node *n, void *at, struct err *e);
int spec_check_linux(const struct bind *b, const struct node *n, void *at, struct err *e);

#endif
