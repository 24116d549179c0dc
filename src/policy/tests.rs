//! Writes the tables of all decisions to `tests/golden/policy.txt`, where people review them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use super::*;
use crate::domain::ids::RoleId;

mod assignments;
mod explained;

use super::subject::{Subject as About, subject as about};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/policy.txt");

/// From the weakest to the strongest, as in all lists below.
const ACCOUNTS: [Account; 6] = [
    Account::Nobody,
    Account::Bot,
    Account::Role(AccountRole::Annotator),
    Account::Role(AccountRole::UiOnly),
    Account::Role(AccountRole::Member),
    Account::Role(AccountRole::Administrator),
];
const ORGANIZATIONS: [Option<OrganizationRole>; 5] = [
    None,
    Some(OrganizationRole::Annotator),
    Some(OrganizationRole::Reader),
    Some(OrganizationRole::Member),
    Some(OrganizationRole::Admin),
];
const WORKSPACES: [Option<Role>; 6] = [
    None,
    Some(Role::Custom(RoleId(7))),
    Some(Role::Annotator),
    Some(Role::Reader),
    Some(Role::Member),
    Some(Role::Owner),
];

const PLAIN: Standing = Standing {
    account: Account::Role(AccountRole::Member),
    organization: None,
    workspace: None,
    named: PermissionSet::EMPTY,
    private: true,
    archived: false,
    restricted: false,
    direct: PermissionSet::EMPTY,
    own: false,
    together: false,
};
const COLLEAGUE: Standing = Standing { organization: Some(OrganizationRole::Member), ..PLAIN };

/// The actors that the tables describe: a short name, a description, and the facts.
const PEOPLE: [(&str, &str, Standing); 17] = [
    ("nobody", "has no account, or has not signed in yet", Standing { account: Account::Nobody, ..PLAIN }),
    ("stranger", "shares no organization with the thing or the person", PLAIN),
    ("outsider", "shares the organization, but is not in the workspace, which is private", COLLEAGUE),
    ("colleag.", "the same, where the workspace is not private", Standing { private: false, ..COLLEAGUE }),
    (
        "annotat.",
        "annotates, in the account, the organization and the workspace",
        Standing {
            account: Account::Role(AccountRole::Annotator),
            organization: Some(OrganizationRole::Annotator),
            workspace: Some(Role::Annotator),
            ..PLAIN
        },
    ),
    ("reader", "of the workspace", Standing { workspace: Some(Role::Reader), ..COLLEAGUE }),
    ("member", "of the workspace", Standing { workspace: Some(Role::Member), ..COLLEAGUE }),
    ("owner", "of the workspace", Standing { workspace: Some(Role::Owner), ..COLLEAGUE }),
    (
        "shut out",
        "a member of the workspace of a restricted project, who has no binding on it",
        Standing { workspace: Some(Role::Member), restricted: true, ..COLLEAGUE },
    ),
    (
        "custom",
        "in the workspace by a named role that allows DATASET_READ",
        Standing {
            workspace: Some(Role::Custom(RoleId(7))),
            named: PermissionSet::of(&[Permission::DATASET_READ]),
            ..COLLEAGUE
        },
    ),
    (
        "bound",
        "not in the workspace, but with a role bound on it that allows SPACE_READ and ROLE_BINDING_CREATE",
        Standing { named: PermissionSet::of(&[Permission::SPACE_READ, Permission::ROLE_BINDING_CREATE]), ..COLLEAGUE },
    ),
    (
        "key",
        "a service key: its bot reads in the organization and is a member of the workspace, as the person is",
        Standing {
            account: Account::Bot,
            organization: Some(OrganizationRole::Reader),
            workspace: Some(Role::Member),
            together: true,
            ..PLAIN
        },
    ),
    (
        "ui only",
        "in the account for the pages only; a member of the organization and the workspace",
        Standing { account: Account::Role(AccountRole::UiOnly), workspace: Some(Role::Member), ..COLLEAGUE },
    ),
    (
        "oneself",
        "the thing is the actor's own: account, key, session, membership",
        Standing { workspace: Some(Role::Member), own: true, ..COLLEAGUE },
    ),
    (
        "orgadmin",
        "administers the organization; not in the workspace",
        Standing { organization: Some(OrganizationRole::Admin), ..PLAIN },
    ),
    (
        "admin",
        "administers the account; in no organization",
        Standing { account: Account::Role(AccountRole::Administrator), ..PLAIN },
    ),
    (
        "operator",
        "on the command line of the data directory",
        Standing { account: Account::Role(AccountRole::Administrator), own: true, ..PLAIN },
    ),
];

