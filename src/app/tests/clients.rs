//! Clients: registered, changed, removed, and the bots that they act as.

use std::collections::BTreeSet;

use super::*;
use crate::app::identity::oauth::clients::{
    ClientChange, NewClient, Registered, change, list, register, remove, renew_secret, uuid as name,
};
use crate::app::user_deletion;
use crate::domain::client::{ClientName, Grant, RedirectUri, Scope, Scopes};
use crate::domain::noun::Noun;
use crate::domain::user::UserState;
use crate::policy::Action;

fn id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

fn new(grants: &[Grant]) -> NewClient {
    NewClient {
        id: id("robot"),
        name: ClientName::parse("Robot").unwrap(),
        confidential: true,
        settings: ClientChange {
            grants: Some(grants.iter().copied().collect()),
            scopes: Some(Scopes::of(Scope::ALL)),
            redirect_uris: Some(vec![RedirectUri::parse("https://a.example/cb").unwrap()]),
            ..ClientChange::default()
        },
    }
}

fn registering(new: NewClient) -> impl Fn(&Tx, &Actor) -> Result<Registered> + Send + 'static {
    let (_, secret) = opaque::mint(Kind::ClientSecret);
    let bot = Uuid::new_v4();
    move |tx, actor| register(tx, actor, &new, Some(&secret), bot)
}

fn changing(client: &str, what: ClientChange) -> impl Fn(&Tx, &Actor) -> Result<Registered> + Send + 'static {
    let (client, bot) = (id(client), Uuid::new_v4());
    move |tx, actor| change(tx, actor, &client, &what, bot)
}

fn state(office: &Office, bot: &User) -> UserState {
    office.read(|view| store::users::find_principal(view, bot.id)).unwrap().unwrap().state
}

#[test]
fn only_administrators_and_the_operator_register_clients() {
    let office = office();
    let grants = [Grant::AuthorizationCode, Grant::RefreshToken];
    forbidden(&office.refusal(&office.bob, registering(new(&grants))), Action::ManageClients);
    hidden(&office.refusal(&Actor::nobody(origin()), registering(new(&grants))));
    let (made, trace) = office.change(&Actor::operator(), "clients.register", registering(new(&grants)));
    assert_eq!((trace.kind.as_str(), trace.object.as_str(), made.service.is_none()), ("client", "robot", true));
    let taken = office.refusal(&office.ada, registering(new(&grants)));
    assert!(matches!(taken, Error::Conflict { what: Noun::Client, .. }), "{taken:?}");
    forbidden(&office.read_long(|view| list(view, &office.bob)).unwrap_err(), Action::ReadClients);
    assert_eq!(office.read_long(|view| list(view, &office.ada)).unwrap().len(), 5);
    forbidden(&office.refusal(&office.bob, |tx, actor| remove(tx, actor, &id("robot"))), Action::ManageClients);
    let names: BTreeSet<Uuid> = ["robot", "sdk-client", "api-client"].into_iter().map(|text| name(&id(text))).collect();
    assert_eq!(names.len(), 3);
}

#[test]
fn the_bot_of_a_client_is_not_counted_as_a_person() {
    let office = office();
    let mut admin = new(&[Grant::ClientCredentials]);
    admin.settings.service_role = Some(AccountRole::Administrator);
    let (made, _) = office.change(&office.ada, "clients.register", registering(admin));
    let bot = made.service.unwrap();
    assert_eq!((bot.first_name.as_str(), bot.role), ("Robot", AccountRole::Administrator));
    // The only other administrator is a bot, so ada has to stay.
    let ada = named(&office.ada);
    let demote = crate::domain::user::UserChange { administrator: Some(false), ..Default::default() };
    let error = office.refusal(&office.ada, move |tx, actor| crate::app::users::change(tx, actor, &ada, &demote));
    refused(&error, "at least one enabled administrator");
    // In no organization any more, it stays for as long as its client does.
    probe::execute(&office.file, &format!("DELETE FROM organization_members WHERE user_id = {}", bot.id));
    let bots = [bot.id];
    office.write(move |tx| store::users::delete_bots_without_organization(tx, &bots)).unwrap();
    assert_eq!(state(&office, &bot), UserState::Active);

    let renamed = ClientChange { name: Some(ClientName::parse("R2").unwrap()), ..Default::default() };
    let (after, _) = office.change(&office.ada, "clients.change", changing("robot", renamed.clone()));
    let after = after.service.unwrap();
    assert_eq!((after.id, after.first_name.as_str(), after.role), (bot.id, "R2", AccountRole::Administrator));
    office.nothing(&office.ada, changing("robot", renamed));

    let without = ClientChange { grants: Some([Grant::Password].into()), ..Default::default() };
    let (after, _) = office.change(&office.ada, "clients.change", changing("robot", without));
    assert!(after.service.is_none());
    assert_eq!(state(&office, &bot), UserState::Blocked);
    let again = ClientChange { grants: Some([Grant::ClientCredentials].into()), ..Default::default() };
    let (after, _) = office.change(&office.ada, "clients.change", changing("robot", again));
    let next = after.service.unwrap();
    assert_ne!(next.id, bot.id);
    office.change(&office.ada, "clients.remove", |tx, actor| remove(tx, actor, &id("robot")));
    assert_eq!(state(&office, &next), UserState::Blocked);
    hidden(&office.refusal(&office.ada, |tx, actor| remove(tx, actor, &id("robot"))));
}

