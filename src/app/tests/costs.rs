//! A verb that is about many rows runs as many statements for ten of them as for a hundred: it judges, changes and
//! records them in sets.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::app::identity::oauth::{clients, consents};
use crate::app::identity::{master_keys, recovery, second_factors, session_list, sessions};
use crate::app::invitations::{self, Invitation, Mode};
use crate::app::keys::{self, Renewal};
use crate::app::service_keys::{self, Grant, Grants};
use crate::app::{members, organizations, projects, standing, user_deletion, users, workspaces};
use crate::domain::client::Scopes;
use crate::domain::ids::{OrganizationId, ProjectId, UserId};
use crate::domain::key::{Grace, KeyRules};
use crate::domain::organization::OrganizationRole;
use crate::domain::page::Page;
use crate::domain::user::UserChange;
use crate::store::plans;
use crate::tokens::seal::MasterKey;

const GUILD: OrganizationId = OrganizationId(2);
const HALL: WorkspaceId = WorkspaceId(1);

/// A file in which much belongs to bob, and where there is much beside him.
///
/// Bob has, as many times each: an organization that he is the only admin of and ada a reader, with a workspace that he
/// owns alone; one that carol is the admin of, with such a workspace; a workspace of the guild, with a named role as a
/// member and by bindings on it and on its project; sessions of two clients and of browsers; keys; and bindings on the
/// projects of the hall. The hall of carol has as many other members, each with a binding. The guild has as many bots,
/// and one bot that is in all of its workspaces. As many people have a second factor.
fn crowd(many: i64) -> Office {
    let office = office();
    let [ada, bob, carol] = [&office.ada, &office.bob, &office.carol].map(|who| who.user().unwrap().0);
    assert_eq!(office.workspace(&office.carol, "hall"), HALL);
    let n = format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {many})");
    let user =
        "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                    must_change_password, created_at)";
    let uuid = |kind: u8| format!("printf('{kind}0000000-0000-4000-8000-%012d', n)");
    let session =
        "INSERT INTO sessions (uuid, user_id, client, cookie, scope, authenticated_at, second_factor, created_at,
                       last_used_at, idle_until, ends_at)";
    let times = format!("1, 0, 1, 1, {0}, {0}", 4_000_000_000_000_000_i64);
    let sql = format!(
        "BEGIN;
         INSERT INTO roles (id, name, description, permissions, shows_workspaces, created_at, updated_at)
             VALUES (50, 'none', '', zeroblob(24), 0, 1, 1);
         INSERT INTO organizations (id, name, name_key, description, home, created_at) VALUES (2, 'Guild', 'guild', '', 0, 1);
         INSERT INTO organization_members (organization_id, user_id, role, created_at)
             VALUES (2, {bob}, 'member', 1), (2, {carol}, 'admin', 1);
         {n} {user} SELECT {people}, 'p' || n || '@a.example', 'p' || n || '@a.example', '', '', 'person', 'active', 1, 1,
             'member', 0, 1 FROM n;
         {n} {user} SELECT {bots}, 'b' || n || '@bots.invalid', 'b' || n || '@bots.invalid', '', '', 'bot', 'active', 1, 0,
             'member', 0, 1 FROM n;
         INSERT INTO organization_members (organization_id, user_id, role, created_at)
             SELECT iif(kind = 'bot', 2, 1), id, 'member', 1 FROM users WHERE email LIKE 'p%@a.example' OR kind = 'bot';
         INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at)
             SELECT id, 'key', randomblob(32), '', '', {carol}, 1 FROM users WHERE kind = 'bot';
         {n} INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at)
             SELECT {bob}, 'key', randomblob(32), '', '', {bob}, 1 FROM n;
         {n} INSERT INTO organizations (id, name, name_key, description, home, created_at)
             SELECT 1000 + n, 'alone' || n, 'alone' || n, '', 0, 1 FROM n;
         {n} INSERT INTO organizations (id, name, name_key, description, home, created_at)
             SELECT 2000 + n, 'led' || n, 'led' || n, '', 0, 1 FROM n;
         INSERT INTO organization_members (organization_id, user_id, role, created_at)
             SELECT id, {bob}, iif(id < 2000, 'admin', 'member'), 1 FROM organizations WHERE id > 1000
             UNION ALL SELECT id, iif(id < 2000, {ada}, {carol}), iif(id < 2000, 'reader', 'admin'), 1
             FROM organizations WHERE id > 1000;
         {n} INSERT INTO workspaces (id, organization_id, name, name_key, description, private, archived, created_by,
                 created_at, ml_models_enabled)
             SELECT 1000 * o.o + n, iif(o.o = 3, 2, 1000 * o.o + n), 'w' || n, 'w' || n, '', 1, 0, {bob}, 1, 0
             FROM n, (SELECT 1 AS o UNION ALL SELECT 2 UNION ALL SELECT 3) o;
         INSERT INTO members (workspace_id, user_id, role, role_id, created_at)
             SELECT id, {bob}, iif(id < 3000, 'owner', 'custom'), iif(id < 3000, NULL, 50), 1 FROM workspaces WHERE id > 1000
             UNION ALL SELECT id, {carol}, 'owner', NULL, 1 FROM workspaces WHERE id > 3000
             UNION ALL SELECT w.id, u.id, 'member', NULL, 1 FROM workspaces w, users u
                 WHERE w.id > 3000 AND u.email = 'b1@bots.invalid'
             UNION ALL SELECT 1, id, 'member', NULL, 1 FROM users WHERE email LIKE 'p%@a.example' OR id = {bob};
         INSERT INTO projects (id, workspace_id, name, name_key, kind, created_at, updated_at)
             SELECT id, id, 'p', 'p', 'application', 1, 1 FROM workspaces WHERE id > 3000;
         {n} INSERT INTO projects (id, workspace_id, name, name_key, kind, created_at, updated_at)
             SELECT n, 1, 'p' || n, 'p' || n, 'application', 1, 1 FROM n;
         INSERT INTO restrictions (project_id, created_at) SELECT id, 1 FROM projects WHERE id % 2 = 0;
         INSERT INTO bindings (role_id, user_id, workspace_id, project_id, created_at, updated_at)
             SELECT 50, {bob}, id, NULL, 1, 1 FROM workspaces WHERE id > 3000
             UNION ALL SELECT 50, {bob}, NULL, id, 1, 1 FROM projects
             UNION ALL SELECT 50, id, 1, NULL, 1, 1 FROM users WHERE email LIKE 'p%@a.example'
             UNION ALL SELECT 50, id, NULL, 1, 1, 1 FROM users WHERE email LIKE 'p%@a.example'
             UNION ALL SELECT 50, u.id, w.id, NULL, 1, 1 FROM workspaces w, users u
                 WHERE w.id > 3000 AND u.email = 'b1@bots.invalid';
         INSERT INTO clients (id, name, built_in, confidential, grants, scopes, redirect_uris, post_logout_redirect_uris,
                 refresh, created_at, updated_at)
             VALUES ('robot', 'Robot', 0, 0, 'authorization_code refresh_token', 'openid api', 'https://a.example/cb', '', 'rotating', 1, 1);
         INSERT INTO consents (user_id, client, scope, created_at) SELECT id, 'robot', 'openid', 1 FROM users;
         {n} {session} SELECT {sdk}, {bob}, 'sdk-client', NULL, 'openid', {times} FROM n;
         {n} {session} SELECT {robot}, {bob}, 'robot', NULL, 'openid', {times} FROM n;
         {n} {session} SELECT {browser}, {bob}, NULL, randomblob(32), '', {times} FROM n;
         INSERT INTO refresh_tokens (fingerprint, session_id, created_at) SELECT randomblob(32), id, 1 FROM sessions;
         INSERT INTO approvals (session_id, client, scope, created_at)
             SELECT id, 'robot', 'openid', 1 FROM sessions WHERE client IS NULL;
         INSERT INTO default_workspaces (user_id, workspace_id) SELECT id, 1 FROM users WHERE email LIKE 'p%@a.example';
         COMMIT;",
        people = uuid(1),
        bots = uuid(2),
        sdk = uuid(3),
        robot = uuid(4),
        browser = uuid(5),
    );
    probe::execute(&office.file, &sql);
    office
}

