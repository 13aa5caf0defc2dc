/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * set.c: engines in turn.
 *
 * An engine of a set is in one of three states until it is forgotten: it rests, and its descriptor is armed in the set's
 * epoll, for one shot; it waits in the queue; or a thread steps it. A step that handled
 * something sends it to the end of the queue; one that found nothing has unmasked its port,
 * and it rests again.
 */
#include <ringside/set.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ring/atomics.h"
#include "xen/error.h"

enum state { RESTING, QUEUED, STEPPED, FORGOTTEN };

struct member {
	struct rs_engine *engine;
	struct member *next;   /* of all */
	struct member *behind; /* in the queue */
	enum state state;
	pthread_t thread; /* that steps it */
	bool removed;
	bool awaited; /* by who removes it, and frees it then */
};

struct rs_set {
	rs_set_ended ended;
	void *user;
	int epoll_fd;
	int call_fd; /* an eventfd, a semaphore: there is something in the queue, or a stop */
	uint32_t stop;
	pthread_mutex_t lock;
	pthread_cond_t stepped; /* a member is not stepped any more */
	struct member *members;
	struct member *first, *last; /* of the queue */
	uint32_t sleeping; /* threads */
	uint32_t called;   /* of them, that have not come yet */
};

int rs_set_open(struct rs_set **out, rs_set_ended ended, void *user)
{
	struct rs_set *set = calloc(1, sizeof(*set));
	struct epoll_event event = { .events = EPOLLIN };
	int error;

	*out = NULL;
	if (!set)
		return rs_fail(ENOMEM, "no memory for a set");
	set->ended = ended;
	set->user = user;
	set->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	set->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (set->epoll_fd < 0 || set->call_fd < 0 ||
	    epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, set->call_fd, &event) < 0) {
		error = rs_fail(errno, "a set's descriptors: %s", strerror(errno));
		goto free_set;
	}
	pthread_mutex_init(&set->lock, NULL);
	pthread_cond_init(&set->stepped, NULL);
	*out = set;
	return 0;

free_set:
	if (set->epoll_fd >= 0)
		close(set->epoll_fd);
	if (set->call_fd >= 0)
		close(set->call_fd);
	free(set);
	return error;
}

static void call_one(struct rs_set *set)
{
	static const uint64_t one = 1;
	int error = errno;

	if (write(set->call_fd, &one, sizeof(one)) < 0) {
		/* Full: everybody has been called. */
	}
	errno = error;
}

/* -- with the lock -- */

static struct member **find(struct rs_set *set, const struct rs_engine *engine)
{
	struct member **at = &set->members;

	while (*at && (*at)->engine != engine)
		at = &(*at)->next;
	return at;
}

/* One more thread, if one sleeps. */
static void call_sleeper(struct rs_set *set)
{
	if (set->sleeping <= set->called)
		return;
	set->called++;
	call_one(set);
}

static void enqueue(struct rs_set *set, struct member *member)
{
	member->state = QUEUED;
	member->behind = NULL;
	if (set->first)
		set->last->behind = member;
	else
		set->first = member;
	set->last = member;
	call_sleeper(set);
}

static struct member *dequeue(struct rs_set *set)
{
	struct member *member = set->first;

	if (!member)
		return NULL;
	set->first = member->behind;
	member->state = STEPPED;
	member->thread = pthread_self();
	return member;
}

static void take_from_queue(struct rs_set *set, struct member *member)
{
	struct member **at = &set->first, *before = NULL;

	while (*at != member) {
		before = *at;
		at = &before->behind;
	}
	*at = member->behind;
	if (set->last == member)
		set->last = before;
}

static int rest(struct rs_set *set, struct member *member, int operation)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = member };
	int fd = rs_engine_fd(member->engine);

	if (fd < 0)
		return fd;
	member->state = RESTING;
	if (epoll_ctl(set->epoll_fd, operation, fd, &event) < 0)
		return rs_fail(errno, "epoll_ctl: %s", strerror(errno));
	return 0;
}

static void forget(struct rs_set *set, struct member *member)
{
	struct member **at = find(set, member->engine);

	epoll_ctl(set->epoll_fd, EPOLL_CTL_DEL, rs_engine_fd(member->engine), NULL);
	*at = member->next;
	member->state = FORGOTTEN;
	pthread_cond_broadcast(&set->stepped);
}

/* -- */

