//! The pages that only a signed-in user sees.

use std::convert::Infallible;
use std::iter::successors;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::uri::PathAndQuery;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use super::Failure;
use super::browser::Browser;
use super::next::Next;
use super::paths::{CONFIRM, HOME};
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
            let browser = browser?;
            let state =
                request.app_data::<Data<AppState>>().ok_or_else(|| Error::internal("no application state here"))?;
            let input = match input.await {
                Ok(input) => input,
                Err(refused) => {
                    // The page of the refusal depends on it.
                    browser.person(state, &request)?;
                    return Err(Failure::from(refused));
                }
            };
            let (actor, session) = browser.require_person(state, &request, &page_of(&request))?;
            if RECENT && !reauthentication::is_recent(&session, Timestamp::now()) {
                return Err(Failure::redirect(CONFIRM, &page_of(&request)));
            }
            Ok(Self { browser, actor, session, input })
        })
    }
}

/// Looks whether the browser is signed in, for the link on a page that is the same for everybody.
pub(super) fn look(request: &HttpRequest) -> Result<(), Failure> {
    let state = request.app_data::<Data<AppState>>().ok_or_else(|| Error::internal("no application state here"))?;
    Browser::of(request)?.person(state, request).map(drop)
}

/// The page that a request belongs to: the requested one, with its query; for a form, the page at its path or the
/// closest one above.
fn page_of(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().unwrap_or_default();
    let pages = super::routes();
    let is_page = |path: &str| pages.iter().any(|entry| entry.method == Method::GET && entry.path == path);
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let asked = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        return if Next::parse(asked).is_ok() { asked } else { HOME }.to_owned();
    }
    let patterns = successors(Some(pattern.as_str()), |path| Some(path.rsplit_once('/')?.0));
    let paths = successors(Some(request.path()), |path| Some(path.rsplit_once('/')?.0));
    let page = patterns.zip(paths).find(|(pattern, _)| is_page(pattern)).map(|(_, path)| path);
    page.filter(|path| !path.is_empty()).unwrap_or(HOME).to_owned()
}

impl From<Infallible> for Failure {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
