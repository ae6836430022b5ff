/* Entry and return records: what of a call's arguments goes on record, by capture level, with no secret in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask.h"
#include "scrub.h"
#include "tap.h"

#define TEXT1_MAX 2048u
#define ADDRESS_MAX (64u * 1024u)
#define TEXT2_MAX (48u * 1024u)
#define RESTAMP_FROM 256u /* a copy this large would show in the callee's duration */

/* Put the entry record in the ring, filling in what the frame knows. */
static struct c4t_published publish(const struct c4t_frame *frame, struct c4t_entry *entry, bool restamp) {
    entry->event = frame->event;
    entry->factory = frame->factory;
    entry->sid = c4t_sid(frame->session);
    entry->ticks = frame->began;
    entry->call = frame->call;
    struct c4t_published done = {c4t_ring_put(frame->thread, entry, frame->session), frame->began};
    if (restamp) done.began = c4t_clock_ticks(frame->tracer->clock);
    return done;
}

bool c4t_publish_numbers(const struct c4t_frame *frame, uint64_t n, int32_t code) {
    struct c4t_entry entry = {.n = n, .code = code};
    return publish(frame, &entry, false).published;
}

void c4t_publish_return(const struct c4t_frame *frame, uint64_t ended, uint64_t took) {
    struct c4t_entry entry = {.event = frame->event,
                              .flags = (uint8_t)(C4T_REC_RETURN | frame->return_flags),
                              .factory = frame->factory,
                              .sid = c4t_sid(frame->session),
                              .ticks = ended,
                              .call = frame->call,
                              .n = took};
    c4t_ring_put_return(frame->thread, &entry);
}

struct c4t_published c4t_publish_slice(struct c4t_frame frame, c4t_slice slice) {
    struct c4t_entry entry = {.n = slice.size};
    if (slice.buf) {
        entry.data = slice.buf;
        entry.data_size = c4t_wanted_bytes(frame.tracer, frame.control, slice.size);
        if (entry.data_size < slice.size) entry.flags |= C4T_REC_CUT;
    }
    return publish(&frame, &entry, entry.data_size >= RESTAMP_FROM);
}

struct c4t_published c4t_publish_text(struct c4t_frame frame, int32_t code, uint16_t domain, c4t_slice message) {
    char text[TEXT1_MAX];
    unsigned flags = 0;
    struct c4t_entry entry = {.code = code, .domain = domain, .text1 = text};
    if (c4t_capture_of(&frame) >= C4T_CAPTURE_HEADERS && message.buf && message.size)
        entry.text1_size = (uint16_t)c4t_scrub_text(message.buf, message.size, text, sizeof text, &flags);
    entry.flags = (uint8_t)flags;
    return publish(&frame, &entry, true);
}

/* The text is resolved now, because the handle in a C4Error means something in this process only. */
struct c4t_published c4t_publish_error(struct c4t_frame frame, const c4t_upcalls *real, c4t_error error) {
    c4t_slice message = {NULL, 0};
    if (error.code && c4t_capture_of(&frame) >= C4T_CAPTURE_HEADERS && real->error_message && real->release_buffer)
        message = real->error_message(error);
    struct c4t_published done = c4t_publish_text(frame, error.code, error.domain, message);
    if (message.buf) real->release_buffer(message.buf);
    return done;
}

static char *append(char *at, const char *text, size_t size) {
    if (size) memcpy(at, text, size);
    return at + size;
}

static size_t size_of(c4t_slice slice) { return slice.buf ? slice.size : 0; }

static char *append_slice(char *at, c4t_slice slice) { return append(at, slice.buf, size_of(slice)); }

/* Without user and password, which may hold any character: blanks and quotes too, by which running text is told apart. */
static char *append_host(char *at, c4t_slice host) {
    const char *user_end = size_of(host) ? memrchr(host.buf, '@', host.size) : NULL;
    if (user_end) {
        at = append(append(at, C4T_REDACTED, strlen(C4T_REDACTED)), "@", 1);
        host.size -= (size_t)(user_end + 1 - (const char *)host.buf);
        host.buf = user_end + 1;
    }
    bool v6 = size_of(host) && memchr(host.buf, ':', host.size) && *(const char *)host.buf != '[';
    return append(append_slice(append(at, "[", v6), host), "]", v6);
}

