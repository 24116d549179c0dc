use std::io::{Read as _, Write as _};

use flate2::read::GzDecoder;

use super::*;

const MEMORY: usize = 8 << 20;

const CODINGS: [Coding; 3] = [Coding::Identity, Coding::Gzip, Coding::Zstd];

fn written(memory: &UnsentMemory, length: usize) -> Result<ResponseBody> {
    written_in(Coding::Identity, memory, length)
}

fn written_in(coding: Coding, memory: &UnsentMemory, length: usize) -> Result<ResponseBody> {
    let mut out = BodyWriter::new(memory, Some(UserId(1)), coding);
    let bytes: Vec<u8> = (0..length).map(|n| b'a' + u8::try_from(n % 26).unwrap_or_default()).collect();
    for part in bytes.chunks(1009) {
        out.write_all(part).map_err(|error| out.failure(error))?;
    }
    out.finish()
}

/// The bytes as a client reads them.
fn decoded(answer: ResponseBody) -> Vec<u8> {
    let coding = answer.coding();
    let coded = collected(answer);
    match coding {
        Coding::Identity => coded,
        Coding::Gzip => {
            let mut plain = Vec::new();
            GzDecoder::new(&*coded).read_to_end(&mut plain).expect("gzip");
            plain
        }
        Coding::Zstd => zstd::decode_all(&*coded).expect("zstd"),
    }
}

fn collected(answer: ResponseBody) -> Vec<u8> {
    match answer.into_body() {
        Body::Short(bytes) => bytes,
        Body::Long(chunks) => {
            let length = chunks.len();
            let all: Vec<u8> = chunks.flatten().collect();
            assert_eq!(all.len(), length);
            all
        }
        Body::Cached(body, _) => body.as_ref().to_vec(),
    }
}

#[test]
fn an_answer_of_any_length_is_what_was_written() {
    let memory = UnsentMemory::new(MEMORY);
    let lengths = [0, 1, MIN_CODED - 1, MIN_CODED, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 100_001];
    for (length, coding) in lengths.into_iter().flat_map(|length| CODINGS.map(|coding| (length, coding))) {
        let answer = written_in(coding, &memory, length).unwrap();
        let expected = if length < MIN_CODED { Coding::Identity } else { coding };
        assert_eq!(answer.coding(), expected, "{length}");
        let whole = decoded(answer);
        assert_eq!(whole.len(), length);
        assert!(whole.iter().enumerate().all(|(n, byte)| usize::from(byte - b'a') == n % 26), "{length}");
        let (body, answer) = written_in(coding, &memory, length).unwrap().into_cached();
        let again = body.answer(&memory, None).unwrap();
        assert_eq!((again.coding(), answer.coding()), (expected, expected));
        assert_eq!((decoded(again), decoded(answer)), (whole.clone(), whole));
    }
    memory.share(None).grow(MEMORY / 8 * 7).expect("all of it is free again");
}

#[test]
fn memory_is_released_as_an_answer_is_sent() {
    let memory = UnsentMemory::new(MEMORY);
    let Body::Long(mut chunks) = written(&memory, MEMORY / 2).unwrap().into_body() else { unreachable!() };
    let mut other = memory.share(None);
    assert!(other.grow(MEMORY / 2).is_err());
    assert_eq!(chunks.by_ref().take(64).map(|chunk| chunk.len()).sum::<usize>(), 64 * CHUNK);
    other.grow(MEMORY / 2).expect("half of the answer has been sent");
}

#[test]
fn an_answer_that_finds_no_memory_is_refused_as_busy() {
    let memory = UnsentMemory::new(MEMORY);
    let mut other = memory.share(None);
    other.grow(MEMORY / 8 * 7).unwrap();
    assert!(matches!(written(&memory, 2 << 20), Err(Error::Busy { .. })));
    assert!(written(&memory, CHUNK).is_ok(), "a short answer needs none");
    drop(other);
    assert!(written(&memory, 2 << 20).is_ok());
}

#[test]
fn only_the_encoded_bytes_of_an_answer_wait() {
    let memory = UnsentMemory::new(MEMORY);
    assert!(written(&memory, 4 * MEMORY).is_err());
    for coding in [Coding::Gzip, Coding::Zstd] {
        let answer = written_in(coding, &memory, 4 * MEMORY).unwrap();
        assert!(answer.len() < MEMORY / 8, "{coding:?}: {}", answer.len());
        assert_eq!(decoded(answer).len(), 4 * MEMORY);
    }
    memory.share(None).grow(MEMORY / 8 * 7).expect("all of it is free again");
}

#[test]
fn bytes_that_do_not_shrink_find_their_memory_or_are_refused() {
    let memory = UnsentMemory::new(MEMORY);
    let noise = |length: usize| -> Vec<u8> {
        let mut state = 1_u64;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        (0..length).map(next).collect()
    };
    for coding in [Coding::Gzip, Coding::Zstd] {
        let write = |bytes: &[u8]| {
            let mut out = BodyWriter::new(&memory, None, coding);
            out.write_all(bytes).map_err(|error| out.failure(error))?;
            out.finish()
        };
        let bytes = noise(5 * CHUNK);
        assert_eq!(decoded(write(&bytes).unwrap()), bytes);
        assert!(write(&noise(2 * MEMORY)).is_err(), "{coding:?}");
    }
    memory.share(None).grow(MEMORY / 8 * 7).expect("all of it is free again");
}

#[test]
fn a_cached_body_counts_once_while_it_is_sent() {
    let memory = UnsentMemory::new(MEMORY);
    let (body, first) = written(&memory, 512 << 10).unwrap().into_cached();
    let sent: Vec<_> = (0..100).map(|n| body.clone().answer(&memory, Some(UserId(n))).unwrap()).collect();
    memory.share(None).grow(MEMORY / 8 * 7 - (512 << 10)).expect("only one of the hundred counts");
    drop((first, sent));
    memory.share(None).grow(MEMORY / 8 * 7).expect("a body in the cache does not wait to be sent");
    let mut other = memory.share(None);
    other.grow(MEMORY / 8 * 7).unwrap();
    other.grow(0).unwrap();
    let mut small = memory.share(None);
    small.grow(MEMORY / 8 - (256 << 10)).unwrap();
    assert!(matches!(body.answer(&memory, None), Err(Error::Busy { .. })));
}
