//! The description for people: one page, made from the document, that asks nobody for anything.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::client::{Dist, sha256};

/// Writes into a `String`, which takes everything.
macro_rules! push {
    ($out:expr, $($words:tt)+) => {
        write!($out, $($words)+).expect("a String takes everything")
    };
}

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Deepest nesting of fields that is shown.
const DEPTH: usize = 8;

pub(super) struct Page {
    pub(super) html: String,
    /// Its content security policy: its own style, its own script and a font of ours, nothing else.
    pub(super) policy: String,
}

/// Builds it.
pub(super) fn build(document: &Value) -> Page {
    let style = format!("{}{STYLE}", font());
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(sha256(text.as_bytes())));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; font-src 'self'; img-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'self'",
        hash(&style),
        hash(SCRIPT)
    );
    let version = escaped(text(&document["info"]["version"]));
    let title = escaped(text(&document["info"]["title"]));
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"/plenum.svg\"><style>{style}</style></head><body>\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\
         <header class=\"top\"><strong>{title}</strong><span class=\"version\">{version}</span>\
         <a class=\"raw\" href=\"/openapi.json\">openapi.json</a></header>\
         <div class=\"frame\">{nav}<main id=\"content\">{intro}{calls}</main></div>\
         <div id=\"said\" role=\"status\" class=\"skip\"></div><script>{SCRIPT}</script></body></html>",
        nav = nav(document),
        intro = intro(document),
        calls = calls(document),
    );
    Page { html, policy }
}

/// The client's own font, where this build has a client.
fn font() -> String {
    let file = Dist::iter().find(|name| name.starts_with("assets/inter-latin-wght-normal") && name.ends_with(".woff2"));
    file.map_or_else(String::new, |file| {
        format!(
            "@font-face{{font-family:\"Inter Variable\";font-weight:100 900;font-display:swap;\
             src:url(/{file}) format(\"woff2\")}}"
        )
    })
}

fn nav(document: &Value) -> String {
    let mut out = String::from(
        "<nav class=\"nav\" aria-label=\"Calls\"><details open><summary class=\"menu\">Calls and search</summary>\
         <label for=\"search\">Search calls and fields</label>\
         <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\">\
         <section><h2>Start here</h2><ul><li><a href=\"#signing\">Signing a call</a></li>\
         <li><a href=\"#answers\">Requests and answers</a></li><li><a href=\"#codes\">Status codes</a></li></ul></section>",
    );
    for tag in list(&document["tags"]) {
        push!(out, "<section><h2>{}</h2><ul>", escaped(text(&tag["name"])));
        for call in list(&tag["x-paths"]).iter().map(|path| &document["paths"][text(path)]["post"]) {
            let (id, name) = (escaped(text(&call["operationId"])), escaped(text(&call["summary"])));
            push!(out, "<li><a href=\"#{id}\">{name}</a></li>");
        }
        out.push_str("</ul></section>");
    }
    out.push_str("<p class=\"none\" role=\"status\" hidden>Nothing is called that.</p></details></nav>");
    out
}

fn intro(document: &Value) -> String {
    let about = text(&document["info"]["description"]);
    // The first two paragraphs say what the API is, the rest how it speaks.
    let mut parts = about.splitn(3, "\n\n");
    let (what, how) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let dialect = parts.next().unwrap_or_default();
    let schemes = &document["components"]["securitySchemes"];
    let mut out = format!(
        "<h1>{}</h1>{}{}<div class=\"card\" id=\"signing\"><h3>Signing a call</h3>",
        escaped(text(&document["info"]["title"])),
        prose(what),
        prose(how)
    );
    for scheme in ["key", "signature"] {
        let (name, words) = (escaped(text(&schemes[scheme]["name"])), prose(text(&schemes[scheme]["description"])));
        push!(out, "<h4><code>{name}</code></h4>{words}");
    }
    push!(
        out,
        "<h4>Trying it in a shell</h4><p>Set these once; every example on this page uses them. \
         <code>plenum secrets</code> prints key and secret.</p><div id=\"setup\">{}</div></div>",
        code("Settings for the examples", text(&document["x-setup"]), true)
    );
    push!(out, "<div class=\"card\" id=\"answers\"><h3>Requests and answers</h3>{}</div>", prose(dialect));
    out.push_str("<div class=\"card\" id=\"codes\"><h3>Status codes</h3><p>Values of <code>status_code</code>.</p><p>");
    for name in list(&document["components"]["schemas"]["StatusCode"]["enum"]) {
        push!(out, "<code>{}</code> ", escaped(text(name)));
    }
    out.push_str("</p></div>");
    out
}

