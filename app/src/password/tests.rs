//! Hashes of other systems, and what is refused.

use super::*;

/// Made by Python: `crypt.crypt` (libxcrypt) for bcrypt, `hashlib.scrypt` and
/// `hashlib.pbkdf2_hmac` for the others, all with the salt `0123456789abcdef` or the one that is
/// seen; PHC and Keycloak write bytes in base64, Django its salt as it stands.
const OF_CORRECT_HORSE_42: [&str; 9] = [
    "$2a$04$abcdefghijklmnopqrstuuIXYkxgxdZ2hTawHKCAwj.tmZI.Ck6r6",
    "$2b$04$abcdefghijklmnopqrstuuIXYkxgxdZ2hTawHKCAwj.tmZI.Ck6r6",
    "$2y$04$abcdefghijklmnopqrstuuIXYkxgxdZ2hTawHKCAwj.tmZI.Ck6r6",
    "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Fv9pzOh9itzxlDiW4tIo1FYNV0U+V7GDEiWnX9He6ao",
    "$scrypt$ln=4,r=1,p=2$MDEyMzQ1Njc4OWFiY2RlZg$YeVDZdlo3Wxtf+wWPc0s7DirCmjjXdQsqGU8pret22Jp\
     HtclZ/23jM4/WVoR+a4zNRRP6my1T3E0xMn1KFDYOQ",
    "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg==$mUiQlgFJyznhFUCmlpo0wILQYVXlC5ONzAOSdkOzA4lQ\
     YUkFhOo8aePGINVOX7Vlwj4KvOHYTCwjvjGI+5KNTg==",
    "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$mUiQlgFJyznhFUCmlpo0wILQYVXlC5ONzAOSdkOzA4k",
    "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg==$J309K6oDv5NWXXNPSueJr5quUOHxQbNLzZruakc8bZhp\
     WcFrawQuAJRfcORTRcrs72coK3y14ZLNnIfBXqlDJw==",
    "pbkdf2_sha256$1000$gS5nX0aWcbVhKqTzR7oYfE$m4xmOeMb2Zzdosffv/zqTo2R48Fb4lxZoagAekDtpwk=",
];

/// The example of github.com/firebase/scrypt, whose password is `user1password`.
const FIREBASE: &str = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0\
     uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c\
     9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

fn pool(queue: usize) -> PasswordPool {
    let breach_url = "https://breaches.example".parse().expect("an address");
    let config = Passwords { threads: 1, queue, breach_url };
    PasswordPool::start(&config, &Env::system()).expect("starts")
}

#[tokio::test]
async fn only_the_right_password_of_a_known_user() {
    let pool = pool(4);
    let hash = pool.hash("correct horse".into()).await.expect("hashes");
    assert!(hash.starts_with(CURRENT), "{hash}");
    assert!(is_password_hash(&hash) && !is_password_hash("plain") && !is_password_hash(""));
    assert_eq!(pool.verify("correct horse".into(), Some(hash.clone())).await, Ok(true));
    assert_eq!(pool.verify("wrong".into(), Some(hash)).await, Ok(false));
    assert_eq!(pool.verify("correct horse".into(), None).await, Ok(false));
}

#[tokio::test]
async fn hashes_of_other_systems_open_with_their_password_only() {
    let pool = pool(4);
    let all = OF_CORRECT_HORSE_42.map(|hash| (hash, "correct horse 42"));
    for (hash, password) in all.into_iter().chain([(FIREBASE, "user1password")]) {
        assert!(is_password_hash(hash), "{hash}");
        assert_eq!(pool.verify(password.into(), Some(hash.into())).await, Ok(true), "{hash}");
        assert_eq!(pool.verify("wrong".into(), Some(hash.into())).await, Ok(false), "{hash}");
        assert_eq!(pool.verify("".into(), Some(hash.into())).await, Ok(false), "{hash}");
        assert!(is_outdated(hash, password), "{hash}");
    }
}

#[tokio::test]
async fn what_is_not_ours_is_to_be_replaced_when_the_whole_password_is_known() {
    let pool = pool(4);
    let ours = pool.hash("x".into()).await.expect("hashes");
    assert!(!is_outdated(&ours, "x"));
    let weak = ours.replace("m=19456,t=2", "m=4096,t=2");
    assert!(is_outdated(&weak, "x") && is_outdated(&ours.replace("argon2id", "argon2i"), "x"));
    // bcrypt looks at 72 bytes of a password, and what was mistyped after them is not to count.
    let long = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
    let typed = format!("{}zz", "x".repeat(72));
    assert_eq!(pool.verify(typed.as_str().into(), Some(long.into())).await, Ok(true));
    assert!(!is_outdated(long, &typed) && is_outdated(long, &typed[..72]));
    assert!(!is_outdated("no hash", "x"));
}

