/* A host that lets go of the library: threads that it has traced end later. */
#include <dlfcn.h>
#include <semaphore.h>

#include "check.h"
#include "stand_in.h"

static sem_t called, unloaded;

static void *call_and_end_later(void *traced) {
    const c4t_socket_factory *factory = traced;
    factory->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, factory->context);
    sem_post(&called);
    while (sem_wait(&unloaded)) {
    }
    return NULL;
}

static void a_thread_may_end_after_the_library_was_closed(void) {
    c4trace_tracer *model = open_tracer("model", C4T_CAPTURE_OFF, 0), *tracer;
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "unloaded";
    config.upcalls = &model->port->real;
    void *library = dlopen(C4T_LIBRARY_DIR "/libc4trace.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) fprintf(stderr, "%s\n", dlerror());
    CHECK(library);
    __typeof(c4trace_open) *open_it = (__typeof(c4trace_open) *)dlsym(library, "c4trace_open");
    __typeof(c4trace_wrap) *wrap_it = (__typeof(c4trace_wrap) *)dlsym(library, "c4trace_wrap");
    __typeof(c4trace_close) *close_it = (__typeof(c4trace_close) *)dlsym(library, "c4trace_close");
    CHECK(open_it && open_it != c4trace_open && wrap_it && close_it);
    CHECK(!open_it(&config, &tracer, NULL));
    const void *traced = wrap_it(tracer, &inner_factory, 0, "f", NULL);
    CHECK(traced);
    pthread_t thread;
    CHECK(!sem_init(&called, 0, 0) && !sem_init(&unloaded, 0, 0));
    CHECK(!pthread_create(&thread, NULL, call_and_end_later, (void *)traced));
    while (sem_wait(&called)) {
    }
    close_it(tracer, 0);
    CHECK(!dlclose(library));
    sem_post(&unloaded);
    CHECK(!pthread_join(thread, NULL));
    c4trace_close(model, 0);
}

int main(void) {
    enter_folder();
    a_thread_may_end_after_the_library_was_closed();
    leave_folder();
    return 0;
}
