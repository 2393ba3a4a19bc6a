//! `/healthCheck` and anything below it, any method (http-api.md section 11.1).

use axum::extract::State;
use axum::http::StatusCode;
use meeting::HealthError;
use tracing::warn;

use crate::App;

pub(crate) async fn handle(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.deps.meetings.health().await {
        Ok(()) => (StatusCode::OK, "Healthy"),
        Err(error) => {
            warn!(%error, "the health check fails");
            let text = match error {
                HealthError::Store(_) => "DB connection error",
                HealthError::Media => "Media server error",
            };
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}
