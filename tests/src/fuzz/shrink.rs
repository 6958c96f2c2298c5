//! The smallest input that still fails.

use serde_json::Value;

/// Smaller inputs that are tried at most.
const TRIES_MAX: usize = 2000;

/// Takes away members, items and halves of texts while `fails` says yes.
#[must_use]
pub fn shrink(mut input: Value, fails: &dyn Fn(&Value) -> bool) -> Value {
    let mut tries = 0;
    let mut place = 0;
    // From the outside in: what is large goes first. A success may have made earlier places smaller again.
    while let Some(smaller) = smaller_at(&input, place) {
        let found = smaller.into_iter().find(|smaller| {
            tries += 1;
            tries <= TRIES_MAX && fails(smaller)
        });
        match found {
            Some(smaller) => {
                input = smaller;
                place = 0;
            }
            None => place += 1,
        }
        if tries > TRIES_MAX {
            break;
        }
    }
    input
}

/// Smaller versions of the value that is the `place`th on the way through all values, parents first; none if there
/// are not so many.
fn smaller_at(value: &Value, place: usize) -> Option<Vec<Value>> {
    let mut left = place;
    changed(value, &mut left)
}

fn changed(value: &Value, left: &mut usize) -> Option<Vec<Value>> {
    if *left == 0 {
        return Some(smaller(value));
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let changed = changed(item, left)?.into_iter().map(|smaller| {
                let mut items = items.clone();
                items[index] = smaller;
                Value::Array(items)
            });
            Some(changed.collect())
        }),
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let changed = changed(member, left)?.into_iter().map(|smaller| {
                let mut members = members.clone();
                members.insert(name.clone(), smaller);
                Value::Object(members)
            });
            Some(changed.collect())
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Versions of one value, each smaller than it is.
fn smaller(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) => vec![Value::Null],
        Value::String(text) => {
            let half = text.floor_char_boundary(text.len() / 2);
            let (first, second) = text.split_at(half);
            let halves = [first, second]
                .into_iter()
                .filter(|part| part.len() < text.len());
            let halves = halves.map(|part| Value::String(part.to_owned()));
            [Value::Null].into_iter().chain(halves).collect()
        }
        Value::Array(items) => {
            let half = items.len() / 2;
            let without = (0..items.len()).map(|index| {
                let mut items = items.clone();
                items.remove(index);
                Value::Array(items)
            });
            [Value::Null, Value::Array(items[..half].to_vec())]
                .into_iter()
                .filter(|smaller| smaller != value)
                .chain(without)
                .chain(items.iter().cloned())
                .collect()
        }
        Value::Object(members) => {
            let without = members.keys().map(|name| {
                let mut members = members.clone();
                members.shift_remove(name);
                Value::Object(members)
            });
            [Value::Null]
                .into_iter()
                .chain(without)
                .chain(members.values().cloned())
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_matters_is_left() {
        let input = json!({"A": [{"B": "x"}, {"C": "long, with a needle in it"}], "D": {"E": 1}});
        let fails = |value: &Value| value.to_string().contains("needle");
        let shrunk = shrink(input, &fails);
        assert!(fails(&shrunk));
        assert!(
            shrunk.to_string().len() <= "\"with a needle in\"".len(),
            "{shrunk}"
        );
    }
}
