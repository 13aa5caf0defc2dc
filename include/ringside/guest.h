/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.h: a guest's memory, from dom0.
 *
 * A guest may be opened whether or not an engine is attached to it, by any number of programs at
 * once, and nobody pauses it. Physical addresses are those that the guest calls so. All calls
 * may be made by any thread, handlers of events too, but rs_guest_close.
 *
 * What is read and written goes through a cache of mappings: what lies in it costs no system
 * call. A mapping is of 64 frames of 4096 bytes (256 KiB), and made by one. As Xen tells nobody
 * when a guest gives pages away (its balloon) or gets others in their place, a mapping is not
 * used any more when it has reached the age options.age_ms_max, but made anew. Who knows of a
 * change, or cannot bear that age, calls rs_guest_forget. A frame that was missing is asked for
 * again every time.
 *
 * An aligned read or write of 1, 2, 4 or 8 bytes is one access, that the guest sees whole.
 * Nothing else is ordered or whole while the guest runs. What is written here raises no event,
 * and is not seen by altp2m views that show the guest another page in that place.
 *
 * Source: xen/include/public/memory.h, and IOCTL_PRIVCMD_MMAPBATCH_V2 of Linux.
 */
#ifndef RINGSIDE_GUEST_H
#define RINGSIDE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/error.h>
#include <ringside/event.h>
#include <ringside/log.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_guest;

/* options.age_ms_max: mappings do not age. For guests whose memory is known to stay as it is. */
#define RS_GUEST_AGELESS UINT32_MAX

/* All 0 is the default. */
struct rs_guest_options {
	rs_log_function log;
	void *log_user;
	enum rs_log_level log_level; /* up to which; 0: RS_LOG_WARNING */
	/*
	 * How much of the guest may be mapped by the cache at once, in bytes. 0: 2 GiB. At least
	 * 256 KiB, and rounded down to a multiple of that. What it takes of dom0 is page tables
	 * (1/512 of it), and in a PVH dom0 as many pages of dom0's address space.
	 */
	uint64_t cache_bytes;
	/* How long a mapping is used, in milliseconds. 0: 1000. RS_GUEST_AGELESS: for ever. */
	uint32_t age_ms_max;
};

/*
 * Opens a running HVM or PVH domain, given by its name or its number. Changes nothing of it.
 * `options` may be NULL; `size` as in rs_watch_sized. On failure *guest is NULL.
 *
 * -ESRCH, -EPERM, -EACCES, -ENOENT, -EOPNOTSUPP: see error.h. -EINVAL: options.
 */
int rs_guest_open_sized(struct rs_guest **guest, const char *domain,
			const struct rs_guest_options *options, size_t size)
	__attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_guest_open(struct rs_guest **guest, const char *domain,
	      const struct rs_guest_options *options)
{
	return rs_guest_open_sized(guest, domain, options, sizeof(*options));
}

/*
 * Unmaps everything and frees it; nobody is in a call, or makes one any more. A domain that was
 * destroyed meanwhile goes only now. NULL is nothing.
 */
void rs_guest_close(struct rs_guest *guest);

/* As they were when it was opened. The name is "" where xenstore has none. */
uint32_t rs_guest_domain(const struct rs_guest *guest);
const char *rs_guest_domain_name(const struct rs_guest *guest);
uint32_t rs_guest_vcpu_count(const struct rs_guest *guest);

/*
 * The greatest physical address of the guest: the last byte of the greatest frame that there had
 * ever been when it was opened (XENMEM_maximum_gpfn), but for the shadow pages that engines put above it
 * for hidden breakpoints. Between 0 and it are holes.
 */
uint64_t rs_guest_address_max(const struct rs_guest *guest);

/*
 * Finds the first run of RAM from a physical address on: *begin is that address if there is RAM,
 * else the first frame that is RAM; *end is behind the last. Some holes are as large as the
 * guest: it takes a hypercall for each 512 frames that it looks at.
 *
 * -ENOENT: there is no more. -ESRCH: the domain does not exist any more.
 */
int rs_guest_find_ram(struct rs_guest *guest, uint64_t address, uint64_t *begin, uint64_t *end)
	__attribute__((warn_unused_result));

/*
 * Reads, or writes, `size` bytes from a physical address on. 0; or -errno, and *done (which may
 * be NULL) says how many bytes before the failing frame were transferred.
 *
 * -EFAULT: a frame is no RAM of the guest: it was ballooned out, it is a device's, or it lies
 * beyond the end; the text names it. -EINVAL: the range goes beyond 2^64. -ESRCH: the domain
 * does not exist any more. -ENOMEM and others: it could not be mapped.
 */
