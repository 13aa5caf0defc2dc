/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode.c: `ringside decode`, which says what recorded messages mean. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <ringside/event.h>

#include "tools/commands.h"
#include "tools/event_json.h"
#include "tools/event_text.h"
#include "tools/trace_file.h"

static const char usage[] =
	"Usage: ringside decode [--json] FILE...\n"
	"Says what recorded vm_event messages mean, one line a message.\n"
	"\n"
	"  -j, --json  one JSON object a line\n"
	"  -h, --help  this text\n"
	"\n"
	"FILE - is standard input. Messages of versions 6 and 7 (Xen 4.14 to 4.22) are known,\n"
	"whichever Xen this program was built for. Exit codes: 0 all was decoded, 1 a file\n"
	"cannot be read or the output not be written, 2 wrong usage, 3 a file is no recording,\n"
	"damaged or cut short (what comes before the damage is still printed).\n";

/* Has the output failed? Nobody reading any more is an end like any other. */
struct output {
	bool json;
	bool ended;
	int error; /* errno of a failure that is worth a word */
};

static void output_check(struct output *output, bool failed)
{
	if (!failed || output->ended)
		return;
	output->ended = true;
	output->error = errno == EPIPE ? 0 : errno;
}

static int print_json(const struct trace_record *record, const struct rs_event *event)
{
	json_t *object = event_json(event, record->kind, true);
	int failed = 1;

	if (object && !json_object_set_new(object, "time_ns",
					   json_integer((json_int_t)record->time_ns)))
		failed = json_dumpf(object, stdout, 0) || putchar('\n') == EOF;
	else
		errno = ENOMEM;
	json_decref(object);
	return failed;
}

static int print_text(const struct trace_record *record, const struct rs_event *event)
{
	char text[EVENT_TEXT_SIZE];

	event_text(event, record->kind, text, sizeof(text));
	return printf("%" PRIu64 ".%09" PRIu64 " %-8s %s\n", record->time_ns / 1000000000,
		      record->time_ns % 1000000000,
		      record->kind == MESSAGE_REQUEST ? "request" : "response", text) < 0;
}

static int complain(const struct trace_file *file, const char *name)
{
	fflush(stdout);
	fprintf(stderr, "ringside decode: %s: offset %" PRIu64 ": %s\n", name,
		file->fault_offset, file->fault);
	return EXIT_INPUT;
}

static int decode_records(struct trace_file *file, const char *name, struct output *output)
{
	struct trace_record record;
	struct rs_event event;
	int result = 0;

	while (!output->ended && (result = trace_file_read(file, &record)) > 0) {
		if (rs_decode(record.message, file->message_size, file->version, &event)) {
			file->fault_offset = record.offset + 16;
			snprintf(file->fault, sizeof(file->fault),
				 "has a message of another version than the file's %u: it is "
				 "damaged from here on, record it again",
				 file->version);
			return complain(file, name);
		}
		errno = 0;
		output_check(output, output->json ? print_json(&record, &event)
						  : print_text(&record, &event));
	}
	if (output->ended || result == 0)
		return EXIT_DONE;
	return result == -EIO ? (complain(file, name), EXIT_FAILED) : complain(file, name);
}

static int decode_file(const char *name, struct output *output)
{
	bool is_stdin = !strcmp(name, "-");
	FILE *stream = is_stdin ? stdin : fopen(name, "rb");
	struct trace_file file;
	int result;

	if (!stream) {
		fflush(stdout);
		fprintf(stderr, "ringside decode: %s: cannot be opened: %s\n", name,
			strerror(errno));
		return EXIT_FAILED;
	}
	result = trace_file_open(&file, stream);
	if (result) {
		complain(&file, name);
		result = result == -EIO ? EXIT_FAILED : EXIT_INPUT;
	} else {
		result = decode_records(&file, name, output);
	}
	if (!is_stdin)
		fclose(stream);
	return result;
}

int decode_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct output output = { .json = false };
	int option, worst = EXIT_DONE;

	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			output.json = true;
			break;
		case 'h':
			return fputs(usage, stdout) < 0 ? EXIT_FAILED : EXIT_DONE;
		default:
			fprintf(stderr, "Try 'ringside decode --help'.\n");
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "ringside decode: no file given\n%s", usage);
		return EXIT_USAGE;
	}
	for (; optind < argc && !output.ended; optind++) {
		int result = decode_file(argv[optind], &output);

		worst = result > worst ? result : worst;
	}
	errno = 0;
	output_check(&output, fflush(stdout));
	if (!output.error)
		return worst;
	fprintf(stderr, "ringside decode: standard output cannot be written: %s\n",
		strerror(output.error));
	return EXIT_FAILED;
}
