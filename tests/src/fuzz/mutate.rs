//! Changes real inputs: other kinds, other bytes, missing, further and repeated members, depth, size, limits.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Changes of one input at most.
const CHANGES_MAX: usize = 4;
/// Levels that are put around a value at most. Lambda's reader refuses events of more than 128 levels altogether
/// (`serde_json`), and the inputs have a few of their own.
const DEPTH_MAX: usize = 100;
/// Bytes of a text that is made long, rarely; above every limit of the properties.
const BYTES_MAX: usize = 150_000;
/// One in so many texts that are made longer gets that long; the others stay small, or nothing else would be tried.
const HUGE_ONE_IN: usize = 100;
/// One in so many inputs is changed as text too.
const AS_TEXT_ONE_IN: usize = 8;

/// One in so many changes replaces the whole input; of most others something is left to be read.
const ROOT_ONE_IN: usize = 50;

/// Numbers at and beyond the limits of types and of AWS, and what looks like a number.
const NUMBERS: [&str; 32] = [
    "0",
    "1",
    "-1",
    "-0",
    "00080",
    "80",
    "255",
    "256",
    "1024",
    "2048",
    "3600",
    "3601",
    "5000",
    "5001",
    "65535",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "1e3",
    "1e400",
    "1.0",
    "0.5",
    "+1",
    " 1",
    "1 ",
    "0x10",
    "NaN",
    "١٢",
];
/// Texts that are read wrongly most easily.
const TEXTS: [&str; 18] = [
    "",
    " ",
    "\0",
    "\n",
    "\u{2028}",
    "\u{feff}",
    "e\u{301}",
    "ﬁ",
    "İ",
    "\u{202e}",
    "🦀",
    "\u{10ffff}",
    "/",
    "~1",
    "${AWS::StackId}",
    "arn:aws:iam::123456789012:role/",
    "arn:::::",
    "https://",
];
/// Members that mean something to some input of the function.
const NAMES: [&str; 8] = [
    "sweep",
    "operation",
    "last",
    "Records",
    "Sns",
    "Message",
    "__proto__",
    "",
];

/// Makes inputs out of seeds.
pub struct Mutator {
    seeds: Vec<Value>,
    /// Every value in the seeds, whatever its size.
    values: Vec<Value>,
    /// Every name in the seeds.
    names: Vec<String>,
    random: Rng,
}

impl Mutator {
    /// A source of inputs like these.
    #[must_use]
    pub fn new(seeds: &[Value]) -> Self {
        let (mut values, mut names) = (Vec::new(), NAMES.map(str::to_owned).to_vec());
        seeds
            .iter()
            .for_each(|seed| gather(seed, &mut values, &mut names));
        Self {
            seeds: seeds.to_vec(),
            values,
            names,
            random: Rng::with_seed(0),
        }
    }

    /// The input with this number.
    pub fn input(&mut self, seed: u64, number: u64) -> Value {
        // Neighbouring numbers, and neighbouring seeds, must not give alike inputs.
        self.random = Rng::with_seed(seed);
        self.random = Rng::with_seed(self.random.u64(..) ^ number);
        let mut input = pick(&mut self.random, &self.seeds)
            .cloned()
            .unwrap_or_default();
        for _ in 0..self.random.usize(1..=CHANGES_MAX) {
            match &mut input {
                Value::Object(members) if !self.one_in(ROOT_ONE_IN) => {
                    if self.one_in(4) {
                        self.change_members(members);
                    } else {
                        self.change_a_child(&mut input);
                    }
                }
                input => self.change(input),
            }
        }
        if self.one_in(AS_TEXT_ONE_IN) {
            // What is no JSON any more never reaches the function.
            let text = self.changed_json(&input.to_string());
            input = serde_json::from_str(&text).unwrap_or(input);
        }
        input
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.random.usize(..count) == 0
    }