fn actions(of: About) -> impl Iterator<Item = Action> {
    Action::ALL.into_iter().filter(move |action| about(*action) == of)
}

/// Permission sets of named roles, each a subset of the next.
fn named() -> [PermissionSet; 4] {
    let some = PermissionSet::of(&[Permission::PROJECT_READ, Permission::ROLE_BINDING_READ]);
    [PermissionSet::EMPTY, some, some.with(Permission::SPACE_READ), everything()]
}

/// All combinations of facts for the property tests.
fn all() -> Vec<Standing> {
    let mut all = Vec::new();
    for account in ACCOUNTS {
        for organization in ORGANIZATIONS {
            for workspace in WORKSPACES {
                for named in named() {
                    for flags in 0..16 {
                        let (private, restricted, own) = (flags & 1 == 0, flags & 2 == 0, flags & 4 != 0);
                        let together = flags & 8 != 0;
                        all.push(Standing {
                            account,
                            organization,
                            workspace,
                            named,
                            private,
                            restricted,
                            own,
                            together,
                            ..PLAIN
                        });
                    }
                }
            }
        }
    }
    all
}

const fn sign(decision: Decision) -> char {
    match decision {
        Decision::Allowed => '+',
        Decision::Forbidden => '-',
        Decision::Hidden => '.',
    }
}

fn label(action: Action) -> String {
    format!("\n{:<26}", format!("{action:?}"))
}

fn word_of(account: Account) -> &'static str {
    match account {
        Account::Nobody => "no account",
        Account::Bot => "bot",
        Account::Role(role) => role.as_str(),
    }
}

/// The actions that each of the described actors may do.
fn in_short(page: &mut String) {
    page.push_str("1. In short\n\n");
    for (name, who, _) in &PEOPLE {
        let _ = writeln!(page, "{name:<10}{who}");
    }
    let _ = write!(page, "\n{:<26}", "");
    for (name, _, _) in &PEOPLE {
        let _ = write!(page, "{name:<9}");
    }
    for of in [About::Workspace, About::Content, About::Project, About::Organization, About::Account, About::Person] {
        for action in actions(of) {
            page.push_str(&label(action));
            for (_, _, standing) in &PEOPLE {
                let _ = write!(page, "{:<9}", sign(decide(standing, action)));
            }
        }
        page.push('\n');
    }
}

/// Workspaces and projects, by account role, organization role, workspace role and privacy.
fn in_workspaces(page: &mut String) {
    page.push_str(
        "\n2. Workspaces and projects, in full\n\n\
         Six signs for the role in the workspace: none, custom, annotator, reader, member, owner. Custom has no named\n\
         permissions here; section 5 says what those add. LeaveWorkspace is asked by the one who leaves. Projects come\n\
         twice: open, and restricted without a binding of one's own. Without an account, everything is hidden.\n",
    );
    let mut blocks: Vec<(String, Vec<&str>)> = Vec::new();
    for account in ACCOUNTS.into_iter().filter(|account| *account != Account::Nobody) {
        let block = block(account);
        match blocks.iter_mut().find(|(text, _)| *text == block) {
            Some((_, accounts)) => accounts.push(word_of(account)),
            None => blocks.push((block, vec![word_of(account)])),
        }
    }
    for (block, accounts) in blocks {
        let _ = writeln!(page, "\nin the account: {}{block}", accounts.join(", or "));
    }
}

fn block(account: Account) -> String {
    let mut page = format!("\n{:<28}", "  in the organization");
    for organization in ORGANIZATIONS {
        let _ = write!(page, "{:<16}", organization.map_or("none", OrganizationRole::as_str));
    }
    let _ = write!(page, "\n{:<28}", "  private");
    for _ in ORGANIZATIONS {
        page.push_str("no     yes      ");
    }
    let rows = [About::Workspace, About::Content].into_iter().flat_map(actions).map(|action| (action, false));
    let rows = rows.chain([false, true].into_iter().flat_map(|shut| actions(About::Project).map(move |a| (a, shut))));
    for (action, restricted) in rows {
        let name = if restricted { format!("{action:?}, restricted") } else { format!("{action:?}") };
        let _ = write!(page, "\n{name:<28}");
        for organization in ORGANIZATIONS {
            for private in [false, true] {
                for workspace in WORKSPACES {
                    let own = action == Action::LeaveWorkspace;
                    let standing = Standing { account, organization, workspace, private, restricted, own, ..PLAIN };
                    page.push(sign(decide(&standing, action)));
                }
                page.push(' ');
            }
            page.push_str("  ");
        }
    }
    page
}

