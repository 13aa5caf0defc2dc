/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.h: which events of a domain somebody wants to see.
 *
 * A watch is a kind of event, its parameters, and a handler. Xen is told what the domain's
 * watches add up to. Several watches may want the same event: their handlers are called in
 * the order in which they were made, and the first reply other than RS_CONTINUE counts.
 */
#ifndef RINGSIDE_WATCH_H
#define RINGSIDE_WATCH_H

#include <ringside/event.h>
#include <ringside/reply.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_engine;
struct rs_view;
struct rs_watch;

#define RS_VCPUS_MAX 256

/* How a vCPU gets past what a watch has seen, when its handler says RS_CONTINUE. */
enum rs_way {
	/* As rs_engine_options.way says; in the host's map always Xen's emulator. */
	RS_WAY_AUTO = 0,
	/*
	 * Xen's emulator executes the instruction: one event, and on most processors the quickest
	 * way. Only what is decoded and known to be emulated right; else as RS_WAY_FAST_STEP. Of
	 * string instructions one event stands for all iterations in the page. Of a page fault the
	 * bytes are the guest's to change until Xen reads them: another vCPU that means harm may
	 * put a VCVTPS2PH there in time, which panics a host that switches the FPU lazily (Xen up to
	 * 4.20 with spec-ctrl=no, or on an Atom). Choose RS_WAY_FAST_STEP for such a guest there.
	 */
	RS_WAY_EMULATE,
	RS_WAY_FAST_STEP, /* the processor executes it in view 0: one event */
	RS_WAY_STEP,      /* the same by a single-step, and back by its event: two events */
};

/*
 * A breakpoint that the engine places. The guest cannot see it: code with breakpoints is shown
 * to its vCPUs as a copy that can be executed only; reading and writing take place in the
 * original, and what is written is then copied. Its handler is called once a pass, with RIP at
 * the instruction, which RS_CONTINUE then executes; RS_GIVE_BACK gives the guest a #BP instead. An
 * INT3 that the guest has there, or anywhere else, still reaches the guest.
 *
 * The copy stays until the engine detaches, without the breakpoint when that is removed: a write to
 * such a page goes on costing two events. (To take it away while the guest runs would, from Xen 4.15
 * on, have vCPUs whose events are open go on without what their answers ask for.)
 *
 * The address must be that of an instruction's first byte: elsewhere the guest executes something
 * else. Where a page watch forbids to execute the page, its event comes instead of the breakpoint's.
 *
 * What dom0 writes into such a page, like a disk's backend that loads code, raises no event: then
 * vCPUs execute what was there before, until the guest reads or writes there or
 * rs_breakpoint_refresh. Without altp2m the INT3 is in the guest's own memory, for it to see,
 * and of several vCPUs one may slip past while another is stepped past it.
 */
enum rs_place {
	RS_PLACE_NOWHERE = 0,
	/*
	 * At a linear address: in the address space of the option cr3, and hit only there; or
	 * (cr3 0) in the one in which vCPU 0 is at this moment, and hit in all. Other addresses of
	 * the same memory do not count. Where the guest maps other memory there later the
	 * breakpoint stays with the old.
	 */
	RS_PLACE_LINEAR = 1,
	RS_PLACE_PHYSICAL = 2, /* at a guest-physical address, whatever it is mapped at */
};

/*
 * Called in one of the threads that handle the engine's events, with the vCPU waiting (if
 * event->synchronous). One vCPU's events come one after the other, different vCPUs' at once if
 * the engine has several workers. It may take its time: that holds up its vCPU only, and with
 * one worker all others too. (Xen has eight slots: eight events that wait stop all the rest.)
 * It may call all that is declared here, for its own watch too, rs_event_reply and rs_engine_stop;
 * not rs_engine_detach.
 */
typedef struct rs_reply (*rs_handler)(const struct rs_event *event, void *user);

/*
 * Called once a watch has been removed, or changed to another `user` or `gone`, and no handler
 * runs any more with its former `user`: with that.
 */
