use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, ResponseError};
use serde_json::{Value, json};

use super::*;
use crate::app::identity::signing_keys::Plan;
use crate::app::runtime::file_storage::FileStorage;
use crate::app::runtime::installation::Installation;
use crate::app::runtime::issuers::Issuers;
use crate::app::runtime::pool::{Pool, PoolKind};
use crate::app::runtime::state::Fields;
use crate::app::runtime::throttle::Throttle;
use crate::app::runtime::unsent_memory::UnsentMemory;
use crate::domain::key::KeyRules;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::model::StoredFile;
use crate::domain::secret::Secret;
use crate::http::body::Bodies;
use crate::http::connection::Times;
use crate::http::connections::{Connections, Limits};
use crate::http::cors::Cors;
use crate::http::downloads;
use crate::http::forwarded::{ForwardedHeader, TrustedProxies};
use crate::http::listening;
use crate::http::server::{self, Listener};
use crate::store::{Sizes, probe};
use crate::tokens::seal::MasterKey;
use crate::tokens::signing::Algorithm;
use crate::tokens::tags::TagKey;

/// The maximum size of a file in these tests.
const MAX_FILE: usize = 40 << 20;
const MAX_BODY: usize = 4096;
const TIMEOUT: Duration = Duration::from_secs(1);

/// A server with one route that receives forms, one that receives files, and one that sends them.
struct Scene {
    address: SocketAddr,
    server: ServerHandle,
    place: tempfile::TempDir,
    thread: Option<thread::JoinHandle<()>>,
}

fn state(data_dir: &std::path::Path) -> AppState {
    let (one, day) = (NonZeroUsize::MIN, Duration::from_hours(24));
    let many = one.saturating_add(63);
    AppState::new(Fields {
        store: probe::open(&data_dir.join("atelier.db"), Sizes::default()),
        installation: Installation::local(data_dir),
        master_key: Arc::new(MasterKey::parse(&Secret::new("A".repeat(43) + "=")).unwrap()),
        key_plan: Plan { algorithm: Algorithm::Es256, rsa_bits: 2048, life: day, token_life: day },
        tags: TagKey::new(&[0; 32]),
        password_pool: Pool::start(PoolKind::Hashing, one, one).unwrap(),
        signing_pool: Pool::start(PoolKind::Signing, one, one).unwrap(),
        read_pool: Pool::start(PoolKind::Reading, one, one).unwrap(),
        list_pool: Pool::start(PoolKind::Reading, one, one).unwrap(),
        unsent_memory: UnsentMemory::new(8 << 20),
        files: Arc::new(FileStorage { max_file: MAX_FILE as u64, ..FileStorage::local(data_dir) }),
        file_pool: Pool::start(PoolKind::Files, one, many).unwrap(),
        place_pool: Pool::start(PoolKind::Placing, one, many).unwrap(),
        throttle: Throttle::new(5, day),
        issuers: Issuers::new(None, Vec::new(), &[]),
        lifetimes: Lifetimes {
            access_token: day,
            session_idle: day,
            session_life: day,
            offline_idle: day,
            offline_life: day,
            browser_idle: day,
            browser_life: day,
        },
        key_rules: KeyRules::LOOSE,
        retention: crate::domain::retention::Retention::default(),
        password_grant: true,
        administrators_need_second_factor: false,
        response_cache_size: 1 << 20,
    })
}

/// The failure of a dialect of its own.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Failure(#[from] Error);

