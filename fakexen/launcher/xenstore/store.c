/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store.c: what each request does (docs/misc/xenstore.txt). All clients are dom0's. */
#include <errno.h>              /* first: xs_wire.h makes a table of it */

#include "fakexen/launcher/xenstore/store.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One request under way. */
struct request {
	struct store *store;
	struct store_client *client;
	const struct xsd_sockmsg *header;
	const char *body;               /* strings, the last one perhaps binary */
	size_t size;
	struct transaction *transaction;
	struct tree *tree;              /* the store's or the transaction's */
};

static void reply(const struct request *request, const void *body, size_t size)
{
	struct xsd_sockmsg header = *request->header;

	header.len = (uint32_t)size;
	request->client->send(request->client, &header, body);
}

static void reply_error(const struct request *request, int error)
{
	struct xsd_sockmsg header = *request->header;
	const char *text = "EINVAL";

	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (xsd_errors[i].errnum == error)
			text = xsd_errors[i].errstring;
	header.type = XS_ERROR;
	header.len = (uint32_t)strlen(text) + 1;
	request->client->send(request->client, &header, text);
}

static void reply_string(const struct request *request, const char *text)
{
	reply(request, text, strlen(text) + 1);
}

static void reply_done(const struct request *request, int error)
{
	if (error)
		reply_error(request, -error);
	else
		reply_string(request, "OK");
}

static void changed(const struct request *request, const char *path, bool removed)
{
	if (request->transaction)
		transaction_note(request->transaction, path, removed);
	else if (removed)
		watch_removed(request->store, path);
	else
		watch_changed(request->store, path);
}

/* The node that the request is about, or NULL, and the error has been sent. */
static struct node *node_of(const struct request *request)
{
	struct node *node = path_valid(request->body) ? tree_find(request->tree, request->body) :
		NULL;

	if (!node)
		reply_error(request, path_valid(request->body) ? ENOENT : EINVAL);
	return node;
}

/* What follows the first string. */
static const char *rest_of(const struct request *request, size_t *size)
{
	size_t first = strlen(request->body) + 1;

	*size = first < request->size ? request->size - first : 0;
	return request->body + (first < request->size ? first : request->size);
}

static void do_read(const struct request *request)
{
	const struct node *node = node_of(request);

	if (node)
		reply(request, node->value, node->value_size);
}

static void do_write(const struct request *request)
{
	size_t size;
	const char *value = rest_of(request, &size);
	int error = path_valid(request->body) ? 0 : -EINVAL;

	if (!error)
		error = tree_write(request->tree, request->body, value, size);
	if (!error)
		changed(request, request->body, false);
	reply_done(request, error);
}

static void do_mkdir(const struct request *request)
{
	int error = path_valid(request->body) ? 0 : -EINVAL;

	if (!error && !tree_find(request->tree, request->body)) {
		error = tree_make(request->tree, request->body) ? 0 : -ENOMEM;
		if (!error)
			changed(request, request->body, false);
	}
	reply_done(request, error);
}

static void do_rm(const struct request *request)
{
	bool exists = path_valid(request->body) && tree_find(request->tree, request->body);
	int error = path_valid(request->body) ? tree_remove(request->tree, request->body) : -EINVAL;

	if (!error && exists)
		changed(request, request->body, true);
	reply_done(request, error);
}

/* The children's names, each with its NUL; *size of them all. */
static char *list_children(const struct node *node, size_t *size)
{
	char *list, *end;

	*size = 0;
	for (unsigned int i = 0; i < node->child_count; i++)
		*size += strlen(node->children[i]->name) + 1;
	list = end = malloc(*size + 1);
	for (unsigned int i = 0; list && i < node->child_count; i++)
		end = stpcpy(end, node->children[i]->name) + 1;
	return list;
}

static void do_directory(const struct request *request)
{
	const struct node *node = node_of(request);
	size_t size;
	char *list;

	if (!node)
		return;
	list = list_children(node, &size);
	if (!list)
		reply_error(request, ENOMEM);
	else if (size > XENSTORE_PAYLOAD_MAX)
		reply_error(request, E2BIG);
	else
		reply(request, list, size);
	free(list);
}

/* A list too long for one reply, from an offset on; what ends with an empty string is the
 * last part. */
static void do_directory_part(const struct request *request)
{
	const struct node *node = node_of(request);
	char part[XENSTORE_PAYLOAD_MAX], *list;
	size_t size, offset_size, used, offset;
	const char *text = rest_of(request, &offset_size);

	if (!node)
		return;
	offset = offset_size ? strtoul(text, NULL, 10) : 0;
	list = list_children(node, &size);
	if (!list || offset > size) {
		reply_error(request, list ? EINVAL : ENOMEM);
		free(list);
		return;
	}
	used = (size_t)snprintf(part, sizeof(part), "%" PRIu64, node->generation) + 1;
	while (offset < size && used + strlen(list + offset) + 2 <= sizeof(part)) {
		used += (size_t)(stpcpy(part + used, list + offset) + 1 - (part + used));
		offset += strlen(list + offset) + 1;
	}
	if (offset == size)
		part[used++] = '\0';
	reply(request, part, used);
	free(list);
}

static void do_get_permissions(const struct request *request)
{
	const struct node *node = node_of(request);
	char text[NODE_PERMISSIONS * 16];
	size_t used = 0;

	if (!node)
		return;
	for (unsigned int i = 0; i < node->permission_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%c%u",
			node->permissions[i].kind, node->permissions[i].domid) + 1;
	reply(request, text, used);
}

