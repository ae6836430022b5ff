/* The interposed symbols themselves. Each goes on, with all registers and the whole stack as they came, to a function of preload.c or to
 * LiteCore's own, so that a LiteCore of an unknown version gets its arguments untouched, however many they are.
 *
 * The definitions are unversioned: that matches references to LiteCore's version `CBL` too.
 */
#include "preload.h"

#define BEGIN(name)                                                                                                    \
    ".text\n.globl " #name ", c4t_at_" #name "\n.hidden c4t_at_" #name "\n.type " #name ", %function\n" #name ":\n"    \
    "c4t_at_" #name ":\n.cfi_startproc\n"
#define END(name)                                                                                                      \
    ".cfi_endproc\n.size " #name ", .-" #name "\n"                                                                     \
    ".section .rodata\n1: .string \"" #name "\"\n.text\n"

/* No function of this interface takes a floating-point argument. */
#if defined(__x86_64__)
/* The stack is aligned: 8 bytes of return address, 48 and 8. */
#define SAVE                                                                                                           \
    "push %rdi\npush %rsi\npush %rdx\npush %rcx\npush %r8\npush %r9\nsub $8, %rsp\n"                                   \
    ".cfi_adjust_cfa_offset 56\n"
#define RESTORE                                                                                                        \
    "add $8, %rsp\npop %r9\npop %r8\npop %rcx\npop %rdx\npop %rsi\npop %rdi\n"                                         \
    ".cfi_adjust_cfa_offset -56\n"
#define LANDING "endbr64\n"

#define ASK_WAY_ON(name)                                                                                               \
    SAVE "mov 56(%rsp), %rdi\n"                                                                                        \
         "lea 1f(%rip), %rsi\n"                                                                                        \
         "lea c4t_preloaded_" #name "(%rip), %rdx\n"                                                                   \
         "call c4t_way_on\n" RESTORE "jmp *%rax\n"

#define UPCALL(name)                                                                                                   \
    __asm__(BEGIN(name) LANDING "cmpb $0, c4t_met_known_only(%rip)\n"                                                  \
                                "jne c4t_preloaded_" #name "\n" ASK_WAY_ON(name) END(name))
/* By value on the stack: at entry the return address, then `before` bytes of other arguments, then the parameters. */
#define WITH_PARAMS(name, before, register)                                                                            \
    __asm__(BEGIN(name) LANDING SAVE "lea 64+" #before "(%rsp), %rdi\n"                                                \
                                     "mov 56(%rsp), %rsi\n"                                                            \
                                     "lea 1f(%rip), %rdx\n"                                                            \
                                     "call c4t_way_on_with\n" RESTORE "jmp *%rax\n" END(name))
#elif defined(__aarch64__)
/* x0 to x7 are arguments, x8 is where a large result goes, x30 the way back; x16 is anybody's. */
#define SAVE                                                                                                           \
    "stp x29, x30, [sp, #-96]!\n.cfi_adjust_cfa_offset 96\n"                                                           \
    "stp x0, x1, [sp, #16]\nstp x2, x3, [sp, #32]\nstp x4, x5, [sp, #48]\nstp x6, x7, [sp, #64]\nstr x8, [sp, #80]\n"
#define GO_ON                                                                                                          \
    "mov x16, x0\n"                                                                                                    \
    "ldp x0, x1, [sp, #16]\nldp x2, x3, [sp, #32]\nldp x4, x5, [sp, #48]\nldp x6, x7, [sp, #64]\nldr x8, [sp, #80]\n"  \
    "ldp x29, x30, [sp], #96\n.cfi_adjust_cfa_offset -96\n"                                                            \
    "br x16\n"
#define ADDRESS(register, of) "adrp " register ", " of "\nadd " register ", " register ", :lo12:" of "\n"
#define LANDING "hint #34\n" /* bti c */

#define ASK_WAY_ON(name)                                                                                               \
    SAVE "mov x0, x30\n" ADDRESS("x1", "1f") ADDRESS("x2", "c4t_preloaded_" #name) "bl c4t_way_on\n" GO_ON
#define UPCALL(name)                                                                                                   \
    __asm__(BEGIN(name) LANDING ADDRESS("x16", "c4t_met_known_only") "ldarb w16, [x16]\n"                              \
                                                                     "cbz w16, 2f\nb c4t_preloaded_" #name             \
                                                                     "\n2:\n" ASK_WAY_ON(name) END(name))
/* By reference, as all that is larger than 16 bytes: the copy is the callee's own. */
#define WITH_PARAMS(name, before, register)                                                                            \
    __asm__(BEGIN(name) LANDING SAVE                                                                                   \
            "mov x0, " #register "\nmov x1, x30\n" ADDRESS("x2", "1f") "bl c4t_way_on_with\n" GO_ON END(name))
#else
#error "c4trace knows x86-64 and aarch64 only"
#endif
#define MAKING(name) __asm__(BEGIN(name) LANDING ASK_WAY_ON(name) END(name))

UPCALL(c4socket_gotHTTPResponse);
UPCALL(c4socket_gotPeerCertificate);
UPCALL(c4socket_opened);
UPCALL(c4socket_received);
UPCALL(c4socket_completedWrite);
UPCALL(c4socket_closeRequested);
UPCALL(c4socket_closed);
MAKING(c4socket_fromNative);
MAKING(c4socket_fromNative2);
MAKING(c4socket_registerFactory);
WITH_PARAMS(c4repl_new, 56, x4); /* a C4Address; besides it the database and the name */
WITH_PARAMS(c4repl_newWithSocket, 0, x2);
