# SPDX-License-Identifier: LGPL-2.1-or-later

ring_sources = ring/atomics.h ring/doorbell.h ring/ring.h
