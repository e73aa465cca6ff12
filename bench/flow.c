/*
 * flow serve PORT             answers at PORT and PORT + 1, until it is killed
 * flow send ADDRESS PORT MS   MB a second that go to ADDRESS over one connection of TCP
 * flow open ADDRESS PORT MS   connections a second to ADDRESS, one after another: made, one byte read, ended
 *
 * Static, and the same program in every runtime.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, QUEUE = 1024, WAIT_S = 10 };

static char block[BLOCK];

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "flow: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in place(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		give_up(address);
	return to;
}

/* Either side may be gone without a word, with its network. */
static void wait_at_most(int fd)
{
	const struct timeval most = { .tv_sec = WAIT_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
}

/* ---- the other side ---- */

static int listener(int port)
{
	struct sockaddr_in at = place("0.0.0.0", port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, QUEUE) < 0)
		give_up("listen");
	return fd;
}

static _Noreturn void take_blocks(int fd)
{
	for (;;) {
		int c = accept(fd, NULL, NULL);

		wait_at_most(c);
		while (c >= 0 && read(c, block, sizeof block) > 0)
			;
		close(c);
	}
}

static _Noreturn void give_bytes(int fd)
{
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c < 0)
			continue;
		wait_at_most(c);
		(void)!write(c, "x", 1);
		(void)!read(c, block,
			    1); /* its end is the other side's, which keeps no port by a reset */
		close(c);
	}
}

static _Noreturn void serve(int port)
{
	int blocks = listener(port), bytes = listener(port + 1);

	signal(SIGPIPE, SIG_IGN);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		take_blocks(blocks);
	}
	give_bytes(bytes);
}

/* ---- this side ---- */

static int reached(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	wait_at_most(fd);
	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) < 0)
		give_up("connect");
	return fd;
}

/* Until the other side has heard of it: the network may go with this program, and with it what was to be sent. */
static void end(int fd)
{
	shutdown(fd, SHUT_WR);
	while (read(fd, block, sizeof block) > 0)
		;
	close(fd);
}

static void send_blocks(const struct sockaddr_in *to, double seconds)
{
	int fd = reached(to);
	double start = now(), last;
	uint64_t sent = 0;

	while ((last = now()) - start < seconds) {
		ssize_t n = write(fd, block, sizeof block);

		if (n < 0)
			give_up("write");
		sent += (uint64_t)n;
	}
	printf("%.1f\n", (double)sent / 1e6 / (last - start));
	end(fd);
}

static void open_many(const struct sockaddr_in *to, double seconds)
{
	const struct linger reset = { .l_onoff = 1 };
	double start = now(), last;
	unsigned made = 0;

	while ((last = now()) - start < seconds) {
		int fd = reached(to);

		if (read(fd, block, 1) != 1)
			give_up("read");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(fd);
		made++;
	}
	printf("%.1f\n", made / (last - start));
	end(reached(
		to)); /* a reset that is lost with the network would leave the other side waiting */
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(atoi(argv[2]));
	if (argc != 5)
		return 2;

	struct sockaddr_in to = place(argv[2], atoi(argv[3]));

	if (strcmp(argv[1], "send") == 0)
		send_blocks(&to, atoi(argv[4]) / 1000.0);
	else
		open_many(&to, atoi(argv[4]) / 1000.0);
	return 0;
}
