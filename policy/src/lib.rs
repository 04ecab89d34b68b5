//! Authorization decisions with Cedar.
//!
//! Pure: a decision depends on its request and on the policies, on nothing else.

pub mod management;
