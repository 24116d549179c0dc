//! The content codings of responses (RFC 9110, section 8.4.1), and their encoders.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;

/// A shorter response is sent as it is: it fits into a packet anyway.
pub const MIN_CODED: usize = 1 << 10;

/// The fastest level of each. Most responses are sent once.
const GZIP_LEVEL: Compression = Compression::fast();
const ZSTD_LEVEL: i32 = 1;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Coding {
    /// The bytes as they are.
    #[default]
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    /// All bytes in this coding.
    pub fn encode(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(bytes.to_vec()),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), GZIP_LEVEL);
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            // Its tables are only as large as these bytes need.
            Self::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
        }
    }
}

/// Encodes bytes whose number is not known before.
pub(super) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

impl Encoder {
    /// None for bytes that are sent as they are.
    pub(super) fn new(coding: Coding) -> io::Result<Option<Self>> {
        match coding {
            Coding::Identity => Ok(None),
            Coding::Gzip => Ok(Some(Self::Gzip(GzEncoder::new(Vec::new(), GZIP_LEVEL)))),
            Coding::Zstd => Ok(Some(Self::Zstd(ZstdEncoder::new(Vec::new(), ZSTD_LEVEL)?))),
        }
    }

    /// Takes bytes, and returns those of the result that are complete.
    pub(super) fn encode(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let coded = match self {
            Self::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                encoder.get_mut()
            }
            Self::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                encoder.get_mut()
            }
        };
        Ok(std::mem::take(coded))
    }

    /// The rest of the result.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}
