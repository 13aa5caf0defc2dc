/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xz_file.h: a file to be read, whether it is compressed by xz or not. */
#ifndef TOOLS_XZ_FILE_H
#define TOOLS_XZ_FILE_H

#include <stdio.h>

/*
 * What the file holds, unpacked if it begins as xz's do; from the beginning to the end only. NULL: errno
 * is that of opening it. What is damaged is an error of reading, EIO.
 */
FILE *xz_file_open(const char *path);

#endif
