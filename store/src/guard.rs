//! Refuses statements that name a tenant table without `tenant_id`.

use bailiwick_migration::tenant_tables;

/// Checks one statement: when it names a tenant table it must name `tenant_id` too.
///
/// # Errors
/// The name of the table.
pub(crate) fn check(sql: &str) -> Result<(), &'static str> {
    let mut table = None;
    for word in words(sql) {
        if word == "tenant_id" {
            return Ok(());
        }
        if table.is_none() {
            table = tenant_tables().iter().find(|t| **t == word).copied();
        }
    }
    table.map_or(Ok(()), Err)
}

/// The identifiers and keywords of a statement, without its text literals.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    // A doubled quote inside a literal closes and opens it again: nothing is missed.
    sql.split('\'')
        .step_by(2)
        .flat_map(|code| code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_tenant_table_needs_the_tenant() {
        for right in [
            "SELECT 1",
            "SELECT * FROM addresses WHERE address = $1",
            "SELECT * FROM \"users\" WHERE \"users\".\"tenant_id\" = $1",
            "INSERT INTO jobs (tenant_id, id) VALUES ($1, $2)",
            "SELECT users_total FROM addresses",
        ] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        assert_eq!(check("SELECT * FROM \"users\" WHERE id = $1"), Err("users"));
        assert_eq!(check("DELETE FROM tenants"), Err("tenants"));
        assert_eq!(check("UPDATE jobs SET last_error = 'tenant_id'"), Err("jobs"));
        assert_eq!(check("SELECT 'it''s tenant_id', x FROM grants"), Err("grants"));
    }
}
