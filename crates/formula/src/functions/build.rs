//! Texts of a known length: measured first and then written into one allocation, so that a growing buffer leaves no half of a secret behind.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::error::Fault;
use crate::evaluate::Arguments;
use crate::value::{Text, Value};

/// Takes the pieces of a text, one behind the other.
pub(super) type Sink<'s> = dyn FnMut(&str) + 's;

/// What `write` puts into its sink. It is called twice and must write the same both times.
pub(super) fn string(arguments: &Arguments<'_, '_>, write: impl Fn(&mut Sink<'_>)) -> Result<Zeroizing<String>, Fault> {
    let mut length: usize = 0;
    write(&mut |piece| length = length.saturating_add(piece.len()));
    arguments.reserve(length)?;
    let mut text = Zeroizing::new(String::with_capacity(length));
    write(&mut |piece| text.push_str(piece));
    Ok(text)
}

/// The same as a value.
pub(super) fn text<'a>(arguments: &Arguments<'_, 'a>, write: impl Fn(&mut Sink<'_>)) -> Result<Value<'a>, Fault> {
    string(arguments, write).map(|text| Value::Text(Text::Owned(text)))
}

/// One character as a piece.
pub(super) fn put(sink: &mut Sink<'_>, character: char) {
    sink(character.encode_utf8(&mut [0; 4]));
}

/// A stretch of a text, in bytes at the boundaries of characters; not copied if the text lives elsewhere.
pub(super) fn part<'a>(text: &Text<'a>, range: Range<usize>) -> Value<'a> {
    match text {
        Text::Borrowed(text) => Value::borrowed(&text[range]),
        Text::Owned(text) => Value::text(&text[range]),
    }
}

/// The offset in bytes of the character behind the first `count`.
pub(super) fn offset(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(offset, _)| offset)
}

/// A number argument as a count: a fraction does not count, nothing is below zero, and what is too large for any text stays so.
pub(super) fn count(arguments: &Arguments<'_, '_>, index: usize) -> Result<Option<usize>, Fault> {
    let number = arguments.number(index)?;
    Ok(number.map(|number| if number.is_sign_negative() { 0 } else { usize::try_from(number.trunc()).unwrap_or(usize::MAX) }))
}
