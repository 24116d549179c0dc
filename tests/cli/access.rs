//! `atelier org`, `workspace`, `member`, `role`, `binding` and `project`.

use serde_json::json;

use crate::Place;

/// The newest row of the audit log: who, the verb, and the object.
fn newest(place: &Place) -> (String, String, String) {
    let sql = "SELECT actor, verb, kind || '/' || object FROM audit ORDER BY id DESC LIMIT 1";
    let row = place.db().rows(sql, []).remove(0);
    let cells: Vec<&str> = row.split('|').collect();
    let [actor, verb, object] = cells[..] else { panic!("{row}") };
    (actor.to_owned(), verb.to_owned(), object.to_owned())
}

/// Runs a command that prints this and says that, and leaves this audit row.
#[track_caller]
fn does(place: &Place, line: &str, out: &str, err: &str, audited: (&str, &str)) {
    let run = place.run(line).good();
    assert_eq!((run.out.as_str(), run.err.as_str()), (out, err), "{line}");
    let (who, verb, object) = newest(place);
    assert_eq!((who.as_str(), verb.as_str(), object.as_str()), ("operator", audited.0, audited.1), "{line}");
}

#[test]
fn an_organization_from_its_creation_to_its_deletion() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    let bob = place.json("user show bob@example.com --json")["id"].as_str().unwrap().to_owned();
    let created =
        "the organization Lab is created; `atelier org add-member \"Lab\" EMAIL --role admin` adds an admin\n";
    does(&place, "org create Lab --description Research", "2\n", created, ("organizations.create", "organization/2"));
    place
        .run("org create Lab")
        .refused(1, "organization Lab already exists; choose another name; `atelier org list` shows all organizations");
    let shown = place.json("org show Lab --json");
    assert_eq!((&shown["id"], &shown["description"], &shown["home"]), (&json!(2), &json!("Research"), &json!(false)));
    assert_eq!(place.json("org show 2 --json"), shown);
    let member = format!("organization_member/2/{bob}");
    let words = "bob@example.com is in the organization Lab as member\n";
    does(&place, "org add-member Lab bob@example.com", "", words, ("organizations.put_member", &member));
    let words = "bob@example.com is in the organization Lab as admin\n";
    does(&place, "org add-member Lab bob@example.com --role admin", "", words, ("organizations.put_member", &member));
    let listed = place.json("org members Lab --json");
    assert_eq!((&listed[0]["user"], &listed[0]["role"]), (&json!("bob@example.com"), &json!("admin")));
    place
        .run("org remove-member Lab bob@example.com --yes")
        .refused(1, "an organization must keep at least one admin; add another admin first");
    place
        .run("org add-member Lab bob@example.com --role boss")
        .refused(2, "--role: must be one of admin, member, reader, annotator, not \"boss\"; correct it and try again");
    place.run("org add-member Lab ada@example.com --role admin").good();
    let words = "bob@example.com is no longer in the organization Lab\n";
    does(&place, "org remove-member Lab bob@example.com --yes", "", words, ("organizations.remove_member", &member));
    let words = "the organization 2 is now Research\n";
    does(&place, "org rename Lab Research", "", words, ("organizations.change", "organization/2"));
    let words = "the organization Research has a new description\n";
    does(&place, "org describe Research Ours", "", words, ("organizations.change", "organization/2"));
    place.run("org delete Home --yes").refused(1, "the home organization cannot be deleted");
    does(
        &place,
        "org delete Research --yes",
        "",
        "the organization Research is deleted\n",
        ("organizations.delete", "organization/2"),
    );
    let gone = "organization Research does not exist; `atelier org list` shows all organizations";
    place.run("org show Research").refused(1, gone);
}

