/* What of a call's arguments goes on record, where they are odd ones. */
#include <string.h>

#include "check.h"
#include "stand_in.h"

static const c4t_slice none = {NULL, 0};

/* The address that the row of a socket opened with it tells. */
static const char *address_of(const c4t_address *of) {
    static char text[sizeof row_of(NULL, 0)->address];
    c4trace_tracer *tracer = open_tracer("address", C4T_CAPTURE_HEADERS, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), of, none, traced->context);
    memcpy(text, row_of(tracer, 0)->address, sizeof text);
    c4trace_close(tracer, 0);
    return text;
}

static void a_size_without_bytes_is_none(void) {
    const c4t_address odd = {{NULL, (size_t)-80}, {"db.example", 10}, 4984, {"/orders/_blipsync", 17}};
    CHECK(!strcmp(address_of(&odd), "://db.example:4984/orders/_blipsync"));
    const c4t_address all = {{NULL, 7}, {NULL, 7}, 0, {NULL, 7}};
    CHECK(!strcmp(address_of(&all), "://:0"));
}

static void no_secret_of_an_address_is_shown_whatever_it_is_made_of(void) {
    const c4t_address blanks = {{"wss", 3}, {"me:pa ss@db.example", 19}, 4984, {"/db?token=se cret", 17}};
    CHECK(!strcmp(address_of(&blanks), "wss://[redacted]@db.example:4984/db?[redacted]"));
    const c4t_address quotes = {{"wss", 3}, {"me:\"<p>\"w@db.example", 20}, 4984, {"/db#se\"cret", 11}};
    CHECK(!strcmp(address_of(&quotes), "wss://[redacted]@db.example:4984/db#[redacted]"));
}

static bool accept_any(c4t_socket *s, c4t_slice der, c4t_slice hostname) {
    (void)s, (void)der, (void)hostname;
    return true;
}

static void a_certificate_larger_than_a_record_is_marked_as_cut(void) {
    static const char der[C4T_PAYLOAD_MAX + 1000];
    c4trace_tracer *model = open_tracer("model", C4T_CAPTURE_OFF, 0), *tracer;
    c4t_upcalls up = model->port->real;
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "certificate";
    config.upcalls = &up;
    config.capture = C4T_CAPTURE_FULL;
    up.got_peer_certificate = accept_any;
    CHECK(!c4trace_open(&config, &tracer, NULL));
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, none, traced->context);
    uint64_t from = c4t_leases[tracer->index]->head;
    CHECK(UP(tracer, got_peer_certificate)(SOCKET(1), (c4t_slice){der, sizeof der}, none));
    const struct c4t_record *record = (void *)(c4t_leases[tracer->index]->ring_data + from);
    CHECK(record->event == C4T_EV_GOT_PEER_CERTIFICATE && record->n == sizeof der && record->data < sizeof der);
    CHECK(record->flags & C4T_REC_CUT);
    c4trace_close(tracer, 0);
    c4trace_close(model, 0);
}

int main(void) {
    enter_folder();
    a_size_without_bytes_is_none();
    no_secret_of_an_address_is_shown_whatever_it_is_made_of();
    a_certificate_larger_than_a_record_is_marked_as_cut();
    leave_folder();
    return 0;
}
