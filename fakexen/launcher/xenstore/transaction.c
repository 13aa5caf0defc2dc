/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transaction.c: a transaction works on a copy of the tree, which takes the tree's place
 * when it ends, unless somebody else has changed the tree meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fakexen/launcher/xenstore/store.h"

#define TRANSACTIONS_MOST 10    /* xenstored's default quota for a client */

static void transaction_free(struct transaction *transaction)
{
	tree_free(&transaction->tree);
	for (unsigned int i = 0; i < transaction->changed_count; i++)
		free(transaction->changed[i]);
	free(transaction->changed);
	free(transaction->removed);
	free(transaction);
}

struct transaction *transaction_find(struct store_client *client, uint32_t id)
{
	struct transaction *transaction = client->transactions;

	while (transaction && transaction->id != id)
		transaction = transaction->next;
	return transaction;
}

struct transaction *transaction_start(struct store *store, struct store_client *client)
{
	struct transaction *transaction;
	unsigned int count = 0;

	for (transaction = client->transactions; transaction; transaction = transaction->next)
		count++;
	if (count >= TRANSACTIONS_MOST)
		return NULL;
	transaction = calloc(1, sizeof(*transaction));
	if (!transaction || tree_copy(&transaction->tree, &store->tree)) {
		free(transaction);
		return NULL;
	}
	transaction->started_at = store->tree.generation;
	transaction->id = ++store->last_transaction;
	transaction->next = client->transactions;
	client->transactions = transaction;
	return transaction;
}

void transaction_note(struct transaction *transaction, const char *path, bool removed)
{
	unsigned int count = transaction->changed_count;
	char **changed = realloc(transaction->changed, (count + 1) * sizeof(*changed));
	bool *flags = realloc(transaction->removed, (count + 1) * sizeof(*flags));

	if (changed)
		transaction->changed = changed;
	if (flags)
		transaction->removed = flags;
	if (!changed || !flags)
		return;
	changed[count] = strdup(path);
	flags[count] = removed;
	transaction->changed_count += !!changed[count];
}

static int commit_to(struct store *store, struct transaction *transaction)
{
	if (!transaction->changed_count)
		return 0;
	if (store->tree.generation != transaction->started_at)
		return -EAGAIN;
	tree_free(&store->tree);
	store->tree = transaction->tree;
	transaction->tree.root = NULL;
	for (unsigned int i = 0; i < transaction->changed_count; i++) {
		if (transaction->removed[i])
			watch_removed(store, transaction->changed[i]);
		else
			watch_changed(store, transaction->changed[i]);
	}
	return 0;
}

int transaction_end(struct store *store, struct store_client *client, uint32_t id, bool commit)
{
	struct transaction **link = &client->transactions, *transaction;
	int error;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	transaction = *link;
	if (!transaction)
		return -ENOENT;
	*link = transaction->next;
	error = commit ? commit_to(store, transaction) : 0;
	transaction_free(transaction);
	return error;
}

void transaction_drop_all(struct store_client *client)
{
	while (client->transactions) {
		struct transaction *transaction = client->transactions;

		client->transactions = transaction->next;
		transaction_free(transaction);
	}
}
