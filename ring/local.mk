# SPDX-License-Identifier: LGPL-2.1-or-later

ring_sources = ring/atomics.h ring/copy.h ring/doorbell.c ring/doorbell.h ring/ring.c ring/ring.h
