/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journal.c: what the journal says, at each moment, and which files are none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/folder.h"
#include "journal/journal.h"
#include "journal/top.h"
#include "tests/unit/tap.h"

#define DOMAIN 7

static const uint8_t handle[16] = { 1, 2, 3 };

static bool are(const struct rs_journal *journal, unsigned int certain, unsigned int under_way,
		unsigned int doubts, unsigned int before)
{
	struct rs_journal_pauses pauses = rs_journal_pauses(journal);

	return TAP_SAME(pauses.certain, certain) && TAP_SAME(pauses.under_way, under_way) &&
	       TAP_SAME(pauses.doubts, doubts) && TAP_SAME(pauses.before, before);
}

static void test_pauses(struct rs_journal *journal)
{
	bool good = rs_journal_is_clean(journal);

	rs_journal_pause_begin(journal, false);
	good &= are(journal, 0, 1, 0, 0) && !rs_journal_is_clean(journal);
	rs_journal_pause_end(journal, true);
	good &= are(journal, 1, 0, 0, 0);
	rs_journal_pause_begin(journal, true);
	rs_journal_pause_end(journal, true);
	tap_ok(good && are(journal, 2, 0, 0, 0), "only the first pause asks who was before");
	rs_journal_unpause_begin(journal);
	good = are(journal, 1, 1, 0, 0);
	rs_journal_unpause_end(journal);
	rs_journal_unpause_begin(journal);
	tap_ok(good && are(journal, 0, 1, 0, 0), "one that is being lifted is certain no more");
	rs_journal_take_over(journal);
	tap_ok(are(journal, 0, 0, 1, 0), "what was under way is a doubt to the next");
	rs_journal_forget_pauses(journal);
	rs_journal_pause_begin(journal, true);
	rs_journal_pause_end(journal, false);
	good = are(journal, 0, 0, 0, 1);
	rs_journal_unpause_begin(journal);
	rs_journal_unpause_end(journal);
	tap_ok(good && are(journal, 0, 0, 0, 0), "one that failed does not count, nor its lifting");
	rs_journal_forget_pauses(journal);
}

static void test_changes(struct rs_journal *journal)
{
	bool good;

	rs_journal_altp2m(journal, true);
	rs_journal_view(journal, 3, true);
	good = journal->altp2m && journal->views == 1 << 3;
	rs_journal_altp2m(journal, false);
	tap_ok(good && rs_journal_is_clean(journal), "with altp2m go its views");
	rs_journal_closed(journal, 100, 2);
	rs_journal_closed(journal, 50, 1);
	rs_journal_closed(journal, 60, 10);
	tap_ok(journal->closed_first == 50 && journal->closed_end == 102,
	       "closed pages are one range");
	rs_journal_forget_closed(journal);
	rs_journal_pool(journal, 5);
	rs_journal_pool(journal, 9);
	rs_journal_max_pages(journal, 1000);
	rs_journal_max_pages(journal, 2000);
	tap_ok(journal->pool_mib == 5 && journal->max_pages == 1000,
	       "what counts is what was before the first change");
	rs_journal_forget_pool(journal);
	rs_journal_forget_max_pages(journal);
	rs_journal_added(journal, 500, 32);
	rs_journal_added(journal, 532, 32);
	good = journal->added_first == 500 && journal->added_count == 64;
	rs_journal_removed(journal, 500, 32);
	good &= journal->added_count == 64;
	rs_journal_removed(journal, 500, 64);
	tap_ok(good && rs_journal_is_clean(journal), "pages added stay until all are removed");
	rs_journal_pause_begin(NULL, true);
	rs_journal_view(NULL, 1, true);
	rs_journal_closed(NULL, 1, 1);
	tap_ok(true, "nobody's journal takes anything");
}

/* Finds it, and closes it again. */
static int find(uint32_t domain, const uint8_t of[16])
{
	struct rs_journal *journal;
	int error = rs_journal_find(&journal, domain, of);

	rs_journal_close(journal, false);
	return error;
}

static void test_whose(struct rs_journal *journal)
{
	static const uint8_t other[16] = { 9 };
	struct rs_owner owner = journal->owner;
	pid_t child = fork();

	if (!child)
		_exit(0);
	tap_ok(find(DOMAIN, handle) == 0 && rs_owner_lives(&owner), "we live");
	tap_ok(find(DOMAIN, other) == -ENOENT, "another domain of that number has none");
	waitpid(child, NULL, 0);
	owner.pid = (uint32_t)child;
	tap_ok(!rs_owner_lives(&owner), "one that has ended does not live");
	owner = journal->owner;
	owner.start++;
	tap_ok(!rs_owner_lives(&owner), "nor does one whose number is another's by now");
	journal->owner.boot[5] ^= 1;
	tap_ok(find(DOMAIN, handle) == -ENOENT, "one of another boot is none");
	journal->owner.boot[5] ^= 1;
}

