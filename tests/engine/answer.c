/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* answer.c: every kind of event against every reply: the response, or the refusal. */
#include "engine/answer.h"

#include "engine/registers.h"
#include "tests/engine/message.h"
#include "tests/unit/tap.h"

#define BIT(kind) (1u << (kind))
#define ALL_KINDS ((1u << RS_KIND_COUNT) - 1)

/* What a reply should turn into: for which kinds, and with which flags. */
struct expectation {
	const char *name;
	struct rs_reply reply;
	uint32_t kinds; /* that take it */
	uint32_t flags; /* of the response, VCPU_PAUSED aside */
	bool injects;
};

static const struct rs_answer_rules permissive = {
	.views = 1 | 1 << 3,
	.holds_writes = true,
	.can_step = true,
	.can_reset_fork = true,
};

struct scene {
	struct test_message message;
	struct rs_event event;
	struct rs_answer answer;
	bool stepping;
};

static void set_scene_version(struct scene *scene, enum rs_kind kind, uint32_t version)
{
	memset(scene, 0, sizeof(*scene));
	memset(scene->answer.message, 0xee, sizeof(scene->answer.message));
	struct rs_wire *wire = test_request(&scene->message, version, kind, 5);

	wire->flags |= RS_FLAG_ALTERNATE_P2M;
	wire->altp2m_idx = 3;
	rs_event_read(&scene->event, scene->message.bytes, rs_layout_find(version));
	rs_answer_init(&scene->answer, &scene->event);
}

static void set_scene(struct scene *scene, enum rs_kind kind)
{
	set_scene_version(scene, kind, 7);
}

static const struct rs_wire *wire_of(const struct scene *scene)
{
	return (const struct rs_wire *)scene->answer.message;
}

static const char *build(struct scene *scene, struct rs_reply reply,
			 const struct rs_answer_rules *rules)
{
	return rs_answer_build(&scene->answer, &scene->event, &reply, rules, &scene->stepping);
}

/* The head is the request's, and a refused reply leaves the plainest response. */
static bool check_head(const struct scene *scene, uint32_t flags)
{
	const struct rs_wire *wire = wire_of(scene);

	return TAP_SAME(wire->version, 7) && TAP_SAME(wire->reason, scene->event.reason) &&
	       TAP_SAME(wire->vcpu_id, 5) && TAP_SAME(wire->flags, flags | RS_FLAG_VCPU_PAUSED);
}

static bool check_one(const struct expectation *expectation, enum rs_kind kind)
{
	bool taken = expectation->kinds & BIT(kind);
	uint32_t flags = expectation->flags;
	struct scene scene;
	const char *refusal;

	set_scene(&scene, kind);
	if (expectation->reply.flags & RS_REPLY_SET_REGISTERS)
		rs_answer_registers(&scene.event);
	if (expectation->reply.flags & RS_REPLY_READ_DATA)
		rs_answer_read_data(&scene.event)->size = 8;
	if (expectation->reply.flags & RS_REPLY_INSTRUCTION)
		rs_answer_instruction(&scene.event);
	refusal = build(&scene, expectation->reply, &permissive);
	if (!taken)
		flags = 0;
	if (taken != !refusal)
		printf("# %s, %s: %s\n", expectation->name, rs_kind_name(kind),
		       refusal ? refusal : "was taken");
	return (taken == !refusal) && check_head(&scene, flags) &&
	       TAP_SAME(scene.answer.injection.wanted, taken && expectation->injects);
}

