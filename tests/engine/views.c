/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * views.c: views that the user makes, on fakexen's default guest.
 *
 *	fakexen --report FILE -- tests/engine/views SCENARIO
 *
 * views.sh runs the scenarios and looks at the model's report.
 */
#include <errno.h>
#include <string.h>

#include <xenctrl.h>

#include "engine/private.h"
#include "guests/map.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"
#include "xen/altp2m.h"
#include "xen/memory.h"

#define DATA_GFN (GUEST_DATA_PAGE >> 12)
#define CODE_GFN (GUEST_CODE_PAGE >> 12)
#define SPARE_GFN 0x1000 /* RAM that the guest does not use */
#define END_GFN 0x4000   /* no RAM from here on, with the default memory */
#define HOLE_GFN (END_GFN + 3000)
#define RX (RS_ACCESS_R | RS_ACCESS_X)
#define RWX (RX | RS_ACCESS_W)

static struct rs_view *view;

static void make_view(const struct rs_view_options *wanted)
{
	int error = rs_view_create(engine, wanted, &view);

	tap_ok(!error, "a view%s%s", error ? ": " : "", error ? rs_strerror(error) : "");
}

/* What Xen has. */
static uint32_t access_of(uint64_t gfn)
{
	uint8_t access = 0;

	if (rs_probe_pages("guest1", rs_view_index(view), gfn, 1, &access))
		return UINT32_MAX;
	return access;
}

static bool fails_with(int result, int error, const char *what)
{
	return tap_ok(TAP_SAME(-result, error), "%s: %s", what, result ? rs_strerror(result) : "0");
}

/* As many as there are, their numbers, and where the vCPUs are. */
static void scenario_life(void)
{
	struct rs_view *views[RS_VIEWS_MAX] = { NULL };
	struct rs_view_probe found[RS_VIEWS_MAX];
	unsigned int count = 0;
	int error = 0;

	attach();
	tap_ok(TAP_SAME(rs_probe_views("guest1", found, RS_VIEWS_MAX), 0), "no views at first");
	while (!error && count < RS_VIEWS_MAX)
		error = rs_view_create(engine, NULL, &views[count++]);
	fails_with(error, ENOSPC, "no view left after nine");
	tap_ok(TAP_SAME(count, 10) && TAP_SAME(rs_view_index(views[8]), 9) && !views[9],
	       "the last is number 9");
	tap_ok(TAP_SAME(rs_probe_views("guest1", found, RS_VIEWS_MAX), 10) &&
		       TAP_SAME(found[0].vcpu_count, rs_engine_vcpu_count(engine)),
	       "ten with view 0, in which all vCPUs are");
	tap_ok(!rs_view_switch(engine, 3) &&
		       rs_probe_views("guest1", found, 4) == 10 &&
		       TAP_SAME(found[3].vcpu_count, rs_engine_vcpu_count(engine)),
	       "all switched to view 3");
	fails_with(rs_view_destroy(views[2]), EBUSY, "which cannot be removed then");
	fails_with(rs_view_switch(engine, 10), EINVAL, "a view that does not exist");
	tap_ok(!rs_view_switch(engine, 0) && !rs_view_destroy(views[2]) &&
		       !rs_view_create(engine, NULL, &views[2]) &&
		       TAP_SAME(rs_view_index(views[2]), 3),
	       "left, removed and made anew");
	tap_ok(!rs_view_switch(engine, 5), "detached from while all are in another");
	detach("views");
}

static struct rs_reply count_fault(const struct rs_event *event, void *user)
{
	/* The test's own thread steps the engine. */
	uint32_t *faults = user;

	if (event->view == rs_view_index(view))
		++*faults;
	return RS_CONTINUE;
}

static bool run(const uint32_t *count, uint32_t wanted)
{
	double end = now() + PATIENCE;

	while (*count < wanted && now() < end)
		if (rs_engine_step(engine, 100) < 0)
			return false;
	return *count >= wanted;
}

/* Nothing more comes: looks for a while. */
static bool is_quiet(const uint32_t *count)
{
	uint32_t before;

	while (rs_engine_step(engine, 20) > 0)
		continue;
	before = *count;
	for (unsigned int i = 0; i < 10; i++)
		if (rs_engine_step(engine, 10) < 0)
			return false;
	return TAP_SAME(*count, before);
}

static uint32_t faults, watched;