fn calls(document: &Value) -> String {
    let mut out = String::new();
    for tag in list(&document["tags"]) {
        push!(out, "<section><h2>{}</h2>{}", escaped(text(&tag["name"])), prose(text(&tag["description"])));
        for path in list(&tag["x-paths"]) {
            call(&mut out, document, text(path));
        }
        out.push_str("</section>");
    }
    out
}

fn call(out: &mut String, document: &Value, path: &str) {
    let call = &document["paths"][path]["post"];
    let old = if call["deprecated"] == true { "<span class=\"old\">deprecated</span>" } else { "" };
    push!(
        out,
        "<article class=\"card\" id=\"{}\"><h3>{}</h3><p class=\"path\"><span class=\"verb\">POST</span><code>{}</code>{old}</p>{}",
        escaped(text(&call["operationId"])),
        escaped(text(&call["summary"])),
        escaped(path),
        prose(text(&call["description"]))
    );
    out.push_str(&code(&format!("curl for {path}"), text(&call["x-codeSamples"][0]["source"]), true));
    let asked = &call["requestBody"]["content"]["application/json"]["schema"];
    let form = &call["requestBody"]["content"]["multipart/form-data"]["schema"];
    let asked = if form.is_object() { form } else { asked };
    if asked.get("$ref").is_some() || form.is_object() {
        out.push_str("<h4>Request</h4>");
        fields(out, document, asked, Side::Asked, 0);
    }
    let done = &call["responses"]["200"]["content"]["application/json"];
    out.push_str("<h4>Answer</h4><details><summary>Fields of the answer</summary>");
    fields(out, document, &done["schema"]["anyOf"][0], Side::Answered, 0);
    let mut success = String::new();
    pretty(&mut success, document, &done["schema"]["anyOf"][0], &done["examples"]["success"]["value"], 0);
    push!(out, "</details>{}", code("An answer", &success, false));
    refusals(out, &done["examples"]);
    out.push_str("</article>");
}

/// A part of a value: its name in an object, its schema, itself.
type Item<'a> = (Option<&'a str>, &'a Value, &'a Value);

/// A value as JSON over several lines, fields in the order in which they are sent.
fn pretty(out: &mut String, document: &Value, schema: &Value, value: &Value, depth: usize) {
    let schema = resolved(document, core(schema)).unwrap_or(schema);
    let (open, close, items): (char, char, Vec<Item<'_>>) = match value {
        Value::Object(fields) => {
            let order = schema.get("x-order").map(list).unwrap_or_default().iter().map(text);
            let mut names: Vec<&str> = order.filter(|name| fields.contains_key(*name)).collect();
            names.extend(fields.keys().map(String::as_str).filter(|name| schema["properties"].get(name).is_none()));
            let item = |name| (Some(name), &schema["properties"][name], &fields[name]);
            ('{', '}', names.into_iter().map(item).collect())
        }
        Value::Array(values) => ('[', ']', values.iter().map(|value| (None, schema, value)).collect()),
        other => return push!(out, "{other}"),
    };
    if items.is_empty() {
        return push!(out, "{open}{close}");
    }
    out.push(open);
    for (index, (name, schema, value)) in items.into_iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        push!(out, "{comma}\n{:width$}", "", width = 2 * (depth + 1));
        if let Some(name) = name {
            push!(out, "{}: ", Value::from(name));
        }
        pretty(out, document, schema, value, depth + 1);
    }
    push!(out, "\n{:width$}{close}", "", width = 2 * depth);
}

