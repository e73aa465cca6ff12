#include <linux/prctl.h>

#include "table/table.h"

/* Words stand side by side. */
/* clang-format off */
#define N(word) { #word, word }

/* include/uapi/linux/prctl.h. By number: what came after Linux 6.1, whose headers older
 * distributions have. */
const struct name prctl_names[] = {
	N(PR_SET_PDEATHSIG), N(PR_GET_PDEATHSIG), N(PR_GET_DUMPABLE), N(PR_SET_DUMPABLE),
	N(PR_GET_UNALIGN), N(PR_SET_UNALIGN), N(PR_GET_KEEPCAPS), N(PR_SET_KEEPCAPS),
	N(PR_GET_FPEMU), N(PR_SET_FPEMU), N(PR_GET_FPEXC), N(PR_SET_FPEXC), N(PR_GET_TIMING),
	N(PR_SET_TIMING), N(PR_SET_NAME), N(PR_GET_NAME), N(PR_GET_ENDIAN), N(PR_SET_ENDIAN),
	N(PR_GET_SECCOMP), N(PR_SET_SECCOMP), N(PR_CAPBSET_READ), N(PR_CAPBSET_DROP),
	N(PR_GET_TSC), N(PR_SET_TSC), N(PR_GET_SECUREBITS), N(PR_SET_SECUREBITS),
	N(PR_SET_TIMERSLACK), N(PR_GET_TIMERSLACK), N(PR_TASK_PERF_EVENTS_DISABLE),
	N(PR_TASK_PERF_EVENTS_ENABLE), N(PR_MCE_KILL), N(PR_MCE_KILL_GET), N(PR_SET_MM),
	N(PR_SET_PTRACER), N(PR_SET_CHILD_SUBREAPER), N(PR_GET_CHILD_SUBREAPER),
	N(PR_SET_NO_NEW_PRIVS), N(PR_GET_NO_NEW_PRIVS), N(PR_GET_TID_ADDRESS),
	N(PR_SET_THP_DISABLE), N(PR_GET_THP_DISABLE), N(PR_MPX_ENABLE_MANAGEMENT),
	N(PR_MPX_DISABLE_MANAGEMENT), N(PR_SET_FP_MODE), N(PR_GET_FP_MODE), N(PR_CAP_AMBIENT),
	N(PR_SVE_SET_VL), N(PR_SVE_GET_VL), N(PR_GET_SPECULATION_CTRL), N(PR_SET_SPECULATION_CTRL),
	N(PR_PAC_RESET_KEYS), N(PR_SET_TAGGED_ADDR_CTRL), N(PR_GET_TAGGED_ADDR_CTRL),
	N(PR_SET_IO_FLUSHER), N(PR_GET_IO_FLUSHER), N(PR_SET_SYSCALL_USER_DISPATCH),
	N(PR_PAC_SET_ENABLED_KEYS), N(PR_PAC_GET_ENABLED_KEYS), N(PR_SCHED_CORE), N(PR_SME_SET_VL),
	N(PR_SME_GET_VL), N(PR_SET_VMA),
	{ "PR_SET_MDWE", 65 }, { "PR_GET_MDWE", 66 },                         /* 6.3 */
	{ "PR_SET_MEMORY_MERGE", 67 }, { "PR_GET_MEMORY_MERGE", 68 },         /* 6.4 */
	{ "PR_GET_AUXV", 0x41555856 },                                        /* 6.4 */
	{ "PR_RISCV_V_SET_CONTROL", 69 }, { "PR_RISCV_V_GET_CONTROL", 70 },   /* 6.5 */
	{ "PR_RISCV_SET_ICACHE_FLUSH_CTX", 71 },                              /* 6.10 */
	{ "PR_PPC_GET_DEXCR", 72 }, { "PR_PPC_SET_DEXCR", 73 },               /* 6.10 */
	{ "PR_GET_SHADOW_STACK_STATUS", 74 },                                 /* 6.13 */
	{ "PR_SET_SHADOW_STACK_STATUS", 75 }, { "PR_LOCK_SHADOW_STACK_STATUS", 76 },
	{ "PR_TIMER_CREATE_RESTORE_IDS", 77 },                                /* 6.15 */
	{ "PR_FUTEX_HASH", 78 },                                              /* 6.16 */
	{ 0 }
};

/* What threads, libraries' start-up, allocators and launchers do. */
static const uint64_t common[] = {
	PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_SECCOMP,
	PR_CAPBSET_READ, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_VMA,
};

bool prctl_is_rare(uint64_t operation)
{
	for (size_t i = 0; i < sizeof common / sizeof *common; i++)
		if (common[i] == operation)
			return false;
	return name_of(prctl_names, (int64_t)operation) != NULL;
}