#[test]
fn a_workspace_from_its_creation_to_its_deletion() {
    let place = Place::with_ada();
    let words = "the workspace Home/vision is created; `atelier member add` adds members\n";
    does(&place, "workspace create vision --owner ada@example.com", "1\n", words, ("workspaces.create", "workspace/1"));
    let taken = "workspace vision already exists; choose another name; `atelier workspace list` shows all workspaces";
    place.run("workspace create vision --owner ada@example.com").refused(1, taken);
    let shown = place.json("workspace show vision --json");
    assert_eq!(
        (&shown["organization"], &shown["private"], &shown["created_by"]),
        (&json!("Home"), &json!(true), &json!("ada@example.com"))
    );
    let members = place.json("member list vision --json");
    assert_eq!((&members[0]["user"], &members[0]["role"]), (&json!("ada@example.com"), &json!("owner")));
    let words = "everybody in its organization may see the workspace Home/vision\n";
    does(&place, "workspace privacy vision organization", "", words, ("workspaces.change", "workspace/1"));
    assert_eq!(place.json("workspace show 1 --json")["private"], false);
    let words = "its members may see the workspace Home/vision\n";
    does(&place, "workspace privacy vision private", "", words, ("workspaces.change", "workspace/1"));
    does(
        &place,
        "workspace rename vision eyes",
        "",
        "the workspace 1 is now Home/eyes\n",
        ("workspaces.change", "workspace/1"),
    );
    let words = "the workspace Home/eyes has a new description\n";
    does(&place, "workspace describe Home/eyes Seeing", "", words, ("workspaces.change", "workspace/1"));
    does(
        &place,
        "workspace delete eyes --yes",
        "",
        "the workspace Home/eyes is deleted\n",
        ("workspaces.delete", "workspace/1"),
    );
    assert_eq!(place.json("workspace list --json"), json!([]));
}

#[test]
fn an_archived_workspace_is_read_only_until_it_is_restored() {
    let place = Place::with_ada();
    for line in ["user add bob@example.com", "org create Lab", "org add-member Lab ada@example.com --role admin"] {
        place.run(line).good();
    }
    let none = place.run("workspace list --archived").good();
    assert_eq!(none.out, "");
    assert_eq!(none.err, "there are no archived workspaces; `atelier workspace archive` archives one\n");
    for line in [
        "workspace create vision --owner ada@example.com",
        "workspace create nlp --owner ada@example.com --organization Lab",
        "member add vision bob@example.com",
        "project create vision chatbot",
    ] {
        place.run(line).good();
    }
    let words = "the workspace Home/vision is archived, so nothing in it can be changed; `atelier workspace restore` restores it\n";
    does(&place, "workspace archive vision", "", words, ("workspaces.archive", "workspace/1"));
    let before = place.run("audit list --json").good().out;
    place.run("workspace archive Home/vision").good();
    let refusal = "this workspace is archived, so it cannot be changed; one of its owners or an administrator can \
                   restore it; `atelier workspace restore` does";
    for line in [
        "workspace rename vision eyes",
        "workspace describe vision Seeing",
        "workspace privacy vision organization",
        "member set-role vision bob@example.com reader",
        "binding add reader bob@example.com --workspace vision",
        "project create vision more",
        "project rename vision/chatbot more",
        "project restrict vision/chatbot",
        "project delete vision/chatbot --yes",
    ] {
        place.run(line).refused(1, refusal);
    }
    assert_eq!(place.run("audit list --json").good().out, before, "nothing was done");

    // It is listed and shown, and its name stays taken.
    let listed = place.json("workspace list --json");
    let names = |listed: &serde_json::Value| {
        let all = listed.as_array().unwrap().iter();
        all.map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["archived"])).collect::<Vec<_>>()
    };
    assert_eq!(names(&listed), ["vision true", "nlp false"]);
    assert_eq!(names(&place.json("workspace list --archived --json")), ["vision true"]);
    assert_eq!(names(&place.json("workspace list --archived --filter VIS --json")), ["vision true"]);
    assert_eq!(place.json("workspace list --archived --organization Lab --json"), json!([]));
    assert_eq!(place.json("workspace show vision --json")["archived"], true);
    assert_eq!(place.json("project list --json")[0]["name"], "chatbot");
    let taken = "workspace vision already exists; choose another name; `atelier workspace list` shows all workspaces";
    place.run("workspace create vision --owner ada@example.com").refused(1, taken);
    place.run("member remove vision bob@example.com --yes").good();

    let words = "the workspace Home/vision is restored and can be changed\n";
    does(&place, "workspace restore vision", "", words, ("workspaces.restore", "workspace/1"));
    place.run("workspace rename vision eyes").good();
    let gone = "workspace vision does not exist; `atelier workspace list` shows all workspaces";
    place.run("workspace restore vision").refused(1, gone);
    place.run("workspace archive eyes").good();
    place.run("workspace delete eyes --yes").good();
}

