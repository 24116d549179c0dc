//! Takes the two files of Swagger UI that the server shows out of their archive. They stay compressed as they are there,
//! as gzip, because they are four times as large otherwise.

use std::error::Error;
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::{env, fs};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

/// The head of a gzip file (RFC 1952) without a name and a time.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let mut left = FILES.to_vec();
    for at in 0..archive.len() {
        let mut entry = archive.by_index_raw(at)?;
        let path = entry.name()?.into_owned();
        let Some(at) = left.iter().position(|file| path.ends_with(&format!("/dist/{file}"))) else { continue };
        let file = left.remove(at);
        if entry.compression() != CompressionMethod::DEFLATE {
            return Err(format!("{file} is not deflated").into());
        }
        let mut gzip = HEAD.to_vec();
        entry.read_to_end(&mut gzip)?;
        gzip.extend(entry.crc32().to_le_bytes());
        gzip.extend(u32::try_from(entry.size())?.to_le_bytes());
        fs::write(Path::new(&target).join(format!("{file}.gz")), gzip)?;
    }
    if left.is_empty() { Ok(()) } else { Err(format!("the archive of Swagger UI lacks {}", left.join(", ")).into()) }
}
