/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * engine.h: one domain's monitor ring, from attach to detach.
 *
 * Every request that Xen puts on the ring is answered exactly once, whether or not somebody
 * watches it, and by default in the way that leaves the guest running as if nobody looked.
 */
#ifndef RINGSIDE_ENGINE_H
#define RINGSIDE_ENGINE_H

#include <ringside/error.h>
#include <ringside/event.h>
#include <ringside/guest.h>
#include <ringside/log.h>
#include <ringside/statistics.h>
#include <ringside/watch.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_engine;

/* How the engine waits for the next event. */
enum rs_waiting {
	RS_WAIT_ADAPTIVE = 0, /* look at the ring for a little while, then sleep */
	RS_WAIT_BLOCK,        /* one more look, then sleep */
	RS_WAIT_SPIN,         /* never sleep: a CPU is ours */
};

/* How pages are watched. */
enum rs_page_method {
	RS_PAGE_METHOD_AUTO = 0, /* by an altp2m view, or by the host's map if there are none */
	RS_PAGE_METHOD_ALTP2M,   /* by a view, or not at all */
	RS_PAGE_METHOD_HOST,     /* by the host's map: every fault is emulated by Xen */
};

/*
 * Who looks after the guest if this process dies: another process, ringside-keeper, that
 * rs_engine_attach starts and rs_engine_detach ends. When the engine has died, by whatever it be, it
 * answers what is open, undoes what was changed, and gives the ring back: the guest goes on after some
 * milliseconds (man 7 ringside-survival). It costs an event nothing. It is no child of this process,
 * which sees one short-lived child (SIGCHLD) at attach.
 *
 * Off by default: a library starts no process that its user has not asked for.
 */
enum rs_keeper_mode {
	RS_KEEPER_NONE = 0, /* until ringside recover the guest stands still */
	RS_KEEPER_WANTED,   /* where there can be none the log says why */
	RS_KEEPER_REQUIRED, /* without one the attach fails */
};

/*
 * What the threads may do that run handlers in rs_engine_run. With a sandbox they are all made by the
 * engine, and the thread that calls rs_engine_run only waits for them, and may do what it could before:
 *
 *   - no capabilities;
 *   - of Linux's system calls those that the engine makes itself, on an event's way and in its control
 *     calls, and with which a handler computes, allocates, locks, waits, knows the time, and reads and
 *     writes descriptors that are open. All others fail with EPERM: nothing can be opened, connected,
 *     started, traced, or made executable. Signals go to no other process.
 *
 * Both are the thread's own; what it made would inherit them, but it can make no thread and no process. All
 * calls of this library that a handler may make work (the man page names a small difference: hidden
 * breakpoints had better be placed before the run, or by another thread). What libc and others open when
 * it is first used (a time zone, names, seeds) is to be used once before.
 *
 * rs_engine_step, rs_engine_next and sets handle events in the caller's own thread, which is not restricted:
 * it could never get back what it has lost. What a sandbox is worth, and what it is not, is told in man 7
 * ringside-survival.
 */
enum rs_sandbox_mode {
	RS_SANDBOX_NONE = 0,
	RS_SANDBOX_WANTED,   /* where there can be none the log says why */
	RS_SANDBOX_REQUIRED, /* without one the attach fails: -EPERM, -ENOSYS, -EINVAL, ... */
};

/* What becomes of an event that is open for longer than options.deadline_ms. */
enum rs_at_deadline {
	RS_AT_DEADLINE_TELL = 0, /* it is told: the log, statistics */
	/*
	 * And the engine answers it as RS_CONTINUE says: the guest goes on. Of a handler that is late
	 * the reply is not looked at (statistics: refused); until it returns that vCPU's further events
	 * are answered in the same way, without a handler's being asked. An event that is kept can be
	 * answered no more: rs_event_reply says -ETIMEDOUT.
	 */
	RS_AT_DEADLINE_CONTINUE,
};

/* Which way a message went. */
enum rs_message_way {
	RS_MESSAGE_REQUEST = 0,  /* from Xen to us */
	RS_MESSAGE_RESPONSE = 1, /* from us to Xen */
};

