/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wait.c: spin, watch, park. */
#include "config.h"

#include "engine/wait.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine/full.h"
#include "engine/private.h"
#include "ring/atomics.h"

/*
 * How long to look before sleeping, in adaptive mode: about what falling asleep and waking
 * up cost, so that at worst we pay twice what was needed. A spin that found nothing costs a
 * credit. Without credit one spin in so many sleeps is tried, in ever more of them for as long as
 * none pays. How long a sleep was tells nothing: a busy machine wakes late however soon the event
 * came, and where guest and engine share a CPU each event comes as soon as we sleep.
 */
#define SPIN_TICKS 131072
#define CREDIT 16
#define SLEEPS_TO_TRIAL_MAX 128
#define SPINS_PER_TICKS 32
/* Whoever never sleeps looks at everything but the ring and the lanes only now and then. */
#define TICKS_BETWEEN_CALLS 2097152
/* So often a sleeper asks on which CPU it runs. */
#define SLEEPS_BETWEEN_LOOKS 1024
/* Misses in a row, after which whoever has the ring's lock is let run. */
#define MISSES_MAX 64

/* The watcher's word: its number and one, and whether it runs a handler. 0: there is none. */
#define BUSY 0x100u
#define DEPUTY_TICK_NS 1000000
/* Ticks without an event, after which the deputy sleeps too. */
#define DEPUTY_TICKS 8

