/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox.c: see sandbox.h. */
#define _GNU_SOURCE 1
#include "xen/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "xen/error.h"
#include "xen/private.h"

/* They want Xen's types. */
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RS_SANITIZED 1
#endif
#endif

/*
 * What is not there gets EPERM, and the thread lives on: libraries ask for much that they can do
 * without (a time zone, a seed, the number of CPUs), and a monitor that is killed for such a question
 * would be worse for its guest than one that says no.
 */
#define REFUSED SCMP_ACT_ERRNO(EPERM)

/* Whatever their arguments are. */
static const int plain[] = {
	/* Waiting and waking. */
	SCMP_SYS(futex), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall),
	/* Descriptors that are open. Writing includes unmasking a port. */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	/* Memory; what may not be executed is below. */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* Knowing what time it is, and who and where one is. A PV dom0 may have no vDSO clock. */
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getcpu),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sched_getaffinity), SCMP_SYS(getrandom),
	/* Removing a watch from a handler: liburcu, and the straight way's barrier. */
	SCMP_SYS(membarrier),
	/* The end of a thread, and the program's. */
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* Hypercalls, foreign memory, the device model, the bell; and stdio asks whether it has a terminal. */
static const unsigned long requests[] = {
	IOCTL_EVTCHN_NOTIFY, IOCTL_PRIVCMD_HYPERCALL, IOCTL_PRIVCMD_MMAPBATCH,
	IOCTL_PRIVCMD_MMAPBATCH_V2, IOCTL_PRIVCMD_DM_OP, TCGETS,
};

/* Those that one argument allows or not. */
static const struct {
	int call;
	struct scmp_arg_cmp argument;
} conditional[] = {
	/* No new code. */
	{ SCMP_SYS(mmap), { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	{ SCMP_SYS(mprotect), { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	/* fstat, as libc says it. */
	{ SCMP_SYS(newfstatat), { 3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0 } },
	/* Sockets that are connected: send() and recv(). */
	{ SCMP_SYS(sendto), { 4, SCMP_CMP_EQ, 0, 0 } },
	{ SCMP_SYS(recvfrom), { 4, SCMP_CMP_EQ, 0, 0 } },
	/* libxenstore looks whether it has something to say without waiting for it. */
	{ SCMP_SYS(fcntl), { 1, SCMP_CMP_EQ, F_GETFL, 0 } },
	{ SCMP_SYS(fcntl), { 1, SCMP_CMP_EQ, F_SETFL, 0 } },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static int allow_if(scmp_filter_ctx list, int call, struct scmp_arg_cmp argument)
{
	return seccomp_rule_add_array(list, SCMP_ACT_ALLOW, call, 1, &argument);
}

static int fill(scmp_filter_ctx list)
{
	int error = seccomp_attr_set(list, SCMP_FLTATR_ACT_BADARCH, REFUSED);

	for (size_t i = 0; i < COUNT(plain) && !error; i++)
		error = seccomp_rule_add(list, SCMP_ACT_ALLOW, plain[i], 0);
	for (size_t i = 0; i < COUNT(requests) && !error; i++)
		error = allow_if(list, SCMP_SYS(ioctl),
				 (struct scmp_arg_cmp){ 1, SCMP_CMP_EQ, requests[i], 0 });
	for (size_t i = 0; i < COUNT(conditional) && !error; i++)
		error = allow_if(list, conditional[i].call, conditional[i].argument);
	/* abort() and raise(): to no other process. */
	return error ? error : allow_if(list, SCMP_SYS(tgkill), (struct scmp_arg_cmp){
		0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 });
}

/* libseccomp passes on only some of the kernel's answers. */
static int load_into_kernel(scmp_filter_ctx list)
{
	int error;

	errno = 0;
	error = seccomp_load(list);
	return error && errno ? -errno : error;
}

/* Of this thread only; libseccomp sees to it that no program which it starts gets anything back. */
static int load_list(void)
{
	scmp_filter_ctx list = seccomp_init(REFUSED);
	int error = list ? fill(list) : -ENOMEM;

	if (!error)
		error = load_into_kernel(list);
	if (list)
		seccomp_release(list);
	return error ? rs_fail(error, "seccomp: %s", strerror(-error)) : 0;
}

/* Linux's own call: libc's credentials are a process's, its are a thread's. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capset, &header, none)
		       ? rs_fail(errno, "capset: %s", strerror(errno)) : 0;
}

int rs_sandbox_enter(void)
{
	int error;

#ifdef RS_SANITIZED
	return rs_fail(EOPNOTSUPP, "this is built with a sanitizer, which makes calls of its own");
#endif
	error = drop_capabilities();
	return error ? error : load_list();
}

struct trial {
	int error;
	struct rs_error_note note;
};

static void *try(void *argument)
{
	struct trial *trial = argument;

	trial->error = rs_sandbox_enter();
	rs_error_keep(&trial->note);
	return NULL;
}

int rs_sandbox_try(void)
{
	struct trial trial = { 0 };
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, try, &trial);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return rs_fail(error, "no thread: %s", strerror(error));
	pthread_join(thread, NULL);
	if (trial.error)
		rs_error_restore(&trial.note);
	return trial.error;
}