int rs_set_add(struct rs_set *set, struct rs_engine *engine)
{
	struct member *member = calloc(1, sizeof(*member));
	int error;

	if (!member)
		return rs_fail(ENOMEM, "no memory for a member of a set");
	member->engine = engine;
	pthread_mutex_lock(&set->lock);
	error = *find(set, engine) ? rs_fail(EEXIST, "domain %u is in the set already",
					     rs_engine_domain(engine)) : 0;
	if (!error)
		error = rest(set, member, EPOLL_CTL_ADD);
	if (!error) {
		member->next = set->members;
		set->members = member;
		/* What came before: its port has rung, and does not ring again. */
		enqueue(set, member);
	}
	pthread_mutex_unlock(&set->lock);
	if (error)
		free(member);
	return error;
}

int rs_set_remove(struct rs_set *set, struct rs_engine *engine)
{
	struct member *member;
	int error = 0;

	pthread_mutex_lock(&set->lock);
	member = *find(set, engine);
	if (!member || member->removed) {
		error = rs_fail(ENOENT, "domain %u is not in the set", rs_engine_domain(engine));
	} else if (member->state != STEPPED) {
		if (member->state == QUEUED)
			take_from_queue(set, member);
		forget(set, member);
		free(member);
	} else {
		/* Whoever steps it forgets it; from inside its own handler nobody can wait. */
		member->removed = true;
		member->awaited = !pthread_equal(member->thread, pthread_self());
		if (member->awaited) {
			while (member->state != FORGOTTEN)
				pthread_cond_wait(&set->stepped, &set->lock);
			free(member);
		}
	}
	pthread_mutex_unlock(&set->lock);
	return error;
}

/* After a step: where to with it. */
static void put_back(struct rs_set *set, struct member *member, int result)
{
	struct rs_engine *engine = member->engine;
	bool gone, removed, awaited;

	pthread_mutex_lock(&set->lock);
	if (result > 0 && !member->removed)
		enqueue(set, member);
	else if (!result && !member->removed)
		result = rest(set, member, EPOLL_CTL_MOD);
	removed = member->removed;
	awaited = member->awaited;
	gone = result < 0 || removed;
	if (gone)
		forget(set, member);
	pthread_mutex_unlock(&set->lock);
	if (!gone || awaited)
		return;
	free(member);
	if (!removed && set->ended)
		set->ended(engine, result, set->user);
}

/* A member that has become readable goes to the end of the queue. */
static int collect(struct rs_set *set, int timeout_ms)
{
	struct epoll_event events[16];
	int count = epoll_wait(set->epoll_fd, events, 16, timeout_ms);
	uint64_t value;

	if (count < 0)
		return errno == EINTR ? 0 : rs_fail(errno, "epoll_wait: %s", strerror(errno));
	pthread_mutex_lock(&set->lock);
	for (int i = 0; i < count; i++) {
		struct member *member = events[i].data.ptr;

		/* One call for each thread that is to come; a stop is for all. */
		if (!member && !rs_load_relaxed(&set->stop) &&
		    read(set->call_fd, &value, sizeof(value)) > 0 && set->called)
			set->called--;
		/* It may have been removed since. */
		for (struct member *known = set->members; member && known; known = known->next)
			if (known == member && known->state == RESTING)
				enqueue(set, known);
	}
	pthread_mutex_unlock(&set->lock);
	return 0;
}

/* The next one in the queue. Without one this thread is about to sleep, and will be called. */
static struct member *next(struct rs_set *set)
{
	struct member *member;

	pthread_mutex_lock(&set->lock);
	member = dequeue(set);
	if (!member)
		set->sleeping++;
	else if (set->first)
		call_sleeper(set);
	pthread_mutex_unlock(&set->lock);
	return member;
}

static void wake_up(struct rs_set *set)
{
	pthread_mutex_lock(&set->lock);
	set->sleeping--;
	pthread_mutex_unlock(&set->lock);
}

int rs_set_run(struct rs_set *set)
{
	int error = 0;

	while (!error && !rs_load_acquire(&set->stop)) {
		struct member *member = next(set);

		if (member) {
			put_back(set, member, rs_engine_step(member->engine, 0));
			/* Others that rest must not wait until the busy ones do too. */
			error = collect(set, 0);
		} else {
			error = collect(set, -1);
			wake_up(set);
		}
	}
	/* Whoever sleeps has to learn of the stop as well. */
	call_one(set);
	return error;
}

void rs_set_stop(struct rs_set *set)
{
	rs_store_release(&set->stop, 1);
	call_one(set);
}

void rs_set_close(struct rs_set *set)
{
	if (!set)
		return;
	while (set->members) {
		struct member *member = set->members;

		set->members = member->next;
		free(member);
	}
	pthread_cond_destroy(&set->stepped);
	pthread_mutex_destroy(&set->lock);
	close(set->call_fd);
	close(set->epoll_fd);
	free(set);
}
