//! Checks of who administers the account.

use super::Finding;

/// `without` are the addresses of the administrators who sign in with a password only.
pub fn second_factors(without: &[&str]) -> Finding {
    const WHAT: &str = "second factor";
    /// The addresses that are named.
    const NAMED: usize = 3;
    if without.is_empty() {
        return Finding::ok(WHAT, "every administrator signs in with a second factor");
    }
    let named = without.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = without.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Finding::warning(
        WHAT,
        format!("a password is enough to sign in as {named}{more}"),
        "each of them turns on two-factor authentication under \"Your account\"",
    )
}

/// `number` is how many administrators can sign in.
pub fn second_administrator(number: usize) -> Finding {
    const WHAT: &str = "second administrator";
    match number {
        0 | 1 => Finding::warning(
            WHAT,
            "only one administrator can sign in",
            "make a colleague an administrator, so that somebody can help when this one is away or locked out",
        ),
        many => Finding::ok(WHAT, format!("{many} administrators can sign in")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_without_a_second_factor_are_named() {
        assert_eq!(second_factors(&[]).next, None);
        let found = second_factors(&["a@x", "b@x", "c@x", "d@x", "e@x"]).found;
        assert_eq!(found, "a password is enough to sign in as a@x, b@x, c@x and 2 more");
    }

    #[test]
    fn one_administrator_is_not_enough() {
        assert!(second_administrator(1).next.is_some() && second_administrator(2).next.is_none());
    }
}
