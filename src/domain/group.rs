//! Groups: the organizations, workspaces and roles of a person, as other programs read them in the claim `groups`.

use std::collections::BTreeMap;
use std::fmt;

use super::invalid::Invalid;
use super::text;

/// The group of the administrators of the account.
const ADMINISTRATORS: &str = "administrators";
/// The predefined roles. A role of that name which an administrator has made is another one.
const ROLES: [&str; 4] = ["owner", "member", "reader", "annotator"];
/// The characters of names that would make a group ambiguous; they are percent-encoded in it.
const SPECIAL: &str = "%/:,=";

/// A group: `administrators`, `acme`, `acme/fraud` or `acme/fraud:owner`.
///
/// Names stand in it with `%`, `/`, `:`, `,` and `=` percent-encoded, so that nobody gets another group by the name
/// of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(String);

impl Group {
    /// The maximum length in bytes: three names of 255 characters, each percent-encoded.
    pub const MAX_LENGTH: usize = 3 * 255 * 4;

    /// The group of the administrators of the account.
    pub fn administrators() -> Self {
        Self(ADMINISTRATORS.to_owned())
    }

    /// The members of an organization.
    pub fn organization(name: &str) -> Self {
        // An organization of that name must not make administrators.
        Self(encoded_apart_from(name, &[ADMINISTRATORS]))
    }

    /// The members of a workspace.
    pub fn workspace(organization: &str, workspace: &str) -> Self {
        Self(format!("{}/{}", encoded(organization), encoded(workspace)))
    }

    /// The members of a workspace who have this predefined role.
    pub fn role(organization: &str, workspace: &str, role: &str) -> Self {
        Self(format!("{}/{}:{}", encoded(organization), encoded(workspace), encoded(role)))
    }

    /// The members of a workspace who have a role of this name that is not predefined.
    pub fn custom_role(organization: &str, workspace: &str, role: &str) -> Self {
        let role = encoded_apart_from(role, &ROLES);
        Self(format!("{}/{}:{role}", encoded(organization), encoded(workspace)))
    }

