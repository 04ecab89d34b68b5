//! What authorization is decided by: groups, roles, entities of the tenant's own, policies; and the
//! log of decisions.

use crate::table::{Table, boolean, bytes, index, int, json, tenant, text, unique, uuid};

pub(super) const TABLES: &[Table] = &[
    tenant(
        "groups",
        &["id"],
        &[
            uuid("id"),
            text("name"),
            json("attributes"),
            int("version"),
            int("created_at"),
            int("updated_at"),
        ],
    )
    .indexes(&[unique(&["tenant_id", "name"]), index(&["tenant_id", "created_at", "id"])]),
    tenant(
        "group_members",
        &["group_id", "user_id"],
        &[uuid("group_id"), uuid("user_id"), int("created_at")],
    )
    .indexes(&[index(&["tenant_id", "user_id"])])
    .owners(&[("group_id", "groups"), ("user_id", "users")]),
    // A role is its name: in policies, in tokens and here.
    tenant(
        "roles",
        &["name"],
        &[
            text("name"),
            text("description"),
            json("permissions"),
            int("version"),
            int("created_at"),
            int("updated_at"),
        ],
    ),
    // To one user, group or application, for which there is an index each. A nil organization_id
    // stands for the whole tenant, so that it can be in a unique key.
    tenant(
        "role_assignments",
        &["id"],
        &[
            uuid("id"),
            text("role"),
            uuid("user_id").null(),
            uuid("group_id").null(),
            uuid("application_id").null(),
            uuid("organization_id"),
            int("created_at"),
        ],
    )
    .indexes(&[
        unique(&["tenant_id", "user_id", "organization_id", "role"]).only("user_id IS NOT NULL"),
        unique(&["tenant_id", "group_id", "organization_id", "role"]).only("group_id IS NOT NULL"),
        unique(&["tenant_id", "application_id", "organization_id", "role"])
            .only("application_id IS NOT NULL"),
        index(&["tenant_id", "organization_id", "id"]),
        index(&["tenant_id", "role", "id"]),
        index(&["tenant_id", "role", "user_id"]).only("user_id IS NOT NULL"),
        index(&["tenant_id", "role", "group_id"]).only("group_id IS NOT NULL"),
    ])
    .owners(&[
        ("user_id", "users"),
        ("group_id", "groups"),
        ("application_id", "applications"),
    ]),
    // Entities that the tenant keeps here for its policies.
    tenant(
        "objects",
        &["kind", "id"],
        &[
            text("kind"),
            text("id"),
            json("attrs"),
            json("parents"),
            json("tags"),
            int("version"),
            int("created_at"),
            int("updated_at"),
        ],
    ),
    // Here and in the next two a scope is an organization; nil is the whole tenant.
    tenant(
        "policy_drafts",
        &["id"],
        &[
            uuid("id"),
            uuid("scope"),
            text("name"),
            json("bundle"),
            text("note"),
            int("based_on").null(),
            text("actor_kind"),
            uuid("actor_tenant_id"),
            uuid("actor_id").null(),
            int("version"),
            int("created_at"),
            int("updated_at"),
        ],
    )
    .indexes(&[index(&["tenant_id", "scope", "created_at", "id"])]),
    tenant(
        "policy_versions",
        &["scope", "number"],
        &[
            uuid("scope"),
            int("number"),
            json("bundle"),
            text("note"),
            text("actor_kind"),
            uuid("actor_tenant_id"),
            uuid("actor_id").null(),
            int("created_at"),
        ],
    ),
    tenant(
        "policy_state",
        &["scope"],
        &[uuid("scope"), int("active").null(), int("version"), int("updated_at")],
    ),
    // What a draft of policies would have decided. The draft may be gone: it is no foreign key.
    tenant(
        "policy_replays",
        &["id"],
        &[
            uuid("id"),
            uuid("draft_id"),
            uuid("scope"),
            json("bundle"),
            int("from_at"),
            int("to_at"),
            int("after_at").null(),
            uuid("after_id").null(),
            int("total"),
            int("done"),
            json("report"),
            text("error").null(),
            int("finished_at").null(),
            int("created_at"),
            int("expires_at"),
        ],
    )
    .indexes(&[index(&["expires_at"])]),
    // The application may be gone: it is no foreign key.
    tenant(
        "decisions",
        &["id"],
        &[
            uuid("id"),
            int("at"),
            uuid("application_id").null(),
            text("principal"),
            text("action"),
            text("resource"),
            boolean("allowed"),
            json("policies"),
            int("errors"),
            int("snapshot"),
            int("micros"),
            bytes("request_sealed"),
            int("expires_at"),
        ],
    )
    .indexes(&[index(&["tenant_id", "at", "id"]), index(&["expires_at"])]),
];
