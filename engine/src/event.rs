//! An event: its fields, raw and derived, and what each derived value was taken from.
//!
//! A field is a number, its place in the table's list of paths. The reference is
//! `cef_bridge/kubearmor/derive.py`, `Event`.

use crate::index::Index;

/// A field's number in the table.
pub type Field = u16;
/// No field.
pub const NO_FIELD: Field = Field::MAX;
/// Fields that a table may have.
pub const MOST_FIELDS: usize = 512; // the last number is of none

/// A set of fields.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fields([u64; MOST_FIELDS / 64]);

impl Default for Fields {
    fn default() -> Self {
        Fields([0; MOST_FIELDS / 64])
    }
}

impl Fields {
    /// Tell whether a field is in the set.
    #[inline]
    pub fn has(&self, field: Field) -> bool {
        // A table has no field with the number that NO_FIELD comes to here, and a set never has it.
        self.0[field as usize / 64 % (MOST_FIELDS / 64)] >> (field % 64) & 1 == 1
    }

    /// Put a field into the set.
    #[inline]
    pub fn add(&mut self, field: Field) {
        if let Some(word) = self.0.get_mut(field as usize / 64) {
            *word |= 1 << (field % 64);
        }
    }

    /// Take a field out of the set.
    #[inline]
    pub fn remove(&mut self, field: Field) {
        if let Some(word) = self.0.get_mut(field as usize / 64) {
            *word &= !(1 << (field % 64));
        }
    }

    /// Tell whether two sets have a field in common.
    #[inline]
    pub fn meets(&self, other: &Fields) -> bool {
        let common = self
            .0
            .iter()
            .zip(other.0)
            .fold(0, |all, (one, two)| all | one & two);
        common != 0
    }

    /// Put all fields of another set into it.
    #[inline]
    pub fn join(&mut self, other: &Fields) {
        self.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(one, two)| *one |= two);
    }

    /// Take all fields of another set out.
    #[inline]
    pub fn remove_all(&mut self, other: &Fields) {
        self.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(one, two)| *one &= !two);
    }

    /// Return the fields of the set in their order.
    pub fn iter(&self) -> EachField {
        EachField {
            rest: self.0,
            place: 0,
        }
    }

    /// Return the one field of a set that has no other.
    pub fn only(&self) -> Option<Field> {
        let mut all = self.iter();
        all.next().filter(|_| all.next().is_none())
    }

    /// Return the set as bits.
    pub fn words(&self) -> &[u64] {
        &self.0
    }
}

/// Gives the fields of a set in their order.
pub struct EachField {
    rest: [u64; MOST_FIELDS / 64],
    place: usize,
}

impl Iterator for EachField {
    type Item = Field;

    #[inline]
    fn next(&mut self) -> Option<Field> {
        loop {
            let rest = self.rest.get_mut(self.place)?;
            if *rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                *rest &= *rest - 1;
                return Some((self.place * 64 + bit) as Field);
            }
            self.place += 1;
        }
    }
}

/// What a field holds. The text is that of `to_text` in `cef_bridge/mapping/program/conditions.py`.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A JSON string.
    Text(&'a str),
    /// A whole number, as decimal digits with their sign.
    Integer(&'a str),
    /// true, false, or a number that is not whole.
    Other(&'a str),
    /// A list: as text, and the text of each entry.
    List(&'a (&'a str, &'a [&'a str])),
    /// An object: as compact JSON, and its entries.
    Map(&'a (&'a str, &'a [(&'a str, &'a str)])),
}

impl<'a> Value<'a> {
    /// Return the value as text.
    #[inline]
    pub fn text(&self) -> &'a str {
        match self {
            Value::Text(text) | Value::Integer(text) | Value::Other(text) => text,
            Value::List((text, _)) => text,
            Value::Map((text, _)) => text,
        }
    }

    /// Tell whether the mapping language takes the value for none: an empty text.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self, Value::Text(""))
    }
}

/// A piece of `Data`, `Resource`, `EventData` or `Tags`, and the path it has.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// Its path; NO_FIELD for one that the table has not, which no rule can read.
    pub field: Field,
    /// The name behind `data.` of a path that the table has not.
    pub name: &'a str,
    /// How it stood there.
    pub raw: &'a str,
}

/// A field that KubeArmor has not, or that this version does not know.
#[derive(Clone, Copy)]
pub struct Extra<'a> {
    /// Its path: its name, or `Owner.` and its name.
    pub path: &'a str,
    /// What it holds.
    pub value: Value<'a>,
}

/// One event. It is cleared and filled again for each line, so that its memory is taken once.
pub struct Event<'a> {
    values: Vec<Value<'a>>,
    present: Fields,
    holds: Vec<Field>,
    /// The pieces of Data.
    pub data: Vec<Part<'a>>,
    /// The pieces of Resource; empty when it is a value and no list of pieces.
    pub resource: Vec<Part<'a>>,
    /// What EventData says that Data and Resource do not.
    pub event_data: Vec<Part<'a>>,
    /// The tags, MITRE's and others.
    pub tags: Vec<Part<'a>>,
    /// Whether the field was taken apart, in the order of the four above.
    pub in_parts: [bool; 4],
    /// Fields that say nothing new in this event, and need no place in a line.
    pub spare: Fields,
    /// EventData as it came: name and value.
    pub pairs: Vec<(&'a str, Value<'a>)>,
    /// Fields that the table does not name, in the order they came.
    pub extras: Vec<Extra<'a>>,
    /// Whether UID stands in the event, if only as null.
    pub has_uid: bool,
    /// The bits of the text that it was read from.
    pub index: Index<'a>,
    /// The time of what is around the event, in epoch microseconds.
    pub wrapper_time: Option<i64>,
    /// When it happened, in epoch microseconds.
    pub time: Option<i64>,
    /// Nothing says when it happened.
    pub timeless: bool,
    /// Its id, hexadecimal digits.
    pub id: [u8; 40],
    /// The id depends on where the line stands.
    pub placed: bool,
    /// Its class, a row of the table.
    pub class: usize,
}

