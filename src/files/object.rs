//! Files in S3-compatible object storage, each an object named by its SHA-256.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_core::stream::BoxStream;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig,
};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, oneshot};

use super::{FileStore, Listed, Spooled};
use crate::domain::model::Sha256;
use crate::domain::secret::Secret;
use crate::error::{DiskFault, Error, Result};

/// The time in which the storage must accept a part, and send more of a file.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long a request is tried again while the storage is busy.
const RETRY_TIME: Duration = Duration::from_secs(30);

/// The size of the parts of an upload, in bytes. S3 accepts parts of at least 5 MiB.
const PART: u64 = 8 << 20;

/// The maximum number of parts that S3 accepts.
const MAX_PARTS: u64 = 10_000;

/// The maximum number of parts of one file that are sent at the same time.
const PARTS_OF_A_FILE: usize = 2;

/// The same, of all files. It bounds the memory.
const PARTS_IN_TOTAL: usize = 3;

/// How to reach the object storage.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectSettings {
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub url: String,
    /// The address of the storage; none for Amazon S3.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    /// The access key and its secret. Without them, the usual variables and the identity of the machine are used.
    pub access_key: Option<(String, Secret)>,
}

impl fmt::Debug for ObjectSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectSettings")
            .field("url", &self.url)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Splits `s3://BUCKET/PREFIX`.
fn bucket_and_prefix(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("s3://").unwrap_or(url);
    rest.split_once('/').unwrap_or((rest, ""))
}

pub(super) struct ObjectFiles {
    client: Arc<AmazonS3>,
    prefix: Path,
    sending: Arc<Semaphore>,
    /// The runtime of the client. It ends when `_running` is dropped.
    runtime: Handle,
    _running: oneshot::Sender<()>,
}

impl fmt::Debug for ObjectFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectFiles").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl ObjectFiles {
    /// A client of the storage. It does not connect yet.
    pub(super) fn connect(settings: &ObjectSettings) -> Result<Self> {
        let (bucket, prefix) = bucket_and_prefix(&settings.url);
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_read_timeout(TIMEOUT)
            .with_allow_http(settings.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")));
        let mut builder = match &settings.access_key {
            Some((id, secret)) => AmazonS3Builder::new().with_access_key_id(id).with_secret_access_key(secret.expose()),
            None => AmazonS3Builder::from_env(),
        };
        builder = builder
            .with_bucket_name(bucket)
            .with_client_options(options)
            .with_retry(RetryConfig { retry_timeout: RETRY_TIME, ..RetryConfig::default() });
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &settings.region {
            builder = builder.with_region(region);
        }
        let client = Arc::new(builder.build().map_err(Error::internal)?);
        let (runtime, running) = start_runtime().map_err(Error::internal)?;
        let sending = Arc::new(Semaphore::new(PARTS_IN_TOTAL));
        Ok(Self { client, prefix: Path::from(prefix), sending, runtime, _running: running })
    }

    fn path(&self, sha256: &Sha256) -> Path {
        self.prefix.clone().join(sha256.to_string())
    }

    /// Waits for a future. Must not be called on a thread of a runtime.
    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Sends a file in parts, some of them at the same time.
    async fn send_parts(&self, file: &mut impl Read, size: u64, upload: &mut dyn MultipartUpload) -> Result<()> {
        let part = PART.max(size.div_ceil(MAX_PARTS));
        let mut sent = VecDeque::with_capacity(PARTS_OF_A_FILE);
        let mut left = size;
        while left > 0 {
            if sent.len() == PARTS_OF_A_FILE
                && let Some(first) = sent.pop_front()
            {
                joined(first).await?;
            }
            let place = self.sending.clone().acquire_owned().await.map_err(Error::internal)?;
            let bytes = read_part(file, left.min(part))?;
            left -= bytes.len() as u64;
            let sending = upload.put_part(PutPayload::from(bytes));
            sent.push_back(tokio::spawn(async move {
                let done = sending.await;
                drop(place);
                done
            }));
        }
        for part in sent {
            joined(part).await?;
        }
        Ok(())
    }
}

async fn joined(part: tokio::task::JoinHandle<object_store::Result<()>>) -> Result<()> {
    part.await.map_err(Error::internal)?.map_err(|error| storage_error("store", &error))
}

fn read_part(file: &mut impl Read, size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(Error::internal)?);
    let read = file.take(size).read_to_end(&mut bytes).map_err(Error::internal)?;
    if read as u64 == size { Ok(bytes) } else { Err(Error::internal("a received file was cut off")) }
}

/// A thread that serves the connections of the client.
fn start_runtime() -> io::Result<(Handle, oneshot::Sender<()>)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (running, ended) = oneshot::channel();
    thread::Builder::new().name("object-storage".to_owned()).spawn(move || {
        // It ends with an error, because the sender sends nothing.
        let _ = runtime.block_on(ended);
    })?;
    Ok((handle, running))
}

