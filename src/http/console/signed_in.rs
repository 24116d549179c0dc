//! The pages that only a signed-in user sees.

use std::convert::Infallible;
use std::iter::successors;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use super::Failure;
use super::browser::Browser;
use super::paths::CONFIRM;
use crate::app::identity::reauthentication;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::error::Error;

/// The signed-in user of a page, with what the request carries: `SignedIn<Form>`.
///
/// A browser without a session is sent to sign in, and then back to the page.
pub(super) struct SignedIn<T = (), const RECENT: bool = false> {
    pub(super) browser: Browser,
    pub(super) actor: Actor,
    pub(super) session: Session,
    pub(super) input: T,
}

/// The same for a page that requires a recent sign-in: after an older one, the user first confirms who they are.
pub(super) type RecentlySignedIn<T = ()> = SignedIn<T, true>;

impl<T, const RECENT: bool> FromRequest for SignedIn<T, RECENT>
where
    T: FromRequest + 'static,
    Failure: From<T::Error>,
{
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (browser, input) = (Browser::of(request), T::from_request(request, payload));
        let request = request.clone();
        Box::pin(async move {
            let (browser, input) = (browser?, input.await?);
            let state =
                request.app_data::<Data<AppState>>().ok_or_else(|| Error::internal("no application state here"))?;
            let (actor, session) = browser.require_person(state, &request, &page_of(&request))?;
            if RECENT && !reauthentication::is_recent(&session, Timestamp::now()) {
                return Err(Failure::redirect(CONFIRM, &page_of(&request)));
            }
            Ok(Self { browser, actor, session, input })
        })
    }
}

/// The page that a request belongs to: the one at its path, else the closest one above.
fn page_of(request: &HttpRequest) -> String {
    let path = request.match_pattern().unwrap_or_default();
    let pages = super::routes();
    let is_page = |path: &&str| pages.iter().any(|entry| entry.method == Method::GET && entry.path == *path);
    let mut above = successors(Some(path.as_str()), |path| Some(path.rsplit_once('/')?.0));
    above.find(is_page).unwrap_or("/").to_owned()
}

impl From<Infallible> for Failure {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
