/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event_names.h: words for the numbers in an event, as the SDM and Xen's headers spell them. */
#ifndef TOOLS_EVENT_NAMES_H
#define TOOLS_EVENT_NAMES_H

#include <stdint.h>

/* All return NULL for a number that has no name. */

/* "CR3", of an enum rs_cr. */
const char *cr_name(uint32_t which);
/* "GDTR", of an enum rs_descriptor. */
const char *descriptor_name(uint32_t which);
/* "LSTAR", of the index of a well-known MSR. */
const char *msr_name(uint64_t index);
/* "software exception", of an interruption type (SDM volume 3, table 25-15). */
const char *interruption_name(uint32_t type);
/* "VCPU_PAUSED", of bit number `bit` of a message's flags. */
const char *flag_name(unsigned int bit);
/* "GLA_VALID", of bit number `bit` of a page event's access. */
const char *access_name(unsigned int bit);

#endif
