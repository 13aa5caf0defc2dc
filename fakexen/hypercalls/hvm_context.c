/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hvm_context.c: a domain's state as a list of records, whole or one of them. Loading one
 * takes every vCPU down first: only those whose CPU record is in it come up again. */
#include <errno.h>
#include <string.h>

#include "fakexen/cpu/cpu.h"
#include "fakexen/hypercalls/hvm_record.h"
#include "fakexen/p2m.h"
#include "fakexen/vcpu.h"

#define PROCESSOR_SIGNATURE 0x000306c3u         /* CPUID leaf 1's EAX of the default policy */
#define TSC_KHZ 1000000

void fx_vcpu_reset(struct fx_vcpu *vcpu, uint32_t index)
{
	memset(vcpu, 0, sizeof(*vcpu));
	fx_cpu_reset(&vcpu->cpu);
	vcpu->cpu.apic.id = index * 2;          /* as Xen numbers them: no hyperthreads */
	vcpu->vcpu_info_gpa = ~(uint64_t)0;
}

/* ---- saving ---- */

/* What is written goes to the caller piece by piece. */
struct writer {
	const struct fx_caller *caller;
	uint64_t address, done, size;
	int error;
};

static void write_bytes(struct writer *writer, const void *bytes, size_t size)
{
	if (writer->error)
		return;
	if (writer->size - writer->done < size)
		writer->error = -ENOSPC;
	else
		writer->error = fx_copy_out(writer->caller, writer->address + writer->done, bytes,
			size);
	writer->done += size;
}

static void write_record(struct writer *writer, uint16_t code, uint16_t instance,
	const void *record, uint32_t length)
{
	struct hvm_save_descriptor descriptor = { .typecode = code, .instance = instance,
		.length = length };

	write_bytes(writer, &descriptor, sizeof descriptor);
	write_bytes(writer, record, length);
}

static void write_header(struct writer *writer)
{
	HVM_SAVE_TYPE(HEADER) header = { .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION,
		.changeset = ~0ull, .cpuid = PROCESSOR_SIGNATURE, .gtsc_khz = TSC_KHZ };

	write_record(writer, HVM_SAVE_CODE(HEADER), 0, &header, sizeof header);
}

static void write_records(struct writer *writer, const struct fx_domain *domain,
	const struct fx_record *record)
{
	unsigned int count = record->per_vcpu ? domain->vcpu_count : 1;
	uint64_t bytes[FX_RECORD_MAX / sizeof(uint64_t) + 1];

	for (unsigned int i = 0; i < count; i++) {
		uint32_t length;

		memset(bytes, 0, sizeof bytes);
		length = record->save(writer->caller, &domain->vcpus[i], bytes);
		if (length)
			write_record(writer, record->code, i, bytes, length);
	}
}

/* Enough for everything that could ever be in it. */
static uint64_t size_at_most(const struct fx_domain *domain)
{
	uint64_t size = 2 * sizeof(struct hvm_save_descriptor) + HVM_SAVE_LENGTH(HEADER);

	for (const struct fx_record *r = fx_record_next(NULL); r; r = fx_record_next(r))
		size += (sizeof(struct hvm_save_descriptor) + r->length) *
			(r->per_vcpu ? domain->vcpu_count : 1);
	return size;
}

int64_t fx_domctl_get_hvm_context(struct fx_domctl *op)
{
	struct xen_domctl_hvmcontext *context = &op->ctl.u.hvmcontext;
	struct writer writer = { .caller = op->caller,
		.address = HANDLE_ADDRESS(context->buffer), .size = context->size };
	uint64_t needed;

	op->copy_back = true;
	if (!op->domain->is_hvm)
		return -EINVAL;
	needed = size_at_most(op->domain);
	if (!writer.address) {
		context->size = needed;
		return 0;
	}
	if (context->size < needed)
		return -ENOSPC;
	if (op->domain->state == FX_DOMAIN_DYING || !op->domain->vcpu_count)
		return -EINVAL;
	write_header(&writer);
	for (const struct fx_record *r = fx_record_next(NULL); r; r = fx_record_next(r))
		if (r->save)
			write_records(&writer, op->domain, r);
	write_record(&writer, HVM_SAVE_CODE(END), 0, NULL, 0);
	context->size = writer.done;
	return writer.error;
}

