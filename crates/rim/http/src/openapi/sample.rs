//! Calls as they are typed into a shell. They really sign: `openssl` makes the code over the very bytes that are sent.

use crate::operations::Field;

/// What stands before all of them, once.
pub(super) const SETUP: &str = "\
SERVER=https://meet.example.org
API_KEY=plenum
API_SECRET=…";

/// A form by `curl`: its first file, signed by the room.
pub(super) fn curl_form(path: &str, fields: &[Field]) -> String {
    let file = fields.iter().find(|field| field.is_file).map_or("file", |field| field.name);
    format!(
        "ROOM=room01
curl -sS \"$SERVER{path}\" \\
  -H \"API-KEY: $API_KEY\" \\
  -H \"Room-Id: $ROOM\" \\
  -H \"HASH-SIGNATURE: $(printf %s \"$ROOM\" | openssl dgst -sha256 -hmac \"$API_SECRET\" -r | cut -d ' ' -f 1)\" \\
  -F {file}=@file.pdf"
    )
}

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