typedef void (*rs_watch_gone)(void *user);

/* What becomes of a watch that has had its calls_per_second_max. */
enum rs_at_limit {
	RS_AT_LIMIT_SETTLE = 0, /* its events are settled as RS_CONTINUE says until the second is over */
	/*
	 * It is switched off, as if it had been removed: the guest does not pay for its events any
	 * more. rs_watch_change switches it on again.
	 */
	RS_AT_LIMIT_SWITCH_OFF,
};

/*
 * Only `kind` is needed, and the parameters of CR, MSR and page; what is 0 is the default.
 * Of the union only the kind's own member is looked at. Kinds that can be watched: RS_CR,
 * RS_MSR, RS_BREAKPOINT, RS_PAGE, RS_SINGLESTEP, RS_GUEST_REQUEST, RS_DEBUG, RS_CPUID,
 * RS_INTERRUPT, RS_DESCRIPTOR, RS_EMUL_UNIMPLEMENTED, RS_VMEXIT (Xen 4.17), RS_IO (4.18).
 */
struct rs_watch_options {
	enum rs_kind kind;
	/*
	 * RS_CR, RS_GUEST_REQUEST, RS_DEBUG: the guest does not wait for the handler. Of the
	 * other kinds RS_VMEXIT never waits (Xen does not process a synchronous exit: it would
	 * come again for ever), and all others always do.
	 */
	bool asynchronous;
	/*
	 * RS_CR, RS_MSR: the handler may reply RS_DENY. Xen then holds back every watched
	 * CR and MSR write of the domain until it is answered, and goes on doing so until
	 * the engine detaches.
	 */
	bool deny;
	/* NULL: rs_engine_next gives the events; without it they are settled as RS_CONTINUE says. */
	rs_handler handler;
	void *user;
	union {
		/*
		 * RS_CR. A write that changes nothing but ignored bits is not reported, nor
		 * is one that changes nothing at all. For CR4 ignore bit 7 (PGE): guests
		 * toggle it to flush the TLB.
		 */
		struct {
			enum rs_cr which;
			uint64_t ignored_bits;
			bool on_change_only;
		} cr;
		/* RS_MSR. 0 to 0x1fff, or as many from 0x40000000 or 0xc0000000 on. */
		struct {
			uint32_t index;
			bool on_change_only;
		} msr;
		/*
		 * RS_PAGE: guest frames first to last (included), and what the guest may still
		 * do there without being reported, RS_ACCESS_R, _W and _X. Intel's processors
		 * have no page that can be written and not read: W without R is refused.
		 */
		struct {
			uint64_t first_gfn;
			uint64_t last_gfn; /* 0: the same as first_gfn */
			uint32_t access;
			struct rs_view *view; /* in which; NULL: in the engine's own */
		} page;
		/*
		 * RS_BREAKPOINT: where RIP is, or 0: wherever, and the INT3 is somebody else's to
		 * set. With `place` the engine sets one at `address`, while the guest runs: see
		 * enum rs_place.
		 */
		struct {
			uint64_t address;
			enum rs_place place;
		} breakpoint;
		/* RS_GUEST_REQUEST: also requests made by the guest's user space. */
		struct {
			bool allow_userspace;
		} guest_request;
		uint64_t reserved[8];
	};
	/*
	 * Only events of these vCPUs, bit by bit (all 0: of all), and only while CR3 has this
	 * value, its flags in bits 0 to 11 and 63 aside (0: any). The events of others are
	 * looked for in other watches; the guest pays for them all the same.
	 */
	uint64_t vcpus[RS_VCPUS_MAX / 64];
	uint64_t cr3;
	/*
	 * At most so many calls of the handler a second (0: no limit). Above that `at_limit` says
	 * what happens; the log tells, once in each second, and rs_statistics.throttled and
	 * rs_watch_state count the events that were kept from the handler.
	 */
	uint32_t calls_per_second_max;
	/* May be NULL. In the thread that removes it; if that is a handler, after that one. */
	rs_watch_gone gone;
	enum rs_at_limit at_limit;
	/* RS_PAGE (in a view) and RS_BREAKPOINT with `place`; of several watches the first's counts. */
	enum rs_way way;
};