static void scenario_faults(void)
{
	struct rs_view_options mine = { .handler = count_fault, .user = &faults };
	struct rs_view_missing missing;
	struct rs_watch *in_view;

	attach();
	make_view(&mine);
	tap_ok(!rs_view_set_access(view, DATA_GFN, DATA_GFN, RX, NULL) &&
		       TAP_SAME(access_of(DATA_GFN), RX),
	       "a page closed for writing");
	tap_ok(is_quiet(&faults), "nobody is in that view");
	tap_ok(!rs_view_switch(engine, rs_view_index(view)) && run(&faults, 50),
	       "then all are: its handler gets the faults");

	in_view = watch((struct rs_watch_options){
		.kind = RS_PAGE, .handler = count_fault, .user = &watched,
		.page = { .first_gfn = DATA_GFN, .access = 0, .view = view } });
	tap_ok(run(&watched, 50) && TAP_SAME(access_of(DATA_GFN), 0),
	       "a page watch in that view comes first, and closes it altogether");
	fails_with(rs_view_destroy(view), EBUSY, "it keeps the view");
	rs_unwatch(in_view);
	faults = 0;
	tap_ok(TAP_SAME(access_of(DATA_GFN), RX) && run(&faults, 50),
	       "without it the page is as it was");
	tap_ok(!rs_view_set_access(view, DATA_GFN, DATA_GFN, RWX, &missing) && is_quiet(&faults),
	       "opened");
	tap_ok(!rs_view_switch(engine, 0) && !rs_view_destroy(view), "left and removed");
	tap_ok(all_answered(), "every request answered");
	detach("views");
}

static void scenario_missing(void)
{
	struct rs_view_page pages[] = { { SPARE_GFN, RX }, { HOLE_GFN, 0 }, { SPARE_GFN + 5, 1 } };
	struct rs_view_missing missing;

	attach();
	make_view(NULL);
	fails_with(rs_view_set_access(view, HOLE_GFN, HOLE_GFN, 0, NULL), EFAULT, "a hole");
	fails_with(rs_view_set_access(view, SPARE_GFN, HOLE_GFN, RX, NULL), EFAULT,
		   "a range with a hole, all or nothing");
	tap_ok(TAP_SAME(access_of(SPARE_GFN), RWX) && TAP_SAME(rs_view_access(view, SPARE_GFN), RWX),
	       "nothing was changed");
	tap_ok(!rs_view_set_access(view, SPARE_GFN, HOLE_GFN, RX, &missing) &&
		       TAP_SAME(missing.first_gfn, END_GFN) &&
		       TAP_SAME(missing.count, HOLE_GFN - END_GFN + 1),
	       "or as many as there are");
	tap_ok(TAP_SAME(access_of(END_GFN - 1), RX) && TAP_SAME(access_of(HOLE_GFN), RS_ACCESS_UNKNOWN),
	       "the rest holds");
	tap_ok(!rs_view_set_access(view, SPARE_GFN, HOLE_GFN, RWX, &missing) &&
		       TAP_SAME(access_of(END_GFN - 1), RWX),
	       "and is taken back");
	fails_with(rs_view_set_access_list(view, pages, 3, NULL), EFAULT, "a list with a hole");
	tap_ok(TAP_SAME(access_of(SPARE_GFN + 5), RWX), "nothing was changed");
	tap_ok(!rs_view_set_access_list(view, pages, 3, &missing) && TAP_SAME(missing.count, 1) &&
		       TAP_SAME(missing.first_gfn, HOLE_GFN) &&
		       TAP_SAME(access_of(SPARE_GFN), RX) && TAP_SAME(access_of(SPARE_GFN + 5), 1),
	       "or as much of it as there is");
	fails_with(rs_view_set_access(view, 5, 4, 0, NULL), EINVAL, "a range that ends too early");
	fails_with(rs_view_set_access(view, 5, 5, RS_ACCESS_W, NULL), EINVAL, "W without R");
	detach("views");
}

/* The guest gives a page away and takes another: Xen forgets, and is told again. */
static void scenario_renew(void)
{
	xc_interface *control = xc_interface_open(NULL, NULL, 0);
	xen_pfn_t gfn = SPARE_GFN;
	uint64_t count;

	attach();
	make_view(NULL);
	tap_ok(!rs_view_set_access(view, SPARE_GFN - 10, SPARE_GFN + 10, RX, NULL), "21 pages");
	xc_domain_decrease_reservation_exact(control, rs_engine_domain(engine), 1, 0, &gfn);
	xc_domain_populate_physmap_exact(control, rs_engine_domain(engine), 1, 0, 0, &gfn);
	tap_ok(TAP_SAME(access_of(SPARE_GFN), RS_ACCESS_UNKNOWN), "a page given away is forgotten");
	tap_ok(!rs_view_renew(view, &count) && TAP_SAME(count, 21) &&
		       TAP_SAME(access_of(SPARE_GFN), RX),
	       "and known again after a renewal");
	detach("views");
	xc_interface_close(control);
}