    /// Goes down to some place below a value, if there is one.
    fn change_a_child(&mut self, value: &mut Value) {
        let mut children: Vec<&mut Value> = match value {
            Value::Array(items) => items.iter_mut().collect(),
            Value::Object(members) => members.values_mut().collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        let chosen = self.random.usize(..children.len().max(1));
        match children.get_mut(chosen) {
            Some(child) if self.one_in(4) || !(child.is_array() || child.is_object()) => {
                self.change(child)
            }
            Some(child) => self.change_a_child(child),
            None => {}
        }
    }

    fn change(&mut self, value: &mut Value) {
        match self.random.u8(..10) {
            0..=4 => match value {
                Value::String(text) => *text = self.changed_text(text),
                Value::Array(items) => self.change_items(items),
                Value::Object(members) => self.change_members(members),
                Value::Null | Value::Bool(_) | Value::Number(_) => *value = self.scalar(),
            },
            5 | 6 => *value = self.scalar(),
            7 => *value = self.known_value(),
            8 => *value = Value::String(value.to_string()),
            _ => {
                for _ in 0..self.depth() {
                    *value = if self.random.bool() {
                        json!([value])
                    } else {
                        json!({ self.name(): value })
                    };
                }
            }
        }
    }

    fn change_members(&mut self, members: &mut Map<String, Value>) {
        let chosen = pick(
            &mut self.random,
            &members.keys().cloned().collect::<Vec<_>>(),
        )
        .cloned();
        match (self.random.u8(..4), chosen) {
            (0, Some(name)) => drop(members.shift_remove(&name)),
            (1, Some(name)) => {
                let value = members.shift_remove(&name).unwrap_or_default();
                members.insert(self.changed_text(&name), value);
            }
            (2, Some(name)) => {
                let value = members.get(&name).cloned().unwrap_or_default();
                members.insert(self.name(), value);
            }
            (_, _) => drop(members.insert(self.name(), self.known_value())),
        }
    }

    fn change_items(&mut self, items: &mut Vec<Value>) {
        let chosen = self.random.usize(..items.len().max(1));
        match (self.random.u8(..4), items.get(chosen).cloned()) {
            (0, Some(_)) => drop(items.remove(chosen)),
            (1, Some(item)) => items.extend(vec![item; self.depth()]),
            (2, Some(item)) => items.insert(0, item),
            (_, _) => items.push(self.known_value()),
        }
    }

    /// A text with other bytes, other letters, or another length.
    fn changed_text(&mut self, text: &str) -> String {
        let at = self.boundary(text);
        let (before, after) = text.split_at(at);
        match self.random.u8(..7) {
            0 => {
                let mut bytes = text.as_bytes().to_vec();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.random.u8(..8);
                }
                String::from_utf8_lossy(&bytes).into_owned()
            }
            1 => before.to_owned(),
            2 => after.to_owned(),
            3 => format!("{before}{}{after}", self.text()),
            4 => {
                let most = if self.one_in(HUGE_ONE_IN) {
                    BYTES_MAX
                } else {
                    1024
                };
                let length = self.random.usize(..=most);
                text.chars().chain(['x']).cycle().take(length).collect()
            }
            5 => text.to_uppercase(),
            _ => text.to_lowercase(),
        }
    }

    /// JSON with a changed byte, or with a member that an object has already, or not.
    fn changed_json(&mut self, json: &str) -> String {
        let objects: Vec<usize> = json.match_indices('{').map(|(at, _)| at + 1).collect();
        match pick(&mut self.random, &objects) {
            Some(at) if !self.one_in(4) => {
                let (before, after) = json.split_at(*at);
                let comma = if after.starts_with('}') { "" } else { "," };
                let member = Value::String(self.name());
                format!("{before}{member}:{}{comma}{after}", self.known_value())
            }
            Some(_) | None => self.changed_text(json),
        }
    }

    fn scalar(&mut self) -> Value {
        let number = pick(&mut self.random, &NUMBERS)
            .copied()
            .unwrap_or_default();
        match self.random.u8(..7) {
            0 => Value::Null,
            1 => Value::Bool(self.random.bool()),
            // What is no JSON number stays a text.
            2 | 3 => serde_json::from_str(number).unwrap_or_else(|_| json!(number)),
            4 | 5 => json!(number),
            _ => Value::String(self.text()),
        }
    }

    fn text(&mut self) -> String {
        pick(&mut self.random, &TEXTS)
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    fn name(&mut self) -> String {
        pick(&mut self.random, &self.names)
            .cloned()
            .unwrap_or_default()
    }

    fn known_value(&mut self) -> Value {
        if self.one_in(3) {
            return self.scalar();
        }
        pick(&mut self.random, &self.values)
            .cloned()
            .unwrap_or_default()
    }

    /// Mostly few, sometimes many.
    fn depth(&mut self) -> usize {
        let most = if self.one_in(10) { DEPTH_MAX } else { 3 };
        self.random.usize(1..=most)
    }

    /// Some place between two characters, or at an end.
    fn boundary(&mut self, text: &str) -> usize {
        text.floor_char_boundary(self.random.usize(..=text.len()))
    }
}

fn pick<'a, T>(random: &mut Rng, items: &'a [T]) -> Option<&'a T> {
    (!items.is_empty())
        .then(|| random.usize(..items.len()))
        .and_then(|index| items.get(index))
}

fn gather(value: &Value, values: &mut Vec<Value>, names: &mut Vec<String>) {
    values.push(value.clone());
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, values, names)),
        Value::Object(members) => {
            for (name, member) in members {
                names.push(name.clone());
                gather(member, values, names);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_follows_from_its_seed_and_number() {
        let seeds = [json!({"A": ["b", {"C": "1"}]})];
        let inputs = |seed: u64| -> Vec<Value> {
            let mut mutator = Mutator::new(&seeds);
            (0..100).map(|number| mutator.input(seed, number)).collect()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(1).iter().any(|input| input["A"] != seeds[0]["A"]));
    }

    fn levels(value: &Value) -> usize {
        let deepest = |inner: Option<usize>| 1 + inner.unwrap_or(0);
        match value {
            Value::Array(items) => deepest(items.iter().map(levels).max()),
            Value::Object(members) => deepest(members.values().map(levels).max()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        }
    }

    #[test]
    fn some_inputs_are_deep() {
        let mut mutator = Mutator::new(&[json!({"A": "b"})]);
        let deepest = (0..2000)
            .map(|number| levels(&mutator.input(1, number)))
            .max();
        assert!(deepest > Some(DEPTH_MAX / 2), "{deepest:?}");
    }
}
