//! Learning Tools Interoperability: teachers and students come from a course of a learning platform into its meeting
//! (http-api.md section 6).
//!
//! A platform vouches for somebody, by a signed form (LTI 1.1, [`launch`]) or a signed token (LTI 1.3, [`tool`]). Either
//! ends on the same page with the same token in it ([`page`]), and that token is all the page's own API asks for
//! ([`api`]).

mod address;
pub(crate) mod api;
mod launch;
mod page;
mod seen;
mod tool;

use axum::Router;
use axum::routing::{get, post};

use crate::App;

pub(crate) use seen::Seen;
pub use tool::{LtiPlatform, LtiSetup, LtiTool, PlatformError, RegistryError};

/// Everything below `/lti`.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/lti/v1", get(launch::wrong_method).post(launch::handle))
        .route("/lti/room", get(page::again))
        .route("/lti/v1/api/room/join", post(api::join::handle))
        .route("/lti/v1/api/room/isactive", post(api::is_active::handle))
        .route("/lti/v1/api/room/end", post(api::end::handle))
        .route("/lti/v1/api/recording/fetch", post(api::recordings::fetch))
        .route("/lti/v1/api/recording/download", post(api::recordings::download))
        .route("/lti/v1/api/recording/delete", post(api::recordings::delete))
        .route("/lti/v1p3/login", get(tool::login::handle).post(tool::login::handle))
        .route("/lti/v1p3/launch", post(tool::launch::handle))
        .route("/lti/v1p3/link", post(tool::link::handle))
        .route("/lti/v1p3/jwks", get(tool::jwks))
        .route("/lti/v1p3/register", get(tool::register::form).post(tool::register::handle))
}
