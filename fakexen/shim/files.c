/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* files.c: the functions of libc that take a file's name. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fakexen/shim/shim.h"

/* What the headers do not declare: fortified and pre-2.33 spellings. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);
int __xstat(int version, const char *path, struct stat *stat);
int __lxstat(int version, const char *path, struct stat *stat);
int __fxstat(int version, int fd, struct stat *stat);
int __xstat64(int version, const char *path, struct stat64 *stat);
int __lxstat64(int version, const char *path, struct stat64 *stat);
int __fxstat64(int version, int fd, struct stat64 *stat);

static_assert(sizeof(struct stat) == sizeof(struct stat64), "one struct stat on x86-64");

/* The descriptor that an open() has got: a number that may have been a device's before,
 * closed where the shim does not see it. */
static int opened(int fd)
{
	if (fd >= 0)
		shim_descriptor_forget(fd);
	return fd;
}

static bool has_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

#define MODE_ARGUMENT(flags) \
	({ \
		mode_t mode_ = 0; \
		if (has_mode(flags)) { \
			va_list list_; \
			va_start(list_, flags); \
			mode_ = va_arg(list_, mode_t); \
			va_end(list_); \
		} \
		mode_; \
	})

SHIM_EXPORT int open(const char *path, int flags, ...)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return opened(SHIM_NEXT(open)(path, flags, MODE_ARGUMENT(flags)));
	return (int)shim_return(shim_path_open(which, flags));
}

SHIM_EXPORT int open64(const char *path, int flags, ...)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return opened(SHIM_NEXT(open64)(path, flags, MODE_ARGUMENT(flags)));
	return (int)shim_return(shim_path_open(which, flags));
}

SHIM_EXPORT int openat(int folder, const char *path, int flags, ...)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return opened(SHIM_NEXT(openat)(folder, path, flags, MODE_ARGUMENT(flags)));
	return (int)shim_return(shim_path_open(which, flags));
}

SHIM_EXPORT int openat64(int folder, const char *path, int flags, ...)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return opened(SHIM_NEXT(openat64)(folder, path, flags, MODE_ARGUMENT(flags)));
	return (int)shim_return(shim_path_open(which, flags));
}

SHIM_EXPORT int __open_2(const char *path, int flags)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return opened(SHIM_NEXT(__open_2)(path, flags));
	return (int)shim_return(shim_path_open(which, flags));
}

SHIM_EXPORT int __open64_2(const char *path, int flags)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return opened(SHIM_NEXT(__open64_2)(path, flags));
	return (int)shim_return(shim_path_open(which, flags));
}

SHIM_EXPORT int __openat_2(int folder, const char *path, int flags)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return opened(SHIM_NEXT(__openat_2)(folder, path, flags));
	return (int)shim_return(shim_path_open(which, flags));
}

SHIM_EXPORT int __openat64_2(int folder, const char *path, int flags)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return opened(SHIM_NEXT(__openat64_2)(folder, path, flags));
	return (int)shim_return(shim_path_open(which, flags));
}

static FILE *open_stream(enum shim_path which, const char *mode)
{
	int flags = mode[0] == 'r' && !strchr(mode, '+') ? O_RDONLY : O_RDWR;
	int fd = shim_path_open(which, flags | (strchr(mode, 'e') ? O_CLOEXEC : 0));

	return fd < 0 ? (shim_return(fd), NULL) : fdopen(fd, mode);
}

SHIM_EXPORT FILE *fopen(const char *path, const char *mode)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return SHIM_NEXT(fopen)(path, mode);
	return open_stream(which, mode);
}

SHIM_EXPORT FILE *fopen64(const char *path, const char *mode)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return SHIM_NEXT(fopen64)(path, mode);
	return open_stream(which, mode);
}

/* Root may do with a device and a folder what it likes, and so may whoever runs fakexen. */
static int may_access(enum shim_path which, int mode)
{
	struct stat stat;
	int error = shim_path_stat(which, &stat);

	if (!error && mode & W_OK && shim_path_is_text(which))
		error = -EACCES;
	if (!error && mode & X_OK && which != SHIM_PATH_FOLDER)
		error = -EACCES;
	return (int)shim_return(error);
}

SHIM_EXPORT int access(const char *path, int mode)
{
	enum shim_path which = shim_path(path);

	return which == SHIM_PATH_OTHER ? SHIM_NEXT(access)(path, mode) : may_access(which, mode);
}

