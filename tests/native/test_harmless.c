/* What a host must never notice of a tracer: each in a process of its own, which has to come to its own end. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

static void traces_within_a_limit_of_file_size(void) {
    CHECK(!setrlimit(RLIMIT_FSIZE, &(struct rlimit){6u << 20, 6u << 20}));
    c4trace_tracer *tracer = open_tracer("small", C4T_CAPTURE_HEADERS, 0);
    CHECK(tracer->size <= 6u << 20 && strstr(c4trace_warning(tracer), "wanted"));
    c4trace_close(tracer, 0);
}

static void says_so_where_a_limit_of_file_size_leaves_no_room(void) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    c4trace_failure failure;
    c4trace_tracer *tracer;
    config.name = "tiny";
    CHECK(!setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096}));
    CHECK_EQUAL(c4trace_open(&config, &tracer, &failure), C4TRACE_SEGMENT);
}

static void is_not_killed_by_a_broken_standard_error(void) {
    int ends[2];
    c4trace_tracer *tracer = open_tracer("broken", C4T_CAPTURE_HEADERS, 0);
    CHECK(!pipe(ends) && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO && !close(ends[0]));
    c4t_step_aside(tracer, "a test");
    c4trace_close(tracer, 0);
}

static void does_not_wait_for_a_full_standard_error(void) {
    int ends[2];
    c4trace_tracer *tracer = open_tracer("full", C4T_CAPTURE_HEADERS, 0);
    CHECK(!pipe(ends) && fcntl(ends[1], F_SETFL, O_NONBLOCK) >= 0);
    while (write(ends[1], "x", 1) == 1) {
    }
    CHECK(fcntl(ends[1], F_SETFL, 0) >= 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    c4t_step_aside(tracer, "a test");
    c4trace_close(tracer, 0);
}

static void writes_nothing_into_what_has_become_standard_error(void) {
    char path[] = "/tmp/c4trace-database-XXXXXX";
    c4trace_tracer *tracer = open_tracer("reused", C4T_CAPTURE_HEADERS, 0);
    close(STDERR_FILENO);
    CHECK_EQUAL(mkstemp(path), STDERR_FILENO);
    unlink(path);
    c4t_step_aside(tracer, "a test");
    struct stat info;
    CHECK(!fstat(STDERR_FILENO, &info));
    if (info.st_size) _exit(1); /* there is no standard error to tell */
    c4trace_close(tracer, 0);
}

#define UNTOUCHED 12345
#define KEEPS_ERRNO(call)                                                                                              \
    do {                                                                                                               \
        errno = UNTOUCHED;                                                                                             \
        call;                                                                                                          \
        CHECK_EQUAL(errno, UNTOUCHED);                                                                                 \
    } while (0)

static c4trace_tracer *of_threads;
static const c4t_socket_factory *traced;

static void *a_session(void *socket) {
    KEEPS_ERRNO(traced->open(socket, &address, (c4t_slice){"\x70\x00", 2}, traced->context));
    KEEPS_ERRNO(UP(of_threads, got_http_response)(socket, 101, (c4t_slice){"\x70\x00", 2}));
    KEEPS_ERRNO(UP(of_threads, opened)(socket));
    KEEPS_ERRNO(traced->write(socket, (c4t_slice){"hello", 5}));
    KEEPS_ERRNO(UP(of_threads, completed_write)(socket, 5));
    KEEPS_ERRNO(UP(of_threads, received)(socket, (c4t_slice){"abc", 3}));
    KEEPS_ERRNO(traced->completed_receive(socket, 3));
    KEEPS_ERRNO(traced->request_close(socket, 1000, (c4t_slice){"bye", 3}));
    KEEPS_ERRNO(UP(of_threads, closed)(socket, (c4t_error){6, 1000, 0}));
    KEEPS_ERRNO(traced->dispose(socket));
    return NULL;
}

static void on_a_thread(size_t stack) {
    pthread_t thread;
    pthread_attr_t attributes;
    CHECK(!pthread_attr_init(&attributes) && !pthread_attr_setstacksize(&attributes, stack));
    CHECK(!pthread_create(&thread, &attributes, a_session, SOCKET(1)));
    CHECK(!pthread_join(thread, NULL));
}

static void keeps_errno_and_takes_little_stack(void) {
    of_threads = open_tracer("errno", C4T_CAPTURE_FULL, 0);
    traced = wrap(of_threads, &inner_factory, "f");
    for (int i = 0; i < 3; i++) on_a_thread(64u << 10);
    c4trace_close(of_threads, 0);
}

static void keeps_errno_where_it_steps_aside(void) {
    of_threads = open_tracer("aside", C4T_CAPTURE_FULL, 0);
    int null = open("/dev/null", O_RDONLY);
    CHECK(dup2(null, STDERR_FILENO) == STDERR_FILENO);
    KEEPS_ERRNO(c4t_step_aside(of_threads, "a test"));
    c4trace_close(of_threads, 0);
}

int main(void) {
    enter_folder();
    in_a_process(leaves_descriptors_alone_that_the_host_has_closed_and_opened_again);
    in_a_process(keeps_no_descriptor);
    in_a_process(takes_no_standard_descriptor_that_the_host_has_closed);
    in_a_process(traces_within_a_limit_of_file_size);
    in_a_process(says_so_where_a_limit_of_file_size_leaves_no_room);
    in_a_process(is_not_killed_by_a_broken_standard_error);
    in_a_process(does_not_wait_for_a_full_standard_error);
    in_a_process(writes_nothing_into_what_has_become_standard_error);
    in_a_process(keeps_errno_and_takes_little_stack);
    in_a_process(keeps_errno_where_it_steps_aside);
    leave_folder();
    return 0;
}
