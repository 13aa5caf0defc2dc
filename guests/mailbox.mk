# SPDX-License-Identifier: LGPL-2.1-or-later
# The guest that does what its mailbox says: for tests/xen, and for fakexen.

noinst_DATA += guests/mailbox.elf
CLEANFILES += guests/mailbox.elf
EXTRA_DIST += guests/mailbox.S guests/mailbox.h guests/mailbox.ld

guests/mailbox.elf: guests/mailbox.S guests/mailbox.h guests/mailbox.ld
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(CC) -E -P -x assembler-with-cpp -I$(top_srcdir)/guests $(srcdir)/guests/mailbox.S | \
		as --64 -o $@.o && \
	$(LD) --no-warn-rwx-segments -T $(srcdir)/guests/mailbox.ld -o $@ $@.o; \
	status=$$?; rm -f $@.o; exit $$status