impl<'a> Event<'a> {
    /// Return an event without fields, for tables of so many.
    pub fn new(fields: usize) -> Self {
        Event {
            values: vec![Value::Text(""); fields],
            present: Fields::default(),
            holds: vec![NO_FIELD; fields],
            data: Vec::new(),
            resource: Vec::new(),
            event_data: Vec::new(),
            tags: Vec::new(),
            in_parts: [false; 4],
            spare: Fields::default(),
            pairs: Vec::new(),
            extras: Vec::new(),
            has_uid: false,
            index: Index::default(),
            wrapper_time: None,
            time: None,
            timeless: false,
            id: [b'0'; 40],
            placed: false,
            class: 0,
        }
    }

    /// Forget all fields.
    pub fn clear(&mut self) {
        self.present = Fields::default();
        self.spare = Fields::default();
        self.in_parts = [false; 4];
        self.holds.fill(NO_FIELD);
        self.data.clear();
        self.resource.clear();
        self.event_data.clear();
        self.tags.clear();
        self.pairs.clear();
        self.extras.clear();
        self.has_uid = false;
        self.wrapper_time = None;
        self.time = None;
    }

    // Deriving calls these a hundred times an event, each once: inlined, its code alone was 20 KiB.

    /// Set a field.
    #[inline(always)]
    pub fn set(&mut self, field: Field, value: Value<'a>) {
        // A value goes through memory, written by halves and read as one, for which a processor
        // waits: that was 6 % of an event's time. A text goes through registers.
        match value {
            Value::Text(text) => self.set_text(field, text),
            Value::Integer(digits) => self.set_integer(field, digits),
            other => self.put(field, other),
        }
    }

    #[inline(never)]
    fn set_text(&mut self, field: Field, text: &'a str) {
        self.put(field, Value::Text(text));
    }

    #[inline(never)]
    fn set_integer(&mut self, field: Field, digits: &'a str) {
        self.put(field, Value::Integer(digits));
    }

    #[inline(always)]
    fn put(&mut self, field: Field, value: Value<'a>) {
        if let Some(place) = self.values.get_mut(field as usize) {
            *place = value;
            self.present.add(field);
        }
    }

    /// Set a field to a text, if that is not empty, and say which field holds all that it says.
    #[inline(never)]
    pub fn set_from(&mut self, field: Field, text: &'a str, held: Field) {
        if !text.is_empty() {
            self.set(field, Value::Text(text));
            self.hold(field, held);
        }
    }

    /// Say which raw field, or piece of one, a derived field holds.
    #[inline(never)]
    pub fn hold(&mut self, field: Field, held: Field) {
        if let Some(place) = self.holds.get_mut(field as usize) {
            *place = held;
        }
    }

    /// Return what a derived field holds, NO_FIELD when it holds nothing whole.
    #[inline]
    pub fn held(&self, field: Field) -> Field {
        self.holds.get(field as usize).copied().unwrap_or(NO_FIELD)
    }

    /// Return the fields that are there.
    #[inline]
    pub fn present(&self) -> &Fields {
        &self.present
    }

    /// Take a field out.
    pub fn unset(&mut self, field: Field) {
        self.present.remove(field);
    }

    /// Tell whether a field is there.
    #[inline]
    pub fn has(&self, field: Field) -> bool {
        self.present.has(field)
    }

    /// Return a field's value.
    #[inline(never)]
    pub fn get(&self, field: Field) -> Option<Value<'a>> {
        self.value(field).copied()
    }

    #[inline]
    fn value(&self, field: Field) -> Option<&Value<'a>> {
        if self.present.has(field) {
            self.values.get(field as usize)
        } else {
            None
        }
    }

    /// Return a field as text, and whether it is a whole number; None for one that is not there, or is
    /// an empty text.
    #[inline]
    pub fn filled(&self, field: Field) -> Option<(&'a str, bool)> {
        let value = self.value(field)?;
        let is_number = matches!(value, Value::Integer(_));
        (!value.is_empty()).then(|| (value.text(), is_number))
    }

    /// Return a field that is a JSON string, "" for any other.
    #[inline(never)]
    pub fn text(&self, field: Field) -> &'a str {
        match self.value(field) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// Return a field that is a string or a whole number as text, "" for any other.
    #[inline(never)]
    pub fn word(&self, field: Field) -> &'a str {
        match self.value(field) {
            Some(Value::Text(text) | Value::Integer(text)) => text,
            _ => "",
        }
    }

    /// Return the digits of a whole number, None for any other value.
    #[inline(never)]
    pub fn integer(&self, field: Field) -> Option<&'a str> {
        match self.value(field) {
            Some(Value::Integer(digits)) => Some(digits),
            _ => None,
        }
    }

    /// Return whether two fields hold the same, or are both absent.
    #[inline(never)]
    pub fn same(&self, one: Field, other: Field) -> bool {
        match (self.value(one), self.value(other)) {
            (None, None) => true,
            (Some(Value::Text(one)), Some(Value::Text(other))) => one == other,
            (Some(Value::Integer(one)), Some(Value::Integer(other))) => one == other,
            _ => false,
        }
    }
}
