/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch.c: `ringside watch`: prints a guest's events as they happen.
 *
 * The guest waits while a handler runs, so a handler only formats into stdout's buffer;
 * the buffer is written when the ring is empty, or full itself. */
#include "tools/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/event_json.h"
#include "tools/event_text.h"
#include "tools/exit_code.h"
#include "tools/keeper.h"
#include "tools/runner.h"
#include "tools/summary.h"
#include "tools/symbols.h"
#include "tools/table.h"
#include "tools/watch_options.h"

#define NS 1000000000ull
#define WAIT_MS 1000 /* between two looks whether there is still a reason to wait */
#define OUTPUT_BUFFER (1 << 18)

static struct watch_options options;
static struct rs_engine *engine;
static struct symbols *symbols; /* NULL: no names are wanted */

/* What the workers count and write, under the runner's lock. */
static uint64_t events;
/* Of the first write that failed. Under stdout's own lock, of which ThreadSanitizer knows nothing. */
static _Atomic int output_error;
static _Atomic int interrupted; /* a signal may come in any thread */

/* The engine is detached in the main loop: a second signal changes nothing. */
static void on_signal(int number)
{
	interrupted = number;
	if (engine)
		rs_engine_stop(engine);
}

static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaction(numbers[i], &action, NULL);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NS + time.tv_nsec;
}

static void on_log(enum rs_log_level level, const char *line, void *user)
{
	fprintf(stderr, "ringside: %s\n", line);
}

static bool enough(void)
{
	return options.count && events >= options.count;
}

static void print_line(const struct rs_event *event)
{
	char text[EVENT_TEXT_SIZE];

	event_text(event, MESSAGE_REQUEST, text, sizeof(text));
	puts(text);
}

static void print_json(const struct rs_event *event)
{
	json_t *object = event_json(event, MESSAGE_REQUEST, false);

	if (object) {
		json_dumpf(object, stdout, 0);
		putchar('\n');
	}
	json_decref(object);
}

/* At once, in the thread whose write has failed: errno is its own. */
static void note_failure(void)
{
	if (!output_error && ferror(stdout))
		output_error = errno ? errno : EIO;
}

static void print(const struct rs_event *event)
{
	flockfile(stdout);
	if (options.output == OUTPUT_LINES)
		print_line(event);
	else if (options.output == OUTPUT_JSON)
		print_json(event);
	note_failure();
	funlockfile(stdout);
}

static void count_and_print(const struct rs_event *event, struct watched *watched)
{
	if (enough())
		return;
	watched->seen++;
	events++;
	print(event);
	if (enough())
		rs_engine_stop(engine);
	runner_stir();
}

static struct rs_reply on_event(const struct rs_event *event, void *user)
{
	runner_lock();
	count_and_print(event, user);
	runner_unlock();
	return RS_CONTINUE;
}

/* Flushes; 0, or the errno of a write that failed now or inside a handler. */
static int write_out(void)
{
	int error;

	flockfile(stdout);
	fflush(stdout);
	note_failure();
	error = output_error;
	funlockfile(stdout);
	return error;
}

static int output_failed(int error)
{
	if (error == EPIPE)
		return EXIT_DONE;
	fprintf(stderr, "ringside watch: cannot write the output: %s; free some space, or write "
		"elsewhere\n", strerror(error));
	return EXIT_FAILED;
}

/* Names, once more for each domain: its kernel may lie elsewhere. */
static int resolve(struct watched *watched, uint64_t physical)
{
	uint64_t address;

	if (symbols_find(symbols, watched->symbol, &address)) {
		fprintf(stderr, "ringside watch: %s: %s has no such name\n", watched->label,
			options.symbols);
		return EXIT_USAGE;
	}
	watched->options.breakpoint.address = address + physical;
	watched->options.breakpoint.place = RS_PLACE_PHYSICAL;
	return EXIT_DONE;
}

