use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::domain::secret::Secret;
use crate::tokens::sealed_file::Passphrase;

fn label() -> Label {
    Label {
        format: FORMAT,
        program: "1".to_owned(),
        schema: 9,
        made_at: "2026-11-27T03:00:00Z".to_owned(),
        server: None,
    }
}

fn manifest() -> Manifest {
    let files = FilesRecord {
        place: FilesPlace::Inside,
        count: 1,
        bytes: 3,
        deleted: Vec::new(),
        missing: Vec::new(),
        damaged: Vec::new(),
    };
    let rows = [("users".to_owned(), 1)].into();
    Manifest { label: label(), rows, audit_row: Some(1), audit_hash: None, files, parts: Vec::new() }
}

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn parts() -> Vec<(Part, Vec<u8>)> {
    vec![
        (Part::Files, format!("{ABC} 3\n").into_bytes()),
        (Part::Database, vec![7; 200_000]),
        (Part::Key(None), b"key".to_vec()),
        (Part::Key(Some("0123456789abcdef".to_owned())), b"old".to_vec()),
        (Part::Model(ABC.parse().unwrap()), b"abc".to_vec()),
    ]
}

fn written(place: &TempDir, passphrase: Option<&Passphrase>) -> std::path::PathBuf {
    let path = place.path().join("b.tar");
    let mut writer = ArchiveWriter::begin(NewFile::create(&path).unwrap(), label(), passphrase).unwrap();
    for (part, bytes) in parts() {
        writer.add(&part, bytes.len() as u64, &mut bytes.as_slice()).unwrap();
    }
    assert!(!path.exists());
    assert_eq!(writer.finish(manifest()).unwrap(), fs::metadata(&path).unwrap().len());
    path
}

fn read(path: &Path, passphrase: Option<&Passphrase>) -> Result<Vec<(Part, Vec<u8>)>, ArchiveError> {
    let mut found = Vec::new();
    let manifest = ArchiveReader::open(path, passphrase)?.read::<ArchiveError>(&mut |part, size, from| {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        if bytes.len() as u64 == size {
            found.push((part.clone(), bytes));
        }
        Ok(())
    })?;
    assert_eq!(manifest.parts.len(), 4);
    Ok(found)
}

