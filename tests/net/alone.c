/*
 * alone NAME PORT [tcp] - a client that has nothing of a C library's resolver, as static programs of other languages have
 * not: it reads /etc/resolv.conf, asks the server there itself, by UDP, or by TCP as the last word says, connects to the first
 * address of the answer, and prints the last line that an HTTP server answers. Exit 1 and a word on which step failed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { DNS_PORT = 53, HEADER = 12, ROOM = 4096 };

static _Noreturn void give_up(const char *what)
{
	printf("%s\n", what);
	exit(1);
}

static int connected(int type, struct sockaddr_in to)
{
	const struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		give_up("not connected");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

static struct in_addr name_server(void)
{
	struct in_addr found = { 0 };
	char line[256], address[64];
	FILE *f = fopen("/etc/resolv.conf", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "nameserver %63s", address) == 1 &&
		    inet_pton(AF_INET, address, &found) == 1)
			break;
	if (f == NULL || found.s_addr == 0)
		give_up("no name server");
	fclose(f);
	return found;
}

/* A question for the addresses of IPv4; returns its length. */
static size_t question(const char *name, unsigned char out[ROOM])
{
	static const unsigned char head[HEADER] = {
		0x12, 0x34, 1, 0, 0, 1
	}; /* recursion desired */
	size_t len = sizeof head;

	memcpy(out, head, sizeof head);
	while (*name != '\0') {
		size_t label = strcspn(name, ".");

		if (label > 63 || len + label > 512)
			give_up("no such name");
		out[len++] = (unsigned char)label;
		memcpy(out + len, name, label);
		len += label;
		name += label + (name[label] == '.');
	}
	memcpy(out + len, "\0\0\1\0\1", 5);
	return len + 5;
}

static size_t read_all(int fd, unsigned char *to, size_t want)
{
	size_t len = 0;
	ssize_t n;

	while (len < want && (n = read(fd, to + len, want - len)) > 0)
		len += (size_t)n;
	return len;
}

static size_t ask(const unsigned char *query, size_t len, int tcp, unsigned char answer[ROOM])
{
	const struct sockaddr_in server = { .sin_family = AF_INET,
					    .sin_port = htons(DNS_PORT),
					    .sin_addr = name_server() };
	int fd = connected(tcp ? SOCK_STREAM : SOCK_DGRAM, server);
	unsigned char frame[ROOM + 2] = { (unsigned char)(len >> 8), (unsigned char)len };
	ssize_t n;

	memcpy(frame + 2, query, len);
	if (write(fd, tcp ? frame : frame + 2, tcp ? len + 2 : len) < 0)
		give_up("not asked");
	if (tcp && read_all(fd, frame, 2) == 2)
		n = (ssize_t)read_all(fd, answer, (size_t)(frame[0] << 8 | frame[1]) % ROOM);
	else
		n = tcp ? 0 : read(fd, answer, ROOM);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

static size_t past_name(const unsigned char *m, size_t len, size_t at)
{
	while (at < len && m[at] != 0 && m[at] < 0xc0)
		at += m[at] + 1u;
	return at + (at < len && m[at] >= 0xc0 ? 2 : 1);
}

/* The first record of type A. */
static struct in_addr address_in(const unsigned char *m, size_t len)
{
	struct in_addr found;
	size_t at = HEADER;

	if (len < HEADER || (m[3] & 15) != 0 || (m[6] | m[7]) == 0)
		give_up("no such name");
	at = past_name(m, len, at) + 4;
	for (unsigned left = (unsigned)(m[6] << 8 | m[7]); left > 0; left--) {
		at = past_name(m, len, at);
		if (at + 10 > len)
			break;

		unsigned type = (unsigned)(m[at] << 8 | m[at + 1]),
			 size = (unsigned)(m[at + 8] << 8 | m[at + 9]);

		if (type == 1 && size == sizeof found && at + 10 + size <= len) {
			memcpy(&found, m + at + 10, sizeof found);
			return found;
		}
		at += 10 + size;
	}
	give_up("no address");
}

int main(int argc, char **argv)
{
	unsigned char query[ROOM], answer[ROOM], page[ROOM + 1];

	if (argc < 3)
		give_up("usage");

	size_t len = ask(query, question(argv[1], query), argc > 3, answer);
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)atoi(argv[2])),
					.sin_addr = address_in(answer, len) };
	int fd = connected(SOCK_STREAM, to);

	dprintf(fd, "GET /page HTTP/1.0\r\nHost: %s\r\n\r\n", argv[1]);
	page[read_all(fd, page, ROOM)] = '\0';

	char *text = (char *)page, *last = strstr(text, "\r\n\r\n");

	if (last == NULL)
		give_up("no page");
	printf("%s", last + 4);
	return 0;
}
