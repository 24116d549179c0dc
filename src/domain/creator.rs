//! The user who created something, as lists show them.

use uuid::Uuid;

use super::email::Email;

#[derive(Clone, Debug)]
pub struct CreatedBy {
    pub uuid: Uuid,
    pub email: Email,
}
