/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* interrupt.c: see interrupt.h. */
#include "config.h"

#include "xen/interrupt.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ring/atomics.h"

#define PREFIX "evtchn:"

void rs_interrupt_begin_name(struct rs_interrupt *interrupt, char before[RS_INTERRUPT_NAME_SIZE])
{
	static uint32_t made;

	*interrupt = (struct rs_interrupt){ .fd = -1, .cpu = -1 };
	snprintf(interrupt->name, sizeof(interrupt->name), "rs.%d.%u", (int)getpid(),
		 (unsigned int)(rs_add_relaxed(&made, 1) % 1000));
	prctl(PR_GET_NAME, before);
	prctl(PR_SET_NAME, interrupt->name);
}

void rs_interrupt_end_name(const char before[RS_INTERRUPT_NAME_SIZE])
{
	prctl(PR_SET_NAME, before);
}

/* The line's last word is it. */
static bool ends_with_name(char *line, const char *name)
{
	char *word;

	line[strcspn(line, "\n")] = 0;
	word = strrchr(line, ' ');
	return word && !strncmp(word + 1, PREFIX, strlen(PREFIX)) &&
	       !strcmp(word + 1 + strlen(PREFIX), name);
}

int rs_interrupt_find(FILE *interrupts, const char *name)
{
	char *line = NULL;
	size_t size = 0;
	int number = -1;

	while (number < 0 && getline(&line, &size, interrupts) > 0)
		if (ends_with_name(line, name) && strchr(line, ':'))
			number = atoi(line);
	free(line);
	return number > 0 ? number : -1;
}

static int look_for(const char *name)
{
	FILE *interrupts = fopen("/proc/interrupts", "re");
	int number;

	if (!interrupts)
		return -1;
	number = rs_interrupt_find(interrupts, name);
	fclose(interrupts);
	return number;
}

static int open_affinity(int number)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", number);
	return open(path, O_WRONLY | O_CLOEXEC);
}

void rs_interrupt_open(struct rs_interrupt *interrupt)
{
	if (interrupt->number)
		return;
	interrupt->number = look_for(interrupt->name);
	if (interrupt->number > 0)
		interrupt->fd = open_affinity(interrupt->number);
	if (interrupt->fd < 0)
		interrupt->number = -1;
}

void rs_interrupt_close(struct rs_interrupt *interrupt)
{
	if (interrupt->fd >= 0)
		close(interrupt->fd);
	interrupt->fd = -1;
}

/* Not by pwrite, which Linux refuses for such a file; where in it one writes is all the same. */
static bool move_to(int fd, int cpu)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%d", cpu);

	return write(fd, text, (size_t)size) == size;
}

void rs_interrupt_follow(struct rs_interrupt *interrupt)
{
	int cpu = sched_getcpu();

	if (cpu < 0 || cpu == interrupt->cpu || interrupt->number < 0)
		return;
	rs_interrupt_open(interrupt);
	if (interrupt->number > 0 && !move_to(interrupt->fd, cpu))
		interrupt->number = -1;
	interrupt->cpu = cpu;
}
