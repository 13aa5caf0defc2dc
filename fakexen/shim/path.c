/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* path.c: names of files that are not there. On a real Xen host the host's own devices
 * are hidden: everything in the three folders that is not modelled is absent. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fakexen/shim/shim.h"

#define MISC_MAJOR 10

#define TEXT_OF(number) #number
#define TEXT(macro) TEXT_OF(macro)

static const struct {
	const char *name;
	enum shim_path path;
} names[] = {
	{ "/dev/xen", SHIM_PATH_FOLDER },
	{ "/dev/xen/privcmd", SHIM_PATH_PRIVCMD },
	{ "/dev/xen/hypercall", SHIM_PATH_HYPERCALL },
	{ "/dev/xen/evtchn", SHIM_PATH_EVTCHN },
	{ "/proc/xen", SHIM_PATH_FOLDER },
	{ "/proc/xen/capabilities", SHIM_PATH_CAPABILITIES },
	{ "/proc/xen/privcmd", SHIM_PATH_PRIVCMD },
	{ "/sys/hypervisor", SHIM_PATH_FOLDER },
	{ "/sys/hypervisor/type", SHIM_PATH_TYPE },
	{ "/sys/hypervisor/uuid", SHIM_PATH_UUID },
	{ "/sys/hypervisor/version", SHIM_PATH_FOLDER },
	{ "/sys/hypervisor/version/major", SHIM_PATH_MAJOR },
	{ "/sys/hypervisor/version/minor", SHIM_PATH_MINOR },
	{ "/sys/hypervisor/version/extra", SHIM_PATH_EXTRA },
};

/* What a privileged dom0 reads. */
static const char *const texts[] = {
	[SHIM_PATH_CAPABILITIES] = "control_d\n",
	[SHIM_PATH_TYPE] = "xen\n",
	[SHIM_PATH_UUID] = "00000000-0000-0000-0000-000000000000\n",
	[SHIM_PATH_MAJOR] = TEXT(FX_XEN_MAJOR) "\n",
	[SHIM_PATH_MINOR] = TEXT(FX_XEN_MINOR) "\n",
	[SHIM_PATH_EXTRA] = FX_XEN_EXTRA "\n",
};

bool shim_path_is_text(enum shim_path path)
{
	return path < sizeof(texts) / sizeof(texts[0]) && texts[path];
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

enum shim_path shim_path(const char *path)
{
	/* The first characters decide for nearly all of a program's files. */
	if (!path || path[0] != '/' || !path[1] || !strchr("dps", path[1]) || !shim_active())
		return SHIM_PATH_OTHER;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(path, names[i].name))
			return names[i].path;
	if (starts_with(path, "/dev/xen/") || starts_with(path, "/proc/xen/") ||
	    starts_with(path, "/sys/hypervisor/"))
		return SHIM_PATH_ABSENT;
	return SHIM_PATH_OTHER;
}

static int open_text(const char *text, int flags)
{
	int fd;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	fd = (int)syscall(SYS_memfd_create, "xen-text",
		flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_write, fd, text, strlen(text)) < 0 ||
	    syscall(SYS_lseek, fd, 0, SEEK_SET) < 0) {
		syscall(SYS_close, fd);
		return -EIO;
	}
	return fd;
}

int shim_path_open(enum shim_path path, int flags)
{
	if (shim_path_is_text(path))
		return open_text(texts[path], flags);
	switch (path) {
	case SHIM_PATH_PRIVCMD: return shim_device_open(FX_DEVICE_PRIVCMD, flags);
	case SHIM_PATH_HYPERCALL: return shim_device_open(FX_DEVICE_HYPERCALL, flags);
	case SHIM_PATH_EVTCHN: return shim_device_open(FX_DEVICE_EVTCHN, flags);
	default: return -ENOENT;
	}
}

int shim_path_stat(enum shim_path path, struct stat *stat)
{
	memset(stat, 0, sizeof(*stat));
	stat->st_nlink = 1;
	stat->st_blksize = FX_PAGE;
	stat->st_ino = (ino_t)path;
	if (shim_path_is_text(path)) {
		stat->st_mode = S_IFREG | 0444;
		return 0;
	}
	switch (path) {
	case SHIM_PATH_ABSENT:
	case SHIM_PATH_OTHER: return -ENOENT;
	case SHIM_PATH_FOLDER: stat->st_mode = S_IFDIR | 0755; break;
	default:
		stat->st_mode = S_IFCHR | 0600;
		stat->st_rdev = makedev(MISC_MAJOR, 48 + path);
	}
	return 0;
}

int shim_device_stat(unsigned int device, struct stat *stat)
{
	static const enum shim_path paths[] = {
		[FX_DEVICE_PRIVCMD] = SHIM_PATH_PRIVCMD,
		[FX_DEVICE_HYPERCALL] = SHIM_PATH_HYPERCALL,
		[FX_DEVICE_EVTCHN] = SHIM_PATH_EVTCHN,
	};
	uint32_t kind = shim_model()->devices[device].kind;

	return kind < sizeof(paths) / sizeof(paths[0]) ? shim_path_stat(paths[kind], stat) :
		-EBADF;
}