    /// Refuses a text that is no group.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let (place, role) = match raw.split_once(':') {
            Some((place, role)) => (place, Some(role)),
            None => (raw, None),
        };
        let names: Vec<_> = place.split('/').chain(role).collect();
        let fits = match (place.matches('/').count(), role) {
            (0, None) | (1, None | Some(_)) => names.iter().all(|name| is_encoded(name)),
            _ => false,
        };
        if fits && raw.len() <= Self::MAX_LENGTH {
            text::visible(raw)?;
            return Ok(Self(raw.to_owned()));
        }
        Err(Invalid::rule(
            "must be administrators, ORGANIZATION, ORGANIZATION/WORKSPACE or ORGANIZATION/WORKSPACE:ROLE, with %25, %2F, \
             %3A, %2C and %3D for the characters % / : , = in a name",
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names that one client reads in place of groups: `acme/fraud:owner` as `Admin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupNames(BTreeMap<Group, String>);

impl GroupNames {
    /// The maximum number of renamed groups of a client.
    pub const MAX: usize = 50;
    /// The maximum length of a name, in characters.
    pub const MAX_NAME_LENGTH: usize = 255;

    /// Refuses too many, a group that is there twice, and a name that is empty or too long, or contains a comma or an
    /// invisible character.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Invalid> {
        let mut names = BTreeMap::new();
        for (group, name) in pairs {
            let length = name.chars().count();
            if !(1..=Self::MAX_NAME_LENGTH).contains(&length) || name.trim() != name || name.contains(',') {
                return Err(Invalid::rule(format!(
                    "must give each group a name of 1 to {} characters without a comma",
                    Self::MAX_NAME_LENGTH
                )));
            }
            text::visible(name)?;
            if names.insert(Group::parse(group)?, name.to_owned()).is_some() {
                return Err(Invalid::rule(format!("must not contain the group {group} twice")));
            }
            if names.len() > Self::MAX {
                return Err(Invalid::rule(format!("must contain at most {} groups", Self::MAX)));
            }
        }
        Ok(Self(names))
    }

    /// Parses `GROUP=NAME`, each.
    pub fn parse_pairs<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        let pairs = pairs.into_iter().map(|pair| {
            let rule = "must be GROUP=NAME, such as acme/fraud:owner=Admin";
            pair.split_once('=').ok_or_else(|| Invalid::rule(rule))
        });
        Self::parse(pairs.collect::<Result<Vec<_>, _>>()?)
    }

    /// Parses [`GroupNames::to_json`].
    pub fn parse_json(text: &str) -> Result<Self, Invalid> {
        let pairs: BTreeMap<String, String> =
            serde_json::from_str(text).map_err(|_| Invalid::rule("must be a JSON object of strings"))?;
        Self::parse(pairs.iter().map(|(group, name)| (group.as_str(), name.as_str())))
    }

    /// A JSON object.
    pub fn to_json(&self) -> String {
        let object: serde_json::Map<_, _> = self.iter().map(|(group, name)| (group.to_owned(), name.into())).collect();
        serde_json::Value::Object(object).to_string()
    }

    /// Each as `GROUP=NAME`.
    pub fn pairs(&self) -> impl Iterator<Item = String> {
        self.iter().map(|(group, name)| format!("{group}={name}"))
    }

    /// The name that the client reads in place of a group.
    pub fn of(&self, group: &Group) -> Option<&str> {
        self.0.get(group).map(String::as_str)
    }

    /// Whether the client reads some group under this name.
    pub fn contain(&self, name: &str) -> bool {
        self.0.values().any(|known| known == name)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(group, name)| (group.as_str(), name.as_str()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for GroupNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pairs().collect::<Vec<_>>().join(", "))
    }
}

fn encoded(name: &str) -> String {
    let encode = |c: char| if SPECIAL.contains(c) { format!("%{:02X}", u32::from(c)) } else { c.to_string() };
    name.chars().map(encode).collect()
}

/// The same, with the first letter percent-encoded if the name is one of these words.
fn encoded_apart_from(name: &str, words: &[&str]) -> String {
    let encoded = encoded(name);
    let first = encoded.bytes().next().filter(|_| words.contains(&encoded.as_str()));
    first.map_or_else(|| encoded.clone(), |first| format!("%{first:02X}{}", &encoded[1..]))
}

/// Whether this is a name in which only what must be is percent-encoded.
fn is_encoded(name: &str) -> bool {
    let codes = name.match_indices('%').all(|(at, _)| {
        let code = name.get(at + 1..at + 3);
        let firsts = ROLES.iter().chain([&ADMINISTRATORS]).filter_map(|word| word.chars().next());
        let mut all = SPECIAL.chars().chain(firsts);
        code.is_some_and(|code| all.any(|c| code == format!("{:02X}", u32::from(c))))
    });
    !name.is_empty() && codes && !name.contains([',', '=', '/', ':'])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_gives_no_other_group() {
        assert_eq!(Group::role("acme", "fraud", "owner").as_str(), "acme/fraud:owner");
        assert_eq!(Group::workspace("acme", "fraud:owner").as_str(), "acme/fraud%3Aowner");
        assert_eq!(Group::organization("acme/fraud").as_str(), "acme%2Ffraud");
        assert_eq!(Group::organization("administrators").as_str(), "%61dministrators");
        assert_eq!(Group::organization("%61dministrators").as_str(), "%2561dministrators");
        assert_eq!(Group::organization("a,administrators").as_str(), "a%2Cadministrators");
        assert_eq!(Group::custom_role("acme", "fraud", "owner").as_str(), "acme/fraud:%6Fwner");
        assert_eq!(Group::custom_role("acme", "fraud", "%6Fwner").as_str(), "acme/fraud:%256Fwner");
        assert_eq!(Group::custom_role("acme", "fraud", "auditor").as_str(), "acme/fraud:auditor");
    }

    #[test]
    fn only_a_group_is_parsed() {
        for good in ["administrators", "acme", "acme/fraud", "acme/fraud:owner", "Fußball AG/a%2Fb:Senior analyst"] {
            assert!(Group::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "/", "acme/", "/fraud", "acme:owner", "a/b/c", "a/b:", "a/b:c:d", "a=b", "a,b", "a%2fb", "a%", "a\n"]
        {
            assert!(Group::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_bounded_and_unambiguous() {
        let names = GroupNames::parse([("acme/fraud:owner", "Admin"), ("acme", "cn=staff")]).unwrap();
        assert_eq!(names.of(&Group::role("acme", "fraud", "owner")), Some("Admin"));
        assert_eq!(names.of(&Group::organization("other")), None);
        assert_eq!(names.to_string(), "acme=cn=staff, acme/fraud:owner=Admin");
        assert_eq!(GroupNames::parse_pairs(["acme/fraud:owner=Admin", "acme=cn=staff"]).as_ref(), Ok(&names));
        assert_eq!(GroupNames::parse_json(&names.to_json()).as_ref(), Ok(&names));
        assert!(GroupNames::parse_pairs(["acme"]).is_err() && GroupNames::parse_json("[]").is_err());
        for bad in [("acme", ""), ("acme", "a,b"), ("acme", " a"), ("acme", "a\u{200b}"), ("", "a"), ("a/b/c", "x")] {
            assert!(GroupNames::parse([bad]).is_err(), "{bad:?}");
        }
        assert!(GroupNames::parse([("acme", "a"), ("acme", "b")]).is_err());
        let many: Vec<_> = (0..=GroupNames::MAX).map(|n| (format!("o{n}"), "x")).collect();
        assert!(GroupNames::parse(many.iter().map(|(group, name)| (group.as_str(), *name))).is_err());
    }

    proptest! {
        #[test]
        fn different_places_are_different_groups(names in prop::collection::vec("[a%/:,=1-6F]{1,5}|administrators|owner", 3)) {
            let [one, two, three] = [&names[0], &names[1], &names[2]];
            let groups = [
                Group::administrators(),
                Group::organization(one),
                Group::workspace(one, two),
                Group::role(one, two, "owner"),
                Group::custom_role(one, two, three),
            ];
            prop_assert_eq!(groups.iter().map(Group::as_str).collect::<HashSet<_>>().len(), groups.len());
            for group in &groups {
                prop_assert_eq!(Group::parse(group.as_str()), Ok(group.clone()));
            }
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in any::<String>()) {
            let _ = Group::parse(&text);
            let _ = GroupNames::parse([(text.as_str(), text.as_str())]);
        }
    }
}
