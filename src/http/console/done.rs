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
        "member-roles" => "The roles have been saved.",
        "model-deleted" => "The model has been deleted.",
        "pipeline-deleted" => "The pipeline has been deleted.",
        "connection-added" => "The workspace has the connection now.",
        "connection-created" => "The connection has been created, and the workspace has it.",
        "connection-deleted" => "The connection has been deleted.",
        "connection-removed" => "The workspace no longer has the connection.",
        "tag-created" => "The tag has been created.",
        "tag-changed" => "The tag has been changed.",
        "tag-deleted" => "The tag has been deleted.",
        "project-created" => "The project has been created.",
        "project-renamed" => "The project has been renamed.",
        "project-restricted" => "The project is restricted now.",
        "project-lifted" => "The restriction of the project has been lifted.",
        "project-deleted" => "The project has been deleted.",
        "workspace-changed" => "The settings have been saved.",
        "workspace-handed-over" => "The workspace has another owner now.",
        "workspace-archived" => "The workspace is archived now.",
        "workspace-restored" => "The workspace has been restored.",
        "workspace-deleted" => "The workspace has been deleted.",
        "workspace-left" => "You have left the workspace.",
        "zone" => "The pages show times in the chosen zone.",
        "key-revoked" => "The key has been revoked.",
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
        "person-invited" => {
            "This person was invited before. An administrator can make a new link on the person's page."
        }
        "member-invited-before" => {
            "The member has been added, and was invited before. An administrator can make a new link on the person's page."
        }
        "workspace-moved" => "The workspace belongs to another organization now.",
        "name-changed" => "Your name has been changed.",
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
