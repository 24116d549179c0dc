//! Draws the grid of judgement, which people read in `tests/golden/policy.txt`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use super::*;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/policy.txt");

const ACCOUNTS: [Option<AccountRole>; 3] = [None, Some(AccountRole::Member), Some(AccountRole::Administrator)];
const ORGANIZATIONS: [Option<OrganizationRole>; 3] =
    [None, Some(OrganizationRole::Member), Some(OrganizationRole::Admin)];
const WORKSPACES: [Option<Role>; 3] = [None, Some(Role::Member), Some(Role::Owner)];
const OWN: [bool; 2] = [false, true];

/// The standings that people ask about, by the name of who has them.
const PEOPLE: [(&str, Standing); 9] = [
    ("nobody", standing(0, 0, 0, false)),
    ("stranger", standing(1, 0, 0, false)),
    ("colleague", standing(1, 1, 0, false)),
    ("org admin", standing(1, 2, 0, false)),
    ("member", standing(1, 1, 1, false)),
    ("owner", standing(1, 1, 2, false)),
    ("oneself", standing(1, 1, 1, true)),
    ("admin", standing(2, 2, 0, false)),
    ("operator", standing(2, 0, 0, true)),
];

const fn standing(account: usize, organization: usize, workspace: usize, own: bool) -> Standing {
    Standing {
        account: ACCOUNTS[account],
        organization: ORGANIZATIONS[organization],
        workspace: WORKSPACES[workspace],
        own,
        named: PermissionSet::EMPTY,
        private: true,
        shut_out: false,
    }
}

fn all() -> impl Iterator<Item = Standing> {
    let standings = |account| {
        ORGANIZATIONS.into_iter().flat_map(move |organization| {
            WORKSPACES.into_iter().flat_map(move |workspace| {
                OWN.into_iter().map(move |own| Standing {
                    account,
                    organization,
                    workspace,
                    own,
                    private: true,
                    ..Standing::default()
                })
            })
        })
    };
    ACCOUNTS.into_iter().flat_map(standings)
}

const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::Forbidden => "forbidden",
        Decision::Hidden => "hidden",
    }
}

const fn sign(decision: Decision) -> char {
    match decision {
        Decision::Allowed => '+',
        Decision::Forbidden => '-',
        Decision::Hidden => '.',
    }
}

