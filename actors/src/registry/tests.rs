use crate::tenant::TenantCommand;
use crate::testing::{platform, tenant};

/// The tenants beyond the budget go cold, and whoever holds one goes on with it.
#[test]
fn warm_tenants_keep_to_their_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    crate::runtime::run(async {
        let budget = 4 * super::TENANT_BYTES as u64;
        let platform = platform(folder.path(), budget).await;
        let mut held = Vec::new();
        for n in 0..12 {
            held.push(tenant(&platform, &format!("tenant-{n}")).await);
        }
        let warm = platform.warm_tenants().await;
        assert!((1..=4).contains(&warm), "{warm}");
        for (n, tenant) in held.iter().enumerate() {
            let reload = |reply| TenantCommand::Reload(Some(reply));
            tenant.ask(reload).await.expect("it answers");
            let again = platform.by_slug(&format!("tenant-{n}")).await.expect("read");
            let id = again.expect("there").tenant.view().tenant.id;
            assert_eq!(tenant.view().tenant.id, id);
        }
        platform.stop().await;
    });
}
