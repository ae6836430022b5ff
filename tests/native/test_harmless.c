/* What a host must never notice of a tracer: each in a process of its own, which has to come to its own end. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "stand_in.h"

#define HUNG_SECONDS 120 /* on any machine */

static void in_a_process(void (*what)(void)) {
    pid_t child = fork();
    if (!child) {
        alarm(HUNG_SECONDS);
        what();
        _exit(0);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
}

static void leaves_descriptors_alone_that_the_host_has_closed_and_opened_again(void) {
    c4trace_tracer *tracer = open_tracer("fds", C4T_CAPTURE_HEADERS, 0);
    for (int fd = 3; fd < 256; fd++) close(fd); /* as daemons do */
    int mine[16];
    for (int i = 0; i < 16; i++) CHECK((mine[i] = open("/dev/null", O_RDONLY)) >= 0);
    c4trace_close(tracer, 0);
    for (int i = 0; i < 16; i++) CHECK(fcntl(mine[i], F_GETFD) >= 0);
}

static void keeps_no_descriptor(void) {
    int before = dup(STDERR_FILENO);
    c4trace_tracer *tracer = open_tracer("none", C4T_CAPTURE_HEADERS, 0);
    int after = dup(STDERR_FILENO);
    CHECK_EQUAL(after, before + 1);
    c4trace_close(tracer, 0);
}

static void takes_no_standard_descriptor_that_the_host_has_closed(void) {
    int keep = dup(STDERR_FILENO);
    close(STDIN_FILENO), close(STDOUT_FILENO), close(STDERR_FILENO);
    c4trace_tracer *tracer = open_tracer("std", C4T_CAPTURE_HEADERS, 0);
    CHECK(write(STDOUT_FILENO, "hello", 5) < 0 && write(STDERR_FILENO, "hello", 5) < 0);
    CHECK(tracer->header->magic == C4T_SEGMENT_MAGIC);
    c4trace_close(tracer, 0);
    CHECK(dup2(keep, STDERR_FILENO) == STDERR_FILENO);
}

int main(void) {
    enter_folder();
    in_a_process(leaves_descriptors_alone_that_the_host_has_closed_and_opened_again);
    in_a_process(keeps_no_descriptor);
    in_a_process(takes_no_standard_descriptor_that_the_host_has_closed);
    leave_folder();
    return 0;
}
