//! Metric maths with data: an expression's value in one period.
//!
//! Known are the operators, and of the functions those that look at one period alone: ABS, CEIL, FLOOR, FILL with a
//! number, IF, and MAX, MIN, SUM and AVG of a list. A period in which an operand has no data point has none in the
//! result either, and neither has a division by zero; only FILL makes a data point out of none.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>

use std::iter::Peekable;
use std::str::Chars;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    /// The metric or expression of this id.
    Reference(String),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
    /// `[a, b]`
    List(Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    By,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Avg,
    Ceil,
    Fill,
    Floor,
    If,
    Max,
    Min,
    Sum,
}

impl Expression {
    /// The value in a period in which the ids have the values of `of`; none if it has no data point there.
    pub(super) fn value(&self, of: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Reference(id) => of(id),
            Self::Negative(inner) => Some(-inner.value(of)?),
            Self::Binary(operator, left, right) => {
                operator.apply(left.value(of)?, right.value(of)?)
            }
            Self::Call(function, arguments) => function.apply(arguments, of),
            // A list stands only in functions.
            Self::List(_) => None,
        }
    }
}

impl Operator {
    fn apply(self, left: f64, right: f64) -> Option<f64> {
        let truth = |is_true: bool| Some(if is_true { 1.0 } else { 0.0 });
        #[expect(clippy::float_cmp, reason = "metric maths compares for equality")]
        match self {
            Self::Or => truth(left != 0.0 || right != 0.0),
            Self::And => truth(left != 0.0 && right != 0.0),
            Self::Equal => truth(left == right),
            Self::Unequal => truth(left != right),
            Self::Less => truth(left < right),
            Self::LessOrEqual => truth(left <= right),
            Self::Greater => truth(left > right),
            Self::GreaterOrEqual => truth(left >= right),
            Self::Plus => Some(left + right),
            Self::Minus => Some(left - right),
            Self::Times => Some(left * right),
            Self::By => (right != 0.0).then(|| left / right),
            Self::Power => Some(left.powf(right)),
        }
    }
}

impl Function {
    fn apply(self, arguments: &[Expression], of: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        match (self, arguments) {
            (Self::Abs, [inner]) => inner.value(of).map(f64::abs),
            (Self::Ceil, [inner]) => inner.value(of).map(f64::ceil),
            (Self::Floor, [inner]) => inner.value(of).map(f64::floor),
            (Self::Fill, [inner, filler]) => inner.value(of).or_else(|| filler.value(of)),
            (Self::If, [condition, yes]) => (condition.value(of)? != 0.0)
                .then(|| yes.value(of))
                .flatten(),
            (Self::If, [condition, yes, no]) => {
                if condition.value(of)? == 0.0 {
                    no.value(of)
                } else {
                    yes.value(of)
                }
            }
            (Self::Max | Self::Min | Self::Sum | Self::Avg, [Expression::List(items)]) => {
                let values: Vec<f64> = items.iter().filter_map(|item| item.value(of)).collect();
                self.over(&values)
            }
            _ => None,
        }
    }

    fn over(self, values: &[f64]) -> Option<f64> {
        let sum = || values.iter().copied().reduce(|a, b| a + b);
        match self {
            Self::Max => values.iter().copied().reduce(f64::max),
            Self::Min => values.iter().copied().reduce(f64::min),
            Self::Sum => sum(),
            Self::Avg => sum().map(|sum| {
                let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
                sum / f64::from(count)
            }),
            Self::Abs | Self::Ceil | Self::Fill | Self::Floor | Self::If => None,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ABS" => Self::Abs,
            "AVG" => Self::Avg,
            "CEIL" => Self::Ceil,
            "FILL" => Self::Fill,
            "FLOOR" => Self::Floor,
            "IF" => Self::If,
            "MAX" => Self::Max,
            "MIN" => Self::Min,
            "SUM" => Self::Sum,
            _ => return None,
        })
    }

    /// Whether it takes these arguments.
    fn takes(self, arguments: &[Expression]) -> bool {
        match (self, arguments) {
            (Self::Max | Self::Min | Self::Sum | Self::Avg, [Expression::List(items)]) => {
                !items.is_empty()
            }
            (Self::Abs | Self::Ceil | Self::Floor, [one]) => !matches!(one, Expression::List(_)),
            (Self::Fill, [_, _]) | (Self::If, [_, _] | [_, _, _]) => !arguments
                .iter()
                .any(|argument| matches!(argument, Expression::List(_))),
            _ => false,
        }
    }
}

/// Parses an expression of which brackets and words were checked before.
///
/// # Errors
/// What cannot be evaluated here, in a sentence.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser {
        rest: text.chars().peekable(),
    };
    let expression = parser.level(0)?;
    match parser.next_visible() {
        None => Ok(expression),
        Some(character) => Err(format!("`{character}` is not expected in `{text}`")),
    }
}

