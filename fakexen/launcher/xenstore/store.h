/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store.h: a xenstore as its clients see it: requests in, replies and watch events out.
 * It knows nothing of sockets. */
#ifndef FAKEXEN_LAUNCHER_XENSTORE_STORE_H
#define FAKEXEN_LAUNCHER_XENSTORE_STORE_H

#include "fakexen/launcher/xenstore/tree.h"

struct watch {
	struct watch *next;
	char *path, *token;
	int depth;                      /* -1: any */
};

struct transaction {
	struct transaction *next;
	uint32_t id;
	struct tree tree;               /* the whole of it, copied at the start */
	uint64_t started_at;            /* the store's generation then */
	char **changed;                 /* paths, to be told to watches when it is done */
	bool *removed;
	unsigned int changed_count;
};

struct store_client {
	struct store_client *next;
	struct watch *watches;
	struct transaction *transactions;
	/* Sends a message to this client. */
	void (*send)(struct store_client *client, const struct xsd_sockmsg *header,
		const void *body);
};

struct store {
	struct tree tree;
	struct store_client *clients;
	uint32_t last_transaction;
	/* Whether a domain is there: IS_DOMAIN_INTRODUCED. */
	bool (*domain_exists)(void *opaque, uint32_t domid);
	void *opaque;
};

int store_init(struct store *store);
void store_free(struct store *store);
void store_join(struct store *store, struct store_client *client);
void store_part(struct store *store, struct store_client *client);
/* One request; body is terminated with a NUL beyond its length. */
void store_request(struct store *store, struct store_client *client,
	const struct xsd_sockmsg *header, const char *body);
/* Changes from the inside; watches hear of them. */
void store_put(struct store *store, const char *path, const char *value);
void store_remove(struct store *store, const char *path);
/* @introduceDomain and @releaseDomain. */
void store_announce(struct store *store, const char *special, uint32_t domid);

/* ---- watch.c ---- */
int watch_add(struct store *store, struct store_client *client, const char *body, size_t size);
int watch_remove(struct store_client *client, const char *body, size_t size);
void watch_remove_all(struct store_client *client);
/* A path was changed, or removed with all below it (`was`, still whole). */
void watch_changed(struct store *store, const char *path);
void watch_removed(struct store *store, const char *path);

/* ---- transaction.c ---- */
struct transaction *transaction_find(struct store_client *client, uint32_t id);
struct transaction *transaction_start(struct store *store, struct store_client *client);
void transaction_note(struct transaction *transaction, const char *path, bool removed);
int transaction_end(struct store *store, struct store_client *client, uint32_t id, bool commit);
void transaction_drop_all(struct store_client *client);

#endif
