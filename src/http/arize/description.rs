//! Completes the OpenAPI document of the dialect with the parts that every operation shares.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa::{Modify, ToSchema as _};

use super::failure::{PROBLEM, Problem};

/// The errors that every operation can return.
const ALWAYS: [(&str, &str); 4] = [
    ("401", "No valid credentials"),
    ("500", "Internal error"),
    ("503", "The server is busy, then there is a `Retry-After`, or it cannot use its disk"),
    ("507", "The disk of the server is full"),
];

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|item| {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten()
    })
}

/// Adds the errors of [`ALWAYS`] to each operation, and the body to each error.
pub(super) struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut OpenApi) {
        for operation in operations(document) {
            let responses = &mut operation.responses.responses;
            responses.extend(ALWAYS.map(|(status, why)| (status.to_owned(), Response::new(why).into())));
            for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
                if let RefOr::T(response) = response {
                    let schema = Ref::from_schema_name(Problem::name());
                    response.content.insert(PROBLEM.to_owned(), Content::new(Some(schema)).into());
                }
            }
        }
    }
}

/// Prefixes the id of an operation with its tag, as in the SDK: `spaces_list`.
pub(super) struct NamedByTag;

impl Modify for NamedByTag {
    fn modify(&self, document: &mut OpenApi) {
        for operation in operations(document) {
            let tag = operation.tags.iter().flatten().next().map(|tag| tag.replace(' ', "_"));
            if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
                operation.operation_id = Some(format!("{tag}_{id}"));
            }
        }
    }
}
