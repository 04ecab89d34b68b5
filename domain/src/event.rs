//! The catalogue of events: stable names that audit, webhooks and shared signals are fed from.

use serde::{Deserialize, Serialize};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What happened. Names are stable: they are stored, and sent to other systems.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

events! {
    /// A tenant was created.
    TenantCreated = "tenant.created";
    /// A tenant's name or settings changed.
    TenantUpdated = "tenant.updated";
    /// An application was registered.
    ApplicationCreated = "application.created";
    /// An application changed.
    ApplicationUpdated = "application.updated";
    /// An application was removed.
    ApplicationDeleted = "application.deleted";
    /// A user was created.
    UserCreated = "user.created";
    /// A user changed.
    UserUpdated = "user.updated";
    /// A user was removed.
    UserDeleted = "user.deleted";
    /// A management API key was created.
    ApiKeyCreated = "api_key.created";
    /// A signing key was made.
    SigningKeyCreated = "signing_key.created";
    /// A signing key got a successor, and a time from when it signs no more.
    SigningKeyRotated = "signing_key.rotated";
    /// A signing key was revoked, with every token that it signed.
    SigningKeyRevoked = "signing_key.revoked";
    /// Somebody asked for a mail to set a new password.
    RecoveryRequested = "recovery.requested";
    /// A user set a new password by a link of a mail.
    PasswordReset = "password.reset";
    /// Somebody asked for a code or link in a mail to sign in with.
    SignInCodeRequested = "session.code_requested";
    /// A sign-in was not let through, because it was unusual.
    SignInBlocked = "session.blocked";
    /// An administrator invited a user.
    UserInvited = "user.invited";
    /// A user wants another e-mail address.
    EmailChangeRequested = "email.change_requested";
    /// A user has another e-mail address.
    EmailChanged = "email.changed";
    /// A user wants the account to be deleted, after a while.
    DeletionPlanned = "user.deletion_planned";
    /// A user wants to keep the account after all.
    DeletionCancelled = "user.deletion_cancelled";
    /// Somebody asked for an account.
    RegistrationRequested = "registration.requested";
    /// An account was made by the person whose it is.
    UserRegistered = "user.registered";
    /// A mail was given up: the server refused it for good, or for too long.
    MailFailed = "mail.failed";
    /// Somebody signed in.
    SignedIn = "session.started";
    /// Somebody who is signed in proved more: a second factor.
    FactorUsed = "session.factor_used";
    /// A user set up something to sign in with.
    FactorAdded = "factor.added";
    /// A user removed something to sign in with.
    FactorRemoved = "factor.removed";
    /// A user got new recovery codes.
    RecoveryCodesMade = "recovery_codes.created";
    /// A user set a new password, knowing the old one.
    PasswordChanged = "password.changed";
    /// A user had every browser forgotten.
    BrowsersForgotten = "browsers.forgotten";
    /// A user looked at everything that is kept.
    DataExported = "user.data_exported";
    /// A session ended.
    SignedOut = "session.ended";
    /// An application could not be told that a session has ended.
    LogoutFailed = "logout.failed";
    /// A user allowed an application something.
    ConsentGiven = "consent.given";
    /// A user refused an application.
    ConsentRefused = "consent.refused";
    /// A remembered consent was taken back.
    ConsentRevoked = "consent.revoked";
    /// An authorization code was issued.
    GrantIssued = "grant.issued";
    /// A code was exchanged for tokens.
    CodeRedeemed = "grant.redeemed";
    /// A grant was revoked, with all it gave.
    GrantRevoked = "grant.revoked";
    /// A code was presented again by its own client.
    CodeReplayed = "grant.code_replayed";
    /// A refresh token was exchanged.
    TokenRefreshed = "token.refreshed";
    /// The previous refresh token was presented within its grace.
    RefreshRepeated = "token.refresh_repeated";
    /// An older refresh token was presented: its family was revoked.
    RefreshReused = "token.refresh_reused";
    /// The tenant's policies kept a token, or some of its scopes, from being issued.
    TokenDenied = "token.denied";
    /// One access token was revoked.
    AccessTokenRevoked = "token.revoked";
    /// A group was created.
    GroupCreated = "group.created";
    /// A group changed.
    GroupUpdated = "group.updated";
    /// A group was removed.
    GroupDeleted = "group.deleted";
    /// A user was added to a group.
    GroupMemberAdded = "group.member_added";
    /// A user was taken out of a group.
    GroupMemberRemoved = "group.member_removed";
    /// A role was created.
    RoleCreated = "role.created";
    /// What a role allows, or its description, changed.
    RoleUpdated = "role.updated";
    /// A role was removed, from everybody who had it too.
    RoleDeleted = "role.deleted";
    /// A role was given to somebody.
    RoleAssigned = "role.assigned";
    /// A role was taken from somebody.
    RoleUnassigned = "role.unassigned";
    /// An organization was created.
    OrganizationCreated = "organization.created";
    /// An organization changed.
    OrganizationUpdated = "organization.updated";
    /// An organization was removed.
    OrganizationDeleted = "organization.deleted";
    /// A user became a member of an organization.
    OrganizationMemberAdded = "organization.member_added";
    /// A user is no longer a member of an organization.
    OrganizationMemberRemoved = "organization.member_removed";
    /// Entities of the tenant's own were written.
    EntitiesWritten = "entity.written";
    /// Entities of the tenant's own were removed.
    EntitiesDeleted = "entity.deleted";
    /// A draft of policies was made or changed.
    PoliciesDrafted = "policies.drafted";
    /// A version of the policies was made the one that holds.
    PoliciesActivated = "policies.activated";
    /// A draft of policies was removed.
    PolicyDraftDeleted = "policies.draft_deleted";
}
