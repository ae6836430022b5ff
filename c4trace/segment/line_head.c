#include "line_head.h"

#include <stdbool.h>
#include <string.h>

#include "json_text.h"

#define NUMBERED "{\"type\":\"event\",\"seq\":"
#define TIMED ",\"t\":"
#define T_LOW 100000000u

static const char *const names[C4T_EV_COUNT] = {
    [C4T_EV_NONE] = "",
    [C4T_EV_OPEN] = "open",
    [C4T_EV_WRITE] = "write",
    [C4T_EV_COMPLETED_RECEIVE] = "completedReceive",
    [C4T_EV_CLOSE] = "close",
    [C4T_EV_REQUEST_CLOSE] = "requestClose",
    [C4T_EV_DISPOSE] = "dispose",
    [C4T_EV_ATTACHED] = "attached",
    [C4T_EV_FROM_NATIVE] = "fromNative",
    [C4T_EV_GOT_PEER_CERTIFICATE] = "gotPeerCertificate",
    [C4T_EV_GOT_HTTP_RESPONSE] = "gotHTTPResponse",
    [C4T_EV_OPENED] = "opened",
    [C4T_EV_RECEIVED] = "received",
    [C4T_EV_COMPLETED_WRITE] = "completedWrite",
    [C4T_EV_CLOSE_REQUESTED] = "closeRequested",
    [C4T_EV_CLOSED] = "closed",
};

static void number_anew(struct c4t_line_head *head, uint64_t seq) {
    char *end = c4t_json_unsigned(C4T_PUT(head->numbered, NUMBERED), seq);
    head->numbered_size = (uint32_t)(C4T_PUT(end, TIMED) - head->numbered);
}

/* Most often the next number: then its last digit goes up, and what it carries. */
static void number(struct c4t_line_head *head, uint64_t seq) {
    bool is_next = seq == head->seq + 1 && head->seq;
    head->seq = seq;
    if (!is_next) {
        number_anew(head, seq);
        return;
    }
    char *first = head->numbered + sizeof NUMBERED - 1;
    char *digit = head->numbered + head->numbered_size - sizeof TIMED;
    for (; *digit == '9' && digit > first; digit--) *digit = '0';
    if (*digit == '9')
        number_anew(head, seq); /* one digit more */
    else
        ++*digit;
}

static char *put_time(struct c4t_line_head *head, char *out, uint64_t t) {
    if (t < T_LOW) return c4t_json_unsigned(out, t);
    uint64_t high = t / T_LOW;
    if (high != head->t_high) {
        head->t_high = high;
        head->timed_size = (uint32_t)(c4t_json_unsigned(head->timed, high) - head->timed);
    }
    memcpy(out, head->timed, sizeof head->timed);
    return c4t_json_eight_digits(out + head->timed_size, (uint32_t)(t % T_LOW));
}

static const struct c4t_who *who_of(struct c4t_line_head *head, const struct c4t_event_view *view) {
    uint64_t hash = (view->sid << 8 | view->event) * 0x9E3779B97F4A7C15u + view->tid * UINT64_C(0xC2B2AE3D27D4EB4F);
    struct c4t_who *who = &head->whos[hash >> 58]; /* 6 bits: C4T_WHOS */
    if (who->sid == view->sid && who->tid == view->tid && who->event == view->event && who->size) return who;
    who->sid = view->sid;
    who->tid = view->tid;
    who->event = view->event;
    char *out = c4t_json_unsigned(C4T_PUT(who->text, ",\"sid\":"), view->sid);
    out = C4T_PUT(c4t_json_unsigned(C4T_PUT(out, ",\"tid\":"), view->tid), ",\"ev\":\"");
    const char *name = names[view->event % C4T_EV_COUNT];
    size_t size = strlen(name);
    memcpy(out, name, size);
    who->size = (uint8_t)(C4T_PUT(out + size, "\"") - who->text);
    return who;
}

char *c4t_put_line_head(struct c4t_line_head *head, char *out, const struct c4t_event_view *view) {
    number(head, view->seq);
    memcpy(out, head->numbered, sizeof head->numbered);
    out = put_time(head, out + head->numbered_size, (uint64_t)view->t_ns);
    if (view->dt_ns >= 0) out = c4t_json_unsigned(C4T_PUT(out, ",\"dt\":"), (uint64_t)view->dt_ns);
    const struct c4t_who *who = who_of(head, view);
    memcpy(out, who->text, sizeof who->text);
    return out + who->size;
}