#[test]
fn only_a_lost_grant_or_scope_ends_the_sessions_of_a_client() {
    let office = office();
    let all = [Grant::Password, Grant::RefreshToken, Grant::AuthorizationCode];
    office.change(&office.ada, "clients.register", registering(new(&all)));
    let sessions = || probe::rows(&office.file, "SELECT count(*) FROM sessions WHERE client = 'robot'")[0][0].clone();
    let begin = || {
        office.sign_in(&office.bob);
        probe::execute(&office.file, "UPDATE sessions SET client = 'robot'");
    };
    begin();
    let lives = ClientChange { session_idle: Some(Some(Duration::from_secs(9))), ..Default::default() };
    office.change(&office.ada, "clients.change", changing("robot", lives));
    let client = id("robot");
    let (_, secret) = opaque::mint(Kind::ClientSecret);
    let bot = Uuid::new_v4();
    let renew = move |tx: &Tx, actor: &Actor| renew_secret(tx, actor, &client, &secret, bot);
    office.change(&office.ada, "clients.renew_secret", renew);
    assert_eq!(sessions(), 1);
    assert!(office.read(|view| store::clients::secret(view, &id("robot"))).unwrap().unwrap().matches(&secret));
    let fewer = ClientChange { grants: Some([Grant::Password].into()), ..Default::default() };
    let (_, trace) = office.change(&office.ada, "clients.change", changing("robot", fewer));
    assert_eq!((sessions(), &trace.after.unwrap()["sessions_ended"]), (0.into(), &1.into()));
    begin();
    let narrower = ClientChange { scopes: Some(Scopes::of([Scope::OpenId])), ..Default::default() };
    office.change(&office.ada, "clients.change", changing("robot", narrower));
    assert_eq!(sessions(), 0);
    begin();
    office.change(&office.ada, "clients.remove", |tx, actor| remove(tx, actor, &id("robot")));
    assert_eq!(probe::rows(&office.file, "SELECT count(*) FROM sessions")[0][0], 0);
}

#[test]
fn only_lifetimes_and_secret_of_a_built_in_client_change() {
    let office = office();
    let named = ClientChange { name: Some(ClientName::parse("x").unwrap()), ..Default::default() };
    refused(&office.refusal(&office.ada, changing("sdk-client", named)), "built-in");
    refused(&office.refusal(&office.ada, |tx, actor| remove(tx, actor, &id("sdk-client"))), "cannot be removed");
    let (client, bot) = (id("sdk-client"), Uuid::new_v4());
    let (_, secret) = opaque::mint(Kind::ClientSecret);
    let renew = move |tx: &Tx, actor: &Actor| renew_secret(tx, actor, &client, &secret, bot);
    refused(&office.refusal(&office.ada, renew), "no secret");
    let lives = ClientChange { access_token_life: Some(Some(Duration::from_secs(9))), ..Default::default() };
    office.change(&office.ada, "clients.change", changing("sdk-client", lives));
    let role = ClientChange { service_role: Some(AccountRole::Member), ..Default::default() };
    let error = office.refusal(&office.ada, changing("api-client", role));
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    // Who is let go takes no client along.
    let bob = office.bob.user().unwrap();
    office.by(&office.ada, move |tx, actor| user_deletion::block(tx, actor, bob)).unwrap();
    assert_eq!(office.read_long(|view| list(view, &office.ada)).unwrap().len(), 4);
}