#[test]
fn a_backup_is_read_as_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    let path = written(&place, None);
    assert_eq!(read(&path, None).unwrap(), parts());
    assert_eq!(peek(&path).unwrap(), (label(), Sealed(false)));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    fs::remove_file(&path).unwrap();

    let (right, wrong) = (Passphrase::new(Secret::new("right")), Passphrase::new(Secret::new("wrong")));
    let path = written(&place, Some(&right));
    assert_eq!(peek(&path).unwrap(), (label(), Sealed(true)));
    assert_eq!(read(&path, Some(&right)).unwrap(), parts());
    assert!(matches!(read(&path, None), Err(ArchiveError::Sealed)));
    assert!(matches!(read(&path, Some(&wrong)), Err(ArchiveError::WrongPassphrase)));
    let again = ArchiveWriter::begin(NewFile::create(&path).unwrap(), label(), None).unwrap();
    assert_eq!(again.finish(manifest()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(read(&path, Some(&right)).unwrap(), parts());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_changed_or_cut_backup_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = written(&place, None);
    let whole = fs::read(&path).unwrap();
    let find = |text: &[u8]| whole.windows(text.len()).position(|found| found == text).unwrap();
    // Only zeros follow the last part.
    let end = find(b"manifest.sha256") + 512 + 65;
    let mut ends: Vec<usize> = (0..end).step_by(4099).collect();
    ends.extend([1, 511, 512, end - 1, end - 66]);
    for end in ends {
        fs::write(&path, &whole[..end]).unwrap();
        assert!(read(&path, None).is_err(), "cut at {end}");
    }
    let places = [
        find(b"backup.json"),
        find(b"\"made_at\"") + 12,
        find(b"files.txt"),
        find(ABC.as_bytes()),
        find(&[7; 512]) + 1000,
        find(b"key\0"),
        find(b"abc\0"),
        find(b"\"users\": 1") + 9,
        find(b"manifest.sha256") + 512,
    ];
    for at in places {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(read(&path, None).is_err(), "{at}");
    }
    fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    assert!(read(&path, None).unwrap_err().to_string().contains("something follows"));
}

#[test]
fn other_entries_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("b.tar");
    let text = serde_json::to_vec(&label()).unwrap();
    let make = |entries: &[(&str, tar::EntryType)]| {
        let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
        for (name, kind) in entries {
            let bytes = if *name == LABEL { text.as_slice() } else { b"x" };
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            tar.append(&header, bytes).unwrap();
        }
        tar.finish().unwrap();
        read(&path, None).unwrap_err()
    };
    let regular = tar::EntryType::Regular;
    for name in
        ["../atelier.db", "/etc/passwd", "files/../x", "files/ab", "./atelier.db", "master.key.x", "atelier.db/", "x"]
    {
        let error = make(&[(LABEL, regular), (name, regular)]).to_string();
        assert!(error.contains("does not belong there"), "{name}: {error}");
    }
    for kind in [
        tar::EntryType::Symlink,
        tar::EntryType::Link,
        tar::EntryType::Directory,
        tar::EntryType::GNULongName,
        tar::EntryType::XHeader,
        tar::EntryType::GNUSparse,
        tar::EntryType::Fifo,
    ] {
        let error = make(&[(LABEL, regular), (DATABASE, kind)]).to_string();
        assert!(error.contains("is no regular file"), "{kind:?}: {error}");
    }
    assert!(matches!(make(&[(DATABASE, regular)]), ArchiveError::NotABackup));
    assert!(make(&[(LABEL, regular), (LABEL, regular)]).to_string().contains("does not belong there"));
    assert!(make(&[(LABEL, regular), (DATABASE, regular)]).to_string().contains("cut off"));
    fs::write(&path, "a text").unwrap();
    assert!(matches!(read(&path, None), Err(ArchiveError::NotABackup)));
    assert!(matches!(read(place.path(), None), Err(ArchiveError::NotABackup)));
    assert!(matches!(read(&place.path().join("none"), None), Err(ArchiveError::Unreadable(_))));
}

#[test]
fn a_newer_format_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("b.tar");
    let newer = Label { format: FORMAT + 1, ..label() };
    ArchiveWriter::begin(NewFile::create(&path).unwrap(), newer, None).unwrap().finish(manifest()).unwrap();
    assert!(matches!(read(&path, None), Err(ArchiveError::Newer(2))));
}

#[test]
fn a_directory_lists_its_backups_and_shares_files() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::at(place.path().join("backups"));
    folder.create().unwrap();
    let at = |text| Timestamp::parse(text).unwrap();
    let (one, two) = (at("2026-11-27T03:00:00.5Z"), at("2026-11-28T03:00:00Z"));
    for (moment, sealed) in [(two, true), (one, false), (one, false)] {
        fs::write(folder.new_path(moment, sealed), "x").unwrap();
    }
    for other in [
        "atelier-x.tar",
        "atelier-20261127T030000Z.zip",
        "atelier-20269927T030000Z.tar",
        "notes.txt",
        "atelier-20261127T030000Z-1.tar",
    ] {
        fs::write(folder.path().join(other), "x").unwrap();
    }
    let names: Vec<_> =
        folder.list().unwrap().iter().map(|one| one.path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let expected =
        ["atelier-20261127T030000Z.tar", "atelier-20261127T030000Z-2.tar", "atelier-20261128T030000Z.tar.sealed"];
    assert_eq!(names, expected);
    assert_eq!(folder.archives().unwrap().len(), names.len() + 3, "those with other names, too");

    let lock = folder.lock().unwrap().unwrap();
    assert!(folder.lock().unwrap().is_none());
    let file = crate::domain::model::StoredFile { sha256: ABC.parse().unwrap(), size: 3 };
    let (right, wrong) = (Passphrase::new(Secret::new("right")), Passphrase::new(Secret::new("wrong")));
    for passphrase in [None, Some(&right)] {
        assert!(!folder.has_model(&file, passphrase).unwrap());
        assert!(!folder.put_model(&file, &mut &b"abd"[..], passphrase).unwrap());
        assert!(folder.put_model(&file, &mut &b"abc"[..], passphrase).unwrap());
        assert!(folder.has_model(&file, passphrase).unwrap());
        let mut text = String::new();
        folder.open_model(&file.sha256, passphrase).unwrap().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }
    let refusal = folder.has_model(&file, Some(&wrong)).unwrap_err().to_string();
    assert!(refusal.contains("is sealed with another passphrase"), "{refusal}");
    assert!(matches!(folder.open_model(&file.sha256, Some(&wrong)), Err(ArchiveError::WrongPassphrase)));
    let kept = [file.sha256].into();
    assert_eq!(folder.remove_other_models(&lock, &kept).unwrap(), 0);
    assert_eq!(folder.remove_other_models(&lock, &std::collections::BTreeSet::new()).unwrap(), 2);
    assert!(folder.open_model(&file.sha256, None).unwrap().is_none());

    // The folder of another directory is not touched.
    let other = place.path().join("other/ba");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join(ABC), "abc").unwrap();
    for link in [folder.path().join("files"), folder.path().join("files/ba")] {
        let to = if link.ends_with("ba") { other.clone() } else { place.path().join("other") };
        let _ = fs::remove_dir_all(&link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, &link).unwrap();
        assert_eq!(folder.link().unwrap().unwrap(), link);
        assert_eq!(folder.remove_other_models(&lock, &std::collections::BTreeSet::new()).unwrap(), 0);
        assert!(other.join(ABC).exists());
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(folder.link().unwrap(), None);
}

