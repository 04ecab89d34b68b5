//! Authorization decisions with Cedar.
