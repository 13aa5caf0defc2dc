/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree.c: xenstore's tree of nodes. */
#include "fakexen/launcher/xenstore/tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- paths ---- */

bool path_valid(const char *path)
{
	size_t length = strlen(path);

	if (path[0] != '/' || length >= XENSTORE_ABS_PATH_MAX)
		return false;
	if (length > 1 && path[length - 1] == '/')
		return false;
	for (const char *c = path; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-/_@", *c))
			return false;
	return !strstr(path, "//");
}

bool path_below(const char *path, const char *parent, unsigned int *levels)
{
	size_t length = strcmp(parent, "/") ? strlen(parent) : 0;

	*levels = 0;
	if (strncmp(path, parent, length) || (path[length] && path[length] != '/'))
		return false;
	for (const char *c = path + length; *c; c++)
		*levels += c[0] == '/' && c[1];
	return true;
}

/* ---- nodes ---- */

static void node_free(struct node *node)
{
	if (!node)
		return;
	for (unsigned int i = 0; i < node->child_count; i++)
		node_free(node->children[i]);
	free(node->children);
	free(node->name);
	free(node->value);
	free(node);
}

static struct node *node_new(const char *name, size_t length)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->name = strndup(name, length);
	node->value = strdup("");
	node->permission_count = 1;
	node->permissions[0].kind = 'n';
	if (node->name && node->value)
		return node;
	node_free(node);
	return NULL;
}

static int node_adopt(struct node *parent, struct node *child)
{
	struct node **children = realloc(parent->children,
		(parent->child_count + 1) * sizeof(*children));

	if (!children)
		return -ENOMEM;
	parent->children = children;
	children[parent->child_count++] = child;
	child->parent = parent;
	parent->generation++;
	return 0;
}

static struct node *node_copy(const struct node *node)
{
	struct node *copy = node_new(node->name, strlen(node->name));
	char *value = malloc(node->value_size + 1);

	if (!copy || !value)
		goto failed;
	free(copy->value);
	copy->value = memcpy(value, node->value, node->value_size + 1);
	copy->value_size = node->value_size;
	copy->permission_count = node->permission_count;
	memcpy(copy->permissions, node->permissions, sizeof(copy->permissions));
	for (unsigned int i = 0; i < node->child_count; i++) {
		struct node *child = node_copy(node->children[i]);

		if (!child || node_adopt(copy, child)) {
			node_free(child);
			node_free(copy);
			return NULL;
		}
	}
	copy->generation = node->generation;
	return copy;
failed:
	free(value);
	node_free(copy);
	return NULL;
}

static struct node *child_of(const struct node *node, const char *name, size_t length)
{
	for (unsigned int i = 0; i < node->child_count; i++)
		if (strlen(node->children[i]->name) == length &&
		    !strncmp(node->children[i]->name, name, length))
			return node->children[i];
	return NULL;
}

/* ---- the tree ---- */

int tree_init(struct tree *tree)
{
	tree->generation = 0;
	tree->root = node_new("", 0);
	return tree->root ? 0 : -ENOMEM;
}

void tree_free(struct tree *tree)
{
	node_free(tree->root);
	tree->root = NULL;
}

int tree_copy(struct tree *copy, const struct tree *tree)
{
	copy->generation = tree->generation;
	copy->root = node_copy(tree->root);
	return copy->root ? 0 : -ENOMEM;
}

struct node *tree_find(const struct tree *tree, const char *path)
{
	struct node *node = tree->root;

	while (node && *path == '/' && path[1]) {
		size_t length = strcspn(++path, "/");

		node = child_of(node, path, length);
		path += length;
	}
	return node;
}

struct node *tree_make(struct tree *tree, const char *path)
{
	struct node *node = tree->root;

	while (*path == '/' && path[1]) {
		size_t length = strcspn(++path, "/");
		struct node *child = child_of(node, path, length);

		if (!child) {
			child = node_new(path, length);
			if (!child)
				return NULL;
			/* A new node is its parent's owner's, with the parent's permissions. */
			child->permission_count = node->permission_count;
			memcpy(child->permissions, node->permissions, sizeof(child->permissions));
			if (node_adopt(node, child)) {
				node_free(child);
				return NULL;
			}
			tree->generation++;
		}
		node = child;
		path += length;
	}
	return node;
}

int tree_write(struct tree *tree, const char *path, const void *value, size_t size)
{
	struct node *node = tree_make(tree, path);
	char *copy = malloc(size + 1);

	if (!node || !copy) {
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, value, size);
	copy[size] = '\0';
	free(node->value);
	node->value = copy;
	node->value_size = size;
	tree->generation++;
	return 0;
}

static bool parent_exists(const struct tree *tree, const char *path)
{
	char *parent = strdup(path), *slash = parent ? strrchr(parent, '/') : NULL;
	bool exists = false;

	if (slash) {
		slash[slash == parent] = '\0';
		exists = tree_find(tree, parent);
	}
	free(parent);
	return exists;
}

int tree_remove(struct tree *tree, const char *path)
{
	struct node *node = tree_find(tree, path), *parent;
	unsigned int i = 0;

	if (!node)
		return parent_exists(tree, path) ? 0 : -ENOENT;
	parent = node->parent;
	if (!parent)
		return -EINVAL;
	while (parent->children[i] != node)
		i++;
	memmove(&parent->children[i], &parent->children[i + 1],
		(--parent->child_count - i) * sizeof(*parent->children));
	parent->generation++;
	tree->generation++;
	node_free(node);
	return 0;
}
