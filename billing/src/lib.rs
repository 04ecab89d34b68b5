//! The usage ledger.