fn grid() -> String {
    let mut page = String::from(
        "Who may do what. Drawn by a test; after a change: ATELIER_TEST_BLESS=1 cargo test --lib policy\n\n\
         In short\n\n\
         nobody     has no account, or has not signed in yet\n\
         stranger   shares no organization with the thing or the person\n\
         colleague  shares an organization, but not the workspace\n\
         org admin  the same, as an administrator of the organization\n\
         member     of the workspace\n\
         owner      of the workspace\n\
         oneself    the thing is the actor's own: account, key, session, membership\n\
         admin      administrator of the account, not in the workspace\n\
         operator   on the command line of the data directory\n\n",
    );
    let _ = write!(page, "{:<20}", "");
    for (name, _) in &PEOPLE {
        let _ = write!(page, "{name:<11}");
    }
    for action in Action::ALL {
        let _ = write!(page, "\n{:<20}", format!("{action:?}"));
        for (_, standing) in &PEOPLE {
            let _ = write!(page, "{:<11}", word(decide(standing, action)));
        }
    }
    page.push_str("\n\nIn full: + allowed, - forbidden (403), . hidden (404)\n");
    for account in ACCOUNTS {
        let name = account.map_or("no account", AccountRole::word);
        let _ = write!(page, "\n{name}\n{:<20}", "  organization");
        for organization in ORGANIZATIONS {
            let _ = write!(page, "{:<21}", organization.map_or("none", OrganizationRole::word));
        }
        let _ = write!(page, "\n{:<20}", "  workspace");
        for _ in ORGANIZATIONS {
            for workspace in WORKSPACES {
                let _ = write!(page, "{:<7}", workspace.map_or("none", Role::word));
            }
        }
        let _ = write!(page, "\n{:<20}", "  own");
        for _ in 0..ORGANIZATIONS.len() * WORKSPACES.len() {
            page.push_str("no yes ");
        }
        for action in Action::ALL {
            let _ = write!(page, "\n{:<20}", format!("{action:?}"));
            for standing in all().filter(|standing| standing.account == account) {
                let width = if standing.own { 4 } else { 3 };
                let _ = write!(page, "{:<width$}", sign(decide(&standing, action)));
            }
        }
        page.push('\n');
    }
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[test]
fn the_grid_is_the_one_that_people_have_read() {
    let drawn = grid();
    if env::var_os("ATELIER_TEST_BLESS").is_some() {
        fs::create_dir_all(Path::new(GOLDEN).parent().unwrap()).unwrap();
        fs::write(GOLDEN, &drawn).unwrap();
    }
    let kept = fs::read_to_string(GOLDEN).unwrap();
    for (drawn, kept) in drawn.lines().zip(kept.lines()) {
        assert_eq!(drawn, kept, "read the difference, then bless it with ATELIER_TEST_BLESS=1");
    }
    assert_eq!(drawn.len(), kept.len(), "read the difference, then bless it with ATELIER_TEST_BLESS=1");
}

#[test]
fn every_action_is_in_the_grid_once_and_names_its_need() {
    let names: BTreeSet<String> = Action::ALL.iter().map(|action| format!("{action:?}")).collect();
    assert_eq!(names.len(), Action::ALL.len());
    let needs: BTreeSet<&str> = Action::ALL.iter().map(|action| action.need()).collect();
    assert_eq!(needs.len(), Action::ALL.len());
}

#[test]
fn to_whoever_has_no_account_everything_is_hidden() {
    for standing in all().filter(|standing| standing.account.is_none()) {
        for action in Action::ALL {
            assert_eq!(decide(&standing, action), Decision::Hidden, "{action:?}");
        }
    }
}

/// How much a decision lets somebody do or know.
const fn worth(decision: Decision) -> u8 {
    match decision {
        Decision::Hidden => 0,
        Decision::Forbidden => 1,
        Decision::Allowed => 2,
    }
}

#[test]
fn more_standing_never_takes_anything_away() {
    fn rank<T: PartialEq>(order: &[T], of: &T) -> usize {
        order.iter().position(|one| one == of).unwrap()
    }
    let outranks = |a: &Standing, b: &Standing| {
        rank(&ACCOUNTS, &a.account) >= rank(&ACCOUNTS, &b.account)
            && rank(&ORGANIZATIONS, &a.organization) >= rank(&ORGANIZATIONS, &b.organization)
            && rank(&WORKSPACES, &a.workspace) >= rank(&WORKSPACES, &b.workspace)
            && a.own >= b.own
    };
    for action in Action::ALL {
        for low in all() {
            for high in all().filter(|high| outranks(high, &low)) {
                let (more, less) = (decide(&high, action), decide(&low, action));
                assert!(worth(more) >= worth(less), "{action:?}: {high:?} gets {more:?}, {low:?} {less:?}");
            }
        }
    }
}

#[test]
fn what_may_be_done_to_a_workspace_may_be_done_by_those_who_see_it_only() {
    for action in [Action::AddMember, Action::RemoveMember, Action::LeaveWorkspace] {
        for standing in all() {
            let seen = decide(&standing, Action::ReadWorkspace) == Decision::Allowed;
            assert_eq!(decide(&standing, action) != Decision::Hidden, seen, "{action:?}: {standing:?}");
        }
    }
}

#[test]
fn what_may_be_done_to_a_person_may_be_done_by_those_who_see_them_only() {
    let actions = [
        Action::ReadUserWorkspaces,
        Action::ChangeUser,
        Action::SetPassword,
        Action::ReadKeys,
        Action::CreateKey,
        Action::EndSession,
    ];
    for action in actions {
        for standing in all() {
            let seen = decide(&standing, Action::ReadUser) == Decision::Allowed;
            assert_eq!(decide(&standing, action) != Decision::Hidden, seen, "{action:?}: {standing:?}");
        }
    }
}

#[test]
fn nobody_gives_a_role_above_their_own() {
    for giver in all() {
        for (role, needed) in [
            (AccountRole::Administrator, Some(AccountRole::Administrator)),
            (AccountRole::Member, Some(AccountRole::Member)),
        ] {
            let holds = giver.account == needed || giver.account == Some(AccountRole::Administrator);
            assert_eq!(gives_in_account(&giver, role), holds, "{role:?}: {giver:?}");
        }
        let governs = giver.account == Some(AccountRole::Administrator);
        for (role, holds) in [
            (OrganizationRole::Admin, giver.account.is_some() && giver.organization == Some(OrganizationRole::Admin)),
            (OrganizationRole::Member, giver.account.is_some() && giver.organization.is_some()),
        ] {
            assert_eq!(gives_in_organization(&giver, role), holds || governs, "{role:?}: {giver:?}");
        }
    }
    let of = |organization| Standing {
        account: Some(AccountRole::Member),
        organization: Some(organization),
        ..Standing::default()
    };
    let (reader, annotator) = (of(OrganizationRole::Reader), of(OrganizationRole::Annotator));
    assert!(!gives_in_organization(&reader, OrganizationRole::Member));
    assert!(gives_in_organization(&reader, OrganizationRole::Reader));
    assert!(!gives_in_organization(&annotator, OrganizationRole::Reader));
    for role in [AccountRole::UiOnly, AccountRole::Annotator] {
        let giver = Standing { account: Some(role), ..of(OrganizationRole::Admin) };
        assert!(!gives_in_account(&giver, AccountRole::Member), "{role:?}");
        assert!(!gives_in_account(&giver, AccountRole::Administrator), "{role:?}");
    }
}
