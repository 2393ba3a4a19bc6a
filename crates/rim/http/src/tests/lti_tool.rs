//! LTI 1.3 against a platform of our own: its key, its JWKS and its registration endpoint on a loopback port.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;
use wire::token::{ApiKey, seal, verify_lti};

use super::harness::{Answer, KEY, NOW, SECRET, Server, lti_tool};
use super::lti::{landed, refused_text};
use crate::LtiPlatform;
use crate::client::Dist;

const CLAIM: &str = "https://purl.imsglobal.org/spec/lti/claim/";
const TEACHER: &str = "http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor";
const LEARNER: &str = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner";

/// A learning platform.
struct Platform {
    address: SocketAddr,
    key: RsaKeyPair,
    /// How often its keys were asked for.
    asked: Arc<AtomicUsize>,
    /// What tools said about themselves, with the token they said it with.
    registered: Arc<Mutex<Vec<(String, Value)>>>,
    /// The data folder of the servers that know it.
    folder: tempfile::TempDir,
}

impl Platform {
    async fn start() -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let keys = json!({"keys": [
            {"kty": "EC", "kid": "ec"},
            {"kty": "RSA", "kid": "p1", "alg": "RS256", "use": "sig", "n": number(key.public_key().modulus().big_endian_without_leading_zero()),
             "e": number(key.public_key().exponent().big_endian_without_leading_zero())},
        ]});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, registered) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, kept) = (asked.clone(), registered.clone());
        let here = format!("http://{address}");
        let description = json!({
            "issuer": here, "authorization_endpoint": format!("{here}/auth"), "jwks_uri": format!("{here}/keys"),
            "token_endpoint": format!("{here}/token"), "registration_endpoint": format!("{here}/register"),
        });
        let mut foreign = description.clone();
        foreign["issuer"] = json!("http://elsewhere.example");
        let routes = Router::new()
            .route(
                "/keys",
                get(move || async move {
                    count.fetch_add(1, Ordering::Relaxed);
                    keys.to_string()
                }),
            )
            .route("/moved", get(|| async { Redirect::temporary("/keys") }))
            .route("/loop", get(|| async { Redirect::temporary("/loop") }))
            .route("/huge", get(|| async { "x".repeat(300_000) }))
            .route("/rubbish", get(|| async { "rubbish" }))
            .route("/description", get(move || async move { description.to_string() }))
            .route("/foreign", get(move || async move { foreign.to_string() }))
            .route(
                "/register",
                post(move |headers: HeaderMap, body: String| async move {
                    let bearer = headers["authorization"].to_str().unwrap().to_owned();
                    kept.lock().unwrap().push((bearer, serde_json::from_str(&body).unwrap()));
                    let tool = "https://purl.imsglobal.org/spec/lti-tool-configuration";
                    (StatusCode::CREATED, json!({"client_id": "dynamic", tool: {"deployment_id": "7"}}).to_string())
                        .into_response()
                }),
            );
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, key, asked, registered, folder: tempfile::tempdir().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How a server knows it.
    fn registration(&self) -> LtiPlatform {
        LtiPlatform {
            issuer: "https://lms.example".into(),
            client_id: "us".into(),
            auth_url: "https://lms.example/auth?x=1".into(),
            keys_url: self.url("/keys"),
            deployments: vec!["d1".into()],
            ..LtiPlatform::default()
        }
    }

    async fn server(&self) -> Server {
        self.server_with(self.registration()).await
    }

    async fn server_with(&self, registration: LtiPlatform) -> Server {
        Server::with(|deps| {
            deps.public_url = Some("https://meet.example.org".into());
            deps.lti = lti_tool(self.folder.path(), vec![registration], true);
        })
        .await
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", number(&signature))
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "RS256", "kid": "p1", "typ": "JWT"}), claims)
    }
}

