//! `atelier import people`.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server};
use crate::{Place, Run, chmod, mode, run_in};

/// A running server, its workspaces `fraud` and `vision`, and a directory for files.
pub struct Scene {
    pub server: Server,
    pub files: tempfile::TempDir,
}

impl Scene {
    pub fn new() -> Self {
        let scene = Self { server: Server::start(), files: tempfile::tempdir().unwrap() };
        for name in ["fraud", "vision"] {
            scene.make_workspace(name);
        }
        scene
    }

    fn make_workspace(&self, name: &str) {
        let token = self.sign_in(&[("username", ADMIN), ("password", ADMIN_PASSWORD)]).unwrap();
        let url = format!("{}/v1/api/workspaces/create", self.server.base());
        let request = client().post(url).header("authorization", format!("Bearer {token}"));
        assert_eq!(request.send_json(json!({ "workspace_name": name })).unwrap().status().as_u16(), 200);
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.files.path().join(name), text).unwrap();
    }

    /// Runs `atelier LINE` on the server's data, in the directory of the files.
    pub fn run(&self, line: &str) -> Run {
        run_in(self.files.path(), line, "", &[("ATELIER_DATA_DIR", self.server.data_dir().to_str().unwrap())])
    }

    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(line).good().out).unwrap()
    }

    /// The access token for a password sign-in with these fields, or the status of the refusal.
    pub fn sign_in(&self, fields: &[(&str, &str)]) -> Result<String, u16> {
        let url = format!("{}/auth/realms/master/protocol/openid-connect/token", self.server.base());
        let form = [("client_id", "sdk-client"), ("grant_type", "password")].into_iter().chain(fields.iter().copied());
        let mut answer = client().post(url).send_form(form).unwrap();
        match answer.status().as_u16() {
            200 => {
                let tokens: Value = answer.body_mut().read_json().unwrap();
                Ok(tokens["access_token"].as_str().unwrap().to_owned())
            }
            status => Err(status),
        }
    }

    /// The first column of each row that a query finds.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        Database::open(self.server.data_dir()).rows(sql, [])
    }

    /// The memberships of a user: `fraud owner`.
    pub fn workspaces_of(&self, email: &str) -> Vec<String> {
        self.rows(&format!(
            "SELECT w.name || ' ' || m.role FROM members m JOIN workspaces w ON w.id = m.workspace_id
             JOIN users u ON u.id = m.user_id WHERE u.email = '{email}' ORDER BY w.name"
        ))
    }

    pub fn organizations_of(&self, email: &str) -> Vec<String> {
        self.rows(&format!(
            "SELECT o.name || ' ' || m.role FROM organization_members m JOIN organizations o ON o.id = m.organization_id
             JOIN users u ON u.id = m.user_id WHERE u.email = '{email}' ORDER BY o.name"
        ))
    }

    pub fn count(&self, table: &str) -> usize {
        self.rows(&format!("SELECT CAST(id AS TEXT) FROM {table}")).len()
    }
}

pub fn client() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

const PEOPLE: &str = "\u{feff}email,first_name,last_name,role,workspaces\r\n\
    bob@example.com,Bob,\"O'Neil, Jr.\",,fraud:owner;vision\r\n\
    carol@example.com,Carol,,administrator,\r\n\
    dora@example.com,,,annotator,vision\r\n\
    ada@example.com,,,administrator,vision:reader\r\n";