/*
 * Sees every raw message (vm_event_request_t, of the layout's version and size): a request when
 * it has been taken off the ring, a response when it has been put there, in that order. Valid
 * during the call. Called by one thread at a time for each way, while the guest may be
 * waiting: be quick, do not call back into the engine.
 */
typedef void (*rs_message_function)(enum rs_message_way way, const void *message,
				    const struct rs_layout *layout, void *user);

/* All 0 is the default. */
struct rs_engine_options {
	rs_log_function log;
	void *log_user;
	enum rs_log_level log_level; /* up to which; 0: RS_LOG_WARNING */
	enum rs_waiting waiting;
	enum rs_page_method page_method;
	rs_message_function on_message; /* for recordings */
	void *on_message_user;
	/*
	 * How many threads handle events in rs_engine_run, the caller's included, or may be in
	 * rs_engine_next at once. 0: the CPUs less one, but at least one. At most 64. With 1
	 * the engine makes no thread. With as many as vCPUs, and RS_WAIT_SPIN, each vCPU has one.
	 */
	uint32_t workers;
	/* Shadow memory for views is not raised: where it may not do, a view is refused. */
	bool keep_shadow_memory;
	/*
	 * If an earlier engine has died and left the domain, it is recovered first, as rs_recover does.
	 * Otherwise that is -EBUSY.
	 */
	bool recover;
	enum rs_keeper_mode keeper;
	/*
	 * The program; NULL: the one that was installed with this library. RINGSIDE_KEEPER in the
	 * environment goes before both. At most 255 bytes.
	 */
	const char *keeper_path;
	/*
	 * With a keeper: an engine that takes no request for so long while some wait on the ring, as
	 * when its one worker's handler does not return, is killed (SIGKILL), and its guest goes on.
	 * 0: never. It is looked for four times in that time, so it may take a quarter longer. A program
	 * that does not run its engine, or is stopped by a debugger, is stalled too.
	 */
	uint32_t stall_ms;
	/*
	 * Of watches that ask for none of their own. RS_WAY_AUTO is RS_WAY_EMULATE, whose dangers
	 * are told there.
	 */
	enum rs_way way;
	/*
	 * How long an event may be in its handlers, and kept, in milliseconds, up to an hour. 0: for as
	 * long as they like. It is looked for four times in that time, by a thread that the engine makes
	 * for it (all signals blocked), so it may take a quarter longer, and a millisecond at least.
	 *
	 * With one worker that is for events that are kept only: while its handler runs nobody else may
	 * answer. With several all of them may be late: then the thread answers for them, an event a
	 * millisecond, as RS_AT_DEADLINE_CONTINUE says. Up to sixteen late ones are answered at a time;
	 * of more, those that were kept first are no longer waited for: what is answered to them is
	 * -EALREADY, and their rs_answer_* must not be written to any more. Not covered is the handler of
	 * another page that an instruction touches (event.h), nor what is called back by other ways.
	 *
	 * With deadlines several workers take some atomic operations more an event.
	 */
	uint32_t deadline_ms;
	enum rs_at_deadline at_deadline;
	enum rs_sandbox_mode sandbox; /* one thread more, if it can be had */
};

/*
 * Attaches to a running HVM or PVH domain, given by its name or its number, and takes
 * its monitor ring. Nothing is watched yet. The domain is paused for a moment. `options` may be
 * NULL; `size` as in rs_watch_sized. On failure *engine is NULL and nothing is left behind.
 *
 * -ESRCH, -EPERM, -EACCES, -ENOENT, -EBUSY, -EOPNOTSUPP: see error.h.
 */
int rs_engine_attach_sized(struct rs_engine **engine, const char *domain,
			   const struct rs_engine_options *options, size_t size)
	__attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_engine_attach(struct rs_engine **engine, const char *domain,
		 const struct rs_engine_options *options)
{
	return rs_engine_attach_sized(engine, domain, options, sizeof(*options));
}

