//! Calls as they are typed into a shell. They really sign: `openssl` makes the code over the very bytes that are sent.

/// What stands before all of them, once.
pub(super) const SETUP: &str = "\
SERVER=https://meet.example.org
API_KEY=plenum
API_SECRET=…";

/// A call by `curl`, with `$SERVER`, `$API_KEY` and `$API_SECRET` from the environment. `body` is JSON; a single quote
/// in it would end the text, so it is written as an escape.
pub(super) fn curl(path: &str, body: &str) -> String {
    let body = body.replace('\'', "\\u0027");
    format!(
        "BODY='{body}'
curl -sS \"$SERVER{path}\" \\
  -H 'Content-Type: application/json' \\
  -H \"API-KEY: $API_KEY\" \\
  -H \"HASH-SIGNATURE: $(printf %s \"$BODY\" | openssl dgst -sha256 -hmac \"$API_SECRET\" -r | cut -d ' ' -f 1)\" \\
  --data-binary \"$BODY\""
    )
}
