/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree.h: xenstore's tree of nodes: names, values, permissions. One thread uses it. */
#ifndef FAKEXEN_LAUNCHER_XENSTORE_TREE_H
#define FAKEXEN_LAUNCHER_XENSTORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakexen/xen.h"
#include <xen/io/xs_wire.h>

#define NODE_PERMISSIONS 16

struct node {
	struct node *parent;
	struct node **children;         /* in the order of their making */
	unsigned int child_count;
	char *name;                     /* the last part of its path */
	char *value;
	size_t value_size;
	uint64_t generation;            /* grows with each change of the list of children */
	unsigned int permission_count;  /* the first is the owner's */
	struct { char kind; uint32_t domid; } permissions[NODE_PERMISSIONS];
};

struct tree {
	struct node *root;
	uint64_t generation;            /* grows with each change */
};

int tree_init(struct tree *tree);
void tree_free(struct tree *tree);
/* A deep copy, for a transaction. */
int tree_copy(struct tree *copy, const struct tree *tree);

/* Whether a path is well-formed, as xenstore.txt says. */
bool path_valid(const char *path);
/* Whether `path` is `parent` or lies below it; *levels is how far below. */
bool path_below(const char *path, const char *parent, unsigned int *levels);

struct node *tree_find(const struct tree *tree, const char *path);
/* The node, made with its missing parents if need be; NULL: no memory. */
struct node *tree_make(struct tree *tree, const char *path);
int tree_write(struct tree *tree, const char *path, const void *value, size_t size);
/* 0, also when it was not there; -ENOENT when its parent is not, -EINVAL for the root. */
int tree_remove(struct tree *tree, const char *path);

#endif
