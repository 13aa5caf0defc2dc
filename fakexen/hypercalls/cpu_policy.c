/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu_policy.c: how the tools read and set a domain's CPUID policy (cpuid.c says what it
 * is). There is one policy for all: raw, host, maximum and default are the same machine. */
#include <errno.h>
#include <string.h>

#include "fakexen/hypercalls/private.h"

#define LEAVES_MAX ARRAY_COUNT(((struct fx_domain *)NULL)->cpuid_policy)

enum { MSR_PLATFORM_INFO = 0xce, MSR_ARCH_CAPABILITIES = 0x10a };
#define MSRS_MAX 2

_Static_assert(sizeof(xen_cpuid_leaf_t) == sizeof(struct fx_cpuid_leaf) &&
	offsetof(xen_cpuid_leaf_t, a) == offsetof(struct fx_cpuid_leaf, eax) &&
	offsetof(xen_cpuid_leaf_t, d) == offsetof(struct fx_cpuid_leaf, edx),
	"a policy's line is Xen's serialised leaf");

/* How many subleaves a policy can hold. */
#define CACHES 6
#define FEATURES 3
#define TOPOLOGIES 2
#define XSTATES 63

/* ---- reading ---- */

/* Leaves in Xen's order: all up to the highest one, also those that are zero, because the
 * tools give back as many as they got. */
struct list {
	const struct fx_domain *domain;
	uint32_t count;
	struct fx_cpuid_leaf lines[LEAVES_MAX];
};

static const struct fx_cpuid_leaf *list_add(struct list *list, uint32_t leaf, uint32_t subleaf)
{
	const struct fx_cpuid_leaf *line = fx_cpu_policy_leaf(list->domain, leaf, subleaf);
	static struct fx_cpuid_leaf beyond;
	struct fx_cpuid_leaf *to;

	if (list->count == LEAVES_MAX)
		return &beyond;
	to = &list->lines[list->count++];
	*to = line ? *line : (struct fx_cpuid_leaf){ 0 };
	to->leaf = leaf;
	to->subleaf = subleaf;
	return to;
}

static void list_xstates(struct list *list)
{
	const struct fx_cpuid_leaf *first = list_add(list, 0xd, 0);
	uint64_t states = ((uint64_t)first->edx << 32 | first->eax) >> 2;

	list_add(list, 0xd, 1);
	for (uint32_t subleaf = 2; states && subleaf < XSTATES; subleaf++, states >>= 1)
		list_add(list, 0xd, subleaf);
}

static void list_basic(struct list *list, uint32_t leaf)
{
	uint32_t subleaf = 0, last;

	switch (leaf) {
	case 0x4:                       /* up to the first that is no cache */
		while (subleaf < CACHES && (list_add(list, leaf, subleaf)->eax & 0x1f))
			subleaf++;
		break;
	case 0x7:
		last = list_add(list, leaf, 0)->eax;
		while (subleaf < last && subleaf < FEATURES - 1)
			list_add(list, leaf, ++subleaf);
		break;
	case 0xb:
		while (subleaf < TOPOLOGIES && (list_add(list, leaf, subleaf)->ecx & 0xff00))
			subleaf++;
		break;
	case 0xd:
		list_xstates(list);
		break;
	default:
		list_add(list, leaf, XEN_CPUID_NO_SUBLEAF);
		break;
	}
}

static uint32_t highest(const struct fx_domain *domain, uint32_t first)
{
	const struct fx_cpuid_leaf *line = fx_cpu_policy_leaf(domain, first, 0);

	return line ? line->eax & 0xffff : 0;
}

static void list_all(struct list *list, const struct fx_domain *domain)
{
	list->domain = domain;
	list->count = 0;
	for (uint32_t leaf = 0; leaf <= highest(domain, 0) && leaf <= 0xd; leaf++)
		list_basic(list, leaf);
	list_add(list, 0x40000000, XEN_CPUID_NO_SUBLEAF);
	list_add(list, 0x40000100, XEN_CPUID_NO_SUBLEAF);
	for (uint32_t leaf = 0; leaf <= highest(domain, 0x80000000) && leaf <= 0x21; leaf++)
		list_add(list, 0x80000000 | leaf, XEN_CPUID_NO_SUBLEAF);
}

