//! Messages and tokens as they travel: plugNmeet's and LiveKit's, in protobuf and in JSON.
//!
//! Everything in [`pnm`] is generated from `proto/`; the names and numbers are the reference's. Nothing here decides
//! anything: who may do what is `model::policy`, what happens is `room`.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

pub mod bbb;
pub mod bounds;
pub mod create;
pub mod join_request;
pub mod json;
pub mod lti;
pub mod schema;
pub mod signature;
pub mod token;
pub mod validate;

/// Messages of the conferencing API and of the in-meeting channel (`proto/plugnmeet`).
#[allow(clippy::all, missing_docs, unreachable_pub, unused_qualifications)]
pub mod pnm {
    include!(concat!(env!("OUT_DIR"), "/plugnmeet.rs"));
}

/// What Plenum offers moderators besides that (`proto/plenum`).
#[allow(clippy::all, missing_docs, unreachable_pub, unused_qualifications)]
pub mod plenum {
    include!(concat!(env!("OUT_DIR"), "/plenum.rs"));
}

/// LiveKit's participant model as our HTTP API repeats it (`proto/livekit`). The media protocol itself uses [`lk`].
#[allow(clippy::all, missing_docs, unreachable_pub, unused_qualifications)]
pub mod livekit {
    include!(concat!(env!("OUT_DIR"), "/livekit.rs"));
}

pub use livekit_protocol as lk;

/// Descriptors of everything in `proto/`, for the JSON mapping.
pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin")).as_slice())
        .expect("build.rs wrote a descriptor set that it had decoded itself")
});

#[cfg(test)]
mod hostile;
