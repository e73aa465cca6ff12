#include "cli/warn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/print.h"
#include "policy/describe.h"

enum { FROM_ROOM = 256, WARNINGS_MAX = 64 << 10 };

static const char *cut_text(const struct cli *c, const struct plan_cut *cut)
{
	return plan_cut_text(c->arena, cut);
}

static const char *shown_text(const struct cli *c, const char *text)
{
	struct buf b = { .arena = c->arena };

	print_safe(&b, text);
	return buf_text(&b);
}

void warn_plan(const struct cli *c, const struct plan *p)
{
	for (size_t i = 0; i < p->nwarnings; i++)
		fprintf(stderr, "zviz: warning: %s\n", p->warnings[i]);
	for (size_t i = 0; c->globals.verbose && i < p->nmissing; i++)
		fprintf(stderr, "zviz: missing: %s: %s; %s\n", p->missing[i].layer,
			p->missing[i].why, p->missing[i].fix);
	for (size_t i = 0; c->globals.verbose && i < p->ncuts; i++)
		if (!p->cuts[i].usual)
			fprintf(stderr, "zviz: cut: %s\n", cut_text(c, &p->cuts[i]));
}

static const char *of_container(const struct cli *c, const char *id)
{
	return arena_printf(c->arena, "container %s: ", id);
}

/* How each of its lines begins. */
static const char *line_begins(const struct cli *c, const char *id)
{
	const char *msg = of_container(c, id);
	struct buf line = { .arena = c->arena };
	const char *text, *end;

	print_log_line(&line, LOG_JSON, 0, "warning", msg);
	text = buf_text(&line);
	end = strstr(text, msg);
	/* An id that JSON has another way to write is none. */
	return end != NULL ? arena_strndup(c->arena, text, (size_t)(end - text) + strlen(msg))
			   : NULL;
}

static bool each_line_begins(const char *text, size_t len, const char *with)
{
	const char *end = text + len;

	while (text < end && strncmp(text, with, strlen(with)) == 0) {
		text = memchr(text, '\n', (size_t)(end - text));
		if (text == NULL)
			return false;
		text++;
	}
	return text == end;
}

void warn_begin(const struct cli *c, const char *id)
{
	const struct globals *g = &c->globals;
	bool read_whole = g->log != NULL && (enum log_format)g->log_format.value == LOG_JSON;
	OWN_FD fd = read_whole ? open(g->log, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
	const char *begins = fd >= 0 ? line_begins(c, id) : NULL;
	struct stat st;
	char *text;

	if (begins == NULL || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
	    st.st_size > WARNINGS_MAX)
		return;
	text = arena_alloc(c->arena, (size_t)st.st_size + 1);
	text[st.st_size] = '\0';
	if (fd_read_all(fd, text, (size_t)st.st_size) == st.st_size &&
	    each_line_begins(text, (size_t)st.st_size, begins))
		(void)!ftruncate(fd, 0); /* then they stay, as ever */
}

/* A log that cannot be written is no reason to end what runs: state has the same. */
void warn_log_cuts(const struct cli *c, const struct plan *p)
{
	for (size_t i = 0; c->globals.log != NULL && i < p->ncuts; i++)
		if (!p->cuts[i].usual)
			print_log(c, "warning",
				  arena_printf(c->arena, "%scut: %s", of_container(c, p->id),
					       cut_text(c, &p->cuts[i])));
}

void warn_log(const struct cli *c, const struct plan *p)
{
	for (size_t i = 0; c->globals.log != NULL && i < p->nmissing; i++)
		print_log(c, "warning",
			  arena_printf(c->arena, "%smissing: %s: %s", of_container(c, p->id),
				       p->missing[i].layer, p->missing[i].why));
	warn_log_cuts(c, p);
}

int warn_refuse(const struct cli *c, const struct config *config, const struct plan *p,
		const char *file, struct err *e)
{
	char who[FROM_ROOM];

	for (size_t i = 0; config->on_excess == EXCESS_REFUSE && i < p->ncuts; i++) {
		const struct plan_cut *cut = &p->cuts[i];

		if (cut->usual)
			continue;
		describe_rule(who, sizeof who, &config->on_excess_from);
		fail(e, EPERM, "%s: %s: %.200s: not by profile %.64s [%s: on_excess]", file,
		     cut->path, shown_text(c, cut->asked), p->profile, who);
		return advise(e, "leave it out of the bundle; held would be: %.120s", cut->held);
	}
	return 0;
}
