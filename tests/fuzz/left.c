/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * left.c: bytes become what a dead engine has left, its journal, its ring's page and its record, and
 * are gone by, as a keeper does or as a recovery does. Xen is played here: it does all it is asked,
 * but must not be asked for what cannot be.
 *
 * The first byte says how: 1: heads are put right first; 2: with the page; 4: the ring is on; 8: a
 * journal and no record; the upper four bits, how many vCPUs there are.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <ringside/event.h>
#include <ringside/guest.h>
#include <ringside/probe.h>

#include "engine/layout.h"
#include "engine/orphan.h"
#include "journal/journal.h"
#include "tests/fuzz/fuzz.h"
#include "xen/altp2m.h"
#include "xen/context.h"
#include "xen/domain.h"
#include "xen/memory.h"
#include "xen/monitor.h"
#include "xen/port.h"
#include "xen/store.h"
#include "xen/vcpu.h"

#define DOMAIN 7
#define MAX_GFN 0xfffff
#define GFN_LIMIT (1ULL << 41)

static struct rs_orphan orphan;
static bool ring_on;
static uint8_t new_page[RS_RING_PAGE_SIZE] __attribute__((aligned(64)));

/* -- Xen -- */

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	return 0;
}

static int of_vcpu(uint32_t vcpu)
{
	FUZZ_MUST(vcpu < orphan.vcpu_count);
	return 0;
}

int rs_xen_domain_read(struct rs_xen *xen, uint32_t domain, struct rs_xen_domain *info)
{
	*info = (struct rs_xen_domain){ .hvm = true, .vcpu_count = orphan.vcpu_count };
	return 0;
}

int rs_xen_domain_pause(struct rs_xen *xen, uint32_t domain) { return 0; }
int rs_xen_domain_unpause(struct rs_xen *xen, uint32_t domain) { return 0; }

int rs_xen_domain_max_gfn(struct rs_xen *xen, uint32_t domain, uint64_t *gfn)
{
	*gfn = MAX_GFN;
	return 0;
}

int rs_xen_domain_set_max_pages(struct rs_xen *xen, uint32_t domain, uint64_t pages)
{
	FUZZ_MUST(pages && pages < GFN_LIMIT);
	return 0;
}

int rs_xen_monitor_kinds(struct rs_xen *xen, uint32_t domain, uint32_t *kinds)
{
	*kinds = 0xfffe;
	return 0;
}

int rs_xen_monitor_taken(struct rs_xen *xen, uint32_t domain) { return ring_on; }
int rs_xen_monitor_resume(struct rs_xen *xen, uint32_t domain) { return 0; }
int rs_xen_monitor_remove_page(struct rs_xen *xen, uint32_t domain) { return 0; }
void rs_xen_monitor_unmap(struct rs_xen *xen, void *page) { FUZZ_MUST(page == new_page); }

int rs_xen_monitor_disable(struct rs_xen *xen, uint32_t domain)
{
	ring_on = false;
	return 0;
}

int rs_xen_monitor_enable_here(struct rs_xen *xen, uint32_t domain, void **page, uint32_t *port)
{
	FUZZ_MUST(!ring_on);
	ring_on = true;
	*page = new_page;
	*port = 1;
	return 0;
}

int rs_xen_monitor_switch(struct rs_xen *xen, uint32_t domain, const struct rs_xen_source *source,
			  bool on)
{
	FUZZ_MUST(source->kind != RS_CR || source->index <= RS_XCR0);
	return on ? 0 : -EEXIST;
}

enum rs_altp2m rs_xen_altp2m_state(struct rs_xen *xen, uint32_t domain) { return RS_ALTP2M_ACTIVE; }
int rs_xen_altp2m_activate(struct rs_xen *xen, uint32_t domain, bool active) { return 0; }
int rs_xen_altp2m_switch(struct rs_xen *xen, uint32_t domain, uint16_t view) { return 0; }

int rs_xen_altp2m_destroy(struct rs_xen *xen, uint32_t domain, uint16_t view)
{
	FUZZ_MUST(view && view < 64);
	return 0;
}

int rs_xen_memory_access(struct rs_xen *xen, uint32_t domain, uint64_t first, uint64_t count,
			 uint32_t access)
{
	FUZZ_MUST(count && first <= MAX_GFN && count <= MAX_GFN + 1 - first);
	return 0;
}

int rs_xen_memory_set_pool(struct rs_xen *xen, uint32_t domain, uint32_t mib) { return 0; }

int rs_xen_memory_is_ram(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t count,
			 uint64_t bits[RS_XEN_MEMORY_TYPES / 64])
{
	FUZZ_MUST(gfn + count < GFN_LIMIT && count <= RS_XEN_MEMORY_TYPES);
	memset(bits, 0, RS_XEN_MEMORY_TYPES / 8);
	bits[0] = 1;
	return 0;
}

