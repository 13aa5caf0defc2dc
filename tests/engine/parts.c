/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parts.c: the small parts: error texts, options, merged sources, histograms, a handler's pace. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/ringside.h>

#include "engine/options.h"
#include "engine/private.h"
#include "engine/sources.h"
#include "engine/statistics.h"
#include "tests/unit/tap.h"
#include "xen/error.h"
#include "xen/sized.h"

static void *fail_elsewhere(void *unused)
{
	rs_fail(EBUSY, "elsewhere");
	return NULL;
}

static void test_errors(void)
{
	struct rs_error_note note;
	pthread_t thread;

	tap_ok(!*rs_error_text(), "no text before the first failure");
	tap_ok(rs_fail(EIO, "call %d", 7) == -EIO && rs_fail(-EIO, "call %d", 7) == -EIO &&
		       !strcmp(rs_error_text(), "call 7"),
	       "a failure is a negative errno and a text");
	tap_ok(!strcmp(rs_strerror(-EIO), "call 7") && !strcmp(rs_strerror(EIO), "call 7") &&
		       !strcmp(rs_strerror(-ENOENT), strerror(ENOENT)),
	       "another error has the C library's words");
	pthread_create(&thread, NULL, fail_elsewhere, NULL);
	pthread_join(thread, NULL);
	tap_ok(!strcmp(rs_error_text(), "call 7"), "another thread's failure is its own");
	rs_error_keep(&note);
	rs_fail(ENOMEM, "clean-up");
	rs_error_restore(&note);
	tap_ok(!strcmp(rs_strerror(EIO), "call 7"), "a clean-up's failure can be set aside");
	tap_ok(!strcmp(rs_version(), PACKAGE_VERSION) && strchr(rs_version_xen(), '.'),
	       "both versions are told: %s for Xen %s", rs_version(), rs_version_xen());
}

static int check(struct rs_watch_options options)
{
	uint32_t kinds = ~(1u << RS_IO);

	return rs_options_check_watch(&options, kinds);
}

static int check_page(uint64_t first_gfn, uint64_t last_gfn, uint32_t access)
{
	return check((struct rs_watch_options){ .kind = RS_PAGE,
						.page = { .first_gfn = first_gfn,
							  .last_gfn = last_gfn,
							  .access = access } });
}

static void test_options(void)
{
	struct {
		struct rs_watch_options options;
		int tail;
	} newer = { .options = { .kind = RS_CPUID } };
	struct rs_watch_options read;

	tap_ok(rs_options_read(&read, sizeof(read), &newer, sizeof(newer)) == 0 &&
		       read.kind == RS_CPUID, "a newer program's options with nothing new in them");
	newer.tail = 1;
	tap_ok(rs_options_read(&read, sizeof(read), &newer, sizeof(newer)) == -EINVAL,
	       "and with something new, which is refused");
	memset(&read, 0xff, sizeof(read));
	tap_ok(rs_options_read(&read, sizeof(read), &newer, sizeof(enum rs_kind)) == 0 &&
		       read.kind == RS_CPUID && !read.handler && !read.user,
	       "an older program's: what it does not know is 0");

	tap_ok(check((struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR4 } }) == 0,
	       "a watch of CR4");
	tap_ok(check((struct rs_watch_options){ .kind = RS_CR, .cr = { .which = 4 } }) == -EINVAL,
	       "no CR8");
	tap_ok(check((struct rs_watch_options){ .kind = RS_CR, .deny = true,
						.cr = { .which = RS_XCR0 } }) == -EINVAL,
	       "no denying of XCR0");
	tap_ok(check((struct rs_watch_options){ .kind = RS_CPUID, .deny = true }) == -EINVAL,
	       "no denying of CPUID");
	tap_ok(check_page(5, 4, 0) == -EINVAL, "no backward range");
	tap_ok(check_page(5, 0, RS_ACCESS_W) == -EINVAL &&
		       check_page(5, 0, RS_ACCESS_W | RS_ACCESS_X) == -EINVAL,
	       "no page that can be written but not read");
	tap_ok(check_page(5, 0, 7) == -EINVAL, "no watch for nothing");
	tap_ok(check((struct rs_watch_options){ .kind = RS_MSR,
						.msr = { .index = 0x1fff } }) == 0 &&
		       check((struct rs_watch_options){ .kind = RS_MSR,
							.msr = { .index = 0xc0001fff } }) == 0 &&
		       check((struct rs_watch_options){ .kind = RS_MSR,
							.msr = { .index = 0x2000 } }) == -EINVAL &&
		       check((struct rs_watch_options){ .kind = RS_MSR,
							.msr = { .index = 0xbfffffff } }) == -EINVAL,
	       "MSRs in Xen's three ranges only");
	tap_ok(check((struct rs_watch_options){ .kind = RS_IO }) == -EOPNOTSUPP &&
		       check((struct rs_watch_options){ .kind = RS_PRIVILEGED_CALL }) ==
			       -EOPNOTSUPP &&
		       check((struct rs_watch_options){ .kind = RS_PAGING }) == -EINVAL,
	       "kinds that cannot be watched, here or ever");
	tap_ok(check((struct rs_watch_options){ .kind = RS_MSR, .asynchronous = true }) == -EINVAL,
	       "no asynchronous MSR events");
}

