/* The interposed symbols themselves. Each goes on, with all registers and the whole stack as they came, to a function of preload.c or to
 * LiteCore's own, so that a LiteCore of an unknown version gets its arguments untouched, however many they are.
 *
 * The definitions are unversioned: that matches references to LiteCore's version `CBL` too.
 */
#include "preload.h"

#if defined(__x86_64__)
/* No function of this interface takes a floating-point argument. The stack is aligned: 8 bytes of return address, 48 and 8. */
#define SAVE                                                                                                           \
    "push %rdi\npush %rsi\npush %rdx\npush %rcx\npush %r8\npush %r9\nsub $8, %rsp\n"                                   \
    ".cfi_adjust_cfa_offset 56\n"
#define RESTORE                                                                                                        \
    "add $8, %rsp\npop %r9\npop %r8\npop %rcx\npop %rdx\npop %rsi\npop %rdi\n"                                         \
    ".cfi_adjust_cfa_offset -56\n"
#define BEGIN(name)                                                                                                    \
    ".text\n.globl " #name ", c4t_at_" #name "\n.hidden c4t_at_" #name "\n.type " #name ", @function\n" #name ":\n"    \
    "c4t_at_" #name ":\n.cfi_startproc\n"
#define END(name)                                                                                                      \
    ".cfi_endproc\n.size " #name ", .-" #name "\n"                                                                     \
    ".section .rodata\n1: .string \"" #name "\"\n.text\n"

#define ASK_WAY_ON(name)                                                                                               \
    SAVE "mov 56(%rsp), %rdi\n"                                                                                        \
         "lea 1f(%rip), %rsi\n"                                                                                        \
         "lea c4t_preloaded_" #name "(%rip), %rdx\n"                                                                   \
         "call c4t_way_on\n" RESTORE "jmp *%rax\n"

#define UPCALL(name)                                                                                                   \
    __asm__(BEGIN(name) "cmpb $0, c4t_met_known_only(%rip)\n"                                                          \
                        "jne c4t_preloaded_" #name "\n" ASK_WAY_ON(name) END(name))
#define MAKING(name) __asm__(BEGIN(name) ASK_WAY_ON(name) END(name))
/* At entry: return address, then `before` bytes of other arguments, then the parameters. */
#define WITH_PARAMS(name, before)                                                                                      \
    __asm__(BEGIN(name) SAVE "lea 64+" #before "(%rsp), %rdi\n"                                                        \
                             "mov 56(%rsp), %rsi\n"                                                                    \
                             "lea 1f(%rip), %rdx\n"                                                                    \
                             "call c4t_way_on_with\n" RESTORE "jmp *%rax\n" END(name))

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
WITH_PARAMS(c4repl_new, 56); /* a C4Address */
WITH_PARAMS(c4repl_newWithSocket, 0);
#endif
