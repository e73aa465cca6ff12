/*
 * Whoever brings other rows: what is heard of it, and for how long it is awaited.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kern/scm.h"
#include "net/door.h"
#include "net/log.h"
#include "net/names.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { NOW_MS = 1000 };

/* What names.c does with them is not asked here. */
void names_change(struct holder *h, const char *const *rules, const bool *allow_private)
{
	(void)h;
	(void)rules;
	(void)allow_private;
}

struct world {
	struct arena arena;
	struct log log;
	struct names names;
	struct holder h;
	struct sockaddr_un at;
	socklen_t len;
};

static void open_door(struct world *w)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	*w = (struct world){ .log = { .fd = -1 },
			     .at = { .sun_family = AF_UNIX },
			     .len = sizeof w->at };
	w->h = (struct holder){
		.arena = &w->arena, .log = &w->log, .names = &w->names, .job = { .id = "c" }
	};
	assert_int_equal(bind(fd, (struct sockaddr *)&w->at, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&w->at, &w->len), 0);
	assert_int_equal(dup2(fd, NET_FD_DOOR), NET_FD_DOOR);
	close(fd);
	/* What a greeting lends. */
	for (int lent = NET_FD_NETNS; lent <= NET_FD_USERNS; lent++)
		assert_int_equal(dup2(0, lent), lent);
	door_make(&w->h);
}

static void shut_door(struct world *w)
{
	close(door_fd(w->h.door));
	close(NET_FD_DOOR);
}

/* A caller, who has been greeted. */
static int call(struct world *w)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), ignored = -1, fds[NET_DOOR_FDS];
	struct net_greeting g;

	assert_int_equal(connect(fd, (struct sockaddr *)&w->at, w->len), 0);
	door_handle(&w->h, POLLIN, NOW_MS);
	assert_int_equal(scm_receive(fd, &g, sizeof g, &ignored), sizeof g);
	assert_int_equal(scm_receive_all(fd, fds, NET_DOOR_FDS), 1);
	for (int i = 0; i < NET_DOOR_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return fd;
}

static int32_t ask(struct world *w, int fd, enum net_word word, uint64_t now_ms)
{
	static const char rows[] = NET_JOB_HEADING "\ncontainer c\nway pair\nrules 0\n\n";
	const struct net_ask q = { NET_REPORT_VERSION, word, sizeof rows - 1 };
	struct net_report r;
	int file = memfd_create("rows", 0), ignored = -1;

	assert_int_equal(write(file, rows, sizeof rows - 1), sizeof rows - 1);
	assert_int_equal(scm_send(fd, &q, sizeof q, word == NET_WORD_CHANGE ? file : -1), 0);
	close(file);
	door_handle(&w->h, POLLIN, now_ms);
	assert_int_equal(scm_receive(fd, &r, sizeof r, &ignored), sizeof r);
	return r.no;
}

static void test_word(void **state)
{
	static struct world w; /* the door is for good, and so is its memory */
	int fd;

	(void)state;
	open_door(&w);
	fd = call(&w);
	assert_int_equal(door_timeout_ms(w.h.door, NOW_MS), -1);
	assert_int_not_equal(ask(&w, fd, NET_WORD_GO, NOW_MS), 0); /* of what? */
	assert_int_equal(ask(&w, fd, NET_WORD_CHANGE, NOW_MS), 0);
	assert_true(door_waits(w.h.door));
	assert_int_equal(ask(&w, fd, NET_WORD_GO, NOW_MS + DOOR_WAIT_MS - 1), 0);
	assert_false(door_waits(w.h.door));
	assert_int_equal(door_timeout_ms(w.h.door, NOW_MS), -1);
	close(fd);
	door_handle(&w.h, POLLIN, NOW_MS);
	assert_int_equal(door_fd(w.h.door), NET_FD_DOOR);
	shut_door(&w);
}

/* One that is stopped, while the workload wakes the holder by what it has refused. */
static void test_silence(void **state)
{
	static struct world w; /* the door is for good, and so is its memory */
	int fd, next;

	(void)state;
	open_door(&w);
	fd = call(&w);
	assert_int_equal(ask(&w, fd, NET_WORD_CHANGE, NOW_MS), 0);
	for (int ms = 0; ms < DOOR_WAIT_MS; ms += 100) {
		assert_int_equal(door_timeout_ms(w.h.door, NOW_MS + ms), DOOR_WAIT_MS - ms);
		door_handle(&w.h, 0, NOW_MS + ms);
		assert_true(door_waits(w.h.door));
	}
	assert_int_equal(door_timeout_ms(w.h.door, NOW_MS + DOOR_WAIT_MS + 5), 0);
	door_handle(&w.h, 0, NOW_MS + DOOR_WAIT_MS);
	assert_false(door_waits(w.h.door));
	/* It hears of that when it goes on, and the next one is met. */
	assert_int_equal(send(fd, "", 1, MSG_NOSIGNAL), -1);
	next = call(&w);
	assert_int_equal(ask(&w, next, NET_WORD_CHANGE, NOW_MS), 0);
	close(next);
	close(fd);
	shut_door(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
