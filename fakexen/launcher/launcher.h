/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launcher.h: the parts of fakexen's own process and what they share.
 *
 * Threads: the main one (connections, signals, the command), one for calls, those that
 * run vCPUs, and xenstore's. Locks, in the order in which they are taken: the connections'
 * mutex, the world's, a domain's. */
#ifndef FAKEXEN_LAUNCHER_LAUNCHER_H
#define FAKEXEN_LAUNCHER_LAUNCHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fakexen/hypercall.h"
#include "fakexen/launcher/options.h"
#include "fakexen/model.h"

enum { EXIT_FAKEXEN = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

struct world;
struct connections;
struct xenstore;

struct launcher {
	struct options options;
	struct fx_model *model;
	int memory_fd;
	struct fx_host host;
	struct world *world;
	struct connections *connections;
	struct xenstore *xenstore;
	char folder[64];                /* private: sockets */
};

/* An error on stderr that ends the program. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- machine.c ---- */
/* Makes the model, and the domains in it. Ends the program when it cannot. */
void machine_build(struct launcher *launcher);
/* Files that belong to fakexen: as seen from the program's folder, in a build folder or in an
 * installation that was moved; else where it was to be installed. */
void machine_file(char *path, size_t size, const char *const near[2], const char *installed);

/* ---- log.c ---- */
void log_open(const char *path);
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- world.c: the vCPUs' threads ---- */
void world_start(struct launcher *launcher);
/* Between the two no vCPU runs, and nobody else stops the world. */
void world_stop(struct world *world);
void world_go(struct world *world);
/* Between these two no hypercall is executed; vCPUs run. */
void world_hold(struct world *world);
void world_release(struct world *world);
void world_end(struct world *world);

/* ---- calls.c ---- */
void calls_start(struct launcher *launcher);
void calls_end(struct launcher *launcher);
/* Takes back slots whose callers have died. */
void calls_reclaim(struct fx_model *model, uint32_t dead_process);

/* ---- execute.c ---- */
int64_t execute(struct launcher *launcher, const struct fx_call *call, uint32_t tid);

/* ---- folder.c: of sockets ---- */
/* Makes ours, and removes what killed launchers have left. */
void folder_make(struct launcher *launcher);
void folder_remove(const struct launcher *launcher);
#define FX_XENSTORE_SOCKET "xenstored"

/* ---- connections.c: processes and devices ---- */
void connections_start(struct launcher *launcher);
/* Deals with all that has come in; any thread. What processes that have died left behind
 * is cleared away before this returns. */
void connections_serve(struct launcher *launcher);
/* A descriptor that is readable when connections_serve() has something to do. */
int connections_fd(const struct launcher *launcher);
void connections_end(struct launcher *launcher);

/* ---- process.c: who holds which foreign frames ---- */
struct process;
struct process *process_enter(struct launcher *launcher, uint32_t number);
void process_leave(struct launcher *launcher, struct process *process);
/* These with the world stopped. */
struct process *process_find(uint32_t number);
int process_map(struct process *process, uint32_t frame, uint32_t frame_count);
bool process_unmap(struct process *process, uint32_t frame);

/* ---- device.c: open descriptions ---- */
int device_open(struct launcher *launcher, uint32_t kind, uint64_t inode, int fd);
void device_close(struct launcher *launcher, uint32_t device);

/* ---- command.c ---- */
pid_t command_start(struct launcher *launcher);
/* The exit status for a wait status. */
int command_status(int status);

/* ---- report.c ---- */
/* Marks how far each vCPU is, so that the report can tell who ran on after that. */
void report_mark(struct launcher *launcher);
bool report_all_ran_on(struct launcher *launcher);
int report_write(struct launcher *launcher, const char *path);

/* ---- xenstore/server.c ---- */
void xenstore_start(struct launcher *launcher);
/* Some domain may have vanished or shut down: any thread. */
void xenstore_notice(struct xenstore *xenstore);
void xenstore_end(struct xenstore *xenstore);

#endif