/*
 * Makes a watch. From its return on events are reported, to watches made before too. Any
 * thread, handlers too. Pauses the domain for a moment, may sleep. `watch` may be NULL if it
 * is never to be removed but by detaching. `size` is sizeof(struct rs_watch_options) as the
 * caller was compiled; rs_watch passes it.
 *
 * -EINVAL: the text says which member. -EOPNOTSUPP: this Xen or processor has no such event.
 * -EFAULT: none of the pages is RAM of the guest, or nothing is mapped at the linear address of
 * a breakpoint. -ENOSPC: no room above the guest's memory for more shadow pages. -ENODEV: the guest
 * ended.
 */
int rs_watch_sized(struct rs_engine *engine, const struct rs_watch_options *options, size_t size,
		   struct rs_watch **watch) __attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_watch(struct rs_engine *engine, const struct rs_watch_options *options,
	 struct rs_watch **watch)
{
	return rs_watch_sized(engine, options, sizeof(*options), watch);
}

/*
 * Makes `count` watches, from as many options, or none: inside one pause of the domain, however
 * many registers and MSRs there are, and pages that lie side by side by one call of Xen's. In the
 * order of the options. `watches` may be NULL, or has room for `count`. Else as rs_watch; the text
 * says which one was refused.
 */
int rs_watch_many_sized(struct rs_engine *engine, const struct rs_watch_options *options,
			size_t size, size_t count, struct rs_watch **watches)
	__attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_watch_many(struct rs_engine *engine, const struct rs_watch_options *options, size_t count,
	      struct rs_watch **watches)
{
	return rs_watch_many_sized(engine, options, sizeof(*options), count, watches);
}

/*
 * Changes a watch in place, to options of the same kind: mask, register, range, filters, limit,
 * handler, whatever. It keeps its place in the order. Meanwhile each event finds it as it was or
 * as it will be, and what it wants before and after is reported without a gap. When it returns no
 * handler runs by the former options any more; called from inside a handler, it does not wait for
 * that. A watch that was switched off is on again. Any thread, handlers too, its own as well. Pauses
 * the domain for a moment if Xen has to be told. On an error (as rs_watch) all is as before.
 */
int rs_watch_change_sized(struct rs_watch *watch, const struct rs_watch_options *options,
			  size_t size) __attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_watch_change(struct rs_watch *watch, const struct rs_watch_options *options)
{
	return rs_watch_change_sized(watch, options, sizeof(*options));
}

struct rs_watch_state {
	uint64_t throttled; /* events that its limit has kept from its handler */
	bool on;            /* false: its limit has switched it off */
};

/* Any thread, handlers too. `size` as in rs_watch_sized. */
void rs_watch_state_sized(const struct rs_watch *watch, struct rs_watch_state *state, size_t size);

static inline void rs_watch_state(const struct rs_watch *watch, struct rs_watch_state *state)
{
	rs_watch_state_sized(watch, state, sizeof(*state));
}

/*
 * Removes a watch. When it returns, its handler is not running and will never run again; may
 * sleep, for as long as it runs. Called from inside a handler, its own or another's, it does not
 * wait for handlers that run at this moment, its own or in other threads: options.gone is
 * called after the last of them. Events of the watch that are already under way are settled by the
 * engine as RS_CONTINUE says. Any thread. NULL is nothing.
 */
void rs_unwatch(struct rs_watch *watch);

/* The same of many watches of one engine, none of them NULL, inside one pause of the domain. */
void rs_unwatch_many(struct rs_watch *const *watches, size_t count);

/*
 * Shows the vCPUs the code of a placed breakpoint's page as it is by now: after dom0 has written
 * there. Returns how many bytes had changed. Any thread.
 */
uint32_t rs_breakpoint_refresh(struct rs_watch *watch);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