/* How often Xen is told of pages: counted by the model, and looked at by views.sh. */
static void scenario_million(void)
{
	struct rs_view_missing missing;
	double begin, took;
	size_t bytes;

	attach();
	make_view(NULL);
	begin = now();
	tap_ok(!rs_view_set_access(view, 0x1000, 0x1000 + 999999, RX, &missing) &&
		       TAP_SAME(missing.count, 0),
	       "a million pages");
	took = now() - begin;
	printf("# in %.2f s\n", took);
	bytes = engine->views.ram.bytes;
	for (unsigned int i = 0; i < RS_LAYER_COUNT; i++)
		bytes += view->map->layers[i].bytes;
	tap_ok(bytes < 16 << 20, "in %zu bytes of ours", bytes);
	tap_ok(TAP_SAME(access_of(0x1000), RX) && TAP_SAME(access_of(0x1000 + 999999), RX) &&
		       TAP_SAME(access_of(0x1000 + 1000000), RS_ACCESS_UNKNOWN),
	       "from the first to the last");
	detach("views");
}

static void scenario_one_more(void)
{
	attach();
	make_view(NULL);
	for (uint64_t i = 0; i <= 100; i++)
		if (rs_view_set_access(view, SPARE_GFN + i * 3, SPARE_GFN + i * 3, RX, NULL))
			tap_ok(false, "a page more: %s", rs_error_text());
	tap_ok(TAP_SAME(access_of(SPARE_GFN + 300), RX), "a hundred pages and one, one by one");
	detach("views");
}

static struct rs_reply count_by_vcpu(const struct rs_event *event, void *user)
{
	enter(event);
	leave(event);
	return RS_CONTINUE;
}

#define FAULTS 3 /* of the data page, a round: read, written, and both */

/*
 * While one vCPU is past its fault, in view 0, the others stay watched: not one of all their
 * accesses is missed.
 */
static void scenario_all_caught(void)
{
	uint64_t loops[VCPUS_MAX], first[VCPUS_MAX];
	double end = now() + PATIENCE;
	bool all = false, good = true;

	attach();
	watch((struct rs_watch_options){ .kind = RS_PAGE, .handler = count_by_vcpu,
					 .page = { .first_gfn = DATA_GFN, .access = 0 } });
	run(&lanes[0].events, 1);
	for (uint32_t vcpu = 0; vcpu < rs_engine_vcpu_count(engine); vcpu++) {
		loops[vcpu] = guest_counter_of(vcpu, SLOT_LOOPS);
		first[vcpu] = lanes[vcpu].events;
	}
	while (!all && now() < end && rs_engine_step(engine, 10) >= 0) {
		all = true;
		for (uint32_t vcpu = 0; vcpu < rs_engine_vcpu_count(engine); vcpu++)
			all &= guest_counter_of(vcpu, SLOT_LOOPS) >= loops[vcpu] + 30;
	}
	for (uint32_t vcpu = 0; vcpu < rs_engine_vcpu_count(engine); vcpu++) {
		uint64_t before = guest_counter_of(vcpu, SLOT_LOOPS) - loops[vcpu];
		uint64_t seen = lanes[vcpu].events - first[vcpu];
		uint64_t after = guest_counter_of(vcpu, SLOT_LOOPS) - loops[vcpu];

		/* It is somewhere in a round at both ends, and runs on meanwhile until it faults. */
		good &= seen + FAULTS >= before * FAULTS && seen <= (after + 1) * FAULTS;
		if (!good)
			printf("# vCPU %u: %" PRIu64 " to %" PRIu64 " rounds, %" PRIu64 " faults\n",
			       vcpu, before, after, seen);
	}
	tap_ok(all && good, "each access of each of %u vCPUs is caught, in 30 rounds",
	       rs_engine_vcpu_count(engine));
	tap_ok(all_answered(), "every request answered");
	detach("views");
}

static void scenario_no_altp2m(void)
{
	attach();
	fails_with(rs_view_create(engine, NULL, &view), EOPNOTSUPP, "no altp2m");
	detach("views");
}

/* Of a guest of that size the shadow memory does not do for nine views. */
static void scenario_pool(void)
{
	struct rs_view *views[9];
	int error = 0;

	options.keep_shadow_memory = true;
	attach();
	for (unsigned int i = 0; i < 9 && !error; i++)
		error = rs_view_create(engine, NULL, &views[i]);
	fails_with(error, ENOMEM, "shadow memory that is to be kept");
	tap_ok(strstr(rs_error_text(), "shadow_memory="), "%s", rs_error_text());
	detach("views");
	options.keep_shadow_memory = false;
	attach();
	for (unsigned int i = 0, failed = 0; i < 9 && !failed; i++)
		failed = rs_view_create(engine, NULL, &views[i]);
	tap_ok(engine->views.pool_mib && engine->views.mask == 0x3fe, "or is raised, from %u MiB",
	       engine->views.pool_mib);
	detach("views");
}

static const struct scenario scenarios[] = {
	{ "life", scenario_life },
	{ "faults", scenario_faults },
	{ "missing", scenario_missing },
	{ "renew", scenario_renew },
	{ "million", scenario_million },
	{ "one_more", scenario_one_more },
	{ "all_caught", scenario_all_caught },
	{ "no_altp2m", scenario_no_altp2m },
	{ "pool", scenario_pool },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	options.workers = 1;
	return scenario_run(scenarios, argc, argv);
}
