const char *c4trace_version(void);

/* c4trace.h */
typedef struct c4t_upcalls c4t_upcalls;
typedef struct c4trace_failure {
    int error;
    char text[512];
} c4trace_failure;
typedef struct c4trace_tracer c4trace_tracer;
typedef struct c4trace_config {
    size_t size;
    const char *name;
    const char *litecore;
    const c4t_upcalls *upcalls;
    const char *folder;
    size_t segment_bytes;
    uint32_t sessions;
    uint32_t capture;
    uint32_t capture_bytes;
} c4trace_config;
int c4trace_open(const c4trace_config *config, c4trace_tracer **tracer, c4trace_failure *failure);
void c4trace_stop(c4trace_tracer *tracer);
void c4trace_close(c4trace_tracer *tracer, int keep);
const char *c4trace_segment_path(const c4trace_tracer *tracer);
const char *c4trace_warning(const c4trace_tracer *tracer);
const void *c4trace_wrap(c4trace_tracer *tracer, const void *inner, size_t size, const char *label,
                         c4trace_failure *failure);
void c4trace_uses_table(c4trace_tracer *tracer, const void *traced);
void c4trace_uses_release(c4trace_tracer *tracer, const void *traced);
int c4trace_factory_index(const c4trace_tracer *tracer, const void *traced);
int c4trace_upcalls_seen(const c4trace_tracer *tracer, const void *traced);
void *c4trace_upcall(c4trace_tracer *tracer, const char *name);
const char *c4trace_upcall_name(int i);
void *c4trace_symbol(c4trace_tracer *tracer, const char *name);
int c4trace_set_capture(c4trace_tracer *tracer, uint32_t capture, uint32_t capture_bytes);
uint64_t c4trace_ticks(void);

/* litecore.h */
typedef struct c4t_socket c4t_socket;
typedef struct c4t_slice {
    const void *buf;
    size_t size;
} c4t_slice;
typedef struct c4t_address {
    c4t_slice scheme;
    c4t_slice hostname;
    uint16_t port;
    c4t_slice path;
} c4t_address;
typedef struct c4t_socket_factory c4t_socket_factory;

/* host.h */
typedef struct c4thost c4thost;
typedef struct c4thost_config {
    size_t size;
    uint32_t threads;
    uint32_t factory_size;
    uint32_t connect_timeout_ms;
    uint32_t close_timeout_ms;
    uint32_t ack;
    uint32_t events;
    uint32_t linger;
} c4thost_config;
#define C4THOST_ALL_EVENTS ...
#define C4THOST_ANOMALY_COUNT ...
#define C4T_EV_COUNT ...
typedef struct c4thost_event {
    uint64_t id;
    uint32_t kind;
    uint32_t domain;
    int32_t code;
    size_t size;
    const void *data;
    size_t text_size;
    const char *text;
    ...;
} c4thost_event;
typedef struct c4thost_tally {
    uint64_t n;
    uint64_t bytes;
} c4thost_tally;
typedef struct c4thost_counts {
    c4thost_tally events[...];
    uint64_t anomalies[...];
} c4thost_counts;
typedef struct c4thost_leaks {
    uint64_t sockets;
    uint64_t slices;
    uint64_t threads;
} c4thost_leaks;
typedef struct c4thost_strays {
    uint64_t up_calls;
    uint64_t releases;
    uint64_t slices;
} c4thost_strays;
c4thost *c4thost_new(const c4thost_config *config);
uint64_t c4thost_connect(c4thost *host, const void *factory, const c4t_address *address, c4t_slice options);
uint64_t c4thost_accept(c4thost *host, c4t_socket *socket, c4t_slice options);
int c4thost_send(c4thost *host, uint64_t id, const void *bytes, size_t size);
int c4thost_completed_receive(c4thost *host, uint64_t id, size_t size);
int c4thost_close(c4thost *host, uint64_t id, int status, c4t_slice message);
void c4thost_trust(c4thost *host, bool verdict);
int c4thost_next(c4thost *host, c4thost_event *event, int timeout_ms);
void c4thost_event_free(c4thost_event *event);
int c4thost_count(c4thost *host, uint64_t id, c4thost_counts *counts);
void c4thost_forget(c4thost *host, uint64_t id);
void c4thost_stop(c4thost *host, c4thost_leaks *leaks);
void c4thost_free(c4thost *host);
void c4thost_get_strays(c4thost_strays *strays);
const c4t_upcalls *c4thost_upcalls(size_t factory_size);
void *c4thost_symbol(const char *name, size_t factory_size);
const char *c4thost_symbol_name(int i);