/// Organizations and users, by account role and organization role.
fn in_organizations(page: &mut String) {
    page.push_str(
        "\n3. Organizations and the account, in full\n\n\
         Five signs for the role in the organization: none, annotator, reader, member, admin.\n",
    );
    let _ = write!(page, "\n{:<26}", "  in the account");
    for account in ACCOUNTS {
        let _ = write!(page, "{:<15}", word_of(account));
    }
    for action in actions(About::Organization).chain(actions(About::Account)) {
        page.push_str(&label(action));
        for account in ACCOUNTS {
            for organization in ORGANIZATIONS {
                page.push(sign(decide(&Standing { account, organization, ..PLAIN }, action)));
            }
            page.push_str("          ");
        }
    }
    page.push_str(
        "\n\n4. People, their keys and their sessions, in full\n\n\
         Five signs for the actor's role in an organization that both are in: none, annotator, reader, member, admin;\n\
         then the same where it is the actor's own. A bot sees nobody for an organization in common, but those with whom\n\
         it is in a workspace, as section 1 shows.\n",
    );
    let _ = write!(page, "\n{:<26}", "  in the account");
    for account in ACCOUNTS {
        let _ = write!(page, "{:<15}", word_of(account));
    }
    for action in actions(About::Person) {
        page.push_str(&label(action));
        for account in ACCOUNTS {
            for own in [false, true] {
                for organization in ORGANIZATIONS {
                    page.push(sign(decide(&Standing { account, organization, own, ..PLAIN }, action)));
                }
                page.push(' ');
            }
            page.push_str("   ");
        }
    }
    page.push('\n');
}

/// The effect of each named permission.
fn by_permissions(page: &mut String) {
    page.push_str(
        "\n5. What a named permission adds, of a role bound on a workspace or project that one does not see otherwise; but\n\
         for SPACE_READ and PROJECT_READ themselves, to a role that has these two\n\n",
    );
    let reading = PermissionSet::of(&[Permission::SPACE_READ, Permission::PROJECT_READ]);
    let mut idle = 0;
    for permission in Permission::all() {
        let base = if reading.contains(permission) { PermissionSet::EMPTY } else { reading };
        let before = Standing { named: base, ..COLLEAGUE };
        let after = Standing { named: base.with(permission), ..COLLEAGUE };
        let adds = |action: &Action| {
            decide(&after, *action) == Decision::Allowed && decide(&before, *action) != Decision::Allowed
        };
        let added: Vec<String> = Action::ALL.iter().filter(|a| adds(a)).map(|action| format!("{action:?}")).collect();
        if added.is_empty() {
            idle += 1;
        } else {
            let _ = writeln!(page, "{:<21}{}", permission.name(), added.join(", "));
        }
    }
    let _ = writeln!(
        page,
        "\nThe other {idle} are kept and shown, and bound what their holder may give; nothing here asks for them."
    );
    page.push_str("\nWhat the roles of a workspace hold\n\n");
    for role in Role::PREDEFINED {
        let _ = writeln!(page, "{:<10}{} of {}", role.as_str(), of_role(role).iter().count(), Permission::COUNT);
    }
}

/// What an archived workspace refuses.
fn in_archived(page: &mut String) {
    page.push_str(
        "\n6. What an archived workspace refuses to everybody, whatever the tables above allow; all else stays possible\n\n",
    );
    for action in Action::ALL.into_iter().filter(|action| !archived::is_possible(*action)) {
        let _ = writeln!(page, "{action:?}");
    }
}

#[test]
fn an_archived_workspace_can_be_read_and_restored_and_refuses_only_what_is_in_it() {
    let there = Standing { archived: true, ..PLAIN };
    for action in Action::ALL {
        assert!(!archived::refuses(&PLAIN, action), "{action:?}");
        let is_inside = matches!(about(action), About::Workspace | About::Content | About::Project);
        let reads = action.as_str().starts_with("read-");
        assert!(!archived::refuses(&there, action) || (is_inside && !reads), "{action:?}");
        // It decides nothing that the tables show.
        assert_eq!(decide(&there, action), decide(&PLAIN, action), "{action:?}");
    }
}