/// Runs a verb in a crowd of ten and in one of a hundred. Each time it must change at least as many rows as there are,
/// by the same number of statements.
#[track_caller]
fn in_sets<T, F>(verb: &str, who: fn(&Office) -> &Actor, prepare: impl Fn(&Office) -> F)
where
    T: Send + 'static,
    F: Fn(&Tx, &Actor) -> Result<T> + Send + 'static,
{
    let run = |many: i64| {
        let office = crowd(many);
        let work = prepare(&office);
        let audited = office.audit().len();
        let counted = office.by(who(&office), move |tx, actor| {
            let before = plans::statements_run();
            let rows = plans::rows_changed(tx);
            work(tx, actor)?;
            Ok((plans::statements_run() - before, plans::rows_changed(tx) - rows))
        });
        let (statements, rows) = counted.unwrap_or_else(|error| panic!("{verb}: {}", error.chain()));
        if office.store.is_file() {
            assert!(rows >= many.unsigned_abs(), "{verb} changes only {rows} rows of {many}");
        }
        assert!(office.audit().len() > audited, "{verb}");
        let verdict = office.read(|view| store::audit::chain::verify(view, None)).unwrap();
        assert!(verdict.is_sound(), "{verb}: {verdict:?}");
        statements
    };
    let (ten, hundred) = (run(10), run(100));
    assert!(ten > 0);
    assert_eq!(ten, hundred, "the statements of {verb} grow with the rows");
}

