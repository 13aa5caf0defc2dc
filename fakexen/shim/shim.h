/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shim.h: what the parts of the preloaded shim give to each other. The functions of
 * libc that it stands in for are in files.c, descriptors.c and kernel.c. Everything here
 * returns 0 or more, or -errno; only those functions speak through errno. */
#ifndef FAKEXEN_SHIM_SHIM_H
#define FAKEXEN_SHIM_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "fakexen/call.h"
#include "fakexen/model.h"
#include "fakexen/wire.h"

#define SHIM_EXPORT __attribute__((visibility("default")))
#define SHIM_DESCRIPTORS 65536          /* descriptor numbers that the tables cover */

/* ---- next.c: libc's own functions, behind ours ---- */

/* The next definition of a function after the shim's. */
void *shim_next(void **cache, const char *name);
#define SHIM_NEXT(name) \
	({ static void *cache_; (__typeof__(&name))shim_next(&cache_, #name); })
/* Takes -errno out of a result, as libc's functions do. */
long shim_return(long result);

/* ---- attach.c: the process and the launcher ---- */

/* Whether a launcher has started this process; without one the shim is transparent. */
bool shim_active(void);
/* Enters the launcher's world, once in a process: maps the model. NULL: errno says why. */
struct fx_model *shim_enter(void);
/* The model if this process has entered, else NULL. */
struct fx_model *shim_model(void);
uint32_t shim_process(void);
int shim_memory_fd(void);
/* mmap() past the shim's own. (By types: syscall() passes the sixth argument on the stack, where
 * half of an int's eight bytes are whatever was there.) */
void *shim_map(void *address, size_t length, int prot, int flags, int fd, off_t offset);
/* Has the launcher deliver a port to a device that this process does not hold. */
void shim_deliver_elsewhere(unsigned int device, uint32_t port);
/* Whether the launcher is still there. */
bool shim_launcher_lives(void);
/* Connects to one of the launcher's sockets; asks, and takes a descriptor that comes with
 * the answer (or -1). */
int shim_connect(const char *name, int type);
int shim_ask(int fd, const struct fx_wire_request *request, struct fx_wire_reply *reply,
	int *passed);

/* ---- hidden.c: descriptors of the shim's own ---- */

/* Moves a descriptor out of the program's way; takes it over. Close-on-exec. */
int shim_hide(int fd);
bool shim_hidden(int fd);
void shim_unhide(int fd);               /* and closes it */
/* close_range() and closefrom() without the hidden ones. */
int shim_close_range(unsigned int first, unsigned int last, int flags);

/* ---- descriptor.c: which descriptors are fake devices ---- */

/* The device of a descriptor that this process has opened or recognised, or -1. */
int shim_descriptor_device(int fd);
/* The same, and looks by its inode for one that came by exec or over a socket. */
int shim_descriptor_identify(int fd);
void shim_descriptor_forget(int fd);
void shim_descriptor_copied(int from, int to);
/* Opens a device as open() would. The descriptor or -errno. */
int shim_device_open(enum fx_device_kind kind, int flags);
/* This process's copy of the launcher's end, or -1. */
int shim_device_end(unsigned int device);

/* ---- path.c: names of files that are not there ---- */

enum shim_path { SHIM_PATH_OTHER, SHIM_PATH_ABSENT, SHIM_PATH_FOLDER, SHIM_PATH_CAPABILITIES,
		 SHIM_PATH_TYPE, SHIM_PATH_UUID, SHIM_PATH_MAJOR, SHIM_PATH_MINOR,
		 SHIM_PATH_EXTRA, SHIM_PATH_PRIVCMD, SHIM_PATH_HYPERCALL, SHIM_PATH_EVTCHN };
enum shim_path shim_path(const char *path);
bool shim_path_is_text(enum shim_path path); /* one to be read, and no more */
int shim_path_open(enum shim_path path, int flags);
int shim_path_stat(enum shim_path path, struct stat *stat);
int shim_device_stat(unsigned int device, struct stat *stat);

/* ---- privcmd.c, evtchn.c: the drivers ---- */

long shim_privcmd_ioctl(unsigned int device, unsigned long request, void *argument);
long shim_evtchn_ioctl(int fd, unsigned int device, unsigned long request, void *argument);
long shim_evtchn_write(int fd, unsigned int device, const void *ports, size_t size);
/* --hypercall-ns: what a hypercall costs more. */
void shim_hypercall_cost(const struct fx_model *model);

/* ---- mapping.c: foreign memory ---- */

void *shim_mapping_reserve(void *address, size_t length, int prot, int flags);
/* Whether pages may be mapped here, as the driver checks it: 0 or -EINVAL. */
int shim_mapping_check(uintptr_t address, size_t pages);
/* Puts frames (FX_NO_FRAME: none) into reserved pages. */
int shim_mapping_fill(uintptr_t address, const uint32_t *frames, size_t pages);
/* munmap(), of other memory too; and what mmap(MAP_FIXED) is about to replace. */
int shim_mapping_unmap(void *address, size_t length);
void shim_mapping_replaced(void *address, size_t length);
void shim_mapping_before_fork(void);
void shim_mapping_after_fork(bool child);

/* ---- call.c ---- */

/* Has the launcher execute a call (kind, device, op and args filled in). */
int64_t shim_call(struct fx_call *call);

/* ---- host.c ---- */

extern const struct fx_host shim_host;
/* System calls that the model made on this thread since it was last set to 0. */
extern __thread unsigned int shim_system_calls;

#endif