#[test]
fn people_are_invited_once_with_links_that_work() {
    let scene = Scene::new();
    scene.write("people.csv", PEOPLE);
    let before = scene.count("users");

    let preview = scene.json("import people people.csv --dry-run --json");
    let actions: Vec<&str> = preview.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["invite", "invite", "invite", "unchanged"]);
    let details =
        json!(["member of the organization Home", "owner of the workspace fraud", "member of the workspace vision"]);
    assert_eq!((&preview[0]["place"], &preview[0]["details"]), (&json!("line 2"), &details));
    assert_eq!(preview[3]["details"], json!(["keeps the role owner in the workspace vision"]));
    assert_eq!(scene.count("users"), before, "a preview changes nothing");
    let asked = scene.run("import people people.csv");
    assert_eq!((asked.code, asked.out.as_str()), (2, ""));
    assert!(asked.err.contains("add --yes to import, or --dry-run"), "{}", asked.err);

    let run = scene.run("import people people.csv --yes --links links.csv").good();
    assert!(run.err.ends_with("imported: 3 invite, 1 unchanged\n"), "{}", run.err);
    assert!(!run.out.contains("atli_") && !run.err.contains("atli_"), "links are in the file only");
    let path = scene.files.path().join("links.csv");
    assert_eq!(mode(&path), 0o600);
    let links = fs::read_to_string(&path).unwrap();
    let all_links: Vec<&str> = links.lines().collect();
    assert_eq!((all_links.len(), all_links[0]), (4, "email,first_name,last_name,link"));
    let bobs = all_links[1].strip_prefix("bob@example.com,Bob,\"O'Neil, Jr.\",").unwrap();
    assert!(bobs.starts_with(&format!("{}/auth/invitation?token=atli_", scene.server.base())), "{bobs}");
    assert_eq!(client().get(bobs).call().unwrap().status().as_u16(), 200);
    assert_eq!(client().get(format!("{bobs}x")).call().unwrap().status().as_u16(), 410);

    assert_eq!(scene.workspaces_of("bob@example.com"), ["fraud owner", "vision member"]);
    assert_eq!(scene.organizations_of("bob@example.com"), ["Home member"]);
    assert_eq!(scene.organizations_of("carol@example.com"), ["Home admin"]);
    assert_eq!(scene.workspaces_of("dora@example.com"), ["vision annotator"]);
    assert_eq!(scene.workspaces_of(ADMIN), ["fraud owner", "vision owner"], "what there is stays");
    let state = "SELECT state || role FROM users WHERE email = 'carol@example.com' AND password_hash IS NULL";
    assert_eq!(scene.rows(state), ["invitedadministrator"]);

    let audited = scene.count("audit");
    let again = scene.run("import people people.csv --yes --links others.csv").good();
    assert!(again.err.ends_with("4 unchanged; there is nothing to change\n"), "{}", again.err);
    assert_eq!(scene.count("audit"), audited, "a second run changes nothing");
    assert!(!scene.files.path().join("others.csv").exists());
    scene.run("audit verify").good();
}