fn ada(office: &Office) -> &Actor {
    &office.ada
}

fn bob(office: &Office) -> &Actor {
    &office.bob
}

fn carol(office: &Office) -> &Actor {
    &office.carol
}

fn id_of(office: &Office, email: &str) -> UserId {
    let rows = probe::rows(&office.file, &format!("SELECT id FROM users WHERE email = '{email}'"));
    UserId(rows[0][0].as_i64().unwrap())
}

#[test]
fn a_user_is_deleted_in_sets() {
    in_sets("users.block", ada, |office| {
        let bob = office.bob.user().unwrap();
        move |tx: &Tx, actor: &Actor| user_deletion::block(tx, actor, bob)
    });
    let office = crowd(10);
    let (bob, before) = (office.bob.user().unwrap(), office.audit().len());
    office.by(&office.ada, move |tx, actor| user_deletion::block(tx, actor, bob)).unwrap();
    let traces = office.audit().split_off(before);
    let verbs: Vec<_> = traces.iter().map(|trace| trace.verb.as_str()).collect();
    let expected = [["organizations.put_member"; 10], ["members.put"; 10], ["members.put"; 10]].concat();
    assert_eq!(verbs, [expected, vec!["users.block"]].concat(), "a row for each change");
    assert_eq!(office.role(WorkspaceId(1003), &office.ada), Some(Role::Owner));
    assert_eq!(office.role(WorkspaceId(2003), &office.carol), Some(Role::Owner));
    assert_eq!((office.role(WorkspaceId(3003), &office.bob), office.role(HALL, &office.bob)), (None, None));
    let object = format!("2003/{}", uuid(&office.carol));
    assert!(traces.iter().any(|trace| trace.object == object), "{traces:?}");
}

#[test]
fn an_organization_is_deleted_and_left_in_sets() {
    in_sets("organizations.delete", carol, |_| |tx: &Tx, actor: &Actor| organizations::delete(tx, actor, GUILD));
    for who in [ada, carol, bob] {
        in_sets("organizations.remove_member", who, |office| {
            let bob = named(&office.bob);
            move |tx: &Tx, actor: &Actor| organizations::remove_member(tx, actor, GUILD, &bob)
        });
    }
}

