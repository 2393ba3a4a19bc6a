//! Absolute URIs of RFC 3986, any scheme.

/// Whether `text` is a URI with a scheme (RFC 3986 section 3). `foo:bar` is one, `x.pdf` is not.
pub fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let (rest, fragment) = split(rest, '#');
    let (hierarchy, query) = split(rest, '?');
    is_scheme(scheme) && is_hierarchy(hierarchy) && is_made_of(query, "/?:@") && is_made_of(fragment, "/?:@")
}

fn split(text: &str, mark: char) -> (&str, &str) {
    text.split_once(mark).unwrap_or((text, ""))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn is_hierarchy(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("//") else {
        return is_made_of(text, "/:@");
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    is_authority(authority) && is_made_of(path, "/:@")
}

fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let (host, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, rest)) => {
            let port = if rest.is_empty() { Some("") } else { rest.strip_prefix(':') };
            return is_made_of(user, ":") && is_literal(address) && port.is_some_and(is_port);
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    is_made_of(user, ":") && is_made_of(host, "") && is_port(port)
}

/// An IPv6 address, with or without a zone, or a future one.
fn is_literal(text: &str) -> bool {
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        return future.split_once('.').is_some_and(|(version, address)| {
            !version.is_empty()
                && version.bytes().all(|b| b.is_ascii_hexdigit())
                && !address.is_empty()
                && !address.contains('%')
                && is_made_of(address, ":")
        });
    }
    let (address, zone) = text.split_once("%25").unwrap_or((text, "x"));
    address.parse::<std::net::Ipv6Addr>().is_ok() && !zone.is_empty() && is_made_of(zone, "")
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 5
}

/// Unreserved characters, sub-delimiters, percent-encoded bytes and those in `also`.
fn is_made_of(text: &str, also: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => [bytes.next(), bytes.next()].iter().all(|digit| digit.is_some_and(|d| d.is_ascii_hexdigit())),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => {
                true
            }
            _ => byte.is_ascii_alphanumeric() || also.as_bytes().contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_scheme_will_do() {
        for good in [
            "foo:bar",
            "https://example.com",
            "https://user:pw@example.com:8443/a/b%20c?d=e&f#g",
            "http://[::1]:8080/x",
            "http://[fe80::1%25eth0]/",
            "urn:uuid:0b8d9b3a",
            "mailto:a@b.c",
            "file:///x",
            "http://127.0.0.1",
            "a://",
        ] {
            assert!(is_uri(good), "{good}");
        }
    }

    #[test]
    fn relative_and_malformed_ones_will_not() {
        for bad in [
            "",
            "x.pdf",
            "not a url",
            "//example.com/x",
            "1a:b",
            ":b",
            "http://exa mple.com",
            "http://example.com/ü",
            "http://example.com/%zz",
            "http://example.com/%2",
            "http://example.com:port/",
            "http://example.com:123456/",
            "http://[::1",
            "http://[zz]/",
            "http://[::1]x",
            "http://a/b#c#d",
            "http://a\n/",
            "http://<a>/",
        ] {
            assert!(!is_uri(bad), "{bad}");
        }
    }
}
