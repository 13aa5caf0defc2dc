/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connection.c: opening and closing Xen's interfaces. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xen/private.h"

__attribute__((format(printf, 5, 0))) static void
log_message(struct xentoollog_logger *base, xentoollog_level level, int error,
	    const char *context, const char *format, va_list arguments)
{
	const struct rs_xen_logger *logger = (const struct rs_xen_logger *)base;
	char text[400];

	vsnprintf(text, sizeof(text), format, arguments);
	rs_log(logger->log, RS_LOG_DEBUG, "%s: %s%s%s", context ? context : "xen", text,
	       error >= 0 ? ": " : "", error >= 0 ? strerror(error) : "");
}

static void log_destroy(struct xentoollog_logger *base)
{
	/* Part of struct rs_xen. */
}

static int read_release(struct rs_xen *xen)
{
	xen_extraversion_t extra = "";
	int version = xc_version(xen->control, XENVER_version, NULL);

	if (version < 0)
		return rs_xen_fail(xen, "xc_version", RS_NO_DOMAIN);
	xen->major = (uint32_t)version >> 16;
	xen->minor = (uint32_t)version & 0xffff;
	if (xc_version(xen->control, XENVER_extraversion, &extra) < 0)
		extra[0] = '\0';
	snprintf(xen->extra, sizeof(xen->extra), "%.*s", (int)sizeof(xen->extra) - 1, extra);
	return 0;
}

static int fail_open(const char *call)
{
	if (errno == EACCES || errno == EPERM)
		return rs_fail(EPERM, "%s: %s: run it as root in dom0", call, strerror(errno));
	return rs_fail(ENOENT, "%s: %s: this is not a Xen dom0, or its kernel lacks the Xen "
			       "devices (/dev/xen)", call, strerror(errno));
}

/*
 * NULL if there is no xenstore: then domains have no names. In a dom0 whose xenstored does not
 * run, the kernel's device, which libxenstore falls back on, takes a request and waits for ever:
 * so not without a socket, unless the user names a path.
 */
static struct xs_handle *open_store(const struct rs_log *log)
{
	struct xs_handle *store;

	if (!getenv("XENSTORED_PATH") && access(xs_daemon_socket(), F_OK)) {
		rs_log(log, RS_LOG_INFO,
		       "%s: %s: no xenstored, so no names (if it runs in a domain of its own, "
		       "set XENSTORED_PATH=/dev/xen/xenbus)",
		       xs_daemon_socket(), strerror(errno));
		return NULL;
	}
	store = xs_open(0);
	if (!store)
		rs_log(log, RS_LOG_INFO, "xs_open: %s: no xenstore, so no names",
		       strerror(errno));
	return store;
}

/* Under a name by which its interrupt is told from others. */
static int open_events(struct rs_xen *xen, struct xentoollog_logger *logger)
{
	char before[RS_INTERRUPT_NAME_SIZE];

	rs_interrupt_begin_name(&xen->interrupt, before);
	xen->events = xenevtchn_open(logger, 0);
	rs_interrupt_end_name(before);
	return xen->events ? 0 : fail_open("xenevtchn_open");
}

int rs_xen_open_nameless(struct rs_xen **out, const struct rs_log *log)
{
	struct rs_xen *xen = calloc(1, sizeof(*xen));
	struct xentoollog_logger *logger;
	int error;

	*out = NULL;
	if (!xen)
		return rs_fail(ENOMEM, "no memory for a connection to Xen");
	if (log)
		xen->log = *log;
	xen->logger.vtable.vmessage = log_message;
	xen->logger.vtable.destroy = log_destroy;
	xen->logger.log = &xen->log;
	logger = &xen->logger.vtable;

	xen->control = xc_interface_open(logger, logger, 0);
	if (!xen->control) {
		error = fail_open("xc_interface_open");
		goto free_xen;
	}
	xen->call = xc_interface_xcall_handle(xen->control);
	xen->memory = xc_interface_fmem_handle(xen->control);
	xen->model = xc_interface_dmod_handle(xen->control);
	error = read_release(xen);
	if (error)
		goto close_control;
	error = open_events(xen, logger);
	if (error)
		goto close_control;
	*out = xen;
	return 0;

close_control:
	xc_interface_close(xen->control);
free_xen:
	free(xen);
	return error;
}

int rs_xen_open(struct rs_xen **xen, const struct rs_log *log)
{
	int error = rs_xen_open_nameless(xen, log);

	if (!error)
		(*xen)->store = open_store(&(*xen)->log);
	return error;
}

void rs_xen_close(struct rs_xen *xen)
{
	if (!xen)
		return;
	if (xen->store)
		xs_close(xen->store);
	rs_interrupt_close(&xen->interrupt);
	xenevtchn_close(xen->events);
	xc_interface_close(xen->control);
	free(xen);
}

void rs_xen_keep_journal(struct rs_xen *xen, struct rs_journal *journal)
{
	xen->journal = journal;
}

void rs_xen_release(const struct rs_xen *xen, struct rs_xen_release *release)
{
	release->major = xen->major;
	release->minor = xen->minor;
	memcpy(release->extra, xen->extra, sizeof(release->extra));
}

bool rs_xen_at_least(const struct rs_xen *xen, uint32_t major, uint32_t minor)
{
	return xen->major > major || (xen->major == major && xen->minor >= minor);
}
