//! Conditions of `when`, `drop_events` and `keep_events`.
//!
//! The reference is `cef_bridge/mapping/program/conditions.py`. Words of a list (Type, Action, Result …) are
//! compared regardless of ASCII case, all else exactly; of a list field one element is enough.

use crate::event::{Event, Field, Value};
use crate::facts::Facts;
use crate::glob::Glob;
use crate::numbers::{is_integer, is_ipv4, is_ipv6, Decimal};
use crate::table::{Damage, Reader};
use crate::text::is_space;

/// What a rule reads.
pub enum Source {
    /// A field.
    Field(Field),
    /// One label of Labels, by its name.
    Label(String),
}

impl Source {
    /// Read a source.
    pub fn read(reader: &mut Reader<'_>, facts: &Facts) -> Result<Source, Damage> {
        Ok(match reader.byte()? {
            0 => Source::Field(reader.index(facts.paths.len())?),
            1 => Source::Label(reader.text()?),
            _ => return reader.damage("a field or a label"),
        })
    }

    /// Return what it holds in an event.
    #[inline]
    pub fn get<'a>(&self, facts: &Facts, event: &Event<'a>) -> Option<Value<'a>> {
        match self {
            Source::Field(field) => event.get(*field),
            Source::Label(name) => label(event.text(facts.ids.labels), name).map(Value::Text),
        }
    }

    /// Return its text; None where it is absent, or an empty text.
    #[inline]
    pub fn text<'a>(&self, facts: &Facts, event: &Event<'a>) -> Option<&'a str> {
        match self {
            Source::Field(field) => event.filled(*field).map(|(text, _)| text),
            Source::Label(name) => {
                label(event.text(facts.ids.labels), name).filter(|text| !text.is_empty())
            }
        }
    }

    /// Return the field whose absence makes it absent.
    pub fn field(&self, facts: &Facts) -> Field {
        match self {
            Source::Field(field) => *field,
            Source::Label(_) => facts.ids.labels,
        }
    }
}

/// Return one of `k=v,k=v`; labels joined by white space occur too. The last of a name counts.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    pairs(labels)
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .last()
}

/// Return the entries of `k=v,k=v`, those without a name left out.
pub fn pairs(labels: &str) -> impl Iterator<Item = (&str, &str)> {
    let by_comma = labels.contains(',');
    labels
        .split(move |character| {
            if by_comma {
                character == ','
            } else {
                is_space(character)
            }
        })
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(key, _)| !key.is_empty())
}

/// One thing that a value may be.
enum Test {
    Literal(String),
    Glob(Glob),
    Is(Is),
    Range(Option<Decimal>, Option<Decimal>),
    /// None of these.
    Not(Vec<Test>),
}

/// A class of values.
#[derive(PartialEq)]
enum Is {
    Ipv4,
    Ipv6,
    Integer,
    Present,
    Absent,
}

/// What must hold of one field: one of some tests.
pub struct Condition {
    source: Source,
    any_of: Vec<Test>,
    any_case: bool,
    listed: bool,
}

impl Condition {
    /// Read a condition.
    pub fn read(reader: &mut Reader<'_>, facts: &Facts) -> Result<Condition, Damage> {
        let source = Source::read(reader, facts)?;
        let path = match &source {
            Source::Field(field) => facts.paths.get(*field as usize),
            Source::Label(_) => None,
        };
        let (any_case, listed) = path.map_or((false, false), |it| (it.any_case, it.listed));
        let any_of = read_tests(reader, any_case)?;
        Ok(Condition {
            source,
            any_of,
            any_case,
            listed,
        })
    }

    /// Return the field that it asks, if it asks for one.
    pub fn field(&self) -> Option<Field> {
        match self.source {
            Source::Field(field) => Some(field),
            Source::Label(_) => None,
        }
    }

    /// Return the field that it is asked of.
    pub fn reads(&self, facts: &Facts) -> Field {
        self.source.field(facts)
    }

    /// Tell whether it holds for an event.
    #[inline]
    pub fn holds(&self, facts: &Facts, event: &Event<'_>) -> bool {
        self.holds_for(self.source.get(facts, event))
    }

    /// Tell whether it holds for a value.
    pub fn holds_for(&self, value: Option<Value<'_>>) -> bool {
        self.one_of(&self.any_of, value)
    }

    /// Tell whether one of some tests holds. A `not` is asked of the value as a whole: none of its
    /// elements may satisfy what stands in it.
    fn one_of(&self, tests: &[Test], value: Option<Value<'_>>) -> bool {
        tests.iter().any(|test| match test {
            Test::Not(inner) => !self.one_of(inner, value),
            Test::Is(Is::Absent) if is_absent(value) => true,
            _ => value.is_some_and(|value| !is_absent(Some(value)) && self.meets(test, value)),
        })
    }

    /// Tell whether a value, or one of its elements, satisfies a test.
    fn meets(&self, test: &Test, value: Value<'_>) -> bool {
        match value {
            Value::List((_, entries)) => entries.iter().any(|entry| self.is(test, entry)),
            Value::Text(text) if self.listed && text.contains(',') => {
                text.split(',').any(|entry| self.is(test, entry)) || self.is(test, text)
            }
            _ => self.is(test, value.text()),
        }
    }

    fn is(&self, test: &Test, text: &str) -> bool {
        match test {
            Test::Literal(literal) if self.any_case => literal.eq_ignore_ascii_case(text),
            Test::Literal(literal) => literal == text,
            Test::Glob(glob) => glob.matches(text),
            Test::Is(Is::Ipv4) => is_ipv4(text),
            Test::Is(Is::Ipv6) => is_ipv6(text),
            Test::Is(Is::Integer) => is_integer(text),
            Test::Is(Is::Present) => !text.is_empty(),
            Test::Is(Is::Absent) => text.is_empty(),
            Test::Range(least, most) => Decimal::read(text).is_some_and(|number| {
                least.as_ref().is_none_or(|least| number >= *least)
                    && most.as_ref().is_none_or(|most| number <= *most)
            }),
            Test::Not(_) => false,
        }
    }
}

fn is_absent(value: Option<Value<'_>>) -> bool {
    matches!(value, None | Some(Value::Text("") | Value::List((_, []))))
}

fn read_tests(reader: &mut Reader<'_>, any_case: bool) -> Result<Vec<Test>, Damage> {
    reader.list(|r| {
        Ok(match r.byte()? {
            0 => Test::Literal(r.text()?),
            1 => Test::Glob(Glob::new(&r.text()?, any_case)),
            2 => Test::Is(match r.text()?.as_str() {
                "ipv4" => Is::Ipv4,
                "ipv6" => Is::Ipv6,
                "integer" => Is::Integer,
                "present" => Is::Present,
                "absent" => Is::Absent,
                _ => return r.damage("a class of values"),
            }),
            3 => Test::Range(bound(r)?, bound(r)?),
            4 => Test::Not(read_tests(r, any_case)?),
            _ => return r.damage("a kind of test"),
        })
    })
}

fn bound(reader: &mut Reader<'_>) -> Result<Option<Decimal>, Damage> {
    match reader.maybe_text()? {
        None => Ok(None),
        Some(text) => match Decimal::read(&text) {
            Some(number) => Ok(Some(number)),
            None => reader.damage("a number"),
        },
    }
}
