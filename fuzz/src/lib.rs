//! What all targets share: memory that ends, and which panics are findings.
//!
//! Whatever somebody sends, the server holds little because of it. A fuzzer notices of itself only what grows to gigabytes; here
//! an input that makes a target hold more than it ever should is a finding like a panic.
//!
//! A panic of ours is a finding even where it is caught, as the engine does to keep it to one session. The WebRTC stack asserts some
//! things about descriptions instead of refusing them, and `rtc` refuses them when it does; so a panic of that stack's is a finding
//! only if nobody catches it. One of any other crate always is: it may be ours that uses it wrongly.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::process::abort;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The crates of the WebRTC stack: str0m, and what it leaves protocols to (ICE, SCTP, DTLS). Nothing of ours calls the last three
/// directly, so that what they panic at is what somebody sent, or what str0m made of it.
const STACK: [&str; 6] = ["str0m", "str0m-proto", "str0m-aws-lc-rs", "is", "sctp-proto", "dimpl"];

/// Most bytes that the work on one input may hold beyond what there was before. Three connections take ten million.
const MOST: usize = 64 * 1024 * 1024;

#[global_allocator]
static MEMORY: Bounded = Bounded;

static HELD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What may be held until the work on the input is done.
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Works on one input.
pub fn run(body: fuzz_bodies::Body, input: &[u8]) {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let abort_at_once = take_hook();
        set_hook(Box::new(move |panic| {
            if panic.location().is_none_or(|at| !is_of_stack(at.file())) {
                // To say where it was takes more memory than any input may.
                LIMIT.set(usize::MAX);
                abort_at_once(panic);
            }
        }));
    });
    LIMIT.set(HELD.load(Ordering::Relaxed).saturating_add(MOST));
    if catch_unwind(AssertUnwindSafe(|| body(input))).is_err() {
        eprintln!("a panic of the WebRTC stack that nobody caught");
        abort();
    }
    LIMIT.set(usize::MAX);
}

/// Whether a source file is one of the WebRTC stack's: cargo keeps it as `…/registry/src/INDEX/CRATE-VERSION/…`.
fn is_of_stack(file: &str) -> bool {
    let folder = file.split_once("/registry/src/").and_then(|(_, within)| within.split('/').nth(1));
    let name_and_version = folder.and_then(|folder| folder.rsplit_once('-'));
    name_and_version.is_some_and(|(name, _)| STACK.contains(&name))
}

/// Makes a target of the body of that name.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::run(fuzz_bodies::$name::run, input));
    };
}

struct Bounded;

impl Bounded {
    fn take(&self, bytes: usize) {
        let held = HELD.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        // A thread that ends has no limit any more.
        let limit = LIMIT.try_with(Cell::get).unwrap_or(usize::MAX);
        if held > limit {
            LIMIT.set(usize::MAX);
            eprintln!("more than {MOST} bytes are held because of one input; the last were {bytes}");
            abort();
        }
    }
}

// SAFETY: everything is left to the system's allocator; what is counted beside has no part in it.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size());
        // SAFETY: as of the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size());
        // SAFETY: as of the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as of the caller.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.take(size);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as of the caller.
        unsafe { System.realloc(at, layout, size) }
    }
}
