//! The change feed, jobs, idempotency and the usage ledger.

use crate::table::{Table, bytes, index, int, json, serial, tenant, text, unique, uuid};

pub(super) const TABLES: &[Table] = &[
    // Read across tenants in order of time: the one tenant table without tenant_id in its key.
    tenant("changes", &[], &[serial("seq"), text("topic"), text("key"), int("version"), int("at")])
        .indexes(&[index(&["tenant_id", "topic", "at"]), index(&["at", "seq"])]),
    tenant(
        "jobs",
        &["id"],
        &[
            uuid("id"),
            text("kind"),
            json("payload"),
            int("run_at"),
            int("attempts"),
            int("locked_until").null(),
            text("last_error").null(),
            int("created_at"),
            int("finished_at").null(),
        ],
    )
    .indexes(&[
        index(&["run_at"]).only("finished_at IS NULL"),
        index(&["finished_at"]).only("finished_at IS NOT NULL"),
    ]),
    tenant(
        "idempotency_keys",
        &["key_hash"],
        &[
            bytes("key_hash"),
            bytes("request_hash"),
            int("status").null(),
            bytes("body").null(),
            int("created_at"),
            int("expires_at"),
        ],
    )
    .indexes(&[index(&["expires_at"])]),
    // The ledger outlives what it counts: application_id is no foreign key in these three.
    tenant(
        "receipts",
        &["id"],
        &[
            uuid("id"),
            uuid("boot_id"),
            uuid("application_id"),
            text("dimension"),
            int("period_start"),
            int("flushed_at"),
            int("quantity"),
            bytes("digest"),
        ],
    )
    .indexes(&[
        unique(&["tenant_id", "boot_id", "application_id", "dimension", "flushed_at"]),
        index(&["tenant_id", "flushed_at"]),
    ]),
    tenant(
        "usage_hourly",
        &["hour", "application_id", "dimension"],
        &[int("hour"), uuid("application_id"), text("dimension"), int("quantity")],
    ),
    tenant(
        "refusals",
        &["minute", "kind", "application_id", "network"],
        &[int("minute"), text("kind"), uuid("application_id"), text("network"), int("count")],
    )
    .indexes(&[index(&["minute"])]),
];
