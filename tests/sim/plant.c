/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant.c: bugs, planted to see that they are found. Each takes the place of a call between two of the
 * product's files (--wrap), in runs that ask for it; in all others the call goes where it should.
 */
#include <string.h>

#include "engine/orphan.h"
#include "engine/private.h"
#include "altp2m/trap_page.h"
#include "engine/wait.h"
#include "xen/altp2m.h"
#include "tests/sim/sim.h"

#define PLANTS(plant)                                                                    \
	plant(LOST_WAKE, "lost-wake")       /* who brings work wakes nobody */           \
	plant(LOST_STOP, "lost-stop")       /* who stops the engine wakes nobody */      \
	plant(STAYS_MASKED, "stays-masked") /* before it sleeps it does not unmask */    \
	plant(LEFT_OUT, "answer-left-out")                                               \
	plant(DOUBLED, "answer-doubled")                                                 \
	plant(SOURCES, "sources-last")      /* the ring is given back with sources on */ \
	plant(VIEWS, "views-not-left")      /* a detach leaves vCPUs in their view */    \
	plant(PAUSE, "pause-left")          /* a pause is not lifted, now and then */    \
	plant(SHADOWS, "shadows-left")      /* pages that were added stay */             \
	plant(UNSHOWN, "shadow-taken-away") /* with its last breakpoint, under open events */ \
	plant(DEAD_PAUSE, "dead-pause")     /* nobody lifts the pauses of a dead one */  \
	plant(UNNOTED_VIEW, "unnoted-view") /* the journal says nothing of altp2m, */    \
	plant(UNNOTED_PAGE, "unnoted-page") /* or of pages closed in the host's map */

enum plant {
	NO_PLANT,
#define PLANT_NUMBER(number, name) number,
	PLANTS(PLANT_NUMBER)
};

static const char *const names[] = {
	"none",
#define PLANT_NAME(number, name) name,
	PLANTS(PLANT_NAME)
};

const char *plant_name(uint32_t number)
{
	return number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}

static bool has(enum plant plant)
{
	return sim_run->plant == plant;
}

/* The rest of the file: the product's function, and what it is with the bug. */

void __real_rs_wait_wake(struct rs_engine *engine);
void __wrap_rs_wait_wake(struct rs_engine *engine)
{
	if (!has(LOST_WAKE))
		__real_rs_wait_wake(engine);
}

void __real_rs_wait_wake_all(struct rs_engine *engine);
void __wrap_rs_wait_wake_all(struct rs_engine *engine)
{
	if (!has(LOST_STOP))
		__real_rs_wait_wake_all(engine);
}

bool plant_stays_masked(void)
{
	return has(STAYS_MASKED);
}

int __real_rs_ring_put_head(struct rs_ring *ring, const void *message, uint32_t size);
int __wrap_rs_ring_put_head(struct rs_ring *ring, const void *message, uint32_t size)
{
	int error;

	if (has(LEFT_OUT) && sim_happens("an answer is left out", 4))
		return 0;
	error = __real_rs_ring_put_head(ring, message, size);
	if (has(DOUBLED) && !error && rs_ring_owed(ring) && sim_happens("an answer is doubled", 4))
		error = __real_rs_ring_put_head(ring, message, size);
	return error;
}

int __real_rs_sources_clear(struct rs_sources *sources);
int __wrap_rs_sources_clear(struct rs_sources *sources)
{
	return has(SOURCES) ? 0 : __real_rs_sources_clear(sources);
}

int __real_rs_views_leave(struct rs_views *views);
int __wrap_rs_views_leave(struct rs_views *views)
{
	return has(VIEWS) ? 0 : __real_rs_views_leave(views);
}

int __real_rs_xen_domain_unpause(struct rs_xen *xen, uint32_t domain);
int __wrap_rs_xen_domain_unpause(struct rs_xen *xen, uint32_t domain)
{
	if (has(PAUSE) && sim_happens("a pause is not lifted", 8))
		return 0;
	return __real_rs_xen_domain_unpause(xen, domain);
}

int __real_rs_shadows_release(struct rs_shadows *shadows);
int __wrap_rs_shadows_release(struct rs_shadows *shadows)
{
	return has(SHADOWS) ? 0 : __real_rs_shadows_release(shadows);
}

void __real_rs_traps_clear(struct rs_traps *traps, uint64_t address);
void __wrap_rs_traps_clear(struct rs_traps *traps, uint64_t address)
{
	__real_rs_traps_clear(traps, address);
	if (has(UNSHOWN) && traps->pages->view)
		rs_xen_altp2m_show(traps->xen, traps->domain, traps->pages->view,
				   address / RS_TRAP_PAGE_BYTES, RS_XEN_NO_GFN);
}

int __real_rs_orphan_unpause(struct rs_orphan *orphan);
int __wrap_rs_orphan_unpause(struct rs_orphan *orphan)
{
	return has(DEAD_PAUSE) ? 0 : __real_rs_orphan_unpause(orphan);
}

void __real_rs_journal_altp2m(struct rs_journal *journal, bool on);
void __wrap_rs_journal_altp2m(struct rs_journal *journal, bool on)
{
	if (!has(UNNOTED_VIEW))
		__real_rs_journal_altp2m(journal, on);
}

void __real_rs_journal_closed(struct rs_journal *journal, uint64_t first_gfn, uint64_t count);
void __wrap_rs_journal_closed(struct rs_journal *journal, uint64_t first_gfn, uint64_t count)
{
	if (!has(UNNOTED_PAGE))
		__real_rs_journal_closed(journal, first_gfn, count);
}
