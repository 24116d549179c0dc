//! Service keys as pages show them, and who may create keys.

use super::keys::{plain, revoke};
use super::*;
use crate::app::key_holders::{self, Obstacle};
use crate::app::listed_service_keys as listed;
use crate::app::service_keys::{self, Grant, Grants};
use crate::domain::ids::KeyId;
use crate::domain::key::KeyRules;
use crate::domain::organization::OrganizationRole;
use crate::domain::page::Page;
use crate::domain::user::UserChange;

fn make(office: &Office, maker: &Actor, places: &[(WorkspaceId, Role)]) -> KeyId {
    let workspaces = Grant { organization: None, role: OrganizationRole::Reader, workspaces: places.to_vec() };
    let grants = Grants { account: AccountRole::Member, organizations: vec![workspaces] };
    let (new, uuid) = (plain(office), Uuid::new_v4());
    let make = move |tx: &Tx, actor: &Actor| service_keys::create(tx, actor, &KeyRules::LOOSE, uuid, &new, &grants);
    office.by(maker, make).unwrap().0.id
}

/// The numbers of the keys that an actor sees, page by page.
fn seen(office: &Office, who: &Actor, live: bool, limit: u32) -> Vec<KeyId> {
    let (mut all, mut page) = (Vec::new(), Page { after: None, limit });
    loop {
        let found = office.read(|view| listed::page(view, who, None, live, page)).unwrap();
        assert!(found.items.len() <= limit as usize);
        all.extend(found.items.iter().map(|one| one.key.id));
        match found.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

#[test]
fn a_list_has_the_keys_that_the_actor_may_read_or_has_made() {
    let office = office();
    let (mine, shared) = (office.workspace(&office.bob, "mine"), office.workspace(&office.carol, "shared"));
    office.join(&office.carol, shared, &office.bob, Role::Member);
    let first = make(&office, &office.bob, &[(mine, Role::Member)]);
    let second = make(&office, &office.carol, &[(shared, Role::Reader)]);
    let third = make(&office, &office.ada, &[(shared, Role::Reader), (mine, Role::Owner)]);
    for limit in [1, 2, 25] {
        assert_eq!(seen(&office, &office.ada, true, limit), [first, second, third]);
        assert_eq!(seen(&office, &office.bob, true, limit), [first, third], "a member reads no service keys");
        assert_eq!(seen(&office, &office.carol, true, limit), [second, third]);
    }
    office.by(&office.ada, revoke(third)).unwrap();
    assert_eq!(seen(&office, &office.bob, true, 1), [first]);
    assert_eq!(seen(&office, &office.bob, false, 1), [third]);
    assert_eq!(seen(&office, &office.bob, false, 25), [third]);
}

#[test]
fn a_key_shows_the_workspaces_that_the_actor_sees() {
    let office = office();
    let (mine, hers) = (office.workspace(&office.bob, "mine"), office.workspace(&office.carol, "hers"));
    let both = make(&office, &office.ada, &[(mine, Role::Reader), (hers, Role::Reader)]);
    let shown = |who: &Actor| office.read(|view| listed::get(view, who, both));
    let (key, offers) = shown(&office.bob).unwrap();
    let names: Vec<_> = key.places.iter().map(|place| place.name.as_str()).collect();
    assert_eq!((names, key.more, key.creator.as_deref()), (vec!["mine"], 0, Some("ada@example.com")));
    assert!(!offers.revoke && !offers.renew, "it has more than bob");
    let (key, offers) = shown(&office.ada).unwrap();
    assert_eq!(key.places.len(), 2);
    assert!(offers.revoke && offers.renew);
    let only_hers = make(&office, &office.carol, &[(hers, Role::Member)]);
    hidden(&office.read(|view| listed::get(view, &office.bob, only_hers)).unwrap_err());
    office.by(&office.carol, revoke(only_hers)).unwrap();
    let (_, offers) = office.read(|view| listed::get(view, &office.carol, only_hers)).unwrap();
    assert!(!offers.revoke && !offers.renew, "nothing is left to do");
}

#[test]
fn somebody_chooses_among_workspaces_and_roles_that_they_may_give() {
    let office = office();
    let mine = office.workspace(&office.bob, "mine");
    let hers = office.workspace(&office.carol, "hers");
    office.join(&office.carol, hers, &office.bob, Role::Member);
    let page = Page { after: None, limit: 25 };
    let found = office.read(|view| listed::workspaces(view, &office.bob, None, page)).unwrap();
    assert_eq!(found.items.iter().map(|workspace| workspace.id).collect::<Vec<_>>(), [mine]);
    let named = Some("hers".to_owned());
    assert!(office.read(|view| listed::workspaces(view, &office.bob, named, page)).unwrap().items.is_empty());
    let (_, roles) = office.read(|view| listed::roles(view, &office.bob, mine)).unwrap();
    assert_eq!(roles.into_iter().map(|(role, _)| role).collect::<Vec<_>>(), Role::PREDEFINED);
    forbidden(&office.read(|view| listed::roles(view, &office.bob, hers)).unwrap_err(), Action::CreateServiceKey);
}

#[test]
fn an_obstacle_says_why_somebody_may_create_no_key() {
    let office = office();
    let off = KeyRules { allowed: false, ..KeyRules::LOOSE };
    let why = |who: &Actor, rules: &KeyRules| office.read(|view| key_holders::obstacle(view, who, rules)).unwrap();
    assert_eq!(why(&office.bob, &KeyRules::LOOSE), None);
    assert_eq!(why(&office.bob, &off), Some(Obstacle::TurnedOff));
    assert_eq!(why(&Actor::operator(), &off), None);
    let who = named(&office.bob);
    let change = UserChange { developer: Some(false), ..UserChange::default() };
    office.by(&office.ada, move |tx, actor| crate::app::users::change(tx, actor, &who, &change)).unwrap();
    assert_eq!(why(&office.bob, &KeyRules::LOOSE), Some(Obstacle::NoDeveloper));
    forbidden(
        &office.read(|view| key_holders::require(view, &office.bob, &KeyRules::LOOSE)).unwrap_err(),
        Action::HoldKeys,
    );
}
