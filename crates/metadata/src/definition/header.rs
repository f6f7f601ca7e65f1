//! Custom headers of external and named credentials.

use sortie_model::CustomHeader;

use crate::yaml::{Fields, Reader};

/// The list under `headers`. The sequence number is the position where it is left out.
pub(super) fn headers(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<CustomHeader> {
    let Some(at) = fields.take("headers") else { return Vec::new() };
    let mut headers = Vec::new();
    for (position, item) in (1..).zip(reader.list(&at)) {
        let Some(mut own) = reader.fields(&item) else { continue };
        let name = own.require(reader, "name").and_then(|at| reader.text(&at));
        let value = own.require(reader, "value").and_then(|at| reader.text(&at));
        let sequence_number = match own.take("sequence_number") {
            Some(at) => reader.number(&at, 0, u32::MAX),
            None => Some(position),
        };
        own.finish(reader);
        if let (Some(name), Some(value), Some(sequence_number)) = (name, value, sequence_number) {
            headers.extend(reader.keep_all(&item, CustomHeader::parse(name, value, sequence_number)));
        }
    }
    // The order that counts, so that two spellings of the same definition are equal.
    headers.sort_by_key(|header| header.sequence_number);
    headers
}