/// Operators by how tightly they bind, the loosest first; longer ones before those that they begin with.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or), ("OR", Operator::Or)],
    &[("&&", Operator::And), ("AND", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[("*", Operator::Times), ("/", Operator::By)],
    &[("^", Operator::Power)],
];

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Parser<'_> {
    fn next_visible(&mut self) -> Option<char> {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
        self.rest.peek().copied()
    }

    fn take(&mut self, text: &str) -> bool {
        self.next_visible();
        let mut ahead = self.rest.clone();
        let is_there = text.chars().all(|wanted| ahead.next() == Some(wanted));
        // A word ends where its letters end: `OR` is not the begin of `ORDERS`.
        let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let goes_on = is_word && ahead.peek().is_some_and(|c| is_part_of_word(*c));
        if is_there && !goes_on {
            self.rest = ahead;
        }
        is_there && !goes_on
    }

    fn level(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.single();
        };
        let mut left = self.level(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(text, _)| self.take(text)) {
            let right = self.level(level + 1)?;
            left = Expression::Binary(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Expression, String> {
        match self.next_visible() {
            Some('-') => {
                self.rest.next();
                Ok(Expression::Negative(Box::new(self.single()?)))
            }
            Some('(') => {
                self.rest.next();
                let inner = self.level(0)?;
                self.close(')')?;
                Ok(inner)
            }
            Some('[') => {
                self.rest.next();
                Ok(Expression::List(self.items(']')?))
            }
            Some(digit) if digit.is_ascii_digit() || digit == '.' => {
                let text = self.word(|c| c.is_ascii_digit() || c == '.');
                let number = text.parse();
                number
                    .map(Expression::Number)
                    .map_err(|_| format!("`{text}` is not a number"))
            }
            Some(letter) if is_part_of_word(letter) => {
                let word = self.word(is_part_of_word);
                if !self.take("(") {
                    return Ok(Expression::Reference(word));
                }
                let arguments = self.items(')')?;
                Function::named(&word)
                    .filter(|function| function.takes(&arguments))
                    .map(|function| Expression::Call(function, arguments))
                    .ok_or_else(|| {
                        format!("local-aws does not evaluate {word} with these arguments")
                    })
            }
            Some(other) => Err(format!("`{other}` is not expected")),
            None => Err("an operand is missing".to_owned()),
        }
    }

    fn items(&mut self, closing: char) -> Result<Vec<Expression>, String> {
        let mut items = vec![self.level(0)?];
        while self.take(",") {
            items.push(self.level(0)?);
        }
        self.close(closing)?;
        Ok(items)
    }

    fn close(&mut self, closing: char) -> Result<(), String> {
        if self.next_visible() == Some(closing) {
            self.rest.next();
            return Ok(());
        }
        Err(format!("`{closing}` is missing"))
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut word = String::new();
        while let Some(character) = self.rest.next_if(|c| belongs(*c)) {
            word.push(character);
        }
        word
    }
}

fn is_part_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// The value with a = 4, b = 2, no value of c.
    fn value(text: &str) -> Option<f64> {
        let of = |id: &str| match id {
            "a" => Some(4.0),
            "b" => Some(2.0),
            _ => None,
        };
        parse(text).unwrap().value(&of)
    }

    #[test]
    fn operators_bind_as_in_arithmetic() {
        for (text, expected) in [
            ("1 + a * b", 9.0),
            ("(1 + a) * b", 10.0),
            ("a - b - 1", 1.0),
            ("100 * b / a", 50.0),
            ("-a + b", -2.0),
            ("a / b ^ 2", 1.0),
            ("a < 5 && b < 1", 0.0),
            ("a < 5 || b < 1", 1.0),
            ("a >= 4 AND b != 3", 1.0),
            ("MAX([a, b, 3])", 4.0),
            ("SUM([a, b])", 6.0),
            ("AVG([a, b])", 3.0),
            ("MIN([a, b])", 2.0),
            ("IF(a < 5, 0, a)", 0.0),
            ("IF(a > 5, 0, a)", 4.0),
            ("CEIL(a / 3) + FLOOR(a / 3) + ABS(-b)", 5.0),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_missing_stays_missing_unless_it_is_filled() {
        for (text, expected) in [
            ("a + c", None),
            ("a / (b - 2)", None),
            ("FILL(c, 0) + a", Some(4.0)),
            ("FILL(c, b)", Some(2.0)),
            ("IF(a < 5, 0, c)", Some(0.0)),
            ("IF(c, 0, 1)", None),
            ("MAX([a, c])", Some(4.0)),
            ("MAX([c])", None),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused() {
        for text in [
            "MAX(a)", "RATE(a)", "a +", "a b", "IF(a)", "FILL(a)", "(a", "SUM([])", "1.2.3",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
