//! Paths as the reference matches them: any case, and a trailing slash means nothing.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// First segments whose remainder keeps its case: file names, meeting codes, tokens, names of methods.
const VERBATIM: [&str; 4] = ["assets", "download", "join", "twirp"];

/// The request with the path our routes are written in.
pub(crate) fn normalised(mut request: Request) -> Request {
    if let Some(uri) = normal_uri(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// What a percent-encoded path says, `+` for a blank; `None` if it says no text.
pub(crate) fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// `None` if the URI is normal already or cannot be changed.
fn normal_uri(uri: &Uri) -> Option<Uri> {
    let path = normal(uri.path());
    if path == uri.path() {
        return None;
    }
    let path_and_query = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

fn normal(path: &str) -> String {
    let path = path.strip_suffix('/').unwrap_or(path);
    let Some(rest) = path.strip_prefix('/') else {
        return "/".to_owned();
    };
    if let Some(path) = bigbluebutton(rest) {
        return path;
    }
    match rest.split_once('/') {
        None if rest.contains('.') => path.to_owned(),
        Some((first, rest)) if VERBATIM.iter().any(|word| word.eq_ignore_ascii_case(first)) => {
            let first = first.to_ascii_lowercase();
            match rest.split_once('/') {
                Some((kind, rest)) if first == "download" => format!("/download/{}/{rest}", kind.to_ascii_lowercase()),
                _ => format!("/{first}/{rest}"),
            }
        }
        Some((first, rest)) if first.eq_ignore_ascii_case("api") => format!("/api/{}", below_api(rest)),
        _ => path.to_ascii_lowercase(),
    }
}

/// `polls/<question>/<ids>`: ids keep their case.
fn below_api(path: &str) -> String {
    let mut parts = path.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(polls), Some(question), Some(ids)) if polls.eq_ignore_ascii_case("polls") => {
            format!("polls/{}/{ids}", question.to_ascii_lowercase())
        }
        _ => path.to_ascii_lowercase(),
    }
}

/// `<key>/bigbluebutton/api[/method]`: the key keeps its case, and so does the method, which is part of what is signed.
fn bigbluebutton(path: &str) -> Option<String> {
    let (key, rest) = path.split_once('/')?;
    let (name, rest) = rest.split_once('/')?;
    let (api, method) = rest.split_once('/').map_or((rest, None), |(api, method)| (api, Some(method)));
    if !name.eq_ignore_ascii_case("bigbluebutton") || !api.eq_ignore_ascii_case("api") {
        return None;
    }
    let method = method.map(|method| format!("/{method}")).unwrap_or_default();
    Some(format!("/{key}/bigbluebutton/api{method}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_a_trailing_slash_do_not_matter() {
        for (typed, meant) in [
            ("/", "/"),
            ("", "/"),
            ("/AUTH/Room/CREATE/", "/auth/room/create"),
            ("/auth/room/create", "/auth/room/create"),
            ("/api/verifyToken", "/api/verifytoken"),
            ("/API/Polls/userSelectedOption/aB/Ana/", "/api/polls/userselectedoption/aB/Ana"),
            ("/api/polls/listPolls", "/api/polls/listpolls"),
            ("/Assets/index-B1c.js", "/assets/index-B1c.js"),
            ("/join/Abc", "/join/Abc"),
            ("/Twirp/livekit.RoomService/ListRooms", "/twirp/livekit.RoomService/ListRooms"),
            ("/Download/recording/eyJh.eyJl.AbC", "/download/recording/eyJh.eyJl.AbC"),
            ("/download/uploadedFile/Sid/X.png", "/download/uploadedfile/Sid/X.png"),
            ("/healthCheck/", "/healthcheck"),
            ("/Logo-A.svg", "/Logo-A.svg"),
            ("/Key/BigBlueButton/API/", "/Key/bigbluebutton/api"),
            ("/Key/bigbluebutton/Api/getMeetings/", "/Key/bigbluebutton/api/getMeetings"),
            ("/Key/bigbluebutton/x", "/key/bigbluebutton/x"),
        ] {
            assert_eq!(normal(typed), meant, "{typed}");
        }
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(decoded("a%2Fb+c%C3%BC%2525").as_deref(), Some("a/b cü%25"));
        for broken in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decoded(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_query_survives() {
        let uri = "http://h/API/x/?A=B".parse().unwrap();
        assert_eq!(normal_uri(&uri).unwrap().to_string(), "http://h/api/x?A=B");
    }
}
