//! `/auth/account/zone`: the zone of the times on the pages. It is kept in the browser, because it is a matter of the
//! browser: the server stores and logs in UTC.

use actix_web::HttpResponse;

use super::Failure;
use super::controls;
use super::form::Form;
use super::paths::ACCOUNT;
use super::signed_in::SignedIn;
use crate::error::Error;

/// The zones that the page offers without its script, which adds all that the browser knows.
const ZONES: [&str; 30] = [
    "UTC",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "Africa/Nairobi",
    "America/Anchorage",
    "America/Bogota",
    "America/Chicago",
    "America/Denver",
    "America/Halifax",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Dhaka",
    "Asia/Dubai",
    "Asia/Jakarta",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Europe/Athens",
    "Europe/Berlin",
    "Europe/Istanbul",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Auckland",
    "Pacific/Honolulu",
];

/// The zones to choose from, among them the one that is chosen.
pub(super) fn choices(chosen: &str) -> Vec<String> {
    let chosen = Some(chosen).filter(|zone| !zone.is_empty() && !ZONES.contains(zone));
    chosen.into_iter().chain(ZONES).map(str::to_owned).collect()
}

/// `POST /auth/account/zone`
pub(super) async fn set(SignedIn { browser, input: form, .. }: SignedIn<Form>) -> Result<HttpResponse, Failure> {
    let mut response = controls::done(ACCOUNT, "zone");
    if browser.set_zone(&mut response, form.text("zone")) {
        return Ok(response);
    }
    Err(Error::invalid("zone", "must be the name of a time zone such as Europe/Berlin").into())
}
