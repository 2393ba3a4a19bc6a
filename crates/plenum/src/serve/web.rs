//! The web server's routes, and for whom proxies may speak.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::HeaderName;
use gateway::{ClientAddress, Gateway};
use http_api::{Backgrounds, FORWARDED_FOR, HttpDeps, LtiTool, Prometheus, RateLimits};
use meeting::{Meetings, Shelf};
use metrics_exporter_prometheus::PrometheusHandle;
use notify::HttpOutgoing;
use ports::outgoing::Reach;
use tokio::sync::watch;
use wire::pnm::NatsSubjects;
use wire::token::ApiKey;

use super::rules;
use crate::config::{Config, Credentials, Network};

/// Peers that may speak for many: the proxies we were told of, and one on this machine that we were not.
pub(super) fn is_exempt(config: &Config) -> impl Fn(IpAddr) -> bool + Clone + Send + Sync + 'static + use<> {
    let trusted = trusted(config);
    move |address| address.is_loopback() || trusted.iter().any(|network| network.contains(address))
}

fn trusted(config: &Config) -> Vec<Network> {
    config.http.proxy.as_ref().map(|proxy| proxy.trusted.clone()).unwrap_or_default()
}

#[expect(clippy::too_many_arguments, reason = "it is called once, with everything there is")]
pub(super) fn router(
    config: &Config,
    credentials: &Credentials,
    meetings: &Meetings,
    shelf: Shelf,
    lti: LtiTool,
    backgrounds: Backgrounds,
    outgoing: Arc<HttpOutgoing>,
    figures: PrometheusHandle,
    stopping: watch::Receiver<bool>,
) -> Router {
    let names = &config.messaging;
    let subjects = NatsSubjects {
        system_api_worker: names.system_api_worker.clone(),
        system_js_worker: names.system_js_worker.clone(),
        system_core_worker: names.system_core_worker.clone(),
        system_public: names.system_public.clone(),
        system_private: names.system_private.clone(),
        chat: names.chat.clone(),
        whiteboard: names.whiteboard.clone(),
        data_channel: names.data_channel.clone(),
    };
    let nats = nats::Config {
        stream: names.stream.clone(),
        subjects: nats::Subjects {
            system_js_worker: names.system_js_worker.clone(),
            system_core_worker: names.system_core_worker.clone(),
            system_public: names.system_public.clone(),
            system_private: names.system_private.clone(),
            chat: names.chat.clone(),
            whiteboard: names.whiteboard.clone(),
            data_channel: names.data_channel.clone(),
        },
        ..nats::Config::default()
    };
    let proxy_header = config.http.proxy.as_ref().map_or(FORWARDED_FOR, |proxy| proxy.header.clone());
    let trusted = trusted(config);
    let trusts_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync> =
        Arc::new(move |address| trusted.iter().any(|network| network.contains(address)));
    let gateway = Gateway::new(
        meetings.clone(),
        Arc::new(nats),
        config.http.public_address.clone(),
        client_address(config, proxy_header.clone(), trusts_proxy.clone()),
        stopping,
    )
    .trusting(trusts_proxy.clone())
    .allow_origins(config.http.allowed_origins.clone());
    let http = HttpDeps {
        meetings: meetings.clone(),
        lti,
        clock: Arc::new(unix_seconds),
        api: ApiKey::new(credentials.key.clone(), credentials.secret.expose().clone()),
        shelf,
        rules: rules::create_rules(config),
        max_body: usize::try_from(config.http.max_body).unwrap_or(usize::MAX),
        messaging: http_api::Messaging { urls: Vec::new(), stream: names.stream.clone(), subjects },
        public_url: config.http.public_address.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        front_door: rules::front_door(config),
        trusts_proxy,
        proxy_header,
        frame_ancestors: "'self'".to_owned(),
        limits: RateLimits {
            per_key: config.rate_limits.per_key,
            per_address: config.rate_limits.per_address,
            exempt: Arc::new(is_exempt(config)),
        },
        prometheus: config.http.metrics.as_ref().map(|metrics| Prometheus {
            path: metrics.path.clone(),
            login: metrics.login.as_ref().map(|(name, password)| (name.clone(), password.expose().clone())),
            render: Arc::new(move || figures.render()),
        }),
        outgoing,
        documents: if config.uploads.allow_private { Reach::Anywhere } else { Reach::Public },
        asset_host: config.http.asset_host.clone(),
        backgrounds,
        media_webhooks: config
            .media_webhooks
            .as_ref()
            .map(|media| ApiKey::new(media.key.clone(), media.secret.expose().clone())),
    };
    gateway::router(gateway).merge(http_api::router(http))
}

/// Who asks, unless they share an address with everybody: behind a proxy we were not told of.
fn client_address(
    config: &Config,
    header: HeaderName,
    trusts: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
) -> ClientAddress {
    let is_exempt = is_exempt(config);
    Arc::new(move |peer, headers| {
        let address = http_api::client_address(peer, headers, &header, &*trusts);
        (!is_exempt(address)).then_some(address)
    })
}

/// The time in unix seconds; 0 on a machine that lives before 1970.
fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Proxy;

    #[test]
    fn this_machine_and_trusted_proxies_may_speak_for_many() {
        let mut config = Config::default();
        let asks = |config: &Config, peer: &str, header: Option<&'static str>| {
            let trusted = trusted(config);
            let trusts = Arc::new(move |address| trusted.iter().any(|network: &Network| network.contains(address)));
            let headers = header.map(|value| (FORWARDED_FOR, value.parse().unwrap())).into_iter().collect();
            client_address(config, FORWARDED_FOR, trusts)(peer.parse().unwrap(), &headers).map(|ip| ip.to_string())
        };
        assert_eq!(asks(&config, "127.0.0.1", Some("192.0.2.1")), None);
        assert_eq!(asks(&config, "10.0.0.1", Some("192.0.2.1")).as_deref(), Some("10.0.0.1"));

        let trusted = vec!["10.0.0.1".parse::<IpAddr>().unwrap().into(), "127.0.0.1".parse::<IpAddr>().unwrap().into()];
        config.http.proxy = Some(Proxy { header: FORWARDED_FOR, trusted });
        for proxy in ["127.0.0.1", "::ffff:10.0.0.1"] {
            assert_eq!(asks(&config, proxy, Some("192.0.2.1")).as_deref(), Some("192.0.2.1"));
            assert_eq!(asks(&config, proxy, None), None);
        }
        assert_eq!(asks(&config, "10.0.0.2", Some("192.0.2.1")).as_deref(), Some("10.0.0.2"));
    }
}
