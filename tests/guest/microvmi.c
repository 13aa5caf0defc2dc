/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * microvmi.c: what libmicrovmi 0.4.0 promises of every driver, and on Xen does not keep: its
 * integration tests' subjects (opening, the number of vCPUs, pausing once and twice, CR3 once and
 * many times), and the calls that panic there.
 *
 *	fakexen --vcpus 2 --report FILE -- tests/guest/microvmi VCPUS [DOMAIN]
 */
#include <stdlib.h>

#include <ringside/ringside.h>

#include "guests/map.h"
#include "tests/unit/tap.h"

static const char *domain = "guest1";
static struct rs_engine *engine;
static struct rs_guest *guest;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, rs_error_text());
	exit(1);
}

static void open_both(void)
{
	struct rs_watch *breakpoint;
	struct rs_guest *other;
	uint64_t before;

	if (rs_guest_open(&other, domain, NULL) || rs_engine_attach(&engine, domain, NULL))
		die("attach");
	before = rs_guest_address_max(other);
	rs_guest_close(other);
	/* It is shown by a page above the guest's. */
	if (rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_BREAKPOINT, .breakpoint = { GUEST_CODE_PAGE, RS_PLACE_PHYSICAL } },
		     &breakpoint))
		die("breakpoint");
	guest = rs_engine_guest(engine);
	tap_ok(guest && TAP_SAME(rs_guest_address_max(guest), before),
	       "the greatest address is the guest's own, not that of pages of ours");
	rs_unwatch(breakpoint);
}

/* listen(), and reply_event(Continue): so many events of that kind, one after the other. */
static bool listen(enum rs_kind kind, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct rs_event event;

		if (rs_engine_next(engine, &event, 10000) != 1)
			die("listen");
		if (!TAP_SAME(event.kind, kind) || rs_event_reply(&event, RS_CONTINUE))
			return false;
	}
	return true;
}

/* toggle_intercept(vcpu, ..., true); one without a handler is for listen(). */
static struct rs_watch *intercept(struct rs_watch_options options)
{
	struct rs_watch *watch;

	if (rs_watch(engine, &options, &watch))
		die("intercept");
	return watch;
}

static void opening(void)
{
	struct rs_guest *again;

	tap_ok(!rs_guest_open(&again, domain, NULL), "init: a guest is opened");
	rs_guest_close(again);
	tap_ok(!rs_guest_open(&again, domain, NULL), "and again");
	rs_guest_close(again);
}

static void pausing(void)
{
	tap_ok(!rs_guest_pause(guest) && !rs_guest_resume(guest), "pause and resume");
	tap_ok(!rs_guest_pause(guest) && !rs_guest_pause(guest) && !rs_guest_resume(guest) &&
	       !rs_guest_resume(guest), "pause twice, resume twice");
	tap_ok(rs_guest_resume(guest) < 0, "a resume without a pause is told");
}

static void cr3_events(void)
{
	struct rs_watch *watch = intercept((struct rs_watch_options){
		.kind = RS_CR, .cr = { .which = RS_CR3 } });

	tap_ok(listen(RS_CR, 1), "one CR3 event");
	tap_ok(listen(RS_CR, 1000), "a thousand CR3 events");
	rs_unwatch(watch);
	watch = intercept((struct rs_watch_options){
		.kind = RS_CR, .cr = { .which = RS_CR3 }, .vcpus = { 1 << 1 } });
	tap_ok(listen(RS_CR, 10), "of one vCPU");
	rs_unwatch(watch);
}

/* What panics, or does nothing, in libmicrovmi's Xen driver. */
static void other_events(void)
{
	struct rs_watch *watch = intercept((struct rs_watch_options){
		.kind = RS_MSR, .msr = { .index = 0xc0000082 } });

	tap_ok(listen(RS_MSR, 10), "MSR events, of the whole index");
	rs_unwatch(watch);
	watch = intercept((struct rs_watch_options){ .kind = RS_BREAKPOINT });
	tap_ok(listen(RS_BREAKPOINT, 10), "breakpoints, each given back to the guest");
	rs_unwatch(watch);
	watch = intercept((struct rs_watch_options){
		.kind = RS_PAGE, .page = { .first_gfn = GUEST_DATA_PAGE >> 12, .access = 0 } });
	tap_ok(listen(RS_PAGE, 10), "page access: closed, each fault reported and passed");
	rs_unwatch(watch);
}

static void memory(void)
{
	const uint64_t address = (3 << 20) + 4091; /* unaligned, over the end of a page */
	uint64_t word = 0x0123456789abcdef, found = 0;

	tap_ok(!rs_guest_write(guest, address, &word, sizeof(word), NULL) &&
	       !rs_guest_read(guest, address, &found, sizeof(found), NULL) && TAP_SAME(found, word),
	       "an unaligned write over the end of a page");
	tap_ok(rs_guest_address_max(guest) > 64 << 20, "the greatest address");
}

static void registers(void)
{
	struct rs_vcpu_registers read, found;

	tap_ok(!rs_guest_pause(guest) && !rs_vcpu_read_registers(guest, 0, &read), "registers");
	read.r15 ^= 0xff00;
	tap_ok(!rs_vcpu_write_registers(guest, 0, &read) &&
	       !rs_vcpu_read_registers(guest, 0, &found) && TAP_SAME(found.r15, read.r15),
	       "are written");
	read.r15 ^= 0xff00;
	tap_ok(!rs_vcpu_write_registers(guest, 0, &read) && !rs_guest_resume(guest), "and put back");
}

int main(int argc, char **argv)
{
	unsigned int vcpus = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;

	if (argc > 2)
		domain = argv[2];
	open_both();
	opening();
	tap_ok(TAP_SAME(rs_guest_vcpu_count(guest), vcpus), "the number of vCPUs");
	pausing();
	registers();
	memory();
	cr3_events();
	other_events();
	tap_ok(!rs_engine_detach(engine), "closed");
	return tap_done();
}
