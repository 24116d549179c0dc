//! Turns a `User-Agent` header into a name that people know.

/// The maximum length of an unknown name, in characters.
const MAX_UNKNOWN_NAME: usize = 60;

/// The first match wins. The order matters: most browsers also name other browsers.
const PROGRAMS: [(&str, &str); 9] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
    ("python-httpx/", "Python"),
    ("Python-urllib/", "Python"),
];

const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// The program and its operating system: `Firefox on Linux`.
pub(super) fn describe(agent: &str) -> String {
    let known =
        |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (known(&PROGRAMS), known(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, _) => agent.chars().filter(|c| !c.is_control()).take(MAX_UNKNOWN_NAME).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_programs_and_systems_are_named() {
        let mozilla =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36";
        assert_eq!(describe(mozilla), "Chrome on Linux");
        assert_eq!(
            describe("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Safari/604.1"),
            "Safari on iPhone"
        );
        assert_eq!(describe("curl/8.14.1"), "curl");
        assert_eq!(describe("my tool/1"), "my tool/1");
        assert_eq!(describe(&"x".repeat(300)).len(), MAX_UNKNOWN_NAME);
    }
}