#[test]
fn a_workspace_needs_an_owner_who_can_own_it() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    place.run("org create Lab").good();
    let outside = "the user is not a member of the workspace's organization; add the user to it first";
    place.run("workspace create nlp --owner bob@example.com --organization Lab").refused(1, outside);
    place
        .run("workspace create nlp --owner eve@example.com")
        .refused(1, "user eve@example.com does not exist; `atelier user list` shows all users");
    place.run("user disable bob@example.com --yes").good();
    let run = place.run("workspace create nlp --owner bob@example.com");
    assert!(run.code == 1 && run.err.contains("does not exist"), "{}", run.err);
    let long = "n".repeat(256);
    place
        .run(&format!("workspace create {long} --owner ada@example.com"))
        .refused(2, "NAME: must have at most 255 characters; correct it and try again");
    assert_eq!(place.json("workspace list --json"), json!([]), "nothing was made");
}

#[test]
fn a_workspace_is_named_by_its_organization_where_the_name_is_not_enough() {
    let place = Place::with_ada();
    for line in [
        "org create Lab",
        "org add-member Lab ada@example.com",
        "workspace create nlp --owner ada@example.com",
        "workspace create nlp --owner ada@example.com --organization Lab",
        "workspace create a/b --owner ada@example.com",
    ] {
        place.run(line).good();
    }
    let words = "workspace: must name one workspace, but this could be Lab/nlp (2), Home/nlp (1): write the organization \
                 before it, or its id; correct it and try again";
    let run = place.run("workspace show nlp");
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("Home/nlp (1)") && run.err.contains("Lab/nlp (2)"), "{} {words}", run.err);
    for (text, id) in [("Lab/nlp", 2), ("Home/nlp", 1), ("2", 2), ("a/b", 3), ("Home/a/b", 3)] {
        assert_eq!(place.json(&format!("workspace show {text} --json"))["id"], id, "{text}");
    }
    for text in ["Lab/a/b", "NLP", "Lab/", "/nlp", "7"] {
        let gone = format!("workspace {text} does not exist; `atelier workspace list` shows all workspaces");
        place.run(&format!("workspace show {text}")).refused(1, &gone);
    }
}

#[test]
fn members_are_added_changed_and_removed() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    let bob = place.json("user show bob@example.com --json")["id"].as_str().unwrap().to_owned();
    place.run("workspace create vision --owner ada@example.com").good();
    place.run("role create tracer --permission PROJECT_READ").good();
    let object = format!("member/1/{bob}");
    let words = "bob@example.com is in the workspace Home/vision as member\n";
    does(&place, "member add vision bob@example.com", "", words, ("members.put", &object));
    place.run("member add vision bob@example.com").good();
    let other =
        "the user is a member with another role already; `atelier member set-role WORKSPACE EMAIL ROLE` changes it";
    place.run("member add vision bob@example.com --role owner").refused(1, other);
    let words = "bob@example.com is in the workspace Home/vision as tracer\n";
    does(&place, "member set-role vision bob@example.com tracer", "", words, ("members.put", &object));
    assert_eq!(place.json("member list vision --filter bob --json")[0]["role"], "tracer");
    let unknown = "role chief does not exist; `atelier role list` shows all roles";
    place.run("member set-role vision bob@example.com chief").refused(1, unknown);
    let words = "bob@example.com is no longer in the workspace Home/vision\n";
    does(&place, "member remove vision bob@example.com --yes", "", words, ("members.remove", &object));
    let gone = "member bob@example.com does not exist; `atelier member list WORKSPACE` or `atelier org members ORG` shows \
                all members";
    place.run("member remove vision bob@example.com --yes").refused(1, gone);
    place.run("member set-role vision bob@example.com reader").refused(1, gone);
    place
        .run("member remove vision ada@example.com --yes")
        .refused(1, "a workspace must keep at least one owner; add another owner first");
}

