//! What this example uses of litecore.h, c4trace.h and host.h, in their order; the headers say what each part means.

use std::mem::size_of;
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;

/// An opaque struct of C.
macro_rules! opaque {
    ($($name:ident),*) => {$(
        #[repr(C)]
        pub struct $name {
            _opaque: [u8; 0],
        }
    )*};
}

opaque!(C4Socket, Upcalls, Tracer, Host);

#[repr(C)]
#[derive(Clone, Copy)]
pub struct C4Slice {
    pub buf: *const c_void,
    pub size: usize,
}

impl C4Slice {
    pub const NULL: C4Slice = C4Slice { buf: ptr::null(), size: 0 };

    pub const fn of(bytes: &'static [u8]) -> C4Slice {
        C4Slice { buf: bytes.as_ptr() as *const c_void, size: bytes.len() }
    }
}

#[repr(C)]
pub struct C4Error {
    pub domain: u8,
    pub code: i32,
    pub info: u32,
}

#[repr(C)]
pub struct C4Address {
    pub scheme: C4Slice,
    pub hostname: C4Slice,
    pub port: u16,
    pub path: C4Slice,
}

pub const NO_FRAMING: u8 = 1;

/// As LiteCore 3.4 and 4.1 have it; older ones end before `attached` (give `wrap` their size, 64).
#[repr(C)]
pub struct C4SocketFactory {
    pub framing: u8,
    pub context: *mut c_void,
    pub open: Option<unsafe extern "C" fn(*mut C4Socket, *const C4Address, C4Slice, *mut c_void)>,
    pub write: Option<unsafe extern "C" fn(*mut C4Socket, C4Slice)>,
    pub completed_receive: Option<unsafe extern "C" fn(*mut C4Socket, usize)>,
    pub close: Option<unsafe extern "C" fn(*mut C4Socket)>,
    pub request_close: Option<unsafe extern "C" fn(*mut C4Socket, c_int, C4Slice)>,
    pub dispose: Option<unsafe extern "C" fn(*mut C4Socket)>,
    pub attached: Option<unsafe extern "C" fn(*mut C4Socket)>,
}

// Function pointers, and a context that this example leaves null.
unsafe impl Sync for C4SocketFactory {}

const _: () = assert!(size_of::<C4Error>() == 12);
const _: () = assert!(size_of::<C4Address>() == 56);
const _: () = assert!(size_of::<C4SocketFactory>() == 72);

#[repr(C)]
pub struct Failure {
    pub error: c_int,
    pub text: [c_char; 512],
}

#[repr(C)]
pub struct Config {
    pub size: usize,
    pub name: *const c_char,
    pub litecore: *const c_char,
    pub upcalls: *const Upcalls,
    pub folder: *const c_char,
    pub segment_bytes: usize,
    pub sessions: u32,
    pub capture: u32,
    pub capture_bytes: u32,
}

pub const CAPTURE_HEADERS: u32 = 2;

extern "C" {
    pub fn c4trace_open(config: *const Config, tracer: *mut *mut Tracer, failure: *mut Failure) -> c_int;
    pub fn c4trace_close(tracer: *mut Tracer, keep: c_int);
    pub fn c4trace_segment_path(tracer: *const Tracer) -> *const c_char;
    pub fn c4trace_wrap(
        tracer: *mut Tracer,
        inner: *const c_void,
        size: usize,
        label: *const c_char,
        failure: *mut Failure,
    ) -> *const c_void;
    pub fn c4trace_uses_table(tracer: *mut Tracer, traced: *const c_void);
    pub fn c4trace_upcall(tracer: *mut Tracer, name: *const c_char) -> *mut c_void;
}

/// The embedded host, which plays LiteCore's part.
#[repr(C)]
pub struct HostConfig {
    pub size: usize,
    pub threads: u32,
    pub factory_size: u32,
    pub connect_timeout_ms: u32,
    pub close_timeout_ms: u32,
    pub ack: u32,
    pub events: u32,
    pub linger: u32,
}

pub const RECEIVED: u32 = 3;
pub const CLOSED: u32 = 6;

#[repr(C)]
pub struct Event {
    pub id: u64,
    pub kind: u32,
    pub domain: u32,
    pub code: i32,
    pub size: usize,
    pub data: *const c_void,
    pub text_size: usize,
    pub text: *const c_char,
    pub owner: *mut c_void,
}

#[repr(C)]
#[derive(Default)]
pub struct Leaks {
    pub sockets: u64,
    pub slices: u64,
    pub threads: u64,
}

extern "C" {
    pub fn c4thost_new(config: *const HostConfig) -> *mut Host;
    pub fn c4thost_connect(host: *mut Host, factory: *const c_void, address: *const C4Address, options: C4Slice)
        -> u64;
    pub fn c4thost_send(host: *mut Host, id: u64, bytes: *const c_void, size: usize) -> c_int;
    pub fn c4thost_close(host: *mut Host, id: u64, status: c_int, message: C4Slice) -> c_int;
    pub fn c4thost_next(host: *mut Host, event: *mut Event, timeout_ms: c_int) -> c_int;
    pub fn c4thost_event_free(event: *mut Event);
    pub fn c4thost_stop(host: *mut Host, leaks: *mut Leaks);
    pub fn c4thost_free(host: *mut Host);
    pub fn c4thost_upcalls(factory_size: usize) -> *const Upcalls;
    pub fn c4thost_symbol(name: *const c_char, factory_size: usize) -> *mut c_void;
}