#[tokio::test]
async fn a_hash_of_unbounded_cost_is_refused() {
    let pool = pool(4);
    let argon2 = pool.hash("x".into()).await.expect("hashes");
    let [_, bcrypt, _, scrypt, _, sha256_64, _, sha512, django] = OF_CORRECT_HORSE_42;
    for (hash, cost, dear) in [
        (argon2.as_str(), "m=19456,t=2,p=1", "m=33554432,t=2,p=1"),
        (&argon2, "m=19456,t=2,p=1", "m=19456,t=4294967295,p=1"),
        (&argon2, "m=19456,t=2,p=1", "m=65536,t=9,p=1"),
        (bcrypt, "$04$", "$14$"),
        (bcrypt, "$04$", "$31$"),
        (bcrypt, "$04$", "$99$"),
        (scrypt, "ln=10,r=8,p=1", "ln=18,r=8,p=1"),
        (scrypt, "ln=10,r=8,p=1", "ln=17,r=8,p=2"),
        (scrypt, "ln=10,r=8,p=1", "ln=10,r=8,p=129"),
        (scrypt, "ln=10,r=8,p=1", "ln=63,r=4294967295,p=4294967295"),
        (scrypt, "ln=10,r=8,p=1", "ln=64,r=1,p=1"),
        (FIREBASE, "n=14", "n=18"),
        (sha256_64, "i=1000", "i=1000001"),
        (sha512, "i=1000", "i=2000001"),
        (sha512, "i=1000", "i=4294967295"),
        (django, "$1000$", "$2000001$"),
    ] {
        let dear = hash.replace(cost, dear);
        assert!(dear != hash && !is_password_hash(&dear), "{dear}");
        assert_eq!(pool.verify("x".into(), Some(dear)).await, Err(PasswordError::Failed));
    }
    // What others recommend is not too dear.
    for (hash, cost, usual) in [
        (bcrypt, "$04$", "$13$"),
        (scrypt, "ln=10,r=8,p=1", "ln=17,r=8,p=1"),
        (sha256_64, "i=1000", "i=600000"),
        (django, "$1000$", "$1500000$"),
    ] {
        assert!(is_password_hash(&hash.replace(cost, usual)), "{hash}");
    }
}

#[test]
fn what_is_no_hash_is_refused() {
    let [bcrypt, _, _, scrypt, _, pbkdf2, _, _, django] = OF_CORRECT_HORSE_42;
    for (hash, part, wrong) in [
        (bcrypt, "$2a$", "$2x$"),
        (bcrypt, "$2a$", "$3a$"),
        (bcrypt, "$04$", "$03$"),
        (bcrypt, "$04$", "$+4$"),
        (bcrypt, "6r6", "6r"),
        (bcrypt, "6r6", "6r\u{e9}"),
        (scrypt, "ln=10", "ln=+10"),
        (scrypt, "ln=10", "ln="),
        (scrypt, "r=8", "r=0"),
        (scrypt, "p=1", "p=0"),
        (scrypt, "p=1", "p=1,x=1"),
        (scrypt, "ln=10,r=8", "r=8,ln=10"),
        (scrypt, "$Fv9p", "$*"),
        (scrypt, "$scrypt", "$scrypt$x"),
        (scrypt, "Fv9pzOh9itzxlDiW4tIo1FYNV0U+V7GDEiWnX9He6ao", "Fv9pzOh9itzxlDiW"),
        (FIREBASE, "v=1", "v=2"),
        (FIREBASE, "WmXA==", "WmU="),
        (FIREBASE, ",sk=", ",ks="),
        (pbkdf2, "i=1000", "i=0"),
        (pbkdf2, "i=1000", "1000"),
        (pbkdf2, "sha256", "md5"),
        (django, "pbkdf2_sha256", "$pbkdf2_sha256"),
        (django, "$1000$", "$$"),
        (django, "=", &"=".repeat(600)),
    ] {
        let wrong = hash.replacen(part, wrong, 1);
        assert!(wrong != hash && !is_password_hash(&wrong), "{wrong}");
    }
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let pool = pool(1);
    let many = (0..16).map(|_| pool.verify("x".into(), None));
    let done = futures_util::future::join_all(many).await;
    assert!(done.contains(&Err(PasswordError::Busy)) && done.contains(&Ok(false)));
}