static int resolve_all(void)
{
	uint64_t slide, physical;
	char why[256];
	int status = EXIT_DONE, error;

	if (!symbols)
		return EXIT_DONE;
	error = rs_engine_guest(engine) ? symbols_locate(symbols, rs_engine_guest(engine), &slide,
							 &physical, why, sizeof(why)) : -EIO;
	if (error) {
		fprintf(stderr, "ringside watch: %s: %s\n", options.symbols,
			error == -EIO ? rs_strerror(error) : why);
		return error == -ENOENT ? EXIT_INPUT : exit_code_of(error);
	}
	for (unsigned int i = 0; i < options.watched_count && !status; i++)
		if (options.watched[i].symbol)
			status = resolve(&options.watched[i], physical);
	if (options.verbose && !status)
		fprintf(stderr, "ringside watch: the guest's kernel is %#" PRIx64
			" above its symbols\n", slide);
	return status;
}

static int add_watches(void)
{
	int status = resolve_all();

	if (status)
		return status;
	for (unsigned int i = 0; i < options.watched_count; i++) {
		struct watched *watched = &options.watched[i];
		int error;

		watched->options.handler = on_event;
		watched->options.user = watched;
		error = rs_watch(engine, &watched->options, NULL);
		if (error) {
			fprintf(stderr, "ringside watch: %s: %s\n", watched->label,
				rs_strerror(error));
			return exit_code_of(error);
		}
	}
	return EXIT_DONE;
}

static bool go_on(void)
{
	bool more;

	runner_lock();
	more = !interrupted && !enough();
	runner_unlock();
	return more;
}

static void print_table(uint64_t elapsed)
{
	runner_lock();
	table_print(&options, engine, elapsed);
	runner_unlock();
}

/* Writes what the workers have printed, until there is a reason to leave; returns the exit status. */
static int loop(uint64_t start)
{
	uint64_t end = options.seconds ? start + (uint64_t)(options.seconds * NS) : UINT64_MAX;
	uint64_t table_due = options.output == OUTPUT_TABLE ? start + table_period_ns() : UINT64_MAX;
	bool written = true;

	while (go_on()) {
		uint64_t time = now(), due = end < table_due ? end : table_due;
		uint64_t wait = due > time ? (due - time) / 1000000 + 1 : 1;
		int handled;

		if (time >= end)
			break;
		if (time >= table_due) {
			print_table(time - start);
			table_due += table_period_ns();
			written = false;
			continue;
		}
		/* With lines to write: wait a moment, and write them if nothing has come. */
		handled = runner_wait(written ? wait : 0);
		if (handled < 0) {
			write_out();
			fprintf(stderr, "ringside watch: %s\n", runner_error());
			return exit_code_of(handled);
		}
		if (handled) {
			written = options.output >= OUTPUT_TABLE;
		} else if (!written) {
			int error = write_out();

			if (error)
				return output_failed(error);
			written = true;
		}
		if (ferror(stdout))
			return output_failed(write_out());
	}
	return EXIT_DONE;
}

static void print_summary(struct summary *summary, uint64_t elapsed)
{
	summary->elapsed_ns = elapsed;
	summary->events = events;
	summary_print(options.output == OUTPUT_JSON ? stderr : stdout, summary, &options);
}

/* Of the domain that was watched last. */
static struct summary summary;
static bool attached_once;
static uint32_t last_domain = UINT32_MAX;

static int attach(const char *domain)
{
	struct rs_engine_options engine_options = {
		.log = on_log,
		.log_level = options.verbose ? RS_LOG_DEBUG : RS_LOG_WARNING,
		.workers = options.workers,
		.waiting = options.waiting,
		.stall_ms = options.stall_ms,
		.deadline_ms = options.deadline_ms,
		.at_deadline = options.deadline_ms ? RS_AT_DEADLINE_CONTINUE : RS_AT_DEADLINE_TELL,
	};
	int error;

	if (options.keeper)
		with_keeper(&engine_options);
	if (options.sandbox)
		engine_options.sandbox = RS_SANDBOX_WANTED;
	error = rs_engine_attach(&engine, domain, &engine_options);

	if (error) {
		fprintf(stderr, "ringside watch: %s\n", rs_strerror(error));
		return exit_code_of(error);
	}
	last_domain = rs_engine_domain(engine);
	attached_once = true;
	return EXIT_DONE;
}