#[test]
fn a_workspace_is_deleted_and_left_in_sets() {
    in_sets("workspaces.delete", carol, |_| |tx: &Tx, actor: &Actor| workspaces::delete(tx, actor, HALL));
    in_sets("projects.delete", carol, |_| |tx: &Tx, actor: &Actor| projects::delete(tx, actor, ProjectId(1)));
    for who in [carol, bob] {
        in_sets("members.remove", who, |office| {
            let bob = named(&office.bob);
            move |tx: &Tx, actor: &Actor| members::remove(tx, actor, HALL, &bob)
        });
    }
}

#[test]
fn many_members_are_removed_in_sets() {
    for who in [ada, carol] {
        in_sets("members.remove of all", who, |office| {
            let carol = uuid(&office.carol);
            move |tx: &Tx, actor: &Actor| {
                members::remove_all(tx, actor, &BTreeSet::from([HALL]), None, |member| member.uuid != carol)
            }
        });
        in_sets("members.remove of some", who, |office| {
            let these = probe::rows(&office.file, "SELECT uuid FROM users WHERE email LIKE 'p%@a.example'");
            let these: Vec<_> = these.iter().map(|row| row[0].as_str().unwrap().parse().unwrap()).collect();
            move |tx: &Tx, actor: &Actor| {
                members::remove_all(tx, actor, &BTreeSet::from([HALL]), Some(&these), |_| true)
            }
        });
    }
}

#[test]
fn sessions_end_in_sets() {
    in_sets("sessions.end_all", ada, |office| {
        let bob = office.bob.user().unwrap();
        move |tx: &Tx, actor: &Actor| sessions::end_all(tx, actor, bob)
    });
    in_sets("sessions.end_others", ada, |office| {
        let bob = office.bob.user().unwrap();
        move |tx: &Tx, actor: &Actor| session_list::end_others(tx, actor, bob, Uuid::nil())
    });
    in_sets("sessions.end_everybodys", ada, |_| |tx: &Tx, _: &Actor| sessions::end_everybodys(tx, &Actor::operator()));
    in_sets("users.change", ada, |office| {
        let (bob, change) = (named(&office.bob), UserChange { enabled: Some(false), ..UserChange::default() });
        move |tx: &Tx, actor: &Actor| users::change(tx, actor, &bob, &change)
    });
    in_sets("users.set_password", ada, |office| {
        let bob = named(&office.bob);
        move |tx: &Tx, actor: &Actor| users::set_password(tx, actor, &bob, &another(true))
    });
    in_sets("users.demand_password_change", ada, |office| {
        let bob = named(&office.bob);
        move |tx: &Tx, actor: &Actor| users::demand_password_change(tx, actor, &bob)
    });
    in_sets("admin.recover", ada, |_| {
        |tx: &Tx, _: &Actor| {
            let whom = recovery::Whom::Named(address("bob"));
            recovery::recover(tx, &Actor::operator(), &whom, Uuid::new_v4(), &another(true))
        }
    });
}

#[test]
fn what_a_client_has_ends_in_sets() {
    let robot = || ClientId::parse("robot").unwrap();
    in_sets("consents.withdraw", bob, |_| move |tx: &Tx, actor: &Actor| consents::withdraw(tx, actor, &robot()));
    in_sets("clients.remove", ada, |_| move |tx: &Tx, actor: &Actor| clients::remove(tx, actor, &robot()));
    in_sets("clients.change", ada, |_| {
        move |tx: &Tx, actor: &Actor| {
            let scopes = Some(Scopes::parse_known("openid"));
            let fewer = clients::ClientChange { scopes, ..clients::ClientChange::default() };
            clients::change(tx, actor, &robot(), &fewer, Uuid::new_v4())
        }
    });
}