#[test]
fn backups_of_one_second_are_listed_as_they_were_made() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::at(place.path().to_owned());
    let mut made = Vec::new();
    for (at, sealed) in [(1, false), (2, true), (3, false), (4, true), (5, false), (6, false)] {
        let made_at = format!("2026-11-27T03:00:00.{at}Z");
        let path = folder.new_path(Timestamp::parse(&made_at).unwrap(), sealed);
        let label = Label { made_at, ..label() };
        let of = label.clone();
        let passphrase = sealed.then(|| Passphrase::new(Secret::new("right")));
        let writer = ArchiveWriter::begin(NewFile::create(&path).unwrap(), label, passphrase.as_ref()).unwrap();
        writer.finish(Manifest { label: of, ..manifest() }).unwrap();
        made.push(path);
    }
    let listed: Vec<_> = folder.list().unwrap().into_iter().map(|one| one.path).collect();
    assert_eq!(listed, made);
    // Without readable labels, the numbers count.
    let tenth = folder.path().join("atelier-20261128T030000Z-10.tar");
    let second = folder.path().join("atelier-20261128T030000Z-2.tar");
    fs::write(&tenth, "x").unwrap();
    fs::write(&second, "x").unwrap();
    let listed: Vec<_> = folder.list().unwrap().into_iter().map(|one| one.path).collect();
    assert_eq!(listed[made.len()..], [second, tenth]);
}

#[test]
fn files_of_models_have_the_names_of_a_data_directory() {
    let part = Part::Model(ABC.parse().unwrap());
    assert_eq!(part.name(), format!("files/ba/{ABC}"));
    assert_eq!(Part::parse(&part.name()), Some(part.clone()));
    assert_eq!(Part::parse(&format!("files/{ABC}")), Some(part), "an older backup");
    for other in
        [format!("files/bb/{ABC}"), format!("files/{ABC}/"), format!("files//{ABC}"), format!("files/ba/ba/{ABC}")]
    {
        assert_eq!(Part::parse(&other), None, "{other}");
    }
}

#[test]
fn an_older_backup_without_folders_is_read() {
    let place = tempfile::tempdir().unwrap();
    let path = written(&place, None);
    let mut whole = fs::read(&path).unwrap();
    let name = format!("files/ba/{ABC}");
    let at = whole.windows(name.len()).position(|found| found == name.as_bytes()).unwrap();
    let header = &mut whole[at..at + 512];
    header[..100].fill(0);
    header[..6 + ABC.len()].copy_from_slice(format!("files/{ABC}").as_bytes());
    let mut changed = tar::Header::from_byte_slice(header).clone();
    changed.set_cksum();
    header.copy_from_slice(changed.as_bytes());
    fs::write(&path, whole).unwrap();
    assert_eq!(read(&path, None).unwrap(), parts());
}
