//! What the application itself says in its log: where it listens, and its last words.

/// Words after which servers name the address that they listen on.
const SPEAKS_OF_LISTENING: [&str; 11] = [
    "listen",
    "running on",
    "running at",
    "serving",
    "started on",
    "started at",
    "started server",
    "bound to",
    "ready on",
    "available at",
    "tomcat",
];
/// Words of what listens beside the application.
const BESIDE: [&str; 8] = [
    "debug",
    "inspector",
    "devtools",
    "metrics",
    "prometheus",
    "management",
    "actuator",
    "pprof",
];
/// Schemes of addresses that a load balancer can ask.
const SCHEMES: [&str; 5] = ["http", "https", "h2c", "grpc", "tcp"];
/// What stands around an address, or ends a sentence.
const AROUND: &[char] = &['"', '\'', '`', '(', ')', ',', ';', '.', '<', '>', '{', '}'];
/// Lines that are shown of a crash.
const LAST_LINES: usize = 3;
/// Bytes of them.
const LAST_BYTES: usize = 240;

/// Where an application says that it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Whether only itself can connect.
    pub is_loopback: bool,
    /// The port.
    pub port: u16,
    /// The line that says so.
    pub line: String,
}

/// Where the lines say that the application listens: where it is `expected` to, if it does, else the last address.
#[must_use]
pub fn listening<'a>(
    lines: impl IntoIterator<Item = &'a String>,
    expected: Option<u16>,
) -> Option<Listening> {
    let told: Vec<Listening> = lines.into_iter().filter_map(|line| address(line)).collect();
    let as_expected = told
        .iter()
        .filter(|listening| Some(listening.port) == expected)
        .min_by_key(|listening| listening.is_loopback);
    as_expected.or(told.last()).cloned()
}

fn address(line: &str) -> Option<Listening> {
    let (is_loopback, port) = host_and_port(&line.to_lowercase())?;
    Some(Listening {
        is_loopback,
        port,
        line: line.to_owned(),
    })
}

/// Whether the host of a line in lower case is the loopback address, and the port.
fn host_and_port(line: &str) -> Option<(bool, u16)> {
    if BESIDE.iter().any(|word| line.contains(word)) {
        return None;
    }
    let at = SPEAKS_OF_LISTENING
        .iter()
        .filter_map(|word| line.find(word))
        .min()?;
    let (all, after) = (words(line), words(line.split_at(at).1));
    let of_listener = || after.iter().find_map(|word| of_address(word, is_host));
    let of_port = || {
        let is_loopback = line.contains("127.0.0.1") || line.contains("localhost");
        Some((is_loopback, named_port(&all)?))
    };
    all.iter()
        .find_map(|word| of_url(word))
        .or_else(of_listener)
        .or_else(of_port)
}

fn words(text: &str) -> Vec<&str> {
    let words = text.split_whitespace();
    words.map(|word| word.trim_matches(AROUND)).collect()
}

/// `http://host:port/…`
fn of_url(word: &str) -> Option<(bool, u16)> {
    let (scheme, rest) = word.split_once("://")?;
    let scheme = scheme.rsplit(['=', '(', '[', '"']).next()?;
    let authority = rest.split(['/', '?']).next()?;
    SCHEMES
        .contains(&scheme)
        .then(|| of_address(authority, |host| is_host(host) || is_name(host)))?
}

/// `host:port`, `:port`. A time of day has a colon, too, but no host before it.
fn of_address(word: &str, is_host: impl Fn(&str) -> bool) -> Option<(bool, u16)> {
    let (host, port) = word.rsplit_once(':')?;
    let host = host.rsplit('=').next()?;
    let port = port_of(port)?;
    is_host(host).then(|| (is_loopback(host), port))
}

/// `port 80`, `port: 80`, `port(s): 80`, `port=80`
fn named_port(words: &[&str]) -> Option<u16> {
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let name = name.trim_end_matches([':', '(', ')']);
        if !["port", "ports", "port(s", "port(s)"].contains(&name) {
            continue;
        }
        let next = words.peek().copied().unwrap_or(&"");
        if let Some(port) = port_of(value).or_else(|| port_of(next)) {
            return Some(port);
        }
    }
    None
}

fn port_of(word: &str) -> Option<u16> {
    word.parse().ok().filter(|port| *port > 0)
}

