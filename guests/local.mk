# SPDX-License-Identifier: LGPL-2.1-or-later
# guests: PVH images, assembled and laid out at fixed addresses (map.h).

guestsdir = $(pkgdatadir)/guests
guests_DATA = guests/bench.elf guests/cr3loop.elf guests/debug.elf guests/idle.elf guests/sums.elf \
	guests/worker.elf
EXTRA_DIST += guests/bench.h guests/boot.inc guests/guest.ld guests/map.h $(guests_DATA:.elf=.S)
CLEANFILES += $(guests_DATA)

# as(1) in any case: clang's own assembler knows another dialect of Intel's syntax
SUFFIXES = .elf
.S.elf:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(CC) -E -P -x assembler-with-cpp -I$(top_srcdir)/guests $< | as --64 -o $@.o && \
	$(LD) --no-warn-rwx-segments -T $(top_srcdir)/guests/guest.ld -o $@ $@.o; \
	status=$$?; rm -f $@.o; exit $$status
$(guests_DATA): guests/bench.h guests/boot.inc guests/guest.ld guests/map.h

include guests/mailbox.mk
