/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine.c: the model's memory, the domains in it, and the launcher as the model's host. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/futex.h"
#include "fakexen/launcher/launcher.h"
#include "fakexen/thread.h"

#define SPARE_SLOTS 4           /* domains that a command may create */
#define SPARE_MIB 64            /* memory that tools may populate, for each domain */
#define FRAMES_OF_MIB (1u << 8)

/* ---- the host ---- */

static uint64_t now(void *opaque)
{
	const struct launcher *launcher = opaque;

	return fx_clock_now(&launcher->model->clock);
}

static void deliver(void *opaque, unsigned int device, uint32_t port)
{
	const struct launcher *launcher = opaque;
	int fd = launcher->model->devices[device].launcher_fd;

	if (send(fd, &port, sizeof(port), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_line("event channel device %u: port %u is lost: %s", device, port,
			strerror(errno));
}

static void wake(void *opaque, unsigned int slot, unsigned int vcpu)
{
	const struct launcher *launcher = opaque;

	fx_thread_wake(launcher->model, fx_thread_of(launcher->model, slot, vcpu));
}

static int copy_in(void *opaque, pid_t pid, void *to, uint64_t from, size_t size)
{
	struct iovec here = { to, size }, there = { (void *)(uintptr_t)from, size };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static int copy_out(void *opaque, pid_t pid, uint64_t to, const void *from, size_t size)
{
	struct iovec here = { (void *)(uintptr_t)from, size }, there = { (void *)(uintptr_t)to, size };

	return process_vm_writev(pid, &here, 1, &there, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static void log_from_model(void *opaque, const char *line)
{
	log_line("%s", line);
}

/* ---- files ---- */

void machine_file(char *path, size_t size, const char *const near[2], const char *installed)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[length > 0 ? length : 0] = '\0';
	slash = strrchr(self, '/');
	for (unsigned int i = 0; slash && i < 2; i++) {
		*slash = '\0';
		snprintf(path, size, "%s/%s", self, near[i]);
		if (!access(path, R_OK))
			return;
	}
	snprintf(path, size, "%s", installed);
}

/* ---- building ---- */

static void make_memory(struct launcher *launcher, unsigned int slots, uint32_t frames)
{
	uint64_t size = fx_model_size(slots, frames);
	int fd = memfd_create("fakexen", MFD_CLOEXEC);
	struct fx_model *model;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		die("no shared memory: %s", strerror(errno));
	model = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (model == MAP_FAILED)
		die("no shared memory: %s", strerror(errno));
	fx_model_init(model, slots, frames);
	launcher->memory_fd = fd;
	launcher->model = model;
}

static void boot(struct launcher *launcher, const char *name, const char *image, bool pv)
{
	struct fx_domain_options options = {
		.name = name,
		.vcpus = launcher->options.vcpus,
		.memory_mib = launcher->options.memory_mib,
		.image = image,
		.pv = pv,
	};
	char why[256] = "";
	uint32_t id;

	if (fx_domain_boot(launcher->model, &launcher->host, &options, &id, why, sizeof(why)))
		die("%s: %s", name, why);
}

static void take_cpuid(struct launcher *launcher, const char *path)
{
	char why[256];

	if (path && fx_cpuid_policy_read(launcher->model, path, why, sizeof(why)))
		die("--cpuid: %s", why);
}

void machine_build(struct launcher *launcher)
{
	static const char *const near[] = { "guests/worker.elf",
		"../share/ringside/guests/worker.elf" };
	const struct options *options = &launcher->options;
	unsigned int domains = options->domains + options->pv;
	uint32_t frames = (domains + SPARE_SLOTS) * (options->memory_mib + SPARE_MIB) *
		FRAMES_OF_MIB;
	char image[PATH_MAX], name[32];

	make_memory(launcher, 1 + domains + SPARE_SLOTS, frames);
	launcher->host = (struct fx_host){ launcher, now, deliver, wake, copy_in, copy_out,
					   log_from_model };
	launcher->model->options = (struct fx_options){
		.altp2m = options->altp2m,
		.capabilities_off = options->capabilities_off,
		.message_version = options->message_version,
		.hypercall_ns = options->hypercall_ns,
		.threads = options->threads,
	};
	fx_clock_begin(&launcher->model->clock);
	take_cpuid(launcher, options->cpuid);
	machine_file(image, sizeof(image), near, PKGDATADIR "/guests/worker.elf");
	for (unsigned int i = 1; i <= options->domains; i++) {
		snprintf(name, sizeof(name), "guest%u", i);
		boot(launcher, name, options->guest ? options->guest : image, false);
	}
	if (options->pv)
		boot(launcher, "pv1", NULL, true);
	fx_clock_finish(&launcher->model->clock);
}
