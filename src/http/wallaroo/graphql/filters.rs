//! The `where` argument: parsed strictly, then compared with rows.

use std::collections::BTreeSet;

use async_graphql::{InputObject, MaybeUndefined};
use uuid::Uuid;

use super::pattern::Pattern;
use super::scalars::BigInt;
use crate::domain::ids::WorkspaceId;
use crate::error::{Error, Result};

/// Conditions on a string; all of them must be true.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "String_comparison_exp")]
pub(super) struct StringComparison {
    /// The string equals this one.
    #[graphql(name = "_eq")]
    eq: MaybeUndefined<String>,
    /// The string is different from this one.
    #[graphql(name = "_neq")]
    neq: MaybeUndefined<String>,
    /// The string is one of these.
    #[graphql(name = "_in")]
    any_of: MaybeUndefined<Vec<String>>,
    /// The string matches this pattern: `%` matches any characters, `_` one; a backslash escapes the next one.
    #[graphql(name = "_like")]
    like: MaybeUndefined<String>,
    /// Like `_like`, ignoring case.
    #[graphql(name = "_ilike")]
    ilike: MaybeUndefined<String>,
    /// Whether the value is null.
    #[graphql(name = "_is_null")]
    is_null: MaybeUndefined<bool>,
}

/// Conditions on a number; all of them must be true.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "bigint_comparison_exp")]
pub(super) struct BigintComparison {
    /// The number equals this one.
    #[graphql(name = "_eq")]
    eq: MaybeUndefined<BigInt>,
    /// The number is different from this one.
    #[graphql(name = "_neq")]
    neq: MaybeUndefined<BigInt>,
    /// The number is one of these.
    #[graphql(name = "_in")]
    any_of: MaybeUndefined<Vec<BigInt>>,
    /// Whether the value is null.
    #[graphql(name = "_is_null")]
    is_null: MaybeUndefined<bool>,
}

/// Conditions on a default workspace; all of them must be true.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "user_default_workspace_bool_exp")]
pub(super) struct DefaultWorkspaceFilter {
    /// Additional conditions.
    #[graphql(name = "_and")]
    and: MaybeUndefined<Vec<DefaultWorkspaceFilter>>,
    /// Conditions on the UUID of the user.
    #[graphql(name = "user_id")]
    user_id: MaybeUndefined<StringComparison>,
    /// Conditions on the id of the workspace.
    #[graphql(name = "workspace_id")]
    workspace_id: MaybeUndefined<BigintComparison>,
}

/// Conditions on a membership of a workspace; all of them must be true.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "workspace_users_bool_exp")]
pub(super) struct MemberFilter {
    /// Additional conditions.
    #[graphql(name = "_and")]
    and: MaybeUndefined<Vec<MemberFilter>>,
    /// Conditions on the UUID of the member.
    #[graphql(name = "user_id")]
    user_id: MaybeUndefined<StringComparison>,
    /// Conditions on the id of the workspace.
    #[graphql(name = "workspace_id")]
    workspace_id: MaybeUndefined<BigintComparison>,
}

impl DefaultWorkspaceFilter {
    /// Parses the conditions. Refuses a comparison with null.
    pub(super) fn read(self) -> Result<Filter> {
        self.read_at("where")
    }

    fn read_at(self, at: &str) -> Result<Filter> {
        Filter::read(at, self.and, Self::read_at, self.user_id, self.workspace_id)
    }
}

impl MemberFilter {
    /// Parses the conditions. Refuses a comparison with null.
    pub(super) fn read(self) -> Result<Filter> {
        self.read_at("where")
    }

    fn read_at(self, at: &str) -> Result<Filter> {
        Filter::read(at, self.and, Self::read_at, self.user_id, self.workspace_id)
    }
}

/// The maximum number of conditions. Each is compared with every member of a workspace while all other writes wait.
pub(super) const MAX_CONDITIONS: usize = 100;

/// Conditions on a pair of a user and a workspace.
#[derive(Debug, Default)]
pub(super) struct Filter {
    all: Vec<Filter>,
    user_id: Vec<TextCondition>,
    workspace_id: Vec<NumberCondition>,
}

#[derive(Debug)]
pub(super) enum TextCondition {
    Is(String),
    IsNot(String),
    IsOneOf(BTreeSet<String>),
    IsLike(Pattern),
    /// The columns are never null, so `_is_null: false` is always true.
    IsNull(bool),
}

#[derive(Debug)]
pub(super) enum NumberCondition {
    Is(i64),
    IsNot(i64),
    IsOneOf(BTreeSet<i64>),
    IsNull(bool),
}

impl Filter {
    fn read<F>(
        at: &str,
        and: MaybeUndefined<Vec<F>>,
        read: impl Fn(F, &str) -> Result<Self>,
        user_id: MaybeUndefined<StringComparison>,
        workspace_id: MaybeUndefined<BigintComparison>,
    ) -> Result<Self> {
        let all = not_null(and, at, "_and")?.unwrap_or_default();
        let all = all.into_iter().enumerate().map(|(n, filter)| read(filter, &format!("{at}._and[{n}]")));
        let all = all.collect::<Result<_>>()?;
        let user_id = match not_null(user_id, at, "user_id")? {
            Some(on_text) => on_text.conditions(&format!("{at}.user_id"))?,
            None => Vec::new(),
        };
        let workspace_id = match not_null(workspace_id, at, "workspace_id")? {
            Some(on_number) => on_number.conditions(&format!("{at}.workspace_id"))?,
            None => Vec::new(),
        };
        let filter = Self { all, user_id, workspace_id };
        if filter.size() > MAX_CONDITIONS {
            return Err(Error::invalid(
                at.to_owned(),
                format!("must not contain more than {MAX_CONDITIONS} conditions"),
            ));
        }
        Ok(filter)
    }