SHIM_EXPORT int faccessat(int folder, const char *path, int mode, int flags)
{
	enum shim_path which = shim_path(path);

	if (which == SHIM_PATH_OTHER)
		return SHIM_NEXT(faccessat)(folder, path, mode, flags);
	return may_access(which, mode);
}

SHIM_EXPORT int euidaccess(const char *path, int mode)
{
	enum shim_path which = shim_path(path);

	return which == SHIM_PATH_OTHER ? SHIM_NEXT(euidaccess)(path, mode) :
		may_access(which, mode);
}

SHIM_EXPORT int eaccess(const char *path, int mode)
{
	return euidaccess(path, mode);
}

#define STAT_OF_PATH(function, ...) \
	({ \
		enum shim_path which_ = shim_path(path); \
		which_ == SHIM_PATH_OTHER ? SHIM_NEXT(function)(__VA_ARGS__) : \
			(int)shim_return(shim_path_stat(which_, (struct stat *)buffer)); \
	})

SHIM_EXPORT int stat(const char *path, struct stat *buffer)
{
	return STAT_OF_PATH(stat, path, buffer);
}

SHIM_EXPORT int stat64(const char *path, struct stat64 *buffer)
{
	return STAT_OF_PATH(stat64, path, buffer);
}

SHIM_EXPORT int lstat(const char *path, struct stat *buffer)
{
	return STAT_OF_PATH(lstat, path, buffer);
}

SHIM_EXPORT int lstat64(const char *path, struct stat64 *buffer)
{
	return STAT_OF_PATH(lstat64, path, buffer);
}

SHIM_EXPORT int fstatat(int folder, const char *path, struct stat *buffer, int flags)
{
	return STAT_OF_PATH(fstatat, folder, path, buffer, flags);
}

SHIM_EXPORT int fstatat64(int folder, const char *path, struct stat64 *buffer, int flags)
{
	return STAT_OF_PATH(fstatat64, folder, path, buffer, flags);
}

SHIM_EXPORT int __xstat(int version, const char *path, struct stat *buffer)
{
	return STAT_OF_PATH(__xstat, version, path, buffer);
}

SHIM_EXPORT int __xstat64(int version, const char *path, struct stat64 *buffer)
{
	return STAT_OF_PATH(__xstat64, version, path, buffer);
}

SHIM_EXPORT int __lxstat(int version, const char *path, struct stat *buffer)
{
	return STAT_OF_PATH(__lxstat, version, path, buffer);
}

SHIM_EXPORT int __lxstat64(int version, const char *path, struct stat64 *buffer)
{
	return STAT_OF_PATH(__lxstat64, version, path, buffer);
}

SHIM_EXPORT int statx(int folder, const char *restrict path, int flags, unsigned int mask,
	struct statx *restrict buffer)
{
	enum shim_path which = shim_path(path);
	struct stat stat;
	int error;

	if (which == SHIM_PATH_OTHER)
		return SHIM_NEXT(statx)(folder, path, flags, mask, buffer);
	error = shim_path_stat(which, &stat);
	if (!error)
		*buffer = (struct statx){ .stx_mask = STATX_BASIC_STATS,
			.stx_blksize = (uint32_t)stat.st_blksize, .stx_nlink = 1,
			.stx_mode = (uint16_t)stat.st_mode, .stx_ino = stat.st_ino,
			.stx_rdev_major = major(stat.st_rdev),
			.stx_rdev_minor = minor(stat.st_rdev) };
	return (int)shim_return(error);
}

#define STAT_OF_FD(function, ...) \
	({ \
		int device_ = shim_descriptor_device(fd); \
		device_ < 0 || !shim_enter() ? SHIM_NEXT(function)(__VA_ARGS__) : \
			(int)shim_return(shim_device_stat((unsigned int)device_, \
				(struct stat *)buffer)); \
	})

SHIM_EXPORT int fstat(int fd, struct stat *buffer)
{
	return STAT_OF_FD(fstat, fd, buffer);
}

SHIM_EXPORT int fstat64(int fd, struct stat64 *buffer)
{
	return STAT_OF_FD(fstat64, fd, buffer);
}

SHIM_EXPORT int __fxstat(int version, int fd, struct stat *buffer)
{
	return STAT_OF_FD(__fxstat, version, fd, buffer);
}

SHIM_EXPORT int __fxstat64(int version, int fd, struct stat64 *buffer)
{
	return STAT_OF_FD(__fxstat64, version, fd, buffer);
}
