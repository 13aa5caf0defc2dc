/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* devices.c: the fake devices behave as Linux's drivers do: what is read, polled, copied,
 * inherited and mapped. Two event channels of dom0 bound to each other need no guest. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>

#include "fakexen/atomics.h"
#include "tests/fakexen/shim/oracle.h"
#include "tests/unit/tap.h"

#define DOMID 1
#define GFN 0x200               /* ordinary memory of the default guest */

static struct fx_model *model;
static xc_interface *xch;

/* A hypercall: what processes and descriptors have left is cleared away when it returns. */
static void settle(void)
{
	xen_pfn_t gfn;

	xc_domain_maximum_gpfn(xch, DOMID, &gfn);
}

static bool readable(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, 0) == 1 && poller.revents & POLLIN;
}

static int open_evtchn(void)
{
	return open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
}

static int bind_pair(int fd, int *second)
{
	struct ioctl_evtchn_bind_unbound_port unbound = { 0 };
	int first = ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	struct ioctl_evtchn_bind_interdomain bind = { 0, (unsigned int)first };

	*second = ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
	return first;
}

static int notify(int fd, int port)
{
	struct ioctl_evtchn_notify argument = { (unsigned int)port };

	return ioctl(fd, IOCTL_EVTCHN_NOTIFY, &argument);
}

static int unbind(int fd, int port)
{
	struct ioctl_evtchn_unbind argument = { (unsigned int)port };

	return ioctl(fd, IOCTL_EVTCHN_UNBIND, &argument);
}

/* Reads and unmasks until nothing is left. */
static void drain(int fd)
{
	evtchn_port_t port;

	while (readable(fd) && read(fd, &port, sizeof(port)) == sizeof(port))
		if (write(fd, &port, sizeof(port)) != sizeof(port))
			return;
}

/* The exit status of a child that runs `body`, or 128 + signal. */
static int in_child(int (*body)(void *), void *argument)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(body(argument));
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- event channels ---- */

static void test_delivery(void)
{
	int fd = open_evtchn(), second, first = bind_pair(fd, &second);
	evtchn_port_t port = 0;

	tap_ok(first > 0 && second > 0, "two ports of dom0 are bound to each other");
	tap_ok(readable(fd) && read(fd, &port, sizeof(port)) == 4 && port == (unsigned int)second,
		"a new binding is raised at once");
	tap_ok(!notify(fd, first) && !readable(fd), "a masked port is not delivered");
	tap_ok(write(fd, &port, sizeof(port)) == 4 && readable(fd), "but when it is unmasked");
	tap_ok(!notify(fd, first) && read(fd, &port, sizeof(port)) == 4 && !readable(fd),
		"and once only, however often it was raised");
	drain(fd);
	tap_ok(notify(fd, 4000) < 0 && errno == ENOTCONN, "notify of a foreign port: ENOTCONN");
	port = 4000;
	tap_ok(write(fd, &port, sizeof(port)) == 4, "unmask of a foreign port is passed over");
	tap_ok(!unbind(fd, second) && unbind(fd, second) < 0 && errno == ENOTCONN,
		"unbind, and once more: ENOTCONN");
	close(fd);
}

static void test_reading(void)
{
	int fd = open_evtchn(), second, other, first = bind_pair(fd, &second);
	int third = bind_pair(fd, &other);
	evtchn_port_t ports[8] = { 0 };

	drain(fd);
	notify(fd, first);
	notify(fd, third);
	tap_ok(read(fd, ports, sizeof(ports)) == 8 && ports[0] == (unsigned int)second &&
		ports[1] == (unsigned int)other, "one read gives several ports");
	tap_ok(write(fd, ports, 8) == 8, "one write unmasks several");
	tap_ok(!fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) && read(fd, ports, 4) < 0 &&
		errno == EAGAIN, "read of nothing, not blocking: EAGAIN");
	tap_ok(write(fd, ports, 3) == 0, "a write of less than a port does nothing");
	notify(fd, first);
	tap_ok(ioctl(fd, IOCTL_EVTCHN_RESET) == 0 && !readable(fd), "reset forgets what waits");
	close(fd);
	fd = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	tap_ok(read(fd, ports, 4) < 0 && errno == EAGAIN, "O_NONBLOCK at open holds");
	tap_ok(!(fcntl(fd, F_GETFD) & FD_CLOEXEC), "without O_CLOEXEC it is inherited");
	close(fd);
}

/* An open description lives until its last copy is closed. */
static void test_copies(void)
{
	int fd = open_evtchn(), second, first = bind_pair(fd, &second), copy = dup(fd);
	struct oracle_reading before, after;

	settle();
	oracle_read(model, &before);
	close(fd);
	settle();
	oracle_read(model, &after);
	tap_ok(after.ports == before.ports, "a copy keeps the ports bound");
	drain(copy);
	tap_ok(!notify(copy, first) && readable(copy), "and works like the first");
	tap_ok(dup2(copy, 200) == 200 && !close(copy) && !notify(200, first),
		"so does a copy by dup2");
	close(200);
	settle();
	oracle_read(model, &after);
	tap_ok(after.ports == before.ports - 2 && after.devices == before.devices - 1,
		"the last close unbinds them");
	fd = open("/dev/null", O_RDWR);
	tap_ok(write(fd, "abcd", 4) == 4 && ioctl(fd, IOCTL_EVTCHN_RESET) < 0 && errno == ENOTTY,
		"a number used again for another file is that file");
	close(fd);
}