static void test_matrix(void)
{
	const uint32_t executed = BIT(RS_CR) | BIT(RS_MSR) | BIT(RS_GUEST_REQUEST);
	const uint32_t fast = RS_FLAG_FAST_SINGLESTEP | RS_FLAG_ALTERNATE_P2M;
	const struct expectation expectations[] = {
		{ "resume", RS_RESUME, ALL_KINDS, 0, false },
		{ "deny", RS_DENY, BIT(RS_CR) | BIT(RS_MSR), RS_FLAG_DENY, false },
		{ "give back", RS_GIVE_BACK, BIT(RS_BREAKPOINT) | BIT(RS_DEBUG), 0, true },
		{ "inject", rs_reply_inject(13, RS_INJECT_HARDWARE_EXCEPTION, 0, 0, 0), ALL_KINDS,
		  0, true },
		{ "emulate", RS_EMULATE, BIT(RS_PAGE) | BIT(RS_DESCRIPTOR), RS_FLAG_EMULATE,
		  false },
		{ "emulate, no write", rs_reply_emulate(RS_REPLY_NO_WRITE),
		  BIT(RS_PAGE) | BIT(RS_DESCRIPTOR), RS_FLAG_EMULATE | RS_FLAG_EMULATE_NOWRITE,
		  false },
		{ "emulate, read data", rs_reply_emulate(RS_REPLY_READ_DATA),
		  BIT(RS_PAGE) | BIT(RS_DESCRIPTOR),
		  RS_FLAG_EMULATE | RS_FLAG_SET_EMUL_READ_DATA, false },
		{ "emulate, instruction", rs_reply_emulate(RS_REPLY_INSTRUCTION),
		  BIT(RS_BREAKPOINT), RS_FLAG_EMULATE | RS_FLAG_SET_EMUL_INSN_DATA, false },
		{ "fast step", RS_FAST_STEP,
		  BIT(RS_PAGE) | BIT(RS_BREAKPOINT) | BIT(RS_EMUL_UNIMPLEMENTED), fast, false },
		{ "registers", rs_reply_with_registers(RS_RESUME), ALL_KINDS & ~executed,
		  RS_FLAG_SET_REGISTERS, false },
		{ "view", rs_reply_with_view(RS_RESUME, 3), ALL_KINDS, RS_FLAG_ALTERNATE_P2M,
		  false },
		{ "next interrupt", rs_reply_with_next_interrupt(RS_RESUME), ALL_KINDS,
		  RS_FLAG_GET_NEXT_INTERRUPT, false },
		{ "vmtrace", rs_reply_with_vmtrace_reset(RS_RESUME), ALL_KINDS,
		  RS_FLAG_RESET_VMTRACE, false },
		{ "fork", rs_reply_with_fork_reset(RS_RESUME), ALL_KINDS,
		  RS_FLAG_RESET_FORK_STATE | RS_FLAG_RESET_FORK_MEMORY, false },
		{ "an emulation flag alone",
		  rs_reply_make(RS_ACTION_RESUME, RS_REPLY_NO_WRITE), 0, 0, false },
		{ "an unknown flag", rs_reply_make(RS_ACTION_RESUME, 1u << 20), 0, 0, false },
		{ "an unknown action", rs_reply_make((enum rs_action)99, 0), 0, 0, false },
	};

	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		bool good = true;

		for (int kind = 0; kind < RS_KIND_COUNT; kind++)
			good &= check_one(&expectations[i], (enum rs_kind)kind);
		tap_ok(good, "%s: taken by the kinds that Xen honours it for, refused by others",
		       expectations[i].name);
	}
}

static void test_asynchronous(void)
{
	const struct rs_reply replies[] = { RS_DENY, RS_EMULATE, RS_STEP, RS_GIVE_BACK,
					    rs_reply_with_view(RS_RESUME, 3),
					    rs_reply_with_next_interrupt(RS_RESUME) };
	bool good = true;

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct scene scene;

		set_scene(&scene, RS_CR);
		scene.event.synchronous = false;
		good &= build(&scene, replies[i], &permissive) != NULL;
		good &= TAP_SAME(wire_of(&scene)->flags, 0);
		good &= rs_answer_registers(&scene.event) == NULL;
		good &= build(&scene, RS_RESUME, &permissive) == NULL;
		good &= TAP_SAME(wire_of(&scene)->flags, 0);
	}
	tap_ok(good, "an asynchronous event is answered with flags 0, whatever was replied");
}

