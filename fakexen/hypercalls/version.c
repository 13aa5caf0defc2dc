/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* version.c: xen_version: which Xen this claims to be, and that it is a model of it. */
#include <errno.h>
#include <string.h>
#include <xen/features.h>

#include "fakexen/hypercalls/private.h"

#define VERSION (FX_XEN_MAJOR << 16 | FX_XEN_MINOR)
#define VIRT_START 0xffff800000000000ull

/* A fixed-size text of Xen's interface: zero up to its end. */
static int put_text(const struct fx_caller *caller, uint64_t address, const char *text,
	size_t size)
{
	char buffer[1024] = { 0 };

	memcpy(buffer, text, strlen(text));
	return fx_copy_out(caller, address, buffer, size);
}

static int put_compile_info(const struct fx_caller *caller, uint64_t address)
{
	struct xen_compile_info info = { .compiler = "none: a model, not the hypervisor",
		.compile_by = "fakexen", .compile_domain = "localdomain",
		.compile_date = "undated" };

	return fx_copy_out(caller, address, &info, sizeof info);
}

static int put_features(const struct fx_caller *caller, uint64_t address)
{
	xen_feature_info_t info;

	if (fx_copy_in(caller, &info, address, sizeof info))
		return -EFAULT;
	if (info.submap_idx != 0)
		return -EINVAL;
	/* What a PV dom0 sees. */
	info.submap = 1u << XENFEAT_memory_op_vnode_supported | 1u << XENFEAT_dom0 |
		      1u << XENFEAT_mmu_pt_update_preserve_ad | 1u << XENFEAT_highmem_assist |
		      1u << XENFEAT_gnttab_map_avail_bits | 1u << XENFEAT_direct_mapped;
	return fx_copy_out(caller, address, &info, sizeof info);
}

static int put_platform(const struct fx_caller *caller, uint64_t address)
{
	xen_platform_parameters_t parameters = { .virt_start = VIRT_START };

	return fx_copy_out(caller, address, &parameters, sizeof parameters);
}

int64_t fx_xen_version(const struct fx_caller *caller, uint64_t cmd, uint64_t address)
{
	switch (cmd) {
	case XENVER_version:
		return VERSION;
	case XENVER_extraversion:
		return put_text(caller, address, FX_XEN_EXTRA, sizeof(xen_extraversion_t));
	case XENVER_compile_info:
		return put_compile_info(caller, address);
	case XENVER_capabilities:
		return put_text(caller, address, "xen-3.0-x86_64 hvm-3.0-x86_32 "
			"hvm-3.0-x86_32p hvm-3.0-x86_64 ", sizeof(xen_capabilities_info_t));
	case XENVER_changeset:
		return put_text(caller, address, "fakexen", sizeof(xen_changeset_info_t));
	case XENVER_platform_parameters:
		return put_platform(caller, address);
	case XENVER_get_features:
		return put_features(caller, address);
	case XENVER_pagesize:
		return address ? -EINVAL : (int)FX_PAGE;
	case XENVER_guest_handle:
		return fx_copy_out(caller, address, fx_domain(caller->model, 0)->uuid,
			sizeof(xen_domain_handle_t));
	case XENVER_commandline:
		return put_text(caller, address, caller->model->options.altp2m
			? "hap=1 altp2m=1" : "hap=1", sizeof(xen_commandline_t));
	case XENVER_build_id:
		return -ENODATA;
	default:
		return -ENOSYS;
	}
}