struct channel {
	int fd, first;
};

static int child_notifies(void *argument)
{
	const struct channel *channel = argument;

	return notify(channel->fd, channel->first) ? 1 : 0;
}

static int child_closes(void *argument)
{
	return close(((struct channel *)argument)->fd);
}

static void test_fork(void)
{
	struct oracle_reading before, after;
	struct channel channel = { .fd = open_evtchn() };
	int second;

	channel.first = bind_pair(channel.fd, &second);
	drain(channel.fd);
	tap_ok(!in_child(child_notifies, &channel) && readable(channel.fd),
		"a forked child notifies, its parent reads");
	settle();
	oracle_read(model, &before);
	in_child(child_closes, &channel);
	settle();
	oracle_read(model, &after);
	tap_ok(after.ports == before.ports, "what a child closes stays its parent's");
	close(channel.fd);
}

/* By exec and over a socket: the shim meets a descriptor that it has not opened. */
static void test_strangers(void)
{
	int fd = open("/dev/xen/evtchn", O_RDWR), second, first = bind_pair(fd, &second);
	char number[16], port[16];
	int status = -1;
	pid_t pid;

	drain(fd);
	snprintf(number, sizeof(number), "%d", fd);
	snprintf(port, sizeof(port), "%d", first);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "devices", "notify", number, port, (char *)NULL);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	tap_ok(!status && readable(fd), "a program that inherits the device by exec notifies");
	close(fd);
}

static int send_descriptor(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] __attribute__((aligned(8))) = { 0 }, byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(to, &message, 0) == 1 ? 0 : -1;
}

static int receive_descriptor(int from)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))), byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(from, &message, 0) != 1)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* The number is new to the shim, and unmask comes first: it goes by the launcher. */
static void test_passed(void)
{
	int fd = open_evtchn(), second, first = bind_pair(fd, &second), pair[2], passed;
	struct pollfd poller = { .events = POLLIN };
	evtchn_port_t port;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	read(fd, &port, sizeof(port));
	notify(fd, first);              /* pends: the port is masked */
	send_descriptor(pair[0], fd);
	passed = receive_descriptor(pair[1]);
	poller.fd = fd;
	tap_ok(write(passed, &port, sizeof(port)) == 4 && poll(&poller, 1, 2000) == 1,
		"a descriptor that came over a socket unmasks");
	drain(fd);
	tap_ok(!notify(passed, first) && readable(fd), "and notifies");
	close(fd);
	close(passed);
	close(pair[0]);
	close(pair[1]);
}

/* ---- foreign memory ---- */

static int child_touches(void *argument)
{
	signal(SIGSEGV, SIG_DFL);       /* a sanitizer would catch it */
	return *(volatile unsigned char *)argument & 0;
}

static void test_mapping(void)
{
	xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
	xen_pfn_t gfns[4] = { GFN, GFN + 1, 0xffffff, GFN + 2 };
	struct oracle_reading before, after;
	volatile unsigned char *page; /* each access is made */
	int errors[4];

	settle();
	oracle_read(model, &before);
	page = xenforeignmemory_map(memory, DOMID, PROT_READ, 4, gfns, errors);
	oracle_read(model, &after);
	tap_ok(page && !errors[0] && !errors[1] && errors[2] && !errors[3],
		"each page of a batch has its own error");
	tap_ok(after.mappings == before.mappings + 3, "three pages are mapped");
	tap_ok(in_child(child_touches, (void *)(page + 2 * XC_PAGE_SIZE)) == 128 + SIGSEGV,
		"a child has no foreign page: SIGSEGV");
	tap_ok(!munmap((void *)(page + XC_PAGE_SIZE), XC_PAGE_SIZE), "a page in the middle goes");
	oracle_read(model, &after);
	tap_ok(after.mappings == before.mappings + 2, "and only that");
	(void)page[0];
	(void)page[3 * XC_PAGE_SIZE];
	munmap((void *)page, 4 * XC_PAGE_SIZE);
	oracle_read(model, &after);
	tap_ok(after.mappings == before.mappings, "and then the rest");
	gfns[0] = GFN;
	tap_ok(!xenforeignmemory_map(memory, 77, PROT_READ, 1, gfns, NULL) && errno == ESRCH,
		"of a domain that is not there: ESRCH");
	xenforeignmemory_close(memory);
}

static int child_maps(void *argument)
{
	xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
	xen_pfn_t gfn = GFN;

	return memory && xenforeignmemory_map(memory, DOMID, PROT_READ, 1, &gfn, NULL) ? 0 : 1;
}