fn storage_error(what: &str, error: &object_store::Error) -> Error {
    Error::disk(DiskFault::Storage, format!("cannot {what} a file in the object storage: {error}"))
}

/// The value of an object that exists.
fn if_exists<T>(what: &str, result: object_store::Result<T>) -> Result<Option<T>> {
    match result {
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        result => result.map(Some).map_err(|error| storage_error(what, &error)),
    }
}

impl FileStore for ObjectFiles {
    fn place(&self, file: &mut Spooled) -> Result<()> {
        let (path, size) = (self.path(&file.sha256()), file.size());
        let mut bytes = file.rewound().map_err(Error::internal)?;
        self.wait(async {
            if size <= PART {
                let _place = self.sending.acquire().await.map_err(Error::internal)?;
                let payload = PutPayload::from(read_part(&mut bytes, size)?);
                return self.client.put(&path, payload).await.map(drop).map_err(|error| storage_error("store", &error));
            }
            let upload = self.client.put_multipart(&path).await;
            let mut upload = upload.map_err(|error| storage_error("store", &error))?;
            match self.send_parts(&mut bytes, size, upload.as_mut()).await {
                Ok(()) => upload.complete().await.map(drop).map_err(|error| storage_error("store", &error)),
                Err(error) => {
                    // The storage keeps the parts of an upload that nobody ends.
                    if let Err(error) = upload.abort().await {
                        log::warn!("cannot end an upload to the object storage: {error}");
                    }
                    Err(error)
                }
            }
        })
    }

    fn open(&self, sha256: &Sha256, range: Range<u64>) -> Result<Option<Box<dyn Read + Send>>> {
        if range.is_empty() {
            return Ok(self.size(sha256)?.map(|_| Box::new(io::empty()) as Box<dyn Read + Send>));
        }
        let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
        let found = self.wait(self.client.get_opts(&self.path(sha256), options));
        Ok(if_exists("read", found)?.map(|found| {
            let reader = ObjectReader {
                stream: found.into_stream(),
                chunk: Cursor::new(Vec::new()),
                runtime: self.runtime.clone(),
            };
            Box::new(reader) as Box<dyn Read + Send>
        }))
    }

    fn size(&self, sha256: &Sha256) -> Result<Option<u64>> {
        let found = self.wait(self.client.head(&self.path(sha256)));
        Ok(if_exists("inspect", found)?.map(|found| found.size))
    }

    fn remove(&self, sha256: &Sha256) -> Result<()> {
        let removed = self.wait(self.client.delete(&self.path(sha256)));
        if_exists("remove", removed).map(drop)
    }

    fn list(&self, each: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()> {
        let mut found = self.client.list(Some(&self.prefix));
        while let Some(object) = self.wait(next(&mut found)) {
            let object = object.map_err(|error| storage_error("list", &error))?;
            let is_ours = |sha256: &Sha256| self.path(sha256) == object.location;
            let sha256 = object.location.filename().and_then(|name| name.parse().ok()).filter(is_ours);
            each(match sha256 {
                Some(sha256) => Listed::File { sha256, size: object.size },
                None => Listed::Other(object.location.to_string()),
            })?;
        }
        Ok(())
    }
}

async fn next<T>(stream: &mut BoxStream<'static, T>) -> Option<T> {
    poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// Reads an object as it arrives.
struct ObjectReader<B> {
    stream: BoxStream<'static, object_store::Result<B>>,
    chunk: Cursor<Vec<u8>>,
    runtime: Handle,
}

impl<B: Into<Vec<u8>>> Read for ObjectReader<B> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            match self.runtime.block_on(next(&mut self.stream)) {
                Some(chunk) => self.chunk = Cursor::new(chunk.map_err(io::Error::other)?.into()),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_bucket_and_a_prefix() {
        assert_eq!(bucket_and_prefix("s3://models"), ("models", ""));
        assert_eq!(bucket_and_prefix("s3://models/team/files/"), ("models", "team/files/"));
        let settings = |url: &str| ObjectSettings {
            url: url.to_owned(),
            endpoint: None,
            region: None,
            access_key: Some(("id".to_owned(), Secret::new("secret"))),
        };
        let key = |url| ObjectFiles::connect(&settings(url)).unwrap().path(&Sha256([0xab; 32])).to_string();
        assert_eq!(key("s3://models"), "ab".repeat(32));
        assert_eq!(key("s3://models/team/files/"), format!("team/files/{}", "ab".repeat(32)));
    }

    #[test]
    fn the_secret_is_not_printed() {
        let settings = ObjectSettings {
            url: "s3://b".to_owned(),
            endpoint: None,
            region: None,
            access_key: Some(("id".to_owned(), Secret::new("hidden"))),
        };
        assert!(!format!("{settings:?}").contains("hidden"));
        assert!(!format!("{:?}", ObjectFiles::connect(&settings).unwrap()).contains("hidden"));
    }
}
