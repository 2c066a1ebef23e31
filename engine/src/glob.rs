//! Stub.
pub struct Glob(String, bool);
impl Glob {
    pub fn new(pattern: &str, any_case: bool) -> Self { Glob(pattern.to_owned(), any_case) }
    pub fn matches(&self, text: &str) -> bool { inner(self.0.as_bytes(), text.as_bytes(), self.1) }
}
fn inner(p: &[u8], t: &[u8], c: bool) -> bool {
    match p.first() {
        None => t.is_empty(),
        Some(b'*') => (0..=t.len()).any(|i| inner(&p[1..], &t[i..], c)),
        Some(x) => t.first().is_some_and(|y| x == y || (c && x.eq_ignore_ascii_case(y))) && inner(&p[1..], &t[1..], c),
    }
}
