/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trace.c: bytes become a recorded file, which is read, decoded and written in both ways. */
#include <errno.h>
#include <string.h>

#include <jansson.h>
#include <ringside/event.h>

#include "tests/fuzz/fuzz.h"
#include "tools/event_json.h"
#include "tools/event_text.h"
#include "tools/trace_file.h"

static void check_record(const struct trace_file *file, const struct trace_record *record)
{
	struct rs_event event;
	char text[EVENT_TEXT_SIZE];
	json_t *object;
	int error = rs_decode(record->message, file->message_size, file->version, &event);

	FUZZ_MUST(!error || error == -EPROTO);
	if (error)
		return;
	memset(text, 'x', sizeof(text));
	event_text(&event, record->kind, text, sizeof(text));
	FUZZ_MUST(strnlen(text, sizeof(text)) < sizeof(text) - 1);
	FUZZ_MUST(text[strlen(text) - 1] == ']' && !strchr(text, '\n'));
	object = event_json(&event, record->kind, true);
	FUZZ_MUST(object && json_is_string(json_object_get(object, "reason")));
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *stream = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
	struct trace_file file;
	struct trace_record record;
	int result;

	if (!stream)
		return 0;
	result = trace_file_open(&file, stream);
	while (!result && (result = trace_file_read(&file, &record)) == 1) {
		check_record(&file, &record);
		result = 0;
	}
	FUZZ_MUST(!result || (result == -EBADMSG && file.fault[0] && file.fault_offset <= size));
	fclose(stream);
	return 0;
}
