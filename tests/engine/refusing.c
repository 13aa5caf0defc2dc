/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * refusing.c: a command where seccomp is refused (EPERM), as in some containers, or unknown (ENOSYS), as
 * with some kernels.
 *
 *	tests/engine/refusing EPERM|ENOSYS COMMAND...
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int refuse(int error)
{
	scmp_filter_ctx list = seccomp_init(SCMP_ACT_ALLOW);
	uint32_t refused = SCMP_ACT_ERRNO((uint32_t)error);
	int failed = !list || seccomp_rule_add(list, refused, SCMP_SYS(seccomp), 0) ||
		     seccomp_rule_add(list, SCMP_ACT_ERRNO(error == ENOSYS ? EINVAL : error),
				      SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0)) ||
		     seccomp_load(list);

	seccomp_release(list);
	return failed;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (refuse(strcmp(argv[1], "ENOSYS") ? EPERM : ENOSYS)) {
		fprintf(stderr, "refusing: seccomp is refused already\n");
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