/* Not which of them are ours: the guest does not run on dom0's, and who pins an engine spins best. */
bool rs_wait_may_spin(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

static int64_t now_ms(void)
{
	return (int64_t)(rs_now_ns() / 1000000);
}

/* What is left until a deadline; -1: there is none. */
static int left_ms(int timeout_ms, int64_t deadline)
{
	int64_t left;

	if (timeout_ms <= 0)
		return timeout_ms;
	left = deadline - now_ms();
	return left > 0 ? (int)left : 0;
}

static bool is_called(const struct rs_engine *engine)
{
	return rs_load_relaxed(&engine->ready) || rs_load_relaxed(&engine->stop);
}

/* -- the watcher -- */

static bool is_watcher(const struct rs_worker *worker)
{
	return (rs_load_relaxed(&worker->engine->watcher) & ~BUSY) == worker->number + 1;
}

bool rs_wait_is_watcher(const struct rs_worker *worker)
{
	return is_watcher(worker);
}

bool rs_wait_may_take(const struct rs_worker *worker)
{
	uint32_t watcher = rs_load_seq_cst(&worker->engine->watcher);

	return !watcher || (watcher & ~BUSY) == worker->number + 1;
}

/* Is, or becomes it; not if somebody else is, who may have taken the role from us. */
static bool watch_begin(struct rs_worker *worker)
{
	uint32_t busy = (worker->number + 1) | BUSY, none = 0;

	if (is_watcher(worker))
		/* The deputy may be about to take it. */
		return rs_compare_exchange_acq_rel(&worker->engine->watcher, &busy,
						   worker->number + 1) ||
		       busy == worker->number + 1;
	return rs_compare_exchange_acq_rel(&worker->engine->watcher, &none, worker->number + 1);
}

/* What is to be done may hold us up: others may take the role, then. */
static void watch_busy(struct rs_worker *worker)
{
	/* S5: against S6. */
	rs_store_seq_cst(&worker->engine->watcher, (worker->number + 1) | BUSY);
}

static bool is_busy(const struct rs_engine *engine)
{
	return rs_load_seq_cst(&engine->watcher) & BUSY;
}

static bool watch_end(struct rs_worker *worker)
{
	uint32_t busy = (worker->number + 1) | BUSY;

	return is_watcher(worker) &&
	       rs_compare_exchange_acq_rel(&worker->engine->watcher, &busy, 0);
}

void rs_wait_learn(struct rs_worker *worker)
{
	worker->credit = CREDIT;
	worker->patience = 1;
}

/* With the port masked: whatever comes is seen on the page. True: something has, before so many ticks. */
static inline bool look(const struct rs_engine *engine, uint64_t ticks)
{
	uint64_t begin = rs_ticks();

	do {
		for (unsigned int i = 0; i < SPINS_PER_TICKS; i++) {
			if (rs_ring_pending(&engine->ring) || is_called(engine))
				return true;
			rs_cpu_relax();
		}
	} while (rs_ticks() - begin < ticks);
	return false;
}

static bool spin(struct rs_worker *worker)
{
	rs_count(&worker->counters, &worker->counters.spins, 1);
	if (look(worker->engine, SPIN_TICKS)) {
		rs_count(&worker->counters, &worker->counters.spins_paid, 1);
		rs_wait_learn(worker);
		return true;
	}
	if (--worker->credit)
		return false;
	if (worker->patience < SLEEPS_TO_TRIAL_MAX)
		worker->patience *= 2;
	worker->sleeps_to_trial = worker->patience;
	return false;
}

void rs_wait_follow(struct rs_worker *worker)
{
	struct rs_interrupt *interrupt = worker->engine->port.interrupt;

	worker->sleeps_to_look = SLEEPS_BETWEEN_LOOKS;
	if (interrupt)
		rs_interrupt_follow(interrupt);
}

/* Asleep at the event channel. */
static int block(struct rs_worker *worker, int timeout_ms)
{
	struct rs_engine *engine = worker->engine;
	int result = RS_DOORBELL_WORK;

	/* S3: against S4. */
	rs_store_seq_cst(&engine->blocked, 1);
	if (!rs_load_seq_cst(&engine->ready) && !rs_load_seq_cst(&engine->stop)) {
		rs_wait_settle(worker);
		rs_add_own(&worker->counters.sleeps, 1);
		result = rs_doorbell_block(&engine->doorbell, timeout_ms);
		if (!worker->credit && result == RS_DOORBELL_WORK && !--worker->sleeps_to_trial)
			worker->credit = 1;
	}
	rs_store_relaxed(&engine->blocked, 0);
	return result;
}

/* The worker has just looked at the ring. */
static int watch(struct rs_worker *worker, int timeout_ms)
{
	struct rs_engine *engine = worker->engine;
	int64_t deadline = timeout_ms > 0 ? now_ms() + timeout_ms : 0;

	for (;;) {
		int left, result;

		if (timeout_ms && engine->may_spin && worker->credit > 0 && spin(worker))
			return RS_DOORBELL_WORK;
		result = rs_doorbell_arm(&engine->doorbell);
		if (result < 0)
			return result;
		if (rs_ring_pending(&engine->ring))
			return RS_DOORBELL_WORK;
		left = left_ms(timeout_ms, deadline);
		result = block(worker, left);
		if (result < 0 || result == RS_DOORBELL_WOKEN)
			return result;
		if (rs_ring_pending(&engine->ring) || is_called(engine))
			return RS_DOORBELL_WORK;
		if (left < 0 && result == RS_DOORBELL_TIMEOUT)
			return result;
		/* Not with the port masked: who waits at rs_engine_fd would not hear it any more. */
		if (left == 0 && engine->doorbell.armed)
			return RS_DOORBELL_TIMEOUT;
	}
}

/* -- those that park -- */

static void futex_wait(uint32_t *word, uint32_t value, int64_t ns)
{
	struct timespec time = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ns < 0 ? NULL : &time, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
	int error = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = error;
}

/* Nothing for us, and somebody looks after the ring: we may sleep. */
static bool may_park(const struct rs_engine *engine)
{
	return !rs_load_seq_cst(&engine->ready) && rs_load_seq_cst(&engine->watcher) &&
	       !rs_load_seq_cst(&engine->stop);
}

/* What the deputy has seen at its last tick. */
struct tick {
	uint32_t watcher, beat;
	unsigned int idle; /* so many in which nothing has moved */
};

/* The watcher is stuck: its role and its answers are ours, unless it has come back just now. */
static bool replace(struct rs_worker *worker, uint32_t watcher)
{
	struct rs_engine *engine = worker->engine;
	struct rs_worker *stuck = &engine->workers[(watcher & ~BUSY) - 1];

	if (!rs_compare_exchange_acq_rel(&engine->watcher, &watcher, (worker->number + 1) | BUSY))
		return false;
	worker->finished |= rs_exchange_acq_rel(&stuck->held, 0); /* D2 */
	return true;
}

/* After a tick. True: the watcher is stuck, and the role is ours. */
static bool look_after(struct rs_worker *worker, struct tick *last)
{
	struct rs_engine *engine = worker->engine;
	uint32_t watcher = rs_load_acquire(&engine->watcher), beat;

	if (!watcher)
		return true;
	beat = rs_load_relaxed(&engine->workers[(watcher & ~BUSY) - 1].beat);
	if (watcher == last->watcher && beat == last->beat) {
		if (watcher & BUSY)
			return replace(worker, watcher);
		last->idle++;
		return false;
	}
	*last = (struct tick){ .watcher = watcher, .beat = beat };
	return false;
}

static bool deputy_begin(struct rs_worker *worker)
{
	uint32_t none = 0;

	return rs_compare_exchange_acq_rel(&worker->engine->deputy, &none, worker->number + 1);
}

static void deputy_end(struct rs_worker *worker)
{
	/* S6: against S5. */
	rs_store_seq_cst(&worker->engine->deputy, 0);
}

/*
 * Nothing moves: the deputy sleeps too. But a watcher that has just seen it awake has woken
 * nobody to look after the handler that it begins. True: so it is, and we stay what we are.
 */
static bool deputy_yield(struct rs_worker *worker)
{
	deputy_end(worker);
	return is_busy(worker->engine) && deputy_begin(worker);
}

/* Asleep until woken (true) or for ns. */
static bool sleep_at_futex(struct rs_worker *worker, int64_t ns)
{
	if (rs_load_acquire(&worker->parked))
		futex_wait(&worker->parked, 1, ns);
	return !rs_load_acquire(&worker->parked);
}

static void park_asleep(struct rs_worker *worker, int64_t limit_ns)
{
	struct tick last = { 0 };
	bool deputy = deputy_begin(worker), woken;
	int64_t slept = 0;

	rs_count(&worker->counters, &worker->counters.parks, 1);
	do {
		int64_t ns = deputy ? DEPUTY_TICK_NS : limit_ns;

		woken = sleep_at_futex(worker, ns);
		slept += ns;
		if (woken || !deputy)
			break;
		if (look_after(worker, &last)) {
			rs_count(&worker->counters, &worker->counters.rescues, 1);
			break;
		}
		if (last.idle >= DEPUTY_TICKS)
			deputy = deputy_yield(worker);
	} while (limit_ns < 0 || slept < limit_ns);
	if (deputy)
		deputy_end(worker);
}

static int park(struct rs_worker *worker, int timeout_ms)
{
	struct rs_engine *engine = worker->engine;
	uint64_t bit = 1ULL << worker->number;
	int64_t limit = timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000000;
	bool woken;

	rs_store_relaxed(&worker->parked, 1);
	/* S2: against S4. */
	rs_or_seq_cst(&engine->parked, bit);
	if (timeout_ms && may_park(engine))
		park_asleep(worker, limit);
	/* Who has woken us has taken our bit. */
	woken = !(rs_and_acq_rel(&engine->parked, ~bit) & bit);
	rs_store_relaxed(&worker->parked, 0);
	return woken || is_called(engine) || !rs_load_relaxed(&engine->watcher) ||
	       is_watcher(worker) ? RS_DOORBELL_WORK : RS_DOORBELL_TIMEOUT;
}

/* -- spinning for ever -- */

static bool is_woken(const struct rs_engine *engine)
{
	struct epoll_event event;

	return epoll_wait(engine->wake_fd, &event, 1, 0) > 0;
}

static int look_once(const struct rs_engine *engine)
{
	if (rs_ring_pending(&engine->ring) || rs_load_relaxed(&engine->ready))
		return RS_DOORBELL_WORK;
	return rs_load_relaxed(&engine->stop) ? RS_DOORBELL_WOKEN : RS_DOORBELL_TIMEOUT;
}

static int spin_for_ever(struct rs_worker *worker, int timeout_ms)
{
	struct rs_engine *engine = worker->engine;
	uint64_t end = timeout_ms > 0 ? rs_now_ns() + (uint64_t)timeout_ms * 1000000 : 0;

	if (!timeout_ms)
		return look_once(engine);
	for (;;) {
		if (look(engine, TICKS_BETWEEN_CALLS))
			return rs_load_relaxed(&engine->stop) ? RS_DOORBELL_WOKEN : RS_DOORBELL_WORK;
		if (worker->number == 0 && is_woken(engine))
			return RS_DOORBELL_WOKEN;
		if (timeout_ms > 0 && rs_now_ns() >= end)
			return RS_DOORBELL_TIMEOUT;
	}
}

/* -- for all -- */

/* There was work and we did not get it: whoever takes or puts may want our CPU. */
static void yield(struct rs_worker *worker)
{
	if (++worker->misses < MISSES_MAX) {
		rs_cpu_relax();
		return;
	}
	worker->misses = 0;
	sched_yield();
}

static __attribute__((noinline)) int wait_shared(struct rs_worker *worker, int timeout_ms)
{
	struct rs_engine *engine = worker->engine;
	int result;

	if (engine->worker_count > 1 && rs_ring_pending(&engine->ring))
		yield(worker);
	if (engine->waiting == RS_WAIT_SPIN && rs_load_relaxed(&engine->loop_fd) < 0)
		return spin_for_ever(worker, timeout_ms);
	if (engine->worker_count == 1)
		return watch(worker, timeout_ms);
	if (!watch_begin(worker))
		return park(worker, timeout_ms);
	result = watch(worker, timeout_ms);
	watch_busy(worker);
	return result;
}

int rs_wait(struct rs_worker *worker, int timeout_ms)
{
	const struct rs_engine *engine = worker->engine;

	if (engine->worker_count == 1 && engine->waiting != RS_WAIT_SPIN)
		return watch(worker, timeout_ms);
	return wait_shared(worker, timeout_ms);
}

/* The watcher is in a handler, or about to be: somebody looks after it, if anybody is left. */
static void wake_deputy(struct rs_engine *engine)
{
	if (!rs_load_seq_cst(&engine->deputy) && is_busy(engine) &&
	    rs_load_relaxed(&engine->parked))
		rs_wait_wake(engine);
}

void rs_wait_leave(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;

	worker->quick = false;
	if (engine->worker_count == 1)
		return;
	if (watch_end(worker))
		rs_wait_wake(engine);
	wake_deputy(engine);
}

void rs_wait_guard(struct rs_worker *worker, bool slow)
{
	struct rs_engine *engine = worker->engine;
	uint64_t ready;

	if (engine->waiting == RS_WAIT_SPIN) {
		if (slow)
			rs_full_look(engine);
		return;
	}
	if (!slow) {
		wake_deputy(engine);
		return;
	}
	rs_full_look(engine);
	watch_end(worker);
	/* One for each lane, and one for the ring. */
	ready = rs_load_seq_cst(&engine->ready);
	for (; ready; ready &= ready - 1)
		rs_wait_wake(engine);
	if (!rs_load_seq_cst(&engine->watcher))
		rs_wait_wake(engine);
	wake_deputy(engine);
}

/* The watcher, asleep at the event channel: by the descriptor that it sleeps at too. */
static void wake_watcher(struct rs_engine *engine)
{
	static const uint64_t one = 1;
	int error = errno;

	/* Whoever waits at rs_engine_fd does not say so. */
	if (!rs_load_seq_cst(&engine->blocked) && rs_load_relaxed(&engine->loop_fd) < 0)
		return;
	if (write(engine->stop_fd, &one, sizeof(one)) < 0) {
		/* Full, which means that it is readable: as good. */
	}
	errno = error;
}

static void wake_worker(struct rs_engine *engine, uint64_t bit)
{
	struct rs_worker *worker = &engine->workers[__builtin_ctzll(bit)];

	rs_store_release(&worker->parked, 0);
	futex_wake(&worker->parked);
}

void rs_wait_wake(struct rs_engine *engine)
{
	/* S4: against S2 and S3. */
	uint64_t parked = rs_load_seq_cst(&engine->parked);

	while (parked) {
		uint64_t bit = parked & -parked;

		parked = rs_and_acq_rel(&engine->parked, ~bit);
		if (parked & bit) {
			wake_worker(engine, bit);
			return;
		}
	}
	wake_watcher(engine);
}

void rs_wait_wake_all(struct rs_engine *engine)
{
	uint64_t parked = rs_exchange_seq_cst(&engine->parked, 0);

	for (; parked; parked &= parked - 1)
		wake_worker(engine, parked & -parked);
	wake_watcher(engine);
}
