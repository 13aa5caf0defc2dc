/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch.c: who wants to hear of which path, and the telling. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakexen/launcher/xenstore/store.h"

static void tell(struct store_client *client, const struct watch *watch, const char *path)
{
	size_t path_size = strlen(path) + 1, token_size = strlen(watch->token) + 1;
	struct xsd_sockmsg header = { .type = XS_WATCH_EVENT,
				      .len = (uint32_t)(path_size + token_size) };
	char *body = malloc(header.len);

	if (!body)
		return;
	memcpy(body, path, path_size);
	memcpy(body + path_size, watch->token, token_size);
	client->send(client, &header, body);
	free(body);
}

static void watch_free(struct watch *watch)
{
	free(watch->path);
	free(watch->token);
	free(watch);
}

static struct watch **find(struct store_client *client, const char *path, const char *token)
{
	struct watch **link = &client->watches;

	while (*link && (strcmp((*link)->path, path) || strcmp((*link)->token, token)))
		link = &(*link)->next;
	return link;
}

/* The strings of "<path>|<token>|[<depth>|]"; depth -1 when it is not there. */
static int parse(const char *body, size_t size, const char **token, int *depth)
{
	const char *end = body + size, *next;

	*depth = -1;
	*token = body + strlen(body) + 1;
	if (*token >= end)
		return -EINVAL;
	next = *token + strlen(*token) + 1;
	if (next < end)
		*depth = atoi(next);
	return body[0] == '@' || path_valid(body) ? 0 : -EINVAL;
}

int watch_add(struct store *store, struct store_client *client, const char *body, size_t size)
{
	struct watch *watch;
	const char *token;
	int depth;

	if (parse(body, size, &token, &depth))
		return -EINVAL;
	if (*find(client, body, token))
		return -EEXIST;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->path = strdup(body);
	watch->token = strdup(token);
	watch->depth = depth;
	if (!watch->path || !watch->token) {
		watch_free(watch);
		return -ENOMEM;
	}
	watch->next = client->watches;
	client->watches = watch;
	return 0;
}

int watch_remove(struct store_client *client, const char *body, size_t size)
{
	struct watch **link, *watch;
	const char *token;
	int depth;

	if (parse(body, size, &token, &depth))
		return -EINVAL;
	link = find(client, body, token);
	watch = *link;
	if (!watch)
		return -ENOENT;
	*link = watch->next;
	watch_free(watch);
	return 0;
}

void watch_remove_all(struct store_client *client)
{
	while (client->watches) {
		struct watch *watch = client->watches;

		client->watches = watch->next;
		watch_free(watch);
	}
}

void watch_changed(struct store *store, const char *path)
{
	unsigned int levels;

	for (struct store_client *client = store->clients; client; client = client->next)
		for (struct watch *watch = client->watches; watch; watch = watch->next)
			if (watch->path[0] == '/' && path_below(path, watch->path, &levels) &&
			    (watch->depth < 0 || levels <= (unsigned int)watch->depth))
				tell(client, watch, path);
}

/* Who watches what lay below the removed node hears of that path itself. */
void watch_removed(struct store *store, const char *path)
{
	unsigned int levels;

	watch_changed(store, path);
	for (struct store_client *client = store->clients; client; client = client->next)
		for (struct watch *watch = client->watches; watch; watch = watch->next)
			if (watch->path[0] == '/' && path_below(watch->path, path, &levels) &&
			    levels)
				tell(client, watch, watch->path);
}

/* With a depth of 1 the event names the domain. */
void store_announce(struct store *store, const char *special, uint32_t domid)
{
	char named[64];

	snprintf(named, sizeof(named), "%s/%u", special, domid);
	for (struct store_client *client = store->clients; client; client = client->next)
		for (struct watch *watch = client->watches; watch; watch = watch->next) {
			if (!strcmp(watch->path, named))
				tell(client, watch, named);
			else if (!strcmp(watch->path, special))
				tell(client, watch, watch->depth == 1 ? named : special);
		}
}
