/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * folder.h: files about domains, in /run/ringside, that outlive the process that writes them.
 *
 * RINGSIDE_FOLDER names another folder (not for a program that runs with more privilege than
 * its user). Who creates a file creates a new one: who has the predecessor's mapped keeps that.
 */
#ifndef RS_JOURNAL_FOLDER_H
#define RS_JOURNAL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RS_FOLDER_PATH_SIZE 256

/* The file's path, for texts too; `suffix` is "", ".lanes" or ".top". */
void rs_folder_path(uint32_t domain, const char *suffix, char path[RS_FOLDER_PATH_SIZE]);

/*
 * Creates the file, `size` zero bytes, and returns its descriptor, or -errno. *inode knows it
 * again.
 */
int rs_folder_create(uint32_t domain, const char *suffix, size_t size, uint64_t *inode);

/*
 * The same without a name, where there can be no file: memory that a process can be given. It ends
 * with the last that has it.
 */
int rs_folder_create_nameless(size_t size);

/*
 * Opens what somebody has left there: its descriptor, or -errno. -EINVAL: it is no file of `size`
 * bytes of this user's own.
 */
int rs_folder_open(uint32_t domain, const char *suffix, size_t size, uint64_t *inode);

/* Removes the file, if it is that one. */
void rs_folder_remove(uint32_t domain, const char *suffix, uint64_t inode);

#endif
