/* segment.h */
#define C4T_SEGMENT_MAGIC ...
#define C4T_SEGMENT_LAYOUT ...

/* reader.h */
typedef struct c4t_reader c4t_reader;
#define C4T_READ ...
#define C4T_CONSUME ...
#define C4T_CONTROL ...
#define C4T_LOSS_COUNT ...
#define C4T_STATE_COUNT ...
#define C4T_TOTALS ...
#define C4T_WANT_TEXT ...
#define C4T_WANT_LIFECYCLE ...
#define C4T_BATCHES ...
struct c4t_reader_info {
    char name[...];
    char litecore[...];
    char c4trace[...];
    char status_text[...];
    uint32_t pid;
    uint32_t layout;
    uint32_t state;
    uint32_t clock_source;
    uint32_t factory_size;
    uint32_t dispose_known;
    uint32_t capture;
    uint32_t capture_bytes;
    uint32_t consumer_pid;
    uint32_t factories;
    uint32_t session_rows;
    uint32_t thread_rows;
    uint32_t closed_rows;
    uint64_t wall_ns;
    int64_t now_ns;
    uint64_t sessions_total;
    uint64_t orphans;
    uint64_t lost[...];
    int64_t overhead_ns;
};
struct c4t_batch {
    const char *text;
    size_t text_size;
    const char *notices;
    size_t notices_size;
    const uint64_t *begun;
    size_t begun_count;
    uint64_t events;
    uint64_t lost;
    double unread;
    int over;
};
struct c4t_total {
    uint64_t n;
    uint64_t bytes;
    uint64_t done;
    double seconds;
    uint64_t slowest_sid;
    double slowest_seconds;
    double slowest_wall;
    uint64_t buckets[...];
};
struct c4t_count {
    uint64_t n;
    uint64_t bytes;
};
struct c4t_factory_copy {
    char label[...];
    uint32_t framing;
    uint32_t upcalls;
    uint32_t releases;
    uint64_t sessions;
    int64_t states[...];
};
struct c4t_slices_copy {
    uint64_t written, written_bytes;
    uint64_t released, released_bytes;
    uint64_t unfollowed, unfollowed_bytes;
};
struct c4t_closed_copy {
    uint32_t factory;
    uint32_t domain;
    int32_t code;
    uint64_t n;
    ...;
};
struct c4t_session_copy {
    uint64_t sid;
    int64_t t_last;
    int64_t t_open;
    int64_t t_opened;
    int64_t t_closing;
    int64_t t_closed;
    int64_t t_disposed;
    uint64_t flows[8];
    uint64_t lost;
    uint64_t held, held_bytes;
    uint32_t factory;
    uint32_t state;
    uint32_t flags;
    uint32_t last_event;
    int32_t http_status;
    uint32_t error_domain;
    int32_t error_code;
    char address[...];
};
struct c4t_flight_copy {
    uint64_t sid;
    int64_t ns;
    int64_t began;
    uint32_t tid;
    uint32_t event;
    char name[...];
};
c4t_reader *c4t_reader_open(const char *path, int mode, int from_now, char *error, size_t error_size);
void c4t_reader_close(c4t_reader *reader);
int c4t_reader_was_cut(const c4t_reader *reader);
void c4t_reader_info(c4t_reader *reader, struct c4t_reader_info *info);
int c4t_reader_set_capture(c4t_reader *reader, uint32_t capture, uint32_t capture_bytes);
void c4t_reader_collect(c4t_reader *reader, uint32_t wants, uint32_t wait_us, struct c4t_batch *batch);
int c4t_reader_drain(c4t_reader *reader, uint32_t wants, struct c4t_batch *batch);
void c4t_reader_stop(c4t_reader *reader);
int c4t_reader_totals(c4t_reader *reader, uint32_t factory, const double *bounds, uint32_t bound_count, int take,
                      struct c4t_total *totals);
int c4t_reader_factory(c4t_reader *reader, uint32_t factory, struct c4t_factory_copy *copy);
int c4t_reader_slices(c4t_reader *reader, uint32_t factory, struct c4t_slices_copy *copy);
uint32_t c4t_reader_closed(c4t_reader *reader, struct c4t_closed_copy *copies, uint32_t room);
uint32_t c4t_reader_sessions(c4t_reader *reader, struct c4t_session_copy *copies, uint32_t room);
uint32_t c4t_reader_flights(c4t_reader *reader, struct c4t_flight_copy *copies, uint32_t room);
/* base64.h, json_text.h, reader.h: how text is written, for the tests and benchmarks that compare it with what
 * other libraries write. */