int64_t fx_domctl_get_hvm_context_partial(struct fx_domctl *op)
{
	struct xen_domctl_hvmcontext_partial *partial = &op->ctl.u.hvmcontext_partial;
	const struct fx_record *record = fx_record_find(partial->type);
	uint64_t bytes[FX_RECORD_MAX / sizeof(uint64_t) + 1] = { 0 };
	uint32_t length = 0;

	if (!op->domain->is_hvm || op->domain->state == FX_DOMAIN_DYING || !record)
		return -EINVAL;
	if (record->per_vcpu ? partial->instance >= op->domain->vcpu_count : partial->instance)
		return -ENOENT;
	if (record->save)
		length = record->save(op->caller, &op->domain->vcpus[partial->instance], bytes);
	if (!length)
		return record->per_vcpu ? -ENODATA : -ENOENT;
	if (HANDLE_ADDRESS(partial->buffer)) {
		if (partial->bufsz < length)
			return -ENOBUFS;
		if (fx_copy_out(op->caller, HANDLE_ADDRESS(partial->buffer), bytes, length))
			return -EFAULT;
	}
	partial->bufsz = length;
	op->copy_back = true;
	return 0;
}

/* ---- loading ---- */

struct reader {
	const struct fx_caller *caller;
	uint64_t address, size;         /* of what is left */
};

static int read_bytes(struct reader *reader, void *bytes, size_t size)
{
	if (reader->size < size)
		return -ENODATA;
	if (fx_copy_in(reader->caller, bytes, reader->address, size))
		return -EFAULT;
	reader->address += size;
	reader->size -= size;
	return 0;
}

static int read_header(struct reader *reader)
{
	struct hvm_save_descriptor descriptor;
	HVM_SAVE_TYPE(HEADER) header;

	if (read_bytes(reader, &descriptor, sizeof descriptor) ||
		descriptor.typecode != HVM_SAVE_CODE(HEADER) ||
		descriptor.length != HVM_SAVE_LENGTH(HEADER) ||
		read_bytes(reader, &header, sizeof header))
		return -ENODATA;
	return header.magic == HVM_FILE_MAGIC && header.version == HVM_FILE_VERSION ? 0 : -EINVAL;
}

static int load_record(struct fx_domain *domain, struct reader *reader,
	const struct hvm_save_descriptor *descriptor)
{
	const struct fx_record *record = fx_record_find(descriptor->typecode);
	uint64_t bytes[FX_RECORD_MAX / sizeof(uint64_t) + 1] = { 0 };

	if (!record)
		return -EINVAL;
	if (!record->load)
		return -ENODEV;
	if (record->per_vcpu && descriptor->instance >= domain->vcpu_count)
		return -EINVAL;
	/* A record of an older Xen may be shorter; the rest is zero. */
	if (descriptor->length > record->length || descriptor->length > reader->size)
		return -EINVAL;
	if (read_bytes(reader, bytes, descriptor->length))
		return -EFAULT;
	return record->load(&domain->vcpus[record->per_vcpu ? descriptor->instance : 0], bytes,
		descriptor->length);
}

static int load_records(struct fx_domain *domain, struct reader *reader)
{
	for (;;) {
		struct hvm_save_descriptor descriptor;
		int error = read_bytes(reader, &descriptor, sizeof descriptor);

		if (error)
			return error;
		if (descriptor.typecode == HVM_SAVE_CODE(END))
			return 0;
		error = load_record(domain, reader, &descriptor);
		if (error) {
			fx_host_log(reader->caller->host, "sethvmcontext: record %u/%u of %u bytes: %s",
				descriptor.typecode, descriptor.instance, descriptor.length,
				strerror(-error));
			return error;
		}
	}
}

int64_t fx_domctl_set_hvm_context(struct fx_domctl *op)
{
	struct reader reader = { .caller = op->caller,
		.address = HANDLE_ADDRESS(op->ctl.u.hvmcontext.buffer),
		.size = op->ctl.u.hvmcontext.size };
	int error;

	if (!op->domain->is_hvm || op->domain->state == FX_DOMAIN_DYING)
		return -EINVAL;
	error = read_header(&reader);
	if (error)
		return error;
	for (unsigned int i = 0; i < op->domain->vcpu_count; i++)
		op->domain->vcpus[i].up = false;
	error = load_records(op->domain, &reader);
	fx_p2m_changed(op->domain);     /* control registers may be others now */
	fx_domain_wake(op->caller->model, op->caller->host, op->domain);
	return error;
}

int64_t fx_domctl_address_size(struct fx_domctl *op)
{
	if (op->domain->is_hvm)
		return -EOPNOTSUPP;
	return fx_unmodelled(op->caller, "the address size of a PV domain");
}