static int set_permissions(struct node *node, const char *text, size_t size)
{
	const char *end = text + size;
	unsigned int count = 0;
	struct node parsed;

	for (; text < end && count < NODE_PERMISSIONS; text += strlen(text) + 1, count++) {
		if (!strchr("wrbn", text[0]) || !isdigit((unsigned char)text[1]))
			return -EINVAL;
		parsed.permissions[count].kind = text[0];
		parsed.permissions[count].domid = (uint32_t)strtoul(text + 1, NULL, 10);
	}
	if (!count || text < end)
		return count ? -ENOSPC : -EINVAL;
	memcpy(node->permissions, parsed.permissions, count * sizeof(parsed.permissions[0]));
	node->permission_count = count;
	return 0;
}

static void do_set_permissions(const struct request *request)
{
	size_t size;
	const char *text = rest_of(request, &size);
	struct node *node;
	int error;

	if (request->body[0] == '@') {          /* dom0 hears of everything anyway */
		reply_done(request, 0);
		return;
	}
	node = node_of(request);
	if (!node)
		return;
	error = set_permissions(node, text, size);
	if (!error) {
		request->tree->generation++;
		changed(request, request->body, false);
	}
	reply_done(request, error);
}

/* The reply comes first, then the event that a new watch gives at once. */
static void do_watch(const struct request *request)
{
	int error = watch_add(request->store, request->client, request->body, request->size);
	const struct watch *watch = request->client->watches;
	struct xsd_sockmsg header = { .type = XS_WATCH_EVENT };
	char *event;

	reply_done(request, error);
	if (error)
		return;
	header.len = (uint32_t)(strlen(watch->path) + strlen(watch->token) + 2);
	event = malloc(header.len);
	if (!event)
		return;
	strcpy(stpcpy(event, watch->path) + 1, watch->token);
	request->client->send(request->client, &header, event);
	free(event);
}

static void do_transaction_start(const struct request *request)
{
	const struct transaction *transaction;
	char text[16];

	if (request->header->tx_id) {
		reply_error(request, EBUSY);
		return;
	}
	transaction = transaction_start(request->store, request->client);
	if (!transaction) {
		reply_error(request, ENOSPC);
		return;
	}
	snprintf(text, sizeof(text), "%u", transaction->id);
	reply_string(request, text);
}

static void do_transaction_end(const struct request *request)
{
	bool commit = !strcmp(request->body, "T");

	if (!commit && strcmp(request->body, "F"))
		reply_error(request, EINVAL);
	else
		reply_done(request, transaction_end(request->store, request->client,
			request->header->tx_id, commit));
}

static void do_get_domain_path(const struct request *request)
{
	char path[32];

	snprintf(path, sizeof(path), "/local/domain/%u",
		(uint32_t)strtoul(request->body, NULL, 10));
	reply_string(request, path);
}

static void do_is_introduced(const struct request *request)
{
	uint32_t domid = (uint32_t)strtoul(request->body, NULL, 10);

	reply_string(request, request->store->domain_exists(request->store->opaque, domid) ? "T" :
		"F");
}

static void handle(const struct request *request)
{
	switch (request->header->type) {
	case XS_DIRECTORY: do_directory(request); break;
	case XS_DIRECTORY_PART: do_directory_part(request); break;
	case XS_READ: do_read(request); break;
	case XS_WRITE: do_write(request); break;
	case XS_MKDIR: do_mkdir(request); break;
	case XS_RM: do_rm(request); break;
	case XS_GET_PERMS: do_get_permissions(request); break;
	case XS_SET_PERMS: do_set_permissions(request); break;
	case XS_WATCH: do_watch(request); break;
	case XS_UNWATCH:
		reply_done(request, watch_remove(request->client, request->body, request->size));
		break;
	case XS_RESET_WATCHES:
		watch_remove_all(request->client);
		transaction_drop_all(request->client);
		reply_done(request, 0);
		break;
	case XS_TRANSACTION_START: do_transaction_start(request); break;
	case XS_TRANSACTION_END: do_transaction_end(request); break;
	case XS_GET_DOMAIN_PATH: do_get_domain_path(request); break;
	case XS_IS_DOMAIN_INTRODUCED: do_is_introduced(request); break;
	default: reply_error(request, ENOSYS);
	}
}

void store_request(struct store *store, struct store_client *client,
	const struct xsd_sockmsg *header, const char *body)
{
	struct request request = { store, client, header, body, header->len, NULL, &store->tree };

	/* A WATCH's transaction is ignored; the ends of transactions look for themselves. */
	if (header->tx_id && header->type != XS_WATCH && header->type != XS_UNWATCH &&
	    header->type != XS_TRANSACTION_START && header->type != XS_TRANSACTION_END) {
		request.transaction = transaction_find(client, header->tx_id);
		if (!request.transaction) {
			reply_error(&request, ENOENT);
			return;
		}
		request.tree = &request.transaction->tree;
	}
	handle(&request);
}

int store_init(struct store *store)
{
	return tree_init(&store->tree);
}

void store_free(struct store *store)
{
	while (store->clients)
		store_part(store, store->clients);
	tree_free(&store->tree);
}

void store_join(struct store *store, struct store_client *client)
{
	client->next = store->clients;
	store->clients = client;
}

void store_part(struct store *store, struct store_client *client)
{
	struct store_client **link = &store->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	watch_remove_all(client);
	transaction_drop_all(client);
}

void store_put(struct store *store, const char *path, const char *value)
{
	if (!tree_write(&store->tree, path, value, strlen(value)))
		watch_changed(store, path);
}

void store_remove(struct store *store, const char *path)
{
	if (tree_find(&store->tree, path) && !tree_remove(&store->tree, path))
		watch_removed(store, path);
}