static int write_leaves(const struct fx_caller *caller, const struct fx_domain *domain,
	uint64_t address, uint32_t *count)
{
	struct list list;

	if (!address) {
		*count = LEAVES_MAX;
		return 0;
	}
	list_all(&list, domain);
	if (*count < list.count)
		return -ENOBUFS;
	*count = list.count;
	return fx_copy_out(caller, address, list.lines, list.count * sizeof(*list.lines));
}

static int write_msrs(const struct fx_caller *caller, uint64_t address, uint32_t *count)
{
	static const xen_msr_entry_t entries[MSRS_MAX] = {
		{ .idx = MSR_PLATFORM_INFO }, { .idx = MSR_ARCH_CAPABILITIES },
	};

	if (!address) {
		*count = MSRS_MAX;
		return 0;
	}
	if (*count < MSRS_MAX)
		return -ENOBUFS;
	*count = MSRS_MAX;
	return fx_copy_out(caller, address, entries, sizeof entries);
}

int64_t fx_domctl_get_cpu_policy(struct fx_domctl *op)
{
	struct xen_domctl_cpu_policy *policy = &op->ctl.u.cpu_policy;
	int error = write_leaves(op->caller, op->domain, HANDLE_ADDRESS(policy->leaves),
		&policy->nr_leaves);

	if (!error)
		error = write_msrs(op->caller, HANDLE_ADDRESS(policy->msrs), &policy->nr_msrs);
	op->copy_back = !error;
	return error;
}

int fx_sysctl_cpu_policy(const struct fx_caller *caller, struct xen_sysctl_cpu_policy *op)
{
	int error;

	if (op->_rsvd || op->index > XEN_SYSCTL_cpu_policy_hvm_default)
		return -EINVAL;
	error = write_leaves(caller, fx_cpu_policy_machine(caller->model), HANDLE_ADDRESS(op->leaves), &op->nr_leaves);
	return error ? error : write_msrs(caller, HANDLE_ADDRESS(op->msrs), &op->nr_msrs);
}

/* ---- as a set of features ---- */

/* Where each word of a featureset comes from, in Xen's order. */
static const struct { uint32_t leaf, subleaf; enum { A, B, C, D } reg; } feature_words[] = {
	{ 0x1, 0, D }, { 0x1, 0, C }, { 0x80000001, 0, D }, { 0x80000001, 0, C }, { 0xd, 1, A },
	{ 0x7, 0, B }, { 0x7, 0, C }, { 0x80000007, 0, D }, { 0x80000008, 0, B }, { 0x7, 0, D },
	{ 0x7, 1, A }, { 0x80000021, 0, A }, { 0x7, 1, B }, { 0x7, 2, D }, { 0x7, 1, C },
	{ 0x7, 1, D }, { 0, 0, 0 }, { 0, 0, 0 }, { 0x80000021, 0, C },
};

#define FEATURE_WORDS ARRAY_COUNT(feature_words)

static uint32_t feature_word(const struct fx_domain *domain, unsigned int i)
{
	const struct fx_cpuid_leaf *line = feature_words[i].leaf ? fx_cpu_policy_leaf(domain,
		feature_words[i].leaf, feature_words[i].subleaf) : NULL;

	if (!line)
		return 0;
	switch (feature_words[i].reg) {
	case A: return line->eax;
	case B: return line->ebx;
	case C: return line->ecx;
	default: return line->edx;
	}
}

int fx_sysctl_featureset(const struct fx_caller *caller, struct xen_sysctl_cpu_featureset *op)
{
	const struct fx_domain *domain = fx_cpu_policy_machine(caller->model);
	uint32_t words[FEATURE_WORDS];
	bool short_of = op->nr_features < FEATURE_WORDS;

	if (!HANDLE_ADDRESS(op->features)) {
		op->nr_features = FEATURE_WORDS;
		return 0;
	}
	if (op->index > XEN_SYSCTL_cpu_featureset_hvm_max)
		return -EINVAL;
	for (unsigned int i = 0; i < FEATURE_WORDS; i++)
		words[i] = feature_word(domain, i);
	if (!short_of)
		op->nr_features = FEATURE_WORDS;
	if (fx_copy_out(caller, HANDLE_ADDRESS(op->features), words,
		    op->nr_features * sizeof(*words)))
		return -EFAULT;
	return short_of ? -ENOBUFS : 0;
}

/* ---- setting ---- */

