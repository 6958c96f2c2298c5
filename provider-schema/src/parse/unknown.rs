//! What to say about a property that does not exist: most are slips, and the nearest name helps.

use crate::error::quoted;
use crate::updates::Property;

/// Letters that are enough to recognise a name by its beginning.
const SHORTENED_LENGTH_MIN: usize = 3;

/// Why each of `names`, found in the object at `place`, is refused. `known` are the object's names: where no other help is
/// at hand they are listed, once, because a list for each would leave no room for the other problems.
pub(crate) fn explain<'a>(
    names: impl Iterator<Item = &'a str>,
    known: &[&'static str],
    place: &str,
) -> Vec<(&'a str, String)> {
    let mut is_listed = false;
    let explained = names.map(|name| {
        let problem = hint(name, known, place).unwrap_or_else(|| {
            let list = if is_listed {
                String::new()
            } else {
                let known: Vec<String> = known.iter().map(|known| quoted(known)).collect();
                format!(": expected one of {}", known.join(", "))
            };
            is_listed = true;
            format!("is not a property{list}")
        });
        (name, problem)
    });
    explained.collect()
}

/// What was probably meant.
fn hint(name: &str, known: &[&'static str], place: &str) -> Option<String> {
    if let Some(same) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return Some(format!(
            "is not a property: names are case-sensitive, write {}",
            quoted(same)
        ));
    }
    if let Some(home) = home(name, place) {
        return Some(format!("is not a property here: it belongs {home}"));
    }
    let nearest = nearest(name, known)?;
    Some(format!(
        "is not a property: did you mean {}?",
        quoted(nearest)
    ))
}

/// Where a property of this very name does belong.
fn home(name: &str, place: &str) -> Option<String> {
    Property::ALL.iter().find_map(|property| {
        let mut parents: Vec<&str> = property.path().split('.').collect();
        // The name itself, or an object on the way to it, as `AwsLogsConfiguration` is.
        let position = parents.iter().position(|part| *part == name)?;
        parents.truncate(position);
        let parent = parents.join(".");
        if parent == place.trim_start_matches('/').replace('/', ".") {
            None
        } else if parent.is_empty() {
            Some("at the top level".to_owned())
        } else {
            Some(format!("in `{parent}`"))
        }
    })
}

/// The known name that takes the fewest edits, if that is at most half of its letters; letters in
/// the wrong case count as no edit. Else one that is cut short, as `Env` is.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let edits = |known: &&'a str| {
        let allowed = known.len().max(name.len()) / 2;
        // The length bounds the work: a name of 100 kB is near to nothing.
        (name.len().abs_diff(known.len()) <= allowed)
            .then(|| distance(&name, &known.to_ascii_lowercase()))
            .filter(|edits| *edits <= allowed)
    };
    let fewest = known
        .iter()
        .filter_map(|known| Some((edits(known)?, *known)));
    fewest
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, known)| known)
        .or_else(|| {
            let is_cut = |known: &&&str| {
                name.len() >= SHORTENED_LENGTH_MIN && known.to_ascii_lowercase().starts_with(&name)
            };
            known.iter().find(is_cut).copied()
        })
}

/// Letters to insert, delete, replace, or swap with their neighbour to get from `a` to `b`
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_previous: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut last_of_a = None;
    for (row, of_a) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut last_of_b = None;
        for (column, &of_b) in b.iter().enumerate() {
            let at =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&previous, column) + usize::from(of_a != of_b);
            let mut edits = replaced
                .min(at(&previous, column + 1) + 1)
                .min(at(&current, column) + 1);
            if last_of_a == Some(of_b) && last_of_b == Some(of_a) && column > 0 {
                edits = edits.min(at(&before_previous, column - 1) + 1);
            }
            current.push(edits);
            last_of_b = Some(of_b);
        }
        before_previous = std::mem::replace(&mut previous, current);
        last_of_a = Some(of_a);
    }
    previous.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("cpu", "cpu", 0),
            ("memroy", "memory", 1),
            ("kitten", "sitting", 3),
            ("ca", "abc", 3),
            ("imge", "image", 1),
            ("tägs", "tags", 1),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn nearest_is_near() {
        let known = [
            "Cpu",
            "Cluster",
            "Memory",
            "Tags",
            "MinTaskCount",
            "Environment",
        ];
        for (name, expected) in [
            ("Memroy", Some("Memory")),
            ("cluser", Some("Cluster")),
            ("Cpus", Some("Cpu")),
            ("Foo", None),
            ("Tag", Some("Tags")),
            ("", None),
            ("MinTasks", Some("MinTaskCount")),
            ("env", Some("Environment")),
            ("En", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
    }
}
