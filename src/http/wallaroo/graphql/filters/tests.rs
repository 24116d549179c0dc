use super::*;

const ADA: &str = "7d9d5a5c-0a5e-4b52-9d3e-2f6f2f1b8a01";

fn text(read: impl FnOnce(&mut StringComparison)) -> Result<bool> {
    let mut comparison = StringComparison::default();
    read(&mut comparison);
    let filter = MemberFilter { user_id: MaybeUndefined::Value(comparison), ..MemberFilter::default() };
    Ok(filter.read()?.matches(ADA, WorkspaceId(7)))
}

fn number(read: impl FnOnce(&mut BigintComparison)) -> Result<bool> {
    Ok(on_number(read).read()?.matches(ADA, WorkspaceId(7)))
}

fn on_number(read: impl FnOnce(&mut BigintComparison)) -> MemberFilter {
    let mut comparison = BigintComparison::default();
    read(&mut comparison);
    MemberFilter { workspace_id: MaybeUndefined::Value(comparison), ..MemberFilter::default() }
}

fn some(text: &str) -> MaybeUndefined<String> {
    MaybeUndefined::Value(text.to_owned())
}

fn numbers(numbers: &[i64]) -> MaybeUndefined<Vec<BigInt>> {
    MaybeUndefined::Value(numbers.iter().copied().map(BigInt).collect())
}

fn workspace_ids(ids: &[i64]) -> BTreeSet<WorkspaceId> {
    ids.iter().copied().map(WorkspaceId).collect()
}

#[test]
fn a_filter_without_conditions_matches_every_row() {
    assert!(Filter::default().matches(ADA, WorkspaceId(7)));
    assert!(text(|_| ()).expect("a filter"));
}

#[test]
fn strings_are_compared_exactly() {
    assert!(text(|c| c.eq = some(ADA)).expect("a filter"));
    assert!(!text(|c| c.eq = some("")).expect("a filter"));
    assert!(!text(|c| c.eq = some(&ADA.to_uppercase())).expect("a filter"));
    assert!(!text(|c| c.neq = some(ADA)).expect("a filter"));
    assert!(text(|c| c.neq = some("")).expect("a filter"));
    assert!(text(|c| c.any_of = MaybeUndefined::Value(vec!["x".to_owned(), ADA.to_owned()])).expect("a filter"));
    assert!(!text(|c| c.any_of = MaybeUndefined::Value(Vec::new())).expect("a filter"));
    assert!(text(|c| c.is_null = MaybeUndefined::Value(false)).expect("a filter"));
    assert!(!text(|c| c.is_null = MaybeUndefined::Value(true)).expect("a filter"));
}

#[test]
fn numbers_are_compared() {
    assert!(number(|c| c.eq = MaybeUndefined::Value(BigInt(7))).expect("a filter"));
    assert!(!number(|c| c.eq = MaybeUndefined::Value(BigInt(8))).expect("a filter"));
    assert!(!number(|c| c.neq = MaybeUndefined::Value(BigInt(7))).expect("a filter"));
    assert!(number(|c| c.any_of = numbers(&[1, 7])).expect("a filter"));
    assert!(!number(|c| c.any_of = numbers(&[])).expect("a filter"));
    assert!(!number(|c| c.is_null = MaybeUndefined::Value(true)).expect("a filter"));
}

#[test]
fn all_conditions_must_be_true() {
    assert!(!text(|c| (c.eq, c.neq) = (some(ADA), some(ADA))).expect("a filter"));
    let seven = || on_number(|c| c.eq = MaybeUndefined::Value(BigInt(7)));
    let eight = || on_number(|c| c.eq = MaybeUndefined::Value(BigInt(8)));
    let all = |filters| MemberFilter { and: MaybeUndefined::Value(filters), ..MemberFilter::default() };
    assert!(all(vec![seven(), all(vec![seven()])]).read().expect("a filter").matches(ADA, WorkspaceId(7)));
    assert!(!all(vec![seven(), all(vec![eight()])]).read().expect("a filter").matches(ADA, WorkspaceId(7)));
}

#[test]
fn a_null_condition_is_refused() {
    let refusal = |result: Result<bool>| result.expect_err("a refusal").to_string();
    assert_eq!(refusal(text(|c| c.eq = MaybeUndefined::Null)), "where.user_id._eq: unexpected null value");
    assert_eq!(refusal(text(|c| c.any_of = MaybeUndefined::Null)), "where.user_id._in: unexpected null value");
    assert_eq!(refusal(text(|c| c.ilike = MaybeUndefined::Null)), "where.user_id._ilike: unexpected null value");
    assert_eq!(
        refusal(number(|c| c.is_null = MaybeUndefined::Null)),
        "where.workspace_id._is_null: unexpected null value"
    );
    let none = MemberFilter { workspace_id: MaybeUndefined::Null, ..MemberFilter::default() };
    let none = MemberFilter { and: MaybeUndefined::Value(vec![none]), ..MemberFilter::default() };
    assert_eq!(none.read().expect_err("a refusal").to_string(), "where._and[0].workspace_id: unexpected null value");
}

#[test]
fn the_workspaces_of_a_filter_are_found_at_every_level() {
    let places = |filter: MemberFilter| filter.read().expect("a filter").workspaces();
    let eq = |id| on_number(move |c| c.eq = MaybeUndefined::Value(BigInt(id)));
    assert_eq!(places(MemberFilter::default()), None);
    assert_eq!(places(on_number(|c| c.neq = MaybeUndefined::Value(BigInt(7)))), None);
    assert_eq!(places(on_number(|c| c.is_null = MaybeUndefined::Value(false))), None);
    assert_eq!(places(eq(7)), Some(workspace_ids(&[7])));
    assert_eq!(places(on_number(|c| c.any_of = numbers(&[7, 8, 7]))), Some(workspace_ids(&[7, 8])));
    let nested = |filters| MemberFilter { and: MaybeUndefined::Value(filters), ..MemberFilter::default() };
    assert_eq!(places(nested(vec![MemberFilter::default(), nested(vec![eq(9)])])), Some(workspace_ids(&[9])));
    assert_eq!(places(nested(vec![eq(7), eq(8)])), Some(workspace_ids(&[])));
}

#[test]
fn the_number_of_conditions_is_bounded() {
    let many = |count: usize| {
        let one = || MemberFilter {
            user_id: MaybeUndefined::Value(StringComparison { like: some("%"), ..StringComparison::default() }),
            ..MemberFilter::default()
        };
        MemberFilter { and: MaybeUndefined::Value((0..count).map(|_| one()).collect()), ..MemberFilter::default() }
    };
    assert!(many(MAX_CONDITIONS / 2).read().is_ok());
    assert!(many(MAX_CONDITIONS / 2 + 1).read().is_err());
    let nested = MemberFilter {
        and: MaybeUndefined::Value(vec![many(MAX_CONDITIONS / 4), many(MAX_CONDITIONS / 4)]),
        ..MemberFilter::default()
    };
    assert!(nested.read().is_err());
}
