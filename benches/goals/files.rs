//! C1 and C2: uploads and downloads of a model's file.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{Bench, ratios};
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::{Run, count};
use crate::process::memory_of;
use crate::references::nginx;
use crate::report::Target;
use crate::seed::THOUSAND;
use crate::server::Server;

/// The bytes of a file: 2 GiB, or 256 MiB for a quick look.
fn size(bench: &Bench) -> u64 {
    if bench.arguments.quick { 256 << 20 } else { 2 << 30 }
}

/// The number of concurrent uploads whose memory is measured.
const TOGETHER: u64 = 8;

/// The separator of the parts of an upload.
const BOUNDARY: &str = "9d1f6a0c4f0e4d0e8b";

/// The time between two looks at the memory of the server.
const LOOK: Duration = Duration::from_millis(5);

/// A file of random bytes in the scratch folder.
fn source(bench: &Bench, bytes: u64) -> Result<PathBuf> {
    let place = bench.scratch().join(format!("source-{bytes}"));
    if !place.exists() {
        let mut random = File::open("/dev/urandom")?.take(bytes);
        std::io::copy(&mut random, &mut File::create(&place)?)?;
    }
    Ok(place)
}

/// A workspace and the token of its owner.
struct Owner {
    address: SocketAddr,
    token: String,
    workspace: i64,
    uploads: AtomicU64,
}

impl Owner {
    fn new(server: &Server) -> Result<Self> {
        let token = server.admin()?;
        let created = post(server, &token, "workspaces/create", &json!({ "workspace_name": "files" }))?;
        let workspace = created.get("workspace_id").and_then(Value::as_i64);
        Ok(Self {
            address: server.address(),
            token,
            workspace: workspace.ok_or_else(|| BenchError::new("the workspace has no id"))?,
            uploads: AtomicU64::new(0),
        })
    }

    /// Uploads the source behind 16 bytes that no other upload has, as a new model. Returns the name of the model, the id
    /// of the version and the time.
    fn upload(&self, source: &Path, bytes: u64) -> Result<(String, i64, Duration)> {
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let name = format!("model-{number}");
        let metadata = json!({
            "name": name,
            "visibility": "private",
            "workspace_id": self.workspace,
            "conversion": { "framework": "onnx", "python_version": "3.8", "requirements": [] },
        });
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json\r\n\r\n\
             {metadata}\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model.onnx\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{number:016}"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let length = count_bytes(&head) + bytes + count_bytes(&tail);
        let request = format!(
            "POST /v1/api/models/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n",
            self.token
        );
        let mut file = File::open(source)?;
        let begun = Instant::now();
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(request.as_bytes())?;
        stream.write_all(head.as_bytes())?;
        // The standard library lets the kernel send the file.
        std::io::copy(&mut file, &mut stream)?;
        stream.write_all(tail.as_bytes())?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        let took = begun.elapsed();
        let body = response.split("\r\n\r\n").nth(1).filter(|_| response.starts_with("HTTP/1.1 200"));
        let body = body.and_then(|body| serde_json::from_str::<Value>(body).ok());
        let id = body.and_then(|body| body.pointer("/insert_models/returning/0/models/0/id")?.as_i64());
        Ok((name, id.ok_or_else(|| BenchError::new(response).when("upload"))?, took))
    }

    fn delete(&self, server: &Server, name: &str) -> Result<()> {
        let body = json!({ "model_id": name, "workspace_id": self.workspace, "confirm_delete": true });
        post(server, &self.token, "models/delete_model", &body).map(drop)
    }
}

fn post(server: &Server, token: &str, path: &str, body: &Value) -> Result<Value> {
    let path = format!("/v1/api/{path}");
    let response = server.client.send("POST", &path, Some(token), "application/json", &body.to_string())?;
    Ok(serde_json::from_str(&response)?)
}

fn count_bytes(text: &str) -> u64 {
    text.len() as u64
}

/// A run of one action that took so long.
fn run(took: Duration) -> Result<Run> {
    Ok(Run::timed(vec![u64::try_from(took.as_nanos())?]))
}

