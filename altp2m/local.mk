# SPDX-License-Identifier: LGPL-2.1-or-later

altp2m_sources = altp2m/pages.c altp2m/pages.h
