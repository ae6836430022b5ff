/* An inner factory in a library of its own. */
#include "litecore.h"

void c4socket_opened(c4t_socket *socket);

static void in_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) {
    (void)a, (void)o, (void)c;
    c4socket_opened(s);
}
static void in_write(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void in_completed_receive(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void in_request_close(c4t_socket *s, int status, c4t_slice m) { (void)s, (void)status, (void)m; }

c4t_socket_factory partial_factory = {C4T_NO_FRAMING,   NULL, in_open, in_write, in_completed_receive, NULL,
                                      in_request_close, NULL, NULL};
