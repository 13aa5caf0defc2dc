/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xen.h: Xen's public interface (of the release that libxen-dev is), as a hypervisor sees
 * it: structures and numbers only, none of the tools' libraries. */
#ifndef FAKEXEN_XEN_H
#define FAKEXEN_XEN_H

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>
#include <xen/version.h>
/* <xen/io/ring.h>, which <xen/vm_event.h> wants, needs the barriers to be defined. */
#ifndef xen_mb
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#endif
#include <xen/vm_event.h>

#endif
