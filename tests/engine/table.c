/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table.c: look-ups against the plainest way to do them. */
#include "engine/table.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
#define ENTRY_MAX 24
#define KEY_MAX 40

/* The rules are only compared. */
static struct rs_rule *rule_number(uint64_t number)
{
	return (struct rs_rule *)(uintptr_t)(number * 16);
}

static struct rs_rule *plain_next(const struct rs_table_entry *entries, size_t count,
				   enum rs_kind kind, uint64_t key, uint32_t access,
				   uint64_t after)
{
	const struct rs_table_entry *found = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct rs_table_entry *entry = &entries[i];

		if (entry->kind != kind || key < entry->first || key > entry->last ||
		    entry->order <= after || (access && !(access & ~entry->access)))
			continue;
		if (!found || entry->order < found->order)
			found = entry;
	}
	return found ? found->rule : NULL;
}

static uint32_t plain_access(const struct rs_table_entry *entries, size_t count, uint64_t gfn)
{
	uint32_t access = ACCESS_ALL;

	for (size_t i = 0; i < count; i++)
		if (entries[i].kind == RS_PAGE && gfn >= entries[i].first && gfn <= entries[i].last)
			access &= entries[i].access;
	return access;
}

static size_t fill(struct rs_table_entry *entries)
{
	static const enum rs_kind kinds[] = { RS_PAGE, RS_MSR, RS_CR, RS_CPUID };
	size_t count = (size_t)rand() % (ENTRY_MAX + 1);

	for (size_t i = 0; i < count; i++) {
		struct rs_table_entry *entry = &entries[i];

		*entry = (struct rs_table_entry){ .kind = kinds[rand() % 4], .order = i + 1 };
		if (entry->kind != RS_CPUID)
			entry->first = entry->last = (uint64_t)rand() % KEY_MAX;
		if (entry->kind == RS_PAGE) {
			entry->last += (uint64_t)rand() % 8;
			entry->access = (uint32_t)rand() & ACCESS_ALL;
		}
		entry->rule = rule_number(entry->order);
	}
	return count;
}

static bool check_key(const struct rs_table *table, const struct rs_table_entry *entries,
		      size_t count, enum rs_kind kind, uint64_t key, uint32_t access)
{
	uint64_t order = 0, before;
	struct rs_rule *found;
	bool more, good = true;

	do {
		before = order;
		found = rs_table_next(table, kind, key, access, &order, &more);
		good &= TAP_SAME((uintptr_t)found,
				 (uintptr_t)plain_next(entries, count, kind, key, access, before));
		if (!more)
			good &= !found || !plain_next(entries, count, kind, key, access, order);
	} while (found && good);
	return good;
}

struct visited {
	const struct rs_table_entry *entries;
	size_t count;
	uint64_t next;
	bool good;
};

static int visit(void *context, uint64_t first, uint64_t last, uint32_t access)
{
	struct visited *visited = context;

	visited->good &= TAP_SAME(first, visited->next) && (first <= last);
	for (uint64_t gfn = first; gfn <= last; gfn++)
		visited->good &= TAP_SAME(access,
					  plain_access(visited->entries, visited->count, gfn));
	visited->next = last + 1;
	return 0;
}

