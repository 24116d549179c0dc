//! The usage of the system by this process.

use std::fs;

/// Values that the kernel does not tell are none.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) cpu_seconds: Option<f64>,
    /// In bytes.
    pub(super) memory: Option<u64>,
    pub(super) open_files: Option<usize>,
}

/// The ticks in a second, as Linux has them in `/proc`.
const TICKS: f64 = 100.0;

pub(super) fn usage() -> Usage {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = memory.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    Usage {
        cpu_seconds: cpu_seconds(&stat),
        memory: memory.map(|kibibytes| kibibytes * 1024),
        open_files: fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
    }
}

/// The processor time in the text of `/proc/self/stat`. The name of the program is in parentheses, and may contain blanks.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let ticks = |field: Option<&str>| field?.parse::<u32>().ok().map(f64::from);
    Some((ticks(fields.next())? + ticks(fields.next())?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_the_usage() {
        let usage = usage();
        assert!(usage.memory.is_some_and(|bytes| bytes > 1 << 20) && usage.open_files.is_some_and(|files| files > 2));
        assert!(usage.cpu_seconds.is_some());
        let stat = "1 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0 0 0 0 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("1 (a"), None);
    }
}