static void test_damage(struct rs_journal *journal)
{
	char path[RS_FOLDER_PATH_SIZE];
	bool good;

	journal->added_count = UINT64_MAX;
	good = find(DOMAIN, handle) == -EINVAL;
	journal->added_count = 0;
	journal->closed_end = UINT64_MAX;
	good &= find(DOMAIN, handle) == -EINVAL;
	journal->closed_end = 0;
	journal->version++;
	good &= find(DOMAIN, handle) == -EINVAL;
	journal->version--;
	journal->magic[0]++;
	tap_ok(good && find(DOMAIN, handle) == -EINVAL, "nonsense is no journal");
	journal->magic[0]--;
	rs_folder_path(DOMAIN, "", path);
	good = !truncate(path, sizeof(*journal) - 1) && find(DOMAIN, handle) == -EINVAL;
	good &= !truncate(path, sizeof(*journal)) && find(DOMAIN, handle) == 0;
	tap_ok(good, "nor is a file of another length");
	good = !unlink(path) && !symlink("/dev/null", path);
	tap_ok(good && find(DOMAIN, handle) == -ELOOP, "nor is a link");
	unlink(path);
	tap_ok(find(DOMAIN, handle) == -ENOENT, "nor is nothing");
}

static void test_successor(void)
{
	struct rs_journal *first, *second;
	int fds[2];
	bool good = !rs_journal_create(&first, DOMAIN, handle, &fds[0]);

	good &= !rs_journal_create(&second, DOMAIN, handle, &fds[1]);
	rs_journal_pool(first, 1);
	good &= rs_journal_is_clean(second);
	rs_journal_close(first, true);
	tap_ok(good && find(DOMAIN, handle) == 0, "who comes later has a file of its own, and keeps it");
	rs_journal_close(second, true);
	tap_ok(find(DOMAIN, handle) == -ENOENT, "the last one removes it");
	close(fds[0]);
	close(fds[1]);
}

/* For a process that is given its descriptor. */
static void test_nameless(void)
{
	struct rs_journal *journal, *other;
	int fd;
	bool good = !rs_journal_create_nameless(&journal, DOMAIN, handle, &fd) &&
		    find(DOMAIN, handle) == -ENOENT && !rs_journal_map(&other, fd);

	if (!tap_ok(good, "a journal without a name is found by its descriptor alone"))
		return;
	rs_journal_pool(journal, 7);
	tap_ok(other->pool_mib == 7, "both see what one notes");
	other->version++;
	tap_ok(rs_journal_map(&other, fd) == -EINVAL && !other, "nonsense is none here either");
	rs_journal_close(journal, true);
	close(fd);
}

/* Pages of ours from frame 100 on. */
static void test_top(void)
{
	static const uint8_t other[16] = { 3, 2, 1 };
	char path[RS_FOLDER_PATH_SIZE];
	bool good;

	good = TAP_SAME(rs_top_before(DOMAIN, handle, 99), 99);
	good &= !rs_top_note(DOMAIN, handle, 100, 132);
	/* None of them has come yet; some; all. */
	good &= TAP_SAME(rs_top_before(DOMAIN, handle, 99), 99);
	good &= TAP_SAME(rs_top_before(DOMAIN, handle, 100), 99);
	tap_ok(good && TAP_SAME(rs_top_before(DOMAIN, handle, 131), 99),
	       "a domain's end is remembered");
	tap_ok(TAP_SAME(rs_top_before(DOMAIN, handle, 132), 132),
	       "unless something else has come behind ours");
	good = TAP_SAME(rs_top_before(DOMAIN, other, 110), 110);
	tap_ok(good && TAP_SAME(rs_top_before(DOMAIN + 1, handle, 110), 110),
	       "or the domain is another one");
	good = !rs_top_note(DOMAIN, handle, 100, 164);
	tap_ok(good && TAP_SAME(rs_top_before(DOMAIN, handle, 163), 99), "they may become more");
	rs_folder_path(DOMAIN, ".top", path);
	good = !truncate(path, 10);
	good &= TAP_SAME(rs_top_before(DOMAIN, handle, 110), 110);
	good &= !rs_top_note(DOMAIN, handle, 100, 132);
	tap_ok(good && TAP_SAME(rs_top_before(DOMAIN, handle, 110), 99),
	       "a damaged file says nothing, and is written anew");
	unlink(path);
}

int main(void)
{
	char folder[] = "/tmp/ringside-journal-XXXXXX", inside[64];
	struct rs_journal *journal;
	int fd;

	if (!mkdtemp(folder))
		return 77;
	snprintf(inside, sizeof(inside), "%s/run", folder);
	setenv("RINGSIDE_FOLDER", inside, 1);
	if (tap_ok(!rs_journal_create(&journal, DOMAIN, handle, &fd), "a journal")) {
		test_pauses(journal);
		test_changes(journal);
		test_whose(journal);
		test_damage(journal);
		rs_journal_close(journal, true);
		test_successor();
		test_nameless();
		test_top();
		close(fd);
	}
	rmdir(inside);
	rmdir(folder);
	return tap_done();
}