/// An address to listen on; never a number such as an hour.
fn is_host(host: &str) -> bool {
    let parts: Vec<&str> = host.split('.').collect();
    let is_v4 = parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok());
    let is_v6 = host.starts_with('[') && host.ends_with(']') || host == "::" || host == "::1";
    host.is_empty() || host == "*" || host == "localhost" || is_v4 || is_v6
}

/// A name that a server gives itself. Only a URL says that it is one: `serving db:5432` names another.
fn is_name(host: &str) -> bool {
    let is_of_names = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
    host.contains(|letter: char| letter.is_ascii_alphabetic()) && host.chars().all(is_of_names)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host == "[::1]" || host == "::1"
}

/// The last lines, oldest first, as one.
#[must_use]
pub fn last_words(lines: &[String]) -> Option<String> {
    let told: Vec<&str> = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect();
    let first = told.len().saturating_sub(LAST_LINES);
    let text = told.get(first..)?.join(" | ");
    (!text.is_empty()).then(|| cut_front(&text, LAST_BYTES))
}

/// The end of a text says more than its beginning.
fn cut_front(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let at = text.ceil_char_boundary(text.len() - bytes_max);
    format!("…{}", text.split_at(at).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<(bool, u16)> {
        listening([&line.to_owned()], None).map(|it| (it.is_loopback, it.port))
    }

    #[test]
    fn addresses_of_common_servers_are_read() {
        for (line, expected) in [
            ("Listening on http://0.0.0.0:3000/", Some((false, 3000))),
            ("Example app listening on port 3000", Some((false, 3000))),
            (
                "Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
                Some((true, 8000)),
            ),
            (
                "Tomcat started on port(s): 8080 (http) with context path ''",
                Some((false, 8080)),
            ),
            ("Tomcat started on port 8080 (http)", Some((false, 8080))),
            (" * Running on http://localhost:5000", Some((true, 5000))),
            (
                "[1] [INFO] Listening at: http://[::1]:8000 (1)",
                Some((true, 8000)),
            ),
            ("server listening on :9000", Some((false, 9000))),
            ("Now listening on: http://[::]:8080", Some((false, 8080))),
            (
                "[2026-11-21 12:30:15 +0000] [1] [INFO] Listening at: http://0.0.0.0:8000 (1)",
                Some((false, 8000)),
            ),
            (
                "2026/11/21 12:30:07 Listening on :8080",
                Some((false, 8080)),
            ),
            (
                "2026-11-21T12:30:15 INFO serving on 0.0.0.0:8080",
                Some((false, 8080)),
            ),
            (
                "[21/Nov/2026:12:30:15 +0000] listening, port=9000",
                Some((false, 9000)),
            ),
            ("Listening on localhost port 5000", Some((true, 5000))),
            ("Listening on 127.0.0.1, port 5000", Some((true, 5000))),
            ("Ready on http://web-1.internal:8080", Some((false, 8080))),
            ("Serving http://<host>:8080", None),
            ("Serving http://1.2.3:8080", None),
            ("Listening on :0", None),
            ("Listening since 12:30", None),
            ("Serving a.replica.db.internal:5432", None),
            ("Serving queue[3]:5432", None),
            ("Listening at 12:30:15.123", None),
            ("Now serving since 2026-11-21T12:30", None),
            ("Debugger listening on ws://127.0.0.1:9229/0f2c936f", None),
            ("Metrics listening on :9090", None),
            ("serving data of postgres://db.internal:5432/x", None),
            ("started in 12:30 minutes", None),
            ("connected to db:5432", None),
            ("listening", None),
        ] {
            assert_eq!(found(line), expected, "{line}");
        }
    }

    #[test]
    fn of_several_addresses_the_expected_one_counts_else_the_last() {
        let lines = [
            "listening on 127.0.0.1:80",
            "listening on :80",
            "listening on :9000",
        ];
        let lines = lines.map(str::to_owned);
        let of = |expected| listening(&lines, expected).map(|it| (it.is_loopback, it.port));
        assert_eq!(of(Some(80)), Some((false, 80)));
        assert_eq!(of(Some(3000)), Some((false, 9000)));
    }

    #[test]
    fn the_last_lines_are_shown_and_cut_in_front() {
        let lines = ["one", "two", "", "three", "four"].map(str::to_owned);
        assert_eq!(last_words(&lines).as_deref(), Some("two | three | four"));
        assert_eq!(last_words(&[]), None);
        let long = last_words(&["ä".repeat(500)]).unwrap();
        assert_eq!(long, format!("…{}", "ä".repeat(LAST_BYTES / 2)));
    }
}
