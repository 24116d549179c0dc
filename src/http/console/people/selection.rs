//! The people who are selected in a list: an address has the parameter `person` for each of them.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::super::Failure;
use super::super::form::Form;
use crate::app::several_people::MAX;
use crate::domain::ids::UserId;
use crate::domain::noun::Noun;
use crate::error::Error;

/// People by number, each once.
pub(in crate::http::console) struct Selection(pub(super) Vec<UserId>);

impl Selection {
    pub(super) fn of_form(form: &Form) -> Result<Self, Failure> {
        Self::parse(form.all("person"))
    }

    fn parse<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Self, Failure> {
        let mut people = Vec::new();
        for text in texts {
            let id = text.parse().map(UserId).map_err(|_| Error::not_found(Noun::User, text))?;
            if !people.contains(&id) {
                people.push(id);
            }
            if people.len() > MAX {
                return Err(Error::invalid("person", format!("must be at most {MAX} people")).into());
            }
        }
        Ok(Self(people))
    }
}

impl FromRequest for Selection {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = serde_urlencoded::from_str::<Vec<(String, String)>>(request.query_string());
        let malformed = |_| Failure::BadRequest { rule: "the parameters are malformed".to_owned() };
        ready(pairs.map_err(malformed).and_then(|pairs| {
            Self::parse(pairs.iter().filter(|(name, _)| name == "person").map(|(_, value)| value.as_str()))
        }))
    }
}