fn refusals(out: &mut String, examples: &Value) {
    out.push_str("<h4>Refusals</h4><ul class=\"refusals\">");
    let examples = examples.as_object().into_iter().flatten();
    let mut refusals: Vec<_> = examples.filter(|(name, _)| name.starts_with("refusal")).collect();
    refusals.sort_by_key(|(name, _)| name.rsplit('-').next().and_then(|number| number.parse::<u32>().ok()));
    for (_, refusal) in refusals {
        push!(
            out,
            "<li><code>{}</code> <q>{}</q>{}</li>",
            escaped(text(&refusal["summary"])),
            escaped(text(&refusal["value"]["msg"])),
            prose(text(&refusal["description"]))
        );
    }
    out.push_str("</ul>");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Asked,
    Answered,
}

/// The fields of an object; `schema` is a reference or stands for one.
fn fields(out: &mut String, document: &Value, schema: &Value, side: Side, depth: usize) {
    let Some(object) = resolved(document, schema).and_then(Value::as_object) else {
        return;
    };
    if let Some(choices) = object.get("oneOf").and_then(Value::as_array) {
        let names: Vec<String> =
            choices.iter().map(|choice| format!("<code>{}</code>", escaped(text(&choice["required"][0])))).collect();
        push!(out, "<p>Exactly one of {}.</p>", names.join(", "));
    }
    let required: Vec<&str> = object.get("required").map(list).unwrap_or_default().iter().map(text).collect();
    let mut reserved = Vec::new();
    out.push_str("<ul class=\"fields\">");
    for name in object.get("x-order").map(list).unwrap_or_default().iter().map(text) {
        let field = &object["properties"][name];
        if field["readOnly"] == true {
            reserved.push(format!("<code>{}</code>", escaped(name)));
            continue;
        }
        let must = side == Side::Asked && required.contains(&name);
        let must = if must { "<span class=\"must\">required</span>" } else { "" };
        push!(
            out,
            "<li><b>{}</b><span class=\"type\">{}</span>{must}{}{}",
            escaped(name),
            escaped(&kind(document, field)),
            prose(text(&field["description"])),
            bounds(document, field)
        );
        let inner = inner(document, field);
        if let Some(inner) = inner.filter(|_| depth < DEPTH) {
            push!(out, "<details><summary>Fields of <code>{}</code></summary>", escaped(name));
            fields(out, document, inner, side, depth + 1);
            out.push_str("</details>");
        }
        out.push_str("</li>");
    }
    out.push_str("</ul>");
    if !reserved.is_empty() {
        push!(out, "<p class=\"reserved\">For the server to say, not to be sent: {}.</p>", reserved.join(", "));
    }
}

/// What a reference leads to, or the schema itself.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> Option<&'d Value> {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(target) => document.pointer(target.trim_start_matches('#')),
        None => Some(schema),
    }
}

/// The schema of what a field holds, without lists, maps and `null` around it.
fn core(field: &Value) -> &Value {
    let alternatives = field.get("anyOf").and_then(|all| all.get(0));
    let around = field.get("items").or_else(|| field.get("additionalProperties").filter(|value| value.is_object()));
    match alternatives.or(around) {
        Some(inside) => core(inside),
        None => field,
    }
}

/// The object inside a field, if there is one with fields of its own.
fn inner<'d>(document: &'d Value, field: &'d Value) -> Option<&'d Value> {
    let core = core(field);
    resolved(document, core).filter(|schema| schema.get("properties").is_some()).map(|_| core)
}

