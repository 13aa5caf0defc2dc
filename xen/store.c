/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store.c: names from /local/domain, and the special watch @releaseDomain. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/private.h"
#include "xen/store.h"

/* Domain numbers end below DOMID_FIRST_RESERVED. */
static bool parse_number(const char *text, uint32_t *id)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end || errno || value >= DOMID_FIRST_RESERVED)
		return false;
	*id = (uint32_t)value;
	return true;
}

void rs_xen_store_name(struct rs_xen *xen, uint32_t domain, char *name, size_t size)
{
	char path[64];
	unsigned int length;
	char *value;

	name[0] = '\0';
	if (!xen->store)
		return;
	snprintf(path, sizeof(path), "/local/domain/%u/name", domain);
	value = xs_read(xen->store, XBT_NULL, path, &length);
	if (!value)
		return;
	snprintf(name, size, "%s", value);
	free(value);
}

static bool has_name(struct rs_xen *xen, const char *entry, const char *name, uint32_t *id)
{
	char found[256];

	if (!parse_number(entry, id))
		return false;
	rs_xen_store_name(xen, *id, found, sizeof(found));
	return strcmp(found, name) == 0;
}

int rs_xen_store_find_other(struct rs_xen *xen, const char *name, uint32_t other, uint32_t *id)
{
	unsigned int count = 0;
	bool found = false;
	char **entries;

	if (!xen->store)
		return rs_fail(ENOENT, "domain %s: there is no xenstore to look up the name in: "
				       "give the domain's number", name);
	entries = xs_directory(xen->store, XBT_NULL, "/local/domain", &count);
	if (!entries)
		return rs_xen_fail(xen, "xs_directory /local/domain", RS_NO_DOMAIN);
	for (unsigned int i = 0; i < count && !found; i++)
		found = has_name(xen, entries[i], name, id) && *id != other;
	free(entries);
	if (!found)
		return rs_fail(ESRCH, "there is no domain called %s: see xl list", name);
	return 0;
}

int rs_xen_store_find(struct rs_xen *xen, const char *domain, uint32_t *id)
{
	if (!domain || !*domain)
		return rs_fail(EINVAL, "which domain? Give its name or its number");
	if (parse_number(domain, id))
		return 0;
	return rs_xen_store_find_other(xen, domain, RS_NO_DOMAIN, id);
}

bool rs_xen_store_introduced(struct rs_xen *xen, uint32_t domain)
{
	return xen->store && xs_is_domain_introduced(xen->store, domain);
}

static int watch_special(struct rs_xen *xen, const char *what)
{
	if (!xen->store)
		return rs_fail(ENOENT, "there is no xenstore");
	if (!xs_watch(xen->store, what, what))
		return rs_xen_fail(xen, what, RS_NO_DOMAIN);
	return xs_fileno(xen->store);
}

int rs_xen_store_watch_introduce(struct rs_xen *xen)
{
	return watch_special(xen, "@introduceDomain");
}

int rs_xen_store_watch_release(struct rs_xen *xen)
{
	return watch_special(xen, "@releaseDomain");
}

bool rs_xen_store_released(struct rs_xen *xen)
{
	bool released = false;
	char **event;

	while ((event = xs_check_watch(xen->store))) {
		released = true;
		free(event);
	}
	return released;
}