static bool check_table(unsigned int seed)
{
	struct rs_table_entry entries[ENTRY_MAX];
	struct visited visited = { .entries = entries, .next = 3, .good = true };
	struct rs_table *table;
	size_t count;
	bool good = true;

	srand(seed);
	count = visited.count = fill(entries);
	if (rs_table_open(&table))
		return false;
	/* Some of them come, in whatever order, stay while others come, and go. */
	for (size_t i = count; i > 1; i--) {
		size_t other = (size_t)rand() % i;
		struct rs_table_entry entry = entries[i - 1];

		entries[i - 1] = entries[other];
		entries[other] = entry;
	}
	for (size_t i = 0; i < count; i++)
		rs_table_add(table, &entries[i]);
	for (size_t i = 0; i < count; i++) {
		if (rand() % 3)
			continue;
		rs_table_remove(table, &entries[i]);
		entries[i] = entries[--count];
		i--;
	}
	visited.count = count;
	rs_table_reap(table);
	for (uint64_t key = 0; key < KEY_MAX + 10; key++) {
		good &= check_key(table, entries, count, RS_MSR, key, 0);
		good &= check_key(table, entries, count, RS_CR, key, 0);
		for (uint32_t access = 1; access <= ACCESS_ALL; access++)
			good &= check_key(table, entries, count, RS_PAGE, key, access);
		good &= TAP_SAME(rs_table_access(table, key), plain_access(entries, count, key));
	}
	good &= check_key(table, entries, count, RS_CPUID, 0, 0);
	good &= check_key(table, entries, count, RS_DESCRIPTOR, 0, 0);
	rs_table_visit_pages(table, 3, KEY_MAX + 5, visit, &visited);
	good &= visited.good && TAP_SAME(visited.next, KEY_MAX + 6);
	rs_table_free(table);
	return good;
}

static int stop_at_second(void *context, uint64_t first, uint64_t last, uint32_t access)
{
	int *calls = context;

	return ++*calls == 2 ? -5 : 0;
}

static void test_ends(void)
{
	struct rs_table_entry entries[] = {
		{ RS_PAGE, 0, 0, 1, 0, rule_number(1) },
		{ RS_PAGE, UINT64_MAX, UINT64_MAX, 2, RS_ACCESS_R, rule_number(2) },
		{ RS_PAGE, 0, UINT64_MAX, 3, ACCESS_ALL, rule_number(3) },
	};
	uint64_t order = 0;
	struct rs_table *table;
	int calls = 0;
	bool more;

	rs_table_open(&table);
	for (int i = 0; i < 3; i++)
		rs_table_add(table, &entries[i]);
	tap_ok(rs_table_next(table, RS_PAGE, UINT64_MAX, RS_ACCESS_W, &order, &more) ==
			       rule_number(2) && rs_table_access(table, 0) == 0 &&
		       rs_table_access(table, 1) == ACCESS_ALL,
	       "the first and the last key there can be");
	tap_ok(rs_table_visit_pages(table, 0, 9, stop_at_second, &calls) == -5 && calls == 2,
	       "a visit stops at the first error");
	rs_table_free(table);
}

static uint64_t key_number(uint64_t i)
{
	return i * 0x9e3779b9 & 0xffffffffff;
}

/* A million watches, each found, and gone again. */
static void test_million(void)
{
	const uint64_t count = 1000000;
	struct rs_table *table;
	bool good = true, more;

	rs_table_open(&table);
	for (uint64_t i = 0; i < count; i++) {
		struct rs_table_entry entry = { RS_PAGE, key_number(i), key_number(i), i + 1, 0,
						rule_number(i + 1) };

		good &= !rs_table_add(table, &entry);
	}
	for (uint64_t i = 0; i < count && good; i++) {
		uint64_t order = 0;

		good &= rs_table_next(table, RS_PAGE, key_number(i), RS_ACCESS_R, &order, &more) ==
				rule_number(i + 1) && !more;
	}
	tap_ok(good && rs_table_count(table, RS_PAGE) == count, "a million watches are found");
	for (uint64_t i = 0; i < count; i++) {
		struct rs_table_entry entry = { RS_PAGE, key_number(i), key_number(i), i + 1, 0,
						rule_number(i + 1) };

		rs_table_remove(table, &entry);
	}
	tap_ok(TAP_SAME(rs_table_count(table, RS_PAGE), 0) &&
		       TAP_SAME(rs_table_access(table, key_number(7)), ACCESS_ALL),
	       "and gone again");
	rs_table_free(table);
}

int main(void)
{
	bool good = true;

	for (unsigned int seed = 1; seed <= 300; seed++)
		if (!check_table(seed)) {
			printf("# seed %u\n", seed);
			good = false;
			break;
		}
	tap_ok(good, "300 tables find what a plain search finds, in the order of making");
	test_ends();
	test_million();
	return tap_done();
}