fn grid() -> String {
    let mut page = String::from(
        "Who may do what. Drawn by a test; after a change: ATELIER_TEST_BLESS=1 cargo test --lib policy\n\n\
         + allowed, - forbidden (403: may see it, may not do it), . hidden (404: to the actor it does not exist)\n\n",
    );
    in_short(&mut page);
    in_workspaces(&mut page);
    in_organizations(&mut page);
    by_permissions(&mut page);
    in_archived(&mut page);
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[test]
fn the_tables_equal_the_golden_file() {
    let drawn = grid();
    if env::var_os("ATELIER_TEST_BLESS").is_some() {
        fs::create_dir_all(Path::new(GOLDEN).parent().unwrap()).unwrap();
        fs::write(GOLDEN, &drawn).unwrap();
    }
    let golden = fs::read_to_string(GOLDEN).unwrap();
    for (drawn, golden) in drawn.lines().zip(golden.lines()) {
        assert_eq!(drawn, golden, "read the difference, then bless it with ATELIER_TEST_BLESS=1");
    }
    assert_eq!(drawn.len(), golden.len(), "read the difference, then bless it with ATELIER_TEST_BLESS=1");
}

#[test]
fn every_action_is_listed_once_with_its_message() {
    let names: BTreeSet<String> = Action::ALL.iter().map(|action| format!("{action:?}")).collect();
    assert_eq!(names.len(), Action::ALL.len());
    let needs: BTreeSet<String> = Action::ALL.iter().map(|action| action.need("space")).collect();
    assert_eq!(needs.len(), Action::ALL.len());
    assert!(needs.iter().all(|need| !need.contains("workspace") && !need.contains('{')), "{needs:?}");
}

#[test]
fn everything_is_hidden_without_an_account() {
    for standing in all().iter().filter(|standing| standing.account == Account::Nobody) {
        for action in Action::ALL {
            assert_eq!(decide(standing, action), Decision::Hidden, "{action:?}");
        }
    }
}

#[test]
fn the_tables_omit_no_relevant_fact() {
    // A fact that an action is not about must not change the decision, so that the tables can omit it.
    for standing in all() {
        for action in Action::ALL {
            let same = match about(action) {
                About::Workspace | About::Content => Standing { restricted: false, ..standing },
                About::Project => Standing { own: false, ..standing },
                About::Organization => {
                    Standing { account: standing.account, organization: standing.organization, ..Standing::default() }
                }
                About::Account => Standing { account: standing.account, ..Standing::default() },
                About::Person => Standing {
                    account: standing.account,
                    organization: standing.organization,
                    own: standing.own,
                    together: standing.together,
                    ..Standing::default()
                },
            };
            assert_eq!(decide(&standing, action), decide(&same, action), "{action:?}: {standing:?}");
        }
    }
}

/// The rank of a decision: more rights or more information.
const fn rank(decision: Decision) -> u8 {
    match decision {
        Decision::Hidden => 0,
        Decision::Forbidden => 1,
        Decision::Allowed => 2,
    }
}

/// All facts with exactly one of them a step higher.
fn one_step_up(low: &Standing) -> Vec<Standing> {
    fn next<T: PartialEq + Copy>(order: &[T], of: T) -> Option<T> {
        let at = order.iter().position(|one| *one == of).unwrap();
        order.get(at + 1).copied()
    }
    let mut up = Vec::new();
    // A bot has fewer rights than a member, but not fewer than an annotator, who cannot create workspaces.
    let accounts = ACCOUNTS.into_iter().filter(|account| *account != Account::Bot).collect::<Vec<_>>();
    match low.account {
        Account::Bot => {}
        account => up.extend(next(&accounts, account).map(|account| Standing { account, ..*low })),
    }
    up.extend(next(&ORGANIZATIONS, low.organization).map(|organization| Standing { organization, ..*low }));
    up.extend(next(&WORKSPACES, low.workspace).map(|workspace| Standing { workspace, ..*low }));
    up.extend(next(&named(), low.named).map(|named| Standing { named, ..*low }));
    up.extend(low.private.then_some(Standing { private: false, ..*low }));
    up.extend(low.restricted.then_some(Standing { restricted: false, ..*low }));
    up.extend((!low.own).then_some(Standing { own: true, ..*low }));
    up.extend((!low.together).then_some(Standing { together: true, ..*low }));
    up
}

#[test]
fn a_stronger_role_never_removes_rights() {
    for low in all() {
        for high in one_step_up(&low) {
            // `UiOnly` is not above `Annotator`, because a user without API access has no API keys.
            let pages_only = high.account == Account::Role(AccountRole::UiOnly);
            for action in Action::ALL.into_iter().filter(|action| !pages_only || *action != Action::HoldKeys) {
                let (more, less) = (decide(&high, action), decide(&low, action));
                assert!(rank(more) >= rank(less), "{action:?}: {high:?} gets {more:?}, {low:?} {less:?}");
            }
        }
    }
}

#[test]
fn a_stronger_role_contains_the_permissions_of_a_weaker_one() {
    for (less, more) in [(Role::Reader, Role::Member), (Role::Annotator, Role::Member), (Role::Member, Role::Owner)] {
        assert!(of_role(less).is_within(of_role(more)), "{less:?} {more:?}");
    }
    for standing in all() {
        let admin = Standing { account: Account::Role(AccountRole::Administrator), ..standing };
        assert!(held(&standing).is_within(held(&admin)));
        assert!(standing.named.is_within(held(&standing)));
    }
}

#[test]
fn a_visible_object_is_forbidden_and_an_invisible_one_hidden() {
    for standing in all() {
        let sees = |action| decide(&standing, action) != Decision::Hidden;
        for action in actions(About::Workspace) {
            // Roles are bound on projects too, which may be visible without their workspace.
            let on_thing = matches!(action, Action::BindRole | Action::ReadBindings | Action::UnbindRole);
            let project = Standing { restricted: false, ..standing };
            let expected =
                sees(Action::ReadWorkspace) || on_thing && decide(&project, Action::ReadProject) != Decision::Hidden;
            assert_eq!(sees(action), expected, "{action:?}: {standing:?}");
        }
        for action in actions(About::Project) {
            assert_eq!(sees(action), sees(Action::ReadProject), "{action:?}: {standing:?}");
        }
        for action in actions(About::Content) {
            let read = match action {
                Action::UpdateModel | Action::DeleteModel => Action::ReadModel,
                Action::UpdatePipeline | Action::DeletePipeline => Action::ReadPipeline,
                Action::UpdateTag | Action::DeleteTag => Action::ReadTag,
                _ => Action::ReadWorkspace,
            };
            assert!(sees(read) || !sees(action), "{action:?}: {standing:?}");
            assert!(sees(action) || read == Action::ReadWorkspace || !sees(read), "{action:?}: {standing:?}");
        }
    }
}

#[test]
fn only_bindings_on_a_restricted_project_count() {
    let bound = PermissionSet::of(&[Permission::PROJECT_READ, Permission::PROJECT_UPDATE]);
    for standing in all().into_iter().filter(|standing| standing.restricted) {
        let bound = Standing { direct: bound, ..standing };
        let governs = held(&standing).contains(Permission::PROJECT_RESTRICT);
        if standing.account == Account::Nobody || governs {
            continue;
        }
        assert_eq!(decide(&bound, Action::UpdateProject), Decision::Allowed, "{bound:?}");
        assert_eq!(decide(&bound, Action::DeleteProject), Decision::Forbidden, "{bound:?}");
    }
}

#[test]
fn a_restricted_project_is_hidden_without_a_binding() {
    for standing in all().into_iter().filter(|standing| standing.restricted) {
        let governs = held(&standing).contains(Permission::PROJECT_RESTRICT);
        for action in actions(About::Project) {
            let hidden = decide(&standing, action) == Decision::Hidden;
            assert!(governs || hidden, "{action:?}: {standing:?}");
        }
    }
}

#[test]
fn actions_on_an_invisible_user_are_hidden() {
    for action in actions(About::Person)
        .filter(|action| !matches!(action, Action::RevokeKey | Action::ManageConnection | Action::DeleteSharedTag))
    {
        for standing in all() {
            let seen = decide(&standing, Action::ReadUser) == Decision::Allowed;
            assert_eq!(decide(&standing, action) != Decision::Hidden, seen, "{action:?}: {standing:?}");
        }
    }
}

#[test]
fn a_bot_has_no_role_in_the_account() {
    for standing in all().into_iter().filter(|standing| standing.account == Account::Bot) {
        for action in actions(About::Account) {
            assert_eq!(decide(&standing, action), Decision::Forbidden, "{action:?}: {standing:?}");
        }
        assert!(AccountRole::ALL.iter().all(|role| !may_assign_account_role(&standing, *role)), "{standing:?}");
        let sees = decide(&standing, Action::ReadUser) == Decision::Allowed;
        assert_eq!(sees, standing.own || standing.together, "{standing:?}");
        let makes = matches!(standing.organization, Some(OrganizationRole::Admin | OrganizationRole::Member));
        assert_eq!(decide(&standing, Action::CreateWorkspace) == Decision::Allowed, makes, "{standing:?}");
    }
}
