//! Tenants, their addresses and their keys.

use crate::table::{Table, boolean, bytes, index, int, json, platform, tenant, text, unique, uuid};

pub(super) const TABLES: &[Table] = &[
    // Rows are never deleted: an address that was once a tenant's never becomes another's.
    platform(
        "addresses",
        &["address"],
        &[text("address"), uuid("tenant_id"), boolean("canonical"), int("retired_at").null()],
    )
    .indexes(&[index(&["tenant_id"])]),
    tenant(
        "tenants",
        &[],
        &[
            text("slug"),
            text("short_id"),
            text("name"),
            text("issuer"),
            uuid("organization_id").null(),
            json("settings"),
            int("version"),
            int("created_at"),
            int("updated_at"),
            int("deleted_at").null(),
        ],
    )
    .indexes(&[unique(&["slug"]), unique(&["short_id"]), unique(&["issuer"])]),
    tenant(
        "data_keys",
        &["id"],
        &[uuid("id"), int("version"), bytes("wrapped"), text("master_key_id"), int("created_at")],
    )
    .indexes(&[unique(&["tenant_id", "version"])]),
    tenant(
        "signing_keys",
        &["id"],
        &[
            uuid("id"),
            text("alg"),
            json("public_jwk"),
            bytes("private_sealed"),
            int("published_at"),
            int("signs_from"),
            int("signs_until").null(),
            int("gone_at").null(),
            int("rotate_at").null(),
            int("created_at"),
        ],
    )
    .indexes(&[
        index(&["rotate_at"]).only("rotate_at IS NOT NULL"),
        index(&["gone_at"]).only("gone_at IS NOT NULL"),
    ]),
];
