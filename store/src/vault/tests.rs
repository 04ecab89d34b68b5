use super::*;
use bailiwick_domain::Env;
use uuid::Uuid;

fn key(n: u8) -> (DataKeyId, Zeroizing<[u8; 32]>) {
    (DataKeyId(Uuid::from_u128(n.into())), Zeroizing::new([n; 32]))
}

fn vault(tenant: u128, keys: &[u8]) -> TenantVault {
    let keys: Vec<_> = keys.iter().map(|n| key(*n)).collect();
    TenantVault::new(TenantId(Uuid::from_u128(tenant)), keys).expect("has a key")
}

fn place(table: &'static str, column: &'static str, row: &'static [u8]) -> Place<'static> {
    Place { table, column, row: row.into() }
}

#[test]
fn opens_only_at_its_place() {
    let (a, env) = (vault(1, &[1]), Env::system());
    let here = place("t", "c", b"row");
    for plain in [&b""[..], b"x", &[7; 5000]] {
        let sealed = a.seal(&here, plain, &env);
        assert_eq!(a.open(&here, &sealed).expect("opens").as_slice(), plain);
        for there in [
            place("u", "c", b"row"),
            place("t", "d", b"row"),
            place("t", "c", b"other"),
            place("t", "", b"c\0row"),
        ] {
            assert!(matches!(a.open(&there, &sealed), Err(Error::Sealed(_))), "{there:?}");
        }
        // Another tenant, even if it had the same key.
        assert!(vault(2, &[1]).open(&here, &sealed).is_err());
    }
}

#[test]
fn every_edited_or_missing_byte_is_noticed() {
    let (a, env, here) = (vault(1, &[1, 2]), Env::system(), place("t", "c", b"r"));
    let sealed = a.seal(&here, b"secret", &env);
    for i in 0..sealed.len() {
        let mut edited = sealed.clone();
        edited[i] ^= 1;
        assert!(a.open(&here, &edited).is_err(), "byte {i}");
        assert!(a.open(&here, &sealed[..i]).is_err(), "length {i}");
    }
}

#[test]
fn old_versions_open_the_newest_seals_and_macs_stay() {
    let (old, new, env) = (vault(1, &[1]), vault(1, &[1, 2]), Env::system());
    let here = place("t", "c", b"r");
    let before = old.seal(&here, b"before", &env);
    assert_eq!(new.open(&here, &before).expect("opens").as_slice(), b"before");
    assert!(old.open(&here, &new.seal(&here, b"after", &env)).is_err());
    assert_eq!(old.mac(Label::Code, b"x"), new.mac(Label::Code, b"x"));
}

#[test]
fn macs_and_tokens_are_of_one_label_and_tenant() {
    let (a, b, env) = (vault(1, &[1]), vault(2, &[1]), Env::system());
    let mac = a.mac(Label::ClientSecret, b"s");
    assert!(a.verify(Label::ClientSecret, b"s", &mac));
    assert!(!a.verify(Label::ClientSecret, b"t", &mac));
    assert!(!a.verify(Label::ClientSecret, b"s", &mac[..16]));
    assert!(!a.verify(Label::ApiKey, b"s", &mac) && !b.verify(Label::ClientSecret, b"s", &mac));
    let token = a.seal_token(Label::Cursor, b"p", &env);
    assert_eq!(a.open_token(Label::Cursor, &token), Some(b"p".to_vec()));
    assert_eq!(a.open_token(Label::PendingRequest, &token), None);
    assert_eq!(b.open_token(Label::Cursor, &token), None);
    assert_eq!(a.open_token(Label::Cursor, "AAAA"), None);
    let mut names: Vec<_> = Label::ALL.iter().map(|l| l.name()).collect();
    names.dedup();
    assert_eq!(names.len(), Label::ALL.len());
}

#[test]
fn the_first_master_key_wraps_and_all_unwrap() {
    let (a, b) = (STANDARD_A, STANDARD_B);
    let env = Env::system();
    let old = MasterKeyring::parse(&format!("# kept\n\nold:{a}\n")).expect("valid");
    let both = MasterKeyring::parse(&format!("new:{b}\nold:{a}")).expect("valid");
    let (id, wrapped) = old.wrap(b"aad", &[9; 32], &env);
    assert_eq!(*both.unwrap(&id, b"aad", &wrapped).expect("opens"), [9; 32]);
    assert!(matches!(both.unwrap(&id, b"other", &wrapped), Err(Error::Sealed(_))));
    let (id, wrapped) = both.wrap(b"aad", &[9; 32], &env);
    assert_eq!(id, "new");
    assert!(matches!(old.unwrap(&id, b"aad", &wrapped), Err(Error::Config(_))));
    assert_eq!(format!("{both:?}"), r#"["new", "old"]"#);
    for wrong in ["", "x", "x:AAAA", ":", &format!("x:{a}\nx:{b}"), &format!(":{a}")] {
        assert!(MasterKeyring::parse(wrong).is_err(), "{wrong}");
    }
}

const STANDARD_A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const STANDARD_B: &str = "HxwdHh8YGRobFBUWFxAREhMMDQ4PCAkKCwQFBgcAAQI=";

#[test]
fn a_keyring_file_is_made_once_and_private() {
    let env = Env::system();
    let path = std::env::temp_dir().join(format!("keyring-{}", env.token::<12>()));
    let made = MasterKeyring::load_or_create(&path, &env).expect("made");
    let (id, wrapped) = made.wrap(b"", &[1; 32], &env);
    let again = MasterKeyring::load_or_create(&path, &env).expect("read");
    assert_eq!(*again.unwrap(&id, b"", &wrapped).expect("the same key"), [1; 32]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |m| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(m));
        assert_eq!(std::fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o600);
        mode(0o644).expect("ours");
        let e = MasterKeyring::load_or_create(&path, &env).expect_err("open to everybody");
        assert!(e.to_string().contains("chmod 600"), "{e}");
    }
    std::fs::remove_file(&path).expect("ours");
}
