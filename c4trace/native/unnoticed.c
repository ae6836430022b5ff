#include "unnoticed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static const int ending[] = {SIGPIPE, SIGXFSZ};
#define ENDING (sizeof ending / sizeof *ending)

void c4t_unnoticed_begin(struct c4t_unnoticed *before) {
    sigset_t signals;
    before->error = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before->cancel);
    sigemptyset(&signals);
    for (size_t i = 0; i < ENDING; i++) sigaddset(&signals, ending[i]);
    pthread_sigmask(SIG_BLOCK, &signals, &before->mask);
    sigpending(&before->pending);
}

void c4t_unnoticed_end(const struct c4t_unnoticed *before) {
    sigset_t now;
    sigpending(&now);
    for (size_t i = 0; i < ENDING; i++) {
        if (!sigismember(&now, ending[i]) || sigismember(&before->pending, ending[i])) continue;
        sigset_t ours;
        sigemptyset(&ours);
        sigaddset(&ours, ending[i]);
        sigtimedwait(&ours, NULL, &(struct timespec){0, 0});
    }
    pthread_sigmask(SIG_SETMASK, &before->mask, NULL);
    pthread_setcancelstate(before->cancel, NULL);
    errno = before->error;
}

/* A host that closes its standard error may get the number again for a file or socket of its own. */
static struct stat at_load;
static bool had_one;

__attribute__((constructor)) static void look_at_standard_error(void) {
    int error = errno;
    had_one = !fstat(STDERR_FILENO, &at_load);
    errno = error;
}

/* That of the process' start, or one that it was led to since: what a host opens for itself, it mostly opens close-on-exec, and data is
 * not appended through a descriptor of this number. */
static bool is_standard_error(void) {
    struct stat now;
    if (!had_one || fstat(STDERR_FILENO, &now)) return false;
    if (now.st_dev == at_load.st_dev && now.st_ino == at_load.st_ino) return true;
    if (fcntl(STDERR_FILENO, F_GETFD) & FD_CLOEXEC) return false;
    if (S_ISREG(now.st_mode)) return fcntl(STDERR_FILENO, F_GETFL) & O_APPEND;
    return S_ISCHR(now.st_mode) || S_ISFIFO(now.st_mode);
}

void c4t_say(const char *line, size_t size) {
    struct c4t_unnoticed before;
    c4t_unnoticed_begin(&before);
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (is_standard_error() && poll(&out, 1, 0) == 1 && out.revents == POLLOUT) {
        ssize_t written = write(STDERR_FILENO, line, size);
        (void)written; /* there is nobody else to tell */
    }
    c4t_unnoticed_end(&before);
}
