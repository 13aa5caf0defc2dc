/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest.c: opening a guest, and what it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest/lent.h"
#include "guest/private.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/sized.h"
#include "xen/store.h"

#define CACHE_BYTES_DEFAULT (2ULL << 30)
#define AGE_MS_DEFAULT 1000

static int read_options(struct rs_guest_options *known, const struct rs_guest_options *options,
			size_t size)
{
	int error = rs_options_read(known, sizeof(*known), options, size);

	if (error)
		return error;
	if (!known->log_level)
		known->log_level = RS_LOG_WARNING;
	if (!known->cache_bytes)
		known->cache_bytes = CACHE_BYTES_DEFAULT;
	if (!known->age_ms_max)
		known->age_ms_max = AGE_MS_DEFAULT;
	if (known->cache_bytes < RS_BLOCK_SIZE)
		return rs_fail(EINVAL, "cache_bytes: the cache maps %u bytes at a time, so %llu "
				       "are too few", RS_BLOCK_SIZE,
			       (unsigned long long)known->cache_bytes);
	return 0;
}

static int check_domain(struct rs_guest *guest)
{
	struct rs_xen_domain info;
	int error = rs_xen_domain_read(guest->xen, guest->domain, &info);

	if (error)
		return error;
	if (info.dying)
		return rs_fail(ESRCH, "domain %u is being destroyed", guest->domain);
	if (!info.hvm)
		return rs_fail(EOPNOTSUPP, "domain %u is a PV domain: it has no physical memory "
					   "of its own; HVM and PVH domains have",
			       guest->domain);
	guest->vcpu_count = info.vcpu_count;
	return rs_xen_domain_top(guest->xen, guest->domain, &guest->max_gfn);
}

/* With a connection, and the domain's number. */
static int open_guest(struct rs_guest *guest, const struct rs_guest_options *options)
{
	int error = check_domain(guest);

	if (error)
		return error;
	rs_xen_store_name(guest->xen, guest->domain, guest->name, sizeof(guest->name));
	error = rs_xen_foreign_open(&guest->foreign, guest->xen, guest->domain);
	if (error)
		return error;
	return rs_cache_open(&guest->cache, guest->foreign, options->cache_bytes,
			     options->age_ms_max);
}

int rs_guest_open_sized(struct rs_guest **out, const char *domain,
			const struct rs_guest_options *options, size_t size)
{
	struct rs_guest *guest = calloc(1, sizeof(*guest));
	struct rs_guest_options known;
	struct rs_error_note note;
	int error;

	*out = NULL;
	if (!guest)
		return rs_fail(ENOMEM, "no memory for a guest");
	error = read_options(&known, options, size);
	guest->log = (struct rs_log){ known.log, known.log_user, known.log_level };
	if (!error)
		error = rs_xen_open(&guest->xen, &guest->log);
	if (!error)
		error = rs_xen_store_find(guest->xen, domain, &guest->domain);
	if (!error)
		error = open_guest(guest, &known);
	if (error) {
		rs_error_keep(&note);
		rs_guest_close(guest);
		rs_error_restore(&note);
		return error;
	}
	*out = guest;
	return 0;
}

int rs_guest_open_lent(struct rs_guest **out, struct rs_xen *xen, const struct rs_log *log,
		       uint32_t domain, uint64_t max_gfn)
{
	struct rs_guest *guest = calloc(1, sizeof(*guest));
	struct rs_guest_options known;
	struct rs_error_note note;
	int error;

	*out = NULL;
	if (!guest)
		return rs_fail(ENOMEM, "no memory for a guest");
	guest->xen = xen;
	guest->lent = true;
	guest->log = *log;
	guest->domain = domain;
	error = read_options(&known, NULL, 0);
	if (!error)
		error = open_guest(guest, &known);
	if (error) {
		rs_error_keep(&note);
		rs_guest_close(guest);
		rs_error_restore(&note);
		return error;
	}
	guest->max_gfn = max_gfn;
	*out = guest;
	return 0;
}

/* A part that opening did not reach is 0 or NULL. */
void rs_guest_close(struct rs_guest *guest)
{
	if (!guest)
		return;
	rs_guest_resume_all(guest);
	if (guest->foreign)
		rs_cache_close(&guest->cache);
	rs_xen_foreign_close(guest->foreign);
	if (!guest->lent)
		rs_xen_close(guest->xen);
	free(guest);
}

uint32_t rs_guest_domain(const struct rs_guest *guest)
{
	return guest->domain;
}

const char *rs_guest_domain_name(const struct rs_guest *guest)
{
	return guest->name;
}

uint32_t rs_guest_vcpu_count(const struct rs_guest *guest)
{
	return guest->vcpu_count;
}

uint64_t rs_guest_address_max(const struct rs_guest *guest)
{
	return (guest->max_gfn + 1) * RS_FRAME_SIZE - 1;
}

void rs_guest_statistics_sized(struct rs_guest *guest, struct rs_guest_statistics *out,
			       size_t size)
{
	struct rs_guest_statistics statistics;
	struct rs_cache *cache = &guest->cache;

	pthread_mutex_lock(&cache->mutex);
	statistics = (struct rs_guest_statistics){
		.maps = cache->maps,
		.frames = cache->frames,
		.unmaps = cache->unmaps,
		.aged = cache->aged,
		.evicted = cache->evicted,
		.cached_bytes = (uint64_t)cache->seats_taken * RS_BLOCK_SIZE,
	};
	pthread_mutex_unlock(&cache->mutex);
	memset(out, 0, size);
	memcpy(out, &statistics, size < sizeof(statistics) ? size : sizeof(statistics));
}
