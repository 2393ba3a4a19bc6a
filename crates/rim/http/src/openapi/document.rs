//! The OpenAPI 3.1 document.

use serde_json::{Map, Value, json};
use wire::create::RoomDefaults;
use wire::pnm::StatusCode;
use wire::schema::{components, reference};

use super::sample::{SETUP, curl, curl_form};
use crate::operations::{self, Asked, Field, Group, Operation};

/// What the document says about this very server.
pub(super) struct Server<'a> {
    pub(super) version: &'a str,
    /// Where it is reached, if the operator said so.
    pub(super) url: Option<&'a str>,
    pub(super) defaults: &'a RoomDefaults,
}

const ABOUT: &str = "For applications that embed meetings: they make rooms, let people in, and fetch what is left behind.\n\n\
    Every call is a `POST` with a JSON body and two headers. There is no session, nothing expires, and nothing else is \
    needed. An application calls from its own server, never from a browser: whoever knows the secret can do everything.";

const SIGNING: &str = "Lowercase hex of HMAC-SHA256 over the raw body, byte for byte as it is sent, keyed with the API \
    secret. An empty body is signed as well. For a multipart request the message is the value of the `Room-Id` header \
    instead. Sign the bytes you send: a library that writes the JSON again after signing breaks the signature.";

const ANSWERS: &str = "**Refusals are HTTP 200.** `status` is false, `msg` is for people and `status_code` for programs. \
    Other HTTP statuses mean that the call did not get that far: `401` a key or signature is missing or wrong, `404` there is no \
    such call, `413` the body is larger than the server takes, `429` too many calls (wait for `Retry-After` seconds).";

const DIALECT: &str = "**Requests** may use the names shown or their lowerCamelCase form (`roomId`), also mixed. Unknown \
    fields are passed over, `null` is the same as absent, numbers may be texts (`\"10\"`), and an enum value may be its number. The \
    same field twice is an error. A body is one JSON object of at most 1 MiB, nested at most 32 deep.\n\n\
    **Answers** use the names shown and contain every field, except optional ones that are not set. Numbers of 64 bits are \
    texts (`\"1700000000\"`). A message that is not there is `null`.";

/// Builds it.
pub(super) fn build(server: &Server<'_>) -> Value {
    let mut paths = Map::new();
    for group in operations::GROUPS {
        for operation in group.operations {
            paths.insert(operation.full_path(), json!({ "post": call(group, operation) }));
        }
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "Plenum server API",
            "version": server.version,
            "description": format!("{ABOUT}\n\n{ANSWERS}\n\n{DIALECT}"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": server.url.unwrap_or("/") }],
        "security": [{ "key": [], "signature": [] }],
        "tags": operations::GROUPS.iter().map(tag).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas(server.defaults),
            "securitySchemes": {
                "key": {
                    "type": "apiKey", "in": "header", "name": "API-KEY",
                    "description": "The key from the server's configuration, `client.api_key`.",
                },
                "signature": { "type": "apiKey", "in": "header", "name": "HASH-SIGNATURE", "description": SIGNING },
            },
            "responses": responses(),
        },
        "x-setup": SETUP,
    })
}

fn tag(group: &Group) -> Value {
    let paths: Vec<String> = group.operations.iter().map(Operation::full_path).collect();
    json!({ "name": group.name, "description": group.text, "x-paths": paths })
}

fn call(group: &Group, operation: &Operation) -> Value {
    let mut call = Map::new();
    let mut put = |name: &str, value: Value| {
        call.insert(name.to_owned(), value);
    };
    put("operationId", operation.id.into());
    put("tags", json!([group.name]));
    put("summary", operation.summary.into());
    put("description", operation.text.into());
    if operation.deprecated {
        put("deprecated", true.into());
    }
    let json = |schema: Value, example: &str| {
        let body: Value = serde_json::from_str(example).expect("the examples are JSON; a test reads them all");
        let content = json!({ "application/json": { "schema": schema, "example": body } });
        (content, curl(&operation.full_path(), example))
    };
    let (content, sample) = match &operation.asked {
        Asked::Message { shape, example, .. } => json(reference(shape().name()), example),
        Asked::Nothing => json(json!({ "type": "object" }), "{}"),
        Asked::Form(fields) => {
            put("parameters", room_id());
            (json!({ "multipart/form-data": { "schema": form(fields) } }), curl_form(&operation.full_path(), fields))
        }
    };
    put("requestBody", json!({ "required": true, "content": content }));
    put("responses", answers(operation));
    put("x-codeSamples", json!([{ "lang": "Shell", "label": "curl", "source": sample }]));
    call.into()
}

/// The header that a form is signed by.
fn room_id() -> Value {
    json!([{
        "name": "Room-Id", "in": "header", "required": true,
        "schema": { "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" },
        "description": "The room; `HASH-SIGNATURE` is made over this value.",
    }])
}

fn form(fields: &[Field]) -> Value {
    let property = |field: &Field| {
        let mut property = json!({ "type": "string", "description": field.text });
        if field.is_file {
            property["format"] = "binary".into();
        }
        (field.name.to_owned(), property)
    };
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    json!({ "type": "object", "properties": properties, "x-order": names })
}

