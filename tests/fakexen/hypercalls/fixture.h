/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixture.h: a model in this process's memory, called by this process: no launcher, no
 * shim, no vCPU that runs. */
#ifndef TESTS_FAKEXEN_HYPERCALLS_FIXTURE_H
#define TESTS_FAKEXEN_HYPERCALLS_FIXTURE_H

#include "fakexen/hypercall.h"

/* Makes the model: room for a few domains and 64 MiB. */
const struct fx_caller *fixture_caller(void);

int64_t fixture_hypercall(uint64_t op, uint64_t a, uint64_t b, uint64_t c);
/* Fills in the interface's version. */
int64_t fixture_domctl(struct xen_domctl *ctl, uint32_t cmd, uint32_t domain);
/* Creates a domain of so many vCPUs and pages from gfn 0 on, as probe programs do. */
uint32_t fixture_domain(uint32_t vcpus, uint32_t pages);
/* Whether a line with this text came to the log since the last call. */
bool fixture_logged(const char *text);

/* A little PVH ELF file with 32 bytes of code at 1 MiB; returns its path. */
const char *fixture_image(void);

#endif
