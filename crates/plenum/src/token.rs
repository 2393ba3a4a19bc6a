//! `plenum token`: asks the running server for a join link, as any application does.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::cli::TokenArgs;
use crate::config::{self, Credentials, Http};

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Creates the room if needed, puts the person on its list and prints their link.
#[expect(clippy::print_stdout, reason = "the answer of a command line program")]
pub(crate) async fn run(args: TokenArgs) -> anyhow::Result<()> {
    let loaded = config::load(&args.config.options(), config::environment())?;
    let server = args.server.clone().unwrap_or_else(|| own_address(&loaded.config.http));
    let server = server.trim_end_matches('/').to_owned();
    let api = Api { server, credentials: config::secrets::existing(&loaded.config)? };

    let room = json!({ "room_id": args.room, "metadata": { "room_title": args.room, "room_features": {} } });
    api.call("/auth/room/create", &room).await?;
    let user_id = args.user_id.clone().unwrap_or_else(|| user_id(&args.name));
    let join = json!({
        "room_id": args.room,
        "user_info": { "name": args.name, "user_id": user_id, "is_admin": args.admin },
    });
    let answer = api.call("/auth/room/getJoinToken", &join).await?;
    let token = answer["token"].as_str().context("the server answered without a token")?;
    println!("{}/?access_token={token}", link_origin(&loaded.config.http, &api.server));
    Ok(())
}

/// What people click on: the public address if the configuration names one, else where the server was asked.
fn link_origin<'a>(http: &'a Http, server: &'a str) -> &'a str {
    http.public_address.as_deref().map_or(server, |public| public.trim_end_matches('/'))
}

/// Where a server with this configuration answers on this machine.
pub(crate) fn own_address(http: &Http) -> String {
    let address = if http.listen.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { http.listen };
    format!("http://{}", SocketAddr::new(address, http.port))
}

/// An id from a name: its ASCII letters and digits, and a random number against namesakes.
fn user_id(name: &str) -> String {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    format!("{}-{:08x}", letters.to_lowercase(), rand::random::<u32>()).trim_start_matches('-').to_owned()
}

struct Api {
    server: String,
    credentials: Credentials,
}

impl Api {
    async fn call(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let signature = wire::signature::sign(self.credentials.secret.expose(), body.as_bytes());
        let url = format!("{}{path}", self.server);
        let response = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()?
            .post(&url)
            .header("content-type", "application/json")
            .header("api-key", &self.credentials.key)
            .header("hash-signature", signature)
            .body(body)
            .send()
            .await
            .with_context(|| format!("no answer from {}; is `plenum serve` running?", self.server))?;
        let answer: Value = serde_json::from_slice(&response.bytes().await?)
            .with_context(|| format!("{} is not a Plenum server", self.server))?;
        if answer["status"] != true {
            bail!("{path} failed: {}", answer["msg"].as_str().unwrap_or("no reason given"));
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_asked_where_it_listens() {
        for (listen, url) in [
            ("0.0.0.0", "http://127.0.0.1:8081"),
            ("::", "http://127.0.0.1:8081"),
            ("127.0.0.1", "http://127.0.0.1:8081"),
            ("192.0.2.7", "http://192.0.2.7:8081"),
            ("2001:db8::7", "http://[2001:db8::7]:8081"),
        ] {
            let http = Http { listen: listen.parse().unwrap(), port: 8081, ..Http::default() };
            assert_eq!(own_address(&http), url, "{listen}");
        }
    }

    #[test]
    fn the_link_carries_the_public_address() {
        let own = "http://127.0.0.1:8080";
        assert_eq!(link_origin(&Http::default(), own), own);
        let http = Http { public_address: Some("https://meet.example.org/".into()), ..Http::default() };
        assert_eq!(link_origin(&http, own), "https://meet.example.org");
    }

    #[test]
    fn a_name_becomes_an_id() {
        assert!(user_id("Ana Lía").starts_with("anala-"));
        assert!(model::UserId::try_from(user_id("Ünïcode 🎉").as_str()).is_ok());
        assert!(model::UserId::try_from(user_id("🎉").as_str()).is_ok());
    }
}