static void test_step(void)
{
	struct rs_answer_rules rules = permissive;
	struct scene scene;
	bool good = true;

	set_scene(&scene, RS_CR);
	good &= !build(&scene, RS_STEP, &rules) && scene.stepping;
	good &= check_head(&scene, RS_FLAG_TOGGLE_SINGLESTEP);
	tap_ok(good, "a step toggles on");

	rules.stepping = true;
	set_scene(&scene, RS_CR);
	good = !build(&scene, RS_STEP, &rules) && scene.stepping && check_head(&scene, 0);
	good &= !build(&scene, RS_RESUME, &rules) && scene.stepping && check_head(&scene, 0);
	tap_ok(good, "another event of a stepping vCPU does not toggle");

	set_scene(&scene, RS_SINGLESTEP);
	good = !build(&scene, RS_STEP, &rules) && scene.stepping && check_head(&scene, 0);
	tap_ok(good, "a further step does not toggle");
	good = !build(&scene, RS_RESUME, &rules) && !scene.stepping;
	good &= check_head(&scene, RS_FLAG_TOGGLE_SINGLESTEP);
	tap_ok(good, "no further step toggles off");

	set_scene(&scene, RS_PAGE);
	good = build(&scene, RS_FAST_STEP, &rules) != NULL;
	tap_ok(good, "a fast step, which would end the stepping, is refused");
	rules.stepping = rules.can_step = false;
	good = build(&scene, RS_STEP, &rules) && build(&scene, RS_FAST_STEP, &rules);
	tap_ok(good, "no steps where the processor has none");
}

static void test_fast_step(void)
{
	struct rs_answer_rules rules = permissive;
	struct scene scene;

	set_scene(&scene, RS_PAGE);
	build(&scene, RS_FAST_STEP, &rules);
	tap_ok(TAP_SAME(wire_of(&scene)->altp2m_idx, 0) &&
		       TAP_SAME(wire_of(&scene)->u.fast_singlestep_p2midx, 3),
	       "a fast step goes through view 0 and back to where the event came from");
	build(&scene, rs_reply_fast_step_in(3, 0), &rules);
	tap_ok(TAP_SAME(wire_of(&scene)->altp2m_idx, 3) &&
		       TAP_SAME(wire_of(&scene)->u.fast_singlestep_p2midx, 0),
	       "or between the views that were asked for");
	tap_ok(build(&scene, rs_reply_fast_step_in(0, 4), &rules) &&
		       build(&scene, rs_reply_fast_step_in(4, 3), &rules) &&
		       build(&scene, rs_reply_with_view(RS_RESUME, 4), &rules) &&
		       build(&scene, rs_reply_with_view(RS_RESUME, 40), &rules),
	       "views that do not exist are refused: Xen would ignore them silently");
	rules.views = 0;
	tap_ok(build(&scene, RS_FAST_STEP, &rules) &&
		       build(&scene, rs_reply_with_view(RS_RESUME, 0), &rules),
	       "and all of them where altp2m is off");
}

static void test_deny(void)
{
	struct rs_answer_rules rules = permissive;
	struct scene scene;

	set_scene(&scene, RS_CR);
	build(&scene, RS_DENY, &rules);
	tap_ok(TAP_SAME(wire_of(&scene)->u.cr.index, RS_CR3), "DENY names the register");
	scene.event.cr.which = RS_XCR0;
	tap_ok(build(&scene, RS_DENY, &rules), "XCR0 cannot be denied");
	scene.event.cr.which = RS_CR3;
	rules.holds_writes = false;
	tap_ok(build(&scene, RS_DENY, &rules), "nor can what Xen has done already");
}

