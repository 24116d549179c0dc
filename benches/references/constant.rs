//! A bare handler that sends constant bytes from memory: the maximum speed of the web server.

use std::fs;
use std::path::Path;

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};

use super::{Reference, workers};
use crate::error::Result;

/// Starts a handler that answers requests to this path with this body.
pub fn start(folder: &Path, path: &str, body: &str) -> Result<Reference> {
    let file = tempfile::Builder::new().prefix("constant-").tempfile_in(folder)?;
    fs::write(file.path(), body)?;
    // The process has read the file before it listens.
    Reference::start("constant", &[path, &file.path().to_string_lossy()])
}

pub(super) fn serve(path: &str, body: &str) -> Result<()> {
    let body = Bytes::from(fs::read(body)?);
    let path = path.to_owned();
    let app = move || {
        let body = body.clone();
        // The web server closes a connection if the handler does not read the request's body.
        let response = move |_: Bytes| {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(body) }
        };
        App::new().service(web::resource(path.clone()).to(response))
    };
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(app).workers(workers()).bind("127.0.0.1:0")?;
        for address in server.addrs() {
            println!("listening on {address}");
        }
        Ok(server.run().await?)
    })
}
