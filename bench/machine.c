/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine.c: the processor, the kernel, Xen, and how they are set. */
#include "bench/machine.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ringside/version.h>

#include "xen/about.h"

#define CPU_FOLDER "/sys/devices/system/cpu/"

/* The first line of a file, "" where there is none. */
static void read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "r");

	*line = 0;
	if (!file)
		return;
	if (!fgets(line, (int)size, file))
		*line = 0;
	line[strcspn(line, "\n")] = 0;
	fclose(file);
}

static void cpu_model(char *model, size_t size)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "r");

	snprintf(model, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(model, size, "%s", colon + 2);
		break;
	}
	if (file)
		fclose(file);
}

const char *machine_bed(struct rs_xen *xen, const struct plan *plan)
{
	struct rs_xen_about about;
	char model[128];

	rs_xen_about_read(xen, &about);
	/* Whatever somebody says: the model's figures are the model's. */
	if (!strcmp(about.changeset, "fakexen"))
		return "fakexen";
	cpu_model(model, sizeof(model));
	if (strstr(model, "Bochs") || strstr(model, "bochs"))
		return "lab";
	return plan->bed ? plan->bed : "xen";
}

static void set(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

/* "name: text" of each, those that do not concern this processor left out. */
static json_t *mitigations(void)
{
	json_t *list = json_object();
	DIR *folder = opendir(CPU_FOLDER "vulnerabilities");
	char path[512], line[256];
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CPU_FOLDER "vulnerabilities/%s", entry->d_name);
		read_line(path, line, sizeof(line));
		if (*line && strcmp(line, "Not affected"))
			set(list, entry->d_name, line);
	}
	if (folder)
		closedir(folder);
	return list;
}

static void add_xen(json_t *object, struct rs_xen *xen, const char *bed)
{
	struct rs_xen_release release;
	struct rs_xen_about about;
	char text[64];

	rs_xen_release(xen, &release);
	rs_xen_about_read(xen, &about);
	snprintf(text, sizeof(text), "%u.%u%s", release.major, release.minor, release.extra);
	/* Of the model it is the release that it models. */
	set(object, strcmp(bed, "fakexen") ? "xen" : "modelled_xen", text);
	set(object, "libxenctrl", rs_version_xen());
	if (!strcmp(bed, "fakexen"))
		return;
	set(object, "xen_changeset", about.changeset);
	set(object, "xen_command_line", about.command_line);
	set(object, "scheduler", about.scheduler);
	set(object, "dom0_pinned", strstr(about.command_line, "dom0_vcpus_pin") ? "yes" : "no");
}

json_t *machine_json(struct rs_xen *xen, const char *bed)
{
	json_t *object = json_object();
	const char *commit = getenv("RINGSIDE_BENCH_COMMIT");
	struct utsname name;
	char line[256];

	cpu_model(line, sizeof(line));
	set(object, "cpu", line);
	json_object_set_new(object, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	if (!uname(&name))
		set(object, "kernel", name.release);
	add_xen(object, xen, bed);
	set(object, "ringside", rs_version());
	set(object, "commit", commit && *commit ? commit : "unknown");
	read_line(CPU_FOLDER "cpu0/cpufreq/scaling_governor", line, sizeof(line));
	set(object, "governor", line);
	read_line(CPU_FOLDER "smt/control", line, sizeof(line));
	set(object, "smt", line);
	json_object_set_new(object, "mitigations", mitigations());
	return object;
}
