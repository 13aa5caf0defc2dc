/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* privilege.c: what an attached engine's handles, and its handlers, are good for. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/private.h"
#include "tests/xen/driver/tests.h"
#include "xen/private.h"

#define GFN 0x100 /* both guests have it */
#define VECTOR_UD 6
#define TYPE_EXCEPTION 3
#define PATIENCE_NS 20000000000ull
#define LSTAR 0xc0000082

/* -- handles -- */

/* Each of these: 0, or why not. */
static int try_bind(xenevtchn_handle *events, uint32_t domain)
{
	int port = xenevtchn_bind_unbound_port(events, domain);

	if (port < 0)
		return errno;
	xenevtchn_unbind(events, (evtchn_port_t)port);
	return 0;
}

static int try_map(xenforeignmemory_handle *memory, uint32_t domain)
{
	xen_pfn_t frame = GFN;
	int error;
	void *page = xenforeignmemory_map(memory, domain, 1, 1, &frame, &error);

	if (!page)
		return errno;
	xenforeignmemory_unmap(memory, page, 1);
	return error ? -error : 0;
}

static int try_inject(xendevicemodel_handle *model, uint32_t domain)
{
	return xendevicemodel_inject_event(model, (domid_t)domain, 0, VECTOR_UD, TYPE_EXCEPTION, 0,
					   0, 0) ? errno : 0;
}

/* So that a refusal means what it seems to mean. */
static void try_unrestricted(uint32_t domain)
{
	struct rs_xen *xen;

	if (!check(!rs_xen_open(&xen, NULL), "another connection to Xen"))
		return;
	check(!try_bind(xen->events, domain), "unrestricted, an event channel of another domain");
	check(!try_map(xen->memory, domain), "its memory");
	check(!try_inject(xen->model, domain), "and its device model's calls are to be had");
	rs_xen_close(xen);
}

static void handles(struct bed *bed)
{
	struct rs_xen *xen = bed->engine->xen;
	uint32_t own = bed->guest.domain;
	struct guest other;
	int error;

	if (!guest_create_another(&other)) {
		check_skip("there is one guest", "handles that are good for one domain");
		return;
	}
	try_unrestricted(other.domain);
	error = try_bind(xen->events, other.domain);
	check(error == EACCES, "an engine's is refused the event channel: %s", strerror(error));
	error = try_map(xen->memory, other.domain);
	check(error == EPERM, "the memory: %s", strerror(error));
	error = try_inject(xen->model, other.domain);
	check(error == EPERM, "the device model: %s", strerror(error));
	check(!try_map(xen->memory, own), "its own domain's memory is there");
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, NULL);
	check(bed_saw_one(bed, RS_CR, 0), "and its events");
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
	guest_destroy(&other);
}

/* -- sandboxes -- */

struct confined {
	struct rs_engine *engine;
	uint32_t tried, seen; /* handlers */
	int open_error, socket_error, execute_error, control_error;
	int result; /* of the run */
};

static struct rs_reply count(const struct rs_event *event, void *user)
{
	struct confined *confined = user;

	rs_add_relaxed(&confined->seen, 1);
	return RS_CONTINUE;
}

/* What a handler may call, with Xen's own calls below it. */
static int control(struct confined *confined)
{
	struct rs_guest *guest = rs_engine_guest(confined->engine);
	struct rs_watch_options page = { .kind = RS_PAGE, .handler = count, .user = confined,
					 .page.first_gfn = MB_DATA >> 12 };
	struct rs_watch_options msr = { .kind = RS_MSR, .handler = count, .user = confined,
					.msr.index = LSTAR };
	struct rs_vcpu_registers registers;
	struct rs_watch *watch = NULL;
	uint64_t word;
	int error = guest ? rs_guest_read(guest, MB_DATA, &word, sizeof(word), NULL) : -EIO;

	if (!error)
		error = rs_watch(confined->engine, &msr, &watch);
	if (!error)
		error = rs_watch(confined->engine, &page, NULL);
	if (!error)
		error = rs_vcpu_read_registers(guest, 0, &registers);
	rs_unwatch(watch);
	return error;
}

static struct rs_reply on_write(const struct rs_event *event, void *user)
{
	static char *const none[] = { NULL };
	struct confined *confined = user;

	if (confined->tried++)
		return RS_CONTINUE;
	confined->open_error = open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
	confined->socket_error = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
	confined->execute_error = execve("/bin/true", none, none) ? errno : 0;
	confined->control_error = control(confined);
	return RS_CONTINUE;
}

static void *run(void *argument)
{
	struct confined *confined = argument;

	confined->result = rs_engine_run(confined->engine);
	return NULL;
}

static bool do_command(struct bed *bed, unsigned int command, uint64_t a)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	guest_start(&bed->guest, 0, command, a, 0);
	while (!guest_is_done(&bed->guest, 0) && now_ns() < end)
		sleep_ms(5);
	return guest_is_done(&bed->guest, 0);
}

static void run_confined(struct bed *bed, struct confined *confined)
{
	pthread_t thread;

	if (!check(!pthread_create(&thread, NULL, run, confined), "a thread"))
		return;
	check(do_command(bed, MB_WRITE_CR3, MB_ROOT_A) && confined->tried, "an event is handled");
	check(do_command(bed, MB_READ, MB_DATA) && rs_load_relaxed(&confined->seen),
	      "and one of a page that its handler has closed");
	check(do_command(bed, MB_WRITE_CR3, MB_TABLES), "and one more");
	rs_engine_stop(confined->engine);
	pthread_join(thread, NULL);
	check(!confined->result, "the run ends");
}

static void sandbox(struct bed *bed)
{
	struct rs_engine_options options = { .workers = 1, .sandbox = RS_SANDBOX_REQUIRED };
	struct confined confined = { 0 };
	int error = rs_engine_attach(&confined.engine, bed->guest.name, &options), fd;

	if (error == -EOPNOTSUPP) {
		check_skip(rs_error_text(), "a sandbox");
		return;
	}
	if (!check(!error, "attached: %s", error ? rs_strerror(error) : "yes"))
		return;
	/* A write that changes nothing is none. */
	do_command(bed, MB_WRITE_CR3, MB_TABLES);
	error = rs_watch(confined.engine, &(struct rs_watch_options){ .kind = RS_CR,
		.cr.which = RS_CR3, .handler = on_write, .user = &confined }, NULL);
	if (check(!error, "watching"))
		run_confined(bed, &confined);
	check(confined.open_error == EPERM && confined.socket_error == EPERM &&
		      confined.execute_error == EPERM,
	      "a handler can open nothing, connect to nothing and start nothing: %s",
	      strerror(confined.open_error));
	check(!confined.control_error, "but watch, close pages, read memory and registers: %s",
	      confined.control_error ? strerror(-confined.control_error) : "yes");
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	check(fd >= 0, "who runs the engine can");
	close(fd);
	check(!rs_engine_detach(confined.engine), "detached: %s", rs_error_text());
	check(guest_lives(&bed->guest), "the guest lives");
}

const struct test tests_of_privilege[] = {
	{ .name = "privilege-handles", .run = handles,
	  .about = "an engine's handles are no good for another domain" },
	{ .name = "privilege-sandbox", .run = sandbox, .unattached = true,
	  .about = "handlers that may do little else than handle events" },
	{ 0 },
};