static int run_workers(uint64_t start)
{
	int status;

	if (runner_begin(engine)) {
		fprintf(stderr, "ringside watch: no more threads\n");
		return EXIT_FAILED;
	}
	status = loop(start);
	runner_end();
	return status;
}

/* From attaching to detaching. */
static int watch_domain(const char *domain, uint64_t start)
{
	int status = attach(domain), error;
	struct rs_engine *attached;

	if (status)
		return status;
	status = add_watches();
	if (!status)
		status = run_workers(start);
	if (options.output == OUTPUT_TABLE)
		print_table(now() - start);
	summary_read(&summary, engine);
	/* A signal from here on finds none: not one that is being freed. */
	attached = engine;
	engine = NULL;
	error = rs_engine_detach(attached);
	if (error) {
		fprintf(stderr, "ringside watch: detaching: %s\n", rs_strerror(error));
		status = status ? status : exit_code_of(error);
	}
	return status;
}

/* Until it is there again, by another number; EXIT_DONE also if we are to leave meanwhile. */
static int wait_for_domain(uint64_t start, char *domain, size_t size)
{
	uint64_t end = options.seconds ? start + (uint64_t)(options.seconds * NS) : UINT64_MAX;
	int result = 0;
	uint32_t id;

	fprintf(stderr, "ringside watch: waiting for %s\n", options.domain);
	write_out();
	while (!result && go_on() && now() < end)
		result = rs_domain_wait(options.domain, last_domain, WAIT_MS, &id);
	if (result == -EINTR || !result)
		return EXIT_DONE;
	if (result < 0) {
		fprintf(stderr, "ringside watch: %s\n", rs_strerror(result));
		return exit_code_of(result);
	}
	fprintf(stderr, "ringside watch: %s is domain %u\n", options.domain, id);
	snprintf(domain, size, "%u", id);
	last_domain = id;
	return EXIT_DONE;
}

/* Over its reboots, if it is to be followed. */
static int watch_all(uint64_t start)
{
	char domain[16] = "";
	int status = watch_domain(options.domain, start);

	while (options.follow && (status == EXIT_GUEST_GONE || status == EXIT_NO_DOMAIN)) {
		*domain = '\0';
		status = wait_for_domain(start, domain, sizeof(domain));
		if (*domain)
			status = watch_domain(domain, start);
	}
	return status;
}

static int watch(void)
{
	uint64_t start = now();
	int status = watch_all(start), error;

	if ((status == EXIT_DONE || status == EXIT_GUEST_GONE) && attached_once)
		print_summary(&summary, now() - start);
	error = write_out();
	return error && status == EXIT_DONE ? output_failed(error) : status;
}

static int open_symbols(void)
{
	int error = options.symbols ? symbols_open(&symbols, options.symbols) : 0;

	if (!error)
		return EXIT_DONE;
	fprintf(stderr, "ringside watch: %s: %s\n", options.symbols,
		error == -EINVAL ? "this is neither a System.map (ADDRESS TYPE NAME, a line each) "
				   "nor a Volatility ISF (JSON with \"symbols\")"
				 : strerror(-error));
	return EXIT_INPUT;
}

int watch_main(int argc, char **argv)
{
	int status = watch_options_parse(&options, argc, argv);

	if (status >= 0)
		return status;
	status = open_symbols();
	if (status)
		return status;
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	/* In a sandbox it could not ask for randomness. */
	json_object_seed(0);
	catch_signals();
	status = watch();
	symbols_close(symbols);
	return status;
}
