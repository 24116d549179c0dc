//! The sentences about what was just done. A form redirects to a page with `?done=WORD`, and the page shows the sentence.

/// The sentence for a word; empty for an unknown one, so an address cannot put a text onto a page.
pub(super) fn sentence(word: &str) -> &'static str {
    match word {
        "session" => "The session has ended.",
        "others" => "All other sessions have ended.",
        "withdrawn" => "The app no longer has access.",
        "password" => "Your password has been changed. All other sessions have ended.",
        "password-and-keys" => {
            "Your password has been changed. All other sessions have ended, and all your API keys have been revoked."
        }
        "on" => "Two-factor authentication is on. All other sessions have ended.",
        "off" => "Two-factor authentication is off. All other sessions have ended.",
        "workspace-created" => "The workspace has been created.",
        "person-enabled" => "The person can sign in again.",
        "person-deleted" => "The account has been deleted. The email address is free for another account.",
        "person-sessions-ended" => "All sessions of this person have ended.",
        "person-key-revoked" => "The API key has been revoked.",
        "person-keys-revoked" => "All API keys of this person have been revoked.",
        "person-factor-removed" => "Two-factor authentication has been removed, and all sessions have ended.",
        "person-no-factor" => "There was no second factor, so nothing has changed.",
        "nobody-selected" => "Select people in the list first.",
        "people-disabled" => "The accounts have been disabled. Their sessions and API keys have ended.",
        "people-imported" => "The import is done. Nobody was invited by it.",
        "people-added" => "The people are members of the workspace now.",
        "person-invited" => "The person has been invited. An administrator can make the link on the person's page.",
        "saved" => "The changes have been saved.",
        "organization-created" => "The organization has been created. You are its admin.",
        "organization-deleted" => "The organization has been deleted.",
        "member-added" => "The member has been added.",
        "member-removed" => "The member has been removed.",
        "role-changed" => "The role has been changed.",
        "left" => "You have left.",
        "role-created" => "The role has been created.",
        "role-deleted" => "The role has been deleted.",
        "forgiven" => "The failures have been cleared. Nobody has to wait for them any longer.",
        "app-deleted" => "The app has been removed.",
        "bound" => "The role has been bound.",
        "unbound" => "The role binding has been removed.",
        _ => "",
    }
}
