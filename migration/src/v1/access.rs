//! Browsers and sessions, consents and grants, and what grants gave.

use crate::table::{Table, bytes, index, int, json, tenant, text, unique, uuid};

pub(super) const TABLES: &[Table] = &[
    tenant(
        "browsers",
        &["id"],
        &[uuid("id"), bytes("mac"), int("created_at"), int("last_used_at"), int("expires_at")],
    )
    .indexes(&[unique(&["tenant_id", "mac"]), index(&["expires_at"])]),
    tenant(
        "sessions",
        &["id"],
        &[
            uuid("id"),
            uuid("browser_id"),
            uuid("user_id"),
            json("authentications"),
            bytes("device").null(),
            int("risk"),
            int("auth_time"),
            int("created_at"),
            int("last_used_at"),
            int("idle_expires_at"),
            int("expires_at"),
            int("ended_at").null(),
        ],
    )
    .indexes(&[
        index(&["tenant_id", "browser_id"]),
        index(&["tenant_id", "user_id"]),
        index(&["expires_at"]),
        index(&["ended_at"]).only("ended_at IS NOT NULL"),
    ])
    .owners(&[("browser_id", "browsers"), ("user_id", "users")]),
    // Browsers that a user is not asked for a second factor in.
    tenant(
        "remembered_browsers",
        &["browser_id", "user_id"],
        &[uuid("browser_id"), uuid("user_id"), int("created_at"), int("expires_at")],
    )
    .indexes(&[index(&["tenant_id", "user_id"]), index(&["expires_at"])])
    .owners(&[("browser_id", "browsers"), ("user_id", "users")]),
    // Where and in which browsers a user signed in lately: what a new sign-in is compared with. The
    // device is sealed.
    tenant(
        "sign_ins",
        &["user_id", "browser_id"],
        &[uuid("user_id"), uuid("browser_id"), bytes("device"), int("at"), int("expires_at")],
    )
    .indexes(&[
        index(&["tenant_id", "user_id", "at"]),
        index(&["tenant_id", "browser_id"]),
        index(&["expires_at"]),
    ])
    .owners(&[("browser_id", "browsers"), ("user_id", "users")]),
    // What works once and was used: challenges and codes that we gave away sealed.
    tenant("spent", &["hash"], &[bytes("hash"), int("expires_at")])
        .indexes(&[index(&["expires_at"])]),
    // Here and in grants a nil organization_id stands for none, so that it can be in a unique key.
    tenant(
        "consents",
        &["id"],
        &[
            uuid("id"),
            uuid("user_id"),
            uuid("application_id"),
            uuid("organization_id"),
            json("scopes"),
            int("version"),
            int("created_at"),
            int("updated_at"),
            int("revoked_at").null(),
        ],
    )
    .indexes(&[
        unique(&["tenant_id", "user_id", "application_id", "organization_id"]),
        index(&["tenant_id", "application_id"]),
    ])
    .owners(&[("user_id", "users"), ("application_id", "applications")]),
    // A grant outlives the session that it came from: session_id is no foreign key.
    tenant(
        "grants",
        &["id"],
        &[
            uuid("id"),
            uuid("user_id"),
            uuid("application_id"),
            uuid("organization_id"),
            uuid("session_id").null(),
            json("scopes"),
            int("created_at"),
            int("expires_at"),
            int("revoked_at").null(),
        ],
    )
    .indexes(&[
        index(&["tenant_id", "user_id", "application_id"]),
        index(&["tenant_id", "application_id"]),
        index(&["tenant_id", "session_id"]),
        index(&["expires_at"]),
    ])
    .owners(&[("user_id", "users"), ("application_id", "applications")]),
    tenant(
        "codes",
        &["mac"],
        &[
            bytes("mac"),
            uuid("grant_id"),
            uuid("application_id"),
            json("details"),
            int("created_at"),
            int("expires_at"),
            int("used_at").null(),
            uuid("command_id").null(),
        ],
    )
    .indexes(&[index(&["tenant_id", "grant_id"]), index(&["expires_at"])])
    .owners(&[("grant_id", "grants")]),
    tenant(
        "refresh_families",
        &["id"],
        &[
            uuid("id"),
            uuid("grant_id"),
            uuid("application_id"),
            uuid("user_id"),
            int("generation"),
            int("rotated_at"),
            json("details"),
            int("created_at"),
            int("expires_at"),
            int("revoked_at").null(),
            uuid("command_id").null(),
        ],
    )
    .indexes(&[index(&["tenant_id", "grant_id"]), index(&["expires_at"])])
    .owners(&[("grant_id", "grants")]),
    tenant(
        "assertion_jtis",
        &["application_id", "jti_hash"],
        &[uuid("application_id"), bytes("jti_hash"), int("expires_at")],
    )
    .indexes(&[index(&["expires_at"])]),
    tenant(
        "audit_events",
        &["id"],
        &[
            uuid("id"),
            int("at"),
            text("kind"),
            text("actor_kind"),
            uuid("actor_tenant_id"),
            uuid("actor_id").null(),
            text("target_kind").null(),
            uuid("target_id").null(),
            json("data"),
            bytes("personal_sealed").null(),
            bytes("personal_hash").null(),
            int("seq").null(),
            bytes("hash").null(),
        ],
    )
    .indexes(&[
        index(&["tenant_id", "at", "id"]),
        index(&["tenant_id", "actor_id", "id"]).only("actor_id IS NOT NULL"),
    ]),
];