bool fx_cpu_policy_leaf_valid(const struct fx_cpuid_leaf *line)
{
	switch (line->leaf) {
	case 0x4:
		return line->subleaf < CACHES;
	case 0x7:
		return line->subleaf < FEATURES;
	case 0xb:
		return line->subleaf < TOPOLOGIES;
	case 0xd:
		return line->subleaf < XSTATES;
	default:
		return line->subleaf == XEN_CPUID_NO_SUBLEAF &&
		       (line->leaf <= 0xd || line->leaf == 0x40000000 ||
			line->leaf == 0x40000100 ||
			(line->leaf >= 0x80000000 && line->leaf <= 0x80000021));
	}
}

static bool is_zero(const struct fx_cpuid_leaf *line)
{
	return !(line->eax | line->ebx | line->ecx | line->edx);
}

/* Into the place of the same leaf, or behind all others. Leaves of zeros need none. */
static int merge(struct fx_domain *domain, const struct fx_cpuid_leaf *line)
{
	struct fx_cpuid_leaf *policy = domain->cpuid_policy;

	for (uint32_t i = 0; i < domain->cpuid_policy_count; i++) {
		if (policy[i].leaf != line->leaf || policy[i].subleaf != line->subleaf)
			continue;
		policy[i] = *line;
		return 0;
	}
	if (is_zero(line))
		return 0;
	if (domain->cpuid_policy_count == LEAVES_MAX)
		return -E2BIG;
	policy[domain->cpuid_policy_count++] = *line;
	return 0;
}

/* What Xen checks of a policy against what the machine can do. */
static int audit(const struct fx_domain *old, const struct fx_cpuid_leaf *line)
{
	if (line->leaf == 0 || line->leaf == 0x80000000)
		return line->eax > fx_cpu_policy_leaf(old, line->leaf, 0)->eax ? -EINVAL : 0;
	if (line->leaf == 0x7 && line->subleaf == 0)
		return line->eax > fx_cpu_policy_leaf(old, 0x7, 0)->eax ? -EINVAL : 0;
	return 0;
}

static int read_leaves(struct fx_domctl *op, struct fx_cpuid_leaf *lines, uint32_t count)
{
	struct xen_domctl_cpu_policy *policy = &op->ctl.u.cpu_policy;
	const struct fx_domain *best = fx_cpu_policy_machine(op->caller->model);

	if (count > LEAVES_MAX)
		return -E2BIG;
	if (fx_copy_in(op->caller, lines, HANDLE_ADDRESS(policy->leaves), count * sizeof(*lines)))
		return -EFAULT;
	for (uint32_t i = 0; i < count; i++) {
		int error = fx_cpu_policy_leaf_valid(&lines[i]) ? audit(best, &lines[i]) : -ERANGE;

		if (!error)
			continue;
		policy->err_leaf = lines[i].leaf;
		policy->err_subleaf = lines[i].subleaf;
		return error;
	}
	return 0;
}

static int check_msrs(struct fx_domctl *op)
{
	struct xen_domctl_cpu_policy *policy = &op->ctl.u.cpu_policy;
	xen_msr_entry_t entries[MSRS_MAX];

	if (policy->nr_msrs > MSRS_MAX)
		return -E2BIG;
	if (fx_copy_in(op->caller, entries, HANDLE_ADDRESS(policy->msrs),
		    policy->nr_msrs * sizeof(*entries)))
		return -EFAULT;
	for (uint32_t i = 0; i < policy->nr_msrs; i++) {
		int error = entries[i].idx != MSR_PLATFORM_INFO &&
			entries[i].idx != MSR_ARCH_CAPABILITIES ? -ERANGE :
			entries[i].flags || entries[i].val ? -EINVAL : 0;

		if (!error)
			continue;
		policy->err_msr = entries[i].idx;
		return error;
	}
	return 0;
}

int64_t fx_domctl_set_cpu_policy(struct fx_domctl *op)
{
	struct xen_domctl_cpu_policy *policy = &op->ctl.u.cpu_policy;
	struct fx_cpuid_leaf lines[LEAVES_MAX];
	int error;

	if (op->domain->id == 0)
		return -EINVAL;
	if (op->domain->creation_finished)
		return -EEXIST;
	policy->err_leaf = policy->err_subleaf = policy->err_msr = UINT32_MAX;
	error = read_leaves(op, lines, policy->nr_leaves);
	if (!error)
		error = check_msrs(op);
	for (uint32_t i = 0; i < policy->nr_leaves && !error; i++)
		error = merge(op->domain, &lines[i]);
	op->copy_back = error;          /* err_leaf and its like */
	return error;
}