/* Without query and fragment. */
static char *append_path(char *at, c4t_slice path) {
    const char *text = path.buf;
    size_t size = size_of(path), shown = 0;
    while (shown < size && text[shown] != '?' && text[shown] != '#') shown++;
    if (shown + 1 >= size) return append(at, text, size);
    return append(append(at, text, shown + 1), C4T_REDACTED, strlen(C4T_REDACTED));
}

/* scheme://hostname:port/path, scrubbed as a whole before it is cut, so that no half of a secret is left; returns its length. */
static size_t address_text(const c4t_address *address, char *out, size_t cap, unsigned *flags) {
    size_t size = size_of(address->scheme) + size_of(address->hostname) + size_of(address->path) + 64;
    char *text = size < ADDRESS_MAX ? malloc(size) : NULL; /* open is no hot path */
    if (!text) {
        *flags |= C4T_REC_CUT;
        return 0;
    }
    char port[8];
    char *at = append(append_slice(text, address->scheme), "://", 3);
    at = append_host(at, address->hostname);
    at = append(at, port, (size_t)snprintf(port, sizeof port, ":%u", address->port));
    at = append_path(at, address->path);
    size_t written = c4t_scrub_text(text, (size_t)(at - text), out, cap, flags);
    free(text);
    return written;
}

/* Redacted JSON of a Fleece dictionary in `buffer`; marks what could not be kept. */
static uint32_t json_text(size_t (*json)(const void *, size_t, char *, size_t, unsigned *), c4t_slice fleece,
                          char **buffer, unsigned *flags) {
    *buffer = NULL;
    if (!fleece.buf || !fleece.size) return 0;
    *buffer = malloc(TEXT2_MAX); /* open and gotHTTPResponse are no hot path */
    if (!*buffer) {
        *flags |= C4T_REC_CUT;
        return 0;
    }
    return (uint32_t)json(fleece.buf, fleece.size, *buffer, TEXT2_MAX, flags);
}

struct c4t_published c4t_publish_address(struct c4t_frame frame, const c4t_address *address, c4t_slice options) {
    char text[TEXT1_MAX];
    unsigned flags = 0;
    struct c4t_entry entry = {.text1 = text};
    char *json = NULL;
    if (c4t_capture_of(&frame) >= C4T_CAPTURE_HEADERS) {
        if (address) entry.text1_size = (uint16_t)address_text(address, text, sizeof text, &flags);
        entry.text2_size = json_text(c4t_options_json, options, &json, &flags);
        entry.text2 = json;
        c4t_session_address(frame.session, text, entry.text1_size);
    }
    entry.flags = (uint8_t)(flags | C4T_REC_ADDRESS);
    struct c4t_published done = publish(&frame, &entry, true);
    free(json);
    return done;
}

struct c4t_published c4t_publish_headers(struct c4t_frame frame, int32_t status, c4t_slice headers) {
    unsigned flags = 0;
    char *json = NULL;
    struct c4t_entry entry = {.code = status};
    if (c4t_capture_of(&frame) >= C4T_CAPTURE_HEADERS) {
        entry.text2_size = json_text(c4t_headers_json, headers, &json, &flags);
        entry.text2 = json;
    }
    entry.flags = (uint8_t)flags;
    struct c4t_published done = publish(&frame, &entry, true);
    free(json);
    return done;
}

struct c4t_published c4t_publish_identity(struct c4t_frame frame, c4t_slice der, c4t_slice hostname) {
    char text[TEXT1_MAX];
    unsigned flags = 0;
    struct c4t_entry entry = {.n = der.size, .text1 = text};
    if (c4t_capture_of(&frame) >= C4T_CAPTURE_HEADERS && hostname.buf && hostname.size)
        entry.text1_size = (uint16_t)c4t_scrub_text(hostname.buf, hostname.size, text, sizeof text, &flags);
    if (c4t_capture_of(&frame) == C4T_CAPTURE_FULL && der.buf) {
        entry.data = der.buf;
        entry.data_size = c4t_wanted_bytes(frame.tracer, frame.control, der.size);
        if (entry.data_size < der.size) flags |= C4T_REC_CUT;
    }
    entry.flags = (uint8_t)flags;
    return publish(&frame, &entry, true);
}