impl ResponseError for Failure {
    fn error_response(&self) -> HttpResponse {
        let status = match self.0 {
            Error::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::NotFound { .. } => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        HttpResponse::build(status).json(json!({ "detail": self.to_string() }))
    }
}

type Answer = std::result::Result<HttpResponse, Failure>;

async fn place(state: &AppState, mut file: Spooled) -> Result<Value> {
    let found = json!({ "sha256": file.sha256().to_string(), "size": file.size() });
    let files = state.files.clone();
    state.place_pool.run(crate::app::runtime::pool::Lane::Server, move || files.store.place(&mut file)).await??;
    Ok(found)
}

async fn form(request: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Answer {
    crate::http::request::mark_authenticated(&request);
    let check = |metadata: &Value, _| match metadata.get("refuse") {
        Some(_) => Err(Error::invalid("refuse", "must not be there")),
        None => Ok(()),
    };
    let form: Form<Value> = read_form(&request, payload, &Actor::operator(), || Ok(()), check).await?;
    let mut answer = json!({ "metadata": form.metadata, "file": null });
    if let Some(UploadedFile { file, name }) = form.file {
        answer["file"] = place(&state, file).await?;
        answer["name"] = name.into();
    }
    Ok(HttpResponse::Ok().json(answer))
}

async fn raw(request: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Answer {
    let file = read_file(&request, payload, &Actor::operator()).await?;
    Ok(HttpResponse::Ok().json(place(&state, file).await?))
}

async fn download(request: HttpRequest, state: web::Data<AppState>, path: web::Path<(String, u64)>) -> Answer {
    let (sha256, size) = path.into_inner();
    let file = StoredFile { sha256: sha256.parse().unwrap(), size };
    Ok(downloads::send(&request, &state, &Actor::operator(), file, "é.onnx").await?)
}

impl Scene {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let data_dir = place.path().to_owned();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let state = web::Data::new(state(&data_dir));
                let bodies = web::Data::new(Bodies::new(MAX_BODY, 8 << 20, TIMEOUT));
                let limits = Limits { total: 100, per_address: 0, head_time: TIMEOUT, write_time: TIMEOUT };
                let proxies = TrustedProxies::new(&[], ForwardedHeader::Either);
                let connections = Connections::new(limits, proxies.clone());
                let proxies = web::Data::new(proxies);
                let app = move || {
                    App::new()
                        .app_data(state.clone())
                        .app_data(bodies.clone())
                        .app_data(proxies.clone())
                        .wrap(actix_web::middleware::from_fn(|request, next| async move {
                            crate::http::request::track(request, next, (&Cors::default(), false), None).await
                        }))
                        .route("/form", web::post().to(form))
                        .route("/raw", web::post().to(raw))
                        .route("/file/{sha256}/{size}", web::get().to(download))
                        .route("/file/{sha256}/{size}", web::head().to(download))
                };
                let listener = listening::listen("127.0.0.1:0".parse().unwrap()).unwrap();
                let address = listener.local_addr().unwrap();
                let times = Times { request: TIMEOUT, keep_alive: TIMEOUT, write: TIMEOUT };
                let server = server::build().workers(1).disable_signals().shutdown_timeout(1);
                let server =
                    server::listen(server, (Listener::Tcp(listener), None), &connections, times, app).unwrap().run();
                actix_web::rt::spawn(connections.sweep());
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, server) = receiver.recv().unwrap();
        Self { address, server, place, thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends a whole request on a connection of its own. Returns the head and the body of the response.
    fn send(&self, head: &str, body: &[u8]) -> (String, Vec<u8>) {
        let mut stream = self.connect();
        stream.write_all(format!("{head}\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        // A server that refuses may not read all of it.
        let _ = stream.write_all(body);
        response(&mut stream)
    }

    fn post(&self, path: &str, body: &[u8]) -> (u16, Value) {
        let kind = format!("content-type: multipart/form-data; boundary={BOUNDARY}");
        let head = format!("POST {path} HTTP/1.1\r\n{kind}\r\ncontent-length: {}", body.len());
        parsed(self.send(&head, body))
    }

    /// The names of the files that are being received, or were left.
    fn spooled(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.place.path().join("files/incoming"));
        entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    fn assert_nothing_left(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.spooled().is_empty() && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(self.spooled(), Vec::<PathBuf>::new());
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn response(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let end = memchr::memmem::find(&all, b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {} bytes", all.len()));
    (String::from_utf8(all[..end].to_vec()).unwrap(), all[end + 4..].to_vec())
}

fn parsed((head, body): (String, Vec<u8>)) -> (u16, Value) {
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{head}: {}", String::from_utf8_lossy(&body))))
}

const BOUNDARY: &str = "a-boundary-of-a-form";

/// A part of a form.
fn part(headers: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {headers}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn metadata(text: &str) -> Vec<u8> {
    part("name=\"metadata\"\r\ncontent-type: application/json", text.as_bytes())
}

fn file(content: &[u8]) -> Vec<u8> {
    part("name=\"file\"; filename=\"m.onnx\"\r\ncontent-type: application/octet-stream", content)
}

fn form_of(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat().as_slice(), format!("--{BOUNDARY}--\r\n").as_bytes()].concat()
}

/// Bytes with everything that looks like the end of a part.
fn content(length: usize) -> Vec<u8> {
    let pattern = format!("\r\n--{}\r\n--\r\r\n-{BOUNDARY}\0\u{ff}", &BOUNDARY[..BOUNDARY.len() - 1]);
    pattern
        .bytes()
        .cycle()
        .enumerate()
        .map(|(at, byte)| if at % 977 == 0 { at.to_le_bytes()[1] } else { byte })
        .take(length)
        .collect()
}

fn sha256(content: &[u8]) -> String {
    let mut hash = crate::tokens::file_hash::FileHash::new();
    hash.update(content);
    hash.finish().to_string()
}

#[test]
fn a_form_is_read_in_either_order_whatever_its_length() {
    let scene = Scene::new();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5, 2_000_003] {
        let content = content(length);
        let expected = json!({ "sha256": sha256(&content), "size": length });
        let meta = metadata(r#"{"name":"m"}"#);
        for parts in [[meta.clone(), file(&content)], [file(&content), meta.clone()]] {
            let (status, answer) = scene.post("/form", &form_of(&parts));
            assert_eq!((status, &answer["file"], &answer["name"]), (200, &expected, &json!("m.onnx")), "{answer}");
            assert_eq!(answer["metadata"], json!({ "name": "m" }));
        }
        let head = format!("POST /raw HTTP/1.1\r\ncontent-length: {length}");
        assert_eq!(parsed(scene.send(&head, &content)), (200, expected));
    }
    scene.assert_nothing_left();
}

#[test]
fn a_form_needs_no_file_and_no_length() {
    let scene = Scene::new();
    let (status, answer) = scene.post("/form", &form_of(&[metadata("{}")]));
    assert_eq!((status, &answer["file"]), (200, &Value::Null));
    let whole = form_of(&[metadata("{}"), file(&content(300_000))]);
    let chunked: Vec<u8> = whole
        .chunks(70_001)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    let kind = format!("content-type: multipart/form-data; boundary=\"{BOUNDARY}\"");
    let head = format!("POST /form HTTP/1.1\r\n{kind}\r\ntransfer-encoding: chunked");
    let (status, answer) = parsed(scene.send(&head, &chunked));
    assert_eq!((status, &answer["file"]["sha256"]), (200, &json!(sha256(&content(300_000)))), "{answer}");
}

#[test]
fn a_connection_is_used_again_after_an_upload() {
    let scene = Scene::new();
    let mut stream = scene.connect();
    for _ in 0..3 {
        let body = [form_of(&[metadata("{}"), file(b"x")]), b"an epilogue".to_vec()].concat();
        let head = format!(
            "POST /form HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-type: multipart/form-data; \
             boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        assert_eq!(read_head(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(&body).unwrap();
        let head = read_head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn a_malformed_form_is_refused_and_leaves_nothing() {
    let scene = Scene::new();
    let (meta, small) = (metadata("{}"), file(&content(300_000)));
    let unended = [meta.clone(), small.clone()].concat();
    for (body, words) in [
        (form_of(&[]), "metadata: is missing"),
        (form_of(std::slice::from_ref(&small)), "metadata: is missing"),
        (form_of(&[meta.clone(), meta.clone()]), "metadata: is an unexpected part"),
        (form_of(&[meta.clone(), small.clone(), small.clone()]), "file: is an unexpected part"),
        (form_of(&[part("name=\"x\"", b"1"), meta.clone()]), "x: is an unexpected part"),
        (form_of(&[metadata("["), small.clone()]), "body: must be a JSON object"),
        (form_of(&[metadata(r#"{"refuse":1}"#), small.clone()]), "refuse: must not be there"),
        (form_of(&[small.clone(), metadata(r#"{"refuse":1}"#)]), "refuse: must not be there"),
        (form_of(&[metadata(&format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_BODY))), small.clone()]), "max_body"),
        (form_of(&[meta.clone(), part("name=\"file\"; filename=\"a\tb\"", b"")]), "control characters"),
        (
            form_of(&[meta.clone(), part(&format!("name=\"file\"; filename=\"{}\"", "a".repeat(256)), b"")]),
            "at most 255",
        ),
        (unended, "must be a multipart/form-data form"),
        (b"{}".to_vec(), "must be a multipart/form-data form"),
        (Vec::new(), "must be a multipart/form-data form"),
        ([form_of(std::slice::from_ref(&meta)), vec![b'x'; 200_000]].concat(), "body: "),
    ] {
        let (status, answer) = scene.post("/form", &body);
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(status == 422 && detail.contains(words), "{words}: {status} {answer}");
        scene.assert_nothing_left();
    }
    let (status, answer) = parsed(scene.send("POST /form HTTP/1.1\r\ncontent-length: 2", b"{}"));
    assert!(status == 422 && answer["detail"].to_string().contains("must be a multipart/form-data form"), "{answer}");
}

#[test]
fn a_file_beyond_the_maximum_is_refused_without_reading_it() {
    let scene = Scene::new();
    // The length is told.
    let head = format!("POST /raw HTTP/1.1\r\ncontent-length: {}", MAX_FILE + 1);
    let (status, answer) = parsed(scene.send(&head, b""));
    assert_eq!((status, &answer["detail"]), (413, &json!("body: must not be larger than the server's max_file")));
    // The length is not told.
    let mut stream = scene.connect();
    let head = "POST /raw HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![7; 1 << 20], b"\r\n"].concat();
    let sent = (0..200).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!((MAX_FILE >> 20..100).contains(&sent), "{sent} MiB were sent");
    scene.assert_nothing_left();
    // One byte fewer is stored.
    let content = vec![7; MAX_FILE];
    let (status, answer) = parsed(scene.send(&format!("POST /raw HTTP/1.1\r\ncontent-length: {MAX_FILE}"), &content));
    assert_eq!((status, &answer["size"]), (200, &json!(MAX_FILE)), "{answer}");
}

#[test]
fn a_refusal_by_the_metadata_does_not_read_the_file() {
    let scene = Scene::new();
    let mut stream = scene.connect();
    let length = MAX_FILE;
    let head = format!(
        "POST /form HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: \
         {length}\r\n\r\n"
    );
    let start = [head.into_bytes(), metadata(r#"{"refuse":1}"#), file(b"x")].concat();
    stream.write_all(&start).unwrap();
    // The rest is never sent.
    let (status, answer) = parsed(response(&mut stream));
    assert!(status == 422 && answer["detail"] == "refuse: must not be there", "{status} {answer}");
    scene.assert_nothing_left();
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let scene = Scene::new();
    for length in [0, 10, CHUNK + 1, 3_000_000] {
        let mut stream = scene.connect();
        stream.write_all(b"POST /raw HTTP/1.1\r\nhost: a\r\ncontent-length: 5000000\r\n\r\n").unwrap();
        stream.write_all(&vec![7; length]).unwrap();
        if length > CHUNK {
            let end = Instant::now() + Duration::from_secs(10);
            while scene.spooled().is_empty() && Instant::now() < end {
                thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(scene.spooled().len(), 1);
        }
        stream.shutdown(Shutdown::Both).unwrap();
        drop(stream);
        scene.assert_nothing_left();
    }
}

#[test]
fn a_client_that_sends_too_slowly_is_refused_and_a_steady_one_is_not() {
    let scene = Scene::new();
    let upload = |length: usize, pause: Duration, piece: usize| {
        let mut stream = scene.connect();
        let head = format!("POST /raw HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let began = Instant::now();
        for piece in vec![7; length].chunks(piece) {
            if stream.write_all(piece).is_err() || began.elapsed() > TIMEOUT * 4 {
                break;
            }
            thread::sleep(pause);
        }
        (parsed(response(&mut stream)).0, began.elapsed())
    };
    let (status, elapsed) = upload(400_000, Duration::from_millis(500), 70_000);
    assert!(status == 200 && elapsed > TIMEOUT, "{status} after {elapsed:?}");
    let (status, elapsed) = upload(400_000, Duration::from_millis(200), 100);
    assert!(status == 422 && elapsed < TIMEOUT * 3, "{status} after {elapsed:?}");
    scene.assert_nothing_left();
}

#[test]
fn a_file_is_sent_whole_or_in_part() {
    let scene = Scene::new();
    let content = content(3 * CHUNK + 17);
    let (_, stored) = parsed(scene.send(&format!("POST /raw HTTP/1.1\r\ncontent-length: {}", content.len()), &content));
    let (sha256, size) = (stored["sha256"].as_str().unwrap(), content.len());
    let get = |method: &str, more: &str| scene.send(&format!("{method} /file/{sha256}/{size} HTTP/1.1{more}"), b"");
    let (head, body) = get("GET", "");
    assert!(head.starts_with("HTTP/1.1 200 OK") && body == content, "{head}");
    for header in [
        &format!("content-length: {size}"),
        &format!("etag: \"{sha256}\""),
        "accept-ranges: bytes",
        "content-disposition: attachment; filename=\"_.onnx\"; filename*=UTF-8''%C3%A9.onnx",
        "x-content-type-options: nosniff",
        "content-type: application/octet-stream",
    ] {
        assert!(head.lines().any(|line| line.eq_ignore_ascii_case(header)), "{header}: {head}");
    }
    for (range, bytes) in [("5-9", 5..10), ("786000-", 786_000..size), ("-20", size - 20..size), ("0-", 0..size)] {
        let (head, body) = get("GET", &format!("\r\nrange: bytes={range}"));
        assert!(head.starts_with("HTTP/1.1 206") && body == content[bytes.clone()], "{range}: {head}");
        let found = format!("content-range: bytes {}-{}/{size}", bytes.start, bytes.end - 1);
        assert!(head.lines().any(|line| line.eq_ignore_ascii_case(&found)), "{found}: {head}");
    }
    let (head, body) = get("GET", &format!("\r\nrange: bytes={size}-"));
    assert!(head.starts_with("HTTP/1.1 416") && head.contains(&format!("bytes */{size}")) && body.is_empty(), "{head}");
    let (head, body) = get("GET", &format!("\r\nif-none-match: \"{sha256}\""));
    assert!(head.starts_with("HTTP/1.1 304") && body.is_empty(), "{head}");
    let (head, body) = get("HEAD", "\r\nrange: bytes=0-1");
    assert!(head.contains(&format!("content-length: {size}")) && body.is_empty(), "{head}");
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let scene = Scene::new();
    let content = vec![7; 20 << 20];
    let (_, stored) = parsed(scene.send(&format!("POST /raw HTTP/1.1\r\ncontent-length: {}", content.len()), &content));
    let mut stream = scene.connect();
    let path = format!("/file/{}/{}", stored["sha256"].as_str().unwrap(), content.len());
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).unwrap();
    thread::sleep(TIMEOUT * 3);
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read);
    assert!(read.len() < content.len(), "the connection was closed: {}", read.len());
}

#[test]
fn a_file_that_was_removed_at_this_moment_does_not_exist() {
    let scene = Scene::new();
    let path = format!("/file/{}/10", "ab".repeat(32));
    assert!(scene.send(&format!("GET {path} HTTP/1.1"), b"").0.starts_with("HTTP/1.1 404"));
}