fn kind(document: &Value, field: &Value) -> String {
    let base = core(field);
    let schema = resolved(document, base).unwrap_or(base);
    let name = match base.get("$ref").and_then(Value::as_str) {
        Some(_) if schema.get("enum").is_some() => "enum".to_owned(),
        Some(target) => target.rsplit('/').next().unwrap_or_default().to_owned(),
        None => match (&schema["type"], schema.get("format").and_then(Value::as_str)) {
            (Value::Array(_), Some(format)) => format.to_owned(),
            (Value::String(kind), Some(format @ ("int64" | "uint64"))) if kind == "string" => {
                format!("{format} as text")
            }
            (Value::String(_), Some(format @ ("int32" | "uint32"))) => format.to_owned(),
            (Value::String(kind), _) => kind.clone(),
            _ => String::new(),
        },
    };
    if field.get("items").is_some() {
        format!("list of {name}")
    } else if field["additionalProperties"].is_object() {
        format!("map to {name}")
    } else {
        name
    }
}

/// Bounds, default and values of a field, in words.
fn bounds(document: &Value, field: &Value) -> String {
    let mut said = Vec::new();
    let all = field.as_object().cloned().unwrap_or_default();
    let number = |name: &str| all.get(name).and_then(Value::as_u64);
    match (number("x-max-bytes"), number("maxLength")) {
        (Some(most), _) => said.push(format!("at most {most} bytes")),
        (None, Some(most)) => said.push(format!("at most {most} characters")),
        (None, None) => {}
    }
    if let Some(pattern) = all.get("pattern").filter(|_| field["type"] == "string" && all.get("format").is_none()) {
        said.push(format!("matches <code>{}</code>", escaped(text(pattern))));
    }
    if field["format"] == "uri" {
        said.push("an absolute URI".to_owned());
    }
    if number("minimum") == Some(1) {
        said.push("1 or more".to_owned());
    }
    for (name, words) in [("maxItems", "at most"), ("minItems", "at least")] {
        said.extend(number(name).map(|items| format!("{words} {items} items")));
    }
    said.extend(number("maxProperties").map(|pairs| format!("at most {pairs} entries")));
    said.extend(all.get("default").map(|default| format!("default <code>{}</code>", escaped(&default.to_string()))));
    let values = resolved(document, core(field)).and_then(|schema| schema.get("enum")).map(list).unwrap_or_default();
    if !values.is_empty() && text(&values[0]) != "UNKNOWN_STATUS" {
        let values: Vec<String> = values.iter().map(|value| format!("<code>{}</code>", escaped(text(value)))).collect();
        said.push(format!("one of {}", values.join(" ")));
    }
    if said.is_empty() { String::new() } else { format!("<p class=\"bounds\">{}</p>", said.join(" · ")) }
}

fn code(name: &str, content: &str, copyable: bool) -> String {
    let (name, content) = (escaped(name), escaped(content));
    let class = if copyable { "code copyable" } else { "code" };
    let label = if copyable { format!("<span aria-hidden=\"true\">{name}</span>") } else { String::new() };
    // What scrolls must be reachable by keyboard, and have a name.
    format!(
        "<div class=\"{class}\" data-name=\"{name}\">{label}<pre tabindex=\"0\" role=\"region\" aria-label=\"{name}\">\
         <code>{content}</code></pre></div>"
    )
}

/// Paragraphs with `code` and **bold**: all the markup our descriptions use.
fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    paragraphs
        .map(|paragraph| format!("<p>{}</p>", marked(&marked(&escaped(paragraph), "`", "code"), "**", "strong")))
        .collect()
}

/// Every second piece between `mark`s becomes an element.
fn marked(text: &str, mark: &str, element: &str) -> String {
    let mut out = String::new();
    for (index, piece) in text.split(mark).enumerate() {
        if index % 2 == 1 {
            push!(out, "<{element}>{piece}</{element}>");
        } else {
            out.push_str(piece);
        }
    }
    out
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
