//! To be written.

use std::borrow::Cow;

/// Returns the text as it is: to be written.
pub fn redact(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
