//! Draws a QR code as inline SVG.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The width of the blank frame that the standard requires, in modules.
const FRAME: i32 = 4;

/// The QR code; empty if the text is too long for one.
pub(super) fn svg(text: &str) -> String {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    let (mut path, size) = (String::new(), code.size());
    for (y, x) in (0..size).flat_map(|y| (0..size).map(move |x| (y, x))) {
        if code.get_module(x, y) {
            // Writing to a String does not fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + FRAME, y + FRAME);
        }
    }
    let whole = size + 2 * FRAME;
    format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"QR code with the key\" viewBox=\"0 0 {whole} {whole}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{whole}v{whole}H0z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    )
}

/// A key in groups of four characters, which people can read and type.
pub(super) fn grouped(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    chars.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_contains_no_text_of_its_input() {
        let svg = svg("otpauth://totp/atelier:ada%40example.com?secret=\"><script>");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("script"), "{svg}");
        assert_eq!(super::svg(&"x".repeat(5000)), "");
        assert_eq!(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
    }
}