fn number(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn claims(nonce: &str, role: &str) -> Value {
    let mut claims = json!({"iss": "https://lms.example", "aud": "us", "exp": NOW + 60, "iat": NOW, "nonce": nonce,
        "sub": "42", "name": "Ada L"});
    for (name, value) in [
        ("message_type", json!("LtiResourceLinkRequest")),
        ("version", json!("1.3.0")),
        ("deployment_id", json!("d1")),
        ("roles", json!([role])),
        ("context", json!({"id": "c1", "title": "Course 101"})),
        ("resource_link", json!({"id": "r1", "title": "Weekly"})),
        ("target_link_uri", json!("https://meet.example.org/lti/v1p3/launch")),
    ] {
        claims[format!("{CLAIM}{name}")] = value;
    }
    claims
}

fn deep_linking(nonce: &str, return_url: &str) -> Value {
    let mut claims = claims(nonce, TEACHER);
    claims[format!("{CLAIM}message_type")] = json!("LtiDeepLinkingRequest");
    claims["https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"] =
        json!({"deep_link_return_url": return_url, "accept_types": ["ltiResourceLink"], "data": "d<1>"});
    claims
}

const LOGIN: &str = "/lti/v1p3/login?iss=https%3A%2F%2Flms.example&login_hint=h1&lti_message_hint=m%261\
    &target_link_uri=https%3A%2F%2Fmeet.example.org%2Flti%2Fv1p3%2Flaunch";

/// Begins a login; the answer is state and nonce.
async fn login(server: &Server) -> (String, String) {
    let asked = question(&server.get(LOGIN).await);
    (asked["state"].clone(), asked["nonce"].clone())
}

/// What the platform is asked.
fn question(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::FOUND, "no-store"));
    Url::parse(answer.header("location")).unwrap().query_pairs().into_owned().collect()
}

async fn post_form(server: &Server, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut body = Url::parse("http://x/").unwrap();
    body.query_pairs_mut().extend_pairs(fields);
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    server.send(request.body(Body::from(body.query().unwrap_or_default().to_owned())).unwrap()).await
}

async fn launch(server: &Server, state: &str, token: &str) -> Answer {
    post_form(server, "/lti/v1p3/launch", &[("state", state), ("id_token", token)]).await
}