int rs_guest_read(struct rs_guest *guest, uint64_t address, void *bytes, size_t size,
		  size_t *done) __attribute__((warn_unused_result));
int rs_guest_write(struct rs_guest *guest, uint64_t address, const void *bytes, size_t size,
		   size_t *done) __attribute__((warn_unused_result));

/*
 * Maps a range for the caller, all of it or nothing, by one system call and outside of the
 * cache: *bytes is where `address` is. It is the caller's until rs_guest_unmap with the same
 * `size`, which comes before rs_guest_close; it does not age: a page that the guest gives away
 * stays in it as it was last. Writing to what is not `writable` is a SIGSEGV. At most 4 GiB.
 * Errors as rs_guest_read.
 */
int rs_guest_map(struct rs_guest *guest, uint64_t address, size_t size, bool writable,
		 void **bytes) __attribute__((warn_unused_result));
void rs_guest_unmap(struct rs_guest *guest, void *bytes, size_t size);

/*
 * Forgets the mappings of a range: the next access asks Xen again. To be called when the guest's
 * frames there have been changed, by populating or removing them. (0, UINT64_MAX): of all.
 */
void rs_guest_forget(struct rs_guest *guest, uint64_t address, uint64_t size);

/* The registers that say how a vCPU pages: which address space it is in. */
struct rs_paging {
	uint64_t cr0, cr3, cr4, efer;
};

/* Of the vCPU of an event; of a write to CR3, the address space that it leaves. */
static inline struct rs_paging rs_event_paging(const struct rs_event *event)
{
	struct rs_paging paging = { rs_event_cr0(event), rs_event_cr3(event), rs_event_cr4(event),
				    rs_event_efer(event) };

	return paging;
}

/* The address space of that CR3 in a 64-bit guest with page tables of four levels. */
static inline struct rs_paging rs_paging_4_level(uint64_t cr3)
{
	/* PG and PE; PAE; LME, LMA and NXE. */
	struct rs_paging paging = { 0x80000001, cr3, 0x20, 0xd00 };

	return paging;
}

/* What a page's tables allow beside reading by the supervisor. CR0.WP, SMEP and so on apart. */
enum {
	RS_RIGHT_WRITE = 1 << 0,
	RS_RIGHT_USER = 1 << 1,
	RS_RIGHT_EXECUTE = 1 << 2,
};

struct rs_translation {
	uint64_t physical;
	uint64_t page_size;     /* bytes: 4 KiB, 2 MiB, 4 MiB or 1 GiB */
	uint64_t entry;         /* the last one that was read, */
	uint64_t entry_address; /* where that lies, physically, */
	uint32_t level;         /* and of which level: 1 is the lowest, 0 none (no paging) */
	uint32_t rights;        /* RS_RIGHT_* */
};

/*
 * Where a linear address is, by the guest's page tables as they are now: all of x86's ways to
 * page (SDM volume 3, chapter 4), and without paging the address itself. Sets no accessed or
 * dirty bit. In an address space of 32 bits the address's upper half is ignored.
 *
 * -EFAULT: no page is there; *translation and the text say at which entry, of which level, the
 * walk ended; or a table lies in no RAM of the guest. -EINVAL: the address is not canonical. Or
 * as rs_guest_read.
 */
int rs_guest_translate(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
		       struct rs_translation *translation) __attribute__((warn_unused_result));

/*
 * As rs_guest_read and rs_guest_write, from a linear address on, page by page. What the page
 * tables forbid the guest is not forbidden here.
 */
int rs_guest_read_virtual(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
			  void *bytes, size_t size, size_t *done)
	__attribute__((warn_unused_result));
int rs_guest_write_virtual(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
			   const void *bytes, size_t size, size_t *done)
	__attribute__((warn_unused_result));

struct rs_guest_statistics {
	uint64_t maps;         /* calls that mapped something for the cache */
	uint64_t frames;       /* that were asked for by these */
	uint64_t unmaps;       /* of these mappings */
	uint64_t aged;         /* unmapped because they were too old */
	uint64_t evicted;      /* unmapped because the cache was full */
	uint64_t cached_bytes; /* mapped at this moment */
};

/* `size` as in rs_watch_sized. */
void rs_guest_statistics_sized(struct rs_guest *guest, struct rs_guest_statistics *statistics,
			       size_t size);

static inline void rs_guest_statistics(struct rs_guest *guest,
				       struct rs_guest_statistics *statistics)
{
	rs_guest_statistics_sized(guest, statistics, sizeof(*statistics));
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