/* pyfactory.h */
typedef struct c4tpy_factory c4tpy_factory;
typedef struct c4tpy_socket c4tpy_socket;
typedef struct c4tpy_callbacks {
    void (*open)(uint64_t factory, c4tpy_socket *socket, const c4t_address *address, c4t_slice options);
    void (*write)(uint64_t factory, c4tpy_socket *socket, c4t_slice bytes);
    void (*completed_receive)(uint64_t factory, c4tpy_socket *socket, size_t n);
    void (*close)(uint64_t factory, c4tpy_socket *socket);
    void (*request_close)(uint64_t factory, c4tpy_socket *socket, int status, c4t_slice message);
    void (*dispose)(uint64_t factory, c4tpy_socket *socket);
    void (*attached)(uint64_t factory, c4tpy_socket *socket);
} c4tpy_callbacks;
typedef struct c4tpy_upcalls {
    size_t factory_size;
    void *got_http_response;
    void *got_peer_certificate;
    void *opened;
    void *received;
    void *completed_write;
    void *close_requested;
    void *closed;
    void *from_native;
    void *retain;
    void *release;
    void *release_buffer;
    void *error_make;
} c4tpy_upcalls;
c4tpy_factory *c4tpy_factory_new(int framing, const c4tpy_upcalls *upcalls, const c4tpy_callbacks *callbacks);
uint64_t c4tpy_factory_key(const c4tpy_factory *factory);
const c4t_socket_factory *c4tpy_factory_struct(const c4tpy_factory *factory);
uint64_t c4tpy_key(const c4tpy_socket *socket);
c4t_socket *c4tpy_address(const c4tpy_socket *socket);
void c4tpy_keep(c4tpy_socket *socket);
void c4tpy_drop(c4tpy_socket *socket);
bool c4tpy_got_http_response(c4tpy_socket *socket, int status, const void *headers, size_t size);
bool c4tpy_opened(c4tpy_socket *socket);
bool c4tpy_received(c4tpy_socket *socket, const void *bytes, size_t size);
bool c4tpy_completed_write(c4tpy_socket *socket, size_t n);
bool c4tpy_close_requested(c4tpy_socket *socket, int status, const void *message, size_t size);
bool c4tpy_closed(c4tpy_socket *socket, int domain, int code, const void *message, size_t size);
int c4tpy_got_peer_certificate(c4tpy_socket *socket, const void *der, size_t size, const void *hostname,
                               size_t hostname_size);
c4tpy_socket *c4tpy_from_native(c4tpy_factory *factory, const c4t_address *address);
unsigned c4tpy_shut(unsigned timeout_ms);
extern "Python" {
void c4tpy_on_open(uint64_t factory, c4tpy_socket *socket, const c4t_address *address, c4t_slice options);
void c4tpy_on_write(uint64_t factory, c4tpy_socket *socket, c4t_slice bytes);
void c4tpy_on_completed_receive(uint64_t factory, c4tpy_socket *socket, size_t n);
void c4tpy_on_close(uint64_t factory, c4tpy_socket *socket);
void c4tpy_on_request_close(uint64_t factory, c4tpy_socket *socket, int status, c4t_slice message);
void c4tpy_on_dispose(uint64_t factory, c4tpy_socket *socket);
void c4tpy_on_attached(uint64_t factory, c4tpy_socket *socket);
}

/* mask.h */
const char *c4t_mask_key(int table, int i);
size_t c4t_options_json(const void *fleece, size_t size, char *out, size_t cap, unsigned *flags);
size_t c4t_headers_json(const void *fleece, size_t size, char *out, size_t cap, unsigned *flags);
size_t c4t_scrub_text(const char *text, size_t size, char *out, size_t cap, unsigned *flags);