static void test_mapping_of_the_dead(void)
{
	struct oracle_reading before, after;
	int status;

	settle();
	oracle_read(model, &before);
	status = in_child(child_maps, NULL);
	settle();
	oracle_read(model, &after);
	tap_ok(!status && after.mappings == before.mappings,
		"a process that ends gives its pages back");
}

static void test_reserved(void)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	unsigned char *page = mmap(NULL, XC_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	xen_pfn_t gfn = GFN;
	int error;
	privcmd_mmapbatch_v2_t batch = { .num = 1, .dom = DOMID, .arr = &gfn, .err = &error };

	tap_ok(page != MAP_FAILED, "mmap of privcmd reserves addresses");
	batch.addr = (uintptr_t)&batch & ~(uintptr_t)(XC_PAGE_SIZE - 1);
	tap_ok(ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) < 0 && errno == EINVAL,
		"pages cannot be put elsewhere: EINVAL");
	batch.addr = (uintptr_t)page;
	tap_ok(!ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) && !error, "but there");
	tap_ok(ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) < 0 && errno == EINVAL,
		"and once only: EINVAL");
	tap_ok(ioctl(fd, IOCTL_PRIVCMD_UNIMPLEMENTED, NULL) < 0 && errno == ENOTTY,
		"an unknown request: ENOTTY");
	munmap(page, XC_PAGE_SIZE);
	close(fd);
}

/* ---- restriction ---- */

static void test_restriction(void)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	privcmd_hypercall_t hypercall = { .op = __HYPERVISOR_xen_version, .arg = { 0 } };
	struct ioctl_evtchn_restrict_domid only = { DOMID };
	struct ioctl_evtchn_bind_unbound_port bind = { 0 };
	domid_t domid = DOMID, other = DOMID + 1;

	tap_ok(ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &hypercall) > 0, "a hypercall");
	tap_ok(!ioctl(fd, IOCTL_PRIVCMD_RESTRICT, &domid) &&
		ioctl(fd, IOCTL_PRIVCMD_RESTRICT, &other) < 0 && errno == EINVAL,
		"privcmd can be restricted, to one domain for good");
	tap_ok(ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &hypercall) < 0 && errno == EPERM,
		"and then makes no hypercall: EPERM");
	close(fd);
	fd = open_evtchn();
	tap_ok(!ioctl(fd, IOCTL_EVTCHN_RESTRICT_DOMID, &only) &&
		ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind) < 0 && errno == EACCES,
		"a restricted event channel device binds to no other domain: EACCES");
	bind.remote_domain = DOMID;
	tap_ok(ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind) > 0, "but to that one");
	close(fd);
}

/* What a program that closes whatever it finds must not close. */
static void test_closefrom(void)
{
	struct oracle_reading reading;
	int fd;

	xc_interface_close(xch);
	closefrom(3);
	xch = xc_interface_open(NULL, NULL, 0);
	settle();
	oracle_read(model, &reading);
	fd = open_evtchn();
	tap_ok(xch && fd >= 0 && !reading.ports, "after closefrom() the devices open as before");
	close(fd);
}

/* Makes one hypercall after the other, for a while; 0 if each vCPU ran in that time. */
static int pester(unsigned int vcpus)
{
	uint64_t begin[16] = { 0 };
	xc_vcpuinfo_t info;

	for (unsigned int i = 0; i < 5000; i++) {
		if (i == 0)
			usleep(200000);         /* all have started */
		if (xc_vcpu_getinfo(xch, DOMID, i % vcpus, &info))
			return 2;
		if (i < vcpus)
			begin[i] = info.cpu_time;
		else if (i >= 5000 - vcpus && info.cpu_time == begin[i % vcpus])
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct stat stat_buffer;

	if (argc == 4)                  /* notify DESCRIPTOR PORT */
		return notify(atoi(argv[2]), atoi(argv[3])) ? 1 : 0;
	xch = xc_interface_open(NULL, NULL, 0);
	if (argc == 3 && !strcmp(argv[1], "pause"))     /* pause DOMAIN: for launcher.sh */
		return xc_domain_pause(xch, (uint32_t)atoi(argv[2])) ? 1 : 0;
	if (argc == 3)                  /* pester VCPUS: as well */
		return pester((unsigned int)atoi(argv[2]));
	model = oracle_enter();
	if (!tap_ok(xch && model, "there is a hypervisor"))
		return tap_done();
	tap_ok(!stat("/dev/xen/evtchn", &stat_buffer) && S_ISCHR(stat_buffer.st_mode),
		"/dev/xen/evtchn is a character device");
	tap_ok(open("/dev/xen/gntdev", O_RDWR) < 0 && errno == ENOENT, "/dev/xen/gntdev: ENOENT");
	test_delivery();
	test_reading();
	test_copies();
	test_fork();
	test_strangers();
	test_passed();
	test_mapping();
	test_mapping_of_the_dead();
	test_reserved();
	test_restriction();
	test_closefrom();
	xc_interface_close(xch);
	return tap_done();
}
