//! What the application itself says in its log: where it listens, and its last words.

/// Words beside which servers name the address that they listen on.
const SPEAKS_OF_LISTENING: [&str; 9] = [
    "listen",
    "running on",
    "running at",
    "serving",
    "started on",
    "started at",
    "bound to",
    "ready on",
    "tomcat",
];
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
}

/// The last address that the lines name.
#[must_use]
pub fn listening(lines: &[String]) -> Option<Listening> {
    lines.iter().rev().find_map(|line| {
        let line = line.to_lowercase();
        SPEAKS_OF_LISTENING
            .iter()
            .any(|word| line.contains(word))
            .then(|| address(&line))
            .flatten()
    })
}

fn address(line: &str) -> Option<Listening> {
    let mut follows_port = false;
    for word in line.split_whitespace() {
        let word = word.trim_matches(|letter: char| "\"'`(),;.".contains(letter));
        let bare = word.split_once("://").map_or(word, |(_, after)| after);
        let bare = bare.split('/').next().unwrap_or(bare);
        if let Some((host, port)) = bare.rsplit_once([':', '='])
            && let Some(port) = port_of(port)
        {
            let is_host = host.is_empty() || host.contains(['.', ':', '*']) || host == "localhost";
            if is_host || host == "port" {
                return Some(Listening {
                    is_loopback: is_loopback(host),
                    port,
                });
            }
        }
        if follows_port && let Some(port) = port_of(bare) {
            return Some(Listening {
                is_loopback: line.contains("127.0.0.1") || line.contains("localhost"),
                port,
            });
        }
        follows_port = ["port", "port:", "port(s)", "port(s):", "ports"].contains(&word);
    }
    None
}

fn port_of(word: &str) -> Option<u16> {
    word.parse().ok().filter(|port| *port > 0)
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
        listening(&[line.to_owned()]).map(|it| (it.is_loopback, it.port))
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
            ("started in 12:30 minutes", None),
            ("connected to db:5432", None),
            ("listening", None),
        ] {
            assert_eq!(found(line), expected, "{line}");
        }
    }

    #[test]
    fn the_last_lines_are_shown_and_cut_in_front() {
        let lines = ["one", "two", "", "three", "four"].map(str::to_owned);
        assert_eq!(last_words(&lines).as_deref(), Some("two | three | four"));
        assert_eq!(last_words(&[]), None);
        let long = last_words(&["ä".repeat(500)]).unwrap();
        assert!(long.starts_with('…') && long.len() <= LAST_BYTES + '…'.len_utf8());
    }
}
