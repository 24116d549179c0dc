//! The credentials of a user of Keycloak: hashes of passwords, and secrets of authenticator apps.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use data_encoding::BASE32_NOPAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::realm::Credential;
use crate::cli::import::file::excerpt;
use crate::tokens::password::PasswordHash;
use crate::tokens::totp::TotpKey;

/// The maximum number of credentials of a user that are looked at.
const MAX: usize = 20;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credentials of a user that atelier can use, and the reasons why it cannot use the others.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// The hash of the password, and whether it has to be replaced.
    pub(super) password: Option<(PasswordHash, bool)>,
    pub(super) totp: Option<TotpKey>,
    pub(super) notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordData {
    algorithm: String,
    hash_iterations: u32,
    #[serde(default)]
    additional_parameters: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct PasswordSecret {
    value: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OtpData {
    sub_type: String,
    digits: u32,
    period: u32,
    algorithm: String,
    secret_encoding: Option<String>,
}

impl Default for OtpData {
    fn default() -> Self {
        let (sub_type, algorithm) = ("totp".to_owned(), "HmacSHA1".to_owned());
        Self { sub_type, digits: 6, period: 30, algorithm, secret_encoding: None }
    }
}

#[derive(Deserialize)]
struct OtpSecret {
    value: String,
}

impl Credentials {
    /// Reads the credentials of a user. The first one of each kind counts.
    pub(super) fn of(credentials: &[Credential]) -> Self {
        let mut found = Self::default();
        for credential in credentials.iter().take(MAX) {
            let refused = match credential.kind.as_str() {
                "password" if found.password.is_some() => Err("only one password can be imported".to_owned()),
                "password" => password(credential).map(|hash| found.password = Some((hash, credential.temporary))),
                "otp" if found.totp.is_some() => Err("only one authenticator app can be imported".to_owned()),
                "otp" => otp(credential).map(|key| found.totp = Some(key)),
                _ => Err("atelier has no credentials of this kind".to_owned()),
            };
            if let Err(reason) = refused {
                found.notes.push(format!("credential {} is not imported: {reason}", excerpt(&credential.kind)));
            }
        }
        if credentials.len() > MAX {
            found.notes.push(format!("only the first {MAX} of {} credentials are looked at", credentials.len()));
        }
        found
    }
}

/// Parses the JSON in a text field. Its content is secret, so the error does not cite it.
fn json<T: DeserializeOwned>(text: Option<&String>, field: &str) -> Result<T, String> {
    let text = text.ok_or_else(|| format!("it has no {field}, as in exports of Keycloak before version 8"))?;
    serde_json::from_str(text).map_err(|error| {
        format!("its {field} is not as Keycloak writes it (line {}, column {})", error.line(), error.column())
    })
}

fn password(credential: &Credential) -> Result<PasswordHash, String> {
    let data: PasswordData = json(credential.credential_data.as_ref(), "credentialData")?;
    let secret: PasswordSecret = json(credential.secret_data.as_ref(), "secretData")?;
    let [salt, hash] = [("salt", &secret.salt), ("value", &secret.value)]
        .map(|(name, text)| BASE64.decode(text).map_err(|_| format!("its {name} is not base64")));
    let parameters = match data.algorithm.as_str() {
        "pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512" => format!("{}$i={}", data.algorithm, data.hash_iterations),
        "argon2" => argon2(&data)?,
        other => return Err(format!("its algorithm {} is unknown", excerpt(other))),
    };
    PasswordHash::imported(&parameters, &salt?, &hash?).map_err(|invalid| format!("its hash {invalid}"))
}

fn argon2(data: &PasswordData) -> Result<String, String> {
    let text = |name: &str| data.additional_parameters.get(name).and_then(|values| values.first()).map(String::as_str);
    let number = |name: &str| {
        let number = text(name).and_then(|text| text.parse::<u32>().ok());
        number.ok_or_else(|| format!("its parameter {name} is not a number"))
    };
    let Some(kind @ ("id" | "i" | "d")) = text("type") else {
        return Err("its parameter type is not id, i or d".to_owned());
    };
    let version = match text("version") {
        Some("1.3") => 19,
        Some("1.0") => 16,
        _ => return Err("its parameter version is not 1.3 or 1.0".to_owned()),
    };
    let (memory, lanes) = (number("memory")?, number("parallelism")?);
    Ok(format!("argon2{kind}$v={version}$m={memory},t={},p={lanes}", data.hash_iterations))
}

fn otp(credential: &Credential) -> Result<TotpKey, String> {
    let data: OtpData = json(credential.credential_data.as_ref(), "credentialData")?;
    let secret: OtpSecret = json(credential.secret_data.as_ref(), "secretData")?;
    if data.sub_type != "totp" || data.algorithm != "HmacSHA1" || data.digits != 6 || data.period != 30 {
        return Err("it is not a TOTP of SHA-1 with 6 digits every 30 seconds".to_owned());
    }
    let bytes = match data.secret_encoding.as_deref() {
        None => secret.value.into_bytes(),
        Some("BASE32") => BASE32_NOPAD
            .decode(secret.value.trim_end_matches('=').to_uppercase().as_bytes())
            .map_err(|_| "its value is not base32".to_owned())?,
        Some(other) => return Err(format!("its encoding {} is unknown", excerpt(other))),
    };
    TotpKey::from_slice(&bytes).ok_or_else(|| format!("its secret has {} bytes, not 20", bytes.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tokens::password::{Verdict, verify};

    fn credential(kind: &str, secret: &serde_json::Value, data: &serde_json::Value) -> Credential {
        Credential {
            kind: kind.to_owned(),
            secret_data: Some(secret.to_string()),
            credential_data: Some(data.to_string()),
            temporary: false,
        }
    }

    #[test]
    fn a_password_of_each_algorithm_verifies() {
        // Made with Python's hashlib.pbkdf2_hmac and with the reference implementation of argon2.
        let pbkdf2 = credential(
            "password",
            &json!({"value": "TC+pxKT0EhlEbJYovmAjXy9jX13MZCRnQF3OxVSI/AI=", "salt": "c2FsdFNBTFRzYWx0U0FMVA==",
                    "additionalParameters": {}}),
            &json!({"hashIterations": 27500, "algorithm": "pbkdf2-sha256", "additionalParameters": {}}),
        );
        let argon2 = credential(
            "password",
            &json!({"value": "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=", "salt": "c29tZXNhbHQ="}),
            &json!({"hashIterations": 2, "algorithm": "argon2", "additionalParameters": {"hashLength": ["32"],
                    "memory": ["256"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}}),
        );
        for (credential, password) in [(pbkdf2, "correct horse"), (argon2, "password")] {
            let found = Credentials::of(&[credential]);
            let (hash, temporary) = found.password.unwrap();
            assert_eq!(verify(password, &hash), Verdict::RightButOutdated);
            assert!(!temporary && found.notes.is_empty());
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_without_its_secret() {
        let secret = json!({"value": "c2VjcmV0c2VjcmV0", "salt": "c29tZXNhbHQ="});
        let argon2 = |memory: &str| {
            json!({"hashIterations": 5, "algorithm": "argon2", "additionalParameters":
                   {"memory": [memory], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}})
        };
        let pbkdf2 = |iterations: u32| json!({"hashIterations": iterations, "algorithm": "pbkdf2-sha512"});
        for (credential, words) in [
            (credential("password", &secret, &argon2("4194304")), "from 8 to 262144"),
            (credential("password", &secret, &argon2("-1")), "memory is not a number"),
            (credential("password", &secret, &pbkdf2(u32::MAX)), "at most 6000000 iterations"),
            (credential("password", &secret, &pbkdf2(0)), "PHC text form"),
            (
                credential("password", &secret, &json!({"hashIterations": 1, "algorithm": "bcrypt"})),
                "bcrypt is unknown",
            ),
            (credential("password", &json!({"value": "?", "salt": ""}), &pbkdf2(1)), "is not base64"),
            (credential("password", &json!("secretsecret"), &pbkdf2(1)), "secretData is not as Keycloak writes it"),
            (Credential { kind: "password".to_owned(), ..Credential::default() }, "before version 8"),
            (credential("webauthn", &secret, &json!({})), "no credentials of this kind"),
            (credential("otp", &json!({"value": "short"}), &json!({})), "has 5 bytes, not 20"),
            (credential("otp", &json!({"value": "x"}), &json!({"digits": 8})), "not a TOTP of SHA-1 with 6 digits"),
        ] {
            let found = Credentials::of(&[credential]);
            let notes = found.notes.join("\n");
            assert!(notes.contains(words), "{notes}");
            assert!(!notes.contains("c2VjcmV0") && !notes.contains("secretsecret"), "{notes}");
            assert!(found.password.is_none() && found.totp.is_none());
        }
    }

    #[test]
    fn an_authenticator_app_goes_on_in_both_encodings() {
        let plain = credential("otp", &json!({"value": "12345678901234567890"}), &json!({"subType": "totp"}));
        let base32 = credential(
            "otp",
            &json!({"value": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}),
            &json!({"subType": "totp", "digits": 6, "period": 30, "algorithm": "HmacSHA1", "secretEncoding": "BASE32"}),
        );
        for credential in [plain, base32] {
            assert_eq!(Credentials::of(&[credential]).totp.unwrap().as_bytes(), b"12345678901234567890");
        }
    }
}
