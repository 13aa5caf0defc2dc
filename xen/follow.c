/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* follow.c: waiting for a domain of some name, as after its reboot. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include <ringside/probe.h>

#include "xen/connection.h"
#include "xen/domain.h"
#include "xen/store.h"

/* A name may be written after the domain was introduced, of which nobody is told. */
#define LOOK_MS 250

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* One that can be attached to, by now. */
static bool is_there(struct rs_xen *xen, const char *name, uint32_t former, uint32_t *domain)
{
	struct rs_xen_domain info;

	return !rs_xen_store_find_other(xen, name, former, domain) &&
	       rs_xen_store_introduced(xen, *domain) &&
	       !rs_xen_domain_read(xen, *domain, &info) && !info.dying && !info.ended;
}

static int wait_for(struct rs_xen *xen, const char *name, uint32_t former, int timeout_ms,
		    uint32_t *domain)
{
	int64_t end = now_ms() + timeout_ms;
	struct pollfd store = { .events = POLLIN };

	store.fd = rs_xen_store_watch_introduce(xen);
	if (store.fd < 0)
		return store.fd;
	while (!is_there(xen, name, former, domain)) {
		int64_t left = timeout_ms < 0 ? LOOK_MS : end - now_ms();

		if (left <= 0)
			return 0;
		if (poll(&store, 1, left < LOOK_MS ? (int)left : LOOK_MS) < 0)
			return rs_fail(errno, "waiting for a domain called %s: %s", name,
				       strerror(errno));
		rs_xen_store_released(xen);
	}
	return 1;
}

int rs_domain_wait(const char *name, uint32_t former, int timeout_ms, uint32_t *domain)
{
	static const struct rs_log nobody;
	struct rs_error_note note;
	struct rs_xen *xen;
	int result;

	if (!name || !*name || isdigit((unsigned char)*name))
		return rs_fail(EINVAL, "rs_domain_wait: give the domain's name: a number does not "
				       "come again");
	result = rs_xen_open(&xen, &nobody);
	if (result)
		return result;
	result = wait_for(xen, name, former, timeout_ms, domain);
	rs_error_keep(&note);
	rs_xen_close(xen);
	if (result < 0)
		rs_error_restore(&note);
	return result;
}