#[test]
fn all_faults_of_a_file_are_told_with_line_and_column() {
    let place = Place::with_ada();
    let write = |text: &[u8]| fs::write(place.path().join("people.csv"), text).unwrap();
    let refused = |words: &str| {
        let run = place.run("import people people.csv --yes");
        let head = "error: people.csv cannot be imported; nothing was changed:\n  ";
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert_eq!(run.err, format!("{head}{words}\ncorrect the file and try again\n"));
    };
    write(
        b"email,first_name,role,workspaces,organization_role\n\
          ,Bob,,,\n\
          bob,a\x07b,boss,fraud:king;:reader,\n\
          \n\
          \"c@example.com\",\"two\nlines\",,a;a,\n\
          d@example.com,,,,member\n\
          e@example.com\n\
          f@example.com,,,,\n\
          F@example.com,,,,\n",
    );
    let roles = "must be one of administrator, member, ui_only, annotator, not boss";
    let king = "fraud:king: the role must be one of owner, member, reader, annotator, not king";
    refused(&format!(
        "line 2, column email: must not be empty
  line 3, column email: must be an email address such as ada@example.com
  line 3, column first_name: must not contain control characters
  line 3, column role: {roles}
  line 3, column workspaces: {king}
  line 3, column workspaces: :reader: the name must not be empty
  line 5, column first_name: must not contain control characters
  line 5, column workspaces: a is there twice
  line 7, column organization_role: requires an organization
  line 8: has 1 fields, and the header has 5
  line 10, column email: F@example.com is on line 9, too"
    ));
    write(b"email,frist_name,colour,email\n");
    refused(
        "line 1: the column frist_name is unknown; write first_name
  line 1: the column colour is unknown; the columns are email, first_name, last_name, role, organization, \
         organization_role, workspaces
  line 1: the column email is there twice",
    );
    write(b"email;first_name\na@example.com;Ada\n");
    refused("line 1: columns must be separated by commas, not by ';'");
    write(b"first_name\nAda\n");
    refused("line 1: the column email is missing");
    write(b"");
    refused("line 1: the header is missing; it names the columns");
    write(b"email,first_name\na@example.com,\xfcda\n");
    refused("line 2: must be UTF-8; save the file as \"CSV UTF-8\"");
    write(b"\xff\xfee\0m\0a\0i\0l\0\n\0");
    refused("line 1: must be UTF-8; save the file as \"CSV UTF-8\"");
    let many = (0..10_001).map(|n| format!("u{n}@example.com")).collect::<Vec<_>>().join("\n");
    write(format!("email\n{many}").as_bytes());
    refused("line 10002: at most 10000 people can be imported at once; split the file");
    let bad = (0..200).map(|n| format!("u{n}")).collect::<Vec<_>>().join("\n");
    write(format!("email\n{bad}").as_bytes());
    let run = place.run("import people people.csv --yes");
    assert_eq!(run.err.lines().count(), 53, "{}", run.err);
    assert!(run.err.contains("\n  and 150 more\n"));
    assert_eq!(place.json("user list --json").as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_is_no_file_is_refused_at_once() {
    let place = Place::with_ada();
    fs::create_dir(place.path().join("people")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(place.path().join("pipe")).status().unwrap();
    assert!(made.success());
    fs::File::create(place.path().join("huge")).unwrap().set_len(1 << 30).unwrap();
    for kind in ["people", "keycloak"] {
        for name in ["people", "pipe"] {
            let words = format!("{name} is not a regular file; give the path of a file");
            place.run(&format!("import {kind} {name} --yes")).refused(2, &words);
        }
        let run = place.run(&format!("import {kind} huge --yes"));
        assert!(run.code == 2 && run.err.contains("huge has 1.00 GiB, and at most "), "{}", run.err);
        let run = place.run(&format!("import {kind} nowhere --yes"));
        assert!(run.code == 1 && run.err.starts_with("error: cannot read nowhere: No such file"), "{}", run.err);
    }
}

#[test]
fn a_refused_row_prevents_the_import_unless_it_is_skipped() {
    let scene = Scene::new();
    scene.write(
        "people.csv",
        "email,role,organization,workspaces\n\
         bob@example.com,,,fraud;nowhere\n\
         carol@example.com,,Nobody,\n\
         dora@example.com,annotator,,fraud:owner\n\
         erin@example.com,,,fraud:reader\n",
    );
    let run = scene.run("import people people.csv --yes");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("3 of 4 rows are refused, so nothing was imported"), "{}", run.err);
    for words in [
        "workspace nowhere does not exist in the organization Home; create it first",
        "organization Nobody does not exist",
        "only annotators of the account can have the role of an annotator",
    ] {
        assert!(run.out.contains(words), "{}", run.out);
    }
    assert_eq!(scene.rows("SELECT email FROM users WHERE kind = 'person'"), [ADMIN]);
    let run = scene.run("import people people.csv --yes --skip-refused").good();
    assert!(run.err.ends_with("imported: 1 invite, 3 refuse\n"), "{}", run.err);
    assert_eq!(scene.rows("SELECT email FROM users WHERE kind = 'person' AND id > 1"), ["erin@example.com"]);
    assert_eq!(scene.workspaces_of("erin@example.com"), ["fraud reader"]);
}

#[test]
fn without_a_file_of_links_nobody_is_invited() {
    let place = Place::with_ada();
    fs::write(place.path().join("people.csv"), "email\nbob@example.com\n").unwrap();
    fs::write(place.path().join("there"), "").unwrap();
    symlink("elsewhere", place.path().join("link")).unwrap();
    for name in ["there", "link"] {
        let words = format!("{name} exists; name a new file for the links");
        place.run(&format!("import people people.csv --yes --links {name}")).refused(2, &words);
    }
    assert!(!place.path().join("elsewhere").exists());
    let run = place.run("import people people.csv --yes --links no/where");
    assert!(run.code == 1 && run.err.contains("cannot write no/where: "), "{}", run.err);
    assert!(run.err.ends_with("nothing was imported; name another file\n"), "{}", run.err);
    assert_eq!(place.json("user list --json").as_array().unwrap().len(), 1);
    // A data file that cannot be written: the links in the file would be of no use.
    if !rustix_is_root() {
        chmod(&place.database(), 0o400);
        assert_eq!(place.run("import people people.csv --yes --links links.csv").code, 1);
        assert!(!place.path().join("links.csv").exists());
        chmod(&place.database(), 0o600);
    }
    place.sql(
        "CREATE TRIGGER full BEFORE INSERT ON users WHEN NEW.email = 'bob@example.com' AND EXISTS (
                   SELECT 1 FROM users WHERE email = 'carol@example.com')
               BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    fs::write(place.path().join("people.csv"), "email\ncarol@example.com\nbob@example.com\n").unwrap();
    assert_eq!(place.run("import people people.csv --yes --links links.csv").code, 1);
    assert!(!place.path().join("links.csv").exists());
    assert_eq!(place.json("user list --json").as_array().unwrap().len(), 1, "all or nobody");
}

fn rustix_is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0)
}

#[test]
fn people_of_another_organization_join_its_workspaces() {
    let scene = Scene::new();
    Database::open(scene.server.data_dir()).run(
        "INSERT INTO organizations (name, name_key, description, home, created_at) VALUES ('Lab', 'lab', '', 0, 0)",
    );
    scene.write(
        "people.csv",
        "workspaces,organization_role,organization,email\n,admin,Lab,bob@example.com\n,,Lab,carol@example.com\n",
    );
    scene.run("import people people.csv --yes").good();
    assert_eq!(scene.organizations_of("bob@example.com"), ["Lab admin"]);
    assert_eq!(scene.organizations_of("carol@example.com"), ["Lab member"]);
    scene.write("more.csv", "email,organization,organization_role\ncarol@example.com,Lab,admin\n");
    let row = scene.json("import people more.csv --yes --json");
    assert_eq!(row[0]["details"], json!(["keeps the role member in the organization Lab"]));
    assert_eq!(row[0]["action"], json!("unchanged"));
}
