use std::fs;
use std::path::PathBuf;

use super::*;
use crate::stop::Stop;

const LIMIT: Limit = Limit { bytes: 100, rule: "must not be larger than 100 bytes" };

fn spool() -> (tempfile::TempDir, Spool) {
    let place = tempfile::tempdir().unwrap();
    let spool = Spool::at(place.path().join("files/incoming"));
    (place, spool)
}

fn names(spool: &Spool) -> Vec<PathBuf> {
    fs::read_dir(&spool.folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_file_is_hashed_while_it_arrives_and_removed_when_it_is_dropped() {
    let (_place, spool) = spool();
    let mut incoming = spool.begin(LIMIT).unwrap();
    for chunk in ["a", "", "bc"] {
        incoming.write(chunk.as_bytes()).unwrap();
        incoming.flush()().unwrap();
    }
    let file = incoming.finish().unwrap();
    assert_eq!((file.size(), names(&spool).len()), (3, 1));
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(file.sha256().to_string(), abc);
    drop(file);
    assert!(names(&spool).is_empty());
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    let (_place, spool) = spool();
    let mut incoming = spool.begin(LIMIT).unwrap();
    incoming.write(&[7; 100]).unwrap();
    let refusal = incoming.write(&[7]).unwrap_err().to_string();
    assert_eq!(refusal, "body: must not be larger than 100 bytes");
    drop(incoming);
    assert!(names(&spool).is_empty());
}

#[test]
fn only_files_without_an_owner_are_cleaned() {
    let (_place, spool) = spool();
    let alive = spool.begin(LIMIT).unwrap();
    let whole = spool.begin(LIMIT).unwrap().finish().unwrap();
    fs::write(spool.folder.join("dead"), "left").unwrap();
    fs::write(spool.folder.join("dead too"), "").unwrap();
    assert_eq!(spool.unfinished().unwrap(), 2);
    assert_eq!(names(&spool).len(), 4, "a count changes nothing");
    assert_eq!(spool.clean().unwrap(), 2);
    assert_eq!((names(&spool).len(), spool.clean().unwrap()), (2, 0));
    drop((alive, whole));
    assert!(names(&spool).is_empty());
}

#[test]
fn a_file_is_never_cleaned_while_it_begins() {
    let (_place, spool) = spool();
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let _stops = stop.at_the_end();
        scope.spawn(|| {
            while !stop.is_set() {
                spool.clean().unwrap();
            }
        });
        for _ in 0..500 {
            let incoming = spool.begin(LIMIT).unwrap();
            assert!(incoming.entry.path().exists());
        }
    });
    assert!(names(&spool).is_empty());
}

#[test]
fn the_folder_of_the_spool_is_created_when_it_is_needed() {
    let (_place, spool) = spool();
    for _ in 0..2 {
        assert_eq!(spool.clean().unwrap(), 0);
        drop(spool.begin(LIMIT).unwrap());
        fs::remove_dir(&spool.folder).unwrap();
    }
}
