//! A socket factory written in Rust, traced: its up-calls go through the functions that c4trace gives it.
//!
//! c4trace's embedded host plays LiteCore's part here, so that it runs anywhere. With a real one set `litecore` in the
//! config to the path of libLiteCore.so, and give `traced` to LiteCore (`C4ReplicatorParameters.socketFactory` or
//! `c4socket_registerFactory`).

mod c4trace;

use std::error::Error;
use std::ffi::{CStr, CString};
use std::mem::{self, MaybeUninit};
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};

use c4trace::*;

/// c4socket_* as the factory reaches them.
struct Upcalls {
    got_http_response: unsafe extern "C" fn(*mut C4Socket, c_int, C4Slice),
    opened: unsafe extern "C" fn(*mut C4Socket),
    received: unsafe extern "C" fn(*mut C4Socket, C4Slice),
    completed_write: unsafe extern "C" fn(*mut C4Socket, usize),
    closed: unsafe extern "C" fn(*mut C4Socket, C4Error),
    release: unsafe extern "C" fn(*const c_void),
}

static UPCALLS: AtomicPtr<Upcalls> = AtomicPtr::new(ptr::null_mut());

/// Set before the factory is given away, and never freed.
unsafe fn upcalls() -> &'static Upcalls {
    &*UPCALLS.load(Ordering::Acquire)
}

// LiteCore is C++: nothing in these functions may panic.

unsafe extern "C" fn open(socket: *mut C4Socket, _: *const C4Address, _: C4Slice, _: *mut c_void) {
    const NO_HEADERS: C4Slice = C4Slice::of(&[0x70, 0x00]); // an empty Fleece dictionary
    (upcalls().got_http_response)(socket, 101, NO_HEADERS);
    (upcalls().opened)(socket);
}

unsafe extern "C" fn write(socket: *mut C4Socket, message: C4Slice) {
    (upcalls().completed_write)(socket, message.size);
    (upcalls().received)(socket, message);
    (upcalls().release)(message.buf); // write owns its slice (rule C4S-030)
}

unsafe extern "C" fn completed_receive(_: *mut C4Socket, _: usize) {}

unsafe extern "C" fn request_close(socket: *mut C4Socket, status: c_int, _: C4Slice) {
    (upcalls().closed)(socket, C4Error { domain: 6, code: status, info: 0 });
}

static ECHO: C4SocketFactory = C4SocketFactory {
    framing: NO_FRAMING,
    context: ptr::null_mut(),
    open: Some(open),
    write: Some(write),
    completed_receive: Some(completed_receive),
    close: None,
    request_close: Some(request_close),
    dispose: None,
    attached: None,
};

/// The function at an address that c4trace gave, as what the caller knows it to be.
unsafe fn function<F: Copy>(name: &str, look_up: impl Fn(*const c_char) -> *mut c_void) -> Result<F, Box<dyn Error>> {
    let address = look_up(CString::new(name)?.as_ptr());
    if address.is_null() {
        return Err(format!("there is no {name}").into());
    }
    Ok(mem::transmute_copy(&address))
}

unsafe fn traced_upcalls(tracer: *mut Tracer) -> Result<Upcalls, Box<dyn Error>> {
    let traced = |name| c4trace_upcall(tracer, name);
    Ok(Upcalls {
        got_http_response: function("c4socket_gotHTTPResponse", traced)?,
        opened: function("c4socket_opened", traced)?,
        received: function("c4socket_received", traced)?,
        completed_write: function("c4socket_completedWrite", traced)?,
        closed: function("c4socket_closed", traced)?,
        release: function("_FLBuf_Release", |name| c4thost_symbol(name, FACTORY_SIZE))?,
    })
}

const FACTORY_SIZE: usize = mem::size_of::<C4SocketFactory>();

/// Stands for the program's own work with LiteCore.
unsafe fn replicate_with(factory: *const c_void) {
    let config = HostConfig {
        size: mem::size_of::<HostConfig>(),
        threads: 4,
        factory_size: FACTORY_SIZE as u32,
        connect_timeout_ms: 15_000,
        close_timeout_ms: 5_000,
        ack: 0,
        events: 0xff,
        linger: 256,
    };
    let host = c4thost_new(&config);
    let address = C4Address {
        scheme: C4Slice::of(b"ws"),
        hostname: C4Slice::of(b"localhost"),
        port: 4984,
        path: C4Slice::of(b"/db/_blipsync"),
    };
    let id = c4thost_connect(host, factory, &address, C4Slice::NULL);
    c4thost_send(host, id, b"hello".as_ptr().cast(), 5);
    let mut next = MaybeUninit::uninit();
    while c4thost_next(host, next.as_mut_ptr(), 10_000) == 1 {
        let event: &mut Event = next.assume_init_mut();
        if event.kind == RECEIVED {
            let bytes = slice::from_raw_parts(event.data.cast(), event.size);
            println!("received {}", String::from_utf8_lossy(bytes));
            c4thost_close(host, id, 1000, C4Slice::NULL);
        }
        let last = event.kind == CLOSED;
        c4thost_event_free(event);
        if last {
            break;
        }
    }
    c4thost_stop(host, &mut Leaks::default());
    c4thost_free(host);
}

fn main() -> Result<(), Box<dyn Error>> {
    let name = CString::new("rust-example")?;
    let label = CString::new("echo")?;
    let mut failure = Failure { error: 0, text: [0; 512] };
    unsafe {
        let config = Config {
            size: mem::size_of::<Config>(),
            name: name.as_ptr(),
            litecore: ptr::null(),
            upcalls: c4thost_upcalls(FACTORY_SIZE),
            folder: ptr::null(),
            segment_bytes: 0,
            sessions: 0,
            capture: CAPTURE_HEADERS,
            capture_bytes: 0,
        };
        let mut tracer = ptr::null_mut();
        if c4trace_open(&config, &mut tracer, &mut failure) != 0 {
            return Err(text_of(&failure).into());
        }
        UPCALLS.store(Box::into_raw(Box::new(traced_upcalls(tracer)?)), Ordering::Release);
        let inner: *const C4SocketFactory = &ECHO;
        let traced = c4trace_wrap(tracer, inner.cast(), FACTORY_SIZE, label.as_ptr(), &mut failure);
        if traced.is_null() {
            return Err(text_of(&failure).into());
        }
        c4trace_uses_table(tracer, traced);
        replicate_with(traced);
        println!("segment {}", CStr::from_ptr(c4trace_segment_path(tracer)).to_string_lossy());
        c4trace_close(tracer, 1); // 1: keep the segment, so that `c4trace show rust-example` can tell what happened
    }
    Ok(())
}

unsafe fn text_of(failure: &Failure) -> String {
    CStr::from_ptr(failure.text.as_ptr()).to_string_lossy().into_owned()
}