static void test_sources(void)
{
	struct rs_xen_source source = { .kind = RS_CR, .index = RS_CR4, .ignored_bits = 0x82,
					.on_change_only = true };
	const struct rs_xen_source other = { .kind = RS_CR, .index = RS_CR4, .ignored_bits = 0x81,
					     .synchronous = true };

	rs_source_merge(&source, &source);
	tap_ok(source.ignored_bits == 0x82 && source.on_change_only && !source.synchronous,
	       "two that wish the same get that");
	rs_source_merge(&source, &other);
	tap_ok(source.ignored_bits == 0x80 && source.synchronous && !source.on_change_only,
	       "it serves all who wish it: only bits that all ignore, synchronous if any is");
}

static void test_histogram(void)
{
	struct rs_histogram *histogram = calloc(1, sizeof(*histogram));
	bool good = true;

	tap_ok(rs_histogram_quantile(histogram, 0.5) == 0, "of nothing the median is 0");
	for (uint64_t value = 1; value <= 1000; value++)
		rs_histogram_add(histogram, value * 1000, 1);
	good &= rs_histogram_quantile(histogram, 0.5) >= 500000 &&
		rs_histogram_quantile(histogram, 0.5) <= 500000 + 500000 / 16;
	good &= rs_histogram_quantile(histogram, 0.99) >= 990000 &&
		rs_histogram_quantile(histogram, 0.99) <= 1000000;
	good &= rs_histogram_quantile(histogram, 1) == 1000000 && histogram->max == 1000000;
	tap_ok(good, "quantiles are at most a sixteenth too high, the maximum is exact");
	memset(histogram, 0, sizeof(*histogram));
	rs_histogram_add(histogram, UINT64_MAX, 3);
	tap_ok(rs_histogram_quantile(histogram, 0.01) == UINT64_MAX && rs_histogram_count(histogram) == 3,
	       "the greatest value has a bucket");
	good = true;
	for (unsigned int bit = 0; bit < 64; bit++) {
		for (int64_t off = -1; off <= 1; off++) {
			uint64_t value = (1ULL << bit) + (uint64_t)off;

			memset(histogram, 0, sizeof(*histogram));
			rs_histogram_add(histogram, value, 1);
			rs_histogram_add(histogram, UINT64_MAX, 1);
			good &= rs_histogram_quantile(histogram, 0.5) >= value &&
				rs_histogram_quantile(histogram, 0.5) - value <= value / 16;
		}
	}
	tap_ok(good, "around every power of two");
	free(histogram);
}

/* `count` calls that took so long each. Is the handler slow now? */
static bool is_slow_after(struct rs_pace *pace, uint64_t ticks, unsigned int count)
{
	const struct rs_engine engine = { .notify_ticks = 100, .wake_ticks = 1000 };

	while (count--)
		rs_pace_change(pace, ticks, &engine);
	return pace->slow;
}

static void test_pace(void)
{
	struct rs_pace pace = { 0 };
	bool good;

	rs_pace_init(&pace);
	tap_ok(is_slow_after(&pace, 50, 7) && !is_slow_after(&pace, 50, 1) && !pace.all,
	       "a handler is slow until it has been quick eight times");
	tap_ok(!is_slow_after(&pace, 5000, 1) && pace.held && !is_slow_after(&pace, 50, 8) && !pace.all,
	       "one long call in nine says nothing, but answers do not wait behind the next eight");
	good = !is_slow_after(&pace, 5000, 1) && !is_slow_after(&pace, 50, 8);
	good &= !is_slow_after(&pace, 5000, 1) && !is_slow_after(&pace, 50, 7);
	tap_ok(good && is_slow_after(&pace, 5000, 1), "two do");
	tap_ok(is_slow_after(&pace, 500, 7) && !is_slow_after(&pace, 500, 1) && pace.held,
	       "who takes longer than a notify and no longer than waking is quick after eight calls, too");
}

int main(void)
{
	test_errors();
	test_options();
	test_sources();
	test_histogram();
	test_pace();
	return tap_done();
}
