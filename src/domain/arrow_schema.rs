//! The schema of a model's input or output: base64 of a message of Arrow's IPC format.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::invalid::Invalid;

/// The text is kept as it was sent. Clients decode it; atelier only checks that it is a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrowSchema(String);

/// A message begins with this marker and the length of its metadata, four bytes each.
const MARKER: [u8; 4] = [0xff; 4];

/// The value of `header_type` for a schema, in the table (a flatbuffer) of Arrow's `Message.fbs`. It is the second field.
const SCHEMA: u8 = 1;

impl ArrowSchema {
    /// The maximum number of characters. A table of some thousand columns needs so many.
    pub const MAX_LENGTH: usize = 512 << 10;

    /// Refuses what is not standard base64 of a schema message.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.len() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        let bytes = STANDARD.decode(raw).map_err(|_| Invalid::rule("must be standard base64 with padding"))?;
        if header_type(&bytes) != Some(SCHEMA) {
            return Err(Invalid::rule(
                "must be base64 of an Arrow schema message, as pyarrow.Schema.serialize() returns it",
            ));
        }
        Ok(Self(raw.to_owned()))
    }
}

impl From<ArrowSchema> for String {
    fn from(schema: ArrowSchema) -> Self {
        schema.0
    }
}

/// The kind of a message, read from its table. `None` if the bytes are not a message.
fn header_type(message: &[u8]) -> Option<u8> {
    let rest = message.strip_prefix(&MARKER)?;
    let length = usize::try_from(u32_at(rest, 0)?).ok()?;
    let table = rest.get(4..)?.get(..length)?;
    let root = usize::try_from(u32_at(table, 0)?).ok()?;
    // The table begins with the distance back to its list of fields, which begins with two lengths.
    let back = usize::try_from(u32_at(table, root)?).ok()?;
    let fields = root.checked_sub(back)?;
    let size = usize::from(u16_at(table, fields)?);
    let field = fields.checked_add(6)?;
    if size < 8 {
        return None;
    }
    match u16_at(table, field)? {
        0 => None,
        offset => table.get(root.checked_add(offset.into())?).copied(),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_le_bytes(*two))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made with pyarrow 21: no field; a list of 29 numbers; a field and metadata.
    const SCHEMAS: [&str; 3] = [
        "/////zAAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAAAAAA=",
        "/////7AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAEAAAAEAAAAyP///wAAARAUAAAAJAAAAAQAAAAB\
         AAAAMAAAAAYAAAB0ZW5zb3IAAAAABgAIAAQABgAAAB0AAAAQABQACAAGAAcADAAAABAAEAAAAAAAAQMQAAAAHAAAAAQAAAAAAAAABAAAAGl0\
         ZW0AAAYACAAGAAYAAAAAAAEAAAAAAA==",
        "/////6gAAAAQAAAAAAAKAA4ABgAFAAgACgAAAAABBAAQAAAAAAAKAAwAAAAEAAgACgAAADQAAAAEAAAAAQAAAAwAAAAIAAwABAAIAAgAAAAQ\
         AAAABAAAAAEAAAB2AAAAAQAAAGsAAAABAAAAFAAAABAAFAAIAAYABwAMAAAAEAAQAAAAAAABAxAAAAAYAAAABAAAAAAAAAABAAAAYQAGAAgA\
         BgAGAAAAAAABAAAAAAA=",
    ];

    /// A batch of one row, also made with pyarrow.
    const BATCH: &str = "/////4gAAAAUAAAAAAAAAAwAFgAGAAUACAAMAAwAAAAAAwQAGAAAAAgAAAAAAAAAAAAKABgADAAEAAgACgAAADwAAAAQAAAAAQAAAAAAAAAA\
         AAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAA=";

    #[test]
    fn a_schema_is_kept_as_it_was_sent() {
        for text in SCHEMAS {
            assert_eq!(ArrowSchema::parse(text).map(String::from).as_deref(), Ok(text));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let rule = |text: &str| ArrowSchema::parse(text).unwrap_err().rule;
        for text in
            ["/////zAAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAAAAAA", "-____w==", "a b", "é"]
        {
            assert_eq!(rule(text), "must be standard base64 with padding", "{text}");
        }
        let cut = &SCHEMAS[1][..64];
        for text in ["", "AAAA", "/////w==", "/////wAAAAA=", "//////////8=", BATCH, cut] {
            assert!(rule(text).starts_with("must be base64 of an Arrow schema"), "{text}");
        }
        assert_eq!(rule(&"A".repeat(ArrowSchema::MAX_LENGTH + 1)), "must have at most 524288 characters");
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(rest in proptest::collection::vec(any::<u8>(), 0..80), damage in 0..56_usize, to in any::<u8>()) {
            let mut whole = MARKER.to_vec();
            whole.extend_from_slice(&rest);
            let _ = header_type(&whole);
            let mut schema = STANDARD.decode(SCHEMAS[0]).unwrap();
            schema[damage] = to;
            let _ = header_type(&schema);
        }
    }
}
