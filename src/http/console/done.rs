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
        "backup-begun" => "The backup has begun. Its outcome will be shown here.",
        "keys-rotated" => "The next signing key signs from now on.",
        _ => "",
    }
}