#[test]
fn keys_are_made_and_end_in_sets() {
    in_sets("keys.revoke_all", ada, |office| {
        let bob = office.bob.user().unwrap();
        move |tx: &Tx, actor: &Actor| keys::revoke_of(tx, actor, &store::users::find(tx, bob)?.unwrap())
    });
    let key_of_bot = |office: &Office| {
        let bot = id_of(office, "b1@bots.invalid");
        let rows = probe::rows(&office.file, &format!("SELECT id FROM keys WHERE user_id = {bot}"));
        // Somebody else made it, so its permissions are compared.
        probe::execute(&office.file, "UPDATE keys SET created_by = NULL");
        KeyId(rows[0][0].as_i64().unwrap())
    };
    in_sets("keys.revoke", carol, |office| {
        let key = key_of_bot(office);
        move |tx: &Tx, actor: &Actor| keys::revoke(tx, actor, key)
    });
    in_sets("keys.create", carol, |office| {
        let guild = probe::rows(&office.file, "SELECT id FROM workspaces WHERE id > 3000");
        let role = |row: &Vec<Value>| (WorkspaceId(row[0].as_i64().unwrap()), Role::Member);
        let guild = guild.iter().map(role).collect();
        let grant = Grant { organization: Some(GUILD), role: OrganizationRole::Reader, workspaces: guild };
        let grants = Grants { account: AccountRole::Member, organizations: vec![grant] };
        let (new, bot) = (super::keys::plain(office), Uuid::new_v4());
        move |tx: &Tx, actor: &Actor| service_keys::create(tx, actor, &KeyRules::LOOSE, bot, &new, &grants)
    });
}

#[test]
fn the_permissions_of_a_bot_are_compared_in_sets() {
    let statements = |many| {
        let office = crowd(many);
        let bot = id_of(&office, "b1@bots.invalid");
        let renewal = Renewal { secret: super::keys::secret(&office), expires_at: None, grace: Grace::default() };
        office
            .by(&office.carol, move |tx, actor| {
                let key = store::keys::page_of(tx, bot, Page { after: None, limit: 1 })?.items[0].id;
                let before = plans::statements_run();
                keys::refresh(tx, actor, &KeyRules::LOOSE, key, &renewal)?;
                Ok(plans::statements_run() - before)
            })
            .unwrap()
    };
    assert_eq!(statements(10), statements(100));
}

#[test]
fn a_second_invitation_removes_what_the_first_gave_in_sets() {
    in_sets("users.invite", ada, |office| {
        let bob = office.bob.user().unwrap();
        let expired = format!("UPDATE users SET state = 'invited', invited_until = 1 WHERE id = {bob}");
        probe::execute(&office.file, &expired);
        let new = new_user("bob", AccountRole::Member);
        let invitation = Invitation { new, uuid: Uuid::new_v4(), developer: None, mode: Mode::Link };
        move |tx: &Tx, actor: &Actor| invitations::invite(tx, actor, &invitation)
    });
}

#[test]
fn secrets_are_sealed_again_in_sets() {
    let key = || MasterKey::parse(&MasterKey::generate()).unwrap();
    in_sets("master_key.rotate", ada, |office| {
        let (from, to) = (key(), key());
        let mut sql = String::new();
        for row in probe::rows(&office.file, "SELECT id, uuid FROM users WHERE email LIKE 'p%@a.example'") {
            let uuid: Uuid = row[1].as_str().unwrap().parse().unwrap();
            let sealed = from.seal(&second_factors::context(uuid), b"secret").unwrap();
            let sealed: String = sealed.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            let insert = "INSERT INTO second_factors (user_id, sealed, created_at) VALUES";
            writeln!(sql, "{insert} ({}, x'{sealed}', 1);", row[0]).unwrap();
        }
        probe::execute(&office.file, &sql);
        move |tx: &Tx, _: &Actor| {
            let resealed = master_keys::reseal(tx, &Actor::operator(), &from, &to)?;
            assert!(resealed.second_factors >= 10, "{resealed:?}");
            let first = store::second_factors::list_sealed(tx, UserId(0), 1)?.remove(0);
            assert_eq!(to.open(&second_factors::context(first.1), &first.2).unwrap(), b"secret");
            Ok(())
        }
    });
}