    /// The number of conditions and of nested sets of them.
    fn size(&self) -> usize {
        let below: usize = self.all.iter().map(Self::size).sum();
        self.user_id.len() + self.workspace_id.len() + self.all.len() + below
    }

    /// Whether all conditions are true for this user and workspace.
    pub(super) fn matches(&self, user_id: &str, workspace: WorkspaceId) -> bool {
        self.user_id.iter().all(|condition| condition.matches(user_id))
            && self.workspace_id.iter().all(|condition| condition.matches(workspace.0))
            && self.all.iter().all(|filter| filter.matches(user_id, workspace))
    }

    /// The only workspaces for which the conditions can be true; None if they name no workspace.
    pub(super) fn workspaces(&self) -> Option<BTreeSet<WorkspaceId>> {
        let here = self.workspace_id.iter().filter_map(NumberCondition::named);
        let here = here.map(|ids| ids.into_iter().map(WorkspaceId).collect());
        let below = self.all.iter().filter_map(Self::workspaces);
        intersection(here.chain(below))
    }

    /// The only users for whom the conditions can be true; None if they name no user.
    pub(super) fn users(&self) -> Option<Vec<Uuid>> {
        Some(self.named_users()?.into_iter().collect())
    }

    fn named_users(&self) -> Option<BTreeSet<Uuid>> {
        let here = self.user_id.iter().filter_map(TextCondition::named);
        let here = here.map(|ids| ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect());
        intersection(here.chain(self.all.iter().filter_map(Self::named_users)))
    }
}

pub(super) fn intersection<T: Clone + Ord>(sets: impl Iterator<Item = BTreeSet<T>>) -> Option<BTreeSet<T>> {
    sets.reduce(|some, others| some.intersection(&others).cloned().collect())
}

impl StringComparison {
    pub(super) fn conditions(self, at: &str) -> Result<Vec<TextCondition>> {
        let pattern = |text: Option<String>, name: &str, fold: bool| {
            text.map(|text| Pattern::parse(&text, fold))
                .transpose()
                .map_err(|rule| Error::invalid(format!("{at}.{name}"), rule))
        };
        let conditions = [
            not_null(self.eq, at, "_eq")?.map(TextCondition::Is),
            not_null(self.neq, at, "_neq")?.map(TextCondition::IsNot),
            not_null(self.any_of, at, "_in")?.map(|texts| TextCondition::IsOneOf(texts.into_iter().collect())),
            pattern(not_null(self.like, at, "_like")?, "_like", false)?.map(TextCondition::IsLike),
            pattern(not_null(self.ilike, at, "_ilike")?, "_ilike", true)?.map(TextCondition::IsLike),
            not_null(self.is_null, at, "_is_null")?.map(TextCondition::IsNull),
        ];
        Ok(conditions.into_iter().flatten().collect())
    }
}

impl BigintComparison {
    pub(super) fn conditions(self, at: &str) -> Result<Vec<NumberCondition>> {
        let numbers =
            |numbers: Vec<BigInt>| NumberCondition::IsOneOf(numbers.into_iter().map(|number| number.0).collect());
        let conditions = [
            not_null(self.eq, at, "_eq")?.map(|number| NumberCondition::Is(number.0)),
            not_null(self.neq, at, "_neq")?.map(|number| NumberCondition::IsNot(number.0)),
            not_null(self.any_of, at, "_in")?.map(numbers),
            not_null(self.is_null, at, "_is_null")?.map(NumberCondition::IsNull),
        ];
        Ok(conditions.into_iter().flatten().collect())
    }
}

/// An optional value. Null is refused as in Hasura: reading it as "no condition" would be dangerous.
pub(super) fn not_null<T>(value: MaybeUndefined<T>, at: &str, name: &str) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(Error::invalid(format!("{at}.{name}"), "unexpected null value")),
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}

impl TextCondition {
    /// The only texts for which the condition can be true. `None` if it names none.
    pub(super) fn named(&self) -> Option<BTreeSet<String>> {
        match self {
            Self::Is(text) => Some(BTreeSet::from([text.clone()])),
            Self::IsOneOf(texts) => Some(texts.clone()),
            Self::IsNot(_) | Self::IsLike(_) | Self::IsNull(_) => None,
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Is(other) => text == other,
            Self::IsNot(other) => text != other,
            Self::IsOneOf(others) => others.contains(text),
            Self::IsLike(pattern) => pattern.matches(text),
            Self::IsNull(null) => !null,
        }
    }
}

impl NumberCondition {
    /// The only numbers for which the condition can be true. `None` if it names none.
    pub(super) fn named(&self) -> Option<BTreeSet<i64>> {
        match self {
            Self::Is(number) => Some(BTreeSet::from([*number])),
            Self::IsOneOf(numbers) => Some(numbers.clone()),
            Self::IsNot(_) | Self::IsNull(_) => None,
        }
    }

    pub(super) fn matches(&self, number: i64) -> bool {
        match self {
            Self::Is(other) => number == *other,
            Self::IsNot(other) => number != *other,
            Self::IsOneOf(others) => others.contains(&number),
            Self::IsNull(null) => !null,
        }
    }
}

#[cfg(test)]
mod tests;
