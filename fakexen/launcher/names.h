/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* names.h: names of hypercalls and events for reports. */
#ifndef FAKEXEN_LAUNCHER_NAMES_H
#define FAKEXEN_LAUNCHER_NAMES_H

const char *name_of_hypercall(unsigned int number);
const char *name_of_domctl(unsigned int command);
const char *name_of_event(unsigned int reason);

#endif
