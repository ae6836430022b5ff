/* Lines of a recording. The order of keys is part of the format: type, seq, t, dt, sid, tid, ev, then what the event adds. */
#include <string.h>

#include "base64.h"
#include "json_text.h"
#include "line_head.h"
#include "litecore.h"
#include "reader.h"

#define FIXED_PART                                                                                                     \
    512u /* every key and number a line can have, and what is written behind the end of a number or a head */

size_t c4t_line_max(const struct c4t_event_view *view) {
    size_t text = (size_t)view->label_size + view->text1_size + view->text2_size;
    return FIXED_PART + text * C4T_JSON_GROWTH + C4T_BASE64_SIZE((size_t)view->data_size);
}

static char *put_factory(char *out, const struct c4t_event_view *view) {
    if (!view->label_size) return out;
    out = c4t_json_string(C4T_PUT(out, ",\"factory\":"), view->label, view->label_size);
    switch (view->framing) {
    case C4T_CLIENT_FRAMING:
        return C4T_PUT(out, ",\"framing\":\"client\"");
    case C4T_NO_FRAMING:
        return C4T_PUT(out, ",\"framing\":\"none\"");
    case C4T_SERVER_FRAMING:
        return C4T_PUT(out, ",\"framing\":\"server\"");
    default:
        return out;
    }
}

static char *put_text1(char *out, const char *key, const struct c4t_event_view *view) {
    if (!view->text1_size) return out;
    size_t size = strlen(key);
    memcpy(out, key, size);
    return c4t_json_string(out + size, view->text1, view->text1_size);
}

/* Options or headers; left out where the segment holds no whole JSON object. */
static char *put_object(char *out, const char *key, const struct c4t_event_view *view) {
    if (!view->text2_size) return out;
    size_t size = strlen(key);
    memcpy(out, key, size);
    char *end = c4t_json_object(out + size, view->text2, view->text2_size);
    return end ? end : out;
}

static char *put_status(char *out, const struct c4t_event_view *view) {
    return c4t_json_int(C4T_PUT(out, ",\"status\":"), view->code);
}

/* Code 0 of domain 0 is no error at all. */
static char *put_error(char *out, const struct c4t_event_view *view) {
    if (!view->code && !view->domain && !view->text1_size) return out;
    out = c4t_json_unsigned(C4T_PUT(out, ",\"error\":{\"domain\":"), view->domain);
    out = put_text1(c4t_json_int(C4T_PUT(out, ",\"code\":"), view->code), ",\"message\":", view);
    return C4T_PUT(out, "}");
}

static char *put_accepted(char *out, const struct c4t_event_view *view) {
    if (view->accepted < 0) return out;
    return view->accepted ? C4T_PUT(out, ",\"accepted\":true") : C4T_PUT(out, ",\"accepted\":false");
}

static char *put_data(char *out, const struct c4t_event_view *view) {
    if (view->data_size) out = C4T_PUT(c4t_base64(C4T_PUT(out, ",\"data\":\""), view->data, view->data_size), "\"");
    return view->cut ? c4t_json_unsigned(C4T_PUT(out, ",\"cut\":"), view->cut) : out;
}

static char *put_n(char *out, const struct c4t_event_view *view) {
    /* A factory may say any size_t; a recording holds 63 bits. */
    return c4t_json_unsigned(C4T_PUT(out, ",\"n\":"), view->n < INT64_MAX ? view->n : INT64_MAX);
}

static char *put_rest(char *out, const struct c4t_event_view *view) {
    switch (view->event) {
    case C4T_EV_COMPLETED_RECEIVE:
    case C4T_EV_COMPLETED_WRITE:
        return put_n(out, view);
    case C4T_EV_WRITE:
    case C4T_EV_RECEIVED:
        return put_data(put_n(out, view), view);
    case C4T_EV_OPEN:
    case C4T_EV_FROM_NATIVE:
        return put_object(put_text1(put_factory(out, view), ",\"address\":", view), ",\"options\":", view);
    case C4T_EV_GOT_HTTP_RESPONSE:
        return put_object(put_status(out, view), ",\"headers\":", view);
    case C4T_EV_REQUEST_CLOSE:
    case C4T_EV_CLOSE_REQUESTED:
        return put_text1(put_status(out, view), ",\"message\":", view);
    case C4T_EV_CLOSED:
        return put_error(out, view);
    case C4T_EV_GOT_PEER_CERTIFICATE:
        return put_data(put_accepted(put_text1(put_n(out, view), ",\"hostname\":", view), view), view);
    default:
        return out;
    }
}

static char *put_return(char *out, const struct c4t_event_view *view) {
    out = c4t_json_unsigned(C4T_PUT(out, "{\"type\":\"return\",\"seq\":"), view->seq);
    return put_accepted(c4t_json_int(C4T_PUT(out, ",\"dt\":"), view->dt_ns), view);
}

static char *put_gap(char *out, const struct c4t_event_view *view) {
    out = c4t_json_unsigned(C4T_PUT(out, "{\"type\":\"gap\",\"sid\":"), view->sid);
    out = c4t_json_unsigned(C4T_PUT(out, ",\"after\":"), view->seq);
    return c4t_json_unsigned(C4T_PUT(out, ",\"lost\":"), view->n);
}

size_t c4t_line(struct c4t_line_head *head, const struct c4t_event_view *view, char *out) {
    char *end = view->kind == C4T_VIEW_EVENT    ? put_rest(c4t_put_line_head(head, out, view), view)
                : view->kind == C4T_VIEW_RETURN ? put_return(out, view)
                                                : put_gap(out, view);
    return (size_t)(C4T_PUT(end, "}\n") - out);
}
