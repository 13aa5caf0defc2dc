/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port.c: event channels as Linux's evtchn driver shows them, and the histogram. */
#include <errno.h>

#include "fakexen/histogram.h"
#include "tests/fakexen/events/bed.h"
#include "tests/unit/tap.h"

static void test_mask(void)
{
	struct bed bed;
	bool good = true;

	bed_make(&bed, 1);
	bed_enable(&bed);
	fx_port_raise(bed.model, &bed.host, bed.port);
	good &= TAP_SAME(bed.delivered, 1);
	fx_port_raise(bed.model, &bed.host, bed.port);
	fx_port_raise(bed.model, &bed.host, bed.port);
	good &= TAP_SAME(bed.delivered, 1);
	tap_ok(good, "a port that was raised is masked: further raises only pend");
	good = TAP_SAME(fx_port_unmask(bed.model, &bed.host, BED_DEVICE, bed.port), 0);
	good &= TAP_SAME(bed.delivered, 2);
	tap_ok(good, "unmasked it delivers what pends, once");
	good = TAP_SAME(fx_port_unmask(bed.model, &bed.host, BED_DEVICE, bed.port), 0);
	good &= TAP_SAME(bed.delivered, 2);
	fx_port_raise(bed.model, &bed.host, bed.port);
	good &= TAP_SAME(bed.delivered, 3);
	tap_ok(good, "unmasked with nothing pending it waits for the next raise");
	tap_ok(fx_port_unmask(bed.model, &bed.host, BED_DEVICE + 1, bed.port) == -EINVAL,
		"another device's port: EINVAL");
	bed_destroy(&bed);
}

static void test_bind(void)
{
	struct bed bed;
	uint32_t xen_port;
	int port;
	bool good;

	bed_make(&bed, 1);
	bed_enable(&bed);
	xen_port = bed.domain->vm_event.xen_port;
	tap_ok(fx_port_bind_interdomain(bed.model, BED_DEVICE, 1, xen_port) == -EINVAL,
		"a port that is bound cannot be bound again");
	tap_ok(fx_port_bind_interdomain(bed.model, BED_DEVICE, 99, xen_port) == -ESRCH,
		"no such domain: ESRCH");
	tap_ok(fx_port_unbind(bed.model, BED_DEVICE + 1, bed.port) == -ENOTCONN,
		"unbinding another device's port: ENOTCONN");
	fx_port_unbind_device(bed.model, BED_DEVICE);
	tap_ok(fx_port_send(bed.model, &bed.host, bed.port) == -EINVAL,
		"the last close of a device unbinds its ports");
	port = fx_port_bind_interdomain(bed.model, BED_DEVICE, 1, xen_port);
	bed.port = port;
	bed.delivered = 0;
	fx_port_settle(bed.model, &bed.host, port);
	good = TAP_SAME(port > 0, true) && TAP_SAME(bed.delivered, 1);
	tap_ok(good, "Xen's end waits for somebody new, and a new binding is raised at once");
	fx_port_unbind(bed.model, BED_DEVICE, port);
	bed.delivered = 0;
	good = TAP_SAME(bed_report(&bed, 0, true), 1) && TAP_SAME(bed.delivered, 0);
	tap_ok(good, "with nobody bound a request is put all the same");
	bed_destroy(&bed);
}

static void test_loopback(void)
{
	struct bed bed;
	int first, second;

	bed_make(&bed, 1);
	first = fx_port_bind_unbound(bed.model, BED_DEVICE, 0);
	second = fx_port_bind_interdomain(bed.model, BED_DEVICE, 0, first);
	tap_ok(first > 0 && second > 0 && first != second, "two ends in dom0");
	bed.port = first;
	tap_ok(!fx_port_send(bed.model, &bed.host, second) && bed.delivered == 1,
		"a send to one raises the other");
	fx_port_unbind(bed.model, BED_DEVICE, second);
	tap_ok(!fx_port_send(bed.model, &bed.host, first), "with the other gone it is dropped");
	first = fx_port_bind_virq(bed.model, BED_DEVICE, VIRQ_DOM_EXC);
	tap_ok(first > 0 && fx_port_bind_virq(bed.model, BED_DEVICE, VIRQ_DOM_EXC) == -EEXIST &&
		fx_port_bind_virq(bed.model, BED_DEVICE, 99) == -EINVAL, "a VIRQ is bound once");
	bed.port = first;
	bed.delivered = 0;
	fx_port_raise_virq(bed.model, &bed.host, VIRQ_DOM_EXC);
	tap_ok(bed.delivered == 1, "and raised by its number");
	bed_destroy(&bed);
}

static void test_histogram(void)
{
	static uint64_t counts[FX_HISTOGRAM];
	bool good = true;

	for (uint64_t ns = 1; ns < 1ull << 36; ns += ns / 7 + 1) {
		uint64_t middle = fx_histogram_value(fx_histogram_bucket(ns));
		uint64_t off = middle > ns ? middle - ns : ns - middle;

		if (off * 100 > ns * 3 && good)
			good = TAP_SAME(middle, ns);
	}
	tap_ok(good, "a bucket's value is within 3 %% of what is counted in it");
	good = TAP_SAME(fx_histogram_bucket(UINT64_MAX), FX_HISTOGRAM - 1);
	tap_ok(good, "what is too long counts in the last bucket");
	good = TAP_SAME(fx_histogram_percentile(counts, 50), 0);
	for (unsigned int i = 1; i <= 100; i++)
		counts[fx_histogram_bucket(i < 64 ? i : 1000)]++;
	good &= TAP_SAME(fx_histogram_percentile(counts, 50), 50);
	good &= TAP_SAME(fx_histogram_percentile(counts, 1), 1);
	good &= TAP_SAME(fx_histogram_percentile(counts, 99),
		fx_histogram_value(fx_histogram_bucket(1000)));
	tap_ok(good, "percentiles");
}

int main(void)
{
	test_mask();
	test_bind();
	test_loopback();
	test_histogram();
	return tap_done();
}