fn answers(operation: &Operation) -> Value {
    let name = (operation.answer.shape)().name().to_owned();
    let mut examples = Map::new();
    examples.insert("success".into(), json!({ "summary": "It is done", "value": operation.answer.example() }));
    if matches!(operation.asked, Asked::Message { .. }) {
        let msg = "validation error: room_id: value is required";
        let msg =
            if operation.path.starts_with("/room") { msg } else { "proto: syntax error (line 1:1): unexpected token" };
        examples.insert(
            "refusal-0".into(),
            example(
                StatusCode::InvalidParameters,
                msg,
                "The body is no such message, or breaks a rule; `msg` says which.",
                None,
            ),
        );
    }
    for (index, refusal) in operation.refusals.iter().enumerate() {
        let value = operation.refused(refusal);
        examples.insert(format!("refusal-{}", index + 1), example(refusal.code, refusal.msg, refusal.when, value));
    }
    let mut answers = json!({
        "200": {
            "description": "Done, or refused: `status_code` says which.",
            "content": { "application/json": {
                "schema": { "anyOf": [reference(&name), reference("Refusal")] },
                "examples": examples,
            } },
        },
        "401": { "$ref": "#/components/responses/NotSigned" },
        "413": { "$ref": "#/components/responses/TooLarge" },
        "429": { "$ref": "#/components/responses/TooMany" },
    });
    if matches!(operation.asked, Asked::Form(_)) {
        for (status, why) in [
            ("400", "The form, its file or its room is not one that is taken."),
            ("409", "Another one is on its way."),
            ("500", "It cannot be kept now."),
        ] {
            answers[status] = json!({
                "description": why, "content": { "application/json": { "schema": reference("Refusal") } },
            });
        }
        // What is larger than any request may be is refused in plain text, before anybody looks at the room.
        answers["413"] = json!({
            "description": "The file is larger than those of its kind may be.",
            "content": {
                "application/json": { "schema": reference("Refusal") },
                "text/plain": { "schema": { "type": "string" } },
            },
        });
    }
    answers
}

fn example(code: StatusCode, msg: &str, when: &str, value: Option<Value>) -> Value {
    let value = value.unwrap_or_else(|| refusal(code, msg));
    json!({ "summary": code.as_str_name(), "description": when, "value": value })
}

fn refusal(code: StatusCode, msg: &str) -> Value {
    json!({ "status": false, "msg": msg, "status_code": code.as_str_name() })
}

fn schemas(defaults: &RoomDefaults) -> Map<String, Value> {
    let mut sent = Vec::new();
    let mut answered = Vec::new();
    for operation in operations::all() {
        if let Asked::Message { shape, .. } = &operation.asked {
            sent.push(shape());
        }
        answered.push((operation.answer.shape)());
    }
    let mut schemas = components(&sent, &answered, defaults);
    schemas.insert(
        "Refusal".into(),
        json!({
            "type": "object",
            "description": "A call that was not carried out.",
            "properties": {
                "status": { "const": false },
                "msg": { "type": "string", "description": "For people. Not to be matched on." },
                "status_code": reference("StatusCode"),
            },
            "required": ["status", "msg", "status_code"],
            "additionalProperties": false,
            "x-order": ["status", "msg", "status_code"],
        }),
    );
    schemas
}

fn responses() -> Value {
    let missing = StatusCode::MissingRequiredParameter;
    let signed = [
        (missing, "Missing API-KEY header."),
        (StatusCode::InvalidApiKey, "Invalid API key provided."),
        (missing, "Missing HASH-SIGNATURE header."),
        (missing, "Missing Room-Id header for multipart request."),
        (StatusCode::InvalidTokenOrSignature, "Failed to verify provided authentication details."),
    ];
    let signed: Map<String, Value> = signed
        .into_iter()
        .enumerate()
        .map(|(index, (code, msg))| {
            (format!("refusal-{index}"), json!({ "summary": code.as_str_name(), "value": refusal(code, msg) }))
        })
        .collect();
    let json_of =
        |examples: Value| json!({ "application/json": { "schema": reference("Refusal"), "examples": examples } });
    let text = |text: &str| json!({ "text/plain": { "schema": { "type": "string" }, "example": text } });
    let (code, msg) = crate::limits::REFUSAL;
    json!({
        "NotSigned": { "description": "A key or signature is missing or wrong.", "content": json_of(signed.into()) },
        "TooLarge": {
            "description": "The body is larger than `upload_file_settings.max_size`.",
            "content": text("Request Entity Too Large"),
        },
        "TooMany": {
            "description": "Too many calls with this key, or too many that were not signed from this address.",
            "headers": { "Retry-After": {
                "description": "Seconds until the next call has a chance.", "required": true,
                "schema": { "type": "integer", "minimum": 1 },
            } },
            "content": json_of(json!({ "refusal-0": { "summary": code.as_str_name(), "value": refusal(code, msg) } })),
        },
    })
}

#[cfg(test)]
pub(crate) fn of_a_server() -> Value {
    build(&Server { version: "1.2.3", url: None, defaults: &RoomDefaults::default() })
}