static void test_registers(void)
{
	struct scene scene;
	struct rs_registers *registers;
	const uint16_t rip = 56 + offsetof(struct rs_registers, rip);
	const struct rs_reply reply = rs_reply_with_registers(RS_RESUME);
	bool good;

	set_scene(&scene, RS_CPUID);
	registers = rs_answer_registers(&scene.event);
	good = TAP_SAME(registers->rip, TEST_RIP + 2) &&
	       TAP_SAME(registers->rbx, rs_event_rbx(&scene.event)) &&
	       TAP_SAME(registers->rflags, 0x246);
	registers->rax = 0xabcd;
	good &= rs_answer_registers(&scene.event) == registers && registers->rax == 0xabcd;
	good &= !build(&scene, reply, &permissive);
	good &= TAP_SAME(test_get_u64(scene.answer.message, 56), 0xabcd) &&
		TAP_SAME(test_get_u64(scene.answer.message, rip), TEST_RIP + 2);
	tap_ok(good, "a CPUID's registers begin behind it, and what is set is sent");

	for (uint32_t version = 6; version <= 7; version++) {
		set_scene_version(&scene, RS_BREAKPOINT, version);
		registers = rs_answer_registers(&scene.event);
		tap_ok(TAP_SAME(registers->rip, rs_event_rip(&scene.event)) &&
			       TAP_SAME(registers->r15, rs_event_r15(&scene.event)) &&
			       TAP_SAME(registers->rsp, rs_event_rsp(&scene.event)) &&
			       TAP_SAME(wire_of(&scene)->version, version),
		       "registers lie the same in version %u", version);
	}

	set_scene(&scene, RS_MSR);
	registers = rs_answer_registers(&scene.event);
	good = build(&scene, reply, &permissive) != NULL;
	registers->rip += 2;
	good &= build(&scene, reply, &permissive) == NULL;
	tap_ok(good, "an MSR write takes registers only with RIP moved on");
	set_scene(&scene, RS_GUEST_REQUEST);
	tap_ok(TAP_SAME(rs_answer_registers(&scene.event)->rax, 0),
	       "a guest request's registers begin with its result");

	set_scene(&scene, RS_BREAKPOINT);
	tap_ok(build(&scene, reply, &permissive) != NULL, "registers nobody asked for are refused");
	rs_answer_registers(&scene.event);
	rs_answer_instruction(&scene.event);
	tap_ok(build(&scene, reply, &permissive) != NULL,
	       "and those whose place was given to emulation data");
	tap_ok(build(&scene,
		     rs_reply_with_registers(rs_reply_emulate(RS_REPLY_INSTRUCTION)),
		     &permissive) != NULL, "both at once are refused");
}

static void test_resets(void)
{
	struct rs_answer_rules rules = permissive;
	struct scene scene;
	bool good;

	set_scene(&scene, RS_CR);
	test_set_u64(&scene.message, scene.event.layout->vmtrace_pos, UINT64_MAX);
	tap_ok(build(&scene, rs_reply_with_vmtrace_reset(RS_RESUME), &permissive) != NULL,
	       "a trace that is not made is not reset");
	set_scene_version(&scene, RS_CR, 6);
	tap_ok(build(&scene, rs_reply_with_vmtrace_reset(RS_RESUME), &permissive) != NULL,
	       "version 6 knows no traces");
	rules.can_reset_fork = false;
	set_scene(&scene, RS_CR);
	good = build(&scene, rs_reply_make(RS_ACTION_RESUME, RS_REPLY_RESET_FORK_STATE), &rules) &&
	       build(&scene, rs_reply_make(RS_ACTION_RESUME, RS_REPLY_RESET_FORK_MEMORY), &rules);
	tap_ok(good && check_head(&scene, 0), "nor a fork, where Xen has none");
	good = !build(&scene, rs_reply_make(RS_ACTION_RESUME, RS_REPLY_RESET_FORK_MEMORY),
		      &permissive);
	tap_ok(good && check_head(&scene, RS_FLAG_RESET_FORK_MEMORY), "its memory alone");
}

static void test_legal(void)
{
	struct scene scene;
	struct rs_registers *registers;

	set_scene(&scene, RS_BREAKPOINT);
	registers = rs_answer_registers(&scene.event);
	tap_ok(!rs_registers_check(registers, &scene.event), "a guest's own registers are legal");
	registers->rip = 0x800000000000;
	tap_ok(rs_registers_check(registers, &scene.event) != NULL, "RIP must be canonical");
	test_set_u64(&scene.message, scene.event.layout->cr4, 0x1000);
	tap_ok(!rs_registers_check(registers, &scene.event), "with LA57 that one is");
	registers->rip = TEST_RIP;
	for (unsigned int bit = 0; bit < 64; bit++) {
		bool fixed = bit == 1, reserved = bit == 3 || bit == 5 || bit == 15 || bit > 21;
		bool wanted = !(fixed || reserved || bit == 17);

		registers->rflags = 0x246 ^ 1ULL << bit;
		if (wanted != !rs_registers_check(registers, &scene.event))
			tap_ok(false, "RFLAGS bit %u", bit);
	}
	registers->rflags = 0x246;
	test_set_u64(&scene.message, scene.event.layout->efer, 0);
	tap_ok(rs_registers_check(registers, &scene.event) != NULL,
	       "outside 64-bit mode RIP has 32 bits");
}

