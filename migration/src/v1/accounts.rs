//! Organizations, applications and users, with what identifies and authenticates them.

use crate::table::{Table, boolean, bytes, index, int, json, tenant, text, unique, uuid};

pub(super) const TABLES: &[Table] = &[
    tenant(
        "organizations",
        &["id"],
        &[
            uuid("id"),
            text("name"),
            json("attributes"),
            uuid("customer_tenant_id").null(),
            int("version"),
            int("created_at"),
            int("updated_at"),
            int("deleted_at").null(),
        ],
    )
    .indexes(&[
        unique(&["tenant_id", "customer_tenant_id"]).only("deleted_at IS NULL"),
        index(&["tenant_id", "created_at", "id"]),
    ]),
    tenant(
        "applications",
        &["id"],
        &[
            uuid("id"),
            text("client_id"),
            text("name"),
            json("spec"),
            int("version"),
            int("created_at"),
            int("updated_at"),
            int("deleted_at").null(),
        ],
    )
    .indexes(&[unique(&["tenant_id", "client_id"]).only("deleted_at IS NULL")]),
    tenant(
        "application_secrets",
        &["id"],
        &[
            uuid("id"),
            uuid("application_id"),
            bytes("mac"),
            int("created_at"),
            int("expires_at").null(),
            int("revoked_at").null(),
        ],
    )
    .indexes(&[index(&["tenant_id", "application_id"])])
    .owners(&[("application_id", "applications")]),
    tenant(
        "users",
        &["id"],
        &[
            uuid("id"),
            text("sub"),
            text("name").null(),
            json("claims"),
            boolean("active"),
            int("factors"),
            int("delete_at").null(),
            int("version"),
            int("created_at"),
            int("updated_at"),
            int("deleted_at").null(),
        ],
    )
    .indexes(&[unique(&["tenant_id", "sub"]), index(&["tenant_id", "created_at", "id"])]),
    tenant(
        "user_identifiers",
        &["id"],
        &[
            uuid("id"),
            uuid("user_id"),
            text("kind"),
            text("value"),
            text("display"),
            int("verified_at").null(),
            int("created_at"),
        ],
    )
    .indexes(&[unique(&["tenant_id", "kind", "value"]), index(&["tenant_id", "user_id"])])
    .owners(&[("user_id", "users")]),
    tenant(
        "credentials",
        &["id"],
        &[
            uuid("id"),
            uuid("user_id"),
            text("kind"),
            text("data"),
            text("name").null(),
            int("counter"),
            int("created_at"),
            int("updated_at"),
            int("last_used_at").null(),
        ],
    )
    .indexes(&[index(&["tenant_id", "user_id"])])
    .owners(&[("user_id", "users")]),
    // Passwords that a user had before; `set_at` is when.
    tenant(
        "former_passwords",
        &["user_id", "set_at"],
        &[uuid("user_id"), int("set_at"), text("hash")],
    )
    .owners(&[("user_id", "users")]),
    // What a link in a mail stands for: found by the MAC of its secret, used once.
    tenant(
        "account_links",
        &["mac"],
        &[
            bytes("mac"),
            text("purpose"),
            uuid("user_id").null(),
            bytes("sealed").null(),
            int("created_at"),
            int("expires_at"),
            int("used_at").null(),
        ],
    )
    .indexes(&[index(&["tenant_id", "user_id"]), index(&["expires_at"])])
    .owners(&[("user_id", "users")]),
    tenant(
        "members",
        &["organization_id", "user_id"],
        &[uuid("organization_id"), uuid("user_id"), text("role"), int("created_at")],
    )
    .indexes(&[index(&["tenant_id", "user_id"])])
    .owners(&[("organization_id", "organizations"), ("user_id", "users")]),
    tenant(
        "api_keys",
        &["id"],
        &[
            uuid("id"),
            text("name"),
            bytes("mac"),
            json("roles"),
            int("created_at"),
            int("expires_at").null(),
            int("revoked_at").null(),
        ],
    ),
];