struct c4t_base64_way {
    const char *name;
    char *(*write)(char *out, const unsigned char *data, size_t size);
};
const struct c4t_base64_way *c4t_base64_ways(void);
char *c4t_base64(char *out, const unsigned char *data, size_t size);
char *c4t_json_string(char *out, const char *text, size_t size);
char *c4t_json_object(char *out, const char *text, size_t size);
char *c4t_json_unsigned(char *out, uint64_t value);
char *c4t_json_int(char *out, int64_t value);
struct c4t_event_view {
    int kind;
    uint8_t event;
    uint8_t flags;
    uint32_t tid;
    uint64_t seq;
    int64_t t_ns;
    int64_t dt_ns;
    uint64_t sid;
    uint64_t n;
    uint64_t cut;
    int32_t code;
    uint32_t domain;
    int32_t accepted;
    uint32_t label_size;
    uint32_t text1_size;
    uint32_t text2_size;
    uint32_t data_size;
    uint32_t framing;
    const char *label;
    const char *text1;
    const char *text2;
    const unsigned char *data;
    ...;
};
struct c4t_line_head {
    ...;
};
size_t c4t_line_max(const struct c4t_event_view *view);
size_t c4t_line(struct c4t_line_head *head, const struct c4t_event_view *view, char *out);
int c4t_reader_follow(c4t_reader *reader, uint64_t sid);
void c4t_reader_counts(c4t_reader *reader, uint32_t factory, struct c4t_count *counts);

/* watch.h */
typedef struct c4t_watch c4t_watch;
#define C4T_WATCH_FLOW_LINE ...
enum c4t_watch_by {
    C4T_BY_SID,
    C4T_BY_STATE,
    C4T_BY_AGE,
    C4T_BY_PEER,
    C4T_BY_WRITTEN,
    C4T_BY_WRITTEN_RATE,
    C4T_BY_RECEIVED,
    C4T_BY_RECEIVED_RATE,
    C4T_BY_UNACKED,
    C4T_BY_UNPROCESSED,
    C4T_BY_LAST,
    C4T_BY_FLIGHT,
    C4T_BY_ERROR,
    C4T_BY_CLOSED,
    ...
};
struct c4t_watch_word {
    const char *peer;
    uint64_t sid;
    uint32_t states;
    uint32_t events;
    const uint64_t *errors;
    const uint64_t *owners;
    uint32_t error_count;
    uint32_t owner_count;
    uint32_t is_not;
};
struct c4t_watch_query {
    uint32_t states;
    uint32_t by;
    uint32_t reversed;
    uint32_t word_count;
    const struct c4t_watch_word *words;
    uint32_t source;
    uint64_t sid;
};
struct c4t_watch_order {
    uint32_t all;
    uint32_t matching;
    int64_t place;
};
struct c4t_watched {
    struct c4t_session_copy session;
    uint32_t source;
    int64_t now_ns;
    double written_rate;
    double received_rate;
    uint32_t flights;
    uint32_t flight_tid;
    uint32_t flight_event;
    int64_t flight_ns;
    char flight_thread[...];
    uint32_t samples;
    double written[...];
    double received[...];
};
c4t_watch *c4t_watch_new(void);
void c4t_watch_free(c4t_watch *watch);
int c4t_watch_reader(c4t_watch *watch, uint32_t source, c4t_reader *reader);
int c4t_watch_rows(c4t_watch *watch, uint32_t source, int64_t now_ns, const struct c4t_session_copy *rows,
                   uint32_t count, const struct c4t_flight_copy *flights, uint32_t flight_count);
void c4t_watch_forget(c4t_watch *watch, uint32_t source);
int c4t_watch_sort(c4t_watch *watch, const struct c4t_watch_query *query, struct c4t_watch_order *order);
uint32_t c4t_watch_copy(const c4t_watch *watch, uint32_t from, struct c4t_watched *rows, uint32_t room);
int c4t_reader_look(c4t_reader *reader, uint64_t hold_back_ns);
int c4t_reader_next(c4t_reader *reader, struct c4t_event_view *view);
void c4t_reader_done(c4t_reader *reader);