int rs_xen_memory_remove(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t count)
{
	FUZZ_MUST(gfn < GFN_LIMIT && count == 1);
	return 0;
}

int rs_xen_vcpu_read(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, struct rs_xen_vcpu *info)
{
	*info = (struct rs_xen_vcpu){ .online = true, .blocked = true };
	return of_vcpu(vcpu);
}

int rs_xen_vcpu_step(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, bool on)
{
	return of_vcpu(vcpu);
}

int rs_xen_vcpu_inject(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, uint8_t vector,
		       uint8_t type, uint32_t error_code, uint8_t insn_length, uint64_t extra)
{
	return of_vcpu(vcpu);
}

int rs_xen_context_read(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
			struct rs_vcpu_registers *registers)
{
	memset(registers, 0, sizeof(*registers));
	return of_vcpu(vcpu);
}

int rs_xen_context_write(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
			 const struct rs_vcpu_registers *registers)
{
	return of_vcpu(vcpu);
}

int rs_xen_port_bind(struct rs_xen_port *port, struct rs_xen *xen, uint32_t domain, uint32_t remote)
{
	return 0;
}

void rs_xen_port_unbind(struct rs_xen_port *port) {}

static int notify(void *context) { return 0; }
const struct rs_doorbell_calls rs_xen_port_calls = { .notify = notify };

void rs_xen_keep_journal(struct rs_xen *xen, struct rs_journal *journal) {}

/* Of rs_recover, which nobody calls here. */
int rs_xen_open(struct rs_xen **xen, const struct rs_log *log) { return -ENOSYS; }
void rs_xen_close(struct rs_xen *xen) {}
int rs_xen_store_find(struct rs_xen *xen, const char *text, uint32_t *domain) { return -ENOSYS; }
int rs_xen_monitor_version(struct rs_xen *xen, uint32_t *version) { return -ENOSYS; }

const char *rs_kind_name(enum rs_kind kind) { return "some"; }

/* -- what was left -- */

/* A file of `length` bytes, from the input as long as that lasts. */
static int make_file(const uint8_t **data, size_t *size, size_t length)
{
	size_t part = *size < length ? *size : length;
	int fd = memfd_create("left", MFD_CLOEXEC);

	FUZZ_MUST(fd >= 0 && !ftruncate(fd, (off_t)length));
	FUZZ_MUST(pwrite(fd, *data, part, 0) == (ssize_t)part);
	*data += part;
	*size -= part;
	return fd;
}

static void put_journal_right(int fd)
{
	struct rs_journal head = { .magic = RS_JOURNAL_MAGIC, .version = RS_JOURNAL_VERSION,
				   .domain = DOMAIN };

	FUZZ_MUST(pwrite(fd, &head, offsetof(struct rs_journal, handle), 0) > 0);
}

static void put_record_right(int fd)
{
	struct rs_record *record;

	FUZZ_MUST(!rs_record_map(&record, fd));
	memcpy(record->magic, RS_RECORD_MAGIC, sizeof(record->magic));
	record->version = RS_RECORD_VERSION;
	record->domain = DOMAIN;
	record->turn_count = RS_TURNS;
	rs_record_leave(record);
}

static void go_by_it(const uint8_t **data, size_t *size, uint8_t how)
{
	static uint8_t page[RS_RING_PAGE_SIZE] __attribute__((aligned(64)));
	int journal_fd = make_file(data, size, sizeof(struct rs_journal)), record_fd;
	size_t part = *size < sizeof(page) ? *size : sizeof(page);

	memset(page, 0, sizeof(page));
	memcpy(page, *data, part);
	*data += part;
	*size -= part;
	record_fd = make_file(data, size, sizeof(struct rs_record));
	if (how & 1) {
		put_journal_right(journal_fd);
		put_record_right(record_fd);
	}
	if (!rs_journal_map(&orphan.journal, journal_fd)) {
		FUZZ_MUST(!rs_record_map(&orphan.record, record_fd));
		if (how & 8 || !rs_record_is_sound(orphan.record, DOMAIN)) {
			rs_record_leave(orphan.record);
			orphan.record = NULL;
		}
		orphan.page = how & 2 ? page : NULL;
		rs_orphan_take_back(&orphan);
		rs_record_leave(orphan.record);
		rs_journal_close(orphan.journal, false);
	}
	close(record_fd);
	close(journal_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? *data : 0;
	static const struct rs_log nobody;

	if (!size)
		return 0;
	data++;
	size--;
	ring_on = how & 4;
	orphan = (struct rs_orphan){ .log = &nobody, .domain = DOMAIN,
				     .vcpu_count = 1 + (how >> 4), .layout = rs_layout_find(7) };
	go_by_it(&data, &size, how);
	return 0;
}
