//! The kind of file system that a data directory is on.

use std::path::Path;

/// The kind of network file system that a path is on, if it is on one.
pub(super) fn network(path: &Path) -> Option<&'static str> {
    magic(path).and_then(name)
}

/// The magic number of the file system that contains a path.
#[cfg(target_os = "linux")]
fn magic(path: &Path) -> Option<u64> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    u64::try_from(kind & 0xffff_ffff).ok()
}

/// These magic numbers are Linux's.
#[cfg(not(target_os = "linux"))]
fn magic(_: &Path) -> Option<u64> {
    None
}

/// The names of the magic numbers of network file systems in statfs(2) and linux/magic.h.
fn name(magic: u64) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "nfs",
        0x517b => "smb",
        0xff53_4d42 => "cifs",
        0xfe53_4d42 => "smb2",
        0x0102_1997 => "9p",
        0x6573_5546 => "fuse",
        0x00c3_6400 => "ceph",
        0x5346_414f | 0x6b41_4653 => "afs",
        0x7375_7245 => "coda",
        0x0bd0_0bd0 => "lustre",
        0x4750_4653 => "gpfs",
        0x0116_1970 => "gfs2",
        0x7461_636f => "ocfs2",
        0x1983_0326 => "beegfs",
        0x564c => "ncp",
        0x786f_4256 => "vboxsf",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_recognized() {
        assert_eq!(name(0x6969), Some("nfs"));
        assert_eq!(name(0xff53_4d42), Some("cifs"));
        assert_eq!(name(0xef53), None);
        assert_eq!(name(0x0102_1994), None);
        #[cfg(target_os = "linux")]
        assert!(magic(Path::new("/proc")).is_some_and(|magic| magic == 0x9fa0));
    }
}