/// C1: uploads, beside writing the same bytes to the disk while `sha256sum` reads them.
pub(super) fn uploads(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::C1;
    let bytes = size(bench);
    let source_file = source(bench, bytes)?;
    let server = bench.serve(THOUSAND)?;
    let owner = Owner::new(&server)?;
    let floor = bench.scratch().join("floor");
    let upload = || {
        let (name, _, took) = owner.upload(&source_file, bytes)?;
        owner.delete(&server, &name)?;
        run(took)
    };
    let write = || {
        let mut command = Command::new("sh");
        command.args(["-c", "tee \"$2\" < \"$1\" | sha256sum > \"$2.sha256\" && sync \"$2\"", "floor"]);
        let begun = Instant::now();
        let status = command.arg(&source_file).arg(&floor).status()?;
        let took = begun.elapsed();
        if !status.success() {
            return Err(BenchError::new("tee, sha256sum or sync failed"));
        }
        fs::remove_file(&floor)?;
        run(took)
    };
    let [ours, theirs] = bench.alternate(GOAL, &mut [("atelier", Box::new(upload)), ("floor", Box::new(write))])?;
    let throughput = ratios(&ours, &theirs, Run::per_second);
    bench.report.measure(GOAL, "upload, throughput of the floor's", "x", Target::AtLeast(0.7), &throughput)?;
    for (uploads, bound) in [(1, 16.0), (TOGETHER, 32.0)] {
        let growth = growth(&server, || {
            let each = bytes / uploads;
            let part = source(bench, each)?;
            let done: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..uploads).map(|_| scope.spawn(|| owner.upload(&part, each))).collect();
                threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
            });
            for upload in done {
                let upload = upload.map_err(|_| BenchError::new("an upload panicked"))?;
                owner.delete(&server, &upload?.0)?;
            }
            Ok(())
        })?;
        let what = format!("resident memory that {uploads} uploads at once add");
        bench.report.measure(GOAL, &what, " MB", Target::AtMost(bound), &[growth])?;
    }
    let mode = format!("{} MiB of random bytes; the floor is tee to a file beside sha256sum, and sync", bytes >> 20);
    bench.report.note(GOAL, &mode)
}

/// The most resident memory that the server has while this runs, over that from before, in MB.
fn growth(server: &Server, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let before = memory_of(server.pid())?.resident;
    let is_over = AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut most = before;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(memory_of(server.pid()).map_or(0, |memory| memory.resident));
                std::thread::sleep(LOOK);
            }
            most
        });
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        let most = looks.join().map_err(|_| BenchError::new("the watch of the memory panicked"));
        done.and(most)
    })?;
    Ok(count(most.saturating_sub(before)) * 1024.0 / 1e6)
}

/// C2: downloads, beside nginx with the same bytes.
pub(super) fn downloads(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::C2;
    let bytes = size(bench);
    let source_file = source(bench, bytes)?;
    let server = bench.serve(THOUSAND)?;
    let owner = Owner::new(&server)?;
    let (_, version, _) = owner.upload(&source_file, bytes)?;
    // The same bytes, and a small file to find out whether nginx is ready.
    let files = bench.scratch().join("nginx-files");
    fs::create_dir(&files)?;
    let mut copy = File::create(files.join("model.onnx"))?;
    write!(copy, "{:016}", 0)?;
    std::io::copy(&mut File::open(&source_file)?, &mut copy)?;
    fs::write(files.join("ready"), "ready")?;
    let nginx = match nginx::start(bench.scratch(), &files, "/ready") {
        Ok(nginx) => nginx,
        Err(error) => return bench.report.absent(GOAL, "download, throughput of nginx's", &error.to_string()),
    };
    let ours = format!(
        "GET /v1/api/models/{version}/file HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        owner.token
    );
    let theirs = "GET /model.onnx HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let [ours, theirs] = bench.alternate(
        GOAL,
        &mut [
            ("atelier", Box::new(|| run(download(server.address(), &ours, bytes + 16)?))),
            ("nginx", Box::new(|| run(download(nginx.address(), theirs, bytes + 16)?))),
        ],
    )?;
    let throughput = ratios(&ours, &theirs, Run::per_second);
    bench.report.measure(GOAL, "download, throughput of nginx's", "x", Target::AtLeast(0.8), &throughput)?;
    bench.report.note(GOAL, &format!("{} MiB over one connection, from the page cache", bytes >> 20))
}

/// The time of a request and its response, which has so many bytes in its body.
fn download(address: SocketAddr, request: &str, bytes: u64) -> Result<Duration> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut stream = BufReader::with_capacity(1 << 20, stream);
    let mut head = String::new();
    while stream.read_line(&mut head)? > 2 {}
    if !head.starts_with("HTTP/1.1 200") {
        return Err(BenchError::new(head));
    }
    let mut read = 0;
    loop {
        let part = stream.fill_buf()?.len();
        if part == 0 {
            break;
        }
        stream.consume(part);
        read += part as u64;
    }
    let took = begun.elapsed();
    if read == bytes { Ok(took) } else { Err(BenchError::new(format!("{read} of {bytes} bytes arrived"))) }
}