#[test]
fn a_standing_in_a_set_is_the_same_as_alone() {
    let office = crowd(20);
    let of_one = |column: &str, from: &str| -> Vec<i64> {
        let rows = probe::rows(&office.file, &format!("SELECT {column} FROM {from}"));
        rows.iter().map(|row| row[0].as_i64().unwrap()).collect()
    };
    let (spaces, inside) = (of_one("id", "workspaces"), of_one("id", "projects"));
    let (guilds, people) = (of_one("id", "organizations"), of_one("id", "users"));
    let bot = id_of(&office, "b1@bots.invalid");
    let bot = office.read(|view| Ok(acting(&store::users::find_principal(view, bot)?.unwrap()))).unwrap();
    let stranger = Actor::nobody(origin());
    let operator = Actor::operator();
    let absent = i64::MAX;
    for who in [&office.ada, &office.bob, &office.carol, &office.stranger, &bot, &operator, &stranger] {
        office
            .read(|view| {
                let ids = spaces.iter().copied().chain([absent]).map(WorkspaceId);
                let found = standing::in_workspaces(view, who, ids)?;
                assert_eq!(found.len(), spaces.len());
                for id in spaces.iter().copied().map(WorkspaceId) {
                    let workspace = store::workspaces::find(view, id)?.unwrap();
                    let alone = standing::in_workspace(view, who, &workspace)?;
                    assert_eq!((found[&id].organization, found[&id].standing), (workspace.organization, alone), "{id}");
                }
                let ids = inside.iter().copied().chain([absent]).map(ProjectId);
                let found = standing::in_projects(view, who, ids)?;
                assert_eq!(found.len(), inside.len());
                for id in inside.iter().copied().map(ProjectId) {
                    let project = store::projects::find(view, id)?.unwrap();
                    let workspace = store::workspaces::find(view, project.workspace)?.unwrap();
                    assert_eq!(found[&id], standing::in_project(view, who, &workspace, id)?, "{id}");
                }
                let ids = guilds.iter().copied().chain([absent]).map(OrganizationId);
                let found = standing::in_organizations(view, who, ids)?;
                assert_eq!(found.len(), guilds.len());
                for id in guilds.iter().copied().map(OrganizationId) {
                    assert_eq!(found[&id], standing::in_organization(view, who, id)?, "{id}");
                }
                let found = standing::toward_all(view, who, people.iter().copied().map(UserId))?;
                for id in people.iter().copied().map(UserId) {
                    assert_eq!(found[&id], standing::toward(view, who, id)?, "{id}");
                }
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn people_share_an_organization_however_many_each_is_in() {
    let office = office();
    let [bob, carol, stranger] = [&office.bob, &office.carol, &office.stranger].map(|who| who.user().unwrap());
    let alone = format!("DELETE FROM organization_members WHERE user_id IN ({bob}, {carol})");
    probe::execute(&office.file, &alone);
    let join = |user: UserId, from: i64, to: i64| {
        let sql = format!(
            "WITH RECURSIVE n (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM n WHERE n < {to})
             INSERT INTO organizations (id, name, name_key, description, home, created_at)
             SELECT n, 'o' || n, 'o' || n, '', 0, 1 FROM n WHERE true ON CONFLICT DO NOTHING;
             WITH RECURSIVE n (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM n WHERE n < {to})
             INSERT INTO organization_members (organization_id, user_id, role, created_at)
             SELECT n, {user}, 'reader', 1 FROM n"
        );
        probe::execute(&office.file, &sql);
    };
    let shared = |of: UserId, with: UserId| {
        let one = office.read(|view| store::organizations::shared_role(view, of, with)).unwrap();
        let many = office.read(|view| store::organizations::shared_roles(view, of, [with, of].into_iter())).unwrap();
        assert_eq!(one, many.get(&with).copied());
        one.is_some()
    };
    join(bob, 100, 139);
    join(carol, 139, 139);
    join(stranger, 140, 179);
    for (of, with, share) in [(bob, carol, true), (bob, stranger, false), (carol, stranger, false)] {
        assert_eq!((shared(of, with), shared(with, of)), (share, share));
    }
}
