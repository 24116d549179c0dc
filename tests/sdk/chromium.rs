//! Finds Chromium and its driver, or installs Debian's where that may be done.
//!
//! Knows where the two programs are; what is done with them is `chromium.py`'s.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support::packages;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const DRIVERS: [&str; 2] = ["chromedriver", "chromium.chromedriver"];

/// The two programs.
#[derive(Debug)]
pub struct Programs {
    browser: PathBuf,
    driver: PathBuf,
}

impl Programs {
    /// What `chromium.py` reads: where the two are, and where pictures of pages go.
    pub fn env(&self) -> [(&'static str, String); 4] {
        let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        println!("pictures of the pages: {}", shots.display());
        let text = |path: &Path| path.to_str().expect("a path is text").to_owned();
        [
            ("ATELIER_TEST_CHROMIUM", text(&self.browser)),
            ("ATELIER_TEST_CHROMEDRIVER", text(&self.driver)),
            ("ATELIER_TEST_SHOTS", text(&shots)),
            ("ATELIER_TEST_PICTURES", std::env::var("ATELIER_TEST_PICTURES").unwrap_or_default()),
        ]
    }
}

/// The two programs, found or else installed, at the first call.
///
/// # Panics
///
/// When they are not there and cannot be installed; it says which packages are wanted.
pub fn programs() -> &'static Programs {
    static FOUND: OnceLock<Programs> = OnceLock::new();
    FOUND.get_or_init(|| {
        found().unwrap_or_else(|| {
            packages::install(&["chromium", "chromium-driver"]);
            found().unwrap_or_else(|| {
                panic!(
                    "Chromium and its driver are not there, so the pages cannot be tested.\nInstall them (Debian: \
                     apt-get install chromium chromium-driver; elsewhere google-chrome and the chromedriver of its \
                     version) so that they are found on PATH. `cargo test` installs Debian's packages itself where it \
                     runs as root."
                )
            })
        })
    })
}

fn found() -> Option<Programs> {
    let browser = BROWSERS.into_iter().find_map(on_path)?;
    let driver = DRIVERS.into_iter().find_map(on_path)?;
    Some(Programs { browser, driver })
}

/// A program by its name; one that is on `PATH` but does not run is as good as none.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| {
        let mut command = Command::new(file);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
