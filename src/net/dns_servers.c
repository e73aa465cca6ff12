/*
 * The name servers of resolv.conf(5).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "net/dns.h"

enum { DNS_PORT = 53, WORD_MAX = INET6_ADDRSTRLEN + IF_NAMESIZE + 1 };

/* "fe80::1%eth0": a link-local server has the name of its link behind it. */
static bool ipv6_read(const char *word, struct dns_server *out)
{
	struct sockaddr_in6 *at = (struct sockaddr_in6 *)&out->at;
	char address[WORD_MAX];
	char *link;

	memcpy(address, word, strlen(word) + 1);
	link = strchr(address, '%');
	if (link != NULL)
		*link++ = '\0';
	if (inet_pton(AF_INET6, address, &at->sin6_addr) != 1)
		return false;
	at->sin6_family = AF_INET6;
	at->sin6_port = htons(DNS_PORT);
	at->sin6_scope_id = link != NULL ? if_nametoindex(link) : 0;
	out->len = sizeof *at;
	return link == NULL || at->sin6_scope_id != 0;
}

static bool server_read(const char *word, struct dns_server *out)
{
	struct sockaddr_in *at = (struct sockaddr_in *)&out->at;

	*out = (struct dns_server){ 0 };
	if (inet_pton(AF_INET, word, &at->sin_addr) != 1)
		return ipv6_read(word, out);
	at->sin_family = AF_INET;
	at->sin_port = htons(DNS_PORT);
	out->len = sizeof *at;
	return true;
}

/* The word behind "nameserver" of a line of `len` bytes: 1, 0 when it is another line, -EINVAL when there is not one word. */
static int line_read(const char *line, size_t len, char word[WORD_MAX])
{
	static const char key[] = "nameserver", space[] = " \t\r";
	const char *end = line + len;
	size_t n = 0;

	if (len < sizeof key || memcmp(line, key, sizeof key - 1) != 0 ||
	    strchr(space, line[sizeof key - 1]) == NULL)
		return 0;
	for (line += sizeof key; line < end && strchr(space, *line) != NULL; line++)
		;
	while (line + n < end && strchr(space, line[n]) == NULL)
		n++;
	if (n == 0 || n >= WORD_MAX)
		return -EINVAL;
	memcpy(word, line, n);
	word[n] = '\0';
	for (line += n; line < end && strchr(space, *line) != NULL; line++)
		;
	return line == end || *line == '#' || *line == ';' ? 1 : -EINVAL;
}

int dns_servers_read(const char *text, struct dns_server *out, size_t *n, struct err *e)
{
	char word[WORD_MAX];
	unsigned number = 1;

	*n = 0;
	for (const char *line = text; *line != '\0'; number++) {
		size_t len = strcspn(line, "\n");
		int found = line_read(line, len, word);

		if (found < 0 ||
		    (found > 0 && *n < DNS_SERVERS_MAX && !server_read(word, &out[(*n)++])))
			return fail(e, EINVAL, "line %u: no address of a name server", number);
		line += len + (line[len] == '\n');
	}
	if (*n == 0)
		return fail(e, ENOENT, "it names no name server");
	return 0;
}