async fn post_json(server: &Server, path: &str, body: &Value) -> Answer {
    let request = Request::post(path).header("content-type", "application/json").header("host", "meet.example.org");
    server.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_login_asks_the_platform_who_it_is() {
    let server = Platform::start().await.server().await;
    let expected = [
        ("client_id", "us"),
        ("login_hint", "h1"),
        ("lti_message_hint", "m&1"),
        ("prompt", "none"),
        ("redirect_uri", "https://meet.example.org/lti/v1p3/launch"),
        ("response_mode", "form_post"),
        ("response_type", "id_token"),
        ("scope", "openid"),
        ("x", "1"),
    ];
    let target = "https://meet.example.org/";
    let fields = [
        ("iss", "https://lms.example"),
        ("login_hint", "h1"),
        ("lti_message_hint", "m&1"),
        ("target_link_uri", target),
        ("client_id", "us"),
    ];
    for answer in [server.get(LOGIN).await, post_form(&server, "/lti/v1p3/login", &fields).await] {
        assert!(answer.header("location").starts_with("https://lms.example/auth?x=1&scope=openid&"));
        let mut asked = question(&answer);
        assert_eq!(asked.remove("nonce").unwrap().len(), 32);
        assert!(asked.remove("state").unwrap().len() > 100);
        assert_eq!(asked, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
    assert_ne!(login(&server).await, login(&server).await);
}

#[tokio::test]
async fn a_login_from_nowhere_goes_nowhere() {
    let server = Platform::start().await.server().await;
    let incomplete = "iss, login_hint and target_link_uri are required";
    for query in ["", "?iss=https://lms.example&login_hint=h", "?login_hint=h&target_link_uri=x", "?iss=x"] {
        refused_text(&server.get(&format!("/lti/v1p3/login{query}")).await, 400, incomplete);
    }
    let unknown = server.get(&LOGIN.replace("lms.example&", "evil.example&")).await;
    refused_text(&unknown, 400, "the platform is not registered");
    refused_text(&server.get(&format!("{LOGIN}&client_id=them")).await, 400, "the platform is not registered");
    let long = server.get(&LOGIN.replace("h1", &"h".repeat(4097))).await;
    refused_text(&long, 400, "a hint is too long");
    let many = server.get(&format!("/lti/v1p3/login?{}", "a&".repeat(600))).await;
    refused_text(&many, 400, "the request has too many parameters");
}

#[tokio::test]
async fn a_launch_lands_on_the_same_page_as_in_the_older_version() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let (state, nonce) = login(&server).await;

    let answer = launch(&server, &state, &platform.token(&claims(&nonce, TEACHER))).await;

    let Some(about) = landed(&answer) else { return };
    assert_eq!((&about["title"], &about["is_admin"]), (&json!("Weekly"), &json!(true)));
    let token = about["token"].as_str().unwrap();
    let launched = verify_lti(&ApiKey::new(KEY, SECRET), token, NOW).unwrap();
    assert_eq!((launched.user_id.as_str(), launched.room_id.len()), ("42", 40));

    let (state, nonce) = login(&server).await;
    let about = landed(&launch(&server, &state, &platform.token(&claims(&nonce, LEARNER))).await).unwrap();
    assert_eq!(about["is_admin"], false);
    assert_eq!(platform.asked.load(Ordering::Relaxed), 1, "keys are kept");
}

#[tokio::test]
async fn a_login_is_answered_once_and_in_time() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let (state, nonce) = login(&server).await;
    let token = platform.token(&claims(&nonce, TEACHER));
    let stale = "the login is unknown or too old, open the link on the platform again";
    let (other, _) = login(&server).await;

    refused_text(&launch(&server, &other, &token).await, 401, "the id_token answers another login");
    refused_text(&launch(&server, "x", &token).await, 401, stale);
    landed(&launch(&server, &state, &token).await);
    let again = launch(&server, &state, &token).await;
    refused_text(&again, 401, "the login was used already, open the link on the platform again");
    server.advance(661);
    refused_text(&launch(&server, &other, &token).await, 401, stale);
}

#[tokio::test]
async fn only_what_the_platform_signed_counts() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let (state, nonce) = login(&server).await;
    let good = claims(&nonce, TEACHER);
    let token = platform.token(&good);
    let stranger = Platform::start().await;
    let (head, _) = token.rsplit_once('.').unwrap();
    let none = number(br#"{"alg":"none","kid":"p1"}"#);
    let body = head.split_once('.').unwrap().1;
    let symmetric = wire::signature::sign("x", b"x");
    for bad in [
        stranger.token(&good),
        format!("{head}."),
        format!("{none}.{body}."),
        format!("{}.{body}.{}", number(br#"{"alg":"HS256","kid":"p1"}"#), number(symmetric.as_bytes())),
        platform.sign(&json!({"alg": "RS256", "kid": "p2"}), &good),
        platform.sign(&json!({"alg": "RS512", "kid": "p1"}), &good),
        platform.sign(&json!({"alg": "RS256", "kid": "p1", "crit": ["x"]}), &good),
        platform.token(&json!({"iss": 1})),
        "rubbish".to_owned(),
        "x".repeat(200_000),
    ] {
        refused_text(&launch(&server, &state, &bad).await, 401, "the id_token is not signed by the platform");
    }
    landed(&launch(&server, &state, &platform.sign(&json!({"alg": "RS256"}), &good)).await);
}

#[tokio::test]
async fn a_signed_token_must_also_be_true() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let (state, nonce) = login(&server).await;
    for (name, value, text) in [
        ("iss", json!("https://other"), "the id_token comes from another issuer"),
        ("aud", json!("them"), "the id_token is meant for another client"),
        ("azp", json!("them"), "the id_token is meant for another client"),
        ("exp", json!(NOW - 61), "the id_token is expired"),
        ("iat", json!(NOW + 61), "the id_token has no valid time"),
        ("deployment_id", json!("d2"), "the deployment is not registered"),
        ("version", json!("2.0"), "the LTI version is not 1.3.0"),
        ("message_type", json!("Other"), "the message type is not supported"),
        ("resource_link", json!({}), "the message is incomplete"),
    ] {
        let mut wrong = claims(&nonce, TEACHER);
        let name = if name.len() > 3 { format!("{CLAIM}{name}") } else { name.to_owned() };
        wrong[name] = value;
        refused_text(&launch(&server, &state, &platform.token(&wrong)).await, 401, text);
    }
    let refused = post_form(&server, "/lti/v1p3/launch", &[("error", "login_required<b>"), ("state", &state)]).await;
    refused_text(&refused, 400, "the platform refused: login_required<b>");
    for fields in [[("state", state.as_str())], [("id_token", "x")]] {
        let answer = post_form(&server, "/lti/v1p3/launch", &fields).await;
        refused_text(&answer, 400, "state and id_token are required");
    }
    let gone = json!({"issuer": "https://gone.example", "client_id": "us", "nonce": "n"});
    let state = seal(&ApiKey::new(KEY, SECRET), "lti-login", &gone, NOW, 600);
    refused_text(&launch(&server, &state, "x").await, 401, "the platform is not registered");
}

#[tokio::test]
async fn keys_that_cannot_be_loaded_open_nothing() {
    let platform = Platform::start().await;
    for path in ["/loop", "/huge", "/rubbish", "/missing"] {
        let server =
            platform.server_with(LtiPlatform { keys_url: platform.url(path), ..platform.registration() }).await;
        let (state, nonce) = login(&server).await;
        let answer = launch(&server, &state, &platform.token(&claims(&nonce, TEACHER))).await;
        refused_text(&answer, 502, "the keys of the platform cannot be loaded");
    }
    let moved = platform.server_with(LtiPlatform { keys_url: platform.url("/moved"), ..platform.registration() }).await;
    let (state, nonce) = login(&moved).await;
    landed(&launch(&moved, &state, &platform.token(&claims(&nonce, TEACHER))).await);
}

#[tokio::test]
async fn nothing_inside_our_network_is_asked_unless_the_operator_says_so() {
    let platform = Platform::start().await;
    let server = Server::with(|deps| {
        deps.lti = lti_tool(std::path::Path::new("/nonexistent"), vec![platform.registration()], false)
    })
    .await;
    let (state, nonce) = login(&server).await;
    let answer = launch(&server, &state, &platform.token(&claims(&nonce, TEACHER))).await;
    refused_text(&answer, 502, "the keys of the platform cannot be loaded");
    assert_eq!(platform.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_platform_is_not_asked_again_and_again_for_keys_it_does_not_have() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let (state, nonce) = login(&server).await;
    let unknown = platform.sign(&json!({"alg": "RS256", "kid": "p2"}), &claims(&nonce, TEACHER));
    for _ in 0..5 {
        launch(&server, &state, &unknown).await;
    }
    assert_eq!(platform.asked.load(Ordering::Relaxed), 1);
    server.advance(60);
    launch(&server, &state, &unknown).await;
    assert_eq!(platform.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_teacher_makes_a_link_to_a_room_and_the_platform_can_check_it() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let (state, nonce) = login(&server).await;
    let request = platform.token(&deep_linking(&nonce, "https://lms.example:8443/back?x=1"));
    let answer = launch(&server, &state, &request).await;
    let Some(about) = landed(&answer) else { return };
    assert_eq!((&about["page"], &about["course"]), (&json!("link"), &json!("Course 101")));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://lms.example:8443; "), "{policy}");

    let chosen = json!({"token": about["token"], "room": "new", "title": "Office hours"});
    let answer = post_json(&server, "/lti/v1p3/link", &chosen).await;

    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!(answer["return_url"], "https://lms.example:8443/back?x=1");
    let said = checked(&server, answer["jwt"].as_str().unwrap()).await;
    assert_eq!((&said["iss"], &said["aud"]), (&json!("us"), &json!(["https://lms.example"])));
    assert_eq!(said["https://purl.imsglobal.org/spec/lti-dl/claim/data"], "d<1>");
    let item = &said["https://purl.imsglobal.org/spec/lti-dl/claim/content_items"][0];
    assert_eq!((&item["title"], &item["type"]), (&json!("Office hours"), &json!("ltiResourceLink")));
    assert_eq!(item["url"], "https://meet.example.org/lti/v1p3/launch");
    assert_eq!(item["custom"]["plenum_room"].as_str().unwrap().len(), 32);
    let course = json!({"token": about["token"], "room": "course"});
    let answer = post_json(&server, "/lti/v1p3/link", &course).await.json();
    let said = checked(&server, answer["jwt"].as_str().unwrap()).await;
    let item = &said["https://purl.imsglobal.org/spec/lti-dl/claim/content_items"][0];
    assert_eq!((&item["title"], &item["custom"]["plenum_room"]), (&json!("Course 101"), &json!("course")));
}

/// The claims of a token, checked with the key we show.
async fn checked(server: &Server, token: &str) -> Value {
    let keys = server.get("/lti/v1p3/jwks").await;
    assert_eq!((keys.status.as_u16(), keys.kind()), (200, "application/json; charset=utf-8"));
    let keys = keys.json();
    let key = &keys["keys"][0];
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    assert_eq!((&header["alg"], &header["kid"]), (&json!("RS256"), &key["kid"]));
    let [n, e] = ["n", "e"].map(|name| decode(key[name].as_str().unwrap()));
    RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decode(signature)).unwrap();
    serde_json::from_slice(&decode(claims)).unwrap()
}

#[tokio::test]
async fn links_are_for_teachers_and_go_back_to_where_browsers_may_go() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let send = async |change: fn(&mut Value), back: &str| {
        let (state, nonce) = login(&server).await;
        let mut claims = deep_linking(&nonce, back);
        change(&mut claims);
        launch(&server, &state, &platform.token(&claims)).await
    };
    let learner = send(|claims| claims[format!("{CLAIM}roles")] = json!([LEARNER]), "https://lms.example/").await;
    refused_text(&learner, 403, "only teachers can choose a room");
    for back in ["javascript:alert(1)", "data:text/html,x", "", "https://u:p@lms.example/"] {
        refused_text(&send(|_| {}, back).await, 400, "the address to return to is not allowed");
    }
    let files = send(
        |claims| {
            claims["https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"]["accept_types"] =
                json!(["file"]);
        },
        "https://lms.example/",
    )
    .await;
    refused_text(&files, 401, "the platform does not accept links to resources");

    let invalid = r#"{"msg":"invalid authorization header","status":false}"#;
    let kind = "application/json; charset=utf-8";
    let (login_state, _) = login(&server).await;
    for token in ["x", &login_state] {
        post_json(&server, "/lti/v1p3/link", &json!({"token": token, "room": "new"})).await.is(401, kind, invalid);
    }
    for body in [json!({}), json!({"token": "x", "room": "another"}), json!([])] {
        assert_eq!(post_json(&server, "/lti/v1p3/link", &body).await.status, 400);
    }
}

fn refused(answer: &Answer, status: u16, error: &str, msg: &str) {
    assert_eq!((answer.status.as_u16(), answer.kind()), (status, "application/json"));
    assert_eq!(answer.json(), json!({"error": error, "msg": msg}));
}

#[tokio::test]
async fn whoever_knows_the_secret_registers_a_platform_and_it_is_remembered() {
    let server = Server::start().await;
    let platform = json!({"issuer": "https://lms.example", "client_id": "us", "auth_url": "https://lms.example/auth",
        "keys_url": "https://lms.example/keys", "deployments": ["d1"]});
    let send = async |secret: &str, platform: &Value| {
        post_json(&server, "/lti/v1p3/register", &json!({"secret": secret, "platform": platform})).await
    };
    refused_text(&server.get(LOGIN).await, 400, "the platform is not registered");
    for wrong in ["", "guess"] {
        refused(&send(wrong, &platform).await, 403, "secret-wrong", "That is not the API secret.");
    }
    let mut inside = platform.clone();
    inside["keys_url"] = json!("http://10.0.0.1/keys");
    refused(&send(SECRET, &inside).await, 400, "bad-platform", "keys_url must be an https address");
    refused(&send(SECRET, &json!({})).await, 400, "bad-platform", "issuer is missing or too long");

    let answer = send(SECRET, &platform).await;

    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, json!({"issuer": "https://lms.example", "status": true}))
    );
    question(&server.get(LOGIN).await);
    let mut again = platform.clone();
    again["auth_url"] = json!("https://lms.example/other");
    assert_eq!(send(SECRET, &again).await.status, 200);
    assert!(server.get(LOGIN).await.header("location").starts_with("https://lms.example/other?"));
    let restarted = Server::with(|deps| deps.lti = lti_tool(server.folder.path(), Vec::new(), false)).await;
    question(&restarted.get(LOGIN).await);
    again["client_id"] = json!("us too");
    assert_eq!(send(SECRET, &again).await.status, 200);
    refused_text(&server.get(LOGIN).await, 400, "the platform is not registered");
    question(&server.get(&format!("{LOGIN}&client_id=us+too")).await);
}

