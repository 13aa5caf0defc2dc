/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim.h: what the simulator's parts know of each other. ARCHITECTURE.md says what it is.
 *
 *   chance.c   every choice that is made, from a seed or from a tape
 *   fiber.c    threads: which one runs, who waits for what, virtual time
 *   process.c  processes, what the kernel holds for them, and their deaths
 *   libc.c     the system calls that the product makes
 *   xen.c      the libraries below libxenctrl, which lead to the model
 *   world.c    the model and its guest
 *   story.c    what a program does with the library in this run, and what has to be true of it
 *   plant.c    bugs that are planted, to see that they are found
 *   main.c     the command: seeds, replay, shrinking
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- chance.c -- */

#define SIM_TAPE_MAX (1u << 20)

/* Shared with the process that has started this run, which may end at any moment. */
struct sim_run {
	uint64_t seed;
	bool replays;    /* from the tape; beyond its end all choices are 0 */
	bool tells;      /* prints what happens */
	uint32_t plant;  /* number of the planted bug; 0: none */
	uint32_t length; /* of the tape, when it replays */
	uint32_t used;   /* choices made so far */
	uint64_t steps, steps_max, requests;
	char complaint[512]; /* "": none so far */
	uint16_t tape[SIM_TAPE_MAX];
};
extern struct sim_run *sim_run;

void sim_chance_begin(void);
/* One of `count` choices: 0 is the tame one. `what` is for the account. */
uint32_t sim_choose(const char *what, uint32_t count);
/* True once in so many times. */
bool sim_happens(const char *what, uint32_t one_in);

/* An account of what happens, if somebody wants it. */
void sim_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Something is wrong: the run ends. */
void sim_complain(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* -- fiber.c -- */

struct sim_process;
struct fiber;

extern uint64_t sim_now; /* nanoseconds */

struct fiber *fiber_start(struct sim_process *process, const char *name, void *(*main)(void *),
			  void *argument);
struct fiber *fiber_here(void);
struct sim_process *fiber_process(void); /* of who runs */
bool fiber_has_ended(const struct fiber *fiber);
/* They never run again. */
void fiber_drop_all(const struct sim_process *process);

/*
 * Lets others run until is_ready(argument), or `deadline` (0: for ever). False: it was the deadline.
 * is_ready is called often, and changes nothing.
 */
bool fiber_wait(bool (*is_ready)(const void *argument), const void *argument, uint64_t deadline);
void fiber_sleep(uint64_t ns);
/* Perhaps lets others run: at every call that leaves the program. */
void fiber_edge(const char *where);

/* Runs everything until `main` of the first fiber has ended. */
void fiber_run(void *(*main)(void *), struct sim_process *process);

/* -- process.c -- */

enum sim_role { SIM_INIT, SIM_ENGINE, SIM_KEEPER, SIM_RECOVERER, SIM_ROLES };

#define SIM_FRAMES_MAX 512

struct sim_process {
	uint32_t pid;
	enum sim_role role;
	bool alive;
	int exit_fd;   /* readable when it is dead */
	int socket_fd; /* a keeper's end of its socket; -1 */
	int sockets[8]; /* ends to be closed when it dies */
	uint32_t socket_count;
	uint32_t frames[SIM_FRAMES_MAX]; /* foreign frames that it has mapped */
	uint32_t frame_count;
};

struct sim_process *process_start(enum sim_role role);
struct sim_process *process_of(uint32_t pid);
/* The one that lives in that role, or NULL. */
struct sim_process *process_living(enum sim_role role);
/* SIGKILL; or the end of main(). */
void process_end(struct sim_process *process);

/* A process in that role is killed at the count-th edge from now on. */
void process_doom(enum sim_role role, uint32_t count);
void process_spare_all(void);
/* At an edge; how many edges are left to the next such moment. */
bool process_is_doomed(uint32_t passed, enum sim_role *role);
uint32_t process_doom_left(void);

/* -- libc.c: what can make a poll ready has happened. */
extern uint64_t sim_fd_changes;
int libc_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
/* Of a process that has died. */
void libc_forget(const struct sim_process *process);

/* -- xen.c -- */

/* An event channel's descriptor; NULL: it is none. */
struct xenevtchn_handle;
struct xenevtchn_handle *xen_event_handle(int fd);
bool xen_event_is_ready(const struct xenevtchn_handle *handle);
long xen_event_read(struct xenevtchn_handle *handle, uint32_t *port);
long xen_event_unmask(struct xenevtchn_handle *handle, uint32_t port);
long xen_event_notify(struct xenevtchn_handle *handle, uint32_t port);
void xen_event_deliver(uint32_t device, uint32_t port);
void xen_forget(struct sim_process *process);
/* Hypercalls that want memory fail now and then; a doorbell is lost now and then. */
extern bool xen_is_short_of_memory, xen_loses_doorbells;

/* -- world.c -- */

#define SIM_VCPUS_MAX 10
#define SIM_DOMAIN "1"

struct fx_model;
struct fx_host;
struct fx_domain;
extern struct fx_model *world_model;
extern const struct fx_host world_host;

/* Machines that runs begin from: their guests have started all vCPUs. */
void world_build(const char *image);
void world_choose(void);
struct fx_domain *world_domain(void);
/* vCPUs that can run now; the number-th of them runs for a moment. */
uint32_t world_runnable(void);
void world_step(uint32_t number);
/* When the next timer of a vCPU is due; 0: none. */
uint64_t world_deadline(void);
/* How often a vCPU has gone round. */
uint64_t world_rounds(uint32_t vcpu);
uint32_t world_vcpus(void);
/* With nobody attached: complains if anything is not as it was. `surplus`: a recovery answers more
 * than was asked. `prompt`: no request may have waited for long. */
void world_check(bool surplus, bool prompt);

/* -- story.c -- */

void *story_main(void *unused);

/* -- plant.c -- */

const char *plant_name(uint32_t number); /* NULL: there is no such */
bool plant_stays_masked(void);

#endif
