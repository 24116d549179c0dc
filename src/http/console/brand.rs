//! The name, the logo and the contact of this server, as its configuration has them. They are the same for every page of
//! a process, so they are set once, before the first request.

use std::sync::OnceLock;

use actix_web::web::Bytes;

use crate::tokens::opaque::Fingerprint;

static BRAND: OnceLock<Brand> = OnceLock::new();

/// The number of bytes of the hash in the address of a logo.
const HASH_LENGTH: usize = 8;

#[derive(Clone, Debug)]
pub struct Brand {
    /// The name of the server, in the title and the header of each page.
    pub name: String,
    pub logo: Option<Logo>,
    /// How people reach the administrator; empty if that is not configured.
    pub contact: String,
}

/// A small picture.
#[derive(Clone, Debug)]
pub struct Logo {
    pub(super) bytes: Bytes,
    pub(super) media_type: &'static str,
    /// Its address, with a hash of its bytes.
    pub(super) path: String,
}

impl Logo {
    /// The maximum size of a logo, in bytes.
    pub const MAX_SIZE: usize = 64 << 10;

    /// Recognizes a PNG by its signature, and an SVG by its element. `None` for anything else.
    pub fn of(bytes: Vec<u8>) -> Option<Self> {
        const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
        let text = str::from_utf8(&bytes).unwrap_or_default().trim_start();
        let (end, media_type) = if bytes.starts_with(PNG) {
            ("png", "image/png")
        } else if text.starts_with('<') && text.contains("<svg") {
            ("svg", "image/svg+xml")
        } else {
            return None;
        };
        let hash = Fingerprint::of(&data_encoding::BASE64.encode(&bytes));
        let hash = data_encoding::HEXLOWER.encode(hash.as_bytes().get(..HASH_LENGTH).unwrap_or_default());
        Some(Self { bytes: bytes.into(), media_type, path: format!("/assets/logo-{hash}.{end}") })
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self { name: "atelier".to_owned(), logo: None, contact: String::new() }
    }
}

impl Brand {
    pub(super) fn is_default(&self) -> bool {
        self.logo.is_none() && self.name == Self::default().name
    }

    /// Whom somebody asks who cannot help themselves.
    pub(super) fn administrator(&self) -> String {
        if self.contact.is_empty() {
            "an administrator of this server".to_owned()
        } else {
            format!("the administrator of this server ({})", self.contact)
        }
    }
}

/// Sets the brand of this process. A later call changes nothing.
pub fn set(brand: Brand) {
    let _ = BRAND.set(brand);
}

pub(super) fn get() -> &'static Brand {
    BRAND.get_or_init(Brand::default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_a_png_or_an_svg() {
        let media_type = |bytes: &[u8]| Logo::of(bytes.to_vec()).map(|logo| logo.media_type);
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type(b"<?xml version='1.0'?>\n<svg xmlns='x'/>"), Some("image/svg+xml"));
        for other in [&b""[..], b"GIF89a", b"<html>", b"svg <svg", b"\x89PNG", b"\xff<svg"] {
            assert_eq!(media_type(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_contact_is_named_if_it_is_known() {
        assert_eq!(Brand::default().administrator(), "an administrator of this server");
        let known = Brand { contact: "x@example.com".to_owned(), ..Brand::default() };
        assert!(known.administrator().ends_with("(x@example.com)"));
    }
}