static void test_emulation(void)
{
	struct scene scene;
	struct rs_read_data *data;
	bool good;

	set_scene(&scene, RS_PAGE);
	build(&scene, RS_EMULATE, &permissive);
	tap_ok(TAP_SAME(wire_of(&scene)->u.page.gfn, TEST_GFN) &&
		       TAP_SAME(wire_of(&scene)->u.page.flags, RS_ACCESS_R | RS_ACCESS_W),
	       "EMULATE echoes the fault, which Xen looks at");
	build(&scene, RS_RESUME, &permissive);
	tap_ok(TAP_SAME(wire_of(&scene)->u.page.gfn, 0), "nothing else does");

	data = rs_answer_read_data(&scene.event);
	good = build(&scene, rs_reply_emulate(RS_REPLY_READ_DATA), &permissive) != NULL;
	data->size = RS_READ_DATA_SIZE_MAX + 1;
	good &= build(&scene, rs_reply_emulate(RS_REPLY_READ_DATA), &permissive) != NULL;
	data->size = 4;
	memcpy(data->bytes, "abcd", 4);
	good &= !build(&scene, rs_reply_emulate(RS_REPLY_READ_DATA), &permissive);
	good &= !memcmp(scene.answer.message + 56, "\4\0\0\0abcd", 8);
	tap_ok(good, "read data has a size");

	set_scene(&scene, RS_BREAKPOINT);
	memset(rs_answer_instruction(&scene.event), 0x90, RS_INSTRUCTION_SIZE);
	good = !build(&scene, rs_reply_emulate(RS_REPLY_INSTRUCTION), &permissive);
	good &= scene.answer.message[56] == 0x90 && scene.answer.message[71] == 0x90;
	good &= build(&scene, rs_reply_emulate(RS_REPLY_READ_DATA), &permissive) != NULL;
	good &= build(&scene, rs_reply_emulate(RS_REPLY_INSTRUCTION | RS_REPLY_NO_WRITE),
		      &permissive) != NULL;
	tap_ok(good, "instruction bytes go out, and not together with others");
}

static void test_injection(void)
{
	struct scene scene;
	const struct rs_injection *injection = &scene.answer.injection;

	set_scene(&scene, RS_BREAKPOINT);
	build(&scene, RS_GIVE_BACK, &permissive);
	tap_ok(TAP_SAME(injection->vector, 3) && TAP_SAME(injection->type, 6) &&
		       TAP_SAME(injection->insn_length, 2) &&
		       TAP_SAME(injection->error_code, RS_NO_ERROR_CODE),
	       "a breakpoint goes back as vector 3, software exception");
	set_scene(&scene, RS_DEBUG);
	build(&scene, RS_GIVE_BACK, &permissive);
	tap_ok(TAP_SAME(injection->vector, 1) && TAP_SAME(injection->type, 3) &&
		       TAP_SAME(injection->extra, 0x4000),
	       "a debug exception as vector 1, with what was pending");
	tap_ok(build(&scene, rs_reply_inject(14, 1, 0, 0, 0), &permissive) &&
		       build(&scene, rs_reply_inject(32, 3, 0, 0, 0), &permissive) &&
		       build(&scene, rs_reply_inject(3, 6, 0, 0, 0), &permissive),
	       "what no processor can take is refused");
	build(&scene, rs_reply_inject(14, 3, 2, 0, 0xdead), &permissive);
	tap_ok(TAP_SAME(injection->error_code, 2) && TAP_SAME(injection->extra, 0xdead),
	       "a page fault with its error code and address");
}

int main(void)
{
	test_matrix();
	test_asynchronous();
	test_step();
	test_fast_step();
	test_deny();
	test_registers();
	test_resets();
	test_legal();
	test_emulation();
	test_injection();
	return tap_done();
}
