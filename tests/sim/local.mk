# SPDX-License-Identifier: LGPL-2.1-or-later
# The simulator: the product's own sources, and the model, in one thread, in virtual time.
# ARCHITECTURE.md says how; tests/sim/sim --help what it can be asked.

if !SANITIZER

check_LTLIBRARIES += libringside-sim.la
SIM_CPPFLAGS = -iquote $(top_srcdir)/tests/sim/stand_in -I$(top_srcdir)/tests/sim/stand_in \
	-include $(top_srcdir)/tests/sim/edge.h -U_FORTIFY_SOURCE $(AM_CPPFLAGS) \
	-DRS_KEEPER_PATH='"keeper"' -D_GNU_SOURCE=1
libringside_sim_la_CPPFLAGS = $(SIM_CPPFLAGS)
libringside_sim_la_CFLAGS = $(AM_CFLAGS) $(XEN_CFLAGS) $(SECCOMP_CFLAGS)
libringside_sim_la_SOURCES = $(libringside_private_la_SOURCES)

# Calls of these go to __wrap_...
sim_wrapped = access chdir clock_gettime close epoll_ctl fork getpid ioctl madvise nanosleep open \
	openlog poll posix_spawn pthread_cond_signal pthread_cond_timedwait pthread_create \
	pthread_join pthread_mutex_lock pthread_mutex_unlock recv recvmsg \
	rs_owner_is_of_this_boot rs_owner_lives rs_owner_read sched_getaffinity sched_yield send \
	sendmsg setsid signal socketpair syscall sysconf syslog timerfd_create timerfd_settime \
	waitpid write
# And so the bugs get in.
sim_planted = rs_journal_altp2m rs_journal_closed rs_orphan_unpause rs_ring_put_head \
	rs_shadows_release rs_sources_clear rs_traps_clear rs_views_leave rs_wait_wake \
	rs_wait_wake_all rs_xen_domain_unpause

check_PROGRAMS += tests/sim/sim
tests_sim_sim_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_sim_CFLAGS = $(AM_CFLAGS) $(XEN_CFLAGS) -Wno-unused-parameter
tests_sim_sim_LDFLAGS = $(AM_LDFLAGS) $(sim_wrapped:%=-Wl,--wrap=%) \
	$(sim_planted:%=-Wl,--wrap=%)
tests_sim_sim_LDADD = libringside-sim.la libfakexen-hypervisor.la $(XEN_LIBS) $(SECCOMP_LIBS) \
	$(ZYDIS_LIBS) -lpthread
tests_sim_sim_SOURCES = tests/sim/chance.c tests/sim/edge.h tests/sim/fiber.c tests/sim/keeper.c \
	tests/sim/libc.c tests/sim/main.c tests/sim/plant.c tests/sim/process.c tests/sim/sim.h \
	tests/sim/story.c tests/sim/world.c tests/sim/xen.c \
	tests/sim/stand_in/ring/atomics.h tests/sim/stand_in/urcu/urcu-memb.h

sim_tests = tests/sim/bugs.sh tests/sim/seeds.sh
TESTS += $(sim_tests)
source_tests += $(sim_tests)
slow_tests += tests/sim/bugs.sh

endif

EXTRA_DIST += tests/sim/bugs.sh tests/sim/run tests/sim/seeds.sh