#[tokio::test]
async fn a_platform_that_sends_the_operator_is_introduced_to_us() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let send = async |description: String| {
        let body = json!({"secret": SECRET, "openid_configuration": description, "registration_token": "rt"});
        post_json(&server, "/lti/v1p3/register", &body).await
    };
    let foreign = send(platform.url("/foreign")).await;
    refused(&foreign, 400, "bad-platform", "the issuer is not where its description is");
    let unreachable = "The platform does not answer as it should.";
    refused(&send(platform.url("/rubbish")).await, 502, "platform-unreachable", unreachable);
    let no_address = "openid_configuration must be an https address";
    refused(&send("ftp://x".into()).await, 400, "bad-platform", no_address);

    let answer = send(platform.url("/description")).await;

    assert_eq!((answer.status.as_u16(), answer.json()["issuer"].as_str()), (200, Some(&*platform.url(""))));
    let said = platform.registered.lock().unwrap().clone();
    let (bearer, said) = &said[0];
    assert_eq!(
        (bearer.as_str(), &said["redirect_uris"]),
        ("Bearer rt", &json!(["https://meet.example.org/lti/v1p3/launch"]))
    );
    assert_eq!(said["https://purl.imsglobal.org/spec/lti-tool-configuration"]["domain"], "meet.example.org");
    let login = format!("/lti/v1p3/login?iss={}&login_hint=h&target_link_uri=x&client_id=dynamic", platform.url(""));
    assert!(server.get(&login).await.header("location").starts_with(&platform.url("/auth?")));
}

#[tokio::test]
async fn guessing_the_secret_is_slowed_down() {
    let server = Server::start().await;
    let mut answer = post_json(&server, "/lti/v1p3/register", &json!({"secret": "a"})).await;
    for _ in 0..40 {
        answer = post_json(&server, "/lti/v1p3/register", &json!({"secret": "a"})).await;
    }
    assert_eq!(answer.status, 429);
}

#[tokio::test]
async fn the_registration_page_tells_our_address() {
    let server = Platform::start().await.server().await;
    let answer = server.get("/lti/v1p3/register?openid_configuration=x").await;
    if Dist::get("lti.html").is_some() {
        assert_eq!(landed(&answer), Some(json!({"page": "register", "origin": "https://meet.example.org"})));
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_kept_is_not_shown() {
    let server =
        Server::with(|deps| deps.lti = lti_tool(std::path::Path::new("/nonexistent"), Vec::new(), false)).await;
    let failed = r#"{"msg":"internal error","status":false}"#;
    server.get("/lti/v1p3/jwks").await.is(500, "application/json; charset=utf-8", failed);
}