/*
 * Handles events until rs_engine_stop (0), or until the guest ends (-ENODEV), the engine is
 * detached (-ESHUTDOWN) or a call fails (-errno). In this thread, and in as many others as
 * options.workers says, which begin and end within the call and have all signals blocked. With
 * options.sandbox this thread handles none: there is one more of the others. One thread at a time runs
 * or steps an engine.
 */
int rs_engine_run(struct rs_engine *engine) __attribute__((warn_unused_result));

/*
 * For programs with a loop of their own: handles the events that wait, in this thread, and if
 * there are none, waits up to timeout_ms for some (-1: for ever; 0: not at all). Returns how
 * many it handled, 0 also after rs_engine_stop, or as rs_engine_run.
 */
int rs_engine_step(struct rs_engine *engine, int timeout_ms)
	__attribute__((warn_unused_result));

/*
 * A descriptor for poll, epoll, libuv or libevent, which becomes readable when there is
 * something for rs_engine_step(engine, 0): call that until it returns 0, and wait again. The
 * engine's; made at the first call; or -errno.
 */
int rs_engine_fd(struct rs_engine *engine) __attribute__((warn_unused_result));

/*
 * For programs that would rather pull: waits up to timeout_ms for an event (as
 * rs_engine_step) that is wanted by a watch without a handler. 1: *event is one, to be answered
 * by rs_event_reply, from any thread. 0: none came, or rs_engine_stop. Or as rs_engine_run.
 * Watches that have a handler are served meanwhile. As many threads as options.workers may
 * be inside at once (-EAGAIN), and any number of events be open, up to the eight of the ring.
 */
int rs_engine_next(struct rs_engine *engine, struct rs_event *event, int timeout_ms)
	__attribute__((warn_unused_result));

/*
 * Makes rs_engine_run, rs_engine_step or rs_engine_next return: the one that is under way, else
 * the next. Async-signal-safe: any thread, a handler, a signal handler; until rs_engine_detach is
 * called.
 */
void rs_engine_stop(struct rs_engine *engine);

/*
 * Lets go of the domain: removes all watches, answers what is still asked, takes back what
 * was changed, and frees the engine. At any moment: threads that run, step or pull return
 * -ESHUTDOWN first, events that are kept are answered as RS_CONTINUE says. No other call may be
 * made any more then. Not from a handler (-EDEADLK). The guest runs on. NULL is nothing.
 *
 * -ETIMEDOUT: a handler does not return; the text says whose; nothing was changed but that no
 * thread gets in any more: call again. Any other error says what could not be taken back; the
 * engine is freed all the same. 0 if the domain is gone: nothing is left to take back.
 */
int rs_engine_detach(struct rs_engine *engine);

/* Of the attached domain. Any thread. The name is "" where xenstore has none. */
uint32_t rs_engine_domain(const struct rs_engine *engine);
const char *rs_engine_domain_name(const struct rs_engine *engine);
uint32_t rs_engine_vcpu_count(const struct rs_engine *engine);

/*
 * Lets a vCPU that has no event open execute one instruction, after which it reports
 * RS_SINGLESTEP, whose watches' handlers reply RS_STEP for one more or RS_CONTINUE for no more
 * (in an event, the reply RS_STEP does the same). Make the watch first: without one the stepping
 * ends by itself. A vCPU that halts, or that the guest has not started, reports when it goes on.
 * Any thread, handlers too, but for the vCPU of the event that they handle; detaching ends it.
 *
 * 0; -ENOENT: no such vCPU; -EOPNOTSUPP: the processor has no monitor trap flag (SDM volume 3,
 * section 26.5.2); or -errno of Xen.
 */
int rs_engine_single_step(struct rs_engine *engine, uint32_t vcpu)
	__attribute__((warn_unused_result));

/*
 * The domain's memory and registers (guest.h), opened at the first call, with default
 * options, and closed with the engine. Any thread, handlers too. NULL if it cannot be opened:
 * rs_error_text tells.
 */
struct rs_guest *rs_engine_guest(struct rs_engine *engine);

/*
 * The altp2m view in which watched pages are closed, once there are some; 0: none. View 0 is
 * the permissive one.
 */
uint16_t rs_engine_view(const struct rs_engine *engine);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