#[test]
fn roles_are_made_changed_and_deleted() {
    let place = Place::with_ada();
    let words = "the role tracer is created; `atelier binding add` gives it to a user\n";
    let line = "role create tracer --permission project_read --permission PROJECT-SPAN-READ";
    does(&place, line, "5\n", words, ("roles.create", "role/5"));
    let shown = place.json("role show tracer --json");
    assert_eq!(shown["permissions"], json!(["PROJECT_READ", "PROJECT_SPAN_READ"]));
    let run = place.run("role create t --permission PROJECT_RAED");
    assert!(run.code == 2 && run.err.contains("is not a permission; like it are PROJECT_READ, "), "{}", run.err);
    let line = "role change tracer --name Tracer --permission PROJECT_READ";
    does(&place, line, "", "the role Tracer has 1 permission\n", ("roles.change", "role/5"));
    place.run("role change Tracer").refused(2, "nothing to change; give --name, --description or --permission");
    place.run("role change owner --name x").refused(1, "a predefined role cannot be changed or deleted");
    place.run("workspace create vision --owner ada@example.com").good();
    place.run("binding add Tracer ada@example.com --workspace vision").good();
    let bound = "the role Tracer is in use; remove its bindings and members first, which `atelier binding list` and `atelier \
                 member list` show";
    place.run("role delete Tracer --yes").refused(1, bound);
    place.run("binding remove 1 --yes").good();
    does(&place, "role delete Tracer --yes", "", "the role Tracer is deleted\n", ("roles.delete", "role/5"));
}

#[test]
fn bindings_and_projects() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    place.run("workspace create vision --owner ada@example.com").good();
    let words = "the project Home/vision/chatbot is created\n";
    does(&place, "project create vision chatbot", "1\n", words, ("projects.create", "project/1"));
    let words = "the project Home/vision/chatbot is restricted; `atelier binding add --project` gives a user access\n";
    does(&place, "project restrict vision/chatbot", "", words, ("projects.restrict", "project/1"));
    assert_eq!(place.json("project list --json")[0]["restricted"], true);
    let words = "bob@example.com has the role reader on the project Home/vision/chatbot\n";
    let line = "binding add reader bob@example.com --project Home/vision/chatbot";
    does(&place, line, "1\n", words, ("bindings.create", "binding/1"));
    let again = place.run(line);
    assert!(
        again.err.ends_with("`atelier binding list` shows it, `atelier binding change` changes its role\n"),
        "{}",
        again.err
    );
    let words = "bob@example.com has the role member on the project Home/vision/chatbot\n";
    does(&place, "binding change 1 member", "", words, ("bindings.change", "binding/1"));
    place.run("binding add reader ada@example.com --workspace vision").good();
    let ids = |line: &str| -> Vec<i64> {
        let listed = place.json(&format!("binding list {line} --json"));
        listed.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    // PostgreSQL passes over the number of the binding that was refused.
    let second = ids("--workspace vision")[0];
    assert_eq!(ids(""), [second, 1], "those on workspaces come first");
    assert_eq!((ids("--project vision/chatbot"), ids("--workspace vision")), (vec![1], vec![second]));
    assert_eq!(ids("--user bob@example.com"), [1]);
    does(&place, "binding remove 1 --yes", "", "binding 1 is removed\n", ("bindings.delete", "binding/1"));
    place
        .run("binding remove 1 --yes")
        .refused(1, "role binding 1 does not exist; `atelier binding list` shows all bindings");
    let words = "the project Home/vision/chatbot is no longer restricted\n";
    does(&place, "project unrestrict 1", "", words, ("projects.lift_restriction", "project/1"));
    let words = "the project 1 is now Home/vision/assistant\n";
    does(&place, "project rename vision/chatbot assistant", "", words, ("projects.rename", "project/1"));
    assert_eq!(place.json("project show vision/assistant --json")["workspace"], "Home/vision");
    let words = "the project Home/vision/assistant is deleted\n";
    does(&place, "project delete vision/assistant --yes", "", words, ("projects.delete", "project/1"));
    let gone = "project vision/assistant does not exist; `atelier project list` shows all projects; name one as \
                WORKSPACE/NAME or by its id";
    place.run("project show vision/assistant").refused(1, gone);
}
