//! Paths as `file:` URIs, and back.

use std::path::{Path, PathBuf};

use gen_lsp_types::Uri;

/// The path of a file's URI; none of another scheme, as of a text that was never saved.
pub fn path_of(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.0.strip_prefix("file://")?;
    let path = &rest[rest.find('/')?..];
    let path = decoded(path)?;
    // `/c:/models/a.nn` is `c:/models/a.nn`.
    let bytes = path.as_bytes();
    let drive = bytes.len() > 2 && bytes[1].is_ascii_alphabetic() && bytes[2] == b':';
    Some(PathBuf::from(if drive { &path[1..] } else { &path }))
}

/// The URI of a path.
pub fn uri_of(path: &Path) -> Uri {
    let path = path.to_string_lossy();
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.into_owned() };
    let mut uri = String::from("file://");
    if !path.starts_with('/') {
        uri.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte as char),
            byte => uri += &format!("%{byte:02X}"),
        }
    }
    Uri(uri)
}

/// The text with `%20` and its like resolved; none when these make no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_again() {
        for path in ["/models/iris.nn", "/my models/損失 100%.nn", "/a+b/c#d?e.nn"] {
            assert_eq!(path_of(&uri_of(Path::new(path))), Some(PathBuf::from(path)), "{path}");
        }
        assert_eq!(uri_of(Path::new("/a b/σ.nn")).0, "file:///a%20b/%CF%83.nn");
    }

    #[test]
    fn clients_write_uris_in_their_own_ways() {
        let path = |uri: &str| path_of(&Uri(uri.to_owned()));
        assert_eq!(path("file:///c%3A/models/a.nn"), Some(PathBuf::from("c:/models/a.nn")));
        assert_eq!(path("file://localhost/models/a.nn"), Some(PathBuf::from("/models/a.nn")));
        assert_eq!(path("untitled:Untitled-1"), None);
        assert_eq!(path("file:///a%ff"), None);
        assert_eq!(path("file:///a%2"), None);
    }
}
