//! Ways into a meeting that need a gateway: `enableSipDialIn` and `ingress/create` (http-api.md section 4.3). This version
//! has neither, and says so in the words of a reference server whose gateway does not answer.

use axum::extract::{Request, State};
use axum::response::Response;
use wire::pnm;

use super::moderated::admit;
use super::not_served::TEXT;
use super::shown::features;
use crate::{App, answers};

/// By telephone.
pub(crate) async fn dial_in(State(app): State<App>, request: Request) -> Response {
    let refusal = async {
        let (asked, _) = admit::<pnm::EnableSipDialInReq>(&app, request).await?;
        let allowed = features(&app, &asked).await?.sip_dial_in_features.is_some_and(|dial_in| dial_in.is_allow);
        Ok(if allowed { "failed to create SIP dispatch rule" } else { "sip dial feature isn't allow for this room" })
    };
    refusal.await.map_or_else(|answer: Response| answer, answers::refused_protobuf)
}

/// From a program that sends pictures. `status` and `msg` have the same numbers in every answer.
pub(crate) async fn ingress(State(app): State<App>, request: Request) -> Response {
    let refusal = async {
        let (asked, _) = admit::<pnm::CreateIngressReq>(&app, request).await?;
        let allowed = features(&app, &asked).await?.ingress_features.is_some_and(|ingress| ingress.is_allow);
        Ok(if allowed { TEXT } else { "ingress feature isn't allowed for this room" })
    };
    refusal.await.map_or_else(|answer: Response| answer, answers::refused_protobuf)
}
